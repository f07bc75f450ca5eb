"""Is this a moment at which a gate may be without its software for a minute? An update and a restart ask first."""

from __future__ import annotations

from firmware.core.state import HallState, LaneState


def disturbed(state: HallState) -> list[str]:
    """Why not now, one word per reason (`fire`, `A: grant` ...), in the lanes' order; empty: nobody would notice."""
    found = ["fire"] if state.fire_lanes else []
    if state.evacuated_by:
        found.append("evacuated")
    return found + [f"{lane.name}: {why}" for lane in state.lanes.values() for why in _in_lane(lane)]


def _in_lane(lane: LaneState) -> list[str]:
    seen = {
        "grant": lane.grant is not None,
        "visit": lane.visit is not None,
        "passage": lane.blocked or lane.exit_waiting,
        "open": lane.freed,
        "waiting": bool(lane.waiting),
    }
    return [why for why, so in seen.items() if so]
