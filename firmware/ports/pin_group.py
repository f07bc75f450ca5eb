"""Some pins that belong together: the near end of a device that is wired to GPIO.

Edges carry the electrical level, never a meaning; a driver's settings say what a level means. Inputs are stamped in
the thread that sees them (with the kernel's stamp where the factory has one) and wait in a bounded queue. An input's
first level is delivered by the first `read`, with one exception: with `HALLGATE_PINS`, an input that the far end has
never driven is not known and delivers nothing until it is driven.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

from firmware.clock import Clock
from firmware.errors import Failure
from firmware.ports.pin_board import PinBoard, Pull
from sensors.driver import Edge, ToDevice

EDGES_MAX = 4_096
STAMP_AGE_MAX_S = 1.0
"""A kernel stamp older than this is on another clock: then the moment we saw the edge counts."""


class PinGroup:
    """`inputs` and `outputs` give the BCM number of each role; `idle` the level an output starts with (default 0).

    `pulls` says what an unconnected input reads: `up` (the default) 1, `down` 0. Failure when a pin is not there, has
    a fixed resistor the other way (GPIO2 and 3 pull up), or is held by another group.
    """

    def __init__(
        self,
        board: PinBoard,
        name: str,
        clock: Clock,
        inputs: Mapping[str, int],
        outputs: Mapping[str, int] | None = None,
        *,
        pulls: Mapping[str, Pull] | None = None,
        idle: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.dropped = 0
        """Edges that did not fit into the queue, and orders for a pin that could not be set."""
        self.because = ""
        self._board = board
        self._clock = clock
        self._queue: deque[tuple[float, Edge]] = deque()
        self._overflowed = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inputs: dict[str, _Input] = {}
        self._outputs: dict[str, tuple[int, Any]] = {}
        self._levels: dict[str, int] = {}
        """The last level handed out (inputs) or ordered (outputs)."""
        try:
            for role, bcm in (outputs or {}).items():
                self._claim_output(role, bcm, (idle or {}).get(role, 0))
            for role, bcm in inputs.items():
                self._claim_input(role, bcm, (pulls or {}).get(role, "up"))
        except Exception as error:
            self.close()
            if isinstance(error, Failure):
                raise
            raise Failure(f"{name}: {error}") from None

    def fileno(self) -> int:
        return self._wake

    def read(self) -> list[tuple[float, Edge]]:
        """Edges since the last call, in order; a level that did not change is left out."""
        if self._wake < 0:
            return []
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        if self._overflowed:
            self._catch_up()
        fresh = []
        for _ in range(len(self._queue)):
            t_ms, edge = self._queue.popleft()
            if self._levels.get(edge.pin) != edge.level:
                self._levels[edge.pin] = edge.level
                fresh.append((t_ms, edge))
        return fresh

    def levels(self) -> dict[str, int]:
        """What each input reads just now, for any thread: it takes nothing from `read`."""
        return {role: int(bool(each.pin.state)) for role, each in self._inputs.items()}

    def write(self, raw: ToDevice) -> None:
        if not isinstance(raw, Edge) or raw.pin not in self._outputs:
            return
        bcm, pin = self._outputs[raw.pin]
        try:
            pin.state = bool(raw.level)
        except Exception as error:  # a remote factory may have lost its line; each has its own errors
            self.dropped += 1
            self.because = f"{self.name}: GPIO{bcm} cannot be set: {error}"
            return
        self.because = ""
        if self._levels.get(raw.pin) != raw.level:
            self._levels[raw.pin] = raw.level
            self._board.report(bcm, raw.level)

    def tend(self, t_ms: float) -> float | None:
        return None

    def close(self) -> None:
        """Let go of the pins; outputs keep the level they were last ordered, as far as the hardware does."""
        for each in self._inputs.values():
            with contextlib.suppress(Exception):
                each.pin.when_changed = None
            self._board.release(each.bcm)
        for bcm, _ in self._outputs.values():
            self._board.release(bcm)
        self._inputs, self._outputs = {}, {}
        wake, self._wake = self._wake, -1
        if wake >= 0:
            os.close(wake)

    # ------------------------------------------------------------ inside

    def _claim_output(self, role: str, bcm: int, idle: int) -> None:
        pin = self._board.claim(bcm, f"{self.name} {role}")
        self._outputs[role] = (bcm, pin)
        pin.output_with_state(bool(idle))
        self._levels[role] = idle
        self._board.report(bcm, idle)

    def _claim_input(self, role: str, bcm: int, pull: Pull) -> None:
        pin = self._board.claim(bcm, f"{self.name} {role}")
        each = self._inputs[role] = _Input(self, role, bcm, pin)
        pin.input_with_pull("floating" if pull == "none" else pull)
        pin.edges = "both"
        pin.when_changed = each.changed
        if self._board.far is None:
            self.saw(role, int(bool(pin.state)), 0.0)
        else:
            self._board.watch(bcm, each.driven)

    def saw(self, role: str, level: int, age_s: float) -> None:
        """From whichever thread saw it: an input is at this level since `age_s` seconds."""
        if len(self._queue) >= EDGES_MAX:
            self.dropped += 1
            self._overflowed = True
            return
        back_ms = age_s * 1000 * self._clock.rate if 0 < age_s < STAMP_AGE_MAX_S else 0.0
        self._queue.append((self._clock.elapsed_ms() - back_ms, Edge(role, level)))
        with contextlib.suppress(OSError):  # closing
            os.eventfd_write(self._wake, 1)

    def _catch_up(self) -> None:
        """After an overflow the present levels are what counts."""
        self._overflowed = False
        for role, each in self._inputs.items():
            with contextlib.suppress(Exception):
                self._queue.append((self._clock.elapsed_ms(), Edge(role, int(bool(each.pin.state)))))


class _Input:
    """One input pin: gpiozero keeps its callback only weakly, so that somebody has to hold it."""

    def __init__(self, group: PinGroup, role: str, bcm: int, pin: Any) -> None:
        self.group, self.role, self.bcm, self.pin = group, role, bcm, pin

    def changed(self, ticks: Any, state: Any) -> None:
        factory = self.pin.factory
        self.group.saw(self.role, int(bool(state)), factory.ticks_diff(factory.ticks(), ticks))

    def driven(self, level: int) -> None:
        """The far end drives the wire. A level the pull had given it already is news the first time."""
        if int(bool(self.pin.state)) == level:
            self.group.saw(self.role, level, 0.0)
        elif level:
            self.pin.drive_high()
        else:
            self.pin.drive_low()
