"""A loop whose clock stands still unless told otherwise: held up, with a disk that may refuse and gates that take notes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from firmware.cables import Cable, Line
from firmware.core.state import LaneSetup
from firmware.journal import JournalUnwritable
from firmware.loop import GATES, Loop
from tests.core.stage import Stage

WAYS = (
    LaneSetup(name="A", direction="in", classes=("visitor",), passage_sensor=True),
    LaneSetup(name="X", direction="out", passage_sensor=True),
)


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


class Gate:
    """A hand that notes what its gate was told, in the order in which it was."""

    wake_at_ms = None

    def __init__(self) -> None:
        self.told = list[str]()

    def order(self, order: Any, t_ms: float) -> list[Any]:
        self.told += [type(order).__name__] if isinstance(order, GATES) else []
        return []


class Disk:
    """A journal of which `full` says whether it can be written to. `said`: what was asked of it.

    `numbers`: of each entry the first hub event and how many it holds.
    """

    def __init__(self) -> None:
        self.full, self.waiting, self.said = False, 0, list[str]()
        self.numbers = list[tuple[int, int]]()

    def append(self, entry: bytes, first_seq: int, count: int) -> None:
        self.waiting += 1
        self.said.append("append")
        self.numbers.append((first_seq, count))

    def sync(self) -> None:
        self.said.append("sync")
        if self.full:
            raise JournalUnwritable("No space left on device")
        self.waiting = 0

    def retry(self) -> bool:
        return not self.full

    def prepare_step(self) -> bool:
        return False


def with_a_disk(stage: Stage, late_ms: float = 0.0) -> tuple[Late, Disk, dict[str, Gate]]:
    held_up, disk, gates = Late(stage, late_ms), Disk(), {setup.name: Gate() for setup in stage.lanes}
    held_up.loop.journal = disk  # type: ignore[assignment]
    for name, gate in gates.items():
        cable = Cable(SimpleNamespace(fileno=lambda: -1), [])  # type: ignore[arg-type]
        held_up.loop.hands[name] = [(cable, Line(name, "gate", "gate_any", gate))]
    return held_up, disk, gates
