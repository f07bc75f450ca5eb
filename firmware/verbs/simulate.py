"""Simulate a day of a hall with many doors: how full it gets, who gives up, and what an outage of the broker does.

Every figure is the median of the seeds, the overshoot and the rows are the worst of them. The rights policies run the
same code as the devices. --plan FILE describes a hall (TOML): limit, entries and exits (weights, one per door), opens
(hour), arrivals (people expected in each hour), dwell and patience (minutes), passage_seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from firmware import typed_toml
from firmware.errors import Mistake
from firmware.files import read
from firmware.language import chosen
from firmware.simulation.day import POLICIES, Plan, Summary, summary

EXAMPLE = "hallgate simulate day --policy rights-side-link --outage 12:00-13:00 --seeds 30"
NAMES = {
    "central-closed": ("中央计数，断网时关门", "central counter, fail closed"),
    "central-open": ("中央计数，断网时放行", "central counter, fail open"),
    "last-known": ("最后已知人数加本门进出", "last known count + own"),
    "rights": ("名额制，不调配", "rights, no rebalancing"),
    "rights-mqtt": ("名额制，经服务器调配", "rights + rebalancing over MQTT"),
    "rights-side-link": ("名额制，经服务器和本地直连调配", "the same + side link on the LAN"),
}
HEADS = (
    ("最多超员", "over"),
    ("利用率%", "use %"),
    ("断网时%", "outage %"),
    ("放弃等候", "gave up"),
    ("消息数", "rows"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("day",), help="what to simulate")
    parser.add_argument("--policy", choices=POLICIES, action="append", help="one policy (default: all of them)")
    parser.add_argument("--outage", metavar="HH:MM-HH:MM", help="when the broker is dead")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=30, help="how many days to simulate, 1 to 1000")
    parser.add_argument("--plan", metavar="FILE", help="the hall and its day (default: 4 entries, 3 exits, 200 places)")
    parser.add_argument("--limit", type=int, help="places in the hall")
    parser.add_argument("--dwell", type=float, metavar="MINUTES", help="how long people stay on average")
    parser.add_argument("--json", action="store_true", help="one JSON line per policy")


def run(arguments: argparse.Namespace) -> int:
    plan = _plan(arguments)
    if not 1 <= arguments.seeds <= 1000:
        raise Mistake("--seeds must be 1 to 1000")
    outage = _outage(arguments.outage, plan) if arguments.outage else None
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    if not arguments.json:
        print(_line(_name("各种办法", "policy"), [_name(*head) for head in HEADS]))
    for policy in arguments.policy or POLICIES:
        _show(summary(plan, policy, seeds, outage), arguments.json)
    return 0


def _show(found: Summary, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(found).decode(), flush=True)
        return
    figures = (found.overshoot, found.utilisation, found.utilisation_outage, found.gave_up, found.rows_per_day)
    print(_line(_name(*NAMES[found.policy]), [str(figure) for figure in figures]), flush=True)


def _name(zh: str, en: str) -> str:
    return zh if chosen() == "zh" else en


def _line(name: str, cells: list[str]) -> str:
    return _padded(name, -34) + "".join(_padded(cell, 10) for cell in cells)


def _padded(text: str, width: int) -> str:
    """A Chinese character is two columns wide. A negative width puts the text to the left."""
    gap = " " * max(0, abs(width) - sum(2 if letter > "\u2e80" else 1 for letter in text))
    return text + gap if width < 0 else gap + text


# -------------------------------------------------------------- what the user says


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = _read(Path(arguments.plan)) if arguments.plan else Plan()
    changes = {name: getattr(arguments, name) for name in ("limit", "dwell") if getattr(arguments, name) is not None}
    plan = msgspec.structs.replace(plan, **changes)
    _sound(plan, arguments.plan or "")
    return plan


def _read(file: Path) -> Plan:
    written = typed_toml.document(read(file), str(file))
    try:
        return msgspec.convert(written.tree, Plan)
    except ValueError as error:
        raise Mistake(f"is no plan of a hall: {error}", file=str(file)) from None


def _sound(plan: Plan, file: str) -> None:
    """A hall that can be simulated: bounded, with a way in and a way out."""
    weights = (*plan.entries, *plan.exits, *plan.arrivals)
    doors = 1 <= len(plan.entries) <= 40 and 1 <= len(plan.exits) <= 40 and sum(plan.entries) > 0 < sum(plan.exits)
    day = plan.opens >= 0 and plan.arrivals and plan.opens + len(plan.arrivals) <= 24
    times = all(0 < each <= 1440 for each in (plan.dwell, plan.patience, plan.passage_seconds))
    if not (doors and day and times and 1 <= plan.limit <= 100_000 and all(0 <= each <= 20_000 for each in weights)):
        raise Mistake(
            "this hall cannot be simulated: a number is out of range, or a way in or out is missing", file=file
        )


def _outage(text: str, plan: Plan) -> tuple[float, float]:
    """In ms after opening."""
    try:
        begin, end = (_minutes(part) for part in text.split("-"))
    except ValueError:
        raise Mistake(f"{text} is no time of the day: write HH:MM-HH:MM") from None
    if begin >= end or begin < plan.opens * 60:
        raise Mistake(f"the outage {text} must begin after the hall opens at {plan.opens}:00, and end later")
    return (begin - plan.opens * 60) * 60_000.0, (end - plan.opens * 60) * 60_000.0


def _minutes(text: str) -> int:
    hours, minutes = text.strip().split(":")
    if not (0 <= int(hours) <= 24 and 0 <= int(minutes) < 60):
        raise ValueError(text)
    return int(hours) * 60 + int(minutes)
