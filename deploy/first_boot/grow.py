"""/persistent takes the rest of the card: first its partition, then its file system, while it is mounted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from deploy.first_boot.codes import Code
from deploy.first_boot.place import Stop

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
        _do(["sfdisk", "--no-reread", "-q", "-N", index, f"/dev/{disk.name}"], ", +\n")
        _do(["partx", "-u", "-n", index, f"/dev/{disk.name}"])
    before = os.statvfs(store).f_blocks
    _do(["resize2fs", f"/dev/{part.name}"])
    after = os.statvfs(store)
    return "" if after.f_blocks == before else f"{store} has {after.f_blocks * after.f_frsize // 1_000_000} MB now"


def _do(words: list[str], typed: str = "") -> None:
    try:
        done = subprocess.run(words, input=typed, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise Stop(Code.STORE, f"{words[0]}: {failed}") from None
    if done.returncode:
        raise Stop(Code.STORE, f"{words[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
