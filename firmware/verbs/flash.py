"""Write a card for one door: the image, its site file and what goes with it. It cannot destroy the wrong disk.

DISK is a card reader's disk (`hallgate flash --list`), or a new file, for cards made elsewhere. Refused: this machine's own
disk, one that is mounted or cannot be taken out, one that is too small. The disk's name has to be typed (--confirm for
scripts). Everything is read back; until the last sector the card says that it is not whole, whenever it is pulled.
Before anything is written the image and the site file are checked. A code for the label is shown at the end.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.language import spoken, told

EXAMPLE = "hallgate flash hallgate.img /dev/sdb --site sites/north-entry-1.toml"
SHOWN_EVERY_MS = 500.0
DESK = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "image", nargs="?", type=Path, metavar="IMAGE", help="the card image (.img, or .zst with its map)"
    )
    parser.add_argument("disk", nargs="?", type=Path, metavar="DISK", help="the card's disk, or a new file")
    parser.add_argument("--list", action="store_true", help="the disks that can be taken out")
    parser.add_argument("--check", type=Path, metavar="DISK", help="is this card whole?")
    parser.add_argument("--site", type=Path, metavar="FILE", help="the site file of the door")
    parser.add_argument("--name", help="the device's name; must be that of the site file")
    parser.add_argument("--blank", action="store_true", help="no door yet: its files come later")
    parser.add_argument("--network", default="dhcp", help="dhcp, or ADDRESS/PREFIX,GATEWAY,DNS")
    parser.add_argument("--wifi", metavar="NAME", help="the wireless network's name")
    parser.add_argument("--wifi-password", type=Path, metavar="FILE", help="file with its password, for its owner only")
    parser.add_argument(
        "--console-password", type=Path, metavar="FILE", help="file with root's password for screen and keyboard"
    )
    parser.add_argument("--country", default="CN", help="whose radio rules hold (default %(default)s)")
    parser.add_argument("--ntp", action="append", default=[], metavar="HOST", help="a time server; repeat it")
    parser.add_argument("--enrol", metavar="URL", help="where the device enrols by itself (hallgate enrol serve)")
    parser.add_argument("--ca", type=Path, metavar="DIR", help="the hall's authority, which gives the ticket for that")
    parser.add_argument("--label", type=Path, metavar="FILE", help="write the label, .svg or .png")
    parser.add_argument("--confirm", metavar="NAME", help="the disk's name, instead of typing it")


def run(arguments: argparse.Namespace) -> int:
    disks = _flasher("disks").Disks()
    if arguments.list:
        return _list(disks)
    if arguments.check is not None:
        return _check(arguments.check)
    if arguments.image is None or arguments.disk is None:
        raise Mistake("say which IMAGE goes onto which DISK; the disks: hallgate flash --list")
    image = _flasher("writing").Image(arguments.image)
    door = _door(arguments)
    _must_not_be_read(arguments.disk, (image.file, image.map_file, arguments.site))
    _may_be_written(disks, arguments.disk, image.map.image_bytes, arguments.confirm)
    print(json.dumps(_flash(image, arguments.disk, door, arguments)), flush=True)
    return 0


def _flasher(name: str) -> Any:
    """Cards are made where the source is: a device carries none of it."""
    try:
        return importlib.import_module(f"deploy.flash.{name}")
    except ImportError:
        raise Failure("cards and updates are made in the source folder, not on an installed device") from None


def _list(disks: Any) -> int:
    cards = disks.cards()
    if not cards:
        what = "no disk here can be taken out: put a card into its reader"
        print(f"hallgate flash: {spoken(what)}", file=sys.stderr)
    for disk in cards:
        why = disk.refusal(0)
        what = spoken(why or "can be written")
        print(f"{disk.path}  {disk.bytes / 1e9:6.1f} GB  {disk.model or '-'}  {what}")
    return 0


def _check(card: Path) -> int:
    if not _flasher("writing").is_whole(card):
        raise Failure(f"{card} is not whole: flash it again")
    what = f"{card} is whole"
    print(spoken(what))
    return 0


# ---------------------------------------------------------------- before anything is written


def _door(arguments: argparse.Namespace) -> Any:
    """What the card is told; None for a blank one."""
    if (arguments.site is None) != arguments.blank:
        raise Mistake("say --site FILE, or --blank for a card without a door", key="--site")
    if (arguments.enrol is None) != (arguments.ca is None):
        raise Mistake("a device enrols by itself with both, --enrol URL and --ca DIR", key="--enrol")
    if arguments.blank:
        return None
    if arguments.label is not None:
        _flasher("label").check(arguments.label)
    door = _flasher("door").read(arguments.site, arguments.name)
    for mistake in door.odd:
        print(f"hallgate flash: {spoken('warning: ')}{told(mistake)}", file=sys.stderr)
    wireless = (arguments.wifi, arguments.wifi_password, arguments.country)
    door.files |= _flasher("network").files(arguments.network, *wireless, arguments.ntp)
    if arguments.console_password is not None:
        door.files["console"] = _flasher("passwords").hashed(arguments.console_password)
    if arguments.enrol is not None:
        if not DESK.fullmatch(arguments.enrol):
            raise Mistake("write the desk's address: http://10.0.0.1:8446", key="--enrol")
        from firmware.trust.authority import Authority  # most cards are flashed without it

        Authority(arguments.ca).must_be_of(door.hall)
    return door


def _ticket(arguments: argparse.Namespace, door: Any) -> bytes:
    """A new one makes that of the card before worthless: it is drawn when this card begins, and not earlier."""
    now = dt.datetime.fromtimestamp(Clock().wall_ms() / 1000, dt.UTC)
    from firmware.trust.authority import Authority, locked

    with locked(arguments.ca):
        ticket = Authority(arguments.ca).ticket(door.name, now, "bank" if door.bank else "device")
    return json.dumps({"v": 1, "url": arguments.enrol, "ticket": ticket}).encode()


def _must_not_be_read(path: Path, sources: Iterable[Path | None]) -> None:
    """Raises Mistake when the card would be written over what it is made from."""
    if any(path.exists() and source is not None and source.exists() and path.samefile(source) for source in sources):
        raise Mistake("is what the card is made from: name another file", file=str(path))


def _may_be_written(disks: Any, path: Path, needed: int, confirm: str | None) -> None:
    """Raises Mistake unless this is the right disk and somebody has said so by its name.

    A file under /dev would be one in memory, in place of a disk that is not there or was mistyped.
    """
    place = path.resolve()
    in_devices = place.is_relative_to("/dev") and not place.is_relative_to("/dev/shm")
    is_file = path.is_file() or not path.exists() and path.parent.is_dir()
    if path.is_dir() or not path.exists() and not is_file or in_devices and is_file:
        raise Mistake("is no disk: see hallgate flash --list", file=str(path))
    if path.exists() and not path.is_file():
        disk = disks.of(path)
        if why := disk.refusal(needed):
            raise Mistake(why, file=str(path))
        _typed(path.resolve().name, f"{disk.model or 'disk'}, {disk.bytes / 1e9:.1f} GB", confirm)
    elif path.exists():
        _typed(path.name, "file", confirm)
    elif confirm is not None and confirm != path.name:
        raise Mistake(f"is {path.name}, not {confirm}", file=str(path), key="--confirm")


def _typed(name: str, what: str, confirm: str | None) -> None:
    if confirm is None and sys.stdin.isatty():
        told = f"everything on {name} ({what}) will be lost. Type {name} to go on: "
        print(spoken(told), end="", file=sys.stderr, flush=True)
        confirm = sys.stdin.readline().strip()
    if confirm != name:
        raise Mistake(f"nothing is written: the name typed is not {name}", key="--confirm")


# ---------------------------------------------------------------- writing


def _flash(image: Any, disk: Path, door: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    clock, progress = Clock(), Progress()
    first = image.beginning(512)
    start = _flasher("blockmap").doors_partition(first, image.map.image_bytes, str(arguments.image))
    if not image.mapped:
        progress.tell("no block map lies beside the image: every byte is written, and the image cannot be checked")
    for role in door.unplugged if door else ():
        progress.tell(f"the port of {role} is still a placeholder: ls /dev/serial/by-path")
    began_ms = clock.elapsed_ms()
    image.check(progress)
    checked_ms = clock.elapsed_ms()
    card = _flasher("writing").Card(disk, image, progress)
    if door is not None and arguments.enrol is not None:
        door.files["enrol.json"] = _ticket(arguments, door)
    card.spoil()
    card.write()
    written_ms = clock.elapsed_ms()
    card.verify()
    verified_ms = clock.elapsed_ms()
    if door is not None:
        _flasher("door").write(disk, start, door, arguments.image.name)
    card.finish()
    progress.end()
    if door is not None:
        _label(door, arguments.label)
    passes = {"check": checked_ms - began_ms, "write": written_ms - checked_ms, "verify": verified_ms - written_ms}
    return {
        "disk": str(disk),
        "device": door.name if door else None,
        "hall": door.hall if door else None,
        "card": door.card if door else None,
        "mapped_mb": round(image.map.mapped_bytes / 1e6, 1),
        "seconds": {name: round(took / 1000, 2) for name, took in passes.items()},
    }


def _label(door: Any, file: Path | None) -> None:
    label = _flasher("label")
    if file is not None:
        label.write(door, file)
    print(label.on_terminal(door), file=sys.stderr)


class Progress:
    """One line on stderr that is written over; only each new deed where stderr is no terminal."""

    def __init__(self) -> None:
        self._clock, self._shown_ms, self._deed = Clock(), 0.0, ""
        self._live = os.isatty(sys.stderr.fileno())

    def __call__(self, deed: str, done: int, whole: int) -> None:
        now_ms = self._clock.elapsed_ms()
        if deed != self._deed:
            self.end()
            self._deed = deed
            if not self._live:
                self.tell(deed)
        if self._live and (now_ms - self._shown_ms > SHOWN_EVERY_MS or done == whole):
            self._shown_ms = now_ms
            print(f"\r{spoken(deed)} {100 * done // max(whole, 1):3} %", end="", file=sys.stderr, flush=True)

    def tell(self, line: str) -> None:
        print(f"hallgate flash: {spoken(line)}", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._live and self._deed:
            print(file=sys.stderr)
