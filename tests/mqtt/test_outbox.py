"""The outbox never skips an event, whatever is lost: acknowledgements, connections, processes, the cursor's file."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import journal_entry
from mqtt.outbox import HISTORY_PER_S, NOBODY, RANGES_MAX, RETRY_MS, SUCCESS, Outbox
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
    assert box.take(10.0 + RETRY_MS, 0) == [], "a broker that takes nothing now is not sent the one either"
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


def test_what_lies_behind_a_hole_does_not_wait_for_what_lies_before_it(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(4)
    source.lose(9)
    source.add(5)
    box = outbox(source, tmp_path, lost=lambda first, last: gone.append((first, last)))
    batches = [[seq for seq, _ in box.take(0.0, 5)] for _ in range(3)]
    assert batches == [[1, 2, 3, 4, 14], [15, 16, 17, 18, 19], []]
    source.first_seq = 17
    assert box.take(0.0, 100) == [] and (box.cursor, gone) == (17, [(1, 16)])
    for seq in (17, 18, 19):
        box.acked(seq, SUCCESS, 0.0)
    assert (box.cursor, box.lost, box.depth, gone) == (20, 16, 0, [(1, 16)])
    assert not box._holes, "what is gone is not remembered either"


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
    for spoilt in (b"", b"{", b'{"v":1,"journal":"a","next":7}', b'{"v":1,"journal":"a","next":-4}', b"\xff"):
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


def receive_all(box: Outbox, now_ms: float = 0.0) -> list[int]:
    """Everything that goes now, received; its numbers."""
    seqs = []
    while batch := box.take(now_ms, 100):
        for seq, _ in batch:
            box.acked(seq, SUCCESS, now_ms)
        seqs += [seq for seq, _ in batch]
    return seqs


def test_after_a_restart_nothing_is_sent_again_that_the_cursors_file_knows(tmp_path: Path) -> None:
    source = Events()
    source.add(5)
    box = outbox(source, tmp_path)
    assert receive_all(box) == [1, 2, 3, 4, 5]
    box.save()
    again = outbox(source, tmp_path)
    assert (again.cursor, again.depth, again.take(0.0, 100)) == (6, 0, [])


def test_an_empty_journal_begins_with_its_first_event(tmp_path: Path) -> None:
    source = Events()
    source.first_seq = 0  # as the journal says while it holds nothing
    box = outbox(source, tmp_path)
    assert (box.cursor, box.depth, box.take(0.0, 100)) == (1, 0, [])
    source.first_seq = 1
    source.add(1)
    assert (box.depth, receive_all(box), box.cursor) == (1, [1], 2)


def test_what_was_received_before_a_lost_connection_is_not_sent_again(tmp_path: Path) -> None:
    source = Events()
    source.add(5)
    box = outbox(source, tmp_path)
    box.take(0.0, 100)
    for seq in (2, 4):
        box.acked(seq, SUCCESS, 0.0)
    box.disconnected()
    assert (box.cursor, box.in_flight) == (1, 0)
    assert [seq for _ in range(4) for seq, _ in box.take(0.0, 100)] == [1, 3, 5]
    for seq in (5, 3, 1):
        box.acked(seq, SUCCESS, 0.0)
    assert (box.cursor, box.depth) == (6, 0)


def test_an_answer_to_what_is_not_in_flight_moves_nothing(tmp_path: Path) -> None:
    source = Events()
    source.add(3)
    box = outbox(source, tmp_path)
    for seq in (1, 3, 99):
        box.acked(seq, SUCCESS, 0.0)
    assert box.cursor == 1 and receive_all(box) == [1, 2, 3]


def test_a_journal_that_has_given_away_everything_leaves_nothing_to_send(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(20)
    box = outbox(source, tmp_path, lost=lambda first, last: gone.append((first, last)))
    for seq, _ in box.take(0.0, 3):
        if seq == 3:
            box.acked(seq, SUCCESS, 0.0)
    source.first_seq = 21
    assert box.take(0.0, 100) == []
    assert (box.depth, box.held_from, box.lost, gone) == (0, 21, 20, [(1, 20)])
    assert not box._received, "what is gone is not remembered either"
    source.add(1)
    assert receive_all(box) == [21]


def test_what_follows_a_gap_and_was_received_already_is_behind_the_cursor(tmp_path: Path) -> None:
    source = Events()
    source.add(20)
    box = outbox(source, tmp_path)
    box.take(0.0, 100)
    box.acked(11, SUCCESS, 0.0)
    source.first_seq = 11
    assert box.take(0.0, 100) == [] and (box.cursor, box.lost) == (12, 10)


def test_it_asks_to_be_called_again_when_there_is_something_to_try(tmp_path: Path) -> None:
    source = Events()
    source.add(2)
    box = outbox(source, tmp_path)
    assert box.wait_ms(0.0) is None
    for seq, _ in box.take(0.0, 1):
        box.acked(seq, NOBODY, 1_000.0)
    assert box.wait_ms(1_500.0) == RETRY_MS - 500
    assert box.wait_ms(1_000.0 + RETRY_MS) is None
    receive_all(box, 1_000.0 + RETRY_MS)
    box.ask_again(((1, 2),))
    wait_ms = box.wait_ms(1_000.0 + RETRY_MS)
    assert wait_ms is not None and 0 < wait_ms <= 1_000


def test_a_long_history_goes_in_order_once_and_not_faster_than_live_events_can_bear(tmp_path: Path) -> None:
    source = Events()
    source.add(400)
    box = outbox(source, tmp_path, window=10)
    receive_all(box)
    box.ask_again(((1, 300),))
    again: list[int] = []
    for now_ms in range(0, 2_000, 20):
        batch = box.take(float(now_ms), 100)
        again += [seq for seq, _ in batch]
        assert len(batch) <= 5, "half the window is for what happens now"
        assert len(again) <= 5 + now_ms * HISTORY_PER_S / 1_000
        for seq, _ in batch:
            box.acked(seq, SUCCESS, now_ms)
    assert again == list(range(1, 301)) and box.in_flight == 0


def test_a_history_that_a_lost_connection_cut_off_leaves_the_window_free(tmp_path: Path) -> None:
    source = Events()
    source.add(20)
    box = outbox(source, tmp_path, window=10)
    receive_all(box)
    box.ask_again(((1, 20),))
    assert len(box.take(1_000.0, 100)) == box.in_flight == 5
    source.add(10)
    assert len(box.take(1_000.0, 100)) == 5, "what was asked for again shares the window"
    box.disconnected()
    assert box.in_flight == 0
    assert [seq for seq, _ in box.take(1_000.0, 100)] == list(range(21, 31))


def test_a_broker_that_takes_one_at_a_time_gets_the_past_as_well(tmp_path: Path) -> None:
    source = Events(first=7)
    source.add(4)
    box = outbox(source, tmp_path)
    assert box.held_from == 7, "also before anything was sent: the status says it"
    receive_all(box)
    box.ask_again(((8, 9),))
    again = []
    while batch := box.take(1_000.0, 1):
        again += [seq for seq, _ in batch]
        box.acked(again[-1], SUCCESS, 1_000.0)
    assert again == [8, 9]


def test_a_range_of_one_and_more_ranges_than_anybody_asks_for(tmp_path: Path) -> None:
    source, gone = Events(), []
    source.add(200)
    box = outbox(source, tmp_path, lost=lambda first, last: gone.append((first, last)))
    receive_all(box)
    source.first_seq = 10
    box.ask_again(((10, 10), (9, 9)))
    assert gone == [(9, 9)]
    assert [seq for seq, _ in box.take(1_000.0, 100)] == [10]
    box.ask_again(tuple((seq, seq) for seq in range(20, 20 + RANGES_MAX + 3)))
    assert box.ranges_refused == 3
    box.acked(10, SUCCESS, 1_000.0)
    again = []
    for step in range(200):
        again += receive_all(box, 2_000.0 + 50 * step)
    assert again == list(range(20, 20 + RANGES_MAX))


def test_live_events_are_not_sent_a_second_time_as_history(tmp_path: Path) -> None:
    source = Events()
    source.add(3)
    box = outbox(source, tmp_path)
    box.ask_again(((1, 9),))
    assert [seq for seq, _ in box.take(1_000.0, 100)] == [1, 2, 3]
    assert box.take(1_000.0, 100) == []


def test_what_was_received_takes_no_memory(tmp_path: Path) -> None:
    source = Events()
    box = outbox(source, tmp_path)
    for _ in range(50):
        source.add(9)
        batch = box.take(0.0, 100)
        for seq, _ in reversed(batch):
            box.acked(seq, SUCCESS, 0.0)
    assert box.cursor == 451 and not box._received and not box._holes


def test_the_cursor_is_kept_after_a_hundred_events_or_five_minutes_and_only_when_it_moved(tmp_path: Path) -> None:
    saved: list[int] = []
    source = Events()
    source.add(101)
    box = Outbox(
        source, tmp_path / "cursor.json", lambda _, content: saved.append(json.loads(content)["next"]), window=200
    )
    for seq, _ in box.take(1_000.0, 200):
        box.acked(seq, SUCCESS, 1_000.0)
    assert saved == [101]
    source.add(1)
    receive_all(box, 2_000.0)
    assert saved == [101]
    source.add(1)
    receive_all(box, 301_000.0)
    assert saved == [101, 104]
    box.save_if_due(900_000.0)
    box.save()
    assert saved == [101, 104]


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
