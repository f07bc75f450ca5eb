"""What needs somebody: alarms, and incidents with every step of their chain. Pure and bounded; no persons in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from firmware.core.alarms import ONCE
from firmware.core.records import Alarm, Incident
from mqtt.messages import IncidentStatus

ALARMS_MAX = 200
NEWS_MS = 600_000.0
"""What happened once calls for somebody this long; who passes then finds it among those that are over."""
INCIDENTS_MAX = 100
STEPS_MAX = 24


class Troubles:
    def __init__(self) -> None:
        self.alarms: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.incidents: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def alarm(self, device: str, record: Alarm, now_ms: float, age_ms: float = 0.0) -> None:
        """`age_ms`: how long ago it was, by the device's own clock, where it tells again what somebody missed."""
        shown = _shown(device, record.alarm, record.lane, record.at, record.seq, record.detail)
        if record.alarm in ONCE:
            shown["until_ms"] = now_ms + NEWS_MS - max(0.0, age_ms)
        shown["active"] = record.active and not _is_past(shown, now_ms)
        self._keep(shown, times=int(record.active))

    def stand(self, device: str, standing: Iterable[tuple[str, str | None]], seq: int, at: str) -> bool:
        """These last at a device, by its status after its event `seq`, and no others. True when that was not known."""
        wanted = [_shown(device, what, lane, at, seq) for what, lane in standing]
        keys = {one["key"] for one in wanted}
        over = [
            one
            for one in self.alarms.values()
            if one["device"] == device and one["active"] and one["until_ms"] is None and one["seq"] <= seq
            if one["key"] not in keys
        ]
        begun = [one for one in wanted if _is_news(one, self.alarms.get(one["key"]))]
        for one in over:
            one["active"] = False
        for one in begun:
            self._keep(one, times=0)
        return bool(over or begun)

    def gone(self, device: str) -> None:
        """Another one speaks in this device's name: what the one before told is over."""
        for one in self.alarms.values():
            one["active"] = one["active"] and one["device"] != device
        for one in self.incidents.values():
            if one["device"] == device and one["state"] != "closed":
                one["state"] = "closed"
                one["steps"].append(
                    {"seq": one["seq"], "step": "device_replaced", "at": one["steps"][-1]["at"], "by": ""}
                )

    def tend(self, now_ms: float) -> bool:
        """True when something is no news any more."""
        past = [one for one in self.alarms.values() if one["active"] and _is_past(one, now_ms)]
        for one in past:
            one["active"] = False
        return bool(past)

    def _keep(self, shown: dict[str, Any], times: int) -> None:
        known = self.alarms.pop(shown["key"], None)
        self.alarms[shown["key"]] = shown | {"times": times + (known["times"] if known else 0)}
        _make_room(self.alarms, ALARMS_MAX, lambda one: not one["active"])

    def incident(self, device: str, record: Incident) -> None:
        """Steps stand in the order of the device's numbers, also when a re-sent one comes late."""
        key = f"{device} {record.incident}"
        one = self.incidents.pop(key, None) or _begun(device, record.incident, record.lane, record.at, record.because)
        if record.seq > one["seq"]:
            one |= {
                "seq": record.seq,
                "state": record.state,
                "overdue": list(record.overdue),
                "lane_held": record.lane_held,
                "because": one["because"] or record.because,
            }
        one["at"] = min(one["at"], record.at)
        step = {"seq": record.seq, "step": record.step or record.state, "at": record.at, "by": record.by}
        others = [each for each in one["steps"] if each["seq"] or each["step"] != step["step"]]
        one["steps"] = sorted([*others, step], key=lambda at: at["seq"])[-STEPS_MAX:]
        self._keep_incident(one)

    def are_open(self, device: str, known: Iterable[IncidentStatus], seq: int, at: str) -> bool:
        """These are open at a device, by its status after its event `seq`, and no others. True when that was not known."""
        wanted = {f"{device} {one.incident}": one for one in known}
        mine = {key: one for key, one in self.incidents.items() if one["device"] == device and one["state"] != "closed"}
        over = [one for key, one in mine.items() if key not in wanted and one["seq"] <= seq]
        for one in over:
            one["state"] = "closed"
        missed = [one for key, one in wanted.items() if key not in self.incidents]
        for said in missed:
            one = _begun(device, said.incident, said.lane, said.opened_at or at, said.because)
            one |= {"seq": seq, "state": said.state, "overdue": list(said.overdue), "lane_held": said.lane_held}
            one["steps"] = [{"seq": 0, "step": "opened", "at": one["at"], "by": ""}]
            self._keep_incident(one)
        return bool(over or missed)

    def _keep_incident(self, one: dict[str, Any]) -> None:
        self.incidents[one["key"]] = one
        _make_room(self.incidents, INCIDENTS_MAX, lambda one: one["state"] == "closed")

    def alarm_list(self) -> list[dict[str, Any]]:
        """Active ones first, the newest on top."""
        newest_first = [*reversed(self.alarms.values())]
        return sorted(newest_first, key=lambda one: not one["active"])

    def incident_list(self) -> list[dict[str, Any]]:
        """Open ones first, the newest on top."""
        newest_first = [*reversed(self.incidents.values())]
        return sorted(newest_first, key=lambda one: one["state"] == "closed")


def _begun(device: str, id: str, lane: str | None, at: str, because: str) -> dict[str, Any]:
    """An incident as the page has it, before its first step. A step with number 0 stands in for one that was not heard."""
    key = f"{device} {id}"
    return {
        "key": key,
        "id": id,
        "device": device,
        "lane": lane,
        "seq": 0,
        "at": at,
        "because": because,
        "state": "opened",
        "overdue": [],
        "lane_held": False,
        "steps": [],
    }


def _shown(device: str, what: str, lane: str | None, at: str, seq: int, detail: str = "") -> dict[str, Any]:
    """An alarm as the page has it. `until_ms`: when what happened once is no news any more; None: it lasts."""
    return {
        "key": f"{device} {lane or ''} {what}",
        "device": device,
        "lane": lane,
        "what": what,
        "detail": detail,
        "at": at,
        "active": True,
        "seq": seq,
        "until_ms": None,
    }


def _is_past(one: dict[str, Any], now_ms: float) -> bool:
    return one["until_ms"] is not None and bool(one["until_ms"] <= now_ms)


def _is_news(one: dict[str, Any], known: dict[str, Any] | None) -> bool:
    """A status is no news of what an event after it has said."""
    return known is None or (not known["active"] and known["seq"] <= one["seq"])


def _make_room(table: OrderedDict[str, dict[str, Any]], size: int, over: Any) -> None:
    """Ended ones go first: what is still on stays on the wall."""
    while len(table) > size:
        del table[next((key for key, one in table.items() if over(one)), next(iter(table)))]
