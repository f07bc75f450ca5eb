"""One voice, one phrase at a time: who is heard, who waits, and what is not said any more. Pure.

A phrase that is being said is finished, unless an urgent one (evacuation) cuts it off. One phrase may wait; a newer one
takes its place, and one that waited too long is dropped: a visitor must not hear the answer to somebody else. A module
that never says that it has finished is taken to have finished after a bound of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct

from firmware.core.actions import VoiceSay
from firmware.outputs.hand import Answers, Hand, soonest
from sensors.driver import Send, SerialSettings

PhraseKey = Annotated[str, Meta(min_length=1, max_length=64)]
URGENT = ("fire", "evacuate")
ECHO_MS = 300.0
"""An "ended" this soon after a frame began is about the one before it (it was stopped, or the module says it twice)."""


class VoiceSettings(SerialSettings, frozen=True, kw_only=True):
    volume_percent_max: Annotated[int, Meta(ge=0, le=100)] = 80
    """The cap: no order is ever said louder (3.1.3b asks for quiet)."""
    waits_ms: Annotated[int, Meta(ge=0, le=60_000)] = 4_000
    """A phrase that could not begin by then is not said at all."""
    urgent: Annotated[tuple[PhraseKey, ...], Meta(max_length=20)] = URGENT
    """Phrases that cut off whatever is being said."""


class Step(Struct, frozen=True):
    """One frame of a phrase. After it the module needs `pause_ms`, or speaks and is busy for at most `busy_ms`."""

    frame: bytes
    pause_ms: float = 0.0
    busy_ms: float = 0.0


class Speaker(Hand, ABC):
    """A driver says how a phrase is put into frames (`steps`) and how it is cut off (`HUSH`)."""

    HUSH: bytes

    def __init__(self, settings: VoiceSettings) -> None:
        self._voice = settings
        self._steps: deque[Step] = deque()
        self._next_at_ms = 0.0
        self._busy_until_ms: float | None = None
        self._waiting: tuple[VoiceSay, float] | None = None
        """The phrase that waits, and until when it may."""
        self._saying = ""
        self._began_ms = float("-inf")
        self.wake_at_ms: float | None = None

    # ------------------------------------------------------------ for the driver

    @abstractmethod
    def steps(self, say: VoiceSay) -> Iterable[Step]:
        """What the device has to be sent, one after the other, to say this."""

    @property
    def busy(self) -> bool:
        return self._busy_until_ms is not None or bool(self._steps)

    def percent(self, say: VoiceSay) -> int:
        """The loudness that is allowed for this order."""
        return max(0, min(say.volume_percent, self._voice.volume_percent_max))

    def finished(self, t_ms: float) -> Answers:
        """The module says that a frame has ended: go on with the phrase, or with the one that waits."""
        return [] if t_ms - self._began_ms < ECHO_MS else self.failed(t_ms)

    def failed(self, t_ms: float) -> Answers:
        """The module will not say this frame: go on with the next one at once."""
        self._busy_until_ms = None
        return self._go_on(t_ms)

    def silence(self) -> None:
        """Forget everything that was to be said."""
        self._steps.clear()
        self._busy_until_ms = self._waiting = None
        self._plan()

    # ------------------------------------------------------------ for the wiring

    def stop(self, t_ms: float) -> Answers:
        out: Answers = [Send(self.HUSH)] if self.busy else []
        self.silence()
        return out

    def replugged(self, t_ms: float) -> Answers:
        self.silence()
        return []

    def order(self, order: Any, t_ms: float) -> Answers:
        if not isinstance(order, VoiceSay):
            return []
        out: Answers = []
        if self.busy and order.phrase in self._voice.urgent and order.phrase != self._saying:
            out.append(Send(self.HUSH))
            self.silence()
        self._waiting = (order, t_ms + self._voice.waits_ms)
        return out + self._go_on(t_ms)

    def tick(self, t_ms: float) -> Answers:
        if self._busy_until_ms is not None and t_ms >= self._busy_until_ms:
            self._busy_until_ms = None
        return self._go_on(t_ms)

    # ------------------------------------------------------------ inside

    def _go_on(self, t_ms: float) -> Answers:
        """Send every frame whose time has come."""
        out: Answers = []
        while self._busy_until_ms is None:
            if not self._steps and not self._take_waiting(t_ms):
                break
            if t_ms < self._next_at_ms or not self._steps:
                break
            step = self._steps.popleft()
            out.append(Send(step.frame))
            self._next_at_ms = t_ms + step.pause_ms
            if step.busy_ms:
                self._began_ms, self._busy_until_ms = t_ms, t_ms + step.busy_ms
        self._plan()
        return out

    def _plan(self) -> None:
        pending = bool(self._steps) and self._busy_until_ms is None
        self.wake_at_ms = soonest(self._busy_until_ms, self._next_at_ms if pending else None)

    def _take_waiting(self, t_ms: float) -> bool:
        waiting, self._waiting = self._waiting, None
        if waiting is None or t_ms > waiting[1]:
            return False
        self._saying = waiting[0].phrase
        self._steps.extend(self.steps(waiting[0]))
        return True


class Memory:
    """For simulated voices: the phrases that were heard, oldest first, and the volume they were said with."""

    def __init__(self) -> None:
        self.said: deque[Any] = deque(maxlen=1_000)
        self.volume: int | None = None
