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


def mark_used(state: HallState, pass_id: str, wall_s: int, expires_s: int) -> None:
    """A passage has used the pass once more. Forgotten only after its expiry, the oldest first when there are too many."""
    before = state.used.get(pass_id)
    state.used[pass_id] = Used((before.times if before else 0) + 1, wall_s, max(expires_s, wall_s))
    if len(state.used) > USED:
        _forget_used(state, wall_s)


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


def count_quota(state: HallState, day: str, persons: int) -> None:
    if state.quota_day != day:
        state.quota_day, state.quota_used = day, 0
    state.quota_used += persons


def uncount_quota(state: HallState, day: str, persons: int) -> None:
    """Walk-ins of `day` did not come in. A day that is over has no count any more; an empty `day` never had one."""
    if day and state.quota_day == day:
        state.quota_used = max(0, state.quota_used - persons)
