"""Install a signed update into the slot that does not run, and start it when nobody would notice.

Refused: another model, another hall, an older version, a signature that the keyring does not know, a person in a lane,
a grant open, a fire. `--ordered FILE` does what the hub ordered (the firmware wrote FILE), over power cuts and a line
that breaks. `--confirm` is what a system runs after its start: an update is kept when the firmware answers and stays
well for --minutes; otherwise it is marked bad and the device starts the old one again.
"""

from __future__ import annotations

import argparse
import json
import math
import threading
from pathlib import Path
from typing import Any

import msgspec

from firmware.clock import Clock
from firmware.core.state import UpdateOrder
from firmware.core.versions import VERSION as NUMBERS
from firmware.core.versions import numbers
from firmware.errors import Failure, HallgateError, Mistake
from firmware.state_socket import ask
from firmware.updating import slots, updates
from firmware.updating.fetching import Fetching
from firmware.updating.slots import Slots
from firmware.updating.trial import Trial
from firmware.updating.updates import Progress
from firmware.version import VERSION

EXAMPLE = "hallgate update hallgate-0.2.0.raucb"
SOCKET = "/run/hallgate/ask.sock"
WORK = "/persistent/update"
BUNDLE = "ordered.raucb"
FOR_HALL = "for hall "
DAY_S = 86_400.0
"""How long an ordered update is tried, fetched and waits for a quiet moment, before it is given up."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="the update")
    parser.add_argument(
        "--ask", metavar="SOCKET", default=SOCKET, help="where the firmware answers (default %(default)s)"
    )
    parser.add_argument("--wait", type=float, metavar="SECONDS", default=0.0, help="wait so long for a quiet moment")
    parser.add_argument("--no-restart", action="store_true", help="install only; it starts at the next restart")
    parser.add_argument("--ordered", metavar="FILE", help="fetch and install what the hub ordered, if it did")
    parser.add_argument(
        "--work", metavar="DIR", default=WORK, help="where an update tells how far it is (default %(default)s)"
    )
    parser.add_argument("--confirm", action="store_true", help="keep the running system if it stays well, else go back")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it must stay well (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    if sum((bool(arguments.bundle), arguments.confirm, bool(arguments.ordered))) != 1:
        raise Mistake("give a bundle, or --ordered, or --confirm", key="BUNDLE")
    for key in ("minutes", "wait"):
        if not getattr(arguments, key) >= 0:  # nor is "nan"
            raise Mistake("give a number from 0 up", key=f"--{key}")
    clock, system, socket, work = Clock(), Slots(slots.run), Path(arguments.ask), Path(arguments.work)
    if arguments.confirm:
        return 0 if Trial(socket, clock, system, work).confirm(arguments.minutes * 60) else 1
    device = Updating(socket, clock, system, work)
    if arguments.ordered:
        return 0 if device.ordered(Path(arguments.ordered)) else 1
    print(json.dumps(device.install(Path(arguments.bundle), arguments.wait, restart=not arguments.no_restart)))
    return 0


class Updating:
    def __init__(self, socket: Path, clock: Clock, system: Slots, work: Path, version: str = VERSION) -> None:
        self._socket, self._clock, self._slots, self._work = socket, clock, system, work
        self._version = version

    # ------------------------------------------------------------ begun here

    def install(self, file: Path, wait_s: float, *, restart: bool) -> dict[str, Any]:
        """Raises Mistake for a bundle that is not for this device, Failure when it is no moment for it."""
        version = self.judge(file)
        progress = Progress(version=version, state="waiting")
        try:
            self._carry_out(file, progress, wait_s, restart=restart)
        except (HallgateError, KeyboardInterrupt) as ended:
            self._not_installed(str(ended) or "given up at the device")
            raise
        return {"installed": version, "was": self._version, "restarting": restart}

    def _not_installed(self, because: str) -> None:
        """The hub must not wait for what nobody does any more. What is installed already starts some day all the same."""
        progress = updates.read_progress(self._work)
        if progress is not None and progress.state in ("waiting", "installing"):
            updates.tell(self._work, msgspec.structs.replace(progress, state="failed", because=because))

    def judge(self, file: Path) -> str:
        """The bundle's version."""
        if not file.is_file():
            raise Mistake("there is no such file", file=str(file))
        said = self._slots.told_by(file)
        version, ours = str(said["version"]), self._slots.model()
        if said["compatible"] != ours:
            raise Mistake(f"is for {said['compatible']}, this device is {ours}", file=str(file))
        if not NUMBERS.fullmatch(version) or numbers(version) < numbers(self._version):
            raise Mistake(f"is version {version}, older than {self._version} that runs here", file=str(file))
        self._must_be_for_this_hall(str(said["description"] or ""), file)
        return version

    def _must_be_for_this_hall(self, description: str, file: Path) -> None:
        if not description.startswith(FOR_HALL):
            return
        meant, hall = description.removeprefix(FOR_HALL), ask(self._socket).get("hall")
        if meant != hall:
            raise Mistake(f"is for the hall {meant}, this device stands in {hall}", file=str(file))

    # ------------------------------------------------------------ ordered by the hub

    def ordered(self, file: Path) -> bool:
        """True when it was installed and the device restarts, or when there is nothing to do.

        What it was doing when the power went it does again. Mistake for a file that is no order: it is put aside, since
        systemd asks for as long as it is there, and somebody may have named a bundle.
        """
        order = updates.read_order(file)
        if order is None and file.is_file():
            aside = file.replace(file.with_name(f"{file.name}.aside"))
            raise Mistake(f"is no order of the hub's; it is {aside.name} now", file=str(file))
        if order is None or self._has_done(order):
            if file.is_file():
                file.unlink()
            return True
        progress = self._begun(Progress(version=order.version, state="fetching", order=order.id))
        try:
            updates.tell(self._work, progress)
            self._carry_out(self._fetched(order), progress, DAY_S, restart=True, done=file)
        except HallgateError as wrong:
            updates.tell(self._work, msgspec.structs.replace(progress, state="failed", because=str(wrong)))
            for left in (file, self._work / BUNDLE):
                left.unlink(missing_ok=True)
            return False
        return True

    def _has_done(self, order: UpdateOrder) -> bool:
        """It ended, or its system was installed and had its turn, or has it now."""
        before = updates.read_progress(self._work)
        if before is None or before.order != order.id:
            return False
        return before.ended or before.state in ("restarting", "trial") or before.slot != self._slots.booted()

    def _fetched(self, order: UpdateOrder) -> Path:
        bundle = Fetching(self._clock, DAY_S).fetch(order.url, order.sha256, self._work / BUNDLE)
        version = self.judge(bundle)
        if numbers(version) != numbers(order.version):
            raise Failure(f"{order.url} is version {version}, ordered was {order.version}")
        return bundle

    # ------------------------------------------------------------ both

    def _carry_out(
        self, bundle: Path, progress: Progress, wait_s: float, *, restart: bool, done: Path | None = None
    ) -> None:
        self._tell(progress, "waiting")
        said = self.quiet(wait_s)
        progress = self._begun(progress, ill=tuple(map(str, said.get("ill") or ())))
        self._tell(progress, "installing")
        self._slots.install(bundle)
        self._tell(progress, "restarting")
        if done is not None:
            bundle.unlink(missing_ok=True)
            done.unlink(missing_ok=True)
        if restart:
            self.quiet(wait_s if done is None else math.inf, leave=True)  # it is installed: any later moment is as good
            self._slots.restart()

    def _begun(self, progress: Progress, ill: tuple[str, ...] = ()) -> Progress:
        return msgspec.structs.replace(progress, was=self._version, slot=self._slots.booted(), ill=ill)

    def _tell(self, progress: Progress, state: updates.State) -> None:
        updates.tell(self._work, msgspec.structs.replace(progress, state=state))

    def quiet(self, wait_s: float, *, leave: bool = False) -> dict[str, Any]:
        """Return at a moment when nobody is in a lane. Raises Failure with the reasons when none comes in time.

        `leave`: the firmware has ended at that moment, so that it begins with nobody before the restart comes. systemd
        starts it again a second later should none come.
        """
        until_ms = self._clock.elapsed_ms() + wait_s * 1000
        while True:
            said, why = self._asked(leave)
            if not why and said.get("leaving", False) == leave:
                return said
            if self._clock.elapsed_ms() >= until_ms:
                raise Failure(f"not now: {why}. Try later, or say --wait SECONDS")
            threading.Event().wait(1.0 / self._clock.rate)

    def _asked(self, leave: bool) -> tuple[dict[str, Any], str]:
        """What the firmware says of itself, and why this is no moment for it. Who does not answer may have a person in a lane."""
        try:
            said = ask(self._socket, leave=leave)
        except Failure as silent:
            return {}, str(silent)
        return said, ", ".join(map(str, said.get("busy") or ()))
