"""The limits of every table a controller keeps, and what is forgotten first. A device runs for years."""

from __future__ import annotations

from firmware.core.state import HallState, Used

WAITING = 200
"""People remembered as waiting at one lane."""
USED = 20_000
"""Used passes; four weeks of the busiest hall we know."""
ARRIVED = 5_000
ENTERED = 2_000
FREEZE_MAX_S = 24 * 3600


def mark_used(state: HallState, pass_id: str, wall_s: int, expires_s: int, uses: int = 1) -> None:
    """A passage has used the pass once more. Forgotten only after its expiry, the oldest first when there are too many.

    `wall_s` must not come from a doubtful clock (`Turn.known_s`): one far ahead would make every use forgotten. `uses`:
    how often the pass may be used on its day, 0 for any number. Uses stand in the order of their last time.
    """
    before = state.used.pop(pass_id, None)
    state.used[pass_id] = Used((before.times if before else 0) + 1, wall_s, max(expires_s, wall_s), uses)
    if len(state.used) > USED:
        _forget_used(state, wall_s)


def trim_elsewhere(state: HallState) -> None:
    """Uses at other doors: those of longest ago go first."""
    if len(state.elsewhere) > USED:
        surplus = len(state.elsewhere) - USED * 9 // 10
        latest = {key: max(use.at_s for use in uses.values()) for key, uses in state.elsewhere.items()}
        for key in sorted(latest, key=lambda key: latest[key])[:surplus]:
            del state.elsewhere[key]


def _forget_used(state: HallState, wall_s: int) -> None:
    state.used = {key: used for key, used in state.used.items() if used.forget_s >= wall_s}
    for key in sorted(state.used, key=lambda key: state.used[key].forget_s)[: max(0, len(state.used) - USED)]:
        del state.used[key]


def trim_arrived(state: HallState, wall_s: int) -> None:
    if len(state.arrived) > ARRIVED:
        state.arrived = {key: at for key, at in state.arrived.items() if 0 <= wall_s - at <= FREEZE_MAX_S}
        for key in list(state.arrived)[: max(0, len(state.arrived) - ARRIVED)]:
            del state.arrived[key]


def mark_entered(state: HallState, pass_id: str, now_ms: int) -> None:
    """A badge came in; the one that came in longest ago is forgotten first."""
    state.entered.pop(pass_id, None)
    state.entered[pass_id] = now_ms
    while len(state.entered) > ENTERED:
        del state.entered[next(iter(state.entered))]
