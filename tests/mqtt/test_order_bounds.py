"""Where an order's bounds lie: what it may say and when, whose topics are a desk's own, how much is remembered of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mqtt.commands import CLOCKS_DIFFER_S, EVACUATIONS_MAX, IDS_MAX, ISSUERS_MAX, WAITING_MAX, CommandDesk, CommandGuard
from tests.mqtt.signed_orders import DEVICE, HALL, NOW, NOW_S, Keys, desk, done, order, outcome

DEVICES = f"hallgate/v1/{HALL}/device"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({f"key-{n}": n for n in range(16)}, "do"),
        ({f"key-{n}": n for n in range(17)}, "malformed"),
        ({"reason": "x" * 512}, "do"),
        ({"reason": "x" * 513}, "malformed"),
        ({"x" * 513: 1}, "malformed"),
        ({"reason": None, "persons": 2.5}, "do"),
    ],
)
def test_an_order_says_a_few_plain_things(body: dict[str, Any], expected: str) -> None:
    assert outcome(desk().arrived(order(body=body), NOW))[0] == expected


def test_what_an_evacuation_says_besides_is_not_looked_at() -> None:
    judged = desk().arrived(order("evacuate", body={"deep": {"er": [1]}, "x" * 600: 1}), NOW)
    assert judged.event is not None and (judged.event.refusal, judged.event.body) == (None, {})


@pytest.mark.parametrize(
    ("said", "meant"), [({}, None), ({"lane": None}, None), ({"lane": "A"}, "A"), ({"lane": 7}, "")]
)
def test_a_lane_that_is_no_text_is_no_lane_and_not_all_of_them(said: dict[str, Any], meant: str | None) -> None:
    judged = desk().arrived(order(body=said), NOW)
    assert judged.event is not None and judged.event.lane == meant


@pytest.mark.parametrize(
    ("issued_s", "later_ms", "expected"),
    [
        (0, 9_999, "do"),
        (0, 10_000, "expired"),
        (CLOCKS_DIFFER_S, 0, "do"),
        (CLOCKS_DIFFER_S, -1, "issued_in_future"),
    ],
)
def test_an_order_is_good_until_its_end_and_from_a_hub_whose_clock_is_five_minutes_ahead(
    issued_s: int, later_ms: int, expected: str
) -> None:
    then = msgspec.structs.replace(NOW, wall_ms=NOW.wall_ms + later_ms)
    assert outcome(desk().arrived(order(now_s=NOW_S + issued_s), then))[0] == expected


@pytest.mark.parametrize(
    ("topic", "at_a_door", "at_the_bank"),
    [
        (f"{DEVICES}/{DEVICE}/command/hold", True, True),
        (f"{DEVICES}/{DEVICE}/history", False, False),
        (f"{DEVICES}/gate-2/command/hold", False, False),
        (f"hallgate/v1/pudong/device/{DEVICE}/command/hold", False, False),
        (f"hallgate/v1/{HALL}/rights/hall/command", False, True),
        (f"hallgate/v1/{HALL}/rights/hall/notice", False, False),
        (f"hallgate/v1/{HALL}/passes/hall/command", False, False),
        ("hallgate/v1/pudong/rights/hall/command", False, False),
        (f"hallgate/v2/{HALL}/rights/hall/command", False, False),
        (f"hallgate/v1/{HALL}/rights/hall/row/command", False, False),
        (f"hallgate/v1/{HALL}/rights/hall", False, False),
    ],
)
def test_whose_orders_come_on_a_topic(topic: str, at_a_door: bool, at_the_bank: bool) -> None:
    bank = CommandDesk(HALL, DEVICE, Keys, CommandGuard(), bank=lambda: True)
    assert (desk().mine(topic), bank.mine(topic)) == (at_a_door, at_the_bank)


def test_a_name_that_a_stranger_wrote_is_neither_shown_nor_stored() -> None:
    for name in ("<b>open", "Open_once", "x" * 33, "open once\n"):
        judged = desk().arrived(
            msgspec.structs.replace(order(), topic=f"{DEVICES}/{DEVICE}/command/{name}", payload=b"x"), NOW
        )
        assert judged.event is not None and (judged.event.name, judged.event.refusal) == ("unknown", "malformed")


# ---------------------------------------------------------------- what is remembered


def test_counters_begin_at_nought_for_each_issuer_of_each_key() -> None:
    here = desk()
    assert outcome(here.arrived(order(id="o-0", counter=0), NOW))[0] == "do"
    assert outcome(here.arrived(order(id="o-1", counter=1), NOW))[0] == "do"
    assert outcome(here.arrived(order(id="o-2", counter=0, issuer="page-wang"), NOW))[0] == "do"


def test_an_issuer_more_than_can_be_remembered_waits_until_the_orders_of_another_are_over() -> None:
    """Whoever was forgotten before that could be replayed."""
    here = desk()
    for n in range(ISSUERS_MAX):
        said = order(id=f"o-{n}", issuer=f"i-{n}", valid_s=20 if n else 10)
        assert outcome(here.arrived(said, NOW))[0] == "do"
    assert outcome(here.arrived(order(id="longer", issuer="i-1", counter=2), NOW))[0] == "do", "who is known goes on"
    one_more = order(id="more", issuer="more", valid_s=20)
    assert outcome(here.arrived(one_more, NOW))[0] == "too_many_issuers"
    later = msgspec.structs.replace(NOW, wall_ms=NOW.wall_ms + 10_000)
    assert outcome(here.arrived(one_more, later))[0] == "do"
    assert len(here.guard.counters) == ISSUERS_MAX and "boss i-0" not in here.guard.counters
    assert outcome(here.arrived(order(id="most", issuer="most", valid_s=20), later))[0] == "too_many_issuers", (
        "the later order of the second was over, but not its first"
    )


def test_only_the_first_answer_counts_and_only_to_what_was_asked() -> None:
    guard, event = CommandGuard(), desk().arrived(order(), NOW).event
    assert event is not None
    guard.learn(event)
    for record in (done("o-1"), done("o-1", "no_lane"), done("o-2")):
        guard.answered("boss", record)
    assert {key: answer and answer.result for key, answer in guard.answers.items()} == {"boss o-1": "done"}


def test_of_the_evacuations_the_latest_are_remembered_and_a_forgotten_one_is_obeyed_again() -> None:
    here, first = desk(), order("evacuate", id="fire-0", counter=1)
    here.arrived(first, NOW)
    here.done(done("fire-0"))
    for n in range(1, EVACUATIONS_MAX + 1):
        here.arrived(order("evacuate", id=f"fire-{n}", counter=n + 1), NOW)
    assert list(here.guard.evacuations) == [f"boss fire-{n}" for n in range(1, EVACUATIONS_MAX + 1)]
    assert outcome(here.arrived(first, NOW))[0] == "do"


def test_the_orders_and_answers_of_an_issuer_that_never_ends_take_no_more_room() -> None:
    here = desk()
    for n in range(IDS_MAX + 10):
        here.arrived(order(id=f"o-{n}", counter=n + 1), NOW)
    assert list(here.guard.answers) == [f"boss o-{n}" for n in range(10, IDS_MAX + 10)]
    answered = [n for n in range(IDS_MAX + 10) if here.done(done(f"o-{n}"))]
    assert answered == list(range(IDS_MAX + 10 - WAITING_MAX, IDS_MAX + 10)), "the latest are still waited for"


def test_who_asks_again_and_again_is_answered_a_few_times() -> None:
    here = desk()
    for _ in range(50):
        here.arrived(order(), NOW)
    assert len(here.done(done("o-1"))) == 4
