"""RAUC's boot loader backend for the Pi's own loader (`bootloader=custom`), for boards where U-Boot is not wanted.

NOT EMULATED: no emulator runs the Pi's loader. It needs Raspberry Pi OS's kernel, which alone hands the word `tryboot`
on to the loader at a restart. The loader reads one of two files of the firmware partition:

    config.txt     the system that was kept; what starts after a power cut, a hang or a watchdog's reset
    tryboot.txt    the system on trial; read once, after a restart with the word `tryboot`
    A/ and B/      kernel, initramfs, device trees, overlays and command line of each system: `os_prefix` in the two files

So a trial is one try, and coming back needs nobody's help. RAUC calls (its manual, "Custom bootloader backend"):
get-primary | set-primary NAME | get-state NAME | set-state NAME good|bad, with the slots' bootnames A and B.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from firmware.errors import Failure, HallgateError, Mistake

FIRMWARE = Path("/boot/firmware")
NAMES = ("A", "B")
NUMBERS = {"A": 2, "B": 3}
"""The partitions of the two systems (deploy/image/card.py)."""
DISK = "48474154"
CONFIG = """# Written by hallgate: which system the Pi's loader starts.
arm_64bit=1
enable_uart=1
gpu_mem=16
disable_splash=1
dtoverlay=disable-bt
dtparam=i2c_arm=on,watchdog=on
kernel=vmlinuz
initramfs initrd.img followkernel
os_prefix={name}/
"""
COMMAND_LINE = (
    "root=PARTUUID={disk}-0{number} ro rootwait rauc.slot={name} console=tty1 net.ifnames=0 cma=64M panic=10 "
    "fsck.repair=yes\n"
)
ON_TRIAL = "tryboot.txt"
BAD = "bad"


class Loader:
    """`slot_of` opens the file system of a slot for reading."""

    def __init__(self, fat: Path, slot_of: Callable[[str], AbstractContextManager[Path]]) -> None:
        self._fat, self._slot_of = fat, slot_of

    def primary(self) -> str:
        """What starts next: the system on trial, if there is one."""
        return self._named_in(ON_TRIAL) or self._named_in("config.txt")

    def set_primary(self, name: str) -> None:
        """Its kernel is copied out of the slot; then it is on trial, or simply kept where it is the kept one already."""
        if name == self._named_in("config.txt"):
            (self._fat / ON_TRIAL).unlink(missing_ok=True)
            return
        with self._slot_of(name) as root:
            self._copy(root, name)
        self._write(ON_TRIAL, CONFIG.format(name=name))

    def state(self, name: str) -> str:
        folder = self._fat / name
        return "good" if (folder / "vmlinuz").is_file() and not (folder / BAD).exists() else "bad"

    def set_state(self, name: str, state: str) -> None:
        if state == "good":
            (self._fat / name / BAD).unlink(missing_ok=True)
            if name == self._named_in(ON_TRIAL):
                self._write("config.txt", CONFIG.format(name=name))
                (self._fat / ON_TRIAL).unlink()
            return
        if (self._fat / name).is_dir():
            self._write(f"{name}/{BAD}", "")
        if name == self._named_in(ON_TRIAL):
            (self._fat / ON_TRIAL).unlink()

    def _named_in(self, file: str) -> str:
        """The system that a file of the loader names; empty when it names none."""
        try:
            found = re.search(r"^os_prefix=([AB])/$", (self._fat / file).read_text("ascii"), re.MULTILINE)
        except (OSError, UnicodeDecodeError):
            return ""
        return found[1] if found else ""

    def _copy(self, root: Path, name: str) -> None:
        folder = self._fat / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / "boot" / file, folder / file)
        for tree in root.glob("usr/lib/linux-image-*/broadcom/*.dtb"):
            shutil.copyfile(tree, folder / tree.name)
        for overlays in root.glob("usr/lib/linux-image-*/overlays"):
            shutil.copytree(overlays, folder / "overlays")
        line = COMMAND_LINE.format(disk=DISK, number=NUMBERS[name], name=name)
        self._write(f"{name}/cmdline.txt", line)

    def _write(self, file: str, text: str) -> None:
        """In place where its length stays: less than a sector, which a card writes whole or not at all."""
        path, content = self._fat / file, text.encode("ascii")
        in_place = path.exists() and path.stat().st_size == len(content)
        with path.open("r+b" if in_place else "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())


@contextlib.contextmanager
def mounted(name: str) -> Iterator[Path]:
    """The slot's file system, read-only."""
    with tempfile.TemporaryDirectory() as place:
        device = f"/dev/disk/by-partuuid/{DISK}-0{NUMBERS[name]}"
        done = subprocess.run(["mount", "-o", "ro", device, place], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"{device} cannot be mounted: {done.stderr.strip()}")
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", place], check=False)


def main(words: list[str], loader: Loader) -> int:
    """One call of RAUC's; 0, or 1 with a line on stderr."""
    try:
        match words:
            case ["get-primary"]:
                print(loader.primary())
            case ["set-primary", name] if name in NAMES:
                loader.set_primary(name)
            case ["get-state", name] if name in NAMES:
                print(loader.state(name))
            case ["set-state", name, ("good" | "bad") as state] if name in NAMES:
                loader.set_state(name, state)
            case _:
                raise Mistake("say get-primary, set-primary NAME, get-state NAME or set-state NAME good|bad")
    except (HallgateError, OSError) as wrong:
        print(f"tryboot: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Loader(FIRMWARE, mounted)))
