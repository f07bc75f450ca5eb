"""What a start means. A restart under the same kernel boot is none: an open grant and its pass then count as used.

After a power loss nobody saw the doors: entry holds until a recount while people may be inside; exits run.
"""

from __future__ import annotations

from firmware.core import alarms, bounds, car, emergency, incident, limit, rounds, supplies
from firmware.core.estimate import inside
from firmware.core.events import Started
from firmware.core.occupancy import Rights
from firmware.core.records import DeviceStarted, Passage
from firmware.core.resource import Resource, of_zone
from firmware.core.state import LaneState
from firmware.core.turn import Turn

UNHEARD_MS = 3_600_001
"""Longer ago than any `[quota] apart_seconds`: a door of which nothing was heard since this start."""
HELD = "entry is held until a recount"
LISTEN_MS = 12_000
"""Two heartbeats of every door that can be reached."""


def started(turn: Turn, event: Started) -> None:
    state = turn.state
    power_loss = state.boot not in ("", event.boot)
    state.boot, state.device, state.version = event.boot, event.device, event.version
    state.hall, state.idle_shown, state.journal_ok = event.hall, "", True
    for lane in state.lanes.values():  # of the site file of before: the new one may have other lanes
        _open_grant_counts(turn, lane)
    state.setups, state.rights.bank, state.takes_updates = event.lanes, event.bank, event.takes_updates
    state.lanes = {setup.name: _fresh(setup.name, turn) for setup in event.lanes}
    alarms.restarted(turn)
    state.fire_lanes = [name for name in state.fire_lanes if name in state.lanes]
    _begin_zones(turn, event)
    for _, own in state.resources():
        for peer in own.peers.values():  # elapsed time may begin anew: nobody was heard yet
            peer.seen_ms = turn.now - limit.REACHABLE_MS - 1
    for door in state.doors.values():
        door.seen_ms = turn.now - UNHEARD_MS
    if power_loss:
        state.entered.clear()  # elapsed time begins anew, and who left meanwhile is not known
        _hold_until_counted(turn)
    elif any(own.recount_needed for _, own in state.resources()):  # from before, or the journal rotted meanwhile
        turn.alarm("recount_needed", detail=HELD)
    turn.records.append(
        DeviceStarted(
            **turn.header(), version=event.version, power_loss=power_loss, rulebook=state.rulebook_serial or None
        )
    )
    state.passed = {name: bodies for name, bodies in state.passed.items() if name in state.lanes}
    incident.restarted(turn, new_boot=power_loss)
    rounds.restarted(turn, new_boot=power_loss)
    supplies.restarted(turn)
    for lane in state.lanes.values():
        _first_order(turn, lane)


def _begin_zones(turn: Turn, event: Started) -> None:
    """A zone that the site file no longer names keeps what it holds, should it be named again.

    With an empty journal the whole device listens before its first rulebook; here, only who becomes a bank of this zone.
    """
    for zone in event.zones:
        own = turn.state.zones.setdefault(of_zone(zone), Resource(rights=Rights(inc=turn.state.rights.inc)))
        begins = not own.rights.bank or own.listens_until_ms is not None
        if event.bank and begins and own.rights.M == 0 and turn.state.seq:
            own.listens_until_ms = turn.now + LISTEN_MS
        own.rights.bank = event.bank


def _hold_until_counted(turn: Turn) -> None:
    """Of the hall and of each zone that may have had somebody in it."""
    doubtful = [own for _, own in turn.state.resources() if inside(own) > 0]
    for own in doubtful:
        own.recount_needed = True
    if doubtful:
        turn.alarm("power_loss")
        turn.alarm("recount_needed", detail=HELD)


def _first_order(turn: Turn, lane: LaneState) -> None:
    """An evacuation goes on. A fail-open exit is put in service; an entry moves at its first decision, not before."""
    setup = turn.setup(lane.name)
    if turn.state.evacuated_by:
        emergency.say_leave(turn, lane)
    elif setup.fails_open and setup.direction == "out":
        turn.close(lane)


def _open_grant_counts(turn: Turn, lane: LaneState) -> None:
    """Nobody knows whether the person went through while we were gone: the place and the pass are used (safe side)."""
    grant = lane.grant
    if grant is None or grant.way == "out":
        return
    if grant.pass_id and not grant.spent:
        bounds.mark_used(turn.state, grant.pass_id, turn.known_s, grant.pass_expires_s, grant.pass_uses)
    for _ in range(grant.left):
        car.boarded(turn, lane)
        header = turn.header(lane.name)
        passage = Passage(**header, direction="in", decision=grant.decision, expected=True, assumed=True)
        turn.records.append(passage)


def _fresh(name: str, turn: Turn) -> LaneState:
    """Elapsed times do not survive a boot, so nothing timed is taken over; what a person ordered is.

    Who was in a lift's car may still be in it: its trip begins anew.
    """
    before = turn.state.lanes.get(name)
    lane = LaneState(name=name, aboard=before.aboard if before is not None else 0, boarded_ms=turn.now)
    if turn.state.evacuated_by:
        lane.state = "evacuated"
    elif before is not None and before.state == "held":
        lane.state, lane.held_because, lane.held_by = "held", before.held_because, before.held_by
    return lane
