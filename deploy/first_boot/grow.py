"""/persistent takes the rest of the card: first its partition, then its file system, while it is mounted."""

from __future__ import annotations

import os
from pathlib import Path

from deploy.first_boot import program

SLACK_SECTORS = 8 * 2048
"""Less than 8 MiB left behind it: it is grown already."""


def grow(store: Path, system: Path = Path("/sys")) -> str:
    """What was done, in a sentence; empty when there is nothing to do. Raises Stop when a step fails."""
    number = os.stat(store).st_dev
    part = (system / "dev/block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    if not (part / "partition").exists():
        return ""  # a folder of a test, or a disk without partitions
    disk = part.parent
    begins, length, whole = (int((each).read_text()) for each in (part / "start", part / "size", disk / "size"))
    index = (part / "partition").read_text().strip()
    if begins + length + SLACK_SECTORS < whole:
        program.run(["sfdisk", "--no-reread", "-q", "-N", index, f"/dev/{disk.name}"], ", +\n")
        program.run(["partx", "-u", "-n", index, f"/dev/{disk.name}"])
    before = os.statvfs(store).f_blocks
    program.run(["resize2fs", f"/dev/{part.name}"])
    after = os.statvfs(store)
    return "" if after.f_blocks == before else f"{store} has {after.f_blocks * after.f_frsize // 1_000_000} MB now"
