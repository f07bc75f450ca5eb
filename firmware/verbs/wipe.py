"""Take this device out of its door: archive its journal, then wipe keys, site file and journal from its card.

Beforehand, from the hub: `drain` gives its rights back to the hall; refused while it still holds some (--with-rights gives
them up: they are lost until the bank's next recount). The archive holds the journal whole, to replay and to show; no key.
Afterwards, at the desk: `hallgate enrol revoke NAME`. A card remembers more than it shows: what makes a lost or worn card
worthless is the revocation, not the wiping. A new card with the same name is another incarnation, with no rights.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware import recovery
from firmware.durable import replace_file, sync_folder
from firmware.errors import Failure, HallgateError, Mistake
from firmware.journal import Reader, lock
from firmware.language import spoken

EXAMPLE = "hallgate wipe --store /persistent --archive /mnt/north-entry-1.tar.gz --confirm north-entry-1"
CHUNK = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=Path("/persistent"), help="what this device keeps")
    parser.add_argument("--archive", type=Path, required=True, metavar="FILE", help="where its journal goes (.tar.gz)")
    parser.add_argument("--with-rights", action="store_true", help="also while it holds rights of the hall")
    parser.add_argument("--confirm", metavar="NAME", help="the device's name, instead of typing it")


def run(arguments: argparse.Namespace) -> int:
    state = arguments.store / "hallgate"
    if not state.is_dir():
        raise Mistake("there is no device's state here", file=str(state))
    held = lock.take(state)  # a firmware that runs is told in its own words
    try:
        about = _about(state)
        _may_go(about, arguments.with_rights)
        _typed(about["device"], arguments.confirm)
        digest = _archive(state, arguments.archive)
        _wipe(arguments.store)
    finally:
        os.close(held)
    print(json.dumps({**about, "archive": str(arguments.archive), "sha256": digest}), flush=True)
    told = f"wiped. At the desk: hallgate enrol revoke {about['device']}"
    print(f"hallgate wipe: {spoken(told)}", file=sys.stderr)
    return 0


def _about(state: Path) -> dict[str, Any]:
    """Who this was, and which rights of the hall it has."""
    reader = Reader(state)
    rights = recovery.recovered(reader).state.rights
    return {
        "device": reader.identity.device,
        "inc": reader.identity.inc,
        "free_rights": rights.free,
        "bank": rights.bank,
    }


def _may_go(about: dict[str, Any], with_rights: bool) -> None:
    if with_rights:
        return
    if about["bank"]:
        raise Failure("this is the hall's bank: make another device the bank first, or say --with-rights")
    if about["free_rights"]:
        raise Failure(
            f"it still holds {about['free_rights']} rights: drain it first (hallgate command), or say --with-rights"
        )


def _typed(name: str, confirm: str | None) -> None:
    if confirm is None and sys.stdin.isatty():
        told = f"everything of {name} will be wiped. Type {name} to go on: "
        print(spoken(told), end="", file=sys.stderr, flush=True)
        confirm = sys.stdin.readline().strip()
    if confirm != name:
        raise Mistake(f"nothing is wiped: the name typed is not {name}", key="--confirm")


def _archive(state: Path, out: Path) -> str:
    """The journals, this one and those put aside, and the last report; on disk when this returns. Its SHA-256."""
    if out.exists():
        raise Mistake("exists already and is not written over; choose another name", file=str(out))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in sorted(state.iterdir()):
            if path.name == "journal" or path.name.startswith("journal-") or path.name == "doctor.json":
                tar.add(path, path.name, filter=_nobodys)
    replace_file(out, packed.getvalue(), mode=0o600)
    return hashlib.sha256(packed.getvalue()).hexdigest()


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever opens the archive owns what is in it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _wipe(store: Path) -> None:
    """Keys first. Each file is written over before it goes: what is deleted stands on the card for long."""
    for room in ("site", "site.before", "site.new", "network", "console", "hallgate", "update"):
        for file in _files(store / room):
            try:
                _zero(file)
            except OSError as failed:
                raise Failure(f"{file} cannot be wiped: {failed.strerror}. Destroy the card") from None
        shutil.rmtree(store / room, ignore_errors=True)
    try:
        sync_folder(store)
    except OSError as failed:
        raise HallgateError(f"{store}: {failed.strerror}") from None


def _files(room: Path) -> Iterator[Path]:
    """Keys before the rest."""
    found = [path for path in (room, *room.rglob("*")) if path.is_file() and not path.is_symlink()]
    yield from sorted(found, key=lambda path: (path.suffix != ".key", path.name))


def _zero(file: Path) -> None:
    left = file.stat().st_size
    with file.open("r+b") as old:
        while left > 0:
            left -= old.write(bytes(min(CHUNK, left)))
        old.flush()
        os.fsync(old.fileno())
    file.unlink()
