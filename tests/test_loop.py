"""The loop without a device: its timers with a real clock, its order of things with one that stands still."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware.cables import Cable, Line
from firmware.clock import Clock
from firmware.core.actions import GateOpen
from firmware.core.events import (
    ClockChecked,
    CodeRead,
    CommandArrived,
    ContactChanged,
    Crossed,
    DeviceHealth,
    PassageBlocked,
    Started,
)
from firmware.core.facts import Unproved
from firmware.core.records import Alarm, Decision
from firmware.core.state import LaneSetup
from firmware.core.turn import Outcome
from firmware.loop import CALLS_A_TURN, FLUSH_MS, IDLE_MS, INBOX, RETRY_MS, Loop
from firmware.outputs import gate_relay_lcus
from firmware.ports.serial_line import SerialPort
from sensors import scanner_text_line
from tests.brokers import wait_until
from tests.core.stage import Stage
from tests.device.bench import OFF, ON, Far
from tests.held_up import WAYS, Gate, Late, with_a_disk


@pytest.fixture
def loop() -> Loop:
    nobody: Any = SimpleNamespace(prepare_step=lambda: False, waiting=False)
    return Loop(Clock(), nobody, nobody)


def turned_until(loop: Loop, t_ms: float) -> None:
    while loop.clock.elapsed_ms() < t_ms:
        loop.turn(wait=False)


def test_a_timer_is_called_when_it_asked_to_be_and_sooner_when_it_is_hastened(loop: Loop) -> None:
    called = list[float]()

    def timer(t_ms: float) -> float:
        called.append(t_ms)
        return t_ms + 3_600_000

    loop.every(timer)
    began = loop.clock.elapsed_ms()
    turned_until(loop, began + 20)
    assert len(called) == 1
    loop.hasten(timer, began + 200)
    loop.hasten(timer, began + 7_200_000)
    loop.turn(wait=False)
    turned_until(loop, began + 220)
    assert len(called) == 2 and called[1] >= began + 200


def test_who_wants_much_done_does_not_keep_the_ports_waiting(loop: Loop) -> None:
    done = list[int]()
    for number in range(3 * CALLS_A_TURN):
        loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
    for turns in range(1, 4):
        loop.turn(wait=False)
        assert done == list(range(turns * CALLS_A_TURN))


def test_what_is_too_much_is_counted_and_pushes_nothing_out(loop: Loop) -> None:
    done = list[int]()
    for number in range(INBOX + 3):
        loop.call(lambda number=number: done.append(number))  # type: ignore[misc]
    while loop.calls_waiting:
        loop.turn(wait=False)
    assert (done, loop.dropped_events) == (list(range(INBOX)), 3)


def told(record: Any) -> Any:
    """Without its hour (the stage's seconds are rounded to milliseconds) and without how long it took."""
    timeless = msgspec.structs.replace(record, at="")
    return msgspec.structs.replace(timeless, took_ms=None) if isinstance(record, Decision) else timeless


@given(gaps_ms=some.lists(some.integers(0, 1_500), min_size=1, max_size=80), sensor=some.booleans())
def test_a_loop_that_is_late_decides_as_if_it_were_in_time(gaps_ms: list[int], sensor: bool) -> None:
    """Visitors at a gate that opens for 700 ms; who comes when it is free again is let in, however late that is judged."""
    punctual, late = (Stage(sensor=sensor, limit=1_000) for _ in range(2))
    heard, at_ms = [], 0
    for number, gap_ms in enumerate([*gaps_ms, 60_000]):
        at_ms += gap_ms
        heard.append((CodeRead(lane="A", fact=punctual.booking(number)), float(at_ms)))
        punctual.do(heard[-1][0], after=at_ms / 1000 - punctual.now)
    held_up = Late(late)
    held_up.judge(heard)
    assert [told(record) for record in held_up.records] == [told(record) for record in punctual.records]


FIRE = ContactChanged(lane="A", role="fire_loop", closed=False)
HELD = CommandArrived(id="h", name="hold", issuer="hub", lane="A")


@pytest.mark.parametrize("direction", ["out", "both"])
def test_a_fire_comes_behind_what_its_gate_was_told_in_the_same_turn(direction: Any) -> None:
    """A fail-open exit is put in service, or a grant is taken back, and the fire loop is open: all of it judged at once."""
    setup = LaneSetup(name="A", direction=direction, classes=("visitor",), passage_sensor=True, fails_open=True)
    stage, gate = Stage(lanes=(setup,)), Gate()
    held_up = Late(stage)
    held_up.loop.hands["A"] = [(Cable(SimpleNamespace(fileno=lambda: -1)), Line("A", "gate", "gate_any", gate))]  # type: ignore[arg-type]
    began: Any = Started(boot="2", version="t", device="d", hall="baoshan", inc="door-1", bank=True, lanes=stage.lanes)
    before = [began] if direction == "out" else [CodeRead(lane="A", fact=stage.booking(1)), HELD]
    held_up.judge([(event, 0.0) for event in (*before, FIRE)])
    assert "GateFree" in gate.told and "GateClose" not in gate.told, gate.told


@pytest.mark.parametrize("sensor", [True, False])
def test_a_grant_that_is_over_before_its_gate_can_open_is_given_back(sensor: bool) -> None:
    """Ten seconds of it. Another one may stand there by now; whose pass it was can come again."""
    stage, gate = Stage(sensor=sensor, limit=1), Gate()
    held_up = Late(stage, 10_000)
    held_up.loop.hands["A"] = [(Cable(SimpleNamespace(fileno=lambda: -1)), Line("A", "gate", "gate_any", gate))]  # type: ignore[arg-type]
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    assert gate.told == ["GateClose"] and stage.lane.grant is None
    held_up.late_ms = 9_999
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 20_000.0)])
    assert gate.told == ["GateClose", "GateOpen"], "the place and the pass are there again, and not too late"


@pytest.mark.parametrize(("hatch", "told"), [(False, ["GateOpen", "disk"]), (True, ["disk", "GateOpen"])])
def test_who_leaves_waits_for_no_disk(hatch: bool, told: list[str]) -> None:
    """Nor does a fire that comes while the card hangs over the record of an exit, as far as this exit goes."""
    setup = LaneSetup(name="A", direction="in" if hatch else "out", classes=("courier",), hatch=hatch)
    stage, gate = Stage(lanes=(setup,)), Gate()
    held_up = Late(stage, 3_600_000)
    held_up.loop.hands["A"] = [(Cable(SimpleNamespace(fileno=lambda: -1)), Line("A", "gate", "gate_any", gate))]  # type: ignore[arg-type]
    held_up.loop.journal.sync = lambda: gate.told.append("disk")  # type: ignore[method-assign]
    stage.controller.handle = lambda *_: Outcome([GateOpen(lane="A", way="out", pulse_ms=700)], [], lambda: None)  # type: ignore[method-assign]
    held_up.judge([(ClockChecked(), 0.0)])
    assert gate.told == told


def test_a_fire_is_heard_in_an_inbox_that_is_full() -> None:
    stage = Stage()
    flooded = Late(stage)
    flooded.judge([*[(ClockChecked(), 0.0)] * (INBOX + 5), (FIRE, 1.0)])
    assert stage.lane.freed and flooded.loop.dropped_events == 5


# ---------------------------------------------------------------- a disk that refuses, and what is due by time


def test_while_the_disk_refuses_nobody_is_let_in_and_everybody_out_and_it_is_asked_again() -> None:
    stage = Stage(lanes=WAYS, limit=1)
    held_up, disk, gates = with_a_disk(stage)
    disk.full = True
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    assert gates["A"].told == ["GateClose"] and stage.lane.grant is None and stage.free == 1
    assert not stage.controller.state.journal_ok
    held_up.judge([(CodeRead(lane="X", fact=stage.booking(2)), 5_000.0)])
    assert gates["X"].told == ["GateOpen"]
    for full in (True, True, True, False, False):
        disk.full = full
        held_up.late_ms += RETRY_MS + 1
        held_up.judge([])
    alarms = [record.active for record in held_up.records if isinstance(record, Alarm) and record.alarm == "journal"]
    assert alarms == [True, False] and stage.controller.state.journal_ok, "asked four times, and told of twice"
    held_up.late_ms = 0
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 60_000.0)])
    assert gates["A"].told == ["GateClose", "GateOpen"], "the pass was not used by an opening that never was"


def test_a_gate_does_not_shut_on_a_body_because_the_disk_refuses() -> None:
    """Keeping it open over somebody is no new opening, and waits for no record."""
    stage = Stage(lanes=WAYS)
    held_up, disk, gates = with_a_disk(stage)
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    held_up.judge([(PassageBlocked(lane="A", blocked=True), 100.0)])
    before, disk.full = len(gates["A"].told), True
    held_up.late_ms = stage.lane.open_until_ms - 100 - 50
    held_up.judge([])
    assert set(gates["A"].told[before:]) == {"GateOpen"}


def test_what_an_order_opens_waits_for_the_disk_as_well() -> None:
    stage = Stage(lanes=WAYS)
    held_up, disk, gates = with_a_disk(stage)
    disk.full = True
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    order = CommandArrived(id="o", name="open_once", issuer="hub", lane="A")
    held_up.judge([(order, 100.0)])
    assert "GateOpen" not in gates["A"].told and stage.lane.grant is None


def test_a_hall_that_would_rather_lose_records_lets_people_in_all_the_same() -> None:
    stage = Stage(lanes=WAYS, limit=1, more='[on_doubt]\njournal_full = "admit"')
    held_up, disk, gates = with_a_disk(stage)
    disk.full = True
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    assert gates["A"].told == ["GateOpen"] and not stage.controller.state.journal_ok


def test_what_leaves_the_device_is_on_disk_first() -> None:
    held_up, disk, _ = with_a_disk(Stage(lanes=WAYS))
    assert held_up.loop.settled() and disk.said == []
    held_up.judge([(PassageBlocked(lane="X", blocked=False), 0.0)])
    assert disk.said == ["append"] and disk.waiting == 1, "what tells the hub nothing may wait a second"
    assert held_up.loop.settled() and disk.said == ["append", "sync"]
    disk.full = True
    held_up.judge([(PassageBlocked(lane="X", blocked=False), 10.0)])
    assert not held_up.loop.settled()


def test_who_went_out_is_on_disk_at_once() -> None:
    held_up, disk, _ = with_a_disk(Stage(lanes=WAYS))
    held_up.judge([(Crossed(lane="X", direction="out"), 0.0)])
    assert disk.said == ["append", "sync"]


def test_a_turn_that_is_under_way_can_be_told_from_one_that_is_over() -> None:
    """Who stands by looks at it from another thread."""
    held_up, _, _ = with_a_disk(Stage(lanes=WAYS))
    beats = list[int]()
    held_up.loop.when_judged(lambda: beats.append(held_up.loop.beat % 2))
    held_up.judge([])
    assert beats == [1] and held_up.loop.beat % 2 == 0


def test_what_tells_the_hub_nothing_is_on_disk_after_a_second() -> None:
    held_up, disk, _ = with_a_disk(Stage(lanes=WAYS))
    held_up.judge([(PassageBlocked(lane="X", blocked=False), 0.0)])
    held_up.late_ms = FLUSH_MS - 1
    held_up.judge([])
    assert disk.said == ["append"]
    held_up.late_ms = FLUSH_MS
    held_up.judge([])
    assert disk.said == ["append", "sync"]


def test_what_tells_the_hub_nothing_lies_where_the_next_event_will() -> None:
    """By these numbers a reader finds the place of an event that the hub asks for again."""
    stage = Stage(lanes=WAYS)
    held_up, disk, _ = with_a_disk(stage)
    seq = held_up.loop.controller.state.seq
    scanned = CodeRead(lane="A", fact=stage.booking(1))
    held_up.judge([(PassageBlocked(lane="X", blocked=False), 0.0), (scanned, 1.0)])
    held_up.judge([(PassageBlocked(lane="X", blocked=False), 2.0)])
    assert disk.numbers == [(seq + 1, 0), (seq + 1, 1), (seq + 2, 0)]


def test_what_is_due_is_done_though_nothing_happens() -> None:
    stage = Stage(lanes=WAYS, limit=1)
    held_up, _, gates = with_a_disk(stage)
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    assert stage.free == 0
    held_up.late_ms = 10_500
    held_up.judge([])
    assert stage.lane.grant is None and stage.free == 1


def test_how_long_an_answer_took_is_told_with_it() -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage, late_ms=7.25)
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    assert [record.took_ms for record in held_up.records if isinstance(record, Decision)] == [7.25]


def test_the_loop_sleeps_until_the_first_thing_that_is_due() -> None:
    held_up, _, _ = with_a_disk(Stage(lanes=WAYS))
    loop = held_up.loop
    loop.clock.seconds_until = lambda t_ms: t_ms  # type: ignore[method-assign, assignment]
    loop._due = [None]
    assert loop._patience() == IDLE_MS
    loop._due.append(9_000.0)
    assert loop._patience() == 9_000.0
    loop.cables.append(Cable(SimpleNamespace(), [], tend_ms=8_000.0))  # type: ignore[arg-type]
    assert loop._patience() == 8_000.0
    loop._wake_ms = 7_000
    assert loop._patience() == 7_000
    loop._retry_ms = 6_000.0
    assert loop._patience() == 6_000.0
    loop._unflushed_ms = 4_500.0
    assert loop._patience() == 4_500.0 + FLUSH_MS
    assert held_up.loop.turn(wait=False) is None


@pytest.mark.parametrize(
    ("blocked", "open_until_ms", "freed", "somebody"),
    [(True, 500, False, True), (True, 0, False, False), (True, 0, True, True), (False, 500, True, False)],
)
def test_nobody_ends_the_loop_while_a_body_is_in_an_open_gate(
    blocked: bool, open_until_ms: int, freed: bool, somebody: bool
) -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage)
    lane = stage.controller.state.lanes["X"]
    lane.blocked, lane.open_until_ms, lane.freed = blocked, open_until_ms, freed
    assert held_up.loop._somebody_in_a_gate() is somebody


def test_what_has_to_wait_for_all_that_was_read_is_done_behind_it_and_once() -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage)
    done = list[int]()
    held_up.loop.when_judged(lambda: done.append(len(held_up.records)))
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0)])
    held_up.judge([(CodeRead(lane="X", fact=stage.booking(2)), 10.0)])
    assert done == [1]


@pytest.mark.parametrize("evacuated", [False, True])
def test_at_the_end_every_hand_goes_to_rest_but_a_gate_that_lets_people_out_of_a_fire(evacuated: bool) -> None:
    stage = Stage(lanes=WAYS)
    held_up, _, _ = with_a_disk(stage)
    if evacuated:
        stage.do(FIRE)
    told, closed = list[str](), list[str]()
    held_up.loop.hands.clear()
    for role in ("gate", "sign"):
        hand: Any = SimpleNamespace(
            start=lambda _, role=role: told.append(f"start {role}") or [],
            stop=lambda _, role=role: told.append(f"stop {role}") or [],
        )
        port: Any = SimpleNamespace(fileno=lambda: -1, close=lambda role=role: closed.append(role))
        cable = Cable(port, [])
        held_up.loop.cables.append(cable)
        held_up.loop.hands.setdefault("A", []).append((cable, Line("A", role, "x", hand)))
    held_up.loop.start_hands()
    held_up.loop.close()
    assert told == (
        ["start sign", "stop sign"] if evacuated else ["start gate", "start sign", "stop gate", "stop sign"]
    )
    assert closed == ["gate", "sign"]


# ---------------------------------------------------------------- a line that is lost in a writing


def test_a_relay_that_goes_while_it_is_written_to_is_missed_and_comes_back(loop: Loop, tmp_path: Path) -> None:
    """The loop was on the disk when the plug was pulled: the order meets a dead line before anybody hears of its end."""
    loop.controller, far = Stage().controller, Far(tmp_path / "relay")
    port = SerialPort(str(far.link), 9_600, loop.clock)
    line = Line("A", "gate", "gate_relay_lcus", gate_relay_lcus.Encoder(gate_relay_lcus.Settings()))
    cable = Cable(port, [line])
    loop.add(cable)
    loop.hands["A"] = [(cable, line)]
    loop._tend(loop.clock.elapsed_ms())
    far.unplug()
    loop._carry_out([GateOpen(lane="A", way="in", pulse_ms=300)])
    assert line.state == "unplugged" and cable.tend_ms == 0.0
    far.plug()
    wait_until(lambda: loop._tend(loop.clock.elapsed_ms()) or line.state == "ok")
    far.heard = b""
    loop._carry_out([GateOpen(lane="A", way="in", pulse_ms=300)])
    far.expect(ON)
    assert [event.state for event, _ in loop._inbox if isinstance(event, DeviceHealth)] == ["unplugged", "ok"]
    port.close()
    far.unplug()


def test_a_process_that_was_frozen_shuts_no_gate_on_the_body_that_is_in_it() -> None:
    stage, wrote = Stage(lanes=WAYS), list[bytes]()
    held_up, line = (
        Late(stage),
        Line("A", "gate", "gate_relay_lcus", gate_relay_lcus.Encoder(gate_relay_lcus.Settings())),
    )
    port: Any = SimpleNamespace(fileno=lambda: 0, write=wrote.append)
    cable = Cable(port, [line], fd=0, tend_ms=None)
    held_up.loop.cables.append(cable)
    held_up.loop.hands["A"] = [(cable, line)]
    held_up.judge([(CodeRead(lane="A", fact=stage.booking(1)), 0.0), (PassageBlocked(lane="A", blocked=True), 100.0)])
    assert wrote == [ON]
    held_up.late_ms = 5_000
    for _ in range(3):
        held_up.judge([])
    assert wrote == [ON]
    held_up.late_ms = 0
    held_up.judge([(PassageBlocked(lane="A", blocked=False), 30_000.0)])
    held_up.late_ms = 2_000
    held_up.judge([])
    assert wrote == [ON, OFF]


def test_the_half_of_a_code_that_came_before_the_plug_was_pulled_is_not_joined_to_the_next(
    loop: Loop, tmp_path: Path
) -> None:
    read, far = [], Far(tmp_path / "scanner")
    speaker = scanner_text_line.Decoder(scanner_text_line.Settings())
    line = Line(
        "A", "scanner", "scanner_text_line", speaker, lambda text, _: read.append(text) or Unproved(because="malformed")
    )
    cable = Cable(SerialPort(str(far.link), 9_600, loop.clock), [line])
    loop.add(cable)
    far.write(b"HP1:the first ha")
    wait_until(lambda: loop._collect(cable) or speaker.wake_at_ms is not None)
    far.unplug()
    wait_until(lambda: loop._collect(cable) or line.state == "unplugged")
    far.plug()
    wait_until(lambda: loop._tend(loop.clock.elapsed_ms()) or line.state == "ok")
    far.write(b"HP1:next\r")
    wait_until(lambda: loop._collect(cable) or read)
    assert read == [b"HP1:next"] and line.dropped_bytes == len(b"HP1:the first ha")
    cable.port.close()
    far.unplug()


def test_a_controller_that_asks_to_be_woken_for_what_is_over_keeps_nobody_waiting() -> None:
    """It once did: the loop woke it again and again before the event that waited, and no fire was heard."""
    stage = Stage(lanes=WAYS)
    held_up, handle, woken = Late(stage), stage.controller.handle, []

    def spins(event: Any, moment: Any) -> Outcome:
        woken.append(event)
        assert len(woken) < 100, "nothing else is judged"
        outcome = handle(event, moment)
        return Outcome(outcome.actions, outcome.records, lambda: 0)

    stage.controller.handle = spins  # type: ignore[method-assign]
    held_up.judge([(ClockChecked(), 0.0)])
    held_up.judge([(FIRE, 1_000.0)])
    assert stage.controller.state.evacuated_by
    until_then = len(woken)
    for _ in range(50):
        held_up.loop.turn(wait=False)
    assert len(woken) - until_then < 3
