"""A real device under the rulebook that ships, at a moment of the plan's own summer: what people show, what they are told.

The process is the firmware as installed, its scanner a pty, its clock started where the test says. A restart may start it
later: that is how hours pass; seconds pass by `passes`, quicker where the test gives a `rate`. Every door's journal is
replayed at the end, in another time zone.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.device.bench import OFF, ON, PATIENCE_S, ROOT, Bench, bench
from tests.people.hall import CLASSES, text

ZONE = dt.timezone(dt.timedelta(hours=8))
OPENING = "2022-06-10T10:00"
HOUR_S = 3_600
EVERYBODY = (*CLASSES, "staff", "responder")
PRIVATE = ("核酸", "阳性", "黄码", "红码", "PCR", "positive", "yellow", "red code")
"""What a sign must not say of somebody who is led away (3.1.2e)."""


def seconds(at: str) -> int:
    return int(dt.datetime.fromisoformat(at).replace(tzinfo=ZONE).timestamp())


class Door:
    def __init__(self, gate: Bench, *changes: tuple[str, str], serves: tuple[str, ...], rate: float) -> None:
        self.gate, self.rate, self.now = gate, rate, 0
        book = text(*changes, serial=2)
        (gate.folder / "rulebook.toml").write_bytes(book)
        (gate.folder / "rulebook.toml.sig").write_bytes(gate.issuer.sign_rulebook(book))
        served = ", ".join(f'"{name}"' for name in serves)
        gate.site.write_text(gate.site.read_text().replace('for = ["visitor"]', f"for = [{served}]"))

    def start(self, at: str = OPENING) -> Door:
        """Now, or later: what the journal holds stays."""
        if self.gate.process is not None:
            assert self.gate.stop() == 0
        self.now = seconds(at)
        wall = dt.datetime.fromtimestamp(self.now, ZONE).isoformat()
        self.gate.environment["HALLGATE_CLOCK"] = f"rate={self.rate},wall={wall}"
        self.gate.start()
        return self

    def passes(self, seconds: float) -> None:
        """So much of the door's own time."""
        time.sleep(seconds / self.rate)

    # ------------------------------------------------------------ what people hold

    def booking(self, person_class: str = "visitor", *, hours: tuple[int, int] | None = None, **claims: Any) -> bytes:
        """Good from an hour ago for six hours; `hours`: a slot from and until so many hours from now."""
        slot = (self.now + hours[0] * HOUR_S, self.now + hours[1] * HOUR_S) if hours else None
        made = self.gate.issuer.booking(
            self.now - HOUR_S, self.now + 6 * HOUR_S, person_class=person_class, slot=slot, **claims
        )
        return made.encode()

    def badge(self, **claims: Any) -> bytes:
        return self.gate.issuer.badge(self.now - HOUR_S, self.now + 9 * HOUR_S, **claims).encode()

    def test(self, hours_old: float = 5, **more: Any) -> bytes:
        return self.gate.issuer.test_certificate(self.now - int(hours_old * HOUR_S), **more).encode()

    # ------------------------------------------------------------ what they are told

    def decisions(self) -> list[dict[str, Any]]:
        return [one for one in self.gate.records() if one["kind"] == "decision"]

    def shows(self, *codes: bytes) -> tuple[str, set[str]]:
        """Show one code after the other; the last answer and its reasons. Who is let in has gone through afterwards."""
        for code in codes:
            before = len(self.decisions())
            self.gate.scan(code)
            self.wait(before)
        return self.last()

    def wait(self, before: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while len(self.decisions()) <= before:
            assert time.monotonic() < end, self.gate.errors
            time.sleep(0.02)

    def last(self) -> tuple[str, set[str]]:
        decision = self.decisions()[-1]
        if decision["answer"] == "admit":
            self.gate.relay.expect(ON)
            self.gate.relay.expect(OFF)
            time.sleep(0.1)
        return decision["answer"], {clause["because"] for clause in decision["clauses"]}

    def visit(self, code: bytes, *tests: bytes) -> str:
        """A booking and a good report; the answer."""
        return self.shows(code, *(tests or (self.test(),)))[0]

    # ------------------------------------------------------------ afterwards

    def judge(self) -> None:
        """Everybody got words in both languages; an isolation says nothing in public; the journal answers the same abroad."""
        for decision in self.decisions():
            assert decision["sign"] and decision["sign_en"] and decision["clauses"], decision
            if decision["answer"] == "isolate":
                assert not [word for word in PRIVATE if word in decision["sign"] + decision["sign_en"]], decision
        if self.gate.process is not None:
            assert self.gate.stop() == 0, self.gate.errors
        command = [sys.executable, "-m", "firmware", "replay", "--state", str(self.gate.state)]
        abroad = {**os.environ, "TZ": "Pacific/Auckland"}
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=abroad)
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def door(
    folder: Path,
    *changes: tuple[str, str],
    at: str = OPENING,
    serves: tuple[str, ...] = EVERYBODY,
    rate: float = 1.0,
    **options: Any,
) -> Iterator[Door]:
    """Started (`at` empty: not yet), and judged when the test is over. `rate`: how fast its clock runs."""
    with bench(folder, **options) as gate:
        made = Door(gate, *changes, serves=serves, rate=rate)
        yield made.start(at) if at else made
        made.judge()
