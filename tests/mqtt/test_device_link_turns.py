"""What a device's link hands to its connection, turn by turn: who goes first, what is kept, what is dropped. No broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.clock import Clock
from mqtt.address import Address
from mqtt.connection import Outgoing
from mqtt.device_link import HISTORY_BYTES_MAX, REPLIES_MAX, RETAINED_TOPICS_MAX, ROOM_FOR_STATUS, Link
from mqtt.messages import Incoming, Reply
from mqtt.outbox import NOBODY, SAVE_AFTER_MS, SUCCESS, Outbox
from tests.mqtt.helpers import Events, replace

DEVICE = "hallgate/v1/baoshan/device/gate-1"
NOT_AUTHORIZED = 0x87


class Turns:
    """A link whose connection is this test: up, and asked for more."""

    def __init__(self, folder: Path, events: int = 0) -> None:
        self.source, self.folder = Events(), folder
        self.source.add(events)
        self.outbox = Outbox(self.source, folder / "cursor.json", replace)
        self.posted: list[Incoming] = []
        self.link = Link(
            Address.parse("mqtt://127.0.0.1:9"), "gate-1", "baoshan", self.outbox, self.posted.append, Clock()
        )
        self.woken: list[None] = []
        self.link.connection.wake = lambda: self.woken.append(None)  # type: ignore[method-assign]
        self.link.connection.connected = True

    def more(self, room: int = 20, now_ms: float = 0.0) -> list[Outgoing]:
        return self.link.more(now_ms, room)[0]

    def events(self, room: int = 20, now_ms: float = 0.0) -> list[int]:
        return [json.loads(message.payload)["seq"] for message in self.more(room, now_ms) if message.token]

    def says(self, topic: str, payload: bytes, **more: Any) -> None:
        self.link.heard(Incoming(topic, payload, **more))

    def kept_cursor(self) -> int:
        return int(json.loads((self.folder / "cursor.json").read_bytes())["next"])


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path, events=100)


def test_a_full_outbox_leaves_room_for_the_status_and_a_status_goes_first(turns: Turns) -> None:
    assert turns.events(room=20) == list(range(1, 21 - ROOM_FOR_STATUS))
    assert turns.events(room=ROOM_FOR_STATUS) == []
    turns.link.publish_status(b"{}")
    (status,) = turns.more(room=ROOM_FOR_STATUS)
    assert (status.topic, status.payload, status.retain, status.schema) == (
        DEVICE + "/status", b"{}", True, "hallgate/v1/status",
    )  # fmt: skip
    assert turns.more(room=ROOM_FOR_STATUS) == [], "once is enough"


def test_a_broker_that_takes_little_gets_one_event_at_a_time(turns: Turns) -> None:
    assert turns.events(room=0) == []
    assert turns.events(room=ROOM_FOR_STATUS) == [1]
    assert turns.events(room=ROOM_FOR_STATUS - 1) == []
    turns.link.delivered(1, SUCCESS, 0.0)
    assert turns.events(room=1) == [2]


def test_a_lost_connection_keeps_the_cursor_and_sends_what_was_in_flight_again(turns: Turns) -> None:
    for seq in turns.events()[:5]:
        turns.link.delivered(seq, SUCCESS, 0.0)
    turns.link.down("gone", 0.0)
    assert (turns.kept_cursor(), turns.outbox.in_flight) == (6, 0)
    assert turns.events()[:3] == [6, 7, 8]


def test_the_cursor_is_kept_after_a_while_also_when_nothing_more_happens_and_at_the_end(turns: Turns) -> None:
    turns.events(room=ROOM_FOR_STATUS)
    turns.link.delivered(1, SUCCESS, 0.0)
    turns.more(room=0, now_ms=SAVE_AFTER_MS)
    assert turns.kept_cursor() == 2
    turns.events(room=ROOM_FOR_STATUS, now_ms=SAVE_AFTER_MS)
    turns.link.delivered(2, SUCCESS, SAVE_AFTER_MS)
    (last,) = turns.link.farewell()
    assert (turns.kept_cursor(), last.payload, last.retain) == (3, b"offline", True)


def test_what_the_broker_refuses_is_counted_and_an_event_nobody_heard_is_not_lost(turns: Turns) -> None:
    for reason in (SUCCESS, NOBODY, NOT_AUTHORIZED):
        turns.link.delivered(None, reason, 0.0)
    assert turns.link.dropped == 1
    turns.link.delivered(turns.events(room=ROOM_FOR_STATUS)[0], NOBODY, 0.0)
    assert (turns.outbox.depth, turns.link.dropped) == (100, 1)


def test_whatever_is_new_wakes_the_connection(turns: Turns) -> None:
    for n, deed in enumerate(
        (
            turns.link.wake,
            lambda: turns.link.publish_status(b"{}"),
            lambda: turns.link.respond(Reply("answers/x", None, b"")),
        )
    ):
        assert len(turns.woken) == n
        deed()
    assert len(turns.woken) == 3


def test_what_is_told_to_a_line_that_has_ended_harms_nobody(tmp_path: Path) -> None:
    outbox = Outbox(Events(), tmp_path / "cursor.json", replace)
    link = Link(Address.parse("mqtt://127.0.0.1:9"), "gate-1", "baoshan", outbox, lambda message: None, Clock())
    for _ in range(2):
        assert link.stop(1.0)
        link.wake()
        link.publish_status(b"{}")


def test_at_every_connection_all_that_is_kept_is_said_again_the_newest_word_only(turns: Turns) -> None:
    turns.link.publish_retained("hallgate/v1/baoshan/passes/gate-1", b"p")
    turns.link.publish_status(b"old")
    turns.link.publish_status(b"new")
    first = [(one.topic, one.payload) for one in turns.more() if one.token is None]
    (online,) = turns.link.up(0.0)
    assert (online.topic, online.payload, online.retain) == (DEVICE + "/availability", b"online", True)
    again = [(one.topic, one.payload) for one in turns.more() if one.token is None]
    assert first == again == [("hallgate/v1/baoshan/passes/gate-1", b"p"), (DEVICE + "/status", b"new")]


def test_what_does_not_fit_now_waits_for_the_next_turn(turns: Turns) -> None:
    for n in range(3):
        turns.link.respond(Reply("answers/x", b"%d" % n, b""))
        turns.link.publish_retained(f"kept/{n}", b"")
    said = [[one.correlation or one.topic for one in turns.more(room=2)] for _ in range(3)]
    assert said == [[b"0", b"1"], [b"2", "kept/0"], ["kept/1", "kept/2"]]


def test_places_for_what_is_kept_and_for_answers_are_bounded_and_what_finds_none_is_counted(turns: Turns) -> None:
    for n in range(RETAINED_TOPICS_MAX + 2):
        turns.link.publish_retained(f"kept/{n}", b"old")
    assert turns.link.dropped == 2
    turns.link.publish_retained("kept/0", b"new")
    said = {one.topic: one.payload for one in turns.more(room=1_000) if one.token is None}
    assert len(said) == RETAINED_TOPICS_MAX and said["kept/0"] == b"new" and turns.link.dropped == 2
    for n in range(REPLIES_MAX + 3):
        turns.link.respond(Reply("answers/x", b"%d" % n, b""))
    answers = [one.correlation for one in turns.more(room=1_000) if one.correlation]
    assert (turns.link.dropped, len(answers), answers[-1]) == (5, REPLIES_MAX, b"%d" % (REPLIES_MAX + 2))


def test_nobody_is_answered_over_a_line_that_is_gone(turns: Turns) -> None:
    turns.link.respond(Reply("answers/x", b"old", b""))
    turns.link.down("gone", 0.0)
    turns.link.connection.connected = False
    turns.link.respond(Reply("answers/x", b"none", b""))
    assert turns.link.dropped == 1
    turns.link.connection.connected = True
    assert not [one for one in turns.more() if one.correlation], "who asked then has asked somebody else since"


@pytest.mark.parametrize(
    ("payload", "retained", "again"),
    [
        (b'{"v":1,"ranges":[[1,2]]}', False, [1, 2]),
        (b'{"v":1,"ranges":[[1,2]]}', True, []),
        (b'{"v":1,"ranges":[[1,2]]}'.ljust(HISTORY_BYTES_MAX), False, [1, 2]),
        (b'{"v":1,"ranges":[[1,2]]}'.ljust(HISTORY_BYTES_MAX + 1), False, []),
    ],
)
def test_a_history_that_is_kept_at_the_broker_or_too_long_is_refused(
    payload: bytes, retained: bool, again: list[int], tmp_path: Path
) -> None:
    turns = Turns(tmp_path, events=3)
    for seq in turns.events():
        turns.link.delivered(seq, SUCCESS, 0.0)
    turns.says(DEVICE + "/history", payload, retained=retained)
    assert (turns.events(now_ms=1_000.0), turns.link.dropped, turns.posted) == (again, int(not again), [])


def test_a_home_assistant_that_begins_is_told_again_and_one_that_had_begun_is_not(turns: Turns) -> None:
    topic = turns.link.topics.homeassistant
    turns.says("homeassistant/status", b"online")
    assert [one.topic for one in turns.more() if one.token is None] == [], "there is nothing to tell yet"
    turns.link.publish_retained(topic, b"config")
    told = []
    for payload, retained in ((b"online", False), (b"online", False), (b"offline", False), (b"online", True)):
        turns.more()
        turns.says("homeassistant/status", payload, retained=retained)
        told.append([one.payload for one in turns.more() if one.token is None])
    assert told == [[b"config"], [b"config"], [], []] and turns.posted == []


def test_everything_else_is_the_doors_to_judge(turns: Turns) -> None:
    for topic in (DEVICE + "/command/hold", "hallgate/v1/baoshan/rulebook"):
        turns.says(topic, b"x")
    assert [message.topic for message in turns.posted] == [DEVICE + "/command/hold", "hallgate/v1/baoshan/rulebook"]
