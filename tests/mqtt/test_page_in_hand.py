"""The page under somebody's hands: what they hold does not change under them, and what they are told is so."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from firmware.core.records import Alarm
from mqtt.messages import LaneStatus
from tests.brokers import wait_until
from tests.mqtt.hall import AT, decision, encoded, passage, status
from tests.mqtt.helpers import Ear
from tests.mqtt.pages import HALL, answering, envelopes, lanes, opened, shows, tell_hall

FOCUSED = "document.activeElement.getAttribute('aria-label')"
LISTENS = """() => {
  window.read = [];
  new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach((node) => window.read.push(node.textContent))))
    .observe(document.getElementById("alarms"), { childList: true, subtree: true });
}"""
UNDER_THE_FINGER = """() => {
  const button = [...document.querySelectorAll("#hall-orders button")].find((one) => one.textContent === "Evacuate");
  Object.assign(button.style, { position: "fixed", left: "POINT_Xpx", top: "POINT_Ypx", width: "8px", minHeight: "8px" });
}"""
SEEN = """() => [...document.querySelectorAll(".wall .door")].filter((door) => {
  const wall = door.closest(".wall").getBoundingClientRect(), box = door.getBoundingClientRect();
  return box.height > 0 && box.top >= wall.top - 1 && box.bottom <= wall.bottom + 1 && box.bottom <= innerHeight;
}).length"""


@pytest.fixture
def ear(orders_ear: Ear) -> Ear:
    return orders_ear


def entry_is(ear: Ear, state: str) -> None:
    its = (LaneStatus(name="A", state=state), LaneStatus(name="B"))
    ear.say(f"{HALL}/device/entry-1/status", status("entry-1", lanes=its).encoded(), retain=True)


def alarm(ear: Ear, seq: int, what: str, active: bool = True) -> None:
    told = Alarm(
        id=f"a-{seq}", seq=seq, boot="b", at=AT.format(seq), at_trusted=True, lane="A", alarm=what, active=active
    )
    ear.say(f"{HALL}/device/entry-1/event", encoded(told))


def test_a_button_stays_under_focus_and_finger_while_its_door_changes(desk: Any, ear: Ear) -> None:
    hold = desk.get_by_role("button", name="Hold entry-1/A")
    hold.focus()
    entry_is(ear, "passing")
    shows(desk, "#gates .door[data-state=passing]", "entry-1/A")
    assert desk.evaluate(FOCUSED) == "Hold entry-1/A"

    box = hold.bounding_box()
    desk.mouse.move(box["x"] + 4, box["y"] + 4)
    desk.mouse.down()
    entry_is(ear, "refused")
    shows(desk, "#gates .door[data-state=refused]", "entry-1/A")
    desk.mouse.up()
    shows(desk, "#confirm", "Hold · entry-1/A")

    answering(ear)
    desk.keyboard.press("Enter")
    shows(desk, "#told", "done 1/1")
    entry_is(ear, "held")
    shows(desk, "#gates .door[data-state=held]", "entry-1/A")
    assert desk.evaluate(FOCUSED) == "Release entry-1/A", "where the finger was, the opposite order is now"


def test_the_end_of_one_alarm_reads_no_other_one_aloud_again(hub_url: str, window: Any, ear: Ear) -> None:
    tell_hall(ear, lanes())
    for seq, what in enumerate(("held_open", "forced", "fire"), 1):
        alarm(ear, seq, what)
    tab = opened(window, hub_url, language="en")
    shows(tab, "#alarms", "Fire")
    assert tab.locator("#alarms li").count() == 3
    tab.evaluate(LISTENS)
    alarm(ear, 4, "fire", active=False)
    shows(tab, "#alarms .ended", "Fire")
    assert [told for told in tab.evaluate("window.read") if "Held open" in told or "Forced" in told] == []


def test_the_second_half_of_a_double_click_is_no_confirmation(desk: Any, ear: Ear) -> None:
    answering(ear)
    desk.get_by_role("button", name="Hold whole hall").click()
    box = desk.locator("#confirm-yes").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.keyboard.press("Escape")
    desk.evaluate(UNDER_THE_FINGER.replace("POINT_X", str(x - 3)).replace("POINT_Y", str(y - 3)))
    desk.mouse.dblclick(x, y)
    shows(desk, "#confirm", "Evacuate")
    desk.wait_for_timeout(300)
    assert envelopes(ear) == []
    desk.click("#confirm-yes", delay=800)
    shows(desk, "#told", "done 4/4")


def test_signed_out_is_said_when_it_is_so(desk: Any) -> None:
    desk.context.set_offline(True)
    desk.click("#sign")
    shows(desk, "#told", "Page server gone")
    shows(desk, "#sign", "Sign out wang")
    desk.context.set_offline(False)
    desk.context.clear_cookies()  # as after half an hour without an order
    desk.click("#sign")
    shows(desk, "#sign", "Sign in")


def test_why_an_order_was_not_done_is_said_in_both_languages(desk: Any, ear: Ear) -> None:
    answering(ear, result="refused", because="somebody_is_passing")
    desk.get_by_role("button", name="Open once entry-1/A").click()
    desk.click("#confirm-yes")
    shows(desk, "#confirm-answer", "entry-1: somebody is in the lane: give it again in a moment")
    desk.keyboard.press("Escape")
    desk.click("#language")
    desk.get_by_role("button", name="开一次 entry-1/A").click()
    desk.click("#confirm-yes")
    shows(desk, "#confirm-answer", "entry-1: 有人正在通过")


def test_an_exit_is_not_held_and_opening_it_lets_nobody_in(desk: Any) -> None:
    assert [one.text_content() for one in desk.locator("#exits .door button").all()] == ["Open once"]
    desk.locator("#exits .door button").click()
    shows(desk, "#confirm-text", "Opens the exit once")
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Open once entry-1/A").click()
    shows(desk, "#confirm-text", "Lets one person in")


def test_the_title_of_a_page_that_is_cut_off_shows_no_number(hub_url: str, window: Any, ear: Ear) -> None:
    tell_hall(ear, lanes())
    alarm(ear, 1, "held_open")
    tab = opened(window, hub_url, language="en")
    wait_until(lambda: tab.title() == "▲2 62 / 200 · baoshan")  # the alarm, and a round that is late
    tab.evaluate("HEARD.link({ connected: false, problem: 'refused' })")
    wait_until(lambda: tab.title() == "✕ Broker gone, waiting for it · baoshan")


def test_no_old_word_and_no_doubtful_clock_sets_the_time_of_the_hall(hub_url: str, window: Any, ear: Ear) -> None:
    tell_hall(ear, lanes())
    tab = opened(window, hub_url, language="en")
    shows(tab, "#now", "08:56:")
    doubtful = status("exit-1", lanes=lanes()["exit-1"], at="2021-01-01T03:33:00.000+08:00", at_trusted=False)
    ear.say(f"{HALL}/device/exit-1/status", doubtful.encoded(), retain=True)
    old = encoded(decision(7, at="2022-06-10T01:11:00.000+08:00"))
    ear.say(f"{HALL}/device/entry-2/event", old)
    shows(tab, "#decisions", "01:11:00")
    tab.wait_for_timeout(1_200)
    assert tab.text_content("#now").startswith("08:5")


def test_a_hub_that_came_later_says_that_it_has_not_seen_all_of_today(hub_url: str, window: Any, ear: Ear) -> None:
    tell_hall(ear, lanes())
    ear.say(f"{HALL}/device/entry-1/event", encoded(passage(1)))
    tab = opened(window, hub_url, language="en")
    shows(tab, "#facts", "In today1")
    ear.say(f"{HALL}/device/entry-2/event", encoded(msgspec.structs.replace(passage(900), id="f-900")))
    shows(tab, "#facts", "In today≥ 2")


def test_the_chart_has_steps_only_and_is_read_aloud_to_whoever_moves_along_it(
    hub_url: str, window: Any, ear: Ear
) -> None:
    tell_hall(ear, lanes())
    tab = opened(window, hub_url, language="en")
    shows(tab, "#reading", "People inside 62")
    assert tab.get_attribute("#reading", "aria-live") == "off"
    tab.locator("#chart").focus()
    tab.keyboard.press("End")
    wait_until(lambda: tab.get_attribute("#reading", "aria-live") == "polite")
    for points in (
        [[1000, 3, 5, 9, 20, 1, 0]],
        [[1000, 3, 5, 9, 20, 1, 0], [1014, 5, 5, 5, 20, 1, 0], [1016, 4, 5, 7, 20, 0, 0]],
    ):
        tab.evaluate("points => { state.day = points; drawChart(); }", points)
        for path in tab.locator("#chart path").all():
            corners = walked(path.get_attribute("d"))
            assert all(ax == bx or ay == by for (ax, ay), (bx, by) in zip(corners, corners[1:], strict=False)), corners
            assert max(x for x, _ in corners) <= 1000.01, "nothing is known of what is still to come"


def walked(path: str) -> list[tuple[float, float]]:
    """The corners of an SVG path of straight lines, closed where it is."""
    corners, x, y = list[tuple[float, float]](), 0.0, 0.0
    for command, numbers in re.findall(r"([MLHVhZ])([^MLHVhZ]*)", path):
        said = [float(number) for number in numbers.split()]
        match command:
            case "M" | "L":
                x, y = said
            case "H":
                x = said[0]
            case "h":
                x += said[0]
            case "V":
                y = said[0]
            case "Z":
                x, y = corners[0]
        corners.append((round(x, 3), round(y, 3)))
    return corners


@pytest.mark.parametrize("size", [(1920, 1080), (3840, 2160)])
def test_a_screen_on_the_wall_shows_every_door_that_fits_and_says_how_many_do_not(
    hub_url: str, window: Any, ear: Ear, size: tuple[int, int]
) -> None:
    def doors(many: int) -> dict[str, tuple[LaneStatus, ...]]:
        way = {True: "out", False: "in"}
        return {f"door-{at}": (LaneStatus(name="A", direction=way[at % 3 == 0], waiting=at % 3),) for at in range(many)}

    tab = opened(window, hub_url, *size, language="en")
    for many in (12, 40):
        tell_hall(ear, doors(many))
        wait_until(lambda many=many: tab.locator(".wall .door").count() == many)  # type: ignore[misc]
        wait_until(lambda many=many: tab.evaluate(SEEN) == many)  # type: ignore[misc]
        assert not tab.locator("#unshown").is_visible()
    tell_hall(ear, doors(300))
    wait_until(lambda: tab.locator(".wall .door").count() == 300, 60.0)
    wait_until(lambda: tab.text_content("#unshown") == f"{300 - tab.evaluate(SEEN)} more doors")
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_the_head_of_the_page_does_not_cover_it_where_there_is_little_room(hub_url: str, window: Any) -> None:
    tab = opened(window, hub_url, 320, 200)  # a page at 400 %
    assert tab.evaluate("getComputedStyle(document.querySelector('header')).position") == "static"
