"""The two systems of a card as RAUC and the boot loader know them. Every word to another program goes through here."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.errors import Failure, Mistake
from firmware.updating import tryboot

SYSTEM = Path("/etc/rauc/system.conf")
COMMAND_LINE = Path("/proc/cmdline")
SPARE = Path("/boot/firmware/slots.txt")
"""What U-Boot goes by when its own variables are lost (deploy/image/boot.cmd): the last system that was kept."""
UNIT = "hallgate.service"
WRONG_INPUT = "2"
"""How the firmware ends when its site file is wrong: no other system would take it either."""

SAID_LINES, SAID_MAX = 3, 300
"""Of another program's complaint: that many of its last lines, and characters."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Slots:
    """`run` starts a program and answers what came of it; tests hand in their own."""

    def __init__(self, run: Run, system: Path = SYSTEM, command_line: Path = COMMAND_LINE, spare: Path = SPARE) -> None:
        self._run, self._system, self._command_line, self._spare = run, system, command_line, spare

    # ------------------------------------------------------------ what there is

    def model(self) -> str:
        """The device's own `compatible`. Raises Failure where no slots are."""
        try:
            text = self._system.read_text("utf-8")
        except OSError:
            raise Failure(f"{self._system} is missing: this is no device made by hallgate image") from None
        found = re.search(r"^compatible=(.+)$", text, re.MULTILINE)
        return found[1].strip() if found else ""

    def booted(self) -> str:
        """The slot that runs, by its letter; empty where the boot loader named none."""
        try:
            found = re.search(r"\brauc\.slot=(\w+)", self._command_line.read_text("utf-8"))
        except OSError:
            found = None
        return found[1] if found else ""

    def other_can_start(self) -> bool:
        """A device with one system that is ill must not start it again every few minutes: its exits run as they are."""
        done = self._run(["rauc", "status", "--output-format=json"])
        try:
            slots = [slot for row in json.loads(done.stdout)["slots"] for slot in row.values()]
            return any(slot["state"] != "booted" and slot["boot_status"] == "good" for slot in slots)
        except (ValueError, KeyError, TypeError, AttributeError):
            return False

    def refuses_its_site(self) -> bool:
        """The firmware ended because of what a person wrote, not because of the system it runs in."""
        done = self._run(["systemctl", "show", "--property=ExecMainStatus", "--value", UNIT])
        return done.returncode == 0 and done.stdout.strip() == WRONG_INPUT

    def failed_starts(self) -> int:
        """How often systemd has had to start the firmware again since this system came up; 0 where it does not say."""
        done = self._run(["systemctl", "show", "--property=NRestarts", "--value", UNIT])
        return int(done.stdout) if done.returncode == 0 and done.stdout.strip().isdecimal() else 0

    def told_by(self, bundle: Path) -> dict[str, Any]:
        """What a bundle says of itself. Its signature is the first thing that is looked at. Raises Mistake."""
        done = self._run(["rauc", "info", "--output-format=json", str(bundle)])
        if done.returncode:
            words = f"is not signed by anybody this device trusts, or is damaged: {_said(done)}"
            raise Mistake(words, file=str(bundle))
        try:
            said = json.loads(done.stdout)
            return {"description": "", **said, "compatible": said["compatible"], "version": str(said["version"])}
        except (ValueError, KeyError, TypeError):
            raise Mistake("has no model or version", file=str(bundle)) from None

    # ------------------------------------------------------------ what can be done

    def install(self, bundle: Path) -> None:
        """Into the slot that does not run; it is the next one to start when this returns. Raises Failure."""
        self._must(["rauc", "install", str(bundle)])

    def keep(self) -> None:
        """The running system gets its tries back, and is the one to start should U-Boot lose its variables."""
        self._must(["rauc", "status", "mark-good", "booted"])
        first = self.booted()
        if first in ("A", "B") and self._spare.exists():
            self._write_spare(spare(first))

    def give_up(self) -> None:
        """The running system is passed over from the next start on."""
        self._must(["rauc", "status", "mark-bad", "booted"])

    def restart(self) -> None:
        """Into the system that is next; the Pi's own loader wants to be told that one is on trial (`tryboot`)."""
        on_trial = (self._spare.parent / tryboot.ON_TRIAL).exists()
        self._must(["systemctl", "reboot", *(["--reboot-argument=0 tryboot"] if on_trial else [])])

    def _write_spare(self, wanted: bytes) -> None:
        """In place and of one length: on FAT a file that keeps its length keeps its place, too."""
        try:
            with self._spare.open("r+b") as file:
                if file.read() != wanted:
                    file.seek(0)
                    file.write(wanted)
        except OSError as error:
            raise Failure(f"{self._spare} cannot be written: {error.strerror or error}") from None

    def _must(self, words: list[str]) -> None:
        done = self._run(words)
        if done.returncode:
            raise Failure(f"{words[0]} ended with {done.returncode}: {_said(done)}")


def spare(first: str) -> bytes:
    """The text of SPARE. The other system has its tries as well: it is what is left when the first one fails."""
    second = "B" if first == "A" else "A"
    return f"BOOT_ORDER={first} {second}\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\n".encode()


def run(words: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise Failure(f"{words[0]} is not installed: updates belong to a device made by hallgate image") from None


def _said(done: subprocess.CompletedProcess[str]) -> str:
    """The end of what it said, on one line: RAUC tells the cause first and ends with a word that says nothing."""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "; ".join(lines[-SAID_LINES:])[-SAID_MAX:] if lines else "it said nothing"
