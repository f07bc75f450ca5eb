"""Who listens to a demo's hall and counts: what was decided, who went through, what is missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from firmware.simulation import stage
from mqtt.connection import Outgoing, Plan, Speaker
from mqtt.gaps import Gaps
from mqtt.hub import history_request
from mqtt.messages import Incoming
from mqtt.topics import ROOT

ASK_MS = 200.0


@dataclass
class Audience(Speaker):
    """A hub that only counts: every event once, whoever sends one twice, and asks for what a broker took to its grave."""

    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    """How often each device told how it stands: only then does it say what it has."""
    _ids: set[str] = field(default_factory=set)
    _seqs: dict[str, set[int]] = field(default_factory=dict)
    _lacks: dict[str, Gaps] = field(default_factory=lambda: {name: Gaps() for name in stage.LANES})
    _now_ms: float = 0.0

    def plan(self) -> Plan:
        topics = tuple(f"{ROOT}/{stage.HALL}/device/+/{what}" for what in ("event", "status"))
        return Plan(client_id="demo-audience", subscriptions=topics)

    @property
    def events(self) -> int:
        return len(self._ids)

    @property
    def missing(self) -> int:
        """Events that the devices say they have and that did not come yet."""
        return sum(each.missing for each in self._lacks.values())

    def gaps(self) -> int:
        """Sequence numbers that are missing between the first and the last event of each device."""
        return sum(max(seqs) - min(seqs) + 1 - len(seqs) for seqs in self._seqs.values())

    def more(self, now_ms: float, room: int) -> tuple[list[Outgoing], float | None]:
        self._now_ms = now_ms
        wanted = {name: ranges for name, each in self._lacks.items() if (ranges := each.wanted(now_ms))}
        return [history_request(stage.HALL, name, ranges) for name, ranges in wanted.items()][:room], ASK_MS

    def heard(self, message: Incoming) -> None:
        device, what = message.topic.split("/")[-2:]
        try:
            said = msgspec.json.decode(message.payload)
            if what == "status":
                self.statuses[device] += 1
                self._lacks[device].promised(said.get("first_seq") or 1, said["seq"], self._now_ms)
            else:
                self._lacks[device].take(said["seq"], said["id"], self._now_ms)
                self._count(device, said["id"], said["kind"], said["seq"], said)
        except (msgspec.MsgspecError, KeyError, TypeError):
            return

    def _count(self, device: str, identity: str, kind: str, seq: int, event: dict[str, Any]) -> None:
        if identity in self._ids:
            return
        self._ids.add(identity)
        self._seqs.setdefault(device, set()).add(seq)
        self.kinds[kind] += 1
        if kind == "decision":
            self.answers[str(event.get("answer"))] += 1
        elif kind == "alarm" and event.get("active", True):
            self.alarms[str(event.get("alarm"))] += 1
