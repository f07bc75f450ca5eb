"""Take this device out of its door: archive its journal, then wipe keys, site file and journal from its card.

Beforehand, from the hub: `drain` gives its rights back to the hall; refused while it still holds some (--with-rights gives
them up: they are lost until the bank's next recount). The archive holds the journal whole, to replay and to show; no key.
A wiping that the power cut off goes on when it is called again. Afterwards, at the desk: `hallgate enrol revoke NAME`.
A card remembers more than it shows: what makes a lost or worn card worthless is the revocation, not the wiping. A new card
with the same name is another incarnation, with no rights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from firmware import recovery, site
from firmware.core.occupancy import Rights
from firmware.durable import make_folder, replace_file, sync_folder
from firmware.errors import Failure, HallgateError, Mistake
from firmware.journal import Reader, lock, refuge
from firmware.journal.identity import stored
from firmware.language import spoken

EXAMPLE = "hallgate wipe --store /persistent --archive /mnt/north-entry-1.tar.gz --confirm north-entry-1"
CHUNK = 1 << 20
ROOMS = ("site", "site.before", "site.new", "network", "console", "hallgate", "update")
"""What a device keeps, in the order in which it goes."""
BEGUN = "wiping.json"
"""Beside them from the archive on until nothing is left."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=Path("/persistent"), help="what this device keeps")
    parser.add_argument("--archive", type=Path, required=True, metavar="FILE", help="where its journal goes (.tar.gz)")
    parser.add_argument("--with-rights", action="store_true", help="also while it holds rights of the hall")
    parser.add_argument("--confirm", metavar="NAME", help="the device's name, instead of typing it")


def run(arguments: argparse.Namespace) -> int:
    store, state = arguments.store, arguments.store / "hallgate"
    if not any((store / room).exists() for room in (*ROOMS, BEGUN)):
        raise Mistake("there is no device's state here", file=str(state))
    make_folder(state)
    held = lock.take(state)  # a firmware that runs is told in its own words
    try:
        about = _begun(store) or _about(store, arguments.with_rights)
        _typed(about["device"], arguments.confirm)
        if "archive" not in about:
            about |= {"archive": str(arguments.archive), "sha256": _archive(state, arguments.archive)}
            replace_file(store / BEGUN, json.dumps(about).encode())
        _wipe(store)
        refuge.leave(about["inc"])
    finally:
        os.close(held)
    print(json.dumps(about), flush=True)
    told = f"wiped. At the desk: hallgate enrol revoke {about['device']}"
    print(f"hallgate wipe: {spoken(told)}", file=sys.stderr)
    return 0


def _begun(store: Path) -> dict[str, Any] | None:
    """What was archived by a wiping that the power cut off: half of it is gone, so it can only go on."""
    try:
        return dict(json.loads((store / BEGUN).read_bytes()))
    except (OSError, ValueError):
        return None


def _about(store: Path, with_rights: bool) -> dict[str, Any]:
    """Who this was, and which rights of the hall it has. Failure while it holds some and nobody said that it may go."""
    state = store / "hallgate"
    identity = stored(state / "journal")
    if identity is None:  # it never ran
        return {"device": site.device_name(store / "site/site.toml"), "inc": "", "free_rights": 0, "bank": False}
    about = {"device": identity.device, "inc": identity.inc}
    try:
        rights = recovery.recovered(Reader(state)).state.rights
    except msgspec.MsgspecError:
        if not with_rights:
            raise Failure("its journal cannot be read, so nobody knows its rights: say --with-rights") from None
        return {**about, "free_rights": None, "bank": None}
    if not with_rights:
        _may_go(rights)
    return {**about, "free_rights": rights.free, "bank": rights.bank}


def _may_go(rights: Rights) -> None:
    if rights.bank:
        raise Failure("this is the hall's bank: make another device the bank first, or say --with-rights")
    if rights.free:
        raise Failure(f"it still holds {rights.free} rights: drain it first (hallgate command), or say --with-rights")


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
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w+b") as file:
            os.fchmod(file.fileno(), 0o600)
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                for path in sorted(state.iterdir()):
                    if path.name == "journal" or path.name.startswith("journal-") or path.name == "doctor.json":
                        tar.add(path, path.name, filter=_nobodys)
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.replace(part, out)
        sync_folder(out.parent)
    except OSError as failed:
        part.unlink(missing_ok=True)
        raise Failure(f"{out} cannot be written: {failed.strerror or failed}") from None
    return digest


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever opens the archive owns what is in it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _wipe(store: Path) -> None:
    """Keys first. Each file is written over before it goes: what is deleted stands on the card for long."""
    for room in ROOMS:
        for file in _files(store / room):
            try:
                _zero(file)
            except OSError as failed:
                raise Failure(f"{file} cannot be wiped: {failed.strerror}. Destroy the card") from None
        shutil.rmtree(store / room, ignore_errors=True)
    try:
        (store / BEGUN).unlink(missing_ok=True)
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
