"""Check a site file, its rulebook and their signatures before a door depends on them.

Looks at every key, driver, pin and file, at the rulebook's signature and at what the rulebook asks of each lane.
Opens no port. Says everything that is wrong, one line each with file, line and key; exits with 2 then.
"""

from __future__ import annotations

import argparse
import json
import sys

from firmware import clock
from firmware.errors import Mistake
from firmware.language import spoken, told
from firmware.site import Site
from firmware.site.examination import Examination, examine
from firmware.trust.rulebook_file import SignedRulebook

EXAMPLE = "hallgate check --site site.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the device's site file")
    parser.add_argument("--rulebook", metavar="FILE", help="check this rulebook instead of the one the site names")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def run(arguments: argparse.Namespace) -> int:
    found = examine(arguments.site, clock.from_environment(), arguments.rulebook)
    (_as_json if arguments.json else _as_text)(found)
    return Mistake.exit_code if found.wrong else 0


def _as_text(found: Examination) -> None:
    for mistake in found.wrong:
        print(f"hallgate check: {told(mistake)}", file=sys.stderr)
    for mistake in found.odd:
        print(f"hallgate check: {spoken('warning: ')}{told(mistake)}", file=sys.stderr)
    if found.place and not found.wrong:
        print(_summary(found.place, found.rules))


def _summary(place: Site, rules: SignedRulebook | None) -> str:
    lanes = ", ".join(
        spoken(f"lane {lane.name} ({lane.direction}, {len(lane.devices)} devices)") for lane in place.lanes
    )
    book = spoken(f"rulebook {rules.book.serial} signed by {rules.kid}" if rules else "no rulebook")
    return spoken(f"ok: {place.device.name} in {place.device.hall}, {lanes}, {book}")


def _as_json(found: Examination) -> None:
    place, rules = found.place, found.rules
    report = {
        "ok": not found.wrong,
        "errors": [_plain(mistake) for mistake in found.wrong],
        "warnings": [_plain(mistake) for mistake in found.odd],
        "device": place.device.name if place else None,
        "hall": place.device.hall if place else None,
        "lanes": [lane.name for lane in place.lanes] if place else [],
        "rulebook": rules.book.serial if rules else None,
    }
    print(json.dumps(report, ensure_ascii=False))


def _plain(mistake: Mistake) -> dict[str, str | int]:
    return {"file": mistake.file, "line": mistake.line, "key": mistake.key, "what": mistake.what}
