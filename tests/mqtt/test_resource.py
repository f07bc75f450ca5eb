"""The rights of a resource as a hub reads them: sums that hold in any order of rows, and honest bounds for who is cut off."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import occupancy
from firmware.core.occupancy import Notice, Rights, Row
from mqtt.day import POINTS_MAX, Day
from mqtt.resource import SILENT_MS, ResourceView
from mqtt.view import HallView
from tests.mqtt.hall import AT, status


def row(dev: str, **more: Any) -> bytes:
    counters = {"seq": 1, "A": 0, "C": 0, "G": 0, "X": 0, **more}
    return msgspec.json.encode(Row(inc=f"{dev}-1", dev=dev, **counters))


def resource(limit: int, *rows: tuple[str, bytes]) -> ResourceView:
    made = ResourceView("hall")
    made.word(msgspec.json.encode(Notice(serial=1, limit=limit)))
    for dev, payload in rows:
        assert made.row(f"{dev}-1", payload, 0.0)
    return made


def picture(view: ResourceView, now_ms: float = 0.0, **more: Any) -> dict[str, Any]:
    return view.picture(more.get("offline", set()), more.get("open_permits", 0), more.get("exit_lanes", {}), now_ms)


def test_a_lowered_limit_is_not_in_force_before_the_doors_gave_back() -> None:
    bank = row("bank", M=200, B=80, T={"door-1": 150}, free=-30, bank=True)
    view = resource(120, ("bank", bank), ("door", row("door", A=100, V={"bank-1": 150}, free=50)))
    shown = picture(view)
    assert (shown["target"], shown["in_force"], shown["debt"], shown["best"]) == (120, 150, 30, 100)
    assert shown["flight"] == 0
    # The door hands 30 back; the bank takes them.
    assert view.row("door-1", row("door", A=100, V={"bank-1": 150}, T={"bank-1": 30}, free=20), 0.0)
    assert picture(view)["flight"] == 30
    back = row("bank", M=200, B=80, T={"door-1": 150}, V={"door-1": 30}, free=0, bank=True)
    assert view.row("bank-1", back, 0.0)
    shown = picture(view)
    assert (shown["in_force"], shown["debt"], shown["flight"]) == (120, 0, 0)


def test_who_is_cut_off_widens_the_interval_by_what_it_may_have_done() -> None:
    view = resource(100, ("in", row("in", A=60, free=7)), ("out", row("out", X=10, free=0, entry=False)))
    assert (picture(view)["low"], picture(view)["best"], picture(view)["high"]) == (50, 50, 50)
    late = picture(view, SILENT_MS + 1, exit_lanes={"out": 1})
    assert [door["cut_off"] for door in late["doors"]] == [True, True]
    assert (late["low"], late["high"]) == (43, 57)
    assert picture(view, 0.0, offline={"in"})["high"] == 57
    assert picture(view, 0.0, open_permits=2)["low"] == 48


def test_old_and_foreign_rows_change_nothing() -> None:
    view = resource(100, ("a", row("a", A=9, seq=5)))
    assert not view.row("a-1", row("a", A=8, seq=9), 0.0)
    assert not view.row("b-1", row("a", A=50), 0.0)
    assert not view.word(msgspec.json.encode(Notice(serial=1, limit=7)))
    assert (picture(view)["best"], picture(view)["target"]) == (9, 100)


def test_what_is_fenced_holds_no_rights() -> None:
    view = resource(100, ("a", row("a", A=5, free=20)))
    view.word(msgspec.json.encode(Notice(serial=2, limit=100, fenced=("a-1",))))
    assert (picture(view)["free"], picture(view)["doors"][0]["fenced"]) == (0, True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)), max_size=40), st.randoms())
def test_whatever_moves_the_limit_in_force_is_the_protocols(moves: list[tuple[int, int, int]], dice: Any) -> None:
    """Real counters, rows in any order: inside is what came in, and free, in flight and inside make up the limit."""
    peers = [Rights(inc=f"p{at}-1", bank=at == 0) for at in range(4)]
    occupancy.set_limit(peers[0], 30)
    view, rows = ResourceView("hall"), list[tuple[str, bytes]]()
    view.word(msgspec.json.encode(Notice(serial=1, limit=30)))

    def say(one: Rights) -> Row:
        made = occupancy.row_of(one, device=one.inc[:-2], seq=len(rows), want=0, entry=True)
        rows.append((one.inc, msgspec.json.encode(made)))
        return made

    for who, whom, persons in moves:
        if who == whom:
            occupancy.reserve(peers[who], persons)
        elif occupancy.give(peers[who], peers[whom].inc, persons) and dice.random() < 0.6:
            occupancy.merge(peers[whom], say(peers[who]))
        say(peers[who]), say(peers[whom])
    for one in peers:
        say(one)
    dice.shuffle(rows)
    for inc, payload in rows:
        view.row(inc, payload, 0.0)
    shown = picture(view)
    assert shown["best"] == sum(one.net_inside for one in peers)
    assert shown["best"] + shown["free"] + shown["flight"] == shown["in_force"] == 30


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["", "a-1"]),
    st.one_of(
        st.binary(max_size=80),
        st.integers(-(2**70), 2**70).map(
            lambda n: json.dumps(
                {
                    "inc": "a-1",
                    "dev": "a",
                    "seq": n,
                    "A": n,
                    "C": 0,
                    "G": 0,
                    "X": 0,
                    "T": {"a-1": n},
                    "serial": n,
                    "limit": n,
                }
            ).encode()
        ),
    ),
)
def test_no_bytes_break_the_rights(inc: str, payload: bytes) -> None:
    view = HallView("baoshan")
    view.heard_rights("hall", inc, payload, 0.0)
    view.heard("gate-1", "status", status("gate-1").encoded(), 0.0)
    view.tick(10_000.0)
    json.dumps(view.whole())


def test_a_sum_that_lacks_a_door_which_is_no_more_gives_way_to_the_banks_own_count() -> None:
    """A door was replaced, then the broker lost its memory: nobody says the old one's row again."""
    view = HallView("baoshan")
    old, new = (
        row("entry", A=500, V={"bank-1": 480, "exit-1": 20}),
        row("bank", M=200, A=3, T={"entry-1": 480}, bank=True),
    )
    view.heard_rights("hall", "bank-1", new, 0.0)
    view.heard_rights("hall", "exit-1", row("exit", X=460, T={"entry-1": 20}), 0.0)
    view.heard_rights("hall", "", msgspec.json.encode(Notice(serial=1, limit=200)), 0.0)
    assert view.picture()["best"] is None, "3 - 460 is no number of people"
    counted = status("bank", inside=43, inside_at_most=45, bank=True, limit_persons=200)
    view.heard("bank", "status", counted.encoded(), 0.0)
    shown = view.picture()
    assert (shown["low"], shown["best"], shown["high"], shown["target"]) == (43, 43, 45, 200)
    assert [door["device"] for door in view.hall_resource()["doors"]] == ["bank", "exit"]
    view.heard_rights("hall", "entry-1", old, 0.0)
    assert view.picture()["best"] == 43


def test_several_resources_stand_beside_the_hall() -> None:
    view = HallView("baoshan")
    view.heard_rights("zone-b1", "a-1", row("a", A=4), 0.0)
    view.heard_rights("hall", "a-1", row("a", A=9), 0.0)
    assert [(one["name"], one["best"]) for one in view.picture()["resources"]] == [("hall", 9), ("zone-b1", 4)]
    assert view.picture()["best"] == 9


def test_the_day_is_one_day_and_fills_what_the_hub_did_not_see() -> None:
    day = Day()
    day.passed(AT.format(0), False, 12)
    assert day.points()[0][1:] == (12, 12, 12, None, 1, 0)
    day.seen(AT.format(1), 10, 11, 13, 200)
    day.passed(AT.format(2), True, 99)
    assert day.points()[0][1:] == (10, 11, 13, 200, 1, 1)
    for hour in range(60):
        day.seen(f"2022-06-{11 + hour // 24:02d}T{hour % 24:02d}:00:00.000+08:00", 1, 1, 1, 1)
    day.seen("nonsense", 1, 1, 1, 1)
    day.seen("1970-01-01T00:00:00.000+08:00", 5, 5, 5, 5)
    assert len(day.points()) <= POINTS_MAX
    assert all(point[1] == 1 for point in day.points())
