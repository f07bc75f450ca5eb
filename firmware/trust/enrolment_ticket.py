"""A device enrols by itself, once: the ticket on its card proves each side to the other, whatever the clock says.

    device -> desk   {"v": 1, "name", "request": PEM, "mac"}
    desk -> device   {"v": 1, "certificate": PEM, "ca": PEM, "mac"}

Both macs are HMAC-SHA-256 with the ticket, over different words. Nothing that is sent is secret, so plain HTTP carries
it: TLS would need dates, and a device without a battery clock wakes up in another year. The device's key never leaves
it. A ticket that was used for another key is refused and shows that somebody copied a card; one that never came back
(the answer was lost) gives the same certificate again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import http.client
import urllib.error
import urllib.request

import msgspec

from firmware.errors import Failure, Mistake
from firmware.files import read
from firmware.trust import certificates
from firmware.trust.authority import Authority

BODY_BYTES_MAX = 32_768
PATIENCE_S = 15.0
DAYS = 397


class Question(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    name: str
    request: str
    mac: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    v: int = 1
    certificate: str
    ca: str
    mac: str


def _fits(mac: str, ticket: str, *words: str) -> bool:
    """Of any text: what came may hold any character, and a string of such is not compared."""
    return hmac.compare_digest(mac.encode(), _mac(ticket, *words).encode())


def _mac(ticket: str, *words: str) -> str:
    return hmac.new(ticket.encode(), "\n".join(words).encode(), hashlib.sha256).hexdigest()


# ---------------------------------------------------------------- the device


def question(ticket: str, name: str, request: bytes) -> bytes:
    text = request.decode()
    return msgspec.json.encode(Question(v=1, name=name, request=text, mac=_mac(ticket, "request", name, text)))


def ask(url: str, ticket: str, name: str, request: bytes) -> Answer:
    """What the desk answers. Failure: nobody is there, try again; Mistake: it says no, or is not this hall's desk."""
    sent = urllib.request.Request(f"{url.rstrip('/')}/enrol", question(ticket, name, request), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=PATIENCE_S) as came:
            answer = msgspec.json.decode(came.read(BODY_BYTES_MAX), type=Answer)
    except urllib.error.HTTPError as refused:
        said = refused.read(1_000).decode("utf-8", "replace").strip()
        if refused.code != 403:
            raise Failure(f"{url} cannot enrol now: {said or refused.code}") from None
        raise Mistake(f"is refused: {said}", file=url, key="ticket") from None
    except (OSError, http.client.HTTPException, RecursionError, ValueError) as gone:
        raise Failure(f"{url} is not reached: {getattr(gone, 'reason', None) or gone}") from None
    if not _fits(answer.mac, ticket, "answer", answer.certificate, answer.ca):
        raise Mistake("does not know this card's ticket: it is not this hall's desk", file=url)
    return answer


# ---------------------------------------------------------------- the desk


def answered(authority: Authority, body: bytes, now: dt.datetime) -> Answer:
    """The certificate for who holds a ticket. Raises Mistake with what the device is told when it gets none."""
    try:
        asked = msgspec.json.decode(body, type=Question)
    except (msgspec.DecodeError, RecursionError):
        raise Mistake("this is no request to enrol") from None
    ticket = authority.held(asked.name, now)
    if ticket is None or not _fits(asked.mac, ticket.secret, "request", asked.name, asked.request):
        raise Mistake("this card's ticket is not known, or ran out: flash it again")
    request = certificates.load_request(asked.request.encode(), "the request")
    print_ = certificates.fingerprint(request)
    file = authority.folder / f"{asked.name}.pem"
    if ticket.used_by and ticket.used_by != print_:
        raise Mistake("this card's ticket was used by another device: revoke it, and flash the card again")
    if certificates.name_of(request.subject)[0] != asked.name:
        raise Mistake("the request is for another name")
    if not ticket.used_by:
        file = authority.sign(asked.request.encode(), "the request", ticket.role, print_, now, DAYS, ())
        authority.use(asked.name, print_)
    pem, ca = read(file).decode(), read(authority.folder / "ca.pem").decode()
    return Answer(certificate=pem, ca=ca, mac=_mac(ticket.secret, "answer", pem, ca))
