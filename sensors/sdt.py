"""The language of SDT / SAM_A card readers: frames on the wire, and the text block of a card. Opens and waits for nothing.

Host:   `AA AA AA 96 69 | length | command parameter data | xor`
Reader: `AA AA AA 96 69 | length | SW1 SW2 SW3 data | xor`; length (two bytes, high first) counts what follows it, xor is
        that of all bytes from the length to the last one before it. SW3 says how it went.
Text block: 256 bytes of UTF-16LE, padded with spaces; the letter at byte 248 says which layout. Only number, birth date
and letter are ever cut out of it: name, address, issuer and photograph stay bytes and are dropped with the frame.
Source: devices.md 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sensors import resident_number
from sensors.framing import Measure, until, xor8
from sensors.readings import IdentityCard, Secret

HEADER = bytes.fromhex("aaaaaa9669")
BODY_MIN = 4
TEXT_BYTES = 256
PHOTO_BYTES = 1024
FRAME_MAX = 2_321
"""The longest reply: text, photograph and fingerprint."""

STATUS = bytes.fromhex("aaaaaa9669000311ffed")
FIND = bytes.fromhex("aaaaaa96690003200122")
SELECT = bytes.fromhex("aaaaaa96690003200221")
READ = bytes.fromhex("aaaaaa96690003300132")

OK, FOUND, NONE, NOT_SELECTED, NOT_READ = 0x90, 0x9F, 0x80, 0x81, 0x41
SPOILT = frozenset({0x10, 0x11, 0x21})
"""The reader did not get our command whole."""
BROKEN = {
    0x60: "the reader's security module fails its self test",
    0x66: "the reader's security module is not authorised",
}


def frame(body: bytes) -> bytes:
    """Header, length and xor around `body` (command and data, or status and data)."""
    counted = (len(body) + 1).to_bytes(2, "big") + body
    return HEADER + counted + bytes([xor8(counted)])


def reply(sw3: int, data: bytes = b"") -> bytes:
    return frame(bytes([0, 0, sw3]) + data)


def text_reply(text: bytes) -> bytes:
    """What a reader says of a card, without fingerprint: text filled up to its size, and a photograph of zeros."""
    lengths = TEXT_BYTES.to_bytes(2, "big") + PHOTO_BYTES.to_bytes(2, "big")
    return reply(OK, lengths + text[:TEXT_BYTES].ljust(TEXT_BYTES, b"\0") + bytes(PHOTO_BYTES))


def measure() -> Measure:
    """Frames of a reader for a `Cutter`; a length no reply has is an accident of the header."""

    def length_of(buffer: bytearray, start: int) -> int:
        junk = until(buffer, start, HEADER)
        if junk:
            return -junk
        if len(buffer) - start < 7:
            return 0
        body = int.from_bytes(buffer[start + 5 : start + 7], "big")
        if not BODY_MIN <= body <= FRAME_MAX - 7:
            return -1
        if len(buffer) - start < 7 + body:
            return 0
        return 7 + body if xor8(buffer[start + 5 : start + 7 + body]) == 0 else -1

    return length_of


@dataclass(frozen=True, slots=True)
class Reply:
    sw3: int
    data: bytes

    @property
    def text(self) -> bytes | None:
        """The text block, when this is the answer to a reading; its own lengths must fit."""
        if self.sw3 != OK or len(self.data) < 4 + TEXT_BYTES:
            return None
        text, photo = int.from_bytes(self.data[:2], "big"), int.from_bytes(self.data[2:4], "big")
        whole = len(self.data) in (4 + text + photo, 6 + text + photo + int.from_bytes(self.data[4:6], "big"))
        if text != TEXT_BYTES or not whole:
            return None
        start = 4 if len(self.data) == 4 + text + photo else 6
        return self.data[start : start + TEXT_BYTES]


def understood(whole: bytes) -> Reply:
    """A frame that `measure` found good."""
    return Reply(whole[9], whole[10:-1])


# ---------------------------------------------------------------- the text block

Document = Literal["resident", "hmt_permit", "foreigner"]
FLAG_AT = 248


@dataclass(frozen=True, slots=True)
class Layout:
    """Where birth date and number stand, as (offset, bytes)."""

    document: Document
    born: tuple[int, int]
    number: tuple[int, int]


RESIDENT = Layout("resident", (36, 16), (122, 36))
LAYOUTS = {
    " ": RESIDENT,
    "J": Layout("hmt_permit", (36, 16), (122, 36)),
    "I": Layout("foreigner", (220, 16), (122, 30)),
    "Y": Layout("foreigner", (36, 16), (122, 36)),
}


def card_of(text: bytes, regions: tuple[str, ...]) -> IdentityCard | str:
    """The card whose text block this is, or in words why it is believed to be none. `text` has 256 bytes."""
    layout = LAYOUTS.get(_cut(text, (FLAG_AT, 2)) or " ")
    if layout is None:
        return "the card is of a kind this driver does not know"
    number, born = _cut(text, layout.number).upper(), _cut(text, layout.born)
    old = layout.document == "foreigner" and layout.number[1] == 30
    wrong = (resident_number.flaw_of_old_foreigner if old else resident_number.flaw)(number)
    if not wrong and resident_number.birth_date(born) is None:
        wrong = "the date of birth is no date"
    if not wrong and not old and number[6:14] != born:
        wrong = "number and date of birth do not belong together"
    if wrong:
        return wrong
    resident = layout.document == "resident" and number.startswith(regions)
    return IdentityCard(Secret(number), Secret(born), layout.document, resident)


def _cut(text: bytes, place: tuple[int, int]) -> str:
    offset, length = place
    return text[offset : offset + length].decode("utf-16-le", "replace").rstrip(" \0")
