"""A site file and its rulebook as a desk looks at them, before a door depends on them: for `check` and for a card."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from firmware import site, typed_toml
from firmware.clock import Clock
from firmware.errors import Mistake
from firmware.rulebook.contradictions import complaints
from firmware.site import Site
from firmware.trust import rulebook_file
from firmware.trust.rulebook_file import SignedRulebook
from firmware.typed_toml import Mistakes


@dataclass
class Examination:
    """`wrong` and `odd`: what was found, each in the order a person should mend it; no door starts with the first."""

    place: Site | None = None
    rules: SignedRulebook | None = None
    wrong: list[Mistake] = field(default_factory=list)
    odd: list[Mistake] = field(default_factory=list)

    def add(self, mistake: Mistake) -> None:
        self.wrong += mistake.all if isinstance(mistake, Mistakes) else [mistake]


def examine(file: str, now: Clock, rulebook: str | None = None) -> Examination:
    """Every key, driver, pin and file, the signature, and what the rulebook asks of each lane. Opens no port.

    `rulebook`: this one instead of the one the site names. `now`: the desk's clock, for the rulebook's own days.
    """
    found = Examination()
    try:
        found.place = site.load(file)
    except Mistake as mistake:
        found.add(mistake)
        return found
    found.odd += found.place.warnings
    path = Path(rulebook) if rulebook else found.place.rulebook
    if path is not None:
        _rulebook(found, found.place, path, now)
    if found.rules is not None:
        wrong, odd = site.lacks(found.place, found.rules.book)
        found.wrong += wrong
        found.odd += odd
    return found


def _rulebook(found: Examination, place: Site, path: Path, now: Clock) -> None:
    def opened() -> SignedRulebook:
        if place.trust_keys is None:
            raise Mistake("cannot be verified: the site file has no [trust] keys", file=str(path))
        trusted = rulebook_file.read_usable_trust(place.trust_keys)
        found.odd += [Mistake(what, file=str(place.trust_keys)) for what in trusted.complaints]
        return rulebook_file.read(path, trusted)

    examine_rulebook(found, opened, str(path), now)


def examine_rulebook(found: Examination, opened: Callable[[], SignedRulebook], file: str, now: Clock) -> None:
    """Whether it can be used, and what of it a person should look at."""
    try:
        rules = found.rules = opened()
    except Mistake as mistake:
        found.add(mistake)
        return
    source = typed_toml.document(rules.text, file)
    for one in complaints(rules.book):
        (found.wrong if one.severity == "shut" else found.odd).append(source.mistake(one.path, one.what))
    # Here stands who can mend it; a device that was given such a rulebook goes by it all the same.
    found.wrong += [source.mistake(*one) for one in typed_toml.unseen(source.tree)]
    for key, what in _dates(rules, now):
        found.odd.append(source.mistake((key,), what))


def _dates(rules: SignedRulebook, now: Clock) -> Iterator[tuple[str, str]]:
    """A door doubts its clock on a day that its rulebook does not know, and judges nobody."""
    today, book = dt.datetime.fromtimestamp(now.wall_ms() / 1000, rules.zone).date(), rules.book
    if today > book.valid_until:
        yield "valid_until", f"is over, today is {today}: everybody is sent to the staff"
    elif today < book.valid_from:
        what = f"is still to come, today is {today}: a door that has no other sends everybody to the staff until then"
        yield "valid_from", what
