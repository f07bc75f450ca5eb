"""The device's side of the wire, turn by turn: what it says when, and where what comes in goes. No broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.core.events import PassageBlocked
from firmware.hub.side import CALLS_MAX, RETAINED_MS, STATUS_MS, STATUS_SOON_MS, Events, HubSide
from firmware.journal import Reader
from mqtt.messages import Incoming
from mqtt.signing import sign
from tests.brokers import wait_until
from tests.device.bench import RULEBOOK, bench
from tests.device.hub import DEVICE
from tests.device.turned import NOWHERE, Turned

HALL = "hallgate/v1/baoshan"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Turned]:
    """In its second life: a bank's first one looks for the hall at once, over a line of its own."""
    with bench(tmp_path / "gate", hub=NOWHERE) as gate:
        made = Turned(gate)
        made.again()
        yield made
        made.device.close()


def hub(door: Turned) -> HubSide:
    assert door.device.hub is not None
    return door.device.hub


def said(door: Turned, topic: str) -> list[dict[str, Any]]:
    messages, _ = hub(door).link.more(0.0, 1_000)
    return [json.loads(one.payload) for one in messages if one.topic == topic]


def test_a_status_is_told_every_ten_seconds_and_soon_after_news(door: Turned) -> None:
    door.passes(STATUS_SOON_MS)
    assert len(said(door, f"{DEVICE}/status")) == 1, "at once, and once"
    door.passes(STATUS_MS - 1_000)
    assert said(door, f"{DEVICE}/status") == []
    for reason in ("queue", "crowd"):
        door.ordered("hold", f"o-{reason}", reason=reason)
    assert said(door, f"{DEVICE}/status") == [], "several in a row change it once"
    door.passes(3 * STATUS_SOON_MS)
    assert len(said(door, f"{DEVICE}/status")) == 1
    door.passes(STATUS_MS + 1_000)
    assert len(said(door, f"{DEVICE}/status")) == 1


def test_the_reason_why_no_hub_is_reached_is_told_once_and_so_is_its_end(
    door: Turned, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    for problem in ("Connection refused", "Connection refused", "", "", "disconnected"):
        hub(door).link.connection.problem = problem
        door.passes(2 * STATUS_SOON_MS)
    assert capsys.readouterr().err.splitlines() == ["hub: Connection refused", "hub: connected", "hub: disconnected"]


def test_the_hall_was_heard_when_what_the_broker_keeps_had_time_to_come(door: Turned) -> None:
    assert not hub(door).heard_the_hall()
    hub(door).link.connection.connected = True
    assert not hub(door).heard_the_hall()
    door.passes(RETAINED_MS + 20)
    assert hub(door).heard_the_hall()
    hub(door).link.connection.connected = False
    assert not hub(door).heard_the_hall()
    hub(door).link.connection.connected = True
    assert not hub(door).heard_the_hall(), "a new connection brings it anew"


def test_its_last_word_is_how_it_stands(door: Turned) -> None:
    said(door, "")
    hub(door).stop()
    (status,) = said(door, f"{DEVICE}/status")
    assert status["device"] == "entry-1"


def test_what_made_no_sense_and_what_there_was_no_room_for_is_counted_in_one_number(door: Turned) -> None:
    for _ in range(3):
        hub(door).link.heard(Incoming(f"{DEVICE}/history", b"{"))
    hub(door).outbox.ranges_refused = 2
    door.device.loop.dropped_events += 1
    hub(door).stop()
    (status,) = said(door, f"{DEVICE}/status")
    assert status["dropped"] == 6


def test_events_are_the_journals_own_from_any_number_on_and_no_more_than_there_is_room_for(door: Turned) -> None:
    for n in range(4):
        door.ordered("hold" if n % 2 == 0 else "release", f"o-{n}")
    events = Events(door.device.journal, Reader(door.gate.state))
    known = events.read(events.first_seq, 1_000)
    assert [seq for seq, _ in known] == list(range(1, events.durable_seq() + 1)) and len(known) >= 4
    assert [json.loads(payload)["seq"] for _, payload in known] == [seq for seq, _ in known]
    assert all(payload.startswith(b'{"v":1,"kind":') for _, payload in known)
    for at in range(len(known)):
        for room in (1, 2, 3):
            assert events.read(known[at][0], room) == known[at : at + room]
    messages, _ = hub(door).link.more(0.0, 1_000)
    assert [one.payload for one in messages if one.topic == f"{DEVICE}/event"] == [payload for _, payload in known][:64]


def test_a_hub_is_looked_for_once_and_home_assistant_is_told_of_the_device(door: Turned) -> None:
    for _ in range(2):
        hub(door).start()
    (config,) = said(door, "homeassistant/device/entry-1/config")
    assert config["device"]
    assert hub(door).link.connection._thread.is_alive()
    hub(door).stop()
    assert not hub(door).link.connection._thread.is_alive()


def test_news_wake_the_line_and_what_tells_the_hub_nothing_is_none(door: Turned) -> None:
    door.passes(2 * STATUS_SOON_MS)
    woken = list[None]()
    hub(door).link.connection.wake = lambda: woken.append(None)  # type: ignore[method-assign]
    said(door, "")
    door.device.loop.post(PassageBlocked(lane="A", blocked=True))
    door.turn()
    door.passes(2 * STATUS_SOON_MS)
    assert woken == [] and said(door, f"{DEVICE}/status") == []
    door.ordered("hold", "o-1")
    assert woken


def test_an_evacuation_is_not_kept_at_the_broker(door: Turned) -> None:
    """It would evacuate a door that is put in a year after the fire."""
    door.ordered("evacuate", "fire-1")
    door.passes(10_000)
    messages, _ = hub(door).link.more(0.0, 1_000)
    topics = {one.topic for one in messages}
    assert f"{DEVICE}/status" in topics and not [topic for topic in topics if "evacuation" in topic]


def test_what_doors_tell_each_other_goes_out_to_be_kept_and_comes_in(door: Turned, tmp_path: Path) -> None:
    """The row of a door that has no rights yet: the bank gives it some, if it is there now."""
    with bench(tmp_path / "other", hub=NOWHERE, bank=False, name="entry-2", issuer=door.gate.issuer) as gate:
        other = Turned(gate)
        other.passes(1_000)
        messages, _ = hub(other).link.more(0.0, 1_000)
        other.device.close()
    (row,) = [one for one in messages if one.topic.startswith(f"{HALL}/rights/hall/row/entry-2-")]
    assert row.retain
    state, before = door.device.controller.state, door.device.controller.state.rights.free
    for kept in (True, False):
        hub(door).link.heard(Incoming(row.topic, row.payload, kept))
        door.turn()
        (peer,) = state.resources()[0][1].peers.values()
        assert peer.dev == "entry-2" and (state.rights.free < before) is not kept, "who spoke long ago is given none"
    hub(door).link.heard(Incoming(row.topic, b"forged", True))
    assert door.device.notices.refused == {"row": 1}


def test_an_order_is_judged_by_the_loop_and_another_doors_is_left_alone(door: Turned) -> None:
    hub(door).link.heard(door.order("hold", "o-1", reason="queue"))
    assert door.answers == []
    door.turn()
    assert [one["result"] for one in door.answers] == ["done"]
    for topic in (f"{HALL}/device/entry-2/command/hold", f"{HALL}/else", "homeassistant/x"):
        hub(door).link.heard(Incoming(topic, b"x"))
    assert door.device.loop.calls_waiting == 0


def test_the_broker_waits_while_the_loop_has_enough_to_do(door: Turned) -> None:
    """What is taken from it and not done would be lost with this process."""
    for _ in range(CALLS_MAX):
        door.device.loop.call(lambda: None)
    order = threading.Thread(target=hub(door).link.heard, args=[door.order("hold", "o-1")])
    order.start()
    order.join(0.1)
    assert order.is_alive() and door.device.loop.calls_waiting == CALLS_MAX
    door.device.loop.turn(wait=False)
    wait_until(lambda: not order.is_alive())
    door.turn()
    assert [one["id"] for one in door.answers] == ["o-1"]


def test_at_the_end_nobody_waits_for_a_loop_that_is_over(door: Turned) -> None:
    for _ in range(CALLS_MAX):
        door.device.loop.call(lambda: None)
    door.device.loop.stop()
    order = threading.Thread(target=hub(door).link.heard, args=[door.order("hold", "o-1")], daemon=True)
    order.start()
    wait_until(lambda: not order.is_alive())


def test_a_rulebook_is_taken_once_and_the_one_in_force_is_no_news(door: Turned) -> None:
    issuer, state = door.gate.issuer, door.device.controller.state

    def pushed(serial: int, limit: int) -> None:
        text = RULEBOOK.format(**{**door.gate.book, "serial": serial, "limit": limit}).encode()
        signed = sign(text, issuer.edwards_keys["rulebook"], issuer.kid("rulebook"))
        hub(door).link.heard(Incoming(f"{HALL}/rulebook", signed, True))
        door.turn()

    before = state.rulebook_serial
    pushed(before, 100)
    assert state.rulebook_serial == before
    pushed(before + 1, 90)
    assert state.rulebook_serial == before + 1
    records = state.seq
    pushed(before + 1, 90)
    assert state.seq == records, "a broker that says again what it keeps is no reason for a record"
