"""A new system is on trial: it is kept when its firmware answers and stays well, otherwise the device goes back by itself.

Well is: it answers, its journal can be written, and no device is out of order that was not already when the update
began. A cable pulled meanwhile sends a good update back; that costs one more try, the other way round costs a door.
"""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import msgspec

from firmware.clock import Clock
from firmware.errors import Failure
from firmware.state_socket import ask
from firmware.updating import updates
from firmware.updating.slots import Slots
from firmware.updating.updates import Progress

EVERY_S = 5.0
START_S = 300.0
"""How long a system's firmware may take to answer for the first time."""
FAILED_STARTS_MAX = 4
"""A new firmware that ends at every start is not waited for: nobody is served, and a sixth start tells nothing new."""
SILENT_MAX = 3
LEAVE_TRIES = 60
"""A second each: an ill system is not kept for a lane in which somebody always is."""
ALL_OUT = {"fire", "evacuated"}
"""A system that can answer holds the ways out open, however ill: it stays until that is over."""
PATIENCE = 3
"""Times the trial's length it may take until it was well for that long without a break."""

Answer = dict[str, Any]


class Trial:
    """What runs once after every start of a device. `work`: where updates tell how far they are."""

    def __init__(self, socket: Path, clock: Clock, slots: Slots, work: Path) -> None:
        self._socket, self._clock, self._slots, self._work = socket, clock, slots, work

    def confirm(self, healthy_s: float) -> bool:
        """Keep the system that runs, or go back to the other one (False)."""
        progress = updates.read_progress(self._work)
        if progress is not None and not progress.ended and progress.slot:
            if progress.slot != self._slots.booted():
                return self._of(progress, healthy_s)
            if progress.state in ("restarting", "trial"):
                self._tell(progress, "returned", progress.because or "the new system did not start")
        return self._ordinary()

    def _of(self, progress: Progress, healthy_s: float) -> bool:
        self._tell(progress, "trial")
        ill = self._why_not(healthy_s, frozenset(progress.ill), on_trial=True)
        if not ill:
            self._slots.keep()
            self._tell(progress, "kept")
            return True
        if not self._slots.other_can_start():
            words = f"{ill}, and there is no other system to go back to"
            self._tell(progress, "failed", words)
            raise Failure(words)
        self._tell(progress, "returned", ill)
        self._go_back()
        return False

    def _ordinary(self) -> bool:
        """A system that was kept before gets its tries back as soon as it answers.

        A plug pulled three times in ten minutes is no fault of it. One that never answers may lie on a card that rots:
        then the other one has its turn.
        """
        if not self._why_not(0.0, None):
            self._slots.keep()
            return True
        if self._slots.refuses_its_site():
            raise Failure("the firmware refuses its site file; see the console, then hallgate check")
        if not self._slots.other_can_start():
            raise Failure("the firmware is not well, and there is no other system to go back to")
        self._go_back()
        return False

    def _go_back(self) -> None:
        """Into the other system. Who is in a lane goes through first, where there is a firmware that answers."""
        self._slots.give_up()
        for tried in itertools.count():
            busy = set((self._asked(leave=True) or {}).get("busy") or ())
            if not busy or (tried >= LEAVE_TRIES and not busy & ALL_OUT):
                break
            threading.Event().wait(1 / self._clock.rate)
        self._slots.restart()

    def _tell(self, progress: Progress, state: updates.State, because: str = "") -> None:
        updates.tell(self._work, msgspec.structs.replace(progress, state=state, because=because))

    def _why_not(self, healthy_s: float, may_be_ill: frozenset[str] | None, *, on_trial: bool = False) -> str:
        """Looks until it is decided: empty when the system is well."""
        watch = Watch(self._clock.elapsed_ms(), healthy_s, may_be_ill)
        while True:
            said = self._asked()
            if (why := watch.look(said, self._clock.elapsed_ms())) is not None:
                return why
            if on_trial and said is None and self._slots.failed_starts() > FAILED_STARTS_MAX:
                return "the firmware ended at every start"
            threading.Event().wait(EVERY_S / self._clock.rate)

    def _asked(self, *, leave: bool = False) -> Answer | None:
        try:
            return ask(self._socket, leave=leave)
        except Failure:
            return None


class Watch:
    """`may_be_ill`: devices that may be out of order; None: all may."""

    def __init__(self, began_ms: float, healthy_s: float, may_be_ill: frozenset[str] | None) -> None:
        self._began_ms, self._healthy_ms, self._may_be_ill = began_ms, healthy_s * 1000, may_be_ill
        self._well_since_ms: float | None = None
        self._answered, self._silent = False, 0

    def look(self, said: Answer | None, now_ms: float) -> str | None:
        """None: it is not decided yet. Empty: it was well without a break for long enough. Else why it is not kept."""
        if said is None:
            return self._nothing(now_ms)
        self._answered, self._silent = True, 0
        if why := _unwell(said, self._may_be_ill):
            self._well_since_ms = None
            return why if now_ms - self._began_ms > START_S * 1000 + PATIENCE * self._healthy_ms else None
        if self._well_since_ms is None:
            self._well_since_ms = now_ms
        return "" if now_ms - self._well_since_ms >= self._healthy_ms else None

    def _nothing(self, now_ms: float) -> str | None:
        self._silent += 1
        if self._answered:
            return "the firmware stopped answering" if self._silent >= SILENT_MAX else None
        return "the firmware did not answer" if now_ms - self._began_ms > START_S * 1000 else None


def _unwell(said: Answer, may_be_ill: frozenset[str] | None) -> str:
    if said.get("journal") is not True:
        return "the journal cannot be written"
    ill = [str(one) for one in said.get("ill") or ()]
    new = [one for one in ill if may_be_ill is not None and one not in may_be_ill]
    return f"out of order: {', '.join(new)}" if new else ""
