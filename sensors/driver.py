"""The shape of a driver file, and how a driver is found by its file's name.

One device, one file, five parts in this order: the page at the top (wiring, what is on the wire, source, what it was
really tested on), `Settings`, `Decoder` (for hands: `Encoder`), `Simulator`, and `DRIVER` with literal example bytes.
A site file says `driver = "scanner_gm65"` and the file of that name is the driver; nobody keeps a list.

Everything here is value in, values out. A decoder is fed raw material with the elapsed time it arrived at, and answers
readings and bytes to send back. A simulator is the device itself, seen from the far end of the cable.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

import msgspec

from sensors.readings import AnyReading

PortKind = Literal["serial", "pins", "camera", "http", "i2c"]


# ---------------------------------------------------------------- what travels on a cable


class Edge(msgspec.Struct, frozen=True):
    """A pin changed: `pin` is the role the site file gives it (`outside`, `contact`), `level` is 1 or 0 electrically."""

    pin: str
    level: int


class Frame(msgspec.Struct, frozen=True):
    """One camera picture: `luma` is width x height bytes, row by row, 0 black."""

    width: int
    height: int
    luma: bytes


class Zone(msgspec.Struct, frozen=True):
    """One ranging result of a time-of-flight sensor; status 0 is valid."""

    zone: int
    status: int
    distance_mm: int


class Request(msgspec.Struct, frozen=True):
    """One HTTP POST a device made. `number` joins the answer to it; the body may name people and is never printed."""

    number: int
    path: str
    body: bytes

    def __repr__(self) -> str:
        return f"Request({self.number}, {self.path!r}, {len(self.body)} bytes)"


class Answer(msgspec.Struct, frozen=True):
    """What a device's request is answered: `body` is JSON. Each request is answered once, and at once."""

    number: int
    body: bytes
    status: int = 200


class Transfer(msgspec.Struct, frozen=True):
    """An exchange with a device on the I2C bus: `write` goes out, `wait_ms` pass, `read` bytes come back (0: none).

    Without a wait both are one transaction (repeated start); with one they are two, for chips that have to think.
    """

    write: bytes
    read: int = 0
    wait_ms: float = 0.0


class ReadWord(msgspec.Struct, frozen=True):
    """SMBus "read word": two bytes of `register`, the lower one first. The kernel asks for and checks PEC where it can."""

    register: int


class Reply(msgspec.Struct, frozen=True):
    """What a device on the I2C bus answered. `data` is what was read, empty for a write that it acknowledged.

    `to` is the question itself. A port holds one question at a time and answers only the newest: what came too late for
    an older one is dropped there. Nobody at the address, and any error of the bus, is no reply.
    """

    to: Transfer | ReadWord
    data: bytes = b""


Raw = bytes | Edge | Frame | Zone | Request | Reply
ToDevice = bytes | Edge | Answer | Transfer | ReadWord


class Send(msgspec.Struct, frozen=True):
    """Raw material the decoder or encoder wants put on the cable towards the device (bytes, or an output pin's level)."""

    raw: ToDevice


class Later(msgspec.Struct, frozen=True):
    """What a simulated device puts on the cable, `after_ms` from now."""

    raw: Raw
    after_ms: float = 0.0


# ---------------------------------------------------------------- the parts of a driver file


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Root of every driver's settings; a driver adds typed, bounded fields. `driver`, `port`, `pin(s)` are the wiring's."""


class SerialSettings(Settings, frozen=True, kw_only=True):
    """What every serial driver has: the line's speed. 8 data bits, no parity, one stop bit unless the driver says so."""

    baud: Annotated[int, msgspec.Meta(ge=300, le=4_000_000)] = 9600


class I2cSettings(Settings, frozen=True, kw_only=True):
    """What every driver on the I2C bus has; each has its chip's own address as its default."""

    address: Annotated[int, msgspec.Meta(ge=0x08, le=0x77)]
    """7 bits, without the bit that says read or write. Two devices of one bus differ in it."""


class Decoder(Protocol):
    """Raw material in, readings out. Never raises on any input; buffers are bounded."""

    wake_at_ms: float | None
    """When `tick` wants to be called next (elapsed ms); None: never. 0.0 at the start: at once, to set the device up."""

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]: ...

    def tick(self, t_ms: float) -> list[AnyReading | Send]: ...


class Encoder(Decoder, Protocol):
    """The language of a hand: orders in, raw material out; replies of the device come back through `feed`."""

    def order(self, order: Any, t_ms: float) -> list[AnyReading | Send]: ...


class Simulator(Protocol):
    """The device itself. `show` makes it notice something; `hear` is what the host sent it."""

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]: ...

    def hear(self, raw: ToDevice, t_ms: float) -> list[Later]: ...


@dataclass(frozen=True, slots=True)
class Example:
    """A row of the language, true in both directions: these literal bytes (or edges) mean these readings.

    `raw` comes from a manual or a capture and is never computed by our own code; `source` says which.
    A `Later` among them waits `after_ms` first, where time carries meaning; plain pieces come 100 ms apart.
    """

    name: str
    raw: tuple[Raw | Later, ...]
    readings: tuple[AnyReading, ...]
    source: str
    order: Any = None
    """For hands: the order whose bytes `raw` are."""
    settings: Any = None
    """The settings under which this row is true; None: the driver's defaults."""


@dataclass(frozen=True, slots=True)
class Driver:
    """What a driver file offers the rest of the house."""

    name: str
    port: PortKind
    settings: type[Settings]
    decoder: Any
    """`Decoder(settings)`; for a hand its `Encoder(settings)`."""
    simulator: Any
    """`Simulator(settings)`."""
    examples: tuple[Example, ...]
    pins: tuple[str, ...] = ()
    """Names of the input pins the site file has to give (`pins = { outside = 17 }`); one pin: `pin = 22`."""
    outputs: tuple[str, ...] = ()
    """Names of the output pins."""
    optional_outputs: tuple[str, ...] = ()
    """Names of output pins that a site file may give and may leave out."""
    checksum: bool = False
    """True when every frame carries a checksum, so that a spoilt byte must never become a reading."""
    text: bool = False
    """True when anything on the line is content, so that junk can only be told from it by the line's end."""
    polled: bool = False
    """True when the device only speaks when asked: the decoder needs `tick` and the simulator's `hear`."""
    fresh_air_minutes: int = 0
    """How long a sensor of the air has to stand outdoors before its decoder may say so: `fresh_air(ppm, t_ms)`. 0: never."""
    persons_max: int = 0
    """The most people a range sensor tells apart; 0: as many as there are."""
    gives: tuple[type[Any], ...] = field(default=())
    """The readings that decide a rule (`Scan`, `Temperature` ...): lets `check` say what a lane lacks."""


SENSOR_KINDS = ("scanner", "identity", "thermometer", "counter", "range", "air", "contact", "terminal")
HAND_KINDS = ("gate", "lamp", "sign", "voice", "light", "buzzer")


class UnknownDriver(LookupError):
    """No file of that name is a driver. One sentence, for the person who wrote the site file."""


def find(name: str) -> Driver:
    """Return the driver in `sensors/<name>.py` or `firmware/outputs/<name>.py`; UnknownDriver when there is none."""
    kind = name.split("_", 1)[0]
    room = {**dict.fromkeys(SENSOR_KINDS, "sensors"), **dict.fromkeys(HAND_KINDS, "firmware.outputs")}.get(kind)
    if room is None or not name.isidentifier():
        raise UnknownDriver(f"no driver is called {name!r}")
    try:
        module = importlib.import_module(f"{room}.{name}")
    except ModuleNotFoundError as missing:
        if missing.name == f"{room}.{name}":
            raise UnknownDriver(f"no driver is called {name!r}") from None
        raise
    driver = module.DRIVER
    assert isinstance(driver, Driver)
    return driver
