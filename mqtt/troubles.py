"""What needs somebody: alarms, and incidents with every step of their chain. Pure and bounded; no persons in it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from firmware.core.records import Alarm, Incident

ALARMS_MAX = 200
INCIDENTS_MAX = 100
STEPS_MAX = 24


class Troubles:
    def __init__(self) -> None:
        self.alarms: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.incidents: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def alarm(self, device: str, record: Alarm) -> None:
        key = f"{device} {record.lane or ''} {record.alarm}"
        known = self.alarms.pop(key, None)
        self.alarms[key] = {
            "key": key,
            "device": device,
            "lane": record.lane,
            "what": record.alarm,
            "detail": record.detail,
            "at": record.at,
            "active": record.active,
            "times": (known["times"] if known else 0) + (1 if record.active else 0),
        }
        _make_room(self.alarms, ALARMS_MAX, lambda one: not one["active"])

    def incident(self, device: str, record: Incident) -> None:
        """Steps stand in the order of the device's numbers, also when a re-sent one comes late."""
        key = f"{device} {record.incident}"
        one = self.incidents.pop(key, None) or {
            "key": key,
            "id": record.incident,
            "device": device,
            "lane": record.lane,
            "seq": 0,
            "at": record.at,
            "because": record.because,
            "steps": [],
        }
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
        one["steps"] = sorted([*one["steps"], step], key=lambda at: at["seq"])[-STEPS_MAX:]
        self.incidents[key] = one
        _make_room(self.incidents, INCIDENTS_MAX, lambda one: one["state"] == "closed")

    def alarm_list(self) -> list[dict[str, Any]]:
        """Active ones first, the newest on top."""
        newest_first = [*reversed(self.alarms.values())]
        return sorted(newest_first, key=lambda one: not one["active"])

    def incident_list(self) -> list[dict[str, Any]]:
        """Open ones first, the newest on top."""
        newest_first = [*reversed(self.incidents.values())]
        return sorted(newest_first, key=lambda one: one["state"] == "closed")


def _make_room(table: OrderedDict[str, dict[str, Any]], size: int, over: Any) -> None:
    """Ended ones go first: what is still on stays on the wall."""
    while len(table) > size:
        del table[next((key for key, one in table.items() if over(one)), next(iter(table)))]
