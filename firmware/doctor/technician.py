"""The person at the door: is told what to do on stderr, in Chinese or English, and answers yes or no on stdin."""

from __future__ import annotations

import os
import select
import sys
from typing import TextIO

from firmware.clock import Clock
from firmware.doctor.report import DeviceFound
from firmware.language import spoken

MARKS = {"works": "+", "not_asked": "-"}
YES, NO = ("y", "yes", "j", "是", "好", "对"), ("n", "no", "否", "不", "没有")


class Technician:
    """`yes`: every question is answered with yes, for scripts. Without an answer in time: None."""

    def __init__(self, clock: Clock, seconds: float, *, yes: bool = False, out: TextIO = sys.stderr) -> None:
        self._clock, self._seconds, self._yes, self._out = clock, seconds, yes, out
        self._there = True
        self._typed = b""

    def turns_to(self, lane: str, device: str) -> None:
        self._say(f"{lane} {spoken(f'device {device}')}")

    def please(self, deed: str, seconds: float) -> None:
        self._say("  > " + spoken(f"please: {spoken(deed)} ({seconds:.0f} s)"))

    def waits(self, what: str) -> None:
        self._say(f"    {spoken(what)}")

    def hears(self, found: DeviceFound) -> None:
        words = spoken(RESULTS[found.result])
        because = f": {spoken(found.because)}" if found.because else ""
        self._say(f"  {MARKS.get(found.result, '!')} {words}{because}")

    def agrees(self, question: str) -> bool:
        """Whether something may be done that could hurt somebody: only a clear yes is one."""
        return self.says(question) is True

    def says(self, question: str) -> bool | None:
        if self._yes:
            return True
        if not self._there:
            return None
        self._say(f"  ? {spoken(question)} [y/n]")
        until_ms = self._clock.elapsed_ms() + self._seconds * 1000
        while (line := self._line(until_ms)) is not None:
            word = line.strip().lower()
            if word in YES or word in NO:
                return word in YES
        return None

    def _line(self, until_ms: float) -> str | None:
        """The next line typed; None when nobody types or the time is over."""
        while b"\n" not in self._typed:
            if not select.select([sys.stdin], [], [], self._clock.seconds_until(until_ms))[0]:
                return None
            typed = os.read(sys.stdin.fileno(), 1024)
            if not typed:
                self._there = False
                return None
            self._typed += typed
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace")

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


RESULTS = {
    "works": "works",
    "nothing_answers": "nothing answers",
    "nonsense": "nonsense: wrong speed or another device",
    "wrong_speed": "wrong speed",
    "not_there": "port is not there",
    "refused": "the device refuses",
    "wrong": "not as it should be",
    "not_asked": "not asked: a person has to watch",
}
