"""Which disks a card can be: what is removable, and in whose hands it is. Everything else is refused, with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firmware.errors import Mistake

SYSTEM = frozenset({"/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/home", "/var", "/persistent"})
CARD_BYTES_MAX = 256 * 10**9
"""No card of a gate is larger; a backup disk is."""


@dataclass(frozen=True)
class Disk:
    """`card`: it can be taken out of this machine. `uses`: what it is in use for, a mount point or another disk."""

    name: str
    path: Path
    bytes: int
    model: str
    card: bool
    read_only: bool
    uses: tuple[str, ...]

    @property
    def system(self) -> bool:
        return any(use in SYSTEM for use in self.uses)

    def refusal(self, needed: int) -> str:
        """Why nothing is written here; empty: it may be."""
        if self.system:
            return "is this machine's own disk"
        if self.uses:
            return f"is in use ({', '.join(self.uses)}): umount it first, if it is the right one"
        if not self.card:
            return "cannot be taken out of this machine: it is no card"
        if self.bytes > CARD_BYTES_MAX:
            return f"has {self.bytes / 1e9:.0f} GB: no card of a gate is that large"
        if self.read_only:
            return "is write protected: move the lock on the card's side"
        if self.bytes < needed:
            return f"has {self.bytes / 1e6:.0f} MB, the image needs {needed / 1e6:.0f} MB: take a larger card"
        return ""


class Disks:
    """The disks of this machine, as the kernel tells of them."""

    def __init__(self, system: Path = Path("/sys"), process: Path = Path("/proc")) -> None:
        self._blocks = system / "block"
        self._numbers = system / "dev/block"
        self._process = process

    def cards(self) -> list[Disk]:
        """What can be taken out and holds something, by name."""
        disks = (self._disk(folder) for folder in sorted(self._blocks.iterdir()) if not folder.name.startswith("loop"))
        return [disk for disk in disks if disk.card and disk.bytes]

    def of(self, path: Path) -> Disk:
        """The disk behind a block device. Mistake for a partition, or for what is no disk."""
        status = path.stat()
        folder = self._numbers / f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        if not stat.S_ISBLK(status.st_mode) or not folder.exists():
            raise Mistake("is no disk: see hallgate flash --list", file=str(path))
        if (folder / "partition").exists():
            raise Mistake(f"is a partition: name the whole disk, {folder.resolve().parent.name}", file=str(path))
        return self._disk(folder.resolve())

    def _disk(self, folder: Path) -> Disk:
        place = folder.resolve()
        return Disk(
            name=folder.name,
            path=Path("/dev") / folder.name,
            bytes=int(_text(folder / "size") or 0) * 512,
            model=" ".join(filter(None, (_text(folder / "device" / word) for word in ("vendor", "model", "name")))),
            # A laptop's own slot calls its card not removable; a loop device is a file.
            card=_text(folder / "removable") == "1" or folder.name.startswith(("mmcblk", "loop")) or "/usb" in str(place),
            read_only=_text(folder / "ro") == "1",
            uses=tuple(self._uses(place)),
        )  # fmt: skip

    def _uses(self, folder: Path) -> Iterator[str]:
        parts = [folder, *(path.parent for path in folder.glob("*/partition"))]
        numbers = {_text(part / "dev") for part in parts}
        rows = (line.split() for line in _text(self._process / "self/mountinfo").splitlines())
        yield from dict.fromkeys(row[4] for row in rows if len(row) > 4 and row[2] in numbers)
        swaps = {Path(line.split()[0]).name for line in _text(self._process / "swaps").splitlines()[1:]}
        yield from (f"swap {part.name}" for part in parts if part.name in swaps)
        yield from (
            f"{part.name} is held by {holder.name}" for part in parts for holder in (part / "holders").glob("*")
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
