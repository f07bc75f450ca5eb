"""As much MQTT 5 as a thousand pretended devices need: bytes in, packets out. No socket, no clock.

The devices' own link is a thread and a paho client each; a thousand of those would measure Python's threads and not the
broker. OASIS MQTT 5.0, sections 2 and 3; only what Mosquitto sends to a client like ours is understood.
"""

from __future__ import annotations

CONNACK, PUBLISH, PUBACK = 2, 3, 4
PACKET_MAX = 1024 * 1024


class Garbled(Exception):
    """The broker said something that is no MQTT."""


def connect(client_id: str, keepalive_s: int, will: tuple[str, bytes] | None = None) -> bytes:
    """Clean start, receive maximum 1,000, session ends with the connection."""
    flags = 0x02 | (0x2C if will else 0)
    head = _text("MQTT") + bytes([5, flags]) + keepalive_s.to_bytes(2, "big") + bytes([3, 0x21]) + _short(1000)
    last = b"\0" + _text(will[0]) + _short(len(will[1])) + will[1] if will else b""
    return _packet(0x10, head + _text(client_id) + last)


def publish(topic: str, payload: bytes, packet_id: int, *, retain: bool = False) -> bytes:
    """QoS 1."""
    return _packet(0x32 | retain, _text(topic) + _short(packet_id) + b"\0" + payload)


def subscribe(topics: tuple[str, ...], packet_id: int) -> bytes:
    """QoS 1, nothing retained."""
    return _packet(0x82, _short(packet_id) + b"\0" + b"".join(_text(topic) + bytes([0x21]) for topic in topics))


def acknowledge(packet_id: int) -> bytes:
    return _packet(0x40, _short(packet_id))


class Stream:
    """Bytes in any slicing -> (kind, flags, body)."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        self._bytes += data
        found = []
        while (packet := self._next()) is not None:
            found.append(packet)
        return found

    def _next(self) -> tuple[int, int, bytes] | None:
        size, at = 0, 1
        while True:
            if at >= len(self._bytes):
                return None
            size |= (self._bytes[at] & 0x7F) << (7 * (at - 1))
            at += 1
            if not self._bytes[at - 1] & 0x80:
                break
            if at > 4:
                raise Garbled("a length without an end")
        if size > PACKET_MAX:
            raise Garbled("a packet beyond every bound")
        if len(self._bytes) < at + size:
            return None
        first, body = self._bytes[0], bytes(self._bytes[at : at + size])
        del self._bytes[: at + size]
        return first >> 4, first & 0x0F, body


def published(flags: int, body: bytes) -> tuple[str, int, bytes]:
    """(topic, packet id or 0, payload) of a PUBLISH."""
    length = int.from_bytes(body[:2], "big")
    at = 2 + length
    packet_id = int.from_bytes(body[at : at + 2], "big") if flags & 6 else 0
    at += 2 if flags & 6 else 0
    if at >= len(body) or body[at] > 127:
        raise Garbled("a message without properties")
    try:
        return body[2 : 2 + length].decode(), packet_id, body[at + 1 + body[at] :]
    except UnicodeDecodeError:
        raise Garbled("a topic that is no text") from None


def acknowledged(body: bytes) -> tuple[int, int]:
    """(packet id, reason) of a PUBACK."""
    return int.from_bytes(body[:2], "big"), body[2] if len(body) > 2 else 0


def _packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([first]) + bytes(length) + body


def _text(word: str) -> bytes:
    content = word.encode()
    return _short(len(content)) + content


def _short(number: int) -> bytes:
    return number.to_bytes(2, "big")
