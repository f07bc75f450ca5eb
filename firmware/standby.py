"""Who stands by when the loop cannot go on. A card that fails keeps a write for half a minute; nobody is held in by it.

A thread of its own looks whether the loop's turns come to an end. Where one has not for two seconds, every gate that is
open without software (`on_failure = "open"`) is told to be, and again every two seconds. systemd's watchdog would say so
after ten, but a process that waits for its disk does not die before the disk answers. When the loop goes on, it tells
these gates anew how they have to stand, as soon as no body is in them, and reports what happened.

Every other gate stays as it is: only the loop knows who may go through.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from firmware.cables import Cable, Line
from firmware.core.events import BoardTold
from firmware.loop import Loop
from firmware.plugs import speaker
from firmware.site import Lane
from sensors.driver import Send

LOOK_S = 0.5
LOOKS = 4
"""In which one and the same turn was under way: a process that was frozen as a whole has looked no oftener."""

SETTLE_MS = 1_000


class Standby:
    def __init__(self, loop: Loop, lanes: Iterable[Lane]) -> None:
        self._loop = loop
        # An encoder of our own: the loop's must go on knowing what the gate was told to do.
        encoders = {lane.name: speaker(lane, lane.devices["gate"]) for lane in lanes if _opens_by_itself(lane)}
        hands = [(encoders[name], *hand) for name in encoders for hand in loop.hands.get(name, ())]
        self._ways_out = [(encoder, cable, line) for encoder, cable, line in hands if line.role == "gate"]
        self._beat = self._looks = 0
        self._open: list[tuple[Cable, Line]] = []
        """What the loop has yet to tell how to stand. Of the loop's thread."""
        self._over = threading.Event()
        loop.every(self._hand_back)

    def start(self) -> None:
        if self._ways_out:
            threading.Thread(target=self._run, name="standby", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """To be called every `LOOK_S`, by any thread but the loop's."""
        beat = self._loop.beat
        self._looks = self._looks + 1 if beat == self._beat and beat % 2 else 0
        self._beat = beat
        if self._looks and self._looks % LOOKS == 0:
            self._let_out()
        if self._looks == LOOKS:
            self._loop.post(BoardTold(what="standstill", active=True, detail="the ways out were opened"))
            self._loop.call(self._when_it_goes_on)

    def _let_out(self) -> None:
        t_ms = self._loop.clock.elapsed_ms()
        for encoder, cable, _ in self._ways_out:
            for said in encoder.stop(t_ms):
                if isinstance(said, Send):
                    cable.port.write(said.raw)

    def _when_it_goes_on(self) -> None:
        """In the loop's thread. What was said meanwhile is judged first, and a contact takes a moment to be believed."""
        self._open = [(cable, line) for _, cable, line in self._ways_out]
        self._loop.hasten(self._hand_back, self._loop.clock.elapsed_ms() + SETTLE_MS)

    def _hand_back(self, t_ms: float) -> float | None:
        """A timer of the loop."""
        if not self._open:
            return None
        lanes = self._loop.controller.state.lanes
        for cable, line in [each for each in self._open if not lanes[each[1].lane].blocked]:
            self._loop.tell_again(cable, line)
            self._open.remove((cable, line))
        if self._open:
            return t_ms + SETTLE_MS
        self._loop.post(BoardTold(what="standstill", active=False))
        return None


def _opens_by_itself(lane: Lane) -> bool:
    return lane.on_failure == "open" and "gate" in lane.devices
