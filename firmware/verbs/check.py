"""Check a site file, its rulebook and their signatures before a door depends on them.

Looks at every key, driver, pin and file, at the rulebook's signature and at what the rulebook asks of each lane.
Opens no port. Says everything that is wrong, one line each with file, line and key; exits with 2 then.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firmware import clock, site, typed_toml
from firmware.errors import Mistake
from firmware.language import spoken, told
from firmware.rulebook.contradictions import complaints
from firmware.site import Site
from firmware.trust import rulebook_file
from firmware.trust.rulebook_file import SignedRulebook
from firmware.typed_toml import Mistakes

EXAMPLE = "hallgate check --site site.toml"


@dataclass
class Findings:
    """What was found, in the order a person should mend it."""

    wrong: list[Mistake] = field(default_factory=list)
    odd: list[Mistake] = field(default_factory=list)

    def add(self, mistake: Mistake) -> None:
        self.wrong += mistake.all if isinstance(mistake, Mistakes) else [mistake]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="FILE", help="the device's site file")
    parser.add_argument("--rulebook", metavar="FILE", help="check this rulebook instead of the one the site names")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")


def run(arguments: argparse.Namespace) -> int:
    findings = Findings()
    place = _site(arguments.site, findings)
    rules = _rulebook(place, arguments.rulebook, findings) if place else None
    if place and rules:
        wrong, odd = site.lacks(place, rules.book)
        findings.wrong += wrong
        findings.odd += odd
    (_as_json if arguments.json else _as_text)(findings, place, rules)
    return Mistake.exit_code if findings.wrong else 0


def _site(file: str, findings: Findings) -> Site | None:
    try:
        place = site.load(file)
    except Mistake as mistake:
        findings.add(mistake)
        return None
    findings.odd += place.warnings
    return place


def _rulebook(place: Site, given: str | None, findings: Findings) -> SignedRulebook | None:
    path = Path(given) if given else place.rulebook
    if path is None:
        return None
    try:
        if place.trust_keys is None:
            raise Mistake("cannot be verified: the site file has no [trust] keys", file=str(path))
        trusted = rulebook_file.read_usable_trust(place.trust_keys)
        findings.odd += [Mistake(what, file=str(place.trust_keys)) for what in trusted.complaints]
        rules = rulebook_file.read(path, trusted)
    except Mistake as mistake:
        findings.add(mistake)
        return None
    source = typed_toml.document(rules.text, str(path))
    for found in complaints(rules.book):
        (findings.wrong if found.severity == "shut" else findings.odd).append(source.mistake(found.path, found.what))
    for key, what in _dates(rules, clock.from_environment()):
        findings.odd.append(source.mistake((key,), what))
    return rules


def _dates(rules: SignedRulebook, now: clock.Clock) -> Iterator[tuple[str, str]]:
    """A door doubts its clock on a day that its rulebook does not know, and judges nobody."""
    today, book = dt.datetime.fromtimestamp(now.wall_ms() / 1000, rules.zone).date(), rules.book
    if today > book.valid_until:
        yield "valid_until", f"is over, today is {today}: everybody is sent to the staff"
    elif today < book.valid_from:
        what = f"is still to come, today is {today}: a door that has no other sends everybody to the staff until then"
        yield "valid_from", what


def _as_text(findings: Findings, place: Site | None, rules: SignedRulebook | None) -> None:
    for mistake in findings.wrong:
        print(f"hallgate check: {told(mistake)}", file=sys.stderr)
    for mistake in findings.odd:
        print(f"hallgate check: {spoken('warning: ')}{told(mistake)}", file=sys.stderr)
    if place and not findings.wrong:
        print(_summary(place, rules))


def _summary(place: Site, rules: SignedRulebook | None) -> str:
    lanes = ", ".join(
        spoken(f"lane {lane.name} ({lane.direction}, {len(lane.devices)} devices)") for lane in place.lanes
    )
    book = spoken(f"rulebook {rules.book.serial} signed by {rules.kid}" if rules else "no rulebook")
    return spoken(f"ok: {place.device.name} in {place.device.hall}, {lanes}, {book}")


def _as_json(findings: Findings, place: Site | None, rules: SignedRulebook | None) -> None:
    report = {
        "ok": not findings.wrong,
        "errors": [_plain(mistake) for mistake in findings.wrong],
        "warnings": [_plain(mistake) for mistake in findings.odd],
        "device": place.device.name if place else None,
        "hall": place.device.hall if place else None,
        "lanes": [lane.name for lane in place.lanes] if place else [],
        "rulebook": rules.book.serial if rules else None,
    }
    print(json.dumps(report, ensure_ascii=False))


def _plain(mistake: Mistake) -> dict[str, str | int]:
    return {"file": mistake.file, "line": mistake.line, "key": mistake.key, "what": mistake.what}
