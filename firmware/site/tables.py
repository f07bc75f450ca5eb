"""The shape of a site file, and of what `firmware/site/__init__.py` makes of it (`contract.md` section 2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from firmware import toml_lines
from firmware.errors import Mistake
from sensors.driver import Driver, Settings

Id = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}\Z", description="id of a-z, 0-9 and -")]
LaneName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,32}\Z", description="lane name of A-Z, a-z, 0-9 and -")]
ClassName = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z", description="class name of a-z, 0-9, _ and -")]
ZoneName = Annotated[str, Meta(max_length=64)]
FileName = Annotated[str, Meta(min_length=1, max_length=1024)]
BrokerUrl = Annotated[
    str,
    Meta(pattern=r"^mqtts?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?\Z", description="mqtt:// address"),
]
Address = Annotated[str, Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}\Z", description="host:port")]
PortName = Annotated[str, Meta(min_length=1, max_length=1024)]
PinNumber = Annotated[int, Meta(ge=0, le=27)]
"""The GPIO's own number (BCM), not the place on the header."""

ROLES = {
    "scanner": "scanner",
    "identity": "identity",
    "thermometer": "thermometer",
    "counter": "counter",
    "range": "range",
    "behind": "range",
    "air": "air",
    "terminal": "terminal",
    "gate": "gate",
    "fire_loop": "contact",
    "door": "contact",
    "button": "contact",
    "release_key": "contact",
    "symptoms": "contact",
    "duress": "contact",
    "window": "contact",
    "fire_door": "contact",
    "air_conditioning": "contact",
    "dispenser": "contact",
    "lamp": "lamp",
    "sign": "sign",
    "voice": "voice",
    "route_light": "light",
    "buzzer": "buzzer",
}
"""A lane's device tables, and the first word of the drivers each one takes."""

ASKERS = ("scanner", "identity", "button", "range")
"""By what somebody says that they want to leave."""
OPENERS = (*ASKERS, "counter")
"""What can tell an exit that somebody wants to leave. A terminal hears our own codes only, and exits ask for none."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Root of every table of the site file."""


class Device(Table, frozen=True, kw_only=True):
    name: Id
    hall: Id


class Tls(Table, frozen=True, kw_only=True):
    """File names; `key` is a secret."""

    ca: FileName
    cert: FileName | None = None
    key: FileName | None = None


class Hub(Table, frozen=True, kw_only=True):
    url: BrokerUrl
    tls: Tls | None = None

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("mqtts:")


class SideLink(Table, frozen=True, kw_only=True):
    listen: Address
    peers: tuple[Address, ...] = ()
    key: FileName | None = None


class ClockTrust(Table, frozen=True, kw_only=True):
    source: Literal["system", "ntp", "rtc"] = "system"


class Rights(Table, frozen=True, kw_only=True):
    bank: bool = False
    zones: tuple[Id, ...] = ()
    """Zones of the hall whose own limit this device helps to keep: those its lanes lead into or out of, at the bank all.
    How many persons may be in each is the rulebook's `[zone.<name>]`."""


class RulebookFile(Table, frozen=True, kw_only=True):
    file: FileName


class Trust(Table, frozen=True, kw_only=True):
    keys: FileName
    hall_key: FileName | None = None


class Car(Table, frozen=True, kw_only=True):
    """Inside, from wall to wall, and the number of persons on the car's plate."""

    width_mm: Annotated[int, Meta(ge=500, le=10_000)]
    depth_mm: Annotated[int, Meta(ge=500, le=10_000)]
    rated_persons: Annotated[int, Meta(ge=1, le=200)]


class LaneTable(Table, frozen=True, kw_only=True):
    """A lane as it is written: its devices are still plain tables."""

    name: LaneName
    direction: Literal["in", "out", "both", "elevator"]
    serves: tuple[ClassName, ...] = msgspec.field(name="for", default=())
    on_failure: Literal["open", "closed"] = "closed"
    escape_way: bool = False
    zone: ZoneName = ""
    """Where the lane leads; at an exit to the street: the zone it leads out of."""
    comes_from: ZoneName = msgspec.field(name="from", default="")
    """`hall`, or the zone that the lane leads out of: both sides are inside the hall. Absent: the street."""
    interlock: ZoneName = ""
    """Lanes with the same word here: only one of them is open inwards at a time."""
    hatch: bool = False
    """The gate is a hatch that nobody can go through: goods are handed over here (3.2.4)."""
    wide: bool = False
    """A wheelchair and its pusher fit through (3.1.1c)."""
    scanner: dict[str, Any] | None = None
    identity: dict[str, Any] | None = None
    thermometer: dict[str, Any] | None = None
    counter: dict[str, Any] | None = None
    range: dict[str, Any] | None = None
    behind: dict[str, Any] | None = None
    """A range sensor that looks at the space behind the gate (3.1.3c), not at the queue."""
    air: dict[str, Any] | None = None
    """Measures the CO2 of where the lane leads (3.1.5c)."""
    terminal: dict[str, Any] | None = None
    gate: dict[str, Any] | None = None
    fire_loop: dict[str, Any] | None = None
    door: dict[str, Any] | None = None
    button: dict[str, Any] | None = None
    release_key: dict[str, Any] | None = None
    symptoms: dict[str, Any] | None = None
    """A button for whoever does not feel well (3.1.4a)."""
    duress: dict[str, Any] | None = None
    """A hidden button: a silent alarm."""
    window: dict[str, Any] | None = None
    """A window, or all of one room in a row: the loop is closed while it is shut (3.1.5c)."""
    fire_door: dict[str, Any] | None = None
    """Its loop is closed while it is shut, as it always has to be (3.1.5c)."""
    air_conditioning: dict[str, Any] | None = None
    """The central air conditioning's own contact: the loop is closed while it runs (3.1.5c)."""
    dispenser: dict[str, Any] | None = None
    """Its loop closes once for each use of a dispenser, or for each thing that is issued over a desk (3.1.6)."""
    lamp: dict[str, Any] | None = None
    sign: dict[str, Any] | None = None
    voice: dict[str, Any] | None = None
    route_light: dict[str, Any] | None = None
    """Lights the way to the observation point (3.1.2e)."""
    buzzer: dict[str, Any] | None = None
    """Calls the duty leader, also without a hub (3.1.2e)."""
    car: Car | None = None
    """How large a lift's car is: with the rulebook's `[elevator]` it says how many may ride together (3.1.5d)."""


class Wiring(Table, frozen=True, kw_only=True):
    """The keys of a device table that are no driver's own settings."""

    driver: str
    port: PortName | None = None
    """The serial line's file, by `/dev/serial/by-path`; the bus of a chip, `/dev/i2c-1`; a camera's name."""
    listen: Address | None = None
    """Where a device that pushes finds us; what `port` is to a device with a wire."""
    pin: PinNumber | None = None
    pins: dict[str, PinNumber] | None = None


class File(Table, frozen=True, kw_only=True):
    v: Literal[1]
    device: Device
    hub: Hub | None = None
    side_link: SideLink | None = None
    clock: ClockTrust = ClockTrust()
    rights: Rights = Rights()
    rulebook: RulebookFile | None = None
    trust: Trust | None = None
    lane: tuple[LaneTable, ...]


@dataclass(frozen=True)
class DeviceSpec:
    """One device of a lane. `role` is its table's name (`fire_loop`), `pins` the number of each pin by its role."""

    role: str
    driver: Driver
    settings: Settings
    port: str | None = None
    pins: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Lane:
    name: str
    direction: Literal["in", "out", "both", "elevator"]
    serves: tuple[str, ...]
    """The classes of the key `for`."""
    on_failure: Literal["open", "closed"]
    escape_way: bool
    devices: dict[str, DeviceSpec]
    """By role."""
    zone: str = ""
    interlock: str = ""
    hatch: bool = False
    wide: bool = False
    comes_from: str = ""
    """The key `from`."""
    car: Car | None = None

    @property
    def entry(self) -> bool:
        """Somebody may want to come in here."""
        return self.direction != "out"


@dataclass(frozen=True)
class Site:
    """One device's site file, checked. File names are absolute."""

    file: Path
    device: Device
    lanes: tuple[Lane, ...]
    hub: Hub | None = None
    side_link: SideLink | None = None
    clock: ClockTrust = ClockTrust()
    rights: Rights = Rights()
    rulebook: Path | None = None
    trust_keys: Path | None = None
    hall_key: Path | None = None
    warnings: tuple[Mistake, ...] = ()
    """What lets pass, but a person should look at."""
    text: str = ""

    def has(self, path: toml_lines.Path) -> bool:
        """Whether the file says anything at `path`."""
        return path in toml_lines.lines(self.text)

    def line(self, path: toml_lines.Path) -> int:
        """Where `path` stands in the file (`lane`, 0, `for`), or what is nearest around it."""
        return toml_lines.line_of(self.text, path)
