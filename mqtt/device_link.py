"""A device's line to its hub: says that it is there, how it is and what happened; brings in what the hub wants.

The gate's thread calls `wake`, `publish_status`, `publish_retained` and `respond`: each stores bytes in a bounded,
coalescing place and returns. Everything else happens in the connection's thread, where events are taken from the
outbox straight from the journal. On every connection all that is retained is said again, because a broker that lost
its disk no longer knows it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from mqtt.address import Address
from mqtt.connection import Clock, Connection, Outgoing, Plan, Will
from mqtt.messages import HistoryRequest, Incoming, Reply
from mqtt.outbox import Outbox
from mqtt.topics import HOME_ASSISTANT_STATUS, Topics, may_answer_to

RETAINED_TOPICS_MAX = 64
REPLIES_MAX = 64
ROOM_FOR_STATUS = 4
"""Part of the broker's receive maximum that events never use, so that a full outbox cannot hide the status."""
HISTORY_BYTES_MAX = 16_384

_HISTORY = msgspec.json.Decoder(HistoryRequest)


class Link:
    """`post` gets every message that is not ours to answer, in the connection's thread: it must only enqueue and wake.

    `also` and `copies` are further subscriptions (a bank's orders; the rows of the hall-wide limit, see `mqtt.connection.Plan`).
    Nothing here raises or blocks, whatever the broker does; `problem` says why there is no connection.
    """

    def __init__(
        self,
        settings: Address,
        device: str,
        hall: str,
        outbox: Outbox,
        post: Callable[[Incoming], None],
        clock: Clock,
        *,
        also: tuple[str, ...] = (),
        copies: tuple[str, ...] = (),
        will_delay_s: int = 2,
        session_expiry_s: int = 3600,
    ) -> None:
        self.topics = Topics(hall, device)
        self._outbox, self._post = outbox, post
        self._lock = threading.Lock()
        self._retained: dict[str, bytes] = {}
        self._unsent: dict[str, None] = {}
        self._replies: deque[Reply] = deque(maxlen=REPLIES_MAX)
        self.dropped = 0
        """Messages that found their bounded place full, were refused by the broker or made no sense."""
        self.connection = Connection(
            settings,
            Plan(
                client_id=device,
                will=Will(self.topics.availability, b"offline", will_delay_s),
                session_expiry_s=session_expiry_s,
                subscriptions=(*self.topics.heard_by_device(), *also),
                copies=(*copies, HOME_ASSISTANT_STATUS),
            ),
            self,
            clock,
        )

    # ------------------------------------------------------------ for the gate's thread

    def start(self) -> None:
        self.connection.start()

    def wake(self) -> None:
        """The journal is durable further than before. Call it after the relay was told, not before."""
        self.connection.wake()

    def stop(self, timeout_s: float) -> bool:
        """Send what is in flight, say `offline`, put the cursor on disk. False when the broker hung for too long."""
        return self.connection.stop(timeout_s)

    @property
    def connected(self) -> bool:
        return self.connection.connected

    @property
    def problem(self) -> str:
        return self.connection.problem

    def publish_status(self, status: bytes) -> None:
        """The newest status wins; one that was never sent is no loss."""
        self.publish_retained(self.topics.status, status)

    def publish_retained(self, topic: str, payload: bytes) -> None:
        """Keep `payload` on `topic` for those who come later, now and after every reconnect."""
        with self._lock:
            if topic not in self._retained and len(self._retained) >= RETAINED_TOPICS_MAX:
                self.dropped += 1
                return
            self._retained[topic] = payload
            self._unsent[topic] = None
        self.connection.wake()

    def respond(self, reply: Reply) -> None:
        """Answer a request. Lost when nobody is connected: a requester without an answer asks again."""
        if not self.connected or not may_answer_to(reply.topic):
            self.dropped += 1
            return
        with self._lock:
            self.dropped += len(self._replies) == REPLIES_MAX
            self._replies.append(reply)
        self.connection.wake()

    # ------------------------------------------------------------ for the connection's thread

    def up(self, now_ms: float) -> list[Outgoing]:
        with self._lock:
            self._unsent = dict.fromkeys(self._retained)
        return [Outgoing(topic=self.topics.availability, payload=b"online", retain=True)]

    def heard(self, message: Incoming) -> None:
        if message.topic == self.topics.history:
            self._history_wanted(message)
        elif message.topic == HOME_ASSISTANT_STATUS:
            self._home_assistant_says(message)
        else:
            self._post(message)

    def delivered(self, token: Any, reason: int, now_ms: float) -> None:
        if token is not None:
            self._outbox.acked(token, reason, now_ms)
        elif reason >= 0x80:
            self.dropped += 1

    def down(self, because: str, now_ms: float) -> None:
        self._outbox.disconnected()
        self._outbox.save()
        with self._lock:
            self._replies.clear()

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        messages = self._state_and_answers(room)
        events = self._outbox.take(now_ms, self._room_for_events(room - len(messages)))
        messages += [
            Outgoing(topic=self.topics.event, payload=payload, schema="hallgate/v1/event", token=seq)
            for seq, payload in events
        ]
        self._outbox.save_if_due(now_ms)
        return messages, self._outbox.wait_ms(now_ms)

    def _room_for_events(self, room: int) -> int:
        """A broker with a tiny receive maximum still gets one event at a time."""
        if room > ROOM_FOR_STATUS:
            return room - ROOM_FOR_STATUS
        return 1 if room > 0 and not self._outbox.in_flight else 0

    def farewell(self) -> list[Outgoing]:
        self._outbox.save()
        return [Outgoing(topic=self.topics.availability, payload=b"offline", retain=True)]

    def _state_and_answers(self, room: int) -> list[Outgoing]:
        """As many as there is room for; what is left waits, newest value only."""
        messages: list[Outgoing] = []
        with self._lock:
            while self._replies and len(messages) < room:
                reply = self._replies.popleft()
                messages.append(Outgoing(topic=reply.topic, payload=reply.payload, correlation=reply.correlation))
            while self._unsent and len(messages) < room:
                topic = next(iter(self._unsent))
                del self._unsent[topic]
                messages.append(
                    Outgoing(topic=topic, payload=self._retained[topic], retain=True, schema=_schema_of(topic))
                )
        return messages

    def _home_assistant_says(self, message: Incoming) -> None:
        """It has started anew. A kept `online` is no news: what we said is kept, too."""
        if message.payload == b"online" and not message.retained:
            with self._lock:
                if self.topics.homeassistant in self._retained:
                    self._unsent[self.topics.homeassistant] = None

    def _history_wanted(self, message: Incoming) -> None:
        """Retained is refused as with orders: it would be asked again at every reconnect, for ever."""
        try:
            if message.retained or len(message.payload) > HISTORY_BYTES_MAX:
                raise msgspec.ValidationError("not a request")
            self._outbox.ask_again(_HISTORY.decode(message.payload).ranges)
        except (msgspec.DecodeError, RecursionError):
            self.dropped += 1


def _schema_of(topic: str) -> str | None:
    words = topic.split("/")
    return f"hallgate/v1/{words[5]}" if len(words) == 6 else None
