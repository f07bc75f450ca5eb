"""The loop without a device: its timers with a real clock, its order of things with one that stands still."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firmware import standby
from firmware.cables import Cable, Line
from firmware.clock import Clock
from firmware.core.actions import GateOpen
from firmware.core.events import ClockChecked, CodeRead, CommandArrived, ContactChanged, DeviceHealth, Started
from firmware.core.facts import Unproved
from firmware.core.records import Decision
from firmware.core.state import LaneSetup
from firmware.core.turn import Outcome
from firmware.loop import CALLS_A_TURN, GATES, INBOX, Loop
from firmware.outputs import gate_relay_lcus
from firmware.ports.serial_line import SerialPort
from sensors import counter_beam_pair, scanner_text_line
from tests.brokers import wait_until
from tests.core.stage import Stage
from tests.device.bench import ON, Far


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


class Late:
    """A loop that was held up: everything arrived when it should, and is judged only now.

    `late_ms`: how much later than judged an order is carried out.
    """

    def __init__(self, stage: Stage, late_ms: float = 0.0) -> None:
        self.stage, self.late_ms, self.records = stage, late_ms, list[Any]()
        journal: Any = SimpleNamespace(
            append=lambda *_: None, sync=lambda: None, prepare_step=lambda: False, waiting=()
        )
        clock: Any = SimpleNamespace(
            elapsed_ms=lambda: self.loop._last_ms + self.late_ms, wall_ms=self._wall_ms, trusted=True
        )
        self.loop = Loop(clock, stage.controller, journal)
        self.loop.after.append(self.records.extend)

    def _wall_ms(self) -> int:
        """Of the moment that is judged."""
        return int(self.stage.wall_0 * 1000) + self.loop._last_ms

    def judge(self, heard: list[tuple[Any, float]]) -> None:
        self.loop._put(heard)
        self.loop.turn(wait=False)


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


class Gate:
    """A hand that notes what its gate was told, in the order in which it was."""

    wake_at_ms = None

    def __init__(self) -> None:
        self.told = list[str]()

    def order(self, order: Any, t_ms: float) -> list[Any]:
        self.told += [type(order).__name__] if isinstance(order, GATES) else []
        return []


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


# ---------------------------------------------------------------- who stands by


def lost() -> dict[str, int]:
    raise OSError("the chip is gone")


@pytest.mark.parametrize(
    ("port", "occupied"),
    [
        (SimpleNamespace(levels=lambda: {"outside": 0, "inside": 0}), False),
        (SimpleNamespace(levels=lambda: {"outside": 0, "inside": 1}), True),
        (SimpleNamespace(levels=lost), True),
        (SimpleNamespace(), True),
    ],
)
def test_a_counter_that_cannot_be_asked_counts_as_somebody(port: Any, occupied: bool) -> None:
    """While the loop stands still: no gate shuts on a body, and no error keeps the ways out shut."""
    assert standby._broken(counter_beam_pair.Decoder(counter_beam_pair.Settings()), port) is occupied
