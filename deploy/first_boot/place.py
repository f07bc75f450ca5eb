"""The files of the card become the device's: compared with the card's list, checked, put in place whole or not at all.

    /boot/firmware/hallgate/     card.json, site/, network/, console, enrol.json      written by `hallgate flash`
    /persistent/site/            the site file and what it names, the device's key and certificate
    /persistent/network/         what systemd-networkd and wpa_supplicant read
    /persistent/console          root's password, hashed

A cut at any moment leaves the card's folder as it was, and the next start begins again. When all is in place, what is
secret on the first partition is written over and deleted: any computer can read it there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from deploy.first_boot.codes import Code
from firmware import site
from firmware.clock import Clock
from firmware.durable import make_folder, replace_file, sync_folder
from firmware.errors import HallgateError, Mistake
from firmware.trust import certificates, enrolment
from firmware.verbs import wipe

MANIFEST = "card.json"
TICKET = "enrol.json"
CONSOLE = "console"
PLACED = "placed.json"
REQUEST, CERTIFICATE, FINGERPRINT = "request.csr", "certificate.pem", "fingerprint.txt"
"""For who carries them by hand: out of the card, into it, and what to compare."""


class Stop(HallgateError):
    """What ends the way to a door, with its number."""

    def __init__(self, code: Code, what: object) -> None:
        self.code = code
        super().__init__(str(what))


class Placing:
    """`card`: the folder of the first partition; `store`: /persistent."""

    def __init__(self, card: Path, store: Path) -> None:
        self.card, self.store = card, store
        self.site, self.network, self.console = store / "site", store / "network", store / CONSOLE

    def new(self) -> bool:
        """Whether the card holds a door that is not in place yet."""
        return (self.card / MANIFEST).is_file()

    def place(self) -> dict[str, Any]:
        """Put it in place; the card's list. Raises Stop."""
        manifest, files = self._read()
        try:
            self._write(manifest, files)
        except OSError as full:
            raise Stop(Code.STORE, f"{self.store} cannot be written: {full.strerror}") from None
        return manifest

    # ------------------------------------------------------------ read

    def _read(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Every file, exactly as it was written. Raises Stop."""
        try:
            manifest = json.loads((self.card / MANIFEST).read_bytes())
            digests = dict(manifest["files"])
            assert isinstance(manifest["device"], str) and isinstance(manifest["hall"], str)
        except (OSError, ValueError, KeyError, TypeError, AssertionError):
            raise Stop(Code.SPOILT, f"{MANIFEST} cannot be read") from None
        files = {}
        for name, digest in digests.items():
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise Stop(Code.SPOILT, f"{name} is no name of a file of this card")
            with contextlib.suppress(OSError):
                files[name] = (self.card / name).read_bytes()
            if hashlib.sha256(files.get(name, b"")).hexdigest() != digest:
                raise Stop(Code.SPOILT, f"{name} is missing, or not as it was written")
        if "site/site.toml" not in files:
            raise Stop(Code.NO_DOOR, "there is no site file on it")
        return manifest, files

    # ------------------------------------------------------------ write

    def _write(self, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
        draft, before = self.store / "site.new", self.store / "site.before"
        shutil.rmtree(draft, ignore_errors=True)
        if before.exists() and not self.site.exists():
            os.rename(before, self.site)  # cut between the two renames: the device's key is in there
        for name, data in files.items():
            room, _, rest = name.partition("/")
            if room == "site":
                _put(draft / rest, data)
        self._keep_what_is_ours(draft, manifest)
        if TICKET in files:
            _put(draft / TICKET, files[TICKET])
        self._check(draft, manifest)
        (self.store / wipe.BEGUN).unlink(missing_ok=True)  # what is wiped next is another door
        self._exchange(draft)
        shutil.rmtree(self.network, ignore_errors=True)
        for name, data in files.items():
            if name.startswith("network/"):
                _put(self.network / name.removeprefix("network/"), data)
        self.console.unlink(missing_ok=True)
        if CONSOLE in files:
            _put(self.console, files[CONSOLE])
        sync_folder(self.store)

    def _keep_what_is_ours(self, draft: Path, manifest: dict[str, Any]) -> None:
        """The same device keeps its key and its certificate when its site file is new."""
        name = manifest["device"]
        for file in (f"{name}.key", f"{name}.pem", f"{name}.csr"):
            with contextlib.suppress(OSError):
                _put(draft / file, (self.site / file).read_bytes())

    def _check(self, draft: Path, manifest: dict[str, Any]) -> None:
        try:
            place = site.load(str(draft / "site.toml"))
        except HallgateError as wrong:
            raise Stop(Code.SITE, str(wrong).replace(str(draft), str(self.site))) from None
        if (place.device.name, place.device.hall) != (manifest["device"], manifest["hall"]):
            raise Stop(Code.SITE, f"the site file is for {place.device.name}, the card for {manifest['device']}")

    def _exchange(self, draft: Path) -> None:
        """A cut between the two renames leaves no site; the next start goes back to the one before, and begins again."""
        before = self.store / "site.before"
        shutil.rmtree(before, ignore_errors=True)
        if self.site.exists():
            os.rename(self.site, before)
        os.rename(draft, self.site)
        sync_folder(self.store)

    # ------------------------------------------------------------ key, request, what is left on the card

    def request(self, name: str, hall: str) -> str:
        """The device's key, and a request to have it signed. Its fingerprint."""
        return enrolment.ask(self.site, name, hall)

    def leave(self, manifest: dict[str, Any], fingerprint: str) -> None:
        """Secrets are written over and deleted; the request is left for who carries it by hand. The list goes last."""
        self._leave_request(manifest["device"], fingerprint)
        told = {"v": 1, "device": manifest["device"], "hall": manifest["hall"], "card": manifest.get("card", "")}
        try:
            replace_file(self.card / PLACED, json.dumps({**told, "at_s": Clock().wall_ms() // 1000}).encode())
            for name in manifest["files"]:
                _wipe(self.card / name)
            _wipe(self.card / MANIFEST)
            sync_folder(self.card)
        except (OSError, HallgateError) as failed:
            raise Stop(Code.STORE, f"{self.card} cannot be cleaned: {failed}") from None

    def leave_request_again(self, name: str) -> bool:
        """For a device that nobody has signed, whose request was taken away from the card and is lost."""
        request = self.site / f"{name}.csr"
        signed = (self.site / f"{name}.pem").is_file()
        if signed or (self.card / REQUEST).is_file() or not request.is_file() or not self.card.is_dir():
            return False
        asked = certificates.load_request(request.read_bytes(), str(request))
        return self._leave_request(name, certificates.fingerprint(asked))

    def _leave_request(self, name: str, fingerprint: str) -> bool:
        with contextlib.suppress(OSError):
            shutil.copyfile(self.site / f"{name}.csr", self.card / REQUEST)
            (self.card / FINGERPRINT).write_text(fingerprint + "\n")
            return True
        return False

    def carried_certificate(self, name: str) -> bool:
        """Take a certificate that somebody put on the card. Raises Stop for one that is not this device's."""
        file = self.card / CERTIFICATE
        if not file.is_file():
            return False
        now = dt.datetime.fromtimestamp(Clock().wall_ms() / 1000, dt.UTC)
        try:
            enrolment.take_over(self.site, name, file.read_bytes(), str(file), now)
        except Mistake as wrong:
            raise Stop(Code.ENROLMENT, wrong) from None
        file.unlink()
        return True


def _put(file: Path, data: bytes) -> None:
    make_folder(file.parent)
    replace_file(file, data, mode=0o600)


def _wipe(file: Path) -> None:
    """FAT keeps a deleted file's bytes: zeros first."""
    with contextlib.suppress(FileNotFoundError):
        with file.open("r+b") as old:
            old.write(bytes(file.stat().st_size))
            old.flush()
            os.fsync(old.fileno())
        file.unlink()
