"""A real ext4 on a loop device, to cut its power, to fill it, and to count what reaches it. Root only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests import needs

EXT4_IOC_SHUTDOWN = 0x8004587D
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
GO_DOWN_NOW = 2
"""Neither data nor the file system's journal is flushed: what the disk has is what there is."""
OPTIONS = "noatime,commit=60"
"""As the card is mounted (`deploy/image/overlay/etc/fstab`): for a minute the file system does nothing by itself."""


class Traffic(NamedTuple):
    """What reached the device: bytes, writes, flushes (/sys/block/*/stat)."""

    written_bytes: int
    writes: int
    flushes: int


class LoopDisk:
    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder
        self._device = ""

    def mount(self) -> None:
        self._device = _run("losetup", "--find", "--show", str(self.image))
        _run("mount", "-t", "ext4", "-o", OPTIONS, self._device, str(self.folder))

    def unmount(self) -> None:
        """Also while something is still open there (a failed test): the last one to close lets go of it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            _run("umount", "--lazy", str(self.folder))
        with contextlib.suppress(subprocess.CalledProcessError):
            _run("losetup", "--detach", self._device)

    def cut_power(self) -> None:
        """The power goes and comes back. Whoever has files open here must have closed them."""
        self.shut_down()
        self.come_back()

    def come_back(self) -> None:
        """Mounted again, as after a boot: the file system's journal is replayed."""
        self.unmount()
        self.mount()

    def shut_down(self) -> None:
        """From now on nothing reaches the disk."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", GO_DOWN_NOW))
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Whoever writes waits, and cannot be killed while it does."""
        handle = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(handle, FIFREEZE, 0)
        try:
            yield
        finally:
            fcntl.ioctl(handle, FITHAW, 0)
            os.close(handle)

    def traffic(self) -> Traffic:
        numbers = Path("/sys/block", Path(self._device).name, "stat").read_text().split()
        return Traffic(int(numbers[6]) * 512, int(numbers[4]), int(numbers[15]))


@contextlib.contextmanager
def loop_disk(folder: Path, megabytes: int) -> Iterator[LoopDisk]:
    """A fresh ext4 with blocks of 4 KiB, mounted. Raises OSError or CalledProcessError where that is not possible."""
    image, place = folder / "disk.img", folder / "disk"
    with open(image, "wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    at_once = "lazy_itable_init=0,lazy_journal_init=0"  # else the kernel goes on making it, and counts as ours
    _run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", at_once, str(image))
    place.mkdir(exist_ok=True)
    disk = LoopDisk(image, place)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
        image.unlink()


def why_not() -> str:
    """Why there can be no loop disk here; empty: there can."""
    first = needs.not_root("mount a loop device") or needs.missing("losetup", "mount", "mkfs.ext4")
    return first or ("" if os.path.exists("/dev/loop-control") else "no loop devices in this kernel")


def _run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
