"""3.1.3a, 3.2.1, 3.2.5, 4.1-4.3: where to go, what else to do, and what an idle sign shows, all from the rulebook."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.core.actions import LampShow, SignIdle, SignShow, VoiceSay
from firmware.core.events import Woken
from firmware.outputs import sign_text_line
from firmware.rulebook.words import spoken_number, words
from sensors.driver import Send
from tests.people.hall import Door, at
from tests.people.walk_ins import OPTIONAL, WALK_IN


def voice(door: Door) -> VoiceSay:
    return [order for order in door.actions if isinstance(order, VoiceSay)][-1]


def sign(door: Door) -> SignShow:
    return [order for order in door.actions if isinstance(order, SignShow)][-1]


def idle(door: Door) -> dict[str, str]:
    """Pages of the idle sign, Chinese -> English, as they were told last."""
    return dict(lanes_pages(door)["A"])


def lanes_pages(door: Door) -> dict[str, tuple[tuple[str, str], ...]]:
    return {order.lane: order.pages for order in door.actions if isinstance(order, SignIdle)}


# -------------------------------------------------------------- yes: where to go


@pytest.mark.parametrize(
    ("changes", "shown", "said"),
    [
        ({"service": "permits"}, "请通行 前往3楼12号窗口", "核验通过，请通行。请乘观光电梯到三楼十二号窗口。"),
        ({"zone": "4-7"}, "请通行 前往4楼7号窗口", "核验通过，请通行。请乘观光电梯到四楼七号窗口。"),
        ({"zone": "permits"}, "请通行 前往3楼12号窗口", "核验通过，请通行。请乘观光电梯到三楼十二号窗口。"),
        ({"zone": "1-2"}, "请通行 前往2号窗口", "核验通过，请通行。请到一楼二号窗口。"),
        ({}, "请通行", "核验通过，请通行。"),
        ({"party": 2}, "请通行 共2人", "核验通过，两人请依次通行。"),
    ],
)
def test_an_admission_says_where_to_go(changes: dict[str, Any], shown: str, said: str) -> None:
    door = Door()
    assert door.comes(door.guest(1, **changes)) == "admit"
    assert (door.signs[-1], voice(door).zh) == (shown, said)


def test_a_place_may_have_its_own_lift() -> None:
    door = Door(('window = "12"', 'window = "12"\nlift_zh = "2号电梯"\nlift_en = "lift 2"'))
    door.comes(door.guest(1, service="permits"))
    assert voice(door).zh == "核验通过，请通行。请乘2号电梯到三楼十二号窗口。"
    assert "Take lift 2 to floor 3" in voice(door).en


# -------------------------------------------------------------- no: what else to do


def test_a_refusal_shows_the_phone_and_says_the_online_path() -> None:
    door = Door()
    door.scan(door.guest(1, slot=(-3, -2)))
    assert (sign(door).zh, sign(door).then_zh) == ("已过预约时段 请改约", "咨询021-12345")
    assert voice(door).zh.endswith("可用一网通办网上办理。咨询电话零二幺幺二三四五。")
    assert voice(door).en.endswith("You may use Suishenban. For questions call 021-12345.")


def test_a_service_may_have_its_own_online_path_and_phone() -> None:
    place = 'window = "12"\nonline_zh = "随申办"\nphone = "021-999"'
    door = Door(('window = "12"', place))
    door.scan(door.guest(1, service="permits", slot=(-13, -12)))
    assert sign(door).then_zh == "咨询021-999"
    assert "可用随申办网上办理。" in voice(door).zh


@pytest.mark.parametrize("what", ["early", "staff", "admit"])
def test_who_is_not_sent_away_hears_no_phone(what: str) -> None:
    door = Door()
    door.scan(door.guest(1, slot=(2, 3)) if what == "early" else door.guest(1))
    if what != "early":
        door.scan(door.test(1, hours_old=73 if what == "staff" else 10))
    assert sign(door).then_zh == "" and "电话" not in voice(door).zh


def test_without_a_contact_nothing_is_made_up() -> None:
    contact = 'phone = "021-12345"\nonline_zh = "一网通办"\nonline_en = "Suishenban"\nbooking_zh = "随申办宝山旗舰店"\n'
    door = Door((contact, ""))
    door.scan(door.guest(1, slot=(-3, -2)))
    assert sign(door).then_zh == "" and voice(door).zh == "您的预约时段已过，请用随申办重新预约，或请工作人员帮办。"
    assert not [order for order in door.actions if isinstance(order, SignIdle)]


@pytest.mark.parametrize(("hours", "shown"), [(1.5, "未到预约时段 11:20再来"), (24.5, "未到预约日 6月2日再来")])
def test_early_says_when_to_come_back(hours: float, shown: str) -> None:
    door = Door()
    now = int(door.wall_0)
    slot = {"slot_start_s": now + int(hours * 3600), "slot_end_s": now + int(hours * 3600) + 900}
    assert door.scan(door.guest(1, expires_s=now + 9 * 86_400, **slot)) == "wait"
    assert (door.because, door.signs[-1]) == ("early", shown)
    if hours > 24:
        assert voice(door).zh == "您的预约不在今天，请6月2日十点二十分再来扫码。"


def test_a_class_may_have_its_own_grace() -> None:
    for person_class, answer in (("assisted", "admit"), ("visitor", "refuse")):
        door = Door()
        now = int(door.wall_0)
        late = door.guest(1, person_class, slot_start_s=now - 5000, slot_end_s=now - 25 * 60)
        assert door.comes(late) == answer


@pytest.mark.parametrize(("service", "online"), [("permits", "permits"), ("other", None), (None, None)])
def test_a_visit_that_could_have_been_online_is_told_as_one(service: str | None, online: str | None) -> None:
    door = Door(('window = "12"', 'window = "12"\nonline_zh = "随申办"'))
    door.comes(door.guest(1, service=service))
    assert door.decision.online == online


@pytest.mark.parametrize(
    ("booking", "report", "answer", "colour"),
    [
        ({}, {}, "admit", "green"),
        ({"slot": (2, 3)}, {}, "wait", "yellow"),
        ({"hall": "elsewhere"}, {}, "refuse", "red"),
        ({}, {"hours_old": 80}, "staff", "yellow"),
        ({}, {"result": "positive"}, "isolate", "yellow"),  # in public it looks like any call for staff
    ],
)
def test_the_lamp_says_what_the_sign_says(
    booking: dict[str, Any], report: dict[str, Any], answer: str, colour: str
) -> None:
    door = Door()
    assert door.scan(door.booking(1, **booking)) == answer or door.scan(door.test(1, **report)) == answer
    assert [order.colour for order in door.actions if isinstance(order, LampShow)][-1] == colour


def test_a_phone_number_is_spoken_digit_by_digit() -> None:
    assert words("contact", phone="110-4").voice_zh == "咨询电话幺幺零四。"
    assert spoken_number(110) == "一百一十"


# -------------------------------------------------------------- the idle sign


def test_the_idle_sign_shows_hours_ways_services_and_rules() -> None:
    door = Door()
    door.load_again()
    assert idle(door) == {
        "请出示预约码": "Your booking code, please",
        "今日 9:00-17:00": "Today 9:00-17:00",
        "大厅余位 200": "Places left: 200",
        "需72小时内核酸阴性报告": "Negative PCR within 72 h",
        "预约 随申办宝山旗舰店": "Book: Suishenban, Baoshan store",
        "网上办 一网通办": "Online: Suishenban",
        "咨询021-12345": "Call 021-12345",
        "企业开办": "Business registration: 9:00-20:00",
        "9:00-20:00": "Business registration: 9:00-20:00",
    }


def test_what_remains_is_on_it_and_follows_every_passage() -> None:
    door = Door(WALK_IN, OPTIONAL)
    door.scan(door.test(1))
    door.cross()
    assert {"大厅余位 199", "今日余号 899"} <= idle(door).keys()
    count = sum(isinstance(order, SignIdle) for order in door.actions)
    door.wait(3600).do(Woken())
    assert sum(isinstance(order, SignIdle) for order in door.actions) == count, "nothing new, nothing said"


def test_the_pages_turn_at_midnight_and_with_the_slot_though_nobody_comes() -> None:
    door = Door(WALK_IN, OPTIONAL, ("quota = 0       ", "quota = 1       "), wall=at("2022-06-02 10:00"))
    door.scan(door.test(1))
    door.cross()
    assert "本时段余号 0" in idle(door)
    door.wait(1900)
    assert "本时段余号 1" in idle(door)
    door.wait(14 * 3600)
    assert "今日闭馆" in idle(door), "the third of June is a holiday"


def test_a_closed_day_says_when_the_hall_opens() -> None:
    door = Door(wall=at("2022-06-03 10:00"))
    door.load_again()
    assert {"今日闭馆", "6月6日9:00开放"} <= idle(door).keys()


def test_a_doubtful_clock_tells_no_hours() -> None:
    door = Door(trusted=False)
    door.load_again()
    assert not [page for page in idle(door) if page.startswith(("今日", "大厅余位"))]
    assert "咨询021-12345" in idle(door)


def test_an_exit_keeps_its_own_text() -> None:
    door = Door()
    door.load_again()
    assert lanes_pages(door)["X"] == () and len(lanes_pages(door)["A"]) == 9


def test_a_held_lane_says_so_for_as_long_as_it_is_held() -> None:
    door = Door()
    door.order("hold", lane="A", reason="break")
    assert lanes_pages(door)["A"][0] == ("暂停进入 请稍候", "Entry paused, please wait")
    door.order("release", lane="A")
    assert lanes_pages(door)["A"][0][0] == "请出示预约码"


@pytest.mark.parametrize("contact", [True, False])
def test_an_evacuation_outlasts_every_sign(contact: bool) -> None:
    """A driver takes a message down after an hour; what it goes back to must not invite anybody in."""
    told = 'phone = "021-12345"\nonline_zh = "一网通办"\nonline_en = "Suishenban"\nbooking_zh = "随申办宝山旗舰店"\n'
    door = Door(*(() if contact else ((told, ""),)))
    door.contact("fire_loop", False)
    assert {pages[0][0] for pages in lanes_pages(door).values()} == {"紧急疏散 由此离开"}
    door.contact("fire_loop", True)
    door.scan(door.badge(900, person_class="attendant"))
    door.press(3)
    assert len(lanes_pages(door)["A"]) == (9 if contact else 0)
    assert lanes_pages(door)["X"] == ()


# -------------------------------------------------------------- on the wire


def shown_by(answers: list[Any]) -> str:
    sent = b"".join(answer.raw for answer in answers if isinstance(answer, Send))
    return sent.decode("gb18030").split("\r\n")[0]


def test_a_text_sign_turns_its_pages_and_goes_on_after_an_answer() -> None:
    hand = sign_text_line.Encoder(sign_text_line.Settings(idle_zh="site"))
    assert shown_by(hand.start(0)) == "site"
    assert (
        shown_by(hand.order(SignIdle(lane="A", pages=(("一", "1"), ("二", "2"), ("三", "3")), page_ms=1_000), 0))
        == "一"
    )
    assert [shown_by(hand.tick(t_ms)) for t_ms in (999, 1_000, 2_000, 3_000)] == ["", "二", "三", "一"]
    assert (
        shown_by(hand.order(SignShow(lane="A", zh="否", en="no", show_ms=4_000, then_zh="电话", then_en="call"), 3_500))
        == "否"
    )
    assert hand.order(SignIdle(lane="A", pages=(("甲", "a"), ("乙", "b")), page_ms=1_000), 4_000) == []
    assert [shown_by(hand.tick(t_ms)) for t_ms in (5_499, 5_500, 7_499, 7_500, 8_500)] == ["", "电话", "", "甲", "乙"]
    assert shown_by(hand.stop(9_000)) == "site"
    assert hand.wake_at_ms is None


def test_one_page_stands_still_and_none_is_the_sites_text() -> None:
    hand = sign_text_line.Encoder(sign_text_line.Settings(idle_zh="site"))
    hand.start(0)
    assert shown_by(hand.order(SignIdle(lane="A", pages=(("一", "1"),)), 0)) == "一"
    assert hand.wake_at_ms is None
    assert shown_by(hand.order(SignIdle(lane="A", pages=()), 0)) == "site"


def test_a_sign_that_was_pulled_and_is_back_shows_what_holds_now() -> None:
    hand = sign_text_line.Encoder(sign_text_line.Settings(idle_zh="site"))
    hand.order(SignIdle(lane="A", pages=(("一", "1"), ("二", "2")), page_ms=1_000), 0)
    assert shown_by(hand.replugged(500)) == "一"
    hand.order(SignShow(lane="A", zh="否", en="no", show_ms=1_000), 600)
    assert shown_by(hand.replugged(700)) == "否"


# -------------------------------------------------------------- who answers for it


def test_each_event_names_the_unit_that_answers_for_it() -> None:
    """4.1: the centre, the property company at its lane, the department whose business the visit is."""
    door = Door(("[responsible] ", '[responsible.lane]\nA = "大厅物业"\n[responsible] '))
    assert door.enters(door.guest(1)) == "admit"
    door.cross("out", "X")
    assert [each.responsible for each in door.passages] == ["大厅物业", "区行政服务中心"]
    assert door.decision.responsible == "大厅物业"
    assert door.comes(door.guest(2, service="permits"), 2) == "admit"
    assert door.decision.responsible == "区市场监管局"
    nobody = Door(('unit = "区行政服务中心"\n', ""))
    assert nobody.enters(nobody.guest(1)) == "admit"
    assert {each.responsible for each in nobody.records} == {None}
