"""The picture of a hall: right numbers, nothing about a person, nothing breaks it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.records import Alarm, Clause, Incident
from mqtt.messages import AlarmStatus, IncidentStatus, RoundStatus
from mqtt.terminal import lines
from mqtt.troubles import ALARMS_MAX, NEWS_MS
from mqtt.view import DECISIONS_SHOWN, HallView
from tests.mqtt.hall import AT, decision, encoded, passage, status


def hall() -> HallView:
    view = HallView("baoshan")
    view.heard("entry-1", "availability", b"online", 0.0)
    view.heard("entry-1", "status", status("entry-1").encoded(), 0.0)
    return view


def alarm(seq: int, what: str = "tailgate", active: bool = True) -> bytes:
    return encoded(
        Alarm(id=f"e-{seq}", seq=seq, boot="b", at=AT.format(0), at_trusted=True, lane="A", alarm=what, active=active)
    )


def test_the_bank_says_how_many_are_inside_and_its_passages_say_it_sooner() -> None:
    view = hall()
    view.heard(
        "exit-1", "status", status("exit-1", bank=False, inside=90, at="2030-01-01T00:00:00.000+08:00").encoded(), 0.0
    )
    assert (view.picture()["best"], view.picture()["target"]) == (137, 200)
    view.heard("exit-1", "event", encoded(passage(1, "out", inside=50)), 0.0)
    assert view.picture()["best"] == 137
    view.heard("entry-1", "event", encoded(passage(1, "in", inside=138)), 0.0)
    assert view.picture()["best"] == 138
    view.heard("entry-1", "status", status("entry-1", inside=139).encoded(), 0.0)
    assert view.picture()["best"] == 139
    assert [sum(counts) for counts in zip(*(row[5:] for row in view.day.points()), strict=True)] == [1, 1]


def test_whose_last_word_is_online_and_who_says_nothing_more_is_not_there() -> None:
    """A device whose key was taken back while it was connected: its will is never said, the retained word stands."""
    view = hall()
    assert ("device", "entry-1") not in view.tick(60_000.0)
    assert view.devices["entry-1"].online
    assert ("device", "entry-1") in view.tick(63_000.0)
    assert (view.devices["entry-1"].online, view.picture()["online"]) == (False, 0)
    assert ("device", "entry-1") not in view.tick(66_000.0)
    view.heard("entry-1", "status", status("entry-1").encoded(), 67_000.0)
    assert ("device", "entry-1") in view.tick(68_500.0) and view.devices["entry-1"].online


def test_a_hub_that_was_deaf_itself_calls_nobody_silent() -> None:
    view = hall()
    view.listens(500_000.0)
    view.tick(503_000.0)
    assert view.devices["entry-1"].online


def test_decisions_keep_clause_and_phrase_and_drop_the_person() -> None:
    view = hall()
    for _ in range(2):
        view.heard("entry-1", "event", encoded(decision(1, "refuse")), 0.0)
    (shown,) = view.whole()["decisions"]
    assert list(shown["clauses"]) == [{"clause": "3.1.1a", "verdict": "refuse", "because": "used"}]
    everything = json.dumps(view.whole(), ensure_ascii=False)
    assert "预约已使用" in everything
    assert "pseudonym-7" not in everything
    assert "0123456789abcdef" not in everything


def stand(view: HallView) -> list[str]:
    return [one["what"] for one in view.troubles.alarm_list() if one["active"]]


def test_an_alarm_stays_until_it_ends_and_old_ones_make_room() -> None:
    view = hall()
    view.heard("entry-1", "event", alarm(1, "fire"), 0.0)
    view.heard("entry-1", "event", alarm(2, "held_open"), 0.0)
    view.heard("entry-1", "event", alarm(3, "held_open"), 0.0)
    view.heard("entry-1", "event", alarm(4, "held_open", active=False), 0.0)
    assert [(one["what"], one["active"], one["times"]) for one in view.troubles.alarm_list()] == [
        ("fire", True, 1),
        ("held_open", False, 2),
    ]
    for seq in range(5, 5 + 2 * ALARMS_MAX):
        view.heard("entry-1", "event", alarm(seq, f"other_{seq}", active=False), 0.0)
    assert len(view.troubles.alarms) == ALARMS_MAX
    assert view.troubles.alarm_list()[0]["what"] == "fire"


def test_what_happened_once_calls_for_somebody_for_ten_minutes() -> None:
    """Nothing ever says that a tailgater is over: one in the morning would keep "all is well" from the wall all day."""
    view = hall()
    view.heard("entry-1", "event", alarm(1, "tailgate"), 0.0)
    assert ("alarms", "") not in view.tick(NEWS_MS - 2_000) and stand(view) == ["tailgate"]
    assert ("alarms", "") in view.tick(NEWS_MS + 2_000) and stand(view) == []
    assert ("alarms", "") not in view.tick(NEWS_MS + 4_000)
    view.heard("entry-1", "event", alarm(2, "tailgate"), NEWS_MS + 3_000)
    assert [(one["active"], one["times"]) for one in view.troubles.alarm_list()] == [(True, 2)]


def test_a_hub_that_begins_is_not_called_to_what_happened_yesterday() -> None:
    view = hall()
    view.heard("entry-1", "status", status("entry-1", at="2031-01-01T10:00:00.000+08:00").encoded(), 0.0)
    view.heard("entry-1", "event", alarm(1, "tailgate"), 0.0)
    view.heard("entry-1", "event", alarm(2, "forced"), 0.0)
    assert stand(view) == ["forced"]
    view.heard("entry-1", "status", status("entry-1", at_trusted=False).encoded(), 0.0)
    view.heard("entry-1", "event", alarm(3, "tailgate"), 0.0)
    assert set(stand(view)) == {"forced", "tailgate"}, "nobody knows when"


def test_the_status_says_what_stands_to_whoever_missed_it() -> None:
    view = hall()

    def tells(seq: int, *standing: str) -> bool:
        told = tuple(AlarmStatus(alarm=each, lane="A") for each in standing)
        return ("alarms", "") in view.heard("entry-1", "status", status("entry-1", seq=seq, alarms=told).encoded(), 0.0)

    view.heard("entry-1", "event", alarm(5, "held_open"), 0.0)
    view.heard("entry-1", "event", alarm(6, "tailgate"), 0.0)
    assert not tells(4) and stand(view) == ["tailgate", "held_open"], "a status from before says nothing of it"
    assert tells(6, "obstructed") and set(stand(view)) == {"obstructed", "tailgate"}
    view.heard("entry-1", "event", alarm(3, "obstructed"), 0.0)
    assert {one["what"]: one["times"] for one in view.troubles.alarm_list()}["obstructed"] == 1, (
        "its own begin, told late"
    )
    view.heard("entry-1", "event", alarm(8, "obstructed", active=False), 0.0)
    assert not tells(7, "obstructed") and stand(view) == ["tailgate"]
    assert tells(9, "obstructed") and not tells(10, "obstructed")
    view.heard("entry-1", "status", status("entry-1", seq=11).encoded(), 0.0)
    assert "obstructed" in stand(view), "an older firmware does not say"


def test_what_a_dead_card_told_is_over_when_another_takes_its_place() -> None:
    view = hall()
    view.heard("entry-1", "event", alarm(900, "quarantine"), 0.0)
    view.heard("entry-2", "event", alarm(1, "fire"), 0.0)
    view.heard("entry-2", "event", alarm(2, "forced"), 0.0)
    view.heard("entry-2", "event", alarm(3, "forced", active=False), 0.0)
    new = Alarm(id="new-1", seq=1, boot="b", at=AT.format(0), at_trusted=True, lane="A", alarm="held_open")
    view.heard("entry-1", "event", encoded(new), 0.0)
    assert stand(view) == ["held_open", "fire"]


def incident(seq: int, state: str = "opened", step: str = "", **more: Any) -> bytes:
    head = {"id": f"e-{seq}", "seq": seq, "boot": "b", "at": AT.format(seq % 10), "at_trusted": True, "lane": "A"}
    return encoded(Incident(**head, incident="i-e-7", state=state, step=step or state, because="code_red", **more))  # type: ignore[arg-type]


def open_ones(view: HallView) -> list[tuple[str, str, list[str]]]:
    known = view.troubles.incident_list()
    return [(one["id"], one["state"], [step["step"] for step in one["steps"]]) for one in known]


def test_an_isolation_that_began_before_the_hub_can_be_signed_off_on_its_page() -> None:
    view = hall()
    told = IncidentStatus(incident="i-e-7", lane="A", state="escalated", because="code_red", opened_at=AT.format(1))
    held = status("entry-1", seq=500, incidents=(told,)).encoded()
    assert ("incidents", "") in view.heard("entry-1", "status", held, 0.0)
    assert ("incidents", "") not in view.heard("entry-1", "status", held, 0.0)
    assert open_ones(view) == [("i-e-7", "escalated", ["opened"])]
    assert view.troubles.incident_list()[0]["at"] == AT.format(1) and "i-e-7" in "".join(lines(view, "zh"))
    view.heard("entry-1", "event", incident(501, "acknowledged"), 0.0)
    view.heard("entry-1", "event", incident(300), 0.0)
    assert open_ones(view) == [("i-e-7", "acknowledged", ["opened", "acknowledged"])]
    old = status("entry-1", seq=500, incidents=()).encoded()
    assert ("incidents", "") not in view.heard("entry-1", "status", old, 0.0), "from before it was opened"
    over = status("entry-1", seq=502, incidents=()).encoded()
    assert ("incidents", "") in view.heard("entry-1", "status", over, 0.0)
    assert [state for _, state, _ in open_ones(view)] == ["closed"]
    assert ("incidents", "") not in view.heard("entry-1", "status", over, 0.0)


def test_an_isolation_whose_door_was_replaced_is_nobodys_any_more_and_says_so() -> None:
    view = hall()
    view.heard("entry-1", "event", incident(900), 0.0)
    view.heard("entry-1", "event", encoded(decision(1, id="new-1")), 0.0)
    view.heard("entry-1", "event", encoded(decision(1, id="newer-1")), 0.0)
    assert open_ones(view) == [("i-e-7", "closed", ["opened", "device_replaced"])]


def test_decisions_stand_in_the_order_of_their_time_and_a_wrong_clock_hides_nothing() -> None:
    view = hall()
    for seq in (1, 3, 5, 2):
        view.heard("entry-1", "event", encoded(decision(seq)), 0.0)
    view.heard(
        "entry-2", "event", encoded(decision(1, id="x", at="1970-01-01T00:00:09.000+08:00", at_trusted=False)), 0.0
    )
    assert [one["id"] for one in view.whole()["decisions"]] == ["e-1", "e-2", "e-3", "e-5", "x"]


def test_lists_are_bounded() -> None:
    view = hall()
    for seq in range(1, 3 * DECISIONS_SHOWN):
        view.heard("entry-1", "event", encoded(decision(seq)), 0.0)
    assert len(view.whole()["decisions"]) == DECISIONS_SHOWN


def test_the_terminal_shows_the_same_picture_in_both_languages() -> None:
    view = hall()
    view.heard("entry-1", "event", encoded(decision(1, "wait")), 0.0)
    view.heard("entry-1", "event", alarm(2), 0.0)
    english, chinese = ("\n".join(lines(view, language)) for language in ("en", "zh"))
    assert "inside 137  limit 200" in english
    assert "wait 3.1.1b hall full [Hall is full]" in english
    assert "! entry-1/A tailgating" in english
    assert "在厅 137  上限 200" in chinese
    assert "请候 3.1.1b 人数已满 [大厅人数已满 请稍候]" in chinese
    assert "! entry-1/A 尾随" in chinese


def test_the_terminal_shows_rounds_and_reasons_in_the_readers_language() -> None:
    late = RoundStatus(point="toilets", name_zh="卫生间", name_en="Toilets", due_at=AT.format(0), state="red")
    view = hall()
    view.heard(
        "entry-1", "status", status("entry-1", rounds=(late, RoundStatus(point="x", state="done"))).encoded(), 0.0
    )
    view.heard("entry-1", "event", encoded(decision(1, "refuse", clauses=(Clause("3.2.6", "refuse", "closed"),))), 0.0)
    english, chinese = ("\n".join(lines(view, language)) for language in ("en", "zh"))
    assert "◷ 消毒 卫生间 08:56 严重超时" in chinese and "不通过 3.2.6 未开放" in chinese
    assert "◷ round Toilets 08:56 much too late" in english and "refuse 3.2.6 closed now" in english
    assert "◷" not in english.replace("◷", "", 1), "what was done needs nobody"


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["availability", "status", "event", "command/x", ""]),
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(
            st.sampled_from(["v", "id", "seq", "kind", "boot", "at", "at_trusted", "alarm", "device", "hall", "lanes"]),
            st.one_of(
                st.integers(-5, 2**60), st.text(max_size=9), st.sampled_from(["alarm", "passage"]), st.booleans()
            ),
        ).map(lambda fields: json.dumps(fields).encode()),
    ),
)
def test_no_bytes_break_the_picture(last: str, payload: bytes) -> None:
    view = hall()
    view.heard("entry-1", last, payload, 0.0)
    view.heard("entry-2", last, payload, 0.0)
    json.dumps(view.whole())
    lines(view, "zh")
