"""The only user of paho: one thread, one broker, coming back for ever.

Theory. Everything of MQTT happens in one thread of ours: connecting (which may hang in DNS or TCP for seconds),
reading, writing, publishing. The gate's thread only puts bytes into coalescing tables and writes to an eventfd, so a
broker that hangs, floods or dies costs the gate nothing.

Each connection gets a new paho client. paho's own resending (which ignores the receive maximum, paho #492, #698) never
runs: what has to be sent again is known to the outbox, whose window we keep ourselves. The MQTT session on the broker
goes on (`clean start` false), so orders with a message expiry sent during a short outage still arrive. All our traffic
is QoS 1 with whole topics: no aliases (paho #893).

The will has a delay of two seconds: a Wi-Fi hiccup that is over by then shows no flapping gate on the operator's wall,
and a killed device is still seen as gone two seconds later.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import threading
from collections import deque
from typing import Any, Protocol

import msgspec
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from firmware.errors import HallgateError
from mqtt.address import Address
from mqtt.messages import Incoming
from mqtt.paho_alone import client as paho

KEEPALIVE_S = 10
CONNECT_TIMEOUT_S = 5.0
BACKOFF_MIN_MS, BACKOFF_MAX_MS = 200.0, 5_000.0
STEADY_MS = 5_000.0
PACKET_MAX = 4 * 1024 * 1024
QUEUE_MAX = 256


class Clock(Protocol):
    rate: float

    def elapsed_ms(self) -> float: ...

    def wall_ms(self) -> int: ...


class Will(msgspec.Struct, frozen=True):
    topic: str
    payload: bytes
    delay_s: int = 2


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to present ourselves to the broker."""

    client_id: str
    will: Will | None = None
    session_expiry_s: int = 3600
    receive_maximum: int = 20
    subscriptions: tuple[str, ...] = ()
    """Here `Incoming.retained` means that it was published to be kept, also when it comes at once."""
    copies: tuple[str, ...] = ()
    """Subscribed to as well; here it means that the broker had kept it: nobody says it now.

    Each is complete, kept by the broker and said again: what is missed comes with the connection, or with the next beat.
    """


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message to publish, QoS 1. `token` comes back with the acknowledgement."""

    topic: str
    payload: bytes
    retain: bool = False
    schema: str | None = None
    correlation: bytes | None = None
    response_topic: str | None = None
    expiry_s: int | None = None
    token: Any = None


class Speaker(Protocol):
    """Who talks over a connection. Every method is called in the connection's thread.

    Who only listens derives from it and writes `heard` alone.
    """

    def up(self, now_ms: float) -> list[Outgoing]:
        """The broker accepted us: what has to be said first."""
        return []

    def heard(self, message: Incoming) -> None:
        """A message came. It is acknowledged when this returns."""
        ...

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        """The broker answered a QoS 1 publication; `reason` is MQTT 5's code."""
        return

    def down(self, because: str, now_ms: float) -> None:
        return

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        """What to send now (at most `room` of QoS 1) and in how many ms to ask again; None: only when woken."""
        return [], None

    def farewell(self) -> list[Outgoing]:
        """Last words before a tidy end."""
        return []


class Connection:
    """A thread that keeps `speaker` connected to the broker. Made and stopped by one thread, woken by any."""

    def __init__(self, address: Address, plan: Plan, speaker: Speaker, clock: Clock) -> None:
        self._address, self._plan, self._speaker, self._clock = address, plan, speaker, clock
        self._lots = random.Random(plan.client_id)
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name=f"mqtt {plan.client_id}", daemon=True)
        self._stopping = threading.Event()
        self._linger_ms = 500.0
        self._client: paho.Client | None = None
        self._tokens: dict[int, Any] = {}
        self._waiting: deque[Outgoing] = deque(maxlen=QUEUE_MAX)
        self._send_max = plan.receive_maximum
        self._gone_because = ""
        self.connected = False
        self.problem = "not connected yet"
        """Why there is no connection; empty while there is one."""
        self.connections = 0

    # ------------------------------------------------------------ called by other threads

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to send. One system call; never blocks, and raises nothing also after the end."""
        with contextlib.suppress(OSError, ValueError):
            os.eventfd_write(self._wake_fd, 1)

    def stop(self, timeout_s: float) -> bool:
        """Say goodbye and end the thread; False when it did not end in time (it is a daemon and dies with us)."""
        self._linger_ms = max(0.0, timeout_s * 500)
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        handle, self._wake_fd = self._wake_fd, -1
        if handle >= 0:
            os.close(handle)
        return True

    # ------------------------------------------------------------ the thread

    def _now_ms(self) -> float:
        """Real milliseconds, also in a hall whose clock runs at a rate: a network has no such clock."""
        return self._clock.elapsed_ms() / self._clock.rate

    def _run(self) -> None:
        backoff_ms = BACKOFF_MIN_MS
        while not self._stopping.is_set():
            began_ms = self._now_ms()
            try:
                self._connect_and_serve()
            except (
                Exception
            ) as error:  # a broker's nonsense or our own bug: neither may end the only thread that reports
                self._gone_because = self._gone_because or self._told(error)
            self._ended()
            backoff_ms = BACKOFF_MIN_MS if self._now_ms() - began_ms > STEADY_MS else backoff_ms
            self._rest(backoff_ms * self._lots.uniform(0.5, 1.0))
            backoff_ms = min(BACKOFF_MAX_MS, backoff_ms * 2)

    def _rest(self, for_ms: float) -> None:
        """Wait before the next attempt. News do not shorten it, the end does."""
        self._stopping.wait(for_ms / 1000)

    def _connect_and_serve(self) -> None:
        self._gone_because = ""
        client = self._client = self._new_client()
        client.connect(
            self._address.host,
            self._address.port,
            keepalive=KEEPALIVE_S,
            clean_start=False,
            properties=self._connect_properties(),
        )
        deadline_ms = self._now_ms() + CONNECT_TIMEOUT_S * 1000
        while client.socket() is not None and not self._gone_because and not self._stopping.is_set():
            if not self.connected and self._now_ms() > deadline_ms:
                self._gone_because = "the broker took the connection and never answered"
                return
            self._turn(client, self._send_more())
        if self._stopping.is_set() and self.connected:
            self._say_farewell(client)

    def _turn(self, client: paho.Client, wait_ms: float) -> None:
        """One round: wait for the broker or for news, read, write, keep alive."""
        sock = client.socket()
        if sock is None:
            return
        poll = select.poll()
        poll.register(sock, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        poll.register(self._wake_fd, select.POLLIN)
        ready = dict(poll.poll(min(wait_ms, 1000.0)))
        if ready.pop(self._wake_fd, 0):
            os.eventfd_read(self._wake_fd)
        flags = next(iter(ready.values()), 0)
        if flags & ~select.POLLOUT:
            client.loop_read()
            self._read_what_tls_holds(client)
        if flags & select.POLLOUT:
            client.loop_write()
        client.loop_misc()

    def _read_what_tls_holds(self, client: paho.Client) -> None:
        """An encrypted record may hold more packets than one read took; poll() cannot see those."""
        while (pending := getattr(client.socket(), "pending", None)) and pending():  # a plain socket has no such word
            client.loop_read()

    def _ended(self) -> None:
        was_connected, self.connected = self.connected, False
        client, self._client = self._client, None
        self._tokens.clear()
        self._waiting.clear()
        self.problem = self._gone_because or "the connection was closed"
        if client is not None and (sock := client.socket()) is not None:
            sock.close()
        if was_connected:
            self._speaker.down(self.problem, self._now_ms())

    # ------------------------------------------------------------ sending

    @property
    def _room(self) -> int:
        return self._send_max - len(self._tokens)

    def _send_more(self) -> float:
        """Send what there is room for; answer how long nothing else is due."""
        if not self.connected:
            return 100.0
        while self._waiting and self._room > 0:
            self._publish(self._waiting.popleft())
        messages, again_ms = self._speaker.more(self._now_ms(), max(0, self._room))
        for message in messages:
            self._publish(message)
        return 1000.0 if again_ms is None else again_ms

    def _publish(self, message: Outgoing) -> None:
        if self._client is None:
            return
        sent = self._client.publish(message.topic, message.payload, 1, message.retain, _publish_properties(message))
        self._tokens[sent.mid] = message.token

    def _say_farewell(self, client: paho.Client) -> None:
        """What was said just before the end and what is in flight may still arrive, then the last words.

        All within the time `stop` was given.
        """
        deadline_ms = self._now_ms() + self._linger_ms
        self._send_more()
        self._drain(client, deadline_ms)
        for message in self._speaker.farewell():
            self._publish(message)
        self._drain(client, deadline_ms)
        client.disconnect()
        self._gone_because = "stopped"

    def _drain(self, client: paho.Client, deadline_ms: float) -> None:
        while (self._tokens or client.want_write()) and not self._gone_because and self._now_ms() < deadline_ms:
            self._turn(client, 20.0)

    # ------------------------------------------------------------ paho

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._plan.client_id, protocol=paho.MQTTv5, manual_ack=False
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages = 65_535
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if (tls := self._address.tls(self._clock.wall_ms() / 1000)) is not None:
            client.tls_set_context(tls)
        if self._plan.will is not None:
            properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            properties.WillDelayInterval = self._plan.will.delay_s
            client.will_set(self._plan.will.topic, self._plan.will.payload, 1, True, properties)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        if tls is not None:
            client.on_log = self._on_log
        return client

    def _connect_properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._plan.session_expiry_s
        properties.ReceiveMaximum = self._plan.receive_maximum
        properties.MaximumPacketSize = PACKET_MAX
        return properties

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._gone_because = f"the broker refused us: {reason}"
            return
        theirs = getattr(properties, "ReceiveMaximum", None) or 65_535
        self._send_max = min(theirs, 100)
        self.connected, self.problem = True, ""
        self.connections += 1
        # Retained as published: without it a retained order would look like a fresh one.
        wanted = [(topic, SubscribeOptions(qos=1, retainAsPublished=True)) for topic in self._plan.subscriptions]
        # Nothing of these waits at the broker while we are away: late, it would seem to be said now.
        wanted += [(topic, SubscribeOptions(qos=0)) for topic in self._plan.copies]
        if wanted:
            client.subscribe(wanted)
        self._waiting.extend(self._speaker.up(self._now_ms()))

    def _on_log(self, _client: paho.Client, _data: Any, _level: int, text: str) -> None:
        """paho tells only its log why the broker broke an encrypted line off: which certificate it did not take."""
        self._gone_because = self._gone_because or self._address.told(text)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._gone_because = self._gone_because or self._why_broken_off() or f"disconnected: {reason}"

    def _why_broken_off(self) -> str:
        """Of an encrypted line that ended before the broker answered; empty when it does not say."""
        return "" if self.connected or self._stopping.is_set() else self._address.why_broken_off()

    def _told(self, error: Exception) -> str:
        """The world's failures in the system's words; anything else with its name, for whoever repairs us."""
        if isinstance(error, HallgateError):
            return str(error)
        if isinstance(error, OSError):
            return self._address.told(error) or error.strerror or str(error)
        return f"{type(error).__name__}: {error}"

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if mid in self._tokens:
            self._speaker.delivered(self._tokens.pop(mid), int(getattr(reason, "value", 0)), self._now_ms())

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        given = message.properties
        incoming = Incoming(
            topic,
            bytes(message.payload),
            message.retain,
            getattr(given, "ResponseTopic", None),
            getattr(given, "CorrelationData", None),
            dict(getattr(given, "UserProperty", ())).get("schema"),
        )
        try:
            self._speaker.heard(incoming)
        except Exception as error:
            # Told, and acknowledged: else the broker brings it again at every connection, for ever.
            self._gone_because = self._told(error)


def _publish_properties(message: Outgoing) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if message.schema is not None:
        properties.UserProperty = [("schema", message.schema)]
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    return properties
