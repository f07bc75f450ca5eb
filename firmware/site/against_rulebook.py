"""What a rulebook asks for and a site file has nothing for: each with the clause it stands in."""

from __future__ import annotations

from collections.abc import Iterator

from firmware.errors import Mistake
from firmware.rulebook.book import Rulebook
from firmware.rulebook.contradictions import ON_ROSTER
from firmware.rulebook.tables import ClassRules
from firmware.site.tables import Lane, Site
from firmware.toml_lines import Path
from firmware.typed_toml import dotted, nearest

Found = Iterator[tuple[Path, str]]


def lacks(site: Site, book: Rulebook) -> tuple[list[Mistake], list[Mistake]]:
    """(errors, warnings): what the rulebook asks for and a lane has no device for, each with its clause."""
    wrong = (_elsewhere, _lacking, _unzoned)
    odd = (_unknown, _unseen, _unaired, _unhelped, _unmatched, _unsigned, _uncounted)
    return (
        [_told(site, *found) for some in wrong for found in some(site, book)],
        [_told(site, *found) for some in odd for found in some(site, book)],
    )


def _told(site: Site, path: Path, what: str) -> Mistake:
    return Mistake(what, file=str(site.file), line=site.line(path), key=_named(site, path))


def _named(site: Site, path: Path) -> str:
    """A lane by its name: the hub, which reads this when it sends a rulebook, has no site file to count in."""
    match path:
        case ("lane", int(at), *rest):
            return ".".join((f"lane {site.lanes[at].name}", *filter(None, [dotted(tuple(rest))])))
    return dotted(path)


def _elsewhere(site: Site, book: Rulebook) -> Found:
    if site.device.hall != book.hall:
        yield ("device", "hall"), f"is {site.device.hall}, but the rulebook is for {book.hall}"


def _unzoned(site: Site, book: Rulebook) -> Found:
    """Zones that only one of the two knows a limit of."""
    for index, zone in enumerate(site.rights.zones):
        if zone not in book.zone:
            yield ("rights", "zones", index), f"the rulebook has no [zone.{zone}]: nobody could go there"
    for at, lane in enumerate(site.lanes):
        if lane.zone in book.zone and lane.zone not in site.rights.zones:
            what = f"the rulebook limits zone {lane.zone}, and nobody here would count: add it to zones in [rights]"
            yield ("lane", at, "zone"), what


def _unknown(site: Site, book: Rulebook) -> Found:
    for at, lane in enumerate(site.lanes):
        for index, name in enumerate(lane.serves if lane.entry else ()):
            if name not in book.classes:
                what = (
                    f"{name} has no table [class.{name}] in the rulebook: never admitted{nearest(name, book.classes)}"
                )
                yield ("lane", at, "for", index), what


def _unseen(site: Site, book: Rulebook) -> Found:
    """Rules of the space behind the gate that no sensor of this device can serve."""
    asked = [key for key in ("density_persons_max", "dwell_seconds") if getattr(book.flow, key)]
    if asked and any(lane.entry for lane in site.lanes) and not any("behind" in lane.devices for lane in site.lanes):
        yield ("lane", "behind"), f"no lane has one, and the rulebook has {asked[0]} in [flow] (3.1.3c)"
    least = {"density_persons_max": book.flow.density_persons_max + 1, "dwell_seconds": book.flow.dwell_persons}
    for at, lane in enumerate(site.lanes):
        most = lane.devices["behind"].driver.persons_max if "behind" in lane.devices else 0
        for key in asked:
            if 0 < most < least[key]:
                what = (
                    f"tells {most} persons apart, and {key} in [flow] waits for {least[key]}: it never pauses (3.1.3c)"
                )
                yield ("lane", at, "behind"), what


def _unaired(site: Site, book: Rulebook) -> Found:
    """The limit follows the air that the bank measures; an alarm and a pause are each device's own affair."""
    if book.air.step and site.rights.bank and not any("air" in lane.devices for lane in site.lanes):
        yield ("lane", "air"), "no lane has one, and this device mints the limit that [air] lowers (3.1.5c)"


def _unhelped(site: Site, book: Rulebook) -> Found:
    """Ways the rulebook opens to people that end at this device's lanes."""
    for at, lane in enumerate(site.lanes):
        has, serves = lane.devices.keys(), set(lane.serves if lane.entry else ())
        by_card = [name for name in sorted(serves & book.classes.keys()) if book.classes[name].by_card]
        helped = sorted(serves & set(book.assisted.classes))
        if (by_card or helped) and "identity" not in has:
            what = f"has no identity reader: nobody is known as {(by_card or helped)[0]} here (3.1.2d)"
            yield ("lane", at), what
        elif helped and "button" not in has and not site.hub:
            what = (
                "has no attendant's button, and there is no hub: nobody can confirm who shows an identity card (3.1.2d)"
            )
            yield ("lane", at), what
    entry = any(lane.entry for lane in site.lanes)
    if entry and not site.hub and not any("buzzer" in lane.devices for lane in site.lanes):
        what = "no lane has one, and there is no hub: who hears that somebody is led away? (3.1.2e)"
        yield ("lane", "buzzer"), what


def _unmatched(site: Site, book: Rulebook) -> Found:
    """What only the hall's key can tell of two documents: that they are one person's."""
    served = {name for lane in site.lanes if lane.entry for name in lane.serves}
    for name in sorted(served & book.classes.keys()) if site.hall_key is None else ():
        rules, path = book.classes[name], ("trust", "hall_key")
        if rules.same_person:
            yield path, f"is missing: nobody of class {name} is matched with a booking, all go to the staff (3.1.2b)"
        elif "antigen" in rules.proof and rules.antigen_days > 1 and name not in ON_ROSTER:
            yield (
                path,
                f"is missing: two tests of class {name} are never one person's, and two days are asked for (3.1.4a)",
            )


def _unsigned(site: Site, book: Rulebook) -> Found:
    """Rounds that badge and button of a lane should sign off, and cannot (3.1.5a)."""
    for point in book.rounds.point:
        here = point.device in (None, site.device.name)
        for at, lane in enumerate(site.lanes if here else ()):
            lacking = sorted({"scanner", "button"} - lane.devices.keys())
            if lane.name == point.lane and lacking:
                what = f"has no {lacking[0]}: the round {point.name} can only be signed off by order or on the page (3.1.5a)"
                yield ("lane", at), what


def _uncounted(site: Site, book: Rulebook) -> Found:
    """Dispensers that no ledger knows, and items of a lane that has no dispenser (3.1.6)."""
    counted = {item.lane: item.name for item in book.supplies.item}
    for at, lane in enumerate(site.lanes):
        has = "dispenser" in lane.devices
        if has and lane.name not in counted:
            what = "has a dispenser and the rulebook counts nothing here: write [[supplies.item]] (3.1.6)"
            yield ("lane", at), what
        elif not has and lane.name in counted:
            yield ("lane", at), f"has no dispenser: nobody counts {counted[lane.name]} here (3.1.6)"


def _lacking(site: Site, book: Rulebook) -> Found:
    for at, lane in enumerate(site.lanes):
        for name in lane.serves if lane.entry else ():
            rules = book.classes.get(name)
            for what in _of_class(lane, site, rules) if rules else ():
                yield ("lane", at), f"{what}, asked of class {name}"


def _of_class(lane: Lane, site: Site, rules: ClassRules) -> Iterator[str]:
    has = lane.devices.keys()
    if rules.booking == "required" and not has & {"scanner", "identity", "terminal"}:
        yield "has no scanner to read a booking (3.1.1a)"
    if lane.comes_from:
        return  # what else somebody has to show was seen at the hall's door
    if rules.wide and not lane.wide and not any(other.wide for other in site.lanes if other.entry):
        yield "is not wide, and no other lane of this device is (3.1.1c)"
    if rules.proof and not _provable(lane, site, rules):
        yield f"has no device for any of {', '.join(rules.sources)} to read a health proof (3.1.2a)"
    if rules.code == "green" and not has & {"terminal", "button"} and not site.hub:
        yield "has no terminal, hub or attendant's button to know a green code (3.1.2a)"
    if rules.mask == "terminal" and "terminal" not in has:
        yield "has no terminal to see a mask (3.1.2c)"
    if rules.mask == "attest" and "button" not in has:
        yield "has no attendant's button to attest a mask (3.1.2c)"
    if rules.mask == "veto" and "button" not in has:
        yield "has no attendant's button to veto for want of a mask (3.1.2c)"
    if rules.temperature_max_c is not None and not has & {"thermometer", "terminal"}:
        yield "has no thermometer (local temperature rule; 3.1.4a for staff)"


def _provable(lane: Lane, site: Site, rules: ClassRules) -> bool:
    ways = {
        "certificate": "scanner" in lane.devices,
        "sentinel": "terminal" in lane.devices,
        "venue-code": site.hub is not None,
    }
    return any(ways[source] for source in rules.sources)
