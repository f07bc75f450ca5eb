"""A hub's picture of one hall, made of what its devices said. Pure: messages in, changes out.

Nothing here identifies a person: pseudonyms and pass ids of the events are left out of the picture on purpose, a wall
screen is public. Every list is bounded, and what a device sends that we do not understand is counted, not guessed at.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections import OrderedDict
from typing import Any

import msgspec

from firmware.core.records import Alarm, AnyRecord, Decision, DeviceStarted, Incident, Passage
from mqtt.gaps import Gaps
from mqtt.messages import Status

DECISIONS_SHOWN = 40
ALARMS_MAX = 200
DEVICES_MAX = 2_000
FLOW_MINUTES = 60

_STATUS = msgspec.json.Decoder(Status)
_RECORD: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)

HALL, DECISION, ALARMS = "hall", "decision", "alarms"
Change = tuple[str, str]
"""(what, which): ("hall", ""), ("device", name), ("decision", event id), ("alarms", "")."""


class DeviceView:
    """One device as the hub knows it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.online: bool | None = None
        self.status: Status | None = None
        self.gaps = Gaps()
        self.started: str = ""

    def picture(self) -> dict[str, Any]:
        status = self.status
        return {
            "name": self.name,
            "online": self.online,
            "started": self.started,
            "missing": self.gaps.missing,
            "lost": self.gaps.lost,
            "status": None if status is None else msgspec.to_builtins(status),
        }


class HallView:
    """All devices of one hall, the last decisions, and what needs somebody's attention."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.devices: dict[str, DeviceView] = {}
        self.decisions: list[dict[str, Any]] = []
        """By time, the newest last: what a device re-sends finds its old place."""
        self.alarms: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.not_understood = 0
        self._inside: tuple[str, int] | None = None
        self._flow: OrderedDict[int, list[int]] = OrderedDict()
        self._answers: dict[str, int] = {}

    # ------------------------------------------------------------ what came in

    def heard(self, device: str, last: str, payload: bytes, now_ms: float) -> list[Change]:
        """Take one message of a device in; answer what changed. Never raises, whatever was sent."""
        if device not in self.devices and len(self.devices) >= DEVICES_MAX:
            self.not_understood += 1
            return []
        view = self.devices.setdefault(device, DeviceView(device))
        if last == "availability":
            return self._available(view, payload)
        try:
            if last == "status":
                return self._status(view, _STATUS.decode(payload), now_ms)
            if last == "event":
                return self._event(view, _RECORD.decode(payload), now_ms)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            self.not_understood += 1
        return []

    def _available(self, view: DeviceView, payload: bytes) -> list[Change]:
        view.online = payload == b"online"
        return [("device", view.name), (HALL, "")]

    def _status(self, view: DeviceView, status: Status, now_ms: float) -> list[Change]:
        view.status = status
        if status.seq is not None:
            view.gaps.promised(status.first_seq or 1, status.seq, now_ms)
        if view is self.source():
            self._inside = None
        return [("device", view.name), (HALL, "")]

    def _event(self, view: DeviceView, record: AnyRecord, now_ms: float) -> list[Change]:
        if not view.gaps.take(record.seq, record.id, now_ms):
            return []
        match record:
            case Decision():
                return self._decided(view, record)
            case Passage():
                return self._passed(view, record)
            case Alarm() | Incident():
                return self._alarmed(view, record)
            case DeviceStarted():
                view.started = record.at
                return [("device", view.name)]
        return []

    def _decided(self, view: DeviceView, record: Decision) -> list[Change]:
        newest = self.decisions[-1]["order"] if self.decisions else ""
        shown = _decision(view.name, record, order=record.at if record.at_trusted else max(newest, record.at))
        bisect.insort(self.decisions, shown, key=lambda one: one["order"])
        del self.decisions[:-DECISIONS_SHOWN]
        self._answers[record.answer] = self._answers.get(record.answer, 0) + 1
        return [(DECISION, record.id), (HALL, "")]

    def _passed(self, view: DeviceView, record: Passage) -> list[Change]:
        minute = _minute(record.at)
        if minute is not None:
            bucket = self._flow.setdefault(minute, [0, 0])
            bucket[record.direction == "out"] += 1
            while len(self._flow) > FLOW_MINUTES:
                del self._flow[min(self._flow)]
        if record.inside is not None and view is self.source() and record.seq == view.gaps.high:
            self._inside = (view.name, record.inside)
        return [(HALL, "")]

    def _alarmed(self, view: DeviceView, record: Alarm | Incident) -> list[Change]:
        what = record.alarm if isinstance(record, Alarm) else f"incident {record.incident}"
        active = record.active if isinstance(record, Alarm) else record.state != "closed"
        key = f"{view.name} {record.lane or ''} {what}"
        known = self.alarms.pop(key, None)
        self.alarms[key] = {
            "key": key,
            "device": view.name,
            "lane": record.lane,
            "what": record.alarm if isinstance(record, Alarm) else "incident",
            "detail": record.detail if isinstance(record, Alarm) else record.because,
            "state": "" if isinstance(record, Alarm) else record.state,
            "at": record.at,
            "active": active,
            "times": (known["times"] if known else 0) + (1 if active else 0),
        }
        self._forget_old_alarms()
        return [(ALARMS, "")]

    def _forget_old_alarms(self) -> None:
        """Ended ones go first: an alarm that is still on stays on the wall."""
        while len(self.alarms) > ALARMS_MAX:
            ended = next((key for key, alarm in self.alarms.items() if not alarm["active"]), next(iter(self.alarms)))
            del self.alarms[ended]

    # ------------------------------------------------------------ the picture

    def source(self) -> DeviceView | None:
        """Whose count of the hall is shown: the bank's, else that of the newest status that has one.

        Devices of one hall know each other's counts; adding them up would count people twice.
        """
        counting = [
            view for view in self.devices.values() if view.status is not None and view.status.inside is not None
        ]
        return max(counting, key=_trust_in_count, default=None)

    def picture(self) -> dict[str, Any]:
        source = self.source()
        status = source.status if source is not None else None
        inside = status.inside if status is not None else None
        if self._inside is not None and source is not None and self._inside[0] == source.name:
            inside = self._inside[1]
        views = self.devices.values()
        return {
            "name": self.name,
            "inside": inside,
            "inside_at_most": status.inside_at_most if status else None,
            "limit": status.limit_persons if status else None,
            "rulebook": status.rulebook if status else None,
            "phase": status.phase if status else "",
            "counted_by": source.name if source else None,
            "evacuated": any(view.status is not None and view.status.evacuated for view in views),
            "devices": len(self.devices),
            "online": sum(view.online is True for view in views),
            "answers": dict(self._answers),
            "flow": [[minute, *counts] for minute, counts in sorted(self._flow.items())],
        }

    def alarm_list(self) -> list[dict[str, Any]]:
        """Active ones first, the newest on top."""
        newest_first = list(self.alarms.values())[::-1]
        return sorted(newest_first, key=lambda alarm: not alarm["active"])

    def whole(self) -> dict[str, Any]:
        return {
            "hall": self.picture(),
            "devices": [view.picture() for _, view in sorted(self.devices.items())],
            "decisions": list(self.decisions),
            "alarms": self.alarm_list(),
        }

    def changed(self, change: Change) -> dict[str, Any] | list[dict[str, Any]] | None:
        """What a page needs to draw this change; None when it is already gone."""
        what, which = change
        if what == HALL:
            return self.picture()
        if what == ALARMS:
            return self.alarm_list()
        if what == DECISION:
            return next((decision for decision in reversed(self.decisions) if decision["id"] == which), None)
        return self.devices[which].picture() if which in self.devices else None


def _trust_in_count(view: DeviceView) -> tuple[bool, bool, str]:
    status = view.status
    assert status is not None
    return (status.bank, view.online is True, status.at)


def _decision(device: str, record: Decision, order: str) -> dict[str, Any]:
    """`order`: where it belongs in time; a device whose clock is wrong is shown as of now."""
    return {
        "order": order,
        "id": record.id,
        "device": device,
        "lane": record.lane,
        "at": record.at,
        "class": record.person_class,
        "answer": record.answer,
        "clauses": msgspec.to_builtins(record.clauses),
        "phrase": record.phrase,
        "sign": record.sign,
        "sign_en": record.sign_en,
        "took_ms": record.took_ms,
    }


def _minute(at: str) -> int | None:
    """Minutes since 1970 of an RFC 3339 time; None when it is none."""
    try:
        return int(dt.datetime.fromisoformat(at).timestamp() // 60)
    except (ValueError, OverflowError, OSError):
        return None
