"""Install a signed update into the slot that does not run, and start it when nobody would notice.

Refused: another model, an older version, a signature that the keyring does not know, a person in a lane, a grant open,
a fire. `--confirm` is what the new system runs after its start: it is kept when the firmware answers and stays well for
--minutes; otherwise it is marked bad and the device starts the old one again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.asking import ask
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.verbs import bundle as bundles
from firmware.version import VERSION

EXAMPLE = "hallgate update hallgate-0.2.0.raucb"
SYSTEM = Path("/etc/rauc/system.conf")
SOCKET = "/run/hallgate/ask.sock"
EVERY_S = 5.0
START_S = 300.0
"""How long the new system's firmware may take to answer for the first time."""
SILENT_MAX = 3

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="the update")
    parser.add_argument(
        "--ask", metavar="SOCKET", default=SOCKET, help="where the firmware answers (default %(default)s)"
    )
    parser.add_argument("--wait", type=float, metavar="SECONDS", default=0.0, help="wait so long for a quiet moment")
    parser.add_argument("--no-restart", action="store_true", help="install only; it starts at the next restart")
    parser.add_argument("--confirm", action="store_true", help="keep the running system if it stays well, else go back")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it must stay well (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.bundle) == arguments.confirm:
        raise Mistake("give a bundle, or --confirm", key="BUNDLE")
    if arguments.minutes < 0 or arguments.wait < 0:
        raise Mistake("give a number from 0 up", key="--minutes" if arguments.minutes < 0 else "--wait")
    device = Updating(Path(arguments.ask), Clock(), _run)
    if arguments.confirm:
        return 0 if device.confirm(arguments.minutes * 60) else 1
    print(json.dumps(device.install(Path(arguments.bundle), arguments.wait, restart=not arguments.no_restart)))
    return 0


class Updating:
    """`run` starts a program and answers what came of it; tests hand in their own."""

    def __init__(self, socket: Path, clock: Clock, run: Run, system: Path = SYSTEM, version: str = VERSION) -> None:
        self._socket, self._clock, self._run = socket, clock, run
        self._system, self._version = system, version

    def install(self, file: Path, wait_s: float, *, restart: bool) -> dict[str, Any]:
        """Raises Mistake for a bundle that is not for this device, Failure when it is no moment for it."""
        version = self.judge(file)
        self.quiet(wait_s)
        self._must(["rauc", "install", str(file)])
        if restart:
            self.quiet(wait_s)
            self._must(["systemctl", "reboot"])
        return {"installed": version, "was": self._version, "restarting": restart}

    def judge(self, file: Path) -> str:
        """The bundle's version. Its signature is the first thing that is looked at."""
        if not file.is_file():
            raise Mistake("there is no such file", file=str(file))
        done = self._run(["rauc", "info", "--output-format=json", str(file)])
        if done.returncode:
            raise Mistake(f"is not signed by anybody this device trusts, or is damaged: {_last(done)}", file=str(file))
        try:
            said = json.loads(done.stdout)
            model, version = str(said["compatible"]), str(said["version"])
        except (ValueError, KeyError, TypeError):
            raise Mistake("has no model or version", file=str(file)) from None
        if model != (ours := self._model()):
            raise Mistake(f"is for {model}, this device is {ours}", file=str(file))
        if not bundles.NUMBERS.fullmatch(version) or numbers(version) < numbers(self._version):
            raise Mistake(f"is version {version}, older than {self._version} that runs here", file=str(file))
        return version

    def quiet(self, wait_s: float) -> None:
        """Return at a moment when nobody is in a lane. Raises Failure with the reasons when none comes in time."""
        until_ms = self._clock.elapsed_ms() + wait_s * 1000
        while busy := ask(self._socket).get("busy"):
            if self._clock.elapsed_ms() >= until_ms:
                raise Failure(f"not now: {', '.join(map(str, busy))}. Try later, or say --wait SECONDS")
            self._sleep(1.0)

    def confirm(self, healthy_s: float) -> bool:
        """Keep the system that runs, or go back to the other one."""
        if self._stays_well(healthy_s):
            self._must(["rauc", "status", "mark-good", "booted"])
            return True
        if not self._other_can_start():
            raise Failure("the firmware is not well, and there is no other system to go back to")
        self._must(["rauc", "status", "mark-bad", "booted"])
        self._must(["systemctl", "reboot"])
        return False

    def _other_can_start(self) -> bool:
        """A device with one system that is ill must not start it again every few minutes: its exits run as they are."""
        done = self._run(["rauc", "status", "--output-format=json"])
        try:
            slots = [slot for row in json.loads(done.stdout)["slots"] for slot in row.values()]
            return any(slot["state"] != "booted" and slot["boot_status"] == "good" for slot in slots)
        except (ValueError, KeyError, TypeError, AttributeError):
            return False

    def _stays_well(self, healthy_s: float) -> bool:
        """It answers within START_S, and from then on until `healthy_s` have passed, with a journal that can be written.

        A device that is unplugged is no fault of an update; a firmware that is gone or hangs is.
        """
        began_ms, since_ms, silent = self._clock.elapsed_ms(), None, 0
        while since_ms is None or self._clock.elapsed_ms() - since_ms < healthy_s * 1000:
            well = self._is_well()
            now_ms = self._clock.elapsed_ms()
            silent = 0 if well else silent + 1
            if well and since_ms is None:
                since_ms = now_ms
            if since_ms is None and now_ms - began_ms > START_S * 1000 or since_ms is not None and silent >= SILENT_MAX:
                return False
            self._sleep(EVERY_S)
        return True

    def _is_well(self) -> bool:
        try:
            return ask(self._socket).get("journal") is True
        except Failure:
            return False

    def _model(self) -> str:
        try:
            text = self._system.read_text("utf-8")
        except OSError:
            raise Failure(f"{self._system} is missing: this is no device made by hallgate image") from None
        found = re.search(r"^compatible=(.+)$", text, re.MULTILINE)
        return found[1].strip() if found else ""

    def _must(self, words: list[str]) -> None:
        done = self._run(words)
        if done.returncode:
            raise Failure(f"{words[0]} ended with {done.returncode}: {_last(done)}")

    def _sleep(self, seconds: float) -> None:
        threading.Event().wait(seconds / self._clock.rate)


def numbers(version: str) -> tuple[int, ...]:
    """For comparing: 0.10 is newer than 0.9, and 1.0 the same as 1.0.0."""
    found = [int(part) for part in re.findall(r"[0-9]+", version)]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise Failure(f"{words[0]} is not installed: updates belong to a device made by hallgate image") from None


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else "it said nothing"
