"""Every topic of the contract, section 4, in one place: `hallgate/v1/<hall>/...`.

Nobody else writes a slash. Names are checked when a `Topics` is built, because a `+` in a hall's name would subscribe
to other halls and a `/` would move a device into somebody else's access list.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from firmware.errors import Mistake

ROOT = "hallgate/v1"
NAME = re.compile(r"[a-z0-9-]{1,64}\Z")

HOME_ASSISTANT_STATUS = "homeassistant/status"
"""Home Assistant says `online` here when it has started: who announces again then is seen at once."""
HallWide = Literal["rulebook", "roster", "trust", "revocations"]
HALL_WIDE: tuple[HallWide, ...] = ("rulebook", "roster", "trust", "revocations")
RESERVED = ("device", "rights", "passes", "used", "homeassistant", *HALL_WIDE)
"""First words below the hall that have a writer in the contract: an answer is never sent to one of these."""


class Topics(msgspec.Struct, frozen=True):
    """The topics of one device in its hall."""

    hall: str
    device: str

    def __post_init__(self) -> None:
        for key, name in (("hall", self.hall), ("device", self.device)):
            if not NAME.match(name):
                raise Mistake(f"{name!r} is no name: use 1 to 64 of a-z, 0-9 and -", key=key)

    @property
    def availability(self) -> str:
        return self.own("availability")

    @property
    def status(self) -> str:
        return self.own("status")

    @property
    def event(self) -> str:
        return self.own("event")

    @property
    def history(self) -> str:
        return self.own("history")

    @property
    def passes(self) -> str:
        return f"{ROOT}/{self.hall}/passes/{self.device}"

    @property
    def used(self) -> str:
        return f"{ROOT}/{self.hall}/used/{self.device}"

    @property
    def homeassistant(self) -> str:
        """Home Assistant's own discovery prefix: it listens nowhere else."""
        return f"homeassistant/device/{self.device}/config"

    @property
    def hall_root(self) -> str:
        """What every topic of the hall begins with: a notice's key comes behind it."""
        return f"{ROOT}/{self.hall}/"

    def own(self, last: str) -> str:
        return f"{ROOT}/{self.hall}/device/{self.device}/{last}"

    def command(self, name: str) -> str:
        return self.own(f"command/{name}")

    def hall_wide(self, what: HallWide) -> str:
        return f"{ROOT}/{self.hall}/{what}"

    def rights_row(self, resource: str, inc: str) -> str:
        return f"{ROOT}/{self.hall}/rights/{resource}/row/{inc}"

    def rights(self, resource: str, last: str) -> str:
        """`notice`, `command`, or the filter `row/+`."""
        return f"{ROOT}/{self.hall}/rights/{resource}/{last}"

    def heard_by_device(self) -> tuple[str, ...]:
        """What a device subscribes to on every connection."""
        return (self.own("command/+"), self.history, *(self.hall_wide(what) for what in HALL_WIDE))


def heard_by_hub(hall: str | None) -> tuple[str, ...]:
    """What a hub subscribes to: one hall, or every hall of the broker."""
    if hall is not None:
        Topics(hall, "hub")
    devices = (f"device/+/{last}" for last in ("availability", "status", "event"))
    return tuple(f"{ROOT}/{hall or '+'}/{last}" for last in (*devices, "rights/+/row/+", "rights/+/notice"))


class Place(msgspec.Struct, frozen=True):
    """Where a topic of a device points: `last` is `event`, `status`, `command/open_once` ..."""

    hall: str
    device: str
    last: str


def place(topic: str) -> Place | None:
    """Read a device's topic; None for every other one."""
    words = topic.split("/", 5)
    if len(words) != 6 or "/".join(words[:2]) != ROOT or words[3] != "device":
        return None
    if not (NAME.match(words[2]) and NAME.match(words[4])):
        return None
    return Place(words[2], words[4], words[5])


class RightsPlace(msgspec.Struct, frozen=True):
    """Where a topic of the rights protocol points; `inc` is empty for the bank's notice."""

    hall: str
    resource: str
    inc: str


def rights_place(topic: str) -> RightsPlace | None:
    """Read the topic of a row or of the bank's notice; None for every other one."""
    words = topic.split("/", 7)
    if "/".join(words[:2]) != ROOT or len(words) < 6 or words[3] != "rights":
        return None
    row = len(words) == 7 and words[5] == "row"
    names = (words[2], words[4], words[6]) if row else (words[2], words[4], "-")
    if not (row or (len(words) == 6 and words[5] == "notice")) or not all(map(NAME.match, names)):
        return None
    return RightsPlace(words[2], words[4], words[6] if row else "")


ANSWERS = "hub/answers"
"""Below the hall: where a hub asks to be answered. Devices may write there, and hubs alone read it (`access.py`)."""


def answers_to(hall: str, client_id: str) -> str:
    """The response topic of one hub's orders."""
    return f"{ROOT}/{hall}/{ANSWERS}/{client_id}"


def is_answer(topic: str) -> bool:
    return "/".join(topic.split("/")[3:5]) == ANSWERS


def may_answer_to(topic: str) -> bool:
    """True for a response topic a device may write an answer to.

    A requester chooses it, so it is hostile input: no wildcard, no `$`, and nothing that has a writer in the contract,
    or a forged request could make a device speak in another one's name.
    """
    if not topic or len(topic) > 512 or any(sign in topic for sign in "+#\0") or topic.startswith("$"):
        return False
    words = topic.split("/")
    if words[0] == "homeassistant":
        return False
    return not (words[0] == "hallgate" and (len(words) < 4 or words[3] in RESERVED))
