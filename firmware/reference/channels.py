"""Every topic of the contract: who writes it, what is in it. Addresses come from `mqtt/topics.py`, payloads are our types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from firmware.core.occupancy import Notice, Row
from firmware.core.records import AnyRecord
from mqtt.discovery import Announcement
from mqtt.messages import CommandAnswer, Envelope, HistoryRequest, PassesList, Status
from mqtt.topics import Topics

Wrapping = Literal["json", "sealed", "jws", "text"]
"""`sealed`: JSON whose last field `mac` is an HMAC with the hall's key. `jws`: compact JWS whose payload this is."""

PLACES = Topics("0hall0", "0device0")
PARAMETERS = {
    "hall": "the hall, of a-z, 0-9 and -",
    "device": "the device, of a-z, 0-9 and -; also its certificate's common name",
    "name": "the order's name",
    "resource": "whose places these are: `hall`",
    "inc": "the device's incarnation: its name and a random suffix, new with every new journal",
    "answer": "a topic of the requester's choice (MQTT 5 response topic), nothing that has a writer here",
}


@dataclass(frozen=True)
class Channel:
    name: str
    address: str
    writer: Literal["device", "hub", "bank"]
    retained: bool
    payload: Any
    wrapping: Wrapping
    zh: str
    about: str

    @property
    def parameters(self) -> list[str]:
        return [name for name in PARAMETERS if f"{{{name}}}" in self.address]


def _address(topic: str) -> str:
    for name in PARAMETERS:
        topic = topic.replace(f"0{name}0", f"{{{name}}}")
    return topic


def _device(name: str, topic: str, payload: Any, zh: str, about: str, **more: Any) -> Channel:
    options: dict[str, Any] = {"writer": "device", "retained": True, "wrapping": "json", **more}
    return Channel(name=name, address=_address(topic), payload=payload, zh=zh, about=about, **options)


def _hub(name: str, topic: str, payload: Any, zh: str, about: str, **more: Any) -> Channel:
    options: dict[str, Any] = {"wrapping": "jws", **more}
    return _device(name, topic, payload, zh, about, writer="hub", **options)


CHANNELS = (
    _device(
        "availability",
        PLACES.availability,
        str,
        "在线或离线",
        "online or offline; the device's last will",
        wrapping="text",
    ),
    _device("status", PLACES.status, Status, "设备状态", "how the device is, not what happened"),
    _device("event", PLACES.event, AnyRecord, "事件", "what happened, each exactly once by its id", retained=False),
    _hub(
        "history",
        PLACES.history,
        HistoryRequest,
        "补发事件",
        "publish these events again, as far back as the journal goes",
        retained=False,
        wrapping="json",
    ),
    _hub(
        "command",
        PLACES.command("0name0"),
        Envelope,
        "指令",
        "an order to one device; never retained, done at most once, answered on the response topic",
        retained=False,
    ),
    _device(
        "answer",
        "0answer0",
        CommandAnswer,
        "指令回答",
        "the answer to an order, with its correlation data",
        retained=False,
    ),
    _device(
        "homeassistant",
        PLACES.homeassistant,
        Announcement,
        "家庭助理发现",
        "what Home Assistant shows of this device, to look at only; said again when Home Assistant starts",
    ),
    _hub("rulebook", PLACES.hall_wide("rulebook"), str, "规则书", "the TOML's exact bytes, signed by a `rulebook` key"),
    _hub(
        "roster", PLACES.hall_wide("roster"), str, "当日名册", "the day's staff and bookings, signed by a `roster` key"
    ),
    _hub("trust", PLACES.hall_wide("trust"), str, "信任名单", "a JWK set, signed by a `rulebook` key"),
    _hub(
        "revocations",
        PLACES.hall_wide("revocations"),
        str,
        "撤销名单",
        "passes and holders, signed by a `revocation` key",
    ),
    _device(
        "passes",
        PLACES.passes,
        PassesList,
        "今日已用凭证",
        "what this door let in today, so that no other lets it in again",
        wrapping="sealed",
    ),
    _device(
        "used",
        PLACES.used,
        PassesList,
        "刚用过的凭证",
        "the latest of them, on a long day: the whole list follows within seconds",
        wrapping="sealed",
    ),
    _device(
        "row",
        PLACES.rights_row("0resource0", "0inc0"),
        Row,
        "名额账目",
        "the counters of one incarnation: they only rise, and no order of delivery makes a right",
        wrapping="sealed",
    ),
    _device(
        "notice",
        PLACES.rights("0resource0", "notice"),
        Notice,
        "限额通知",
        "what only the bank may say to all: the limit, the hold, who is fenced",
        writer="bank",
        wrapping="sealed",
    ),
    _hub(
        "rights-command",
        PLACES.rights("0resource0", "command"),
        Envelope,
        "限额指令",
        "limit, recount, hold, release and fence, addressed to the bank; a zone's order says so in its body: `resource`",
        retained=False,
    ),
)
