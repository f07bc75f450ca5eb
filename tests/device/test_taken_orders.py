"""What a door remembers of orders, and when: on disk before they are obeyed, again after a disk that refused. No broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.errors import Failure
from firmware.hub import taken_orders
from firmware.hub.taken_orders import REMEMBER_MS, relearned
from firmware.journal import Reader
from mqtt.messages import Incoming
from tests.device.bench import bench
from tests.device.hub import BANK, DEVICE
from tests.device.turned import ANSWERS, NOWHERE, Turned


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Turned]:
    with bench(tmp_path / "gate", hub=NOWHERE) as gate:
        made = Turned(gate)
        yield made
        made.device.close()


def test_an_order_is_on_disk_before_it_is_in_the_inbox_and_its_answer_before_it_is_given(door: Turned) -> None:
    message = door.order("hold", "o-1", reason="queue")
    door.device.orders.came(message)
    assert door.ids_on_disk() == ["o-1"] and door.answers == []
    door.turn()
    assert [(one["id"], one["result"]) for one in door.answers] == [("o-1", "done")]
    kept = json.loads(door.file.read_bytes())["answers"]
    assert [answer["result"] for answer in kept.values()] == ["done"]
    door.again()
    door.device.orders.came(message)
    assert door.device.loop.queue == 0, "after a restart it is answered again, and not done again"
    assert [(one["id"], one["result"]) for one in door.answers] == [("o-1", "done")]


def test_an_order_is_remembered_also_beside_one_that_was_refused(door: Turned) -> None:
    door.device.orders.came(door.order("hold", "o-1"))
    door.device.orders.came(Incoming(f"{DEVICE}/command/hold", b"x", False, ANSWERS, b"c"))
    door.turn()
    assert [answer and answer["result"] for answer in json.loads(door.file.read_bytes())["answers"].values()] == [
        "done"
    ]


def test_what_is_on_disk_is_not_written_again_by_time_or_by_a_start(door: Turned) -> None:
    door.ordered("hold", "o-1")
    before = door.file.stat().st_ino
    door.passes(3 * REMEMBER_MS)
    door.again()
    assert door.file.stat().st_ino == before


def test_getting_out_does_not_wait_for_the_disk(door: Turned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written afterwards: done twice it harms nobody."""
    door.device.orders.came(door.order("evacuate", "fire-1"))
    assert door.device.loop.queue == 1 and door.ids_on_disk() == []
    door.turn()
    assert door.ids_on_disk() == ["fire-1"] and door.device.controller.state.evacuated_by


def test_a_refused_order_is_answered_at_once_and_is_no_reason_to_write(door: Turned) -> None:
    before = door.file.stat().st_mtime_ns
    door.device.orders.came(Incoming(f"{DEVICE}/command/hold", b"x", False, ANSWERS, b"c"))
    assert [one["because"] for one in door.answers] == ["malformed"]
    door.turn()
    assert door.file.stat().st_mtime_ns == before


def test_what_the_disk_refused_is_not_believed_at_the_next_start_and_is_written_when_it_can_be(
    door: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise Failure("the disk is full")

    door.ordered("hold", "o-1")
    with monkeypatch.context() as patch:
        patch.setattr(taken_orders, "replace_file", refuses)
        door.ordered("release", "o-2")
        assert [one["result"] for one in door.answers] == ["done", "done"], "it is done nevertheless"
        assert not door.file.exists(), "of the old memory a second order would be new"
    door.passes(REMEMBER_MS)
    assert door.ids_on_disk() == ["o-1", "o-2"]


@pytest.mark.parametrize("spoilt", [None, b"", b"{", b'{"counters":7}'])
def test_a_memory_that_is_lost_is_made_anew_from_the_journal(door: Turned, spoilt: bytes | None) -> None:
    messages = [door.ordered(name, f"o-{n}") for n, name in enumerate(("hold", "release", "hold"))]
    before = json.loads(door.file.read_bytes())["answers"]
    door.device.close()
    door.file.unlink() if spoilt is None else door.file.write_bytes(spoilt)
    door.start()
    for message in messages:
        door.device.orders.came(message)
    assert door.device.loop.queue == 0 and door.answers == list(before.values())


def test_a_copy_that_was_refused_is_not_taken_for_the_order_when_the_memory_is_made_anew(door: Turned) -> None:
    """By a key that may not give it, under the same number: its record says nothing of the order itself."""
    message = door.ordered("hold", "o-1")
    door.device.orders.came(Incoming(message.topic, message.payload, True, message.response_topic, b"c"))
    door.turn()
    guard = relearned(Reader(door.gate.state))
    assert [answer and answer.result for answer in guard.answers.values()] == ["done"]


def test_an_evacuation_that_was_reset_is_dead_also_for_a_memory_that_is_made_anew(door: Turned) -> None:
    message = door.ordered("evacuate", "fire-1")
    assert door.device.orders.evacuations() == (message.payload.decode(),)
    assert not relearned(Reader(door.gate.state)).reset_ids
    door.resets()
    assert door.device.orders.evacuations() == () and not door.device.controller.state.evacuated_by
    for guard in (relearned(Reader(door.gate.state)), door.device.orders.desk.guard):
        assert [each.split()[1] for each in guard.reset_ids] == ["fire-1"] and not guard.evacuations
    door.again()
    door.device.orders.came(message)
    assert [one["because"] for one in door.answers] == ["was_reset"]


def test_an_evacuation_of_another_door_is_obeyed_and_one_that_nobody_signed_is_counted(door: Turned) -> None:
    good = door.signed("evacuate", "fire-1", to="entry-9").decode()
    hold = door.signed("hold", "o-1", to="entry-9").decode()
    door.device.orders.handed_on((good[:-4] + "AAAA", hold, "x", good, good))
    assert door.device.notices.refused["evacuation"] == 3
    assert door.device.loop.queue == 1
    door.turn()
    assert door.device.controller.state.evacuated_by


def test_the_bank_takes_its_orders_and_a_door_that_is_none_leaves_them_alone(door: Turned, tmp_path: Path) -> None:
    door.ordered("limit", "o-1", to="bank", n=5)
    assert [one["result"] for one in door.answers] == ["done"]
    with bench(tmp_path / "other", hub=NOWHERE, bank=False, issuer=door.gate.issuer) as gate:
        other = Turned(gate)
        assert not other.device.orders.desk.mine(BANK)
        other.device.close()
