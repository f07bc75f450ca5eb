"""The side link's language: sealed datagrams, what a replay looks like, and messages longer than one datagram.

    "HGS1" | epoch 16 | number 8 | length 1 | sender | ChaCha20-Poly1305(body) with everything before it authenticated

An epoch is 16 random bytes drawn when a device starts; its key is HMAC-SHA-256(link key, hall, sender, epoch), so numbers
may begin at 1 in every epoch, no nonce is ever used twice, and a datagram of another hall opens nowhere. Inside one epoch
a number is taken once. That an epoch is alive, and no recording of yesterday, only its echo of our own fresh challenge
proves (`firmware/peers/side_exchange.py`): no clock is needed. Values in, values out; nothing here raises for any bytes.
"""

from __future__ import annotations

import hmac
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

DATAGRAM_BYTES_MAX = 1_200
"""Fits every link without fragments, tunnels included (RFC 9000 section 14 counts on the same)."""
MAGIC = b"HGS1"
CHALLENGE_BYTES = 16
NOTHING = bytes(CHALLENGE_BYTES)
WINDOW = 1_024
"""Datagrams that may overtake each other."""
PARTS_MAX = 256
MESSAGE_BYTES_MAX = 1 << 20
"""Of a message as it is published; packed it must fit into `PARTS_MAX` datagrams."""
CHUNK_BYTES = 900
KEY_BYTES_MAX = 128

_HEADER = struct.Struct(">4s16sQB")
_TAG_BYTES = 16
_PART = struct.Struct(">BQHHB")
_HELLO, _SAID = 1, 2


@dataclass(frozen=True)
class Envelope:
    """The readable outside of a datagram. `sender` is what it says, until it was opened."""

    epoch: bytes
    number: int
    sender: str
    outside: bytes
    sealed: bytes


@dataclass(frozen=True)
class Hello:
    """`challenge`: say this back to prove that you are alive. `echo`: your own, or `NOTHING`."""

    challenge: bytes
    echo: bytes = NOTHING

    def encoded(self) -> bytes:
        return bytes([_HELLO]) + self.challenge + self.echo


@dataclass(frozen=True)
class Part:
    """One piece of a packed message; `version` rises with every change of a key and lets late pieces be put in place."""

    key: str
    version: int
    index: int
    count: int
    chunk: bytes

    def encoded(self) -> bytes:
        key = self.key.encode()
        return _PART.pack(_SAID, self.version, self.index, self.count, len(key)) + key + self.chunk


def envelope(datagram: bytes) -> Envelope | None:
    """The outside of a datagram; None for what is none."""
    if not _HEADER.size + _TAG_BYTES < len(datagram) <= DATAGRAM_BYTES_MAX:
        return None
    magic, epoch, number, length = _HEADER.unpack_from(datagram)
    end = _HEADER.size + length
    name = datagram[_HEADER.size : end]
    if magic != MAGIC or not 0 < length <= 64 or len(datagram) < end + _TAG_BYTES or not name.isascii():
        return None
    return Envelope(epoch, number, name.decode("ascii"), datagram[:end], datagram[end:])


class Seal:
    """What one sender writes in one epoch, and how it is read."""

    def __init__(self, key: bytes, hall: str, sender: str, epoch: bytes) -> None:
        what = b"hallgate-side-v1|%b|%b|%b" % (hall.encode(), sender.encode(), epoch)
        self._aead = ChaCha20Poly1305(hmac.digest(key, what, "sha256"))
        self._hall, self.sender, self.epoch, self.number = hall.encode(), sender, epoch, 0

    def seal(self, body: bytes) -> bytes:
        self.number += 1
        name = self.sender.encode("ascii")
        outside = _HEADER.pack(MAGIC, self.epoch, self.number, len(name)) + name
        return outside + self._aead.encrypt(_nonce(self.number), body, outside + self._hall)

    def open(self, said: Envelope) -> bytes | None:
        """The body; None when another key, hall, sender or hand wrote it."""
        try:
            return self._aead.decrypt(_nonce(said.number), said.sealed, said.outside + self._hall)
        except InvalidTag:
            return None


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def body_of(body: bytes) -> Hello | Part | None:
    """What an opened datagram says; None when it is no language of ours."""
    if body[:1] == bytes([_HELLO]) and len(body) == 1 + 2 * CHALLENGE_BYTES:
        return Hello(body[1 : 1 + CHALLENGE_BYTES], body[1 + CHALLENGE_BYTES :])
    if body[:1] != bytes([_SAID]) or len(body) < _PART.size:
        return None
    _, version, index, count, length = _PART.unpack_from(body)
    key = body[_PART.size : _PART.size + length]
    if not 0 < length == len(key) <= KEY_BYTES_MAX or not key.isascii() or not index < count <= PARTS_MAX:
        return None
    return Part(key.decode("ascii"), version, index, count, body[_PART.size + length :])


class Window:
    """Takes every number once, from `first` on, in any order inside the last `WINDOW`."""

    def __init__(self, first: int) -> None:
        self._first = self._highest = first
        self._taken = 1

    def take(self, number: int) -> bool:
        """False: it was taken before, or is too old to know."""
        ahead = number - self._highest
        if ahead > 0:
            self._taken = (self._taken << ahead if ahead < WINDOW else 0) & _WINDOW_BITS | 1
            self._highest = number
            return True
        if number < self._first or -ahead >= WINDOW or self._taken >> -ahead & 1:
            return False
        self._taken |= 1 << -ahead
        return True


_WINDOW_BITS = (1 << WINDOW) - 1


# -------------------------------------------------------------- longer than one datagram


def packed(key: str, version: int, payload: bytes) -> list[bytes] | None:
    """The bodies that carry `payload`; None when it is too large."""
    whole = zlib.compress(payload, 1)
    chunks = [whole[at : at + CHUNK_BYTES] for at in range(0, len(whole), CHUNK_BYTES)]
    if len(payload) > MESSAGE_BYTES_MAX or len(chunks) > PARTS_MAX:
        return None
    return [Part(key, version, index, len(chunks), chunk).encoded() for index, chunk in enumerate(chunks)]


def unpacked(whole: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        payload = unpacker.decompress(whole, MESSAGE_BYTES_MAX)
    except zlib.error:
        return None
    return payload if unpacker.eof else None


@dataclass
class Pieces:
    """The parts of one version of one key, as they come in; those of a repetition fill the holes."""

    version: int
    count: int
    chunks: dict[int, bytes] = field(default_factory=dict)

    def whole(self, part: Part) -> bytes | None:
        if part.index < self.count:
            self.chunks[part.index] = part.chunk
        if len(self.chunks) < self.count:
            return None
        return b"".join(self.chunks[index] for index in range(self.count))


Draw = Callable[[int], bytes]
"""That many random bytes, which nobody can guess."""
