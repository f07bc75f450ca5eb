"""Who must not try again today at another door (3.1.2e): day pseudonyms, pass and certificate hashes, never more.

A door keeps its own for the local day and tells them to the others; what the others told is kept by the door that told
it, and replaced by what it tells next: who was cleared there is held nowhere. All of it is bounded. None of it is ever
asked of somebody who leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from firmware.core.facts import HealthTest
from firmware.core.incident_state import HeldThere
from firmware.core.state import HallState, Visit
from firmware.core.turn import Turn

HELD = 1_000
"""Keys of one door; the oldest are forgotten first."""
DOORS = 64
KEY_MAX = 64


def keys_of(visit: Visit | None) -> tuple[str, ...]:
    """Everything by which the person of this visit would be known again today."""
    if visit is None:
        return ()
    proofs = [each for each in (visit.booking, visit.card, visit.card and visit.card.booking, *visit.healths) if each]
    keys = [proof.person for proof in proofs if proof.person]
    keys += [f"p-{each.pass_id}" for each in (visit.booking, visit.card and visit.card.booking) if each]
    keys += [f"c-{each.certificate}" for each in visit.healths if isinstance(each, HealthTest) and each.certificate]
    if visit.sentinel is not None and visit.sentinel.token:
        keys.append(f"t-{visit.sentinel.token}")
    return tuple(dict.fromkeys(key[:KEY_MAX] for key in keys))


def hold(turn: Turn, keys: Iterable[str]) -> None:
    at_s = turn.wall_s if turn.moment.trusted else 0
    for key in keys:
        turn.state.held_persons.pop(key, None)
        turn.state.held_persons[key] = at_s
    while len(turn.state.held_persons) > HELD:
        del turn.state.held_persons[next(iter(turn.state.held_persons))]


def clear(state: HallState, keys: Iterable[str]) -> None:
    """It was a mistake: this person may try again, here at once and elsewhere once told."""
    for key in keys:
        state.held_persons.pop(key, None)


def held_at(turn: Turn, visit: Visit | None) -> str:
    """The device that holds the person of this visit today, this one included; empty: none that is known."""
    state = turn.state
    if not state.held_persons and not state.held_elsewhere:
        return ""
    keys = keys_of(visit)
    if any(key in state.held_persons for key in keys):
        return state.device or "here"
    day = _day(turn)
    for device, there in state.held_elsewhere.items():
        if there.day >= day and not there.keys.keys().isdisjoint(keys):
            return device
    return ""


def heard(turn: Turn, device: str, day: str, keys: Iterable[str], *, newest: bool = True) -> None:
    """Another door's whole list of its local `day`, authenticated by the link that brought it.

    Its newest word counts whatever its day: a clock that ran ahead and was set right tells an earlier one. Another word of
    the same day takes nobody off: it is an old one, or that of a device that was put in the place of this one and numbers
    its events anew. One of an earlier day is over.
    """
    state = turn.state
    known = state.held_elsewhere.get(device)
    if device == state.device or (known is None and len(state.held_elsewhere) >= DOORS):
        return
    before: Iterable[str] = ()
    if not newest and known is not None:
        if day != known.day:
            return
        before = known.keys
    told = (key for key in (*keys, *before) if 0 < len(key) <= KEY_MAX)
    state.held_elsewhere[device] = HeldThere(day=day, keys={key: 0 for key, _ in zip(told, range(HELD), strict=False)})


def held_notice(state: HallState) -> tuple[str, ...]:
    """What this door tells the others in its notice of the day (`passes/<device>`, field `held`), in a fixed order."""
    return tuple(sorted(state.held_persons))


def forget(turn: Turn) -> None:
    """A new day begins without them. While the clock is doubtful no day is over, and nobody is forgotten."""
    state = turn.state
    if not state.held_persons or not turn.moment.trusted:
        return
    local = turn.moment.local(turn.zone)
    midnight_s = int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    oldest, newest = next(iter(state.held_persons.values())), next(reversed(state.held_persons.values()))
    if oldest < midnight_s or newest == 0:  # they stand in the order of their times
        dated = {key: at_s or turn.wall_s for key, at_s in state.held_persons.items()}
        state.held_persons = {key: at_s for key, at_s in dated.items() if at_s >= midnight_s}


def _day(turn: Turn) -> str:
    """From this local day on. With a doubtful clock nobody knows the day: who was held last is held."""
    return str(turn.moment.local(turn.zone).date()) if turn.moment.trusted else ""
