"""The folder of a hall's authority: its key, what it signed, what it took back. Kept off the gates.

`ca.key` (0600), `ca.pem`, `crl.pem`, `parties.json` (who is who, by certificate) and a certificate per signature. The
list of parties is the list of devices from which the broker's configuration is made.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firmware.durable import make_folder, replace_file
from firmware.errors import Mistake
from firmware.files import read, read_secret, write_secret
from firmware.trust import certificates
from mqtt.access import Party, Role
from mqtt.topics import Topics

TICKET = dt.timedelta(days=30)
"""A card that was flashed is put in within this time."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate. Times in RFC 3339; `revoked` is empty while it counts."""

    name: str
    role: Role
    serial: str
    until: str
    revoked: str = ""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Lets one device enrol by itself, once: the secret stands on its card. `used_by`: the fingerprint of its key."""

    name: str
    secret: str
    until: str
    used_by: str = ""
    role: Role = "device"


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    v: int = 1
    hall: str
    issued: tuple[Issued, ...] = ()
    tickets: tuple[Ticket, ...] = ()


class Authority:
    """One folder. Whoever changes it holds `locked`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.ledger = msgspec.json.decode((folder / "parties.json").read_bytes(), type=Ledger)
        except OSError:
            raise Mistake("no authority here; make one: hallgate enrol ca new", file=str(folder)) from None
        except (msgspec.DecodeError, RecursionError) as wrong:
            raise Mistake(f"is spoilt: {wrong}", file=str(folder / "parties.json")) from None
        self.certificate = certificates.load_certificate(read(folder / "ca.pem"), str(folder / "ca.pem"))
        self._key = certificates.load_key(read_secret(folder / "ca.key"), str(folder / "ca.key"))

    @classmethod
    def new(cls, folder: Path, hall: str, now: dt.datetime) -> Authority:
        Topics(hall, "hub")
        make_folder(folder)
        key = certificates.new_key()
        write_secret(folder / "ca.key", certificates.key_pem(key))
        ca = certificates.authority(hall, key, now)
        replace_file(folder / "ca.pem", certificates.pem(ca))
        replace_file(folder / "crl.pem", certificates.revocations(ca, key, (), now))
        replace_file(folder / "parties.json", msgspec.json.encode(Ledger(hall=hall)), mode=0o600)
        return cls(folder)

    @property
    def hall(self) -> str:
        return self.ledger.hall

    def must_be_of(self, hall: str) -> None:
        if self.hall != hall:
            raise Mistake(f"is the authority of {self.hall}, the site file is for {hall}", file=str(self.folder))

    def parties(self, now: dt.datetime) -> tuple[Party, ...]:
        """Everybody with a certificate that counts, once; the last role a name was given is its role."""
        good = {one.name: one.role for one in self.ledger.issued if not one.revoked and _time(one.until) > now}
        return tuple(Party(name, role) for name, role in sorted(good.items()))

    def sign(
        self, pem: bytes, file: str, role: Role, seen: str, now: dt.datetime, days: int, hosts: tuple[str, ...]
    ) -> Path:
        """`seen` is the fingerprint the technician read at the device. Answers the certificate's file."""
        asked = certificates.load_request(pem, file)
        name, hall = certificates.name_of(asked.subject)
        Topics(self.hall, name)
        if hall != self.hall:
            raise Mistake(f"asks for hall {hall}, and this is the authority of {self.hall}", file=file)
        if _digits(seen) != _digits(certificates.fingerprint(asked)):
            # Not told: who only has to copy it from here has compared nothing.
            raise Mistake("is not this request's: read it again at the device", key="--fingerprint")
        self._must_have_no_other_role(name, role)
        made = certificates.sign(asked, self.certificate, self._key, now, days, hosts)
        out = self.folder / f"{name}.pem"
        replace_file(out, certificates.pem(made))
        issued = Issued(name=name, role=role, serial=f"{made.serial_number:x}", until=_text(made.not_valid_after_utc))
        self._keep((*self.ledger.issued, issued), now)
        return out

    def ticket(self, name: str, now: dt.datetime, role: Role = "device") -> str:
        """A new ticket for a device's next card; one that an earlier card holds is worthless from now on."""
        Topics(self.hall, name)
        self._must_have_no_other_role(name, role)
        made = Ticket(name=name, secret=os.urandom(32).hex(), until=_text(now + TICKET), role=role)
        others = (one for one in self.ledger.tickets if one.name != name and _time(one.until) > now)
        self.ledger = msgspec.structs.replace(self.ledger, tickets=(*others, made))
        self._write_ledger()
        return made.secret

    def _must_have_no_other_role(self, name: str, role: Role) -> None:
        if any(one.name == name and one.role != role and not one.revoked for one in self.ledger.issued):
            raise Mistake(f"{name} is enrolled in another role; revoke it first", key="--role")

    def held(self, name: str, now: dt.datetime) -> Ticket | None:
        """The ticket that the device's newest card holds; None when there is none, or when it ran out."""
        return next((one for one in self.ledger.tickets if one.name == name and _time(one.until) > now), None)

    def use(self, name: str, seen: str) -> None:
        """The ticket is spent for the key with this fingerprint."""
        marked = (
            msgspec.structs.replace(one, used_by=seen) if one.name == name else one for one in self.ledger.tickets
        )
        self.ledger = msgspec.structs.replace(self.ledger, tickets=tuple(marked))
        self._write_ledger()

    def revoke(self, name: str, now: dt.datetime, *, but_last: bool = False) -> int:
        """Every certificate of this name, or all but the newest (after a rotation). Answers how many."""
        own = [one for one in self.ledger.issued if one.name == name and not one.revoked]
        gone = {one.serial for one in (own[:-1] if but_last else own)}
        before = self.ledger.tickets
        if not but_last:  # a lost card's ticket is as worthless as its key, also when it was never put in
            tickets = tuple(one for one in before if one.name != name)
            self.ledger = msgspec.structs.replace(self.ledger, tickets=tickets)
        if not own and self.ledger.tickets == before:
            raise Mistake(f"nobody called {name} is enrolled: see hallgate enrol list")
        marked = (msgspec.structs.replace(one, revoked=_text(now)) if one.serial in gone else one
                  for one in self.ledger.issued)  # fmt: skip
        self._keep(tuple(marked), now)
        return len(gone)

    def _keep(self, issued: tuple[Issued, ...], now: dt.datetime) -> None:
        """The ledger first: a list of revocations can be made again from it."""
        self.ledger = msgspec.structs.replace(self.ledger, issued=issued)
        self._write_ledger()
        gone = [(int(one.serial, 16), _time(one.revoked)) for one in issued if one.revoked]
        replace_file(self.folder / "crl.pem", certificates.revocations(self.certificate, self._key, gone, now))

    def _write_ledger(self) -> None:
        replace_file(self.folder / "parties.json", msgspec.json.format(msgspec.json.encode(self.ledger)), mode=0o600)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Two technicians at once must both end up in the ledger."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        raise Mistake("no authority here; make one: hallgate enrol ca new", file=str(folder)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _digits(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _text(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
