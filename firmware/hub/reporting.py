"""How the device is: the retained status the hub sees. What happened is an event and not in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.cables import Line
from firmware.core import air, estimate, incident, judgement, limit, queue, quotas, rounds, supplies, ventilation
from firmware.core.state import LaneSetup, LaneState
from firmware.core.turn import Turn
from firmware.version import VERSION
from mqtt.messages import (
    AlarmStatus,
    ClockStatus,
    DoctorStatus,
    IncidentStatus,
    JournalStatus,
    LaneStatus,
    RemainsStatus,
    RoundStatus,
    SensorStatus,
    SideLinkStatus,
    Status,
    SupplyStatus,
)

if TYPE_CHECKING:
    from firmware.wiring import Device
    from mqtt.outbox import Outbox


def status(device: Device, outbox: Outbox, dropped: int, started_ms: float) -> Status:
    """`dropped`: what the hub's side dropped, besides the events the inbox had no room for."""
    controller, state, clock = device.controller, device.controller.state, device.clock
    moment = clock.moment()
    book = controller.rulebook
    day = moment.local(controller.zone).date()
    phase = book.phase_on(day) if book else None
    return Status(
        v=1,
        device=device.site.device.name,
        hall=device.site.device.hall,
        version=VERSION,
        at=moment.rfc3339(controller.zone),
        at_trusted=moment.trusted,
        boot=state.boot,
        uptime_s=int((moment.elapsed_ms - started_ms) / 1000),
        rulebook=state.rulebook_serial or None,
        phase=phase.name if phase else "",
        limit_persons=estimate.limit(state, book.limit_on(day) if book else None),
        inside=estimate.inside(state),
        inside_at_most=estimate.inside_at_most(state, moment.elapsed_ms, limit.REACHABLE_MS),
        free_rights=state.rights.free,
        bank=state.rights.bank,
        evacuated=bool(state.evacuated_by),
        seq=device.journal.durable_seq or None,
        first_seq=outbox.held_from or None,
        outbox_depth=outbox.depth,
        outbox_lost=outbox.lost,
        queue=device.loop.queue,
        dropped=device.loop.dropped_events + dropped,
        memory_kb=_memory_kb(),
        temperature_c=device.board.temperature_c,
        undervoltage=device.board.undervoltage,
        journal=JournalStatus(
            dropped=device.journal.lost_records,
            writable=state.journal_ok,
            first_seq=outbox.held_from or None,
            durable_seq=device.journal.durable_seq or None,
            because=device.journal.because or device.journal.trouble,
        ),
        clock=ClockStatus(trusted=moment.trusted, source=device.site.clock.source),
        lanes=tuple(_lane(device, lane, moment.elapsed_ms) for lane in state.lanes.values()),
        side_link=_side_link(device),
        notices_refused=dict(device.notices.refused),
        remains=_remains(device),
        rulebook_before=bool(state.rulebook_before),
        rulebook_next=state.rulebook_next_from,
        doctor=_doctor(device),
        rounds=_rounds(device),
        supplies=_supplies(device),
        incidents=_incidents(device),
        alarms=tuple(AlarmStatus(alarm=alarm, lane=lane or None) for alarm, lane in state.alarms),
        update=device.updates.status(state.update_ordered) if device.updates else None,
    )


def _doctor(device: Device) -> DoctorStatus | None:
    report = device.doctor.report
    if report is None:
        return None
    faults = tuple(f"{found.lane} {found.device} {found.result}" for found in report.devices if found.ill)
    return DoctorStatus(at=report.at, result=report.result, faults=faults)


def _rounds(device: Device) -> tuple[RoundStatus, ...]:
    controller, moment = device.controller, device.clock.moment()
    turn = Turn(controller.state, moment, controller.zone, controller.rulebook)
    return tuple(
        RoundStatus(
            point=one.point.name,
            due_at=rounds.due_at(turn, one.due_ms),
            state=one.stage,
            name_zh=one.point.name_zh,
            name_en=one.point.name_en,
            lane=one.point.lane,
            done_at=rounds.due_at(turn, one.done_ms),
        )
        for one in rounds.overview(turn)
    )


def _incidents(device: Device) -> tuple[IncidentStatus, ...]:
    controller = device.controller
    turn = Turn(controller.state, device.clock.moment(), controller.zone, controller.rulebook)
    return tuple(
        IncidentStatus(
            incident=one.id,
            lane=one.lane,
            state=incident.state_of(one),
            because=one.because,
            opened_at=rounds.due_at(turn, one.since_ms),
            overdue=one.overdue,
            lane_held=incident.holds_lane(controller.state, one),
        )
        for one in controller.state.incidents.values()
    )


def _supplies(device: Device) -> tuple[SupplyStatus, ...]:
    controller = device.controller
    turn = Turn(controller.state, device.clock.moment(), controller.zone, controller.rulebook)
    known = ((item, supplies.kept(controller.state, item)) for item in supplies.items(turn))
    return tuple(
        SupplyStatus(
            item=item.name,
            left=one.left,
            used=one.used,
            low=one.low,
            name_zh=item.name_zh,
            name_en=item.name_en,
            lane=item.lane,
        )
        for item, one in known
    )


def _side_link(device: Device) -> SideLinkStatus | None:
    link = device.side_link
    if link is None:
        return None
    return SideLinkStatus(
        peers={name: int(age_ms) for name, age_ms in link.peers().items()},
        named=link.named,
        refused=dict(link.exchange.refused),
        unsent=link.dropped,
        because=link.because,
    )


def _remains(device: Device) -> RemainsStatus:
    """3.1.1b: limit, day, slot and cases beside each other. A doubtful clock knows no day."""
    controller, moment = device.controller, device.clock.moment()
    book, state = controller.rulebook, controller.state
    if book is None or not moment.trusted:
        return RemainsStatus()
    local = moment.local(controller.zone)
    left = quotas.remains(Turn(state, moment, controller.zone, book), book, local)
    whole = estimate.limit(state, book.limit_on(local.date())) or 0
    return RemainsStatus(
        places=max(0, whole - max(0, estimate.inside(state))),
        day=left.day,
        slot=left.slot,
        cases=left.cases,
        walk_in=quotas.walk_in(state, book, local.date()),
    )


def _lane(device: Device, lane: LaneState, now_ms: int) -> LaneStatus:
    lines = [line for cable in device.loop.cables for line in cable.lines if line.lane == lane.name]
    setup = next(setup for setup in device.controller.state.setups if setup.name == lane.name)
    day = str(device.clock.moment().local(device.controller.zone).date())
    close_s, times = queue.spacing_today(now_ms, lane, device.controller.state.spacing_days.get(lane.name), day)
    return LaneStatus(
        name=lane.name,
        direction=setup.direction,
        state=lane.state,
        sensors=tuple(_sensor(line, now_ms) for line in lines),
        waiting=max(len(lane.waiting), lane.queue_persons),
        expected_wait_s=judgement.expected_wait_seconds(device.controller.rulebook, lane) if lane.waiting else None,
        gap_mm=lane.queue_gap_mm,
        because=lane.held_because,
        too_close_s=close_s if setup.range_sensor else None,
        too_close_times=times if setup.range_sensor else None,
        behind_persons=lane.behind_persons if setup.behind_sensor else None,
        crowd=lane.crowd,
        incident=lane.held_by if lane.held_because in (incident.HELD, incident.UPSTREAM) else "",
        co2_ppm=lane.air.co2_ppm if lane.air is not None else None,
        air_holds=_air_holds(device, setup),
        ventilation=ventilation.amiss(lane),
        fire_loop_open=lane.name in device.controller.state.fire_lanes if _has_fire_loop(lines) else None,
    )


def _air_holds(device: Device, setup: LaneSetup) -> bool:
    book = device.controller.rulebook
    return bool(book and book.air.hold_ppm and setup.entry) and air.behind(device.controller.state, setup.zone) == "bad"


def _has_fire_loop(lines: list[Line]) -> bool:
    return any(line.role == "fire_loop" for line in lines)


def _sensor(line: Line, now_ms: int) -> SensorStatus:
    return SensorStatus(
        device=line.role,
        driver=line.driver,
        state=line.state,
        age_ms=None if line.seen_ms is None else max(0, now_ms - int(line.seen_ms)),
        quality="good" if line.state == "ok" else "doubtful",
        because=line.because,
    )


def _memory_kb() -> int | None:
    """Resident memory of this process, KiB (proc(5), VmRSS)."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next((int(row.split()[1]) for row in file if row.startswith("VmRSS:")), None)
    except OSError:
        return None
