"""What the range sensors see in front of the gate and behind it (3.1.3b, c), and what is said of it.

It speaks seldom and not loud, and puts on record only what lasted. It paces entries alone; an exit has no queue here.

    in front    a pair closer than `minimum_mm`, apart from who came together   -> the next release waits (rules/spacing)
                for `close_seconds`          -> asked to keep the distance, at most every `voice_cooldown_seconds`
    behind      more than `density_persons_max`, until `hold_seconds` after     -> entry pauses (rules/flow): dense
                `dwell_persons` or more for `dwell_seconds` without a break     -> entry pauses: loitering
"""

from __future__ import annotations

from firmware.core import approach
from firmware.core.actions import SignShow
from firmware.core.events import SpacingSeen
from firmware.core.incident_state import SpacingDay
from firmware.core.state import LaneState
from firmware.core.turn import SIGN_MS, Turn
from firmware.rulebook.book import Rulebook
from firmware.rulebook.tables import Flow, minutes_of

PARTY_MS = 10_000
"""The party that came in this long ago may still be in sight, close together."""


def seen(turn: Turn, event: SpacingSeen) -> None:
    lane = turn.state.lanes[event.lane]
    if event.zone == "hall":
        _behind(turn, lane, event.persons)
        return
    approach.seen(lane, event.persons)
    lane.queue_persons, lane.queue_gap_mm = event.persons, event.gap_mm
    lane.queue_links_mm = event.links_mm


def _behind(turn: Turn, lane: LaneState, persons: int) -> None:
    flow = turn.rulebook.flow if turn.rulebook else Flow()
    if max(lane.behind_persons, persons) > flow.density_persons_max:
        lane.behind_dense_ms = turn.now
    lane.behind_persons = persons
    if persons < flow.dwell_persons:
        lane.behind_since_ms = None
    elif lane.behind_since_ms is None:
        lane.behind_since_ms = turn.now


# -------------------------------------------------------------- what rules ask


def too_close(lane: LaneState, book: Rulebook, now_ms: int, persons: int = 1, who: str = "") -> bool:
    """Whether somebody stands closer than the line, those apart who came together.

    The party is the unit: that of the visit (`persons`), those who showed their booking and were told to wait, and the
    one that has just come in. A sensor that sees only the smallest distance knows of one pair.
    """
    gaps = lane.queue_links_mm or ((lane.queue_gap_mm,) if lane.queue_gap_mm is not None else ())
    short = len([gap for gap in gaps if gap < book.spacing.minimum_mm]) if gaps else 0
    if not short:
        return False
    together = persons - 1 + sum(each.persons - 1 for each in lane.waiting if each.who != who or not who)
    if now_ms - lane.last_entry_ms < PARTY_MS:
        together += lane.last_party - 1
    return short > together


def measured(turn: Turn, lane: LaneState) -> bool:
    setup = turn.setup(lane.name)
    return setup.entry and setup.range_sensor and "range" not in lane.broken


def dense(lane: LaneState, flow: Flow, now_ms: int) -> bool:
    if not flow.density_persons_max:
        return False
    return lane.behind_persons > flow.density_persons_max or now_ms - lane.behind_dense_ms <= flow.hold_seconds * 1000


def loitering(lane: LaneState, flow: Flow, now_ms: int) -> bool:
    """A sensor knows nobody: the same crowd is one that never became smaller than `dwell_persons`."""
    since = lane.behind_since_ms
    return bool(flow.dwell_seconds) and since is not None and now_ms - since >= flow.dwell_seconds * 1000


# -------------------------------------------------------------- the distance in the queue


def tend(turn: Turn, lane: LaneState) -> None:
    if turn.rulebook is None or not turn.setup(lane.name).entry:
        return
    _distance(turn, lane, turn.rulebook)
    _crowd(turn, lane, turn.rulebook)


def _distance(turn: Turn, lane: LaneState, book: Rulebook) -> None:
    close = too_close(lane, book, turn.now) and lane.state != "evacuated" and measured(turn, lane)
    if not close:
        _end(turn, lane)
        return
    if lane.close_since_ms is None:
        lane.close_since_ms = turn.now
    if turn.now >= _ask_ms(lane, book):
        lane.close_told_ms = turn.now
        _ask(turn, lane, book)
        turn.alarm("too_close", lane.name, detail=f"for {(turn.now - lane.close_since_ms) // 1000} s")


def _ask_ms(lane: LaneState, book: Rulebook) -> int:
    """When the queue is asked next to keep its distance."""
    assert lane.close_since_ms is not None
    spacing = book.spacing
    return max(
        lane.close_since_ms + spacing.close_seconds * 1000, lane.close_told_ms + spacing.voice_cooldown_seconds * 1000
    )


def _ask(turn: Turn, lane: LaneState, book: Rulebook, reason: str = "keep_distance") -> None:
    """The sign only while it shows nobody's answer; the voice says one thing at a time by itself."""
    said = turn.words(reason)
    if lane.state == "idle":
        turn.actions.append(SignShow(lane=lane.name, zh=said.sign_zh, en=said.sign_en, show_ms=SIGN_MS))
    if not _quiet(turn, book):
        turn.say(lane, reason, said)


def _quiet(turn: Turn, book: Rulebook) -> bool:
    if not book.spacing.quiet or not turn.moment.trusted:
        return False
    local = turn.moment.local(turn.zone)
    minute = local.hour * 60 + local.minute
    return any(first <= minute < end for first, end in map(minutes_of, book.spacing.quiet))


def _end(turn: Turn, lane: LaneState) -> None:
    """The queue keeps its distance again, or nobody knows any more: count how long it did not."""
    since, lane.close_since_ms = lane.close_since_ms, None
    if since is None:
        return
    lasted_ms, today = turn.now - since, _today(turn, lane.name)
    today.too_close_ms += lasted_ms
    today.times += 1
    today.longest_ms = max(today.longest_ms, lasted_ms)
    if lane.close_told_ms >= since:
        turn.alarm("too_close", lane.name, active=False, detail=f"lasted {lasted_ms // 1000} s")


def _today(turn: Turn, lane: str) -> SpacingDay:
    """A doubtful clock begins no new day."""
    known = turn.state.spacing_days.get(lane)
    day = str(turn.moment.local(turn.zone).date()) if turn.moment.trusted or known is None else known.day
    if known is None or known.day != day:
        known = turn.state.spacing_days[lane] = SpacingDay(day=day)
    return known


# -------------------------------------------------------------- the crowd behind the gate


def _crowd(turn: Turn, lane: LaneState, book: Rulebook) -> None:
    crowd = _crowd_now(turn, lane, book.flow)
    if crowd == lane.crowd or lane.state == "evacuated":
        return
    if crowd and turn.now < lane.crowd_told_ms + book.spacing.voice_cooldown_seconds * 1000:
        return  # it was told just now; what lasts is told then
    if lane.crowd:
        turn.alarm(lane.crowd, lane.name, active=False)
    lane.crowd = crowd
    if crowd:
        lane.crowd_told_ms = turn.now
        turn.alarm(crowd, lane.name, detail=f"{lane.behind_persons} persons")
        if crowd == "loitering":
            _ask(turn, lane, book, "loitering")


def _crowd_now(turn: Turn, lane: LaneState, flow: Flow) -> str:
    if "behind" in lane.broken:
        return ""
    if loitering(lane, flow, turn.now):
        return "loitering"
    return "dense" if dense(lane, flow, turn.now) else ""


def due(turn: Turn, lane: LaneState) -> list[int]:
    """When `tend` has something to do next."""
    book = turn.rulebook
    if book is None or lane.state == "evacuated" or not turn.setup(lane.name).entry:
        return []
    times = [_ask_ms(lane, book)] if lane.close_since_ms is not None else []
    if lane.close_since_ms is None and lane.last_party > 1:  # who stands close may be excused by that party until then
        times.append(lane.last_entry_ms + PARTY_MS)
    if book.flow.dwell_seconds and lane.behind_since_ms is not None:
        times.append(lane.behind_since_ms + book.flow.dwell_seconds * 1000)
    if book.flow.density_persons_max and lane.crowd == "dense":
        times.append(lane.behind_dense_ms + book.flow.hold_seconds * 1000 + 1)
    if _crowd_now(turn, lane, book.flow) not in ("", lane.crowd):
        times.append(lane.crowd_told_ms + book.spacing.voice_cooldown_seconds * 1000)
    return [at_ms for at_ms in times if at_ms > turn.now] if times else times


def spacing_today(now_ms: int, lane: LaneState, day: SpacingDay | None, local_day: str) -> tuple[int, int]:
    """(seconds too close today, times), the spell that is still going on included."""
    today = day if day is not None and day.day == local_day else SpacingDay()
    going_ms = now_ms - lane.close_since_ms if lane.close_since_ms is not None else 0
    return (today.too_close_ms + max(0, going_ms)) // 1000, today.times + (lane.close_since_ms is not None)
