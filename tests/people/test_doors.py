"""3.1.1a: once across all doors. Doors that are apart refuse what they know, and report what they could not know."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import bounds, other_doors
from firmware.core.events import PeerUsed, Started
from firmware.core.state import Counted, LaneSetup
from mqtt import passes_list
from tests.core.stage import ZONE, Stage
from tests.people.hall import Door


class Named(Door):
    """A door of the same hall under its own name."""

    def __init__(self, name: str, *changes: tuple[str, str], inc: str = "", **more: Any) -> None:
        self.name, self.inc = name, inc or f"{name}-1"
        super().__init__(*changes, **more)

    def start(self, boot: str = "boot-1") -> None:
        self.state.rights.inc = self.inc  # of the journal
        self.do(
            Started(boot=boot, version="t", device=self.name, hall="baoshan", inc=self.inc, bank=True, lanes=self.lanes)
        )

    def tells(self) -> PeerUsed:
        """Its day, over the wire and back."""
        day = other_doors.own_day(self.state, int(self.wall_0 + self.now), ZONE)
        heard = passes_list.heard(passes_list.told(day).encoded())
        assert heard is not None
        return heard

    def meets(self, other: Named) -> None:
        mine = self.tells()
        self.do(other.tells())
        other.do(mine)

    def uses(self, number: int = 1, **changes: Any) -> str:
        self.wait(4)
        return self.enters(self.guest(number, **changes), number)


@pytest.fixture
def north() -> Named:
    return Named("north")


@pytest.fixture
def south() -> Named:
    return Named("south")


def test_a_pass_used_at_one_door_is_used_at_the_other_once_it_was_told(north: Named, south: Named) -> None:
    assert north.uses() == "admit"
    south.do(north.tells())
    assert south.uses() == "refuse"
    assert south.answered == ("refuse", "3.1.1a", "used")
    assert not south.alarmed("double_use")


def test_doors_that_were_apart_report_a_double_use_when_they_meet(north: Named, south: Named) -> None:
    assert (north.uses(), south.uses()) == ("admit", "admit")
    north.meets(south)
    for door, other in ((north, "south"), (south, "north")):
        (alarm,) = door.alarmed("double_use")
        assert alarm.detail.startswith(f"pass {1:016x} at {door.name} 2022-06-01 10:00:")
        assert f" and {other} 2022-06-01 10:00:" in alarm.detail
        assert door.uses() == "refuse"


def test_a_pass_that_is_about_to_be_used_here_and_was_used_there_is_reported_too(north: Named, south: Named) -> None:
    north.uses()
    assert south.comes(south.guest(1)) == "admit"
    south.do(north.tells())
    assert len(south.alarmed("double_use")) == 1
    south.cross().wait(12).do(north.tells())
    assert len(south.alarmed("double_use")) == 1


def test_one_pass_opens_one_lane_at_a_time() -> None:
    two = tuple(LaneSetup(name=name, direction="in", passage_sensor=True) for name in "AB")
    stage = Stage(lanes=two)
    book = stage.booking(1)
    assert stage.scan(book, "A") == "admit"
    assert stage.scan(book, "B") == "wait"
    assert stage.because == "in_use"
    stage.cross("in", "A").wait(4)
    assert stage.scan(book, "B") == "refuse"
    other = stage.booking(2)
    assert stage.scan(other, "A") == "admit"
    stage.wait(15)  # turned round: nobody used it
    assert stage.scan(other, "B") == "admit"


def test_repeated_old_and_reordered_notices_change_nothing(north: Named, south: Named) -> None:
    before = north.tells()
    north.uses()
    south.uses()
    after = north.tells()
    for notice in (after, before, after, before, after):
        south.do(notice)
    assert len(south.alarmed("double_use")) == 1
    assert south.uses() == "refuse"


@pytest.mark.parametrize(("re_entries", "expected"), [(0, False), (1, False), (2, True)])
def test_re_entries_are_counted_over_all_doors(re_entries: int, expected: bool) -> None:
    change = ("pcr_validity_hours = 72\n\n[class.elder]", f"re_entries = {re_entries}\n\n[class.elder]")
    north, south = Named("north", change), Named("south", change)
    assert north.uses() == "admit"
    south.do(north.tells())
    assert south.uses() == ("admit" if re_entries else "refuse")
    north.do(south.tells())
    assert north.uses() == ("admit" if expected else "refuse")
    assert not north.alarmed("double_use") and not south.alarmed("double_use")


def test_badges_are_nobodys_business_and_who_comes_and_goes_is_never_a_double_use(north: Named, south: Named) -> None:
    for door in (north, south):
        assert door.uses(5, person_class="cleaner") == "admit"
    north.meets(south)
    assert not north.alarmed("double_use")


def test_a_badge_that_comes_in_at_two_doors_is_no_double_use_and_is_told_to_nobody() -> None:
    north, south = (Named(name, serves=("staff",)) for name in ("north", "south"))
    for door in (north, south):
        tests = (door.test(1), door.test(1, kind="antigen"), door.test(1, kind="antigen", hours_old=30))
        assert door.enters(door.badge(7, tests=tests)) == "admit"
    north.meets(south)
    assert not north.alarmed("double_use") and north.tells().used == ()
    assert north.tells().used == ()


def test_a_pass_used_elsewhere_on_an_earlier_day_is_used(north: Named, south: Named) -> None:
    book = {"slot_start_s": None, "slot_end_s": None, "expires_s": int(north.wall_0) + 9 * 86_400}
    north.uses(1, **book)
    south.do(north.tells())
    south.wait(86_400)
    assert south.uses(1, **book) == "refuse"
    assert "used" in south.reasons


def test_a_notice_tells_the_day_and_nothing_older(north: Named) -> None:
    north.uses(1)
    north.wait(86_400)
    north.uses(2)
    assert [each[0] for each in north.tells().used] == [f"{2:016x}"]
    assert north.tells().day == "2022-06-02"


def test_a_pass_used_again_is_told_again_whatever_was_used_meanwhile(north: Named) -> None:
    """By an attendant's hand a pass may be used on two days; the notice must not stop before it."""
    now = int(north.wall_0)
    for pass_id, at_s in (("a" * 16, now - 86_400), ("b" * 16, now - 86_000), ("a" * 16, now)):
        bounds.mark_used(north.state, pass_id, at_s, at_s)
    assert [(each[0], each[1]) for each in north.tells().used] == [("a" * 16, 2)]


def test_held_persons_go_with_the_same_notice(north: Named, south: Named) -> None:
    """Who was led away at one door has no second try at another (3.1.2e)."""
    north.state.held_persons["person-1"] = int(north.wall_0)
    south.do(north.tells())
    assert south.uses(1) == "isolate"
    assert south.uses(2) != "isolate"


def test_what_was_told_is_remembered_over_a_restart_and_a_power_loss(north: Named, south: Named) -> None:
    north.uses()
    south.do(north.tells())
    south.controller = type(south.controller).restore(south.controller.snapshot(), south.controller.zones)
    south.start("boot-2")
    assert south.uses() == "refuse"


def test_a_doors_own_notice_that_comes_back_is_no_double_use(north: Named) -> None:
    north.uses()
    north.do(north.tells())
    assert not north.alarmed("double_use") and north.state.elsewhere == {}


def test_the_table_is_bounded(south: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "USED", 50)
    for day in range(30):
        used = tuple((f"{day * 10 + number:016x}", 1, day * 86_400 + number) for number in range(10))
        south.do(PeerUsed(device="north", seq=day, day="2022-06-01", used=used))
        assert len(south.state.elsewhere) <= 50
    assert f"{299:016x}" in south.state.elsewhere and f"{0:016x}" not in south.state.elsewhere
    for number in range(100):
        south.do(PeerUsed(device=f"d{number}", seq=1, day="2022-06-01"))
    assert len(south.state.doors) == other_doors.DEVICES


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.text(max_size=20), st.integers(-(2**63), 2**63), st.integers(-(2**63), 2**63)), max_size=5),
    st.text(max_size=10),
)
def test_whatever_a_door_tells_the_core_goes_on(used: list[tuple[str, int, int]], day: str) -> None:
    south = Named("south")
    south.uses(1)
    passes = (*used, (f"{1:016x}", 5, 2**60), (f"{2:016x}", 2**60, -5))
    south.do(PeerUsed(device="north", seq=1, day=day, used=passes, held=("x",), counted=Counted(day, -5, 2**60, 7, -1)))
    assert len(south.alarmed("double_use")) == 1
    assert south.uses(2) == "refuse"
    assert south.uses(3) == "admit"


@settings(max_examples=200)
@given(st.binary(max_size=300) | st.builds(msgspec.json.encode, st.dictionaries(
    st.sampled_from(["v", "device", "day", "used", "held", "times", "at", "seq", "walk_ins", "slot"]),
    st.integers() | st.text(max_size=20) | st.lists(st.integers() | st.text(max_size=16), max_size=4),
)))  # fmt: skip
def test_any_bytes_are_a_notice_or_none(payload: bytes) -> None:
    heard = passes_list.heard(payload)
    assert heard is None or dt.date.fromisoformat(heard.day)


def test_a_list_of_ids_alone_is_understood(south: Named) -> None:
    """The contract's own words: `used` pass ids and held persons; the rest is ours."""
    plain = b'{"v":1,"device":"north","day":"2022-06-01","used":["0000000000000001"],"held":[]}'
    heard = passes_list.heard(plain)
    assert heard is not None
    south.do(heard)
    assert south.uses(1) == "refuse"


def test_a_door_takes_over_the_day_of_a_dead_one_in_its_place() -> None:
    dead, new = Named("door-1"), Named("door-1", inc="door-1-new")
    assert dead.uses(1) == "admit"
    day = msgspec.structs.replace(dead.tells(), held=("p-somebody",))
    new.do(day)
    assert new.uses(1) == "refuse" and "p-somebody" in new.state.held_persons
    assert new.tells().used == day.used
    new.do(msgspec.structs.replace(day, used=()))
    assert new.uses(1) == "refuse"
    assert new.uses(2) == "admit" and new.uses(1) == "refuse", "what was taken over is remembered as long as an own use"


def test_the_day_of_a_dead_one_hides_none_of_todays_uses_and_holds_nobody_of_yesterday() -> None:
    new = Named("door-1", inc="door-1-new")
    assert new.uses(1) == "admit"
    yesterday_s = int(new.wall_0) - 86_400
    dead = PeerUsed(
        device="door-1", seq=9, inc="door-1-old", day="2022-05-31", used=((f"{7:016x}", 1, yesterday_s),), held=("p-x",)
    )
    new.do(dead)
    assert f"{7:016x}" in new.state.used and new.state.held_persons == {}
    assert [pass_id for pass_id, _, _ in new.tells().used] == [f"{1:016x}"]


def test_an_echo_of_its_own_day_is_no_news_to_a_door() -> None:
    door = Named("door-1")
    assert door.uses(1) == "admit"
    echo = door.tells()
    assert other_doors.from_before(door.state, echo) is None
    door.do(echo)
    door.do(msgspec.structs.replace(echo, held=("p-let-go",)))
    assert door.state.held_persons == {}, "who was let go stays so"
    assert door.uses(2) == "admit" and door.uses(1) == "refuse" and "double_use" not in door.alarms
