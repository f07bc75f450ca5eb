"""Build the card image of a controller: Debian for the Pi, two slots, a read-only root, our software, no network needed.

Needs root, and Debian packages on this machine (`--install` installs them). Downloads are kept in the work folder, so a
second build needs no network. Beside the image come its compressed form, a bill of materials (CycloneDX), one line per
file of the root, and the hashes. `--compare` says what differs between two such lists of files.

Boards: Pi 3, 4 and Zero 2 W. For a Pi 5, a camera on the ribbon, or the Pi's own loader instead of U-Boot give --pi-os
"deb [signed-by=KEY] ADDRESS bookworm main" of Raspberry Pi OS: that image is not emulated, try it on a board first.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from pathlib import Path
from typing import Any

from firmware.errors import Failure, Mistake
from firmware.files import read
from firmware.trust.certificates import load_certificate

EXAMPLE = "hallgate image --out hallgate.img"
WORK = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hallgate/image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", help="the image; FILE.zst, FILE.json and more lie beside it")
    parser.add_argument(
        "--work", metavar="DIR", default=str(WORK), help="where downloads are kept (default %(default)s)"
    )
    parser.add_argument("--mirror", metavar="URL", default="", help="a Debian mirror, for instance a dated snapshot")
    parser.add_argument(
        "--pi-os", metavar="LINE", default="", help="an apt line of Raspberry Pi OS: its kernel, cameras and loader"
    )
    parser.add_argument(
        "--keyring", metavar="FILE", help="who may sign updates (default: a key made in the work folder)"
    )
    parser.add_argument("--persistent", metavar="DIR", help="files that stand on /persistent from the start")
    parser.add_argument("--install", action="store_true", help="install missing Debian packages on this machine")
    parser.add_argument("--keep-root", action="store_true", help="do not build the root again, only the card")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="two FILE.contents: what differs")


def run(arguments: argparse.Namespace) -> int:
    if arguments.compare:
        return _compare(*map(Path, arguments.compare))
    if not arguments.out:
        raise Mistake("say where the image goes", key="--out")
    _may_be_built(arguments)
    if os.geteuid():
        raise Failure("only root can build an image. Type: sudo ./hallgate image --out FILE")
    print(json.dumps(builder("build").build(arguments)), flush=True)
    return 0


def _may_be_built(arguments: argparse.Namespace) -> None:
    """Raises Mistake for what would end minutes of building, or a card that takes no update."""
    if builder("tools").place_for(arguments.out).suffix == ".zst":
        raise Mistake("name the image itself: its packed form FILE.zst lies beside it", file=arguments.out, key="--out")
    if arguments.keyring:
        load_certificate(read(arguments.keyring), arguments.keyring)
    if arguments.persistent and not Path(arguments.persistent).is_dir():
        raise Mistake("there is no such folder", file=arguments.persistent, key="--persistent")


def builder(name: str) -> Any:
    """The builder is in the source folder alone: a device has no use for it, and carries none of its tools."""
    try:
        return importlib.import_module(f"deploy.image.{name}")
    except ImportError:
        raise Failure("cards and updates are made in the source folder, not on an installed device") from None


def _compare(one: Path, other: Path) -> int:
    """0 when the roots hold the same, 1 when they do not."""
    for path in (one, other):
        if not path.is_file():
            raise Mistake("there is no such file", file=str(path), key="--compare")
    first, second = (path.read_text("utf-8", "surrogateescape").splitlines() for path in (one, other))
    found = builder("papers").differences(first, second)
    print(json.dumps({"same": not found, "differs": found}, ensure_ascii=False))
    return 1 if found else 0
