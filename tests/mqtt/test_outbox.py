"""The outbox never skips an event, whatever is lost: acknowledgements, connections, processes, the cursor's file."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import journal_entry
from mqtt.outbox import NOBODY, RETRY_MS, SUCCESS, Outbox
from tests.mqtt.helpers import Events, replace


def outbox(source: Events, folder: Path, **more: object) -> Outbox:
    return Outbox(source, folder / "cursor.json", replace, **more)  # type: ignore[arg-type]


def test_events_are_cut_out_of_a_journal_record_byte_for_byte() -> None:
    record = b'{"m":[1,2,true],"e":{"event":"tick"},"r":[{"v": 1,"seq":7,"zh":"\xe8\xaf\xb7"},{"seq":8, "x":[1 , 2]}]}'
    cut = [bytes(each) for each in journal_entry.published(record).r]
    assert cut == [b'{"v": 1,"seq":7,"zh":"\xe8\xaf\xb7"}', b'{"seq":8, "x":[1 , 2]}']


def test_nothing_leaves_before_it_is_on_disk_and_the_window_holds(tmp_path: Path) -> None:
    source = Events()
    box = outbox(source, tmp_path, window=5)
    assert box.take(0.0, 100) == []
    source.add(9)
    assert [seq for seq, _ in box.take(0.0, 100)] == [1, 2, 3, 4, 5]
    assert box.take(0.0, 100) == []
    box.acked(2, SUCCESS, 0.0)
    assert (box.cursor, [seq for seq, _ in box.take(0.0, 100)]) == (1, [6])
    box.acked(1, SUCCESS, 0.0)
    assert (box.cursor, box.depth) == (3, 7)


def test_while_nobody_listens_one_event_is_tried_every_two_seconds(tmp_path: Path) -> None:
    source = Events()
    source.add(10)
    box = outbox(source, tmp_path)
    for seq, _ in box.take(0.0, 3):
        box.acked(seq, NOBODY, 10.0)
    assert box.take(10.0 + RETRY_MS - 1, 100) == []
    assert [seq for seq, _ in box.take(10.0 + RETRY_MS, 100)] == [1]
    box.acked(1, NOBODY, 20.0 + RETRY_MS)
    assert [seq for seq, _ in box.take(20.0 + 2 * RETRY_MS, 100)] == [1]
    box.acked(1, SUCCESS, 30.0 + 2 * RETRY_MS)
    assert [seq for seq, _ in box.take(30.0 + 2 * RETRY_MS, 100)] == list(range(2, 11))


def test_history_waits_for_live_events_and_reports_what_is_gone(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(30)
    box = outbox(source, tmp_path, lost=lambda first, last: gone.append((first, last)))
    for seq, _ in box.take(0.0, 30):
        box.acked(seq, SUCCESS, 0.0)
    source.first_seq = 10
    box.ask_again(((5, 12), (20, 21), (28, 99), (9, 3)))
    source.add(1)
    assert gone == [(5, 9)]
    assert [seq for seq, _ in box.take(10_000.0, 100)] == [31]
    box.acked(31, SUCCESS, 10_000.0)
    again = [seq for _ in range(5) for seq, _ in box.take(10_000.0, 100)]
    assert again == [10, 11, 12, 20, 21, 28, 29, 30, 31]
    for seq in (10, 12, 20):
        box.acked(seq, SUCCESS, 10_000.0)
    box.disconnected()
    assert [seq for _ in range(5) for seq, _ in box.take(20_000.0, 100)] == [11, 21, 28, 29, 30, 31]


def test_what_the_journal_dropped_is_said_and_does_not_stop_the_rest(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(20)
    box = outbox(source, tmp_path, lost=lambda first, last: gone.append((first, last)))
    source.first_seq = 11
    assert [seq for seq, _ in box.take(0.0, 100)] == list(range(11, 21))
    assert (gone, box.lost) == ([(1, 10)], 10)


def test_a_hole_in_the_journal_is_stepped_over_and_said(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(4)
    source.lose(1000)
    source.add(3)
    box = outbox(source, tmp_path, window=6, lost=lambda first, last: gone.append((first, last)))
    assert [seq for seq, _ in box.take(0.0, 100)] == [1, 2, 3, 4, 1005, 1006]
    for seq in (1006, 1005, 3, 2, 4):
        box.acked(seq, SUCCESS, 0.0)
    assert (box.cursor, box.lost) == (1, 0)
    box.acked(1, SUCCESS, 0.0)
    assert (box.cursor, box.lost, box.depth, gone) == (1007, 1000, 2, [(5, 1004)])
    box.save()
    assert [seq for seq, _ in outbox(source, tmp_path).take(0.0, 100)] == [1007, 1008]
    box.ask_again(((3, 1006),))
    assert [seq for _ in range(3) for seq, _ in box.take(10_000.0, 100)] == [1007, 1008, 3, 4, 1005]


def test_a_cursor_that_stands_before_a_hole_goes_on(tmp_path: Path) -> None:
    source = Events()
    source.add(4)
    box = outbox(source, tmp_path)
    for seq, _ in box.take(0.0, 100):
        box.acked(seq, SUCCESS, 0.0)
    source.lose(9)
    assert [seq for seq, _ in box.take(0.0, 100)] == [14]
    box.acked(14, NOBODY, 0.0)
    box.disconnected()
    assert (box.cursor, box.lost) == (14, 9)
    assert [seq for seq, _ in box.take(0.0, 100)] == [14]


def test_another_journal_or_a_spoilt_cursor_starts_at_the_beginning(tmp_path: Path) -> None:
    source = Events()
    source.add(5)
    box = outbox(source, tmp_path, journal="a")
    for seq, _ in box.take(0.0, 4):
        box.acked(seq, SUCCESS, 0.0)
    box.save()
    assert outbox(source, tmp_path, journal="a").cursor == 5
    assert outbox(source, tmp_path, journal="b").cursor == 1
    for spoilt in (b"", b"{", b'{"v":1,"journal":"a","next":99}', b'{"v":1,"journal":"a","next":-4}', b"\xff"):
        (tmp_path / "cursor.json").write_bytes(spoilt)
        assert outbox(source, tmp_path, journal="a").cursor == 1


def test_the_cursor_wears_the_card_little_and_is_never_far_behind(tmp_path: Path) -> None:
    """A visit every 20 s, 180 in an hour, each two events that are received at once."""
    saved: list[int] = []
    source, now_ms = Events(), 0.0
    box = Outbox(source, tmp_path / "cursor.json", lambda _, content: saved.append(json.loads(content)["next"]))
    for _ in range(180):
        now_ms += 20_000
        source.add(2)
        for seq, _ in box.take(now_ms, 100):
            box.acked(seq, SUCCESS, now_ms)
        assert box.cursor - (saved[-1] if saved else 1) < 100
    assert len(saved) <= 12, "360 events"
    box.save()
    assert saved[-1] == box.cursor == 361


STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 8)),
    st.tuples(st.just("lose"), st.integers(1, 30)),
    st.tuples(st.just("take"), st.integers(0, 12)),
    st.tuples(st.just("ack"), st.integers(0, 20)),
    st.tuples(st.just("nobody"), st.integers(0, 20)),
    st.tuples(st.just("cut"), st.just(0)),
    st.tuples(st.just("killed"), st.just(0)),
    st.tuples(st.just("later"), st.integers(1, 3000)),
    st.tuples(st.just("again"), st.integers(0, 40)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_no_mix_of_losses_ever_skips_an_event(steps: list[tuple[str, int]]) -> None:
    source, received, flying, now = Events(), set[int](), list[int](), 0.0
    with TemporaryDirectory() as name:
        box = outbox(source, Path(name), window=10)
        for what, n in steps:
            if what == "add":
                source.add(n)
            elif what == "lose":
                source.lose(n)
            elif what == "take":
                flying += [seq for seq, payload in box.take(now, n) if json.loads(payload)["seq"] == seq]
            elif what in ("ack", "nobody") and flying:
                seq = flying.pop(n % len(flying))
                if what == "ack":
                    received.add(seq)
                box.acked(seq, SUCCESS if what == "ack" else NOBODY, now)
            elif what in ("cut", "killed"):
                flying.clear()
                box.disconnected()
                box = outbox(source, Path(name), window=10) if what == "killed" else box
            elif what == "later":
                now += n
            elif what == "again":
                box.ask_again(((n, n + 3),))
            assert set(range(1, box.cursor)) <= received | source.lost, "the cursor passed an event nobody received"
            assert box.in_flight <= 10
        _let_everything_arrive(box, received, flying, now)
    assert received | source.lost == set(range(1, source.durable_seq() + 1)) and not received & source.lost


def _let_everything_arrive(box: Outbox, received: set[int], flying: list[int], now: float) -> None:
    for _ in range(200):
        now += RETRY_MS
        flying += [seq for seq, _ in box.take(now, 10)]
        while flying:
            received.add(flying[0])
            box.acked(flying.pop(0), SUCCESS, now)
