"""Who stands by when the loop cannot go on. A card that fails keeps a write for half a minute; nobody is held in by it.

A thread of its own looks whether the loop's turns come to an end. Where one has not for two seconds, and again every two
seconds: every gate that is open without software (`on_failure = "open"`) is told to be; every other one whose opening is
past its end is told to rest, unless a body is in its beams, or a sensor is there that cannot be asked. systemd's watchdog
would say so after ten, but a process that waits for its disk does not die before the disk answers. When the loop goes on,
it tells the ways out anew how they have to stand, as soon as no body is in them, and reports what happened.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from firmware.cables import Cable, Line
from firmware.core.events import BoardTold
from firmware.loop import Loop
from firmware.outputs.relay import RelayHand
from firmware.plugs import speaker
from firmware.site import Lane
from sensors.driver import Send

LOOK_S = 0.5
LOOKS = 4
"""In which one and the same turn was under way: a process that was frozen as a whole has looked no oftener."""

SETTLE_MS = 1_000


class Standby:
    """Speaks with encoders of its own: the loop's must go on knowing what the gates were told to do."""

    def __init__(self, loop: Loop, lanes: Iterable[Lane]) -> None:
        self._loop = loop
        self._ways_out: list[tuple[Any, Cable, Line]] = []
        self._relays: list[tuple[Any, Cable, Line]] = []
        """Of all other gates, those that only we end an opening of."""
        for lane in lanes:
            for cable, line in loop.hands.get(lane.name, ()):
                if line.role == "gate" and lane.on_failure == "open":
                    self._ways_out.append((speaker(lane, lane.devices["gate"]), cable, line))
                elif line.role == "gate" and isinstance(line.speaker, RelayHand):
                    self._relays.append((speaker(lane, lane.devices["gate"]), cable, line))
        self._counters = [(cable, line) for cable in loop.cables for line in cable.lines if line.role == "counter"]
        self._beat = self._looks = 0
        self._told = False
        self._open: list[tuple[Cable, Line]] = []
        """What the loop has yet to tell how to stand. Of the loop's thread."""
        self._over = threading.Event()
        loop.every(self._hand_back)

    def start(self) -> None:
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
            self._rest()
        if self._looks == LOOKS:
            told = "the ways out were opened" if self._ways_out else "nobody was let in"
            self._loop.post(BoardTold(what="standstill", active=True, detail=told))
            self._loop.call(self._when_it_goes_on)

    def _rest(self) -> None:
        """To where each of these gates stands without software."""
        t_ms = self._loop.clock.elapsed_ms()
        past = [hand for hand in self._relays if hand[2].speaker.overdue(t_ms) and not self._occupied(hand[2].lane)]
        for encoder, cable, _ in [*self._ways_out, *past]:
            for said in encoder.stop(t_ms):
                if isinstance(said, Send):
                    cable.write(said.raw)

    def _occupied(self, lane: str) -> bool:
        """Whether a body may be in the passage now: the loop has not heard of it. A lane without a sensor never knows."""
        counters = [(cable, line) for cable, line in self._counters if line.lane == lane]
        return any(_broken(line.speaker, cable.port) for cable, line in counters)

    def _when_it_goes_on(self) -> None:
        """In the loop's thread. What was said meanwhile is judged first, and a contact takes a moment to be believed."""
        self._open, self._told = [(cable, line) for _, cable, line in self._ways_out], True
        self._loop.hasten(self._hand_back, self._loop.clock.elapsed_ms() + SETTLE_MS)

    def _hand_back(self, t_ms: float) -> float | None:
        """A timer of the loop."""
        if not self._told:
            return None
        lanes = self._loop.controller.state.lanes
        for cable, line in [each for each in self._open if not lanes[each[1].lane].blocked]:
            self._loop.tell_again(cable, line)
            self._open.remove((cable, line))
        if self._open:
            return t_ms + SETTLE_MS
        self._told = False
        self._loop.post(BoardTold(what="standstill", active=False))
        return None


def _broken(counter: Any, port: Any) -> bool:
    """Only pins can be asked twice. What cannot, or does not answer, is left to the loop, as if somebody stood there."""
    try:
        return bool(counter.broken(port.levels()))
    except Exception:  # no such question, or a pin factory lost its line: each has its own errors
        return True
