"""Which places a body takes and gives back at a lane: of the hall, of the zone it goes into, of the zone it comes from.

A place of where somebody goes is taken before the gate opens; the place of where they came from is free again only when
they were seen going through. So nobody is ever counted nowhere, and no zone is ever over its limit by a change of zone.
"""

from __future__ import annotations

from firmware.core import occupancy
from firmware.core.resource import Resource
from firmware.core.state import HallState, LaneSetup

NO_LIMIT = 100_000
"""Places at a lane inside the hall that leads into no limited zone."""


def taken(state: HallState, setup: LaneSetup) -> list[Resource]:
    """What somebody who comes in here needs a place of."""
    if not setup.zone:  # nearly every lane: into the hall, or about in it
        return [] if setup.comes_from else [state]
    return [own for name in setup.takes if (own := state.resource(name)) is not None]


def left(state: HallState, setup: LaneSetup) -> Resource | None:
    """What somebody who comes in here has left behind."""
    return state.resource(setup.leaves)


def free(state: HallState, setup: LaneSetup) -> int:
    """How many may come in here without asking anybody; negative while a debt is unpaid."""
    return least(taken(state, setup))


def least(needed: list[Resource]) -> int:
    """How many places there are in the fullest of them."""
    return min([own.rights.free for own in needed]) if needed else NO_LIMIT


def reserve(state: HallState, setup: LaneSetup, persons: int) -> bool:
    """Take every place that so many bodies need here, or none. True when taken."""
    needed = taken(state, setup)
    if len(needed) == 1:
        return occupancy.reserve(needed[0].rights, persons)
    if least(needed) < persons:
        return False
    for own in needed:
        occupancy.reserve(own.rights, persons)
    return True


def give_back(state: HallState, setup: LaneSetup, persons: int) -> None:
    """Places that were reserved and not used; the gate is closed first."""
    for own in taken(state, setup):
        occupancy.give_back(own.rights, persons)


def came_in(state: HallState, setup: LaneSetup) -> None:
    """A body whose place was reserved was SEEN going through."""
    before = left(state, setup)
    if before is not None:
        occupancy.count_out(before.rights)


def came_in_unasked(state: HallState, setup: LaneSetup) -> None:
    for own in taken(state, setup):
        occupancy.count_in_unasked(own.rights)
    came_in(state, setup)


def went_out(state: HallState, setup: LaneSetup) -> None:
    """A body was SEEN leaving, nobody asked it: the zone it walks back into may run into debt, never be left uncounted."""
    for own in taken(state, setup):
        occupancy.count_out(own.rights)
    before = left(state, setup)
    if before is not None:
        occupancy.count_in_unasked(before.rights)
