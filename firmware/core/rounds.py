"""3.1.5a, 3.1.5b: rounds that somebody has to walk, and goods that somebody has to disinfect: due, late, done, by whom.

    done ----> due ----> amber ----> red      by the rulebook's minutes; red is an alarm, given again and again
      ^         |          |          |
      +---------+----------+----------+       signed off: badge and button at the point's lane, or the order `sign_off`
    a day that ends on a round nobody walked leaves `missed` on record, and the next day begins anew

Every step is an event of kind `round`. A doubtful clock knows no hours and no day: then a round is due so long after the
last one as the rulebook says, by elapsed time, at any hour. That reminds too often at night rather than not at all.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from firmware.core.actions import Buzz
from firmware.core.facts import AnyFact, Booking, Card
from firmware.core.records import Round
from firmware.core.round_state import RoundState, Stage
from firmware.core.state import LaneState
from firmware.core.turn import Turn
from firmware.rulebook.book import at_minute
from firmware.rulebook.round_tables import Point, Rounds
from firmware.rulebook.tables import ANY_SERVICE, minutes_of

ESCALATIONS = 12
"""A round nobody cares for must not fill the card."""
BUZZ_MS = 3_000
LOOK_MS = 60_000
"""Clocks are set while we look elsewhere: so often everything is reckoned anew, if anything happens at all."""
MINUTE_MS = 60_000


class Shown(msgspec.Struct, frozen=True):
    """One point as the hub is told. `due_ms`, `done_ms`: elapsed; None: nothing is due, nobody has signed."""

    point: Point
    stage: Stage
    due_ms: int | None
    done_ms: int | None


def rules(turn: Turn) -> Rounds | None:
    return turn.rulebook.rounds if turn.rulebook is not None and turn.rulebook.rounds.point else None


def points(turn: Turn) -> list[Point]:
    """Those whose time this device keeps."""
    book = rules(turn)
    return [point for point in book.point if _mine(turn, point)] if book is not None else []


def _mine(turn: Turn, point: Point) -> bool:
    if point.device is not None and point.device != turn.state.device:
        return False
    if point.lane is not None:
        return point.lane in turn.state.lanes
    return point.device is not None or turn.state.rights.bank


def of_lane(turn: Turn, lane: str) -> Point | None:
    book = rules(turn)
    found = (point for point in book.point if point.lane == lane and _mine(turn, point)) if book is not None else ()
    return next(iter(found), None)


# -------------------------------------------------------------- people act


def sign_off(turn: Turn, name: str, who: str) -> str:
    """It was done just now. Answers why not, or nothing."""
    point = next((each for each in points(turn) if each.name == name), None)
    if point is None:
        return "no_such_point"
    one = _kept(turn, point)
    due_ms = _due_ms(turn, point, one)
    fresh = RoundState(from_ms=turn.now, from_wall_ms=_wall_ms(turn), done=True, day=_today(turn))
    turn.state.rounds.points[point.name] = fresh
    _record(turn, point, "done", due_ms, by=who)
    _look_again(turn)
    return ""


def handed_over(turn: Turn, lane: LaneState) -> None:
    """Goods came in here (3.1.5b); those that lie there already have the earlier time."""
    point = of_lane(turn, lane.name)
    if point is None or point.after_hand_over_minutes is None:
        return
    one = _kept(turn, point)
    if one.handed_ms is None:
        one.handed_ms, one.handed_wall_ms = turn.now, _wall_ms(turn)
    _look_again(turn)


def shown(turn: Turn, lane: LaneState, fact: AnyFact) -> None:
    """A pass or badge of somebody who may sign off this lane's point gives the next press that meaning."""
    booking = fact.booking if isinstance(fact, Card) else fact
    point = of_lane(turn, lane.name) if isinstance(booking, Booking) else None
    if point is None or not isinstance(booking, Booking) or booking.person_class not in point.who:
        return
    in_date = not turn.moment.trusted or booking.not_before_s <= turn.wall_s < booking.expires_s
    if in_date and not booking.revoked and booking.hall == turn.state.hall:
        assert turn.rulebook is not None
        lane.round_by = booking.pass_id or fact.sha256
        lane.round_until_ms = turn.now + turn.rulebook.attendant.badge_seconds * 1000


def pressed(turn: Turn, lane: LaneState, held_ms: int, *, named: bool) -> tuple[str, str] | None:
    """(who, why not) when this press signs the lane's point off; None: it means something else.

    `named`: the badge gives the button other powers, too; and at a way out the button is everybody's. Then only a long
    press can be meant.
    """
    book, point = rules(turn), of_lane(turn, lane.name)
    if book is None or point is None or not lane.round_by or turn.now - held_ms > lane.round_until_ms:
        return None
    if (named or turn.setup(lane.name).exit) and held_ms < book.press_ms:
        return None
    who, lane.round_by = lane.round_by, ""
    because = sign_off(turn, point.name, who)
    turn.tell(lane, "round_done", "yellow")
    return who, because


def holding(turn: Turn, lane: str) -> Point | None:
    """The point that keeps this lane's entry shut because it is much too late."""
    if not turn.state.rounds.red:
        return None
    point = of_lane(turn, lane)
    return point if point is not None and point.hold and point.name in turn.state.rounds.red else None


# -------------------------------------------------------------- when it is due


def _due_ms(turn: Turn, point: Point, one: RoundState) -> int | None:
    """Elapsed time; None: nothing is due today, or no goods wait."""
    if point.after_hand_over_minutes is not None:
        return None if one.handed_ms is None else one.handed_ms + point.after_hand_over_minutes * MINUTE_MS
    every_ms = (point.every_minutes or 0) * MINUTE_MS
    if not turn.moment.trusted:
        return one.from_ms + every_ms
    window = _window(turn, point)
    if window is None:
        return None
    midnight_ms, begins_ms, ends_ms = window
    due_ms = max(one.from_ms, begins_ms) + every_ms
    done_today = one.done and one.from_ms >= midnight_ms
    if due_ms <= ends_ms:
        return due_ms
    return None if done_today or one.from_ms >= ends_ms else ends_ms


def _window(turn: Turn, point: Point) -> tuple[int, int, int] | None:
    """Midnight, and the first and last moment of today at which this point is asked for; None on a day off."""
    assert turn.rulebook is not None
    day = turn.local.date()
    spans = [minutes_of(each) for each in point.within] or turn.rulebook.hours.spans_on(day, ANY_SERVICE)
    if not spans:
        return None
    midnight = turn.local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    first, last = min(first for first, _ in spans), max(end for _, end in spans)
    return turn.at(midnight), turn.at(at_minute(midnight, first)), turn.at(at_minute(midnight, last))


def _steps(book: Rounds, due_ms: int) -> tuple[tuple[int, Stage], ...]:
    return (
        (due_ms - book.remind_minutes * MINUTE_MS, "due"),
        (due_ms + book.grace_minutes * MINUTE_MS, "amber"),
        (due_ms + book.red_minutes * MINUTE_MS, "red"),
    )


def _stage(turn: Turn, book: Rounds, due_ms: int | None) -> Stage:
    reached: Stage = "done"
    for at_ms, stage in _steps(book, due_ms) if due_ms is not None else ():
        reached = stage if turn.now >= at_ms else reached
    return reached


# -------------------------------------------------------------- time


def tend(turn: Turn) -> None:
    """What is due by time at every point of this device."""
    kept, book = turn.state.rounds, rules(turn)
    if book is None and not kept.points:
        return
    kept.seen_ms = turn.now
    seen_as = f"{turn.state.rulebook_serial} {turn.moment.trusted} {turn.state.rights.bank}"
    if seen_as == kept.seen_as and turn.now < min(kept.next_ms, kept.looked_ms + LOOK_MS):
        return
    kept.seen_as, kept.looked_ms = seen_as, turn.now
    mine = points(turn)
    kept.points = {point.name: _kept(turn, point) for point in mine}
    times = [_tend(turn, book, point) for point in mine] if book is not None else []
    kept.next_ms = min([time for found in times for time in found if time > turn.now], default=turn.now + 86_400_000)
    _alarm(turn)


def due(turn: Turn) -> list[int]:
    return [turn.state.rounds.next_ms] if turn.state.rounds.points else []


def _tend(turn: Turn, book: Rounds, point: Point) -> list[int]:
    """Bring one point up to date; when it changes next."""
    one = turn.state.rounds.points[point.name]
    _by_the_calendar(turn, one)
    due_ms = _due_ms(turn, point, one)
    stage = _stage(turn, book, due_ms)
    if stage != one.stage:
        _changed(turn, book, point, one, stage, due_ms)
    elif stage == "red" and one.escalated < ESCALATIONS and turn.now >= one.escalate_ms:
        _red(turn, book, point, one, due_ms)
    times = [at_ms for at_ms, _ in _steps(book, due_ms)] if due_ms is not None else []
    if stage == "red" and one.escalated < ESCALATIONS:
        times.append(one.escalate_ms)
    if turn.moment.trusted:
        midnight = turn.local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        times.append(turn.at(midnight + dt.timedelta(days=1)))
    return times


def _changed(turn: Turn, book: Rounds, point: Point, one: RoundState, stage: Stage, due_ms: int | None) -> None:
    """Without a signature a round is only over when its day is: another rulebook or another clock says nothing of it."""
    missed = stage == "done" and turn.moment.trusted and one.day not in ("", _today(turn))
    one.stage, one.day, one.escalated = stage, _today(turn), 0
    if stage == "red":
        _red(turn, book, point, one, due_ms)
    elif stage != "done":
        _record(turn, point, stage, due_ms)
    elif missed:
        _record(turn, point, "missed", None)


def _red(turn: Turn, book: Rounds, point: Point, one: RoundState, due_ms: int | None) -> None:
    """Much too late, or still: on record, by the buzzer, and by an alarm that names everything that is."""
    one.escalated += 1
    one.escalate_ms = turn.now + book.escalate_minutes * MINUTE_MS
    _record(turn, point, "red", due_ms, escalated=one.escalated)
    turn.state.rounds.red = ()
    if all(each.acknowledged_by for each in turn.state.incidents.values()):  # an isolation's call is never cut short
        turn.actions += [Buzz(lane=setup.name, show_ms=BUZZ_MS) for setup in turn.state.setups if setup.buzzer]


def _alarm(turn: Turn) -> None:
    """One alarm for all of them: it stands as long as any is red, and is given again when one more is, or still is."""
    kept = turn.state.rounds
    red = tuple(name for name, one in kept.points.items() if one.stage == "red")
    if red == kept.red:
        return
    kept.red = red
    turn.alarm("round_overdue", active=bool(red), detail=", ".join(red))


def restarted(turn: Turn, *, new_boot: bool) -> None:
    """Elapsed time began anew: rounds go on where they stood; the calendar mends it where it is and was trusted."""
    kept = turn.state.rounds
    shift = turn.now - kept.seen_ms if new_boot else 0
    for one in kept.points.values():
        one.from_ms, one.escalate_ms = one.from_ms + shift, one.escalate_ms + shift
        one.handed_ms = None if one.handed_ms is None else one.handed_ms + shift
    kept.seen_as = ""


def _by_the_calendar(turn: Turn, one: RoundState) -> None:
    """Where both ends are known by a trusted clock, what lies between them is, whatever was off meanwhile."""
    if not turn.moment.trusted:
        return
    began_ms = turn.moment.wall_ms - turn.now
    if one.from_wall_ms:
        one.from_ms = one.from_wall_ms - began_ms
    else:
        one.from_wall_ms = one.from_ms + began_ms
    if one.handed_ms is not None and one.handed_wall_ms:
        one.handed_ms = one.handed_wall_ms - began_ms
    elif one.handed_ms is not None:
        one.handed_wall_ms = one.handed_ms + began_ms


def _kept(turn: Turn, point: Point) -> RoundState:
    """What is known of this point; a new one begins to count now."""
    known = turn.state.rounds.points
    if point.name not in known:
        known[point.name] = RoundState(from_ms=turn.now, from_wall_ms=_wall_ms(turn))
    return known[point.name]


def _look_again(turn: Turn) -> None:
    turn.state.rounds.seen_as = ""


def _wall_ms(turn: Turn) -> int:
    return turn.moment.wall_ms if turn.moment.trusted else 0


def _today(turn: Turn) -> str:
    return str(turn.local.date()) if turn.moment.trusted else ""


# -------------------------------------------------------------- on record


def _record(
    turn: Turn, point: Point, state: str, due_ms: int | None, *, by: str = "", escalated: int = 0
) -> None:  # fmt: skip
    header = turn.header(point.lane)
    if point.responsible:
        header["responsible"] = point.responsible
    turn.records.append(
        Round(
            **header,
            point=point.name,
            state=state,  # type: ignore[arg-type]
            by=by,
            due_at=due_at(turn, due_ms),
            late_s=0 if due_ms is None else max(0, (turn.now - due_ms) // 1000),
            escalated=escalated,
        )
    )


def due_at(turn: Turn, at_ms: int | None) -> str:
    """RFC 3339 to the second; empty without one, or while nobody can know what time it is."""
    if at_ms is None or not turn.moment.trusted:
        return ""
    at = dt.datetime.fromtimestamp((turn.moment.wall_ms + at_ms - turn.now) / 1000, turn.zone)
    return at.isoformat(timespec="seconds")


def overview(turn: Turn) -> list[Shown]:
    """Every point of this device, in the rulebook's order; changes nothing."""
    found = []
    for point in points(turn):
        one = turn.state.rounds.points.get(point.name)
        if one is not None:
            done_ms = one.from_ms if one.done else None
            found.append(Shown(point, one.stage, _due_ms(turn, point, one), done_ms))
    return found
