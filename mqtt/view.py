"""A hub's picture of one hall, made of what its devices said. Pure: messages in, changes out.

Nothing here identifies a person: pseudonyms and pass ids of the events are left out of the picture on purpose, a wall
screen is public. Every list is bounded, and what a device sends that we do not understand is counted, not guessed at.
"""

from __future__ import annotations

import bisect
import datetime as dt
from typing import Any

import msgspec

from firmware.core.records import Alarm, AnyRecord, Decision, DeviceStarted, Incident, Passage
from mqtt.day import Day, minute_of
from mqtt.gaps import Gaps
from mqtt.messages import Status
from mqtt.resource import ResourceView
from mqtt.troubles import Troubles

DECISIONS_SHOWN = 40
DEVICES_MAX = 2_000
ROUNDS_SHOWN = 60

_STATUS = msgspec.json.Decoder(Status)
_RECORD: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)

HALL, DECISION, ALARMS, INCIDENTS, DAY = "hall", "decision", "alarms", "incidents", "day"
RESOURCES_MAX = 16
WHOLE = "hall"
"""The resource that is the hall itself."""
DAY_MS = 2_000.0
APART_MS, SETTLES_S = 15_000, 30
"""Doors that did not hear each other so long are apart; one that has just started has not met all of them yet."""
GONE_MS = 60_000.0
"""Of a device that tells its status every ten seconds: silent for so long, it is not there."""
Change = tuple[str, str]
"""(what, which): ("hall", ""), ("device", name), ("decision", event id), ("alarms", ""), ("incidents", ""), ("day", "")."""


class DeviceView:
    """One device as the hub knows it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.available: bool | None = None
        """As it, or its will, said last."""
        self.heard_ms = 0.0
        self.silent = False
        self.status: Status | None = None
        self.gaps = Gaps()
        self.inc = ""
        """Whose events these are: a new card in its place begins anew."""
        self.first_minute: int | None = None
        """Since 1970, of the oldest event heard: what was before it, this hub may lack."""
        self.started: str = ""

    @property
    def online(self) -> bool | None:
        """None: nobody said. Whose key was taken back cannot say that it is gone, and its last word stands at the broker."""
        return self.available and not self.silent

    def heard_of(self, record: AnyRecord) -> None:
        minute = minute_of(record.at) if record.at_trusted else None
        if minute is not None:
            self.first_minute = minute if self.first_minute is None else min(minute, self.first_minute)

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
        self.troubles = Troubles()
        self.resources: dict[str, ResourceView] = {}
        self.day = Day()
        self.not_understood = 0
        self._inside: tuple[str, int] | None = None
        self._answers: dict[str, int] = {}
        self._now_ms = 0.0
        self._cut: set[tuple[str, str]] = set()
        self._day_changed, self._day_told_ms = False, 0.0

    # ------------------------------------------------------------ what came in

    def heard(self, device: str, last: str, payload: bytes, now_ms: float) -> list[Change]:
        """Take one message of a device in; answer what changed. Never raises, whatever was sent."""
        if device not in self.devices and len(self.devices) >= DEVICES_MAX:
            self.not_understood += 1
            return []
        self._now_ms = now_ms
        view = self.devices.setdefault(device, DeviceView(device))
        view.heard_ms = now_ms
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

    def heard_rights(self, resource: str, inc: str, payload: bytes, now_ms: float) -> list[Change]:
        """Take a row of `inc` in, or (`inc` empty) the bank's notice. Never raises, whatever was sent."""
        self._now_ms = now_ms
        if resource not in self.resources and len(self.resources) >= RESOURCES_MAX:
            self.not_understood += 1
            return []
        one = self.resources.get(resource) or ResourceView(resource)
        try:
            news = one.row(inc, payload, now_ms) if inc else one.word(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            self.not_understood += 1
            return []
        self.resources[resource] = one
        return [(HALL, "")] if news else []

    def listens(self, now_ms: float) -> None:
        """The line to the broker is up (again): nobody can have been heard before."""
        for view in self.devices.values():
            view.heard_ms = now_ms

    def tick(self, now_ms: float) -> list[Change]:
        """What the passing of time alone changes: who is cut off by now, and the chart of the day."""
        self._now_ms = now_ms
        if now_ms - self._day_told_ms < DAY_MS:
            return []
        self._day_told_ms = now_ms
        hall = self.hall_resource()
        source = self.source()
        if source is not None and source.status is not None and hall["best"] is not None:
            self.day.seen(source.status.at, hall["low"], hall["best"], hall["high"], hall["in_force"])
            self._day_changed = True
        cut = {(one["name"], door["inc"]) for one in self._resources() for door in one["doors"] if door["cut_off"]}
        changes: list[Change] = [(HALL, "")] if cut or cut != self._cut else []
        self._cut = cut
        changes += self._fallen_silent(now_ms)
        changes += [(ALARMS, "")] if self.troubles.tend(now_ms) else []
        changes += [(DAY, "")] if self._day_changed else []
        self._day_changed = False
        return changes

    def _fallen_silent(self, now_ms: float) -> list[Change]:
        found = [view for view in self.devices.values() if view.silent != (now_ms - view.heard_ms > GONE_MS)]
        for view in found:
            view.silent = not view.silent
        return [("device", view.name) for view in found] + ([(HALL, "")] if found else [])

    def _available(self, view: DeviceView, payload: bytes) -> list[Change]:
        view.available = payload == b"online"
        return [("device", view.name), (HALL, "")]

    def _status(self, view: DeviceView, status: Status, now_ms: float) -> list[Change]:
        view.status = status
        if status.seq is not None:
            view.gaps.promised(status.first_seq or 1, status.seq, now_ms)
        if view is self.source():
            self._inside = None
        return [("device", view.name), (HALL, ""), *self._told_what_stands(view.name, status)]

    def _told_what_stands(self, device: str, status: Status) -> list[Change]:
        """What was told while nobody listened here is in the status, as far as it lasts."""
        seq, changes = status.seq or 0, []
        if status.alarms is not None:
            standing = [(one.alarm, one.lane) for one in status.alarms]
            changes += [(ALARMS, "")] if self.troubles.stand(device, standing, seq, status.at) else []
        if status.incidents is not None:
            news = self.troubles.are_open(device, status.incidents, seq, status.at)
            changes += [(INCIDENTS, "")] if news else []
        return changes

    def _event(self, view: DeviceView, record: AnyRecord, now_ms: float) -> list[Change]:
        if not view.gaps.take(record.seq, record.id, now_ms):
            return []
        view.heard_of(record)
        before, view.inc = view.inc, record.id.rpartition("-")[0]
        if before in ("", view.inc):
            return self._recorded(view, record)
        self.troubles.gone(view.name)
        return [*self._recorded(view, record), (ALARMS, ""), (INCIDENTS, "")]

    def _recorded(self, view: DeviceView, record: AnyRecord) -> list[Change]:
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
        if record.at_trusted and not record.within:
            inside = record.inside if view is self.source() else None
            self.day.passed(record.at, record.direction == "out", inside)
        self._day_changed = True
        if record.inside is not None and view is self.source() and record.seq == view.gaps.high:
            self._inside = (view.name, record.inside)
        return [(HALL, "")]

    def _alarmed(self, view: DeviceView, record: Alarm | Incident) -> list[Change]:
        if isinstance(record, Alarm):
            self.troubles.alarm(view.name, record, self._now_ms, _age_ms(view.status, record))
            return [(ALARMS, "")]
        self.troubles.incident(view.name, record)
        return [(INCIDENTS, "")]

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
        views = self.devices.values()
        resources = self._resources()
        return {
            "name": self.name,
            **{key: value for key, value in self.hall_resource(resources).items() if key not in ("doors", "name")},
            "resources": resources,
            "remains": msgspec.to_builtins(status.remains) if status else None,
            "rounds": self._rounds(),
            "supplies": self._supplies(),
            "rulebook": status.rulebook if status else None,
            "rulebook_next": status.rulebook_next if status else "",
            "phase": status.phase if status else "",
            "counted_by": source.name if source else None,
            "bodies_since": self._bodies_since(),
            "evacuated": any(view.status is not None and view.status.evacuated for view in views),
            "devices": len(self.devices),
            "online": sum(view.online is True for view in views),
            "answers": dict(self._answers),
            "not_understood": self.not_understood,
        }

    def _bodies_since(self) -> int | None:
        """From which minute since 1970 on nobody who passed is missing here; None: from the beginning."""
        lacking = [view for view in self.devices.values() if view.gaps.unheard]
        return max((view.first_minute for view in lacking if view.first_minute is not None), default=None)

    def hall_resource(self, resources: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The hall's own numbers: by its rows, or by what the counting device says where a row is missing."""
        known = resources if resources is not None else self._resources()
        by_rows = next((one for one in known if one["name"] == WHOLE), None)
        source = self.source()
        status = source.status if source is not None else None
        if by_rows is not None and by_rows["best"] is not None:
            target = by_rows["target"] if by_rows["target"] is not None else status.limit_persons if status else None
            in_force = by_rows["in_force"]
            return {**by_rows, "target": target, "in_force": target if in_force is None else in_force}
        inside = status.inside if status else None
        if self._inside is not None and source is not None and self._inside[0] == source.name:
            inside = self._inside[1]
        at_most = status.inside_at_most if status and status.inside_at_most is not None else inside
        limit = status.limit_persons if status else None
        counts = {"low": inside, "best": inside, "high": at_most, "target": limit, "in_force": limit}
        none: dict[str, Any] = {"name": WHOLE, "free": None, "flight": None, "debt": None, "held": False, "doors": []}
        return {**(by_rows or none), **counts}

    def _resources(self) -> list[dict[str, Any]]:
        offline = {view.name for view in self.devices.values() if view.online is False}
        open_permits, exits = 0, dict[str, int]()
        for view in self.devices.values():
            for lane in view.status.lanes if view.status else ():
                open_permits += lane.direction != "out" and lane.state in ("granted", "passing")
                exits[view.name] = exits.get(view.name, 0) + (lane.direction in ("out", "both"))
        named = sorted(self.resources.values(), key=lambda one: (one.name != WHOLE, one.name))
        return [one.picture(offline, open_permits, exits, self._now_ms) for one in named]

    def _rounds(self) -> list[dict[str, Any]]:
        """Every round that is not done, the latest first."""
        worst = {"red": 0, "amber": 1}
        tracked = [(view, one) for view in self.devices.values() if view.status for one in view.status.rounds]
        shown = [{"device": view.name, **msgspec.to_builtins(one)} for view, one in tracked if one.state != "done"]
        return sorted(shown, key=lambda one: (worst.get(one["state"], 2), one["due_at"], one["point"]))[:ROUNDS_SHOWN]

    def _supplies(self) -> list[dict[str, Any]]:
        """What is low or gone, the least first (3.1.6)."""
        counted = [(view, one) for view in self.devices.values() if view.status for one in view.status.supplies]
        shown = [{"device": view.name, **msgspec.to_builtins(one)} for view, one in counted if one.low]
        return sorted(shown, key=lambda one: (one["left"], one["item"]))[:ROUNDS_SHOWN]

    def whole(self) -> dict[str, Any]:
        return {
            "hall": self.picture(),
            "devices": [self._device(view) for _, view in sorted(self.devices.items())],
            "decisions": list(self.decisions),
            "alarms": self.troubles.alarm_list(),
            "incidents": self.troubles.incident_list(),
            "day": self.day.points(),
        }

    def changed(self, change: Change) -> Any:
        """What a page needs to draw this change; None when it is already gone."""
        what, which = change
        if what == HALL:
            return self.picture()
        if what == ALARMS:
            return self.troubles.alarm_list()
        if what == INCIDENTS:
            return self.troubles.incident_list()
        if what == DAY:
            return self.day.points()
        if what == DECISION:
            return next((decision for decision in reversed(self.decisions) if decision["id"] == which), None)
        return self._device(self.devices[which]) if which in self.devices else None

    def _device(self, view: DeviceView) -> dict[str, Any]:
        return {**view.picture(), "apart": self.apart(view)}

    def apart(self, view: DeviceView) -> dict[str, int] | None:
        """How many doors it hears on the side link, and how many it should; None where it hears all that are there.

        While the broker works nobody would miss the side link, and the day the broker does not, nobody has it.
        """
        link = view.status.side_link if view.status is not None and view.online else None
        if link is None or view.status is None or view.status.uptime_s < SETTLES_S:
            return None
        there = sum(_on_side_link(other) for other in self.devices.values() if other is not view)
        heard = 0 if link.because else sum(age_ms <= APART_MS for age_ms in link.peers.values())
        of = min(there, link.named)
        return {"heard": heard, "of": of} if heard < of else None


def _on_side_link(view: DeviceView) -> bool:
    return view.online is True and view.status is not None and view.status.side_link is not None


def _age_ms(status: Status | None, record: Alarm) -> float:
    """By the device's own clock; 0 where nobody can know."""
    if status is None or not (status.at_trusted and record.at_trusted):
        return 0.0
    try:
        passed = dt.datetime.fromisoformat(status.at) - dt.datetime.fromisoformat(record.at)
    except (ValueError, TypeError):
        return 0.0
    return passed.total_seconds() * 1000


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
