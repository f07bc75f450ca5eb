"""Programs of the machine that builds: are they there, installing them when told to, running them with a line of news."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.language import spoken

PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "arch-test": "arch-test",  # mmdebstrap asks it whether arm64 programs run here, and ends without it
    "qemu-aarch64-static": "qemu-user-static",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "mke2fs": "e2fsprogs",
    "mkimage": "u-boot-tools",
    "fdtput": "device-tree-compiler",
    "zstd": "zstd",
}
"""Command and Debian package, for building a card."""
BUNDLE_PACKAGES = {"rauc": "rauc", "mksquashfs": "squashfs-tools", "debugfs": "e2fsprogs"}
EMULATOR_PACKAGES = {"qemu-system-aarch64": "qemu-system-arm", "fdtput": "device-tree-compiler"}

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
LAST_WORDS = 12
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def tell(line: str) -> None:
    print(f"hallgate: {spoken(line)}", file=sys.stderr, flush=True)


def missing(packages: Mapping[str, str]) -> list[str]:
    return sorted({package for command, package in packages.items() if not shutil.which(command, path=PATH)})


def need(packages: Mapping[str, str], install: bool | None = None) -> None:
    """Raises Failure with the line to type when something is missing and nobody said that we may install it.

    `install`: what the verb's --install said; None for a verb that has none.
    """
    lacks = missing(packages)
    if not lacks:
        return
    line = f"apt-get install -y --no-install-recommends {' '.join(lacks)}"
    if not install:
        names = ", ".join(lacks)
        if install is None:
            raise Failure(f"missing: {names}. Type: sudo {line}")
        raise Failure(f"missing: {names}. Say --install, or type: sudo {line}")
    tell(f"installing system packages: {' '.join(lacks)}")
    run(["apt-get", "-qq", "update"])
    run(line.split(), environment={"DEBIAN_FRONTEND": "noninteractive"})


def run(
    words: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    told: str = "",
) -> str:
    """Its stdout, once it has read `told`. Raises Failure with its last lines."""
    done = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", **(environment or {})},
        cwd=folder,
        input=told,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_WORDS:])
        raise Failure(f"{words[0]} ended with {done.returncode}: {last}")
    return done.stdout


def place_for(out: str) -> Path:
    """Where a file of ours goes; its folder is made. Mistake when it cannot be: asked before minutes of work."""
    place = Path(out).resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"is no place for a file: {error.strerror}", file=out, key="--out") from None
    if place.is_dir():
        raise Mistake("is a folder: name a file in it", file=out, key="--out")
    return place


def can_run_arm() -> None:
    """The packages' own scripts are arm64: the kernel must know who runs them. Raises Failure when it cannot be told."""
    if os.uname().machine == "aarch64" or (BINFMT / "qemu-aarch64").exists():
        return
    tell("telling the kernel that qemu runs arm64 programs (binfmt_misc)")
    if not (BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    rule = next((each for each in _rules() if each.exists()), None)
    if rule is None:
        raise Failure("no rule for arm64 programs. Type: sudo apt-get install -y qemu-user-static binfmt-support")
    if not (BINFMT / "qemu-aarch64").exists():
        (BINFMT / "register").write_bytes(rule.read_bytes().strip())


def _rules() -> list[Path]:
    return [Path(folder) / "qemu-aarch64.conf" for folder in ("/usr/lib/binfmt.d", "/etc/binfmt.d")]


class Progress:
    """One line per step, with the time the step before it took. `took` keeps them for the papers (seconds)."""

    def __init__(self, steps: int) -> None:
        self.took: dict[str, float] = {}
        self._steps, self._clock = steps, Clock()
        self._name, self._since_ms = "", self._clock.elapsed_ms()

    def step(self, name: str) -> None:
        self.close()
        self._name = name
        tell(f"[{len(self.took) + 1}/{self._steps}] {name}")

    def close(self) -> None:
        now_ms = self._clock.elapsed_ms()
        if self._name:
            self.took[self._name] = round((now_ms - self._since_ms) / 1000, 1)
        self._name, self._since_ms = "", now_ms
