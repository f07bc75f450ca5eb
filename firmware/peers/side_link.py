"""The broker-free path between the hall's devices: a UDP port that hangs in the loop like any other cable.

It carries opaque messages and keeps the latest per key: `publish(key, payload)` here is `on_message(key, payload, peer)`
at every other device of the hall: at once, again every five seconds, and whenever a peer appears. Authenticated and secret
(`side_wire.py`), live peers only (`side_exchange.py`). The network may do what it likes: a cable that
is pulled, an address that is not there yet, a flood. The port then is deaf, says so in the status, and tries again.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable

from firmware.clock import Clock
from firmware.peers.side_exchange import Address, Exchange
from firmware.peers.side_wire import DATAGRAM_BYTES_MAX, Draw
from sensors.driver import ToDevice

BATCH = 64
"""Datagrams read in one turn of the loop: a flood must not keep a person waiting at the gate."""
DEAF_MS = 20.0
"""After a full batch nothing is read for so long; what the kernel cannot keep meanwhile is lost."""
RETRY_MS = 1_000.0
BUFFER_BYTES = 1 << 20

OnMessage = Callable[[str, bytes, str], object]


class SideLink:
    """A `firmware.ports.Port`. `listen` and `peers` are host:port; nothing here waits or raises for the network."""

    def __init__(
        self,
        listen: str,
        peers: tuple[str, ...],
        key: bytes,
        hall: str,
        device: str,
        clock: Clock,
        on_message: OnMessage,
        draw: Draw = os.urandom,
    ) -> None:
        self.name, self.dropped, self.because = f"side link {listen}", 0, ""
        self.wake: Callable[[], None] = lambda: None
        """Set by whoever tends the port: something is due sooner than the last `tend` said."""
        self._listen, self._clock, self._on_message = listen, clock, on_message
        self._family = socket.AF_INET6 if listen.startswith("[") else socket.AF_INET
        self._named = len(peers)
        seeds = [address for peer in peers if (address := resolved(peer, self._family)) is not None]
        self.exchange = Exchange(key, hall, device, seeds, draw)
        self._socket: socket.socket | None = None
        self._deaf_until_ms = 0.0

    # ------------------------------------------------------------ for the device

    def publish(self, key: str, payload: bytes) -> bool:
        """Keep this as the latest of `key`, tell it to everybody. False when it is too large (`own_too_large`)."""
        taken = self.exchange.publish(key, payload, self._clock.elapsed_ms())
        self._send()
        self.wake()
        return taken

    def carry(self, key: str, payload: bytes) -> bool:
        """Tell what another device said to those who cannot hear it: to a new peer, and now and then. False: too much."""
        return self.exchange.carry(key, payload)

    def peers(self) -> dict[str, float]:
        """Milliseconds since each device was last heard, by its name."""
        now_ms = self._clock.elapsed_ms()
        return {name: now_ms - peer.heard_ms for name, peer in self.exchange.peers.items()}

    @property
    def named(self) -> int:
        """How many other doors the site file names; this one's own address among them is none."""
        return self._named - len(self.exchange.mirrors)

    def heard_the_hall(self) -> bool:
        """Every door that is named is there and has told what it has."""
        peers = self.exchange.peers.values()
        return len(peers) >= len(self.exchange.targets) and all(peer.versions for peer in peers)

    # ------------------------------------------------------------ for the loop (`ports.Port`)

    def fileno(self) -> int:
        return self._socket.fileno() if self._socket and not self._deaf_until_ms else -1

    def read(self) -> list[tuple[float, bytes]]:
        now_ms = self._clock.elapsed_ms()
        for _ in range(BATCH):
            datagram = self._receive()
            if datagram is None:
                break
            message = self.exchange.heard(*datagram, now_ms)
            if message is not None:
                self._on_message(*message)
        else:
            self._deaf_until_ms = now_ms + DEAF_MS
        self._send()
        self.wake()
        return []

    def write(self, raw: ToDevice) -> None:
        """No line hangs on this cable: what is said goes through `publish`."""

    def tend(self, t_ms: float) -> float:
        if self._socket is None and not self._open():
            return t_ms + RETRY_MS
        if t_ms >= self._deaf_until_ms:
            self._deaf_until_ms = 0.0
        due_ms = self.exchange.tend(t_ms)
        self._send()
        return min(due_ms, self._deaf_until_ms or due_ms)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # ------------------------------------------------------------ the socket

    def _open(self) -> bool:
        opened = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            address = resolved(self._listen, self._family)
            if address is None:
                raise OSError("no such address")
            opened.bind(address)
        except OSError as error:
            opened.close()
            self.because = f"{self._listen} cannot be listened on: {error.strerror or error}"
            return False
        self._socket, self.because = opened, ""
        return True

    def _receive(self) -> tuple[bytes, Address] | None:
        """The next datagram; None when there is none. ICMP errors of what was sent come here, too, and mean nothing."""
        if self._socket is None:
            return None
        try:
            return self._socket.recvfrom(DATAGRAM_BYTES_MAX + 1)
        except OSError:
            return None

    def _send(self) -> None:
        """One that nothing leaves says why: its cable is out, or the address it listens on is no longer this machine's."""
        outbox, because = self.exchange.outbox, list[str]()
        before = len(outbox)
        while self._socket is not None and outbox:
            datagram, address = outbox.popleft()
            try:
                self._socket.sendto(datagram, address)
            except OSError as error:
                because.append(f"{self._listen} cannot be sent from: {error.strerror or error}")
        self.dropped += len(because) + len(outbox)
        outbox.clear()
        if before and self._socket is not None:
            self.because = because[-1] if len(because) == before else ""


def resolved(address: str, family: socket.AddressFamily) -> Address | None:
    """What the socket wants for host:port; None when the name is unknown now. A number never asks anybody."""
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), family, socket.SOCK_DGRAM)
    except (OSError, ValueError, UnicodeError):
        return None
    return found[0][4] if found else None
