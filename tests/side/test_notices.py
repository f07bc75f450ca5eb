"""Notices: sealed once, told over every way, only after the disk has them; what comes back is believed by its seal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.events import RowArrived, Woken
from firmware.core.occupancy import Rights, Row
from firmware.core.resource import Resource
from firmware.core.state import HallState
from firmware.journal.identity import Identity
from firmware.peers.handed_on import KEPT_MAX, LOOK_MS, SILENT_MS, HandedOn
from firmware.peers.notices import NoticeKind, Notices
from firmware.peers.rows import rows
from firmware.peers.seal import sealed, unsealed

KEY = bytes(range(32))
PREFIX = "rights/hall/row/"


OPENED = SimpleNamespace(identity=Identity(inc="me-1", device="me", board="", boot=4, run="5a"))


class Loop:
    """Of the loop what `Notices` knows of it."""

    def __init__(self) -> None:
        self.after: list[Callable[[list[Any]], None]] = []
        self.timers: list[Callable[[float], float]] = []
        self.posted: list[Any] = []
        self.hastened: list[tuple[Callable[[float], float], float]] = []
        self.writable, self.asked = True, 0

    def every(self, timer: Callable[[float], float]) -> None:
        self.timers.append(timer)

    def hasten(self, timer: Callable[[float], float], t_ms: float) -> None:
        self.hastened.append((timer, t_ms))

    def post(self, event: Any) -> None:
        self.posted.append(event)

    def call(self, what: Callable[[], None]) -> None:
        what()

    def settled(self) -> bool:
        self.asked += 1
        return self.writable


class Stage:
    def __init__(self, key: bytes | None = KEY) -> None:
        self.loop, self.now_ms = Loop(), 0.0
        state = HallState(rights=Rights(inc="me-1"), zones={"zone-b1": Resource(rights=Rights(inc="me-1"))})
        self.state = state
        clock = SimpleNamespace(elapsed_ms=lambda: self.now_ms)
        device: Any = SimpleNamespace(
            loop=self.loop,
            clock=clock,
            controller=SimpleNamespace(state=state),
            inc="me-1",
            journal=OPENED,
            site=SimpleNamespace(device=SimpleNamespace(name="me")),
        )
        self.content: bytes | None = b'{"n":1}'
        self.rest_ms = 0.0
        self.told: list[tuple[str, bytes]] = []
        self.notices = device.notices = Notices(device, key, HandedOn(Path("/nonexistent/heard.json")))
        self.notices.add(
            NoticeKind(
                kind="passes",
                prefix="passes/",
                name=lambda: "me",
                own=lambda: self.content,
                hear=lambda name, content, by: Woken() if msgspec.json.decode(content) and name != "me" else None,
                after=bool,
                rest_ms=lambda content: self.rest_ms,
            )
        )
        self.notices.add(dataclasses.replace(rows(device), own=lambda: None))
        self.notices.add(dataclasses.replace(rows(device, "zone-b1"), own=lambda: None))
        self.notices.ways.append(lambda key, payload: self.told.append((key, payload)))

    def news(self, *records: Any) -> None:
        for hook in self.loop.after:
            hook(list(records))


def test_what_changed_is_told_once_and_again_with_the_beat() -> None:
    stage = Stage()
    stage.news("a record")
    stage.news("another")
    assert stage.told == [("passes/me", sealed(KEY, b'{"n":1}', "passes"))]
    stage.content = b'{"n":2}'
    stage.news()  # nothing on record: this kind is not asked
    assert len(stage.told) == 1
    stage.news("a record")
    assert len(stage.told) == 2
    beat = stage.loop.timers[0]
    assert beat(1_000.0) == 5_000.0 and len(stage.told) == 2
    stage.now_ms = 5_000.0
    assert beat(5_000.0) <= 10_000.0 and len(stage.told) == 3


def test_what_is_long_rests_and_its_news_go_when_it_has() -> None:
    stage = Stage()
    stage.rest_ms = 700.0
    stage.news("a record")
    for number in (2, 3):
        stage.content, stage.now_ms = b'{"n":%d}' % number, number * 100.0
        stage.news("a record")
    beat = stage.loop.timers[0]
    assert len(stage.told) == 1 and stage.loop.hastened == [(beat, 700.0)] * 2
    stage.now_ms = 700.0
    beat(700.0)
    assert [payload for _, payload in stage.told[1:]] == [sealed(KEY, b'{"n":3}', "passes")]
    stage.content, stage.now_ms = b'{"n":4}', 1_400.0
    stage.news("a record")
    assert len(stage.told) == 3


def test_nothing_leaves_before_the_disk_has_it() -> None:
    """P2: a gift that others saw and our own journal forgot would be a right from nowhere."""
    stage = Stage()
    stage.loop.writable = False
    stage.news("a record")
    assert stage.told == [] and stage.loop.asked == 1
    stage.loop.writable, stage.state.journal_ok = True, False
    stage.news("a record")
    assert stage.told == []
    stage.state.journal_ok = True
    stage.news("a record")
    assert len(stage.told) == 1


def test_without_a_secret_nothing_is_told_or_believed() -> None:
    stage = Stage(key=None)
    stage.news("a record")
    stage.notices.came("passes/other", sealed(KEY, b'{"n":1}', "passes"), "")
    assert stage.told == [] and stage.loop.posted == [] and stage.notices.refused["passes"] == 1


def row(inc: str, **more: Any) -> bytes:
    return msgspec.json.encode(Row(**{"inc": inc, "dev": "d", "seq": 1, "A": 0, "C": 0, "G": 0, "X": 0, **more}))


def test_a_row_is_news_once_whichever_way_it_comes() -> None:
    stage = Stage()
    for _ in range(2):
        stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1")), "")
    assert [type(event) for event in stage.loop.posted] == [RowArrived]
    stage.now_ms = 9_001.0
    stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1")), "")
    assert len(stage.loop.posted) == 2


def test_a_copy_says_what_was_and_never_that_its_door_is_there() -> None:
    stage = Stage()
    for by, copy in ((None, True), ("third", True), ("d", False), ("d", None), ("third", None), (None, None)):
        stage.loop.posted.clear()
        stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1")), by)
        first = by is None and copy
        assert [event.copy for event in stage.loop.posted] == ([copy] if first or copy is False else []), (by, copy)
    stage.now_ms = 60_000.0
    stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1")), "third")
    stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1", A=1, V={"me-1": 0}, notice=3)), "third")
    assert [event.row.notice for event in stage.loop.posted] == [3]


def test_rows_that_somebody_kept_and_says_again_write_no_card_full() -> None:
    """Each bears the hall's seal. As long as they came as if their door spoke now, every one was an entry of the journal."""
    stage = Stage()
    kept = [sealed(KEY, row("other-1", seq=number, A=number)) for number in (1, 2, 3)]
    for turn in range(300):
        stage.notices.came(PREFIX + "other-1", kept[turn % 3], "")
    assert [event.row.A for event in stage.loop.posted] == [1, 2, 3]
    assert stage.notices.refused == {"older": 198}


def test_rows_of_one_age_that_differ_are_news_only_so_often() -> None:
    """Somebody comes to a gate and goes: no counter moves. Two such rows in turn for ever are no people."""
    stage = Stage()
    for turn in range(1_000):
        stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1", asks=turn % 2)), "")
    assert len(stage.loop.posted) == 41
    stage.now_ms = 60_000.0
    stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1", asks=7)), "")
    assert stage.loop.posted[-1].row.asks == 7


def test_the_newest_word_of_each_door_is_handed_on_sealed_as_it_came() -> None:
    stage = Stage()
    passed: list[tuple[str, bytes]] = []
    stage.notices.handed_on.ways.append(lambda key, payload: passed.append((key, payload)))
    old, new = (sealed(KEY, row("other-1", notice=serial)) for serial in (1, 2))
    for payload in (old, new, old, new):
        stage.notices.came(PREFIX + "other-1", payload, "d")
    stage.notices.came(PREFIX + "me-1", sealed(KEY, row("me-1")), "third")
    stage.notices.came("passes/other", sealed(KEY, b'{"n":1}', "passes"), "other")
    assert passed == [(PREFIX + "other-1", old), (PREFIX + "other-1", new)]


def test_a_predecessors_last_word_is_not_handed_on_by_who_bears_its_name() -> None:
    """The others would take it for a living door's, since it comes from a door of that name, and give it their places."""
    stage = Stage()
    for name, dev in (("me-0", "me"), ("other-0", "other")):
        stage.notices.came(PREFIX + name, sealed(KEY, row(name, dev=dev)), "third")
    assert [event.row.inc for event in stage.loop.posted] == ["me-0", "other-0"], "it is heard all the same"
    assert list(stage.notices.handed_on._kept) == [PREFIX + "other-0"]


def test_a_last_word_reaches_the_card_once_its_door_is_silent_and_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "heard.json"
    kept = HandedOn(file)
    kept.keep("row/a", b"a's last", (1, 0), 0.0)
    kept.alive("row/a", SILENT_MS)
    assert kept.tend(SILENT_MS) == SILENT_MS + LOOK_MS and not file.exists(), "it only had nothing new to say"
    kept.tend(2 * SILENT_MS)
    written = file.stat().st_mtime_ns
    kept.tend(3 * SILENT_MS)
    assert file.stat().st_mtime_ns == written
    kept.keep("row/b", b"\xff", (1, 0), 3 * SILENT_MS)
    kept.write()
    again = HandedOn(file)
    assert again.read() == [("row/a", b"a's last"), ("row/b", b"\xff")]
    file.write_bytes(b"{")
    assert HandedOn(file).read() == []


def test_a_card_that_cannot_be_written_loses_nothing_yet(tmp_path: Path) -> None:
    kept = HandedOn(tmp_path / "missing" / "heard.json")
    kept.keep("row/a", b"x", (1, 0), 0.0)
    kept.tend(SILENT_MS)
    (tmp_path / "missing").mkdir()
    kept.tend(SILENT_MS + LOOK_MS)
    assert HandedOn(tmp_path / "missing" / "heard.json").read() == [("row/a", b"x")]


def test_of_last_words_there_are_only_so_many() -> None:
    kept = HandedOn(Path("/nonexistent/heard.json"))
    for number in range(KEPT_MAX + 1):
        kept.keep(f"row/{number}", b"x", (1, 0), 0.0)
    assert not kept.is_later(f"row/{KEPT_MAX}", (9, 9)) and kept.is_later("row/0", (1, 1))


def test_own_rows_that_come_back_are_news_only_when_they_know_more() -> None:
    stage = Stage()
    stage.notices.came(PREFIX + "me-1", sealed(KEY, row("me-1")), "")
    assert stage.loop.posted == []
    stage.notices.came(PREFIX + "me-1", sealed(KEY, row("me-1", M=7)), "")
    assert len(stage.loop.posted) == 1


def test_a_row_of_ones_own_from_another_opening_is_a_twins() -> None:
    """Nobody who runs alone ever sees a later opening than his own, nor another draw of the same."""
    stage = Stage()
    for boot, run in ((0, ""), (3, "ff"), (4, "5a"), (4, "11")):
        stage.notices.came(PREFIX + "me-1", sealed(KEY, row("me-1", boot=boot, run=run)), "")
    assert stage.loop.posted == []
    for boot, run in ((4, "5b"), (5, "00")):
        stage.notices.came(PREFIX + "me-1", sealed(KEY, row("me-1", boot=boot, run=run)), None)
    assert [event.twin for event in stage.loop.posted] == [True, True]


def test_of_two_rows_that_count_alike_the_one_that_stops_the_other_is_handed_on() -> None:
    stage, carried = Stage(), []
    stage.notices.handed_on.ways.append(lambda key, payload: carried.append(unsealed(KEY, payload)))
    for run in ("0b", "0a", "10"):
        stage.notices.came(PREFIX + "other-1", sealed(KEY, row("other-1", boot=2, run=run)), "d")
    assert carried == [row("other-1", boot=2, run="0b"), row("other-1", boot=2, run="10")]


def test_another_seal_another_kind_and_another_name_are_refused() -> None:
    stage = Stage()
    for key, payload in (
        (PREFIX + "other-1", sealed(bytes(32), row("other-1"))),
        (PREFIX + "other-1", sealed(KEY, row("other-1"), "passes")),
        (PREFIX + "other-2", sealed(KEY, row("other-1"))),
        (PREFIX + "other-1", sealed(KEY, b'{"v":1}')),
        (PREFIX + "other-1", row("other-1")),
    ):
        stage.notices.came(key, payload, "")
    stage.notices.came("nothing/of-ours", b"{}", "")
    assert stage.loop.posted == [] and stage.notices.refused == {"row": 5, "unknown": 1}


def test_who_has_the_key_and_writes_nonsense_stops_no_door() -> None:
    stage = Stage()
    deep = b'{"inc":"other-1","z":' + b"[" * 1_500 + b"]" * 1_500 + b"}"
    stage.notices.came(PREFIX + "other-1", sealed(KEY, deep), "")
    assert stage.loop.posted == [] and stage.notices.refused == {"row": 1}


@settings(max_examples=100)
@given(st.binary(max_size=400), st.sampled_from(["passes/x", PREFIX + "other-1", PREFIX, "", "passes/"]))
def test_no_bytes_raise_or_are_believed(raw: bytes, key: str) -> None:
    stage = Stage()
    for payload in (raw, sealed(KEY, raw), b'{"a":1,"mac":"' + raw, b""):
        stage.notices.came(key, payload, "")
    assert not any(isinstance(event, RowArrived) for event in stage.loop.posted)


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=4))
def test_a_seal_is_taken_off_again(fields: dict[str, str]) -> None:
    content = msgspec.json.encode(fields)
    assert unsealed(KEY, sealed(KEY, content, "x"), "x") == content


def test_what_changes_no_counter_is_no_news_of_the_row() -> None:
    state = HallState(rights=Rights(inc="me-1", A=1))
    device: Any = SimpleNamespace(controller=SimpleNamespace(state=state), inc="me-1", journal=OPENED)
    own = rows(device).own
    first = own()
    state.seq += 1  # a refusal was put on record
    assert own() == first
    state.rights.A += 1
    assert own() != first


def test_a_row_of_the_hall_said_again_under_a_zone_is_no_row_of_the_zone() -> None:
    stage = Stage()
    payload = sealed(KEY, row("other-1"))
    stage.notices.came("rights/zone-b1/row/other-1", payload, "")
    assert not stage.loop.posted and stage.notices.refused["row-zone-b1"] == 1
    stage.notices.came("rights/zone-b1/row/other-1", sealed(KEY, row("other-1"), "row-zone-b1"), "")
    (heard,) = stage.loop.posted
    assert heard.resource == "zone-b1"
    stage.notices.came(PREFIX + "other-1", payload, "")
    assert stage.loop.posted[-1].resource == "hall"
