"""Who says what to whom over the side link: the whole of it without a socket. Datagrams and moments in, datagrams out.

Everybody keeps the latest message per key and tells it to all: at once when it changes (again after `REPEATS_MS`, should
one be lost), every `BEAT_MS`, and to a peer that appears. What a third device said is carried to a peer that appears, and
a little of it with every beat: whoever died, or cannot be reached from there, is heard all the same. Nobody believes an
epoch that has not said our challenge back:

    A starts      -> hello(a)            B does not know this epoch
    B             -> hello(b, echo a)    A knows now that B is alive
    A             -> hello(a, echo b)    and B that A is; each tells the other everything it has

A peer that is silent gets a hello every `PROBE_MS`, so that a healed cable is noticed within a second. What cannot be
believed changes nothing and is counted in `refused` by its reason.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from firmware.core.bucket import Bucket
from firmware.peers import side_wire
from firmware.peers.side_wire import NOTHING, Draw, Envelope, Hello, Part, Pieces, Seal, Window

Address = tuple[Any, ...]
"""As the socket gives and takes it: (host, port) or (host, port, flow, scope)."""

BEAT_MS = 5_000.0
SILENT_MS = 5_500.0
PROBE_MS = 1_000.0
COALESCE_MS = 20.0
"""Between two versions of one key: what changes faster is told together."""
REPEATS_MS = (60.0, 240.0)
PACE_MS, PACE_DATAGRAMS = 5.0, 16
BEAT_PARTS = 32
"""Of a message that needs more than one datagram, this many go with a beat, the next ones with the next."""
PEERS_MAX, KEYS_MAX, PIECES_MAX, OUTBOX_MAX, SOURCES_MAX = 64, 64, 4, 4_096, 256
CARRIED_MAX, CARRIED_PER_BEAT = 128, 4
"""What others said and we only pass on: all of it to a peer that appears, and a few, in turn, with every beat."""
CHALLENGES_KEPT = 4
DUMP_MS = 500.0
KNOWN_PER_S, STRANGERS_PER_S = 1_000.0, 100.0
"""Datagrams looked at: of each address that is named or proved, and of all others together. Twice that at once."""


class Refused(Exception):
    """Why a datagram is not believed. Never leaves this file."""


class Message(NamedTuple):
    """Something new (or said again) that `peer`, a device of this hall, keeps under `key`."""

    key: str
    payload: bytes
    peer: str


@dataclass
class Peer:
    """A device whose epoch has proved to be alive."""

    name: str
    address: Address
    seal: Seal
    window: Window
    heard_ms: float
    told_ms: float = -1e12
    versions: dict[str, int] = field(default_factory=dict)
    pieces: dict[str, Pieces] = field(default_factory=dict)


@dataclass
class Said:
    """The latest of one key, ready to go."""

    payload: bytes
    bodies: list[bytes]
    due_ms: list[float]
    sent_ms: float = -1e12
    next_part: int = 0


class Exchange:
    """`outbox` is what has to be sent; whoever owns the socket empties it."""

    def __init__(self, key: bytes, hall: str, device: str, seeds: Iterable[Address], draw: Draw) -> None:
        self.hall, self.device, self._key, self._draw = hall, device, key, draw
        self.seeds = frozenset(seeds)
        self.peers: dict[str, Peer] = {}
        self.outbox: deque[tuple[bytes, Address]] = deque(maxlen=OUTBOX_MAX)
        self.refused: Counter[str] = Counter()
        self._own = Seal(key, hall, device, draw(16))
        self._said: dict[str, Said] = {}
        self._version = 0
        self._carried: dict[str, list[bytes]] = {}
        self._paced: deque[tuple[bytes, Address]] = deque(maxlen=OUTBOX_MAX)
        self._challenges: deque[bytes] = deque([draw(side_wire.CHALLENGE_BYTES)], maxlen=CHALLENGES_KEPT)
        self._heard_ms: dict[Address, float] = {}
        self.mirrors: set[Address] = set()
        self._budgets: dict[Address | None, Bucket] = {}
        self._probe_ms = self._beat_ms = self._pace_ms = 0.0

    # ------------------------------------------------------------ out

    def publish(self, key: str, payload: bytes, now_ms: float) -> bool:
        """Keep `payload` as the latest of `key` and tell everybody. False when it is too large or one key too many."""
        known = self._said.get(key)
        if known is not None and known.payload == payload:
            return True
        bodies = side_wire.packed(key, self._version + 1, payload)
        if bodies is None or (known is None and len(self._said) >= KEYS_MAX):
            self.refused["own_too_large"] += 1
            return False
        self._version += 1
        sent = known.sent_ms if known else -1e12
        first = max(now_ms, sent + COALESCE_MS)
        repeats = [first + later for later in REPEATS_MS] if len(bodies) == 1 else []
        self._said[key] = Said(payload, bodies, [first, *repeats], sent)
        self.tend(now_ms)
        return True

    def carry(self, key: str, payload: bytes) -> bool:
        """Keep what another device said under `key`, for those who do not hear it. False: too large, or one too many."""
        bodies = side_wire.packed(key, self._version + 1, payload)
        if bodies is None or (key not in self._carried and len(self._carried) >= CARRIED_MAX):
            self.refused["carried_too_much"] += 1
            return False
        self._version += 1
        self._carried[key] = bodies
        return True

    def tend(self, now_ms: float) -> float:
        """Do what is due; answers when to be called next."""
        if now_ms >= self._probe_ms:
            self._probe(now_ms)
        beats = now_ms >= self._beat_ms
        if beats:
            self._beat_ms = now_ms + BEAT_MS
            self._pass_on()
        for said in self._said.values():
            self._tell_due(said, now_ms, beats)
        if self._paced and now_ms >= self._pace_ms:
            for _ in range(min(PACE_DATAGRAMS, len(self._paced))):
                self._send(*self._paced.popleft())
            self._pace_ms = now_ms + PACE_MS
        due = [time for said in self._said.values() for time in said.due_ms[:1]]
        return min([self._probe_ms, self._beat_ms, *due, *([self._pace_ms] if self._paced else [])])

    def _tell_due(self, said: Said, now_ms: float, beats: bool) -> None:
        changed = bool(said.due_ms) and said.due_ms[0] <= now_ms
        while said.due_ms and said.due_ms[0] <= now_ms:
            said.due_ms.pop(0)
        if not changed and not beats:
            return
        said.sent_ms = now_ms
        if len(said.bodies) == 1:
            self._send_all(said.bodies[0])
        elif changed:
            self._pace(said.bodies, self.targets)
        else:
            self._pace(self._next_parts(said), self.targets)

    def _next_parts(self, said: Said) -> Iterator[bytes]:
        for _ in range(min(BEAT_PARTS, len(said.bodies))):
            yield said.bodies[said.next_part % len(said.bodies)]
            said.next_part += 1

    def _pass_on(self) -> None:
        for key in list(self._carried)[:CARRIED_PER_BEAT]:
            bodies = self._carried[key] = self._carried.pop(key)  # behind the others: its next turn is the last
            self._pace(bodies, self.targets)

    @property
    def targets(self) -> set[Address]:
        return {*self.seeds, *(peer.address for peer in self.peers.values())} - self.mirrors

    def _send_all(self, body: bytes) -> None:
        datagram = self._own.seal(body)
        self.outbox.extend((datagram, address) for address in self.targets)

    def _send(self, body: bytes, address: Address) -> None:
        self.outbox.append((self._own.seal(body), address))

    def _pace(self, bodies: Iterable[bytes], addresses: Iterable[Address]) -> None:
        addresses = tuple(addresses)
        self._paced.extend((body, address) for body in bodies for address in addresses)

    def _tell_all_to(self, peer: Peer, now_ms: float) -> None:
        """Short messages at once, long ones at their pace: the receiver's buffer is small."""
        if now_ms - peer.told_ms < DUMP_MS:
            return
        peer.told_ms = now_ms
        for said in self._said.values():
            if len(said.bodies) == 1:
                self._send(said.bodies[0], peer.address)
            else:
                self._pace(said.bodies, (peer.address,))
        for bodies in self._carried.values():
            self._pace(bodies, (peer.address,))

    def _probe(self, now_ms: float) -> None:
        self._probe_ms = now_ms + PROBE_MS
        self._challenges.append(self._draw(side_wire.CHALLENGE_BYTES))
        for address in self.targets:
            if now_ms - self._heard_ms.get(address, -1e12) > SILENT_MS:
                self._hello(address)

    def _hello(self, address: Address, echo: bytes = NOTHING) -> None:
        self._send(Hello(self._challenges[-1], echo).encoded(), address)

    # ------------------------------------------------------------ in

    def heard(self, datagram: bytes, source: Address, now_ms: float) -> Message | None:
        """What a datagram tells; None where it tells nothing, or nothing that may be believed."""
        try:
            return self._judged(datagram, source, now_ms)
        except Refused as refused:
            self.refused[str(refused)] += 1
            return None

    def _judged(self, datagram: bytes, source: Address, now_ms: float) -> Message | None:
        said = self._outside(datagram, source, now_ms)
        peer = self.peers.get(said.sender)
        if peer is not None and peer.seal.epoch == said.epoch:
            body = _opened(peer.seal, said)
            if not peer.window.take(said.number):
                raise Refused("replayed")
            self._alive(peer, source, now_ms)
            return self._told(peer, body, now_ms)
        seal = Seal(self._key, self.hall, said.sender, said.epoch)
        body = _opened(seal, said)
        if said.sender == self.device:
            raise Refused(self._own_name(said, source))
        self._meet(said, seal, body, source, now_ms)
        return None

    def _outside(self, datagram: bytes, source: Address, now_ms: float) -> Envelope:
        """Looked at only as often as the source's budget allows: a flood of strangers keeps no peer out."""
        known = source in self.seeds or source in self._heard_ms
        per_s = KNOWN_PER_S if known else STRANGERS_PER_S
        budget = self._budgets.setdefault(source if known else None, Bucket(2 * per_s, per_s, now_ms))
        if not budget.take(now_ms):
            raise Refused("too_many")
        said = side_wire.envelope(datagram)
        if said is None:
            raise Refused("garbled")
        return said

    def _own_name(self, said: Envelope, source: Address) -> str:
        """Our own words come back (our own address is in the list of peers), or another device bears our name.

        Where a peer was heard it is no mirror: somebody sent our words back under the peer's address.
        """
        if said.epoch != self._own.epoch:
            return "own_name"
        if source in self.seeds and source not in self._heard_ms:
            self.mirrors.add(source)
        return "reflected"

    def _meet(self, said: Envelope, seal: Seal, body: Hello | Part, source: Address, now_ms: float) -> None:
        """An epoch we do not know: a device that has just started, one that we have just met, or a recording."""
        echo = body.challenge if isinstance(body, Hello) else NOTHING
        proved = isinstance(body, Hello) and body.echo in self._challenges
        if proved and said.sender not in self.peers and len(self.peers) >= PEERS_MAX:
            raise Refused("too_many_peers")
        self._hello(source, echo)
        if not proved:
            raise Refused("unproved")
        peer = self.peers[said.sender] = Peer(said.sender, source, seal, Window(said.number), now_ms)
        self._know(source, now_ms)
        self._tell_all_to(peer, now_ms)

    def _alive(self, peer: Peer, source: Address, now_ms: float) -> None:
        back = now_ms - peer.heard_ms > SILENT_MS
        peer.heard_ms, peer.address = now_ms, source
        self._know(source, now_ms)
        if back:
            self._tell_all_to(peer, now_ms)

    def _know(self, source: Address, now_ms: float) -> None:
        if len(self._heard_ms) >= SOURCES_MAX and source not in self._heard_ms:
            oldest = min(self._heard_ms, key=lambda each: self._heard_ms[each])
            self._budgets.pop(oldest, None)
            del self._heard_ms[oldest]
        self._heard_ms[source] = now_ms
        self.mirrors.discard(source)

    def _told(self, peer: Peer, body: Hello | Part, now_ms: float) -> Message | None:
        if isinstance(body, Part):
            return self._part(peer, body)
        if body.echo not in self._challenges:  # the peer asks: it does not know us (any more)
            self._hello(peer.address, body.challenge)
            self._tell_all_to(peer, now_ms)
        return None

    def _part(self, peer: Peer, part: Part) -> Message | None:
        version = peer.versions.get(part.key, 0)
        if part.version < version or (part.version == version and part.count > 1):
            return None
        if part.key not in peer.versions and len(peer.versions) >= KEYS_MAX + CARRIED_MAX:
            raise Refused("too_many_keys")
        pieces = self._pieces(peer, part)
        whole = pieces.whole(part) if pieces.version == part.version else None
        if whole is None:
            return None
        peer.pieces.pop(part.key, None)
        payload = side_wire.unpacked(whole)
        if payload is None:
            raise Refused("senseless")
        peer.versions[part.key] = part.version
        return Message(part.key, payload, peer.name)

    def _pieces(self, peer: Peer, part: Part) -> Pieces:
        found = peer.pieces.get(part.key)
        if found is None or found.version < part.version:
            peer.pieces.pop(part.key, None)
            while len(peer.pieces) >= PIECES_MAX:
                del peer.pieces[next(iter(peer.pieces))]
            found = peer.pieces[part.key] = Pieces(part.version, part.count)
        return found


def _opened(seal: Seal, said: Envelope) -> Hello | Part:
    opened = seal.open(said)
    if opened is None:
        raise Refused("forged")
    body = side_wire.body_of(opened)
    if body is None:
        raise Refused("senseless")
    return body
