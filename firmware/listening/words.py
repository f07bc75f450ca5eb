"""A reading or a piece of raw material as one line: for a person, or as JSON. What names somebody is hidden."""

from __future__ import annotations

import hmac
import os
from typing import Any

import msgspec

from firmware.language import spoken
from sensors.driver import Answer, Edge, Frame, Raw, ReadWord, Reply, Request, Send, Transfer, Zone
from sensors.readings import AnyReading, Scan, Secret


def as_json(t_ms: float, reading: AnyReading) -> bytes:
    """One reading as a line of JSON: `t_ms`, `kind` and the reading's own members. A code's text as UTF-8, replaced."""
    members: dict[str, Any] = msgspec.to_builtins(reading, enc_hook=_hidden)
    if isinstance(reading, Scan):
        members["text"] = reading.text.decode("utf-8", "replace")
    return msgspec.json.encode({"t_ms": round(t_ms, 3), **members}) + b"\n"


def as_text(t_ms: float, said: AnyReading | Send | Raw, show_text: bool) -> str:
    """One line for a person: `   12.345 s  crossing  direction=in transit_ms=454.0`."""
    return f"{t_ms / 1000:10.3f} s  {_words(said, show_text)}"


def _words(said: Any, show_text: bool) -> str:
    match said:
        case bytes():
            return f"<- {said.hex(' ')}"
        case Edge():
            return f"<- {said.pin} {said.level}"
        case Send():
            return f"-> {_words(said.raw, show_text).removeprefix('<- ')}"
        case Frame(width=width, height=height):
            return spoken(f"<- picture {width} x {height}")
        case Reply(data=data):
            return f"<- {data.hex(' ')}"
        case Transfer(write=write, read=read):
            return f"<- {write.hex(' ')} ?{read}"
        case ReadWord(register=register):
            return f"<- {register:02x} ?2"
        case Zone():
            return f"<- zone {said.zone} status {said.status} distance_mm {said.distance_mm}"
        case Request(path=path, body=body):
            return f"<- request {path!r}, {len(body)} bytes"
        case Answer(status=status, body=body):
            return f"answer {status} {body.decode('utf-8', 'replace')}"
        case Scan():
            return _scan_words(said, show_text)
    members = msgspec.to_builtins(said, enc_hook=_hidden)
    return "  ".join(
        [members.pop("kind"), " ".join(f"{key}={_plain(value)}" for key, value in members.items())]
    ).rstrip()


def _hidden(secret: object) -> str:
    """A number or a name that only the verifier may know: never shown, whatever was asked for."""
    if isinstance(secret, Secret):
        return "hidden"
    raise TypeError(type(secret).__name__)


def _scan_words(scan: Scan, show_text: bool) -> str:
    """What identifies nobody: how long, which kind, a name of this run's to know the same code again by."""
    known = [spoken(f"{len(scan.text)} bytes"), spoken(f"known as {_known_as(scan.text)}")]
    known += [scan.symbology] * bool(scan.symbology) + [spoken(f"read by {scan.read_by}")] * bool(scan.read_by)
    return f"scan  {', '.join(known)}" + (f"  {scan.text.decode('utf-8', 'replace')!r}" if show_text else "")


_OF_THIS_RUN = os.urandom(32)


def _known_as(text: bytes) -> str:
    """Keyed: a code may be a person's number, and of numbers every one can be tried."""
    return hmac.digest(_OF_THIS_RUN, text, "sha256").hex()[:12]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)
