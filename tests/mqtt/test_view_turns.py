"""The picture of a hall as time passes and as it fills: what is told when, from whom no more is heard, what has no room."""

from __future__ import annotations

import msgspec
import pytest

from firmware.core.records import DeviceStarted
from mqtt.messages import LaneStatus, RoundStatus, SupplyStatus
from mqtt.resource import SILENT_MS
from mqtt.view import DEVICES_MAX, RESOURCES_MAX, HallView
from tests.mqtt.hall import AT, decision, encoded, passage, status
from tests.mqtt.test_resource import row


def told(view: HallView, now_ms: float) -> list[str]:
    return [what for what, _ in view.tick(now_ms)]


def test_a_hall_nobody_has_spoken_in_is_a_picture_too() -> None:
    view = HallView("baoshan")
    assert view.tick(5_000.0) == []
    picture = view.picture()
    assert (picture["devices"], picture["online"], picture["best"], picture["counted_by"]) == (0, 0, None, None)
    assert view.whole()["devices"] == [] and view.changed(("device", "entry-1")) is None


def test_the_chart_of_the_day_is_told_every_two_seconds_and_when_it_changed() -> None:
    view = HallView("baoshan")
    assert told(view, 2_000.0) == []
    view.heard("exit-1", "event", encoded(passage(1, "out")), 2_100.0)
    assert (told(view, 3_900.0), told(view, 4_000.0), told(view, 6_000.0)) == ([], ["day"], [])
    view.heard("entry-1", "status", status("entry-1").encoded(), 6_100.0)
    assert told(view, 8_000.0) == ["day"] == told(view, 10_000.0), "whoever counts is heard at every look"


def test_a_row_that_is_no_longer_heard_is_cut_off_as_soon_as_anything_is_heard_or_time_passes() -> None:
    for look in ("heard", "rights", "tick"):
        view = HallView("baoshan")
        view.heard("gate-1", "status", status("gate-1", bank=False).encoded(), 0.0)
        view.heard_rights("hall", "gate-1-1", row("gate-1", A=1), 0.0)
        assert not view.picture()["resources"][0]["doors"][0]["cut_off"]
        later = SILENT_MS + 1_000
        if look == "heard":
            view.heard("gate-2", "availability", b"online", later)
        elif look == "rights":
            view.heard_rights("hall", "gate-2-1", row("gate-2", A=1), later)
        else:
            assert "hall" in told(view, later) and "hall" in told(view, later + 2_000)
        assert view.picture()["resources"][0]["doors"][0]["cut_off"], look


def test_what_finds_no_room_is_counted_and_whoever_was_there_is_heard() -> None:
    view = HallView("baoshan")
    for n in range(DEVICES_MAX + 2):
        view.heard(f"d-{n}", "availability", b"online", 0.0)
    for n in range(RESOURCES_MAX + 3):
        view.heard_rights(f"zone-{n}", "gate-1-1", row("gate-1", A=1), 0.0)
    assert (len(view.devices), len(view.resources), view.not_understood) == (DEVICES_MAX, RESOURCES_MAX, 5)
    assert view.heard("d-0", "availability", b"offline", 1.0) and not view.heard("new", "availability", b"online", 1.0)
    assert view.heard_rights("zone-0", "gate-2-1", row("gate-2", A=1), 1.0)


def test_what_is_no_row_is_counted_and_makes_no_resource() -> None:
    view = HallView("baoshan")
    for payload in (b"", b"{", b"[" * 5_000, b"\xff"):
        assert view.heard_rights("hall", "gate-1-1", payload, 0.0) == []
        assert view.heard_rights("hall", "", payload, 0.0) == []
    assert view.not_understood == 8 and view.picture()["resources"] == []


def test_the_count_is_the_banks_else_of_who_is_there_else_the_newest() -> None:
    view, late = HallView("baoshan"), AT.format(59)
    for name, more in (
        ("silent", {"inside": None}),
        ("gone", {"bank": False, "inside": 1, "at": late}),
        ("old", {"bank": False, "inside": 2}),
        ("new", {"bank": False, "inside": 3, "at": late}),
        ("bank", {"inside": 4}),
    ):
        view.heard(name, "status", status(name, **more).encoded(), 0.0)
        view.heard(name, "availability", b"offline" if name in ("gone", "bank") else b"online", 0.0)
        counted = view.picture()["counted_by"]
        assert counted == {"silent": None, "gone": "gone", "old": "old", "new": "new", "bank": "bank"}[name]
    assert view.picture()["online"] == 3


def test_a_passage_that_is_told_late_does_not_turn_the_count_back() -> None:
    view = HallView("baoshan")
    view.heard("entry-1", "status", status("entry-1", inside=10).encoded(), 0.0)
    view.heard("entry-1", "event", encoded(passage(5, inside=11)), 0.0)
    view.heard("entry-1", "event", encoded(passage(3, inside=9)), 0.0)
    assert (view.picture()["best"], view.picture()["low"]) == (11, 11)


def test_what_is_due_and_what_is_low_is_shown_the_worst_first() -> None:
    view = HallView("baoshan")
    rounds = [
        RoundStatus(point=point, name_zh="", name_en="", due_at=AT.format(due), state=state)  # type: ignore[arg-type]
        for point, due, state in (
            ("a", 3, "due"),
            ("b", 2, "amber"),
            ("c", 5, "red"),
            ("d", 1, "red"),
            ("e", 0, "done"),
        )
    ]
    supplies = [
        SupplyStatus(item=item, left=left, used=0, low=low)
        for item, left, low in (("m", 9, True), ("g", 2, True), ("s", 1, False))
    ]
    view.heard("entry-1", "status", status("entry-1", rounds=tuple(rounds), supplies=tuple(supplies)).encoded(), 0.0)
    picture = view.picture()
    assert [(one["device"], one["point"]) for one in picture["rounds"]] == [("entry-1", each) for each in "dcba"]
    assert [one["item"] for one in picture["supplies"]] == ["g", "m"]


def test_each_change_brings_what_a_page_draws_of_it() -> None:
    view = HallView("baoshan")
    view.heard("entry-1", "status", status("entry-1").encoded(), 0.0)
    (decided, hall) = view.heard("entry-1", "event", encoded(decision(1)), 0.0)
    assert (view.changed(decided)["id"], view.changed(hall)["name"]) == ("e-1", "baoshan")
    assert view.changed(("decision", "none")) is None
    assert view.changed(("device", "entry-1"))["name"] == "entry-1"
    whole = view.whole()
    for what in ("alarms", "incidents", "day"):
        assert view.changed((what, "")) == whole[what]
    began = DeviceStarted(
        id="e-2",
        seq=2,
        boot="b",
        at=AT.format(7),
        at_trusted=True,
        lane=None,
        version="1",
        power_loss=False,
        rulebook=7,
    )
    assert view.heard("entry-1", "event", msgspec.json.encode(began), 0.0) == [("device", "entry-1")]
    assert view.whole()["devices"][0]["started"] == AT.format(7)


@pytest.mark.parametrize(("evacuated", "answer"), [(False, False), (True, True)])
def test_one_evacuated_door_is_an_evacuated_hall(evacuated: bool, answer: bool) -> None:
    view = HallView("baoshan")
    view.heard("entry-1", "status", status("entry-1").encoded(), 0.0)
    view.heard("exit-1", "status", status("exit-1", bank=False, evacuated=evacuated).encoded(), 0.0)
    assert view.picture()["evacuated"] is answer


def test_who_was_let_in_and_has_not_come_through_may_be_counted_and_not_be_inside() -> None:
    lanes = (
        LaneStatus(name="A", state="granted"), LaneStatus(name="B", state="passing"), LaneStatus(name="C", state="idle"),
        LaneStatus(name="D", direction="out", state="granted"),
    )  # fmt: skip
    view = HallView("baoshan")
    view.heard("gate-1", "status", status("gate-1", lanes=lanes).encoded(), 0.0)
    view.heard_rights("hall", "gate-1-1", row("gate-1", A=5, free=9), 0.0)
    picture = view.picture()
    assert (picture["low"], picture["best"], picture["high"]) == (3, 5, 5)


def test_behind_a_door_that_is_cut_off_people_may_have_left_through_its_exits_alone() -> None:
    for direction, low in (("in", 50), ("out", 42), ("both", 42)):
        view = HallView("baoshan")
        view.heard(
            "gate-1", "status", status("gate-1", lanes=(LaneStatus(name="A", direction=direction),)).encoded(), 0.0
        )
        view.heard_rights("hall", "gate-1-1", row("gate-1", A=50, free=0), 0.0)
        view.heard("gate-2", "availability", b"online", SILENT_MS + 2_000)
        assert view.picture()["low"] == low, "one in two seconds"


def test_what_a_status_says_was_recorded_is_lacked_until_it_is_heard() -> None:
    view = HallView("baoshan")
    view.heard("entry-1", "status", status("entry-1", seq=10, first_seq=8).encoded(), 0.0)
    assert view.whole()["devices"][0]["missing"] == 3
    view.heard("entry-1", "event", encoded(decision(9)), 0.0)
    assert view.whole()["devices"][0]["missing"] == 2
