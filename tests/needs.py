"""What a test needs and the test extra cannot bring: data beside this repository, programs, rights. Absent: skipped, said so.

Python packages are no such thing: `setup.cfg` names them, so a missing one is a broken installation and fails.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "shared"
VECTORS = SHARED / "data/device-vectors.json"


def unless(reason: str) -> pytest.MarkDecorator:
    """For a test or a module; an empty reason: nothing is in the way."""
    return pytest.mark.skipif(bool(reason), reason=reason)


def stop_unless(reason: str) -> None:
    """For a fixture or a helper, which marks do not reach."""
    if reason:
        pytest.skip(reason)


def absent(path: Path) -> str:
    """The data in `../shared` are not ours to copy: a checkout alone has none."""
    return "" if path.exists() else f"../shared/{path.relative_to(SHARED)} is not beside this repository"


def missing(*programs: str) -> str:
    where = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    named = [name for name in programs if shutil.which(name, path=where) is None]
    return f"not installed: {', '.join(named)}; `./hallgate test`, with these words, may install them" if named else ""


def not_root(to: str) -> str:
    return "" if os.geteuid() == 0 else f"only root can {to}"


def capability(number: int, to: str) -> str:
    """A container's root may lack what its kernel asks for (`capabilities(7)`)."""
    held = int(Path("/proc/self/status").read_text().partition("CapEff:")[2].split()[0], 16)
    return "" if held >> number & 1 else f"this root lacks capability {number}, without which nobody may {to}"


def no_ipv6() -> str:
    """A container may have been given no `::1`."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return ""
    except OSError as error:
        return f"this machine has no ::1: {error.strerror}"


def shared(path: str) -> Path:
    """A file or folder of `../shared`."""
    stop_unless(absent(SHARED / path))
    return SHARED / path


def vectors(device: str) -> dict[str, dict[str, Any]]:
    """The frames that the vendor of a device printed, by name."""
    stop_unless(absent(VECTORS))
    rows = json.loads(VECTORS.read_text(encoding="utf-8"))
    return {row["name"]: row for row in rows if row["device"] == device}


ipv6 = unless(no_ipv6())
broker = unless(missing("mosquitto"))
