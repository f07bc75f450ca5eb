"""The hall in a terminal: the same picture as the page, for an SSH session. Pure: a view in, lines out."""

from __future__ import annotations

from typing import Any, Literal

from mqtt.view import DeviceView, HallView

Language = Literal["zh", "en"]

WORDS = {
    "inside": ("在厅人数", "inside"),
    "of": ("上限", "limit"),
    "evacuated": ("紧急疏散！所有通道已开放", "EVACUATION: all lanes are open"),
    "online": ("在线", "online"),
    "offline": ("离线", "OFFLINE"),
    "no_broker": ("与消息服务器断开", "no connection to the broker"),
    "waiting": ("等候", "waiting"),
    "depth": ("未送达", "not delivered"),
    "nothing": ("还没有设备报告", "no device has spoken yet"),
    "admit": ("通行", "admit"),
    "refuse": ("不通过", "refuse"),
    "wait": ("等候", "wait"),
    "staff": ("人工", "staff"),
    "isolate": ("引导", "isolate"),
    "ended": ("已结束", "ended"),
}


def lines(view: HallView, language: Language, decisions: int = 10) -> list[str]:
    """The whole picture, one line each; nothing in it is wider than its words."""
    word = _words(language)
    out = [_headline(view.picture(), word)]
    if view.picture()["evacuated"]:
        out.append(f"  *** {word('evacuated')} ***")
    if not view.devices:
        out.append(f"  {word('nothing')}")
    for device in sorted(view.devices.values(), key=lambda one: one.name):
        out += _device_lines(device, word)
    out += [f"  ! {_alarm_line(alarm)}" for alarm in view.alarm_list() if alarm["active"]]
    out += [f"  {decision_line(decision, language)}" for decision in list(view.decisions)[-decisions:]]
    return out


def decision_line(decision: dict[str, Any], language: Language) -> str:
    """`08:56:01 entry-1/A admit 3.1.1a ok [请通行]`: the clause shown is the one that decided."""
    decisive = next((one for one in decision["clauses"] if one["verdict"] == decision["answer"]), None)
    because = f" {decisive['clause']} {decisive['because']}" if decisive else ""
    sign = decision["sign"] if language == "zh" else decision["sign_en"] or decision["sign"]
    answer = _words(language)(decision["answer"])
    return f"{_time(decision['at'])} {decision['device']}/{decision['lane']} {answer}{because} [{sign}]"


def alarm_line(alarm: dict[str, Any], language: Language) -> str:
    ended = "" if alarm["active"] else f" ({_words(language)('ended')})"
    return f"{_time(alarm['at'])} ! {_alarm_line(alarm)}{ended}"


def _headline(hall: dict[str, Any], word: Any) -> str:
    inside = "?" if hall["inside"] is None else hall["inside"]
    limit = "?" if hall["limit"] is None else hall["limit"]
    devices = f"{hall['online']}/{hall['devices']} {word('online')}"
    return f"{hall['name']}  {word('inside')} {inside}  {word('of')} {limit}  {devices}"


def _device_lines(device: DeviceView, word: Any) -> list[str]:
    status = device.status
    state = word("online" if device.online else "offline")
    if status is None:
        return [f"  {device.name}  {state}"]
    depth = f"  {word('depth')} {status.outbox_depth}" if status.outbox_depth else ""
    out = [f"  {device.name}  {state}{depth}"]
    for lane in status.lanes:
        ill = " ".join(f"{one.device}:{one.state}" for one in lane.sensors if one.state != "ok")
        waiting = f"  {word('waiting')} {lane.waiting}" if lane.waiting else ""
        out.append(f"    {lane.name} {lane.direction:<4} {lane.state}{waiting}{'  ' + ill if ill else ''}")
    return out


def _alarm_line(alarm: dict[str, Any]) -> str:
    lane = f"/{alarm['lane']}" if alarm["lane"] else ""
    return " ".join(part for part in (alarm["device"] + lane, alarm["what"], alarm["state"], alarm["detail"]) if part)


def _words(language: Language) -> Any:
    return lambda key: WORDS[key][0 if language == "zh" else 1] if key in WORDS else key


def _time(at: str) -> str:
    """The clock part of an RFC 3339 time, as it was written at the hall."""
    return at[11:19] if len(at) >= 19 else "--:--:--"
