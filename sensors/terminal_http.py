"""Digital sentinels and face terminals that push their verdict by HTTP: they look the code up, we take their word.

Wiring: Ethernet. In the terminal's "online verification" settings write `http://` + this device's address from the site
    file (`listen = "192.168.1.10:8088"`) and any path. The terminal's own door relay stays unconnected.
On the wire: POST, JSON: `deviceId, dev_sno, deviceSN, token, type (stranger|face|qr|id|ic), value, name, temperature,
    data {capture, time}`; answer `{"status": 0|1, "msg", "audio"}`. STATUS 0 OPENS THE TERMINAL'S DOOR: we always answer
    1, with a message that sends the person on to the gate, whose own rules decide. A refusal is never worded here.
    The answer goes out at once, before the gate has decided; health is never spoken at the terminal by us.
The verdict: how a vendor calls health code, PCR result and time is in no public text we have [unverified]. The settings
    `*_key` name the keys (`a` or `a.b`), `words` the vendor's values (green, 绿码, negative, 阴性 ... are known).
    The sample's age is the terminal's own hours, or its own `data.time` less the time of the sample: one clock, its own.
What leaves: the verdict; what was shown only as `Secret`, up to the verifier. Name and picture are skipped by the parser
    unread. A code that is one of ours (`HP1:`, `HC1:`) is handed on as a Scan: it is signed and proves itself.
Trust: plain HTTP. `allow` limits who may connect, `token_sha256` is the hash of the `token` every message must bring.
Source: devices.md 13 (one vendor's online-verify call; SenseTime and i3cloud for what such boxes decide on).
Tested on: the simulator and an HTTP client only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from sensors.driver import Answer, Driver, Example, Later, Raw, Request, Send, ToDevice
from sensors.driver import Settings as DriverSettings
from sensors.readings import AnyReading, Garbled, Ready, Scan, Secret, TerminalVerdict

Key = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63})?\Z")]
Network = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?\Z", description="an address or network")]
Code = Literal["green", "yellow", "red"]
Pcr = Literal["negative", "positive", "none"]

SHOWN_BY = ("qr", "id", "ic", "face", "stranger")
WORDS: dict[str, str] = {
    **dict.fromkeys(("green", "绿", "绿码"), "green"),
    **dict.fromkeys(("yellow", "黄", "黄码"), "yellow"),
    **dict.fromkeys(("red", "红", "红码"), "red"),
    **dict.fromkeys(("negative", "阴", "阴性"), "negative"),
    **dict.fromkeys(("positive", "阳", "阳性"), "positive"),
    **dict.fromkeys(("none", "无", "未检测", "无记录"), "none"),
}
MASK = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}
"""1 and 0 are found as well: they equal the truths."""
SCALAR_BYTES = 8_192
"""The longest single value that is looked at; a code's text has at most 4,296 characters."""
PERSON_C = (25.0, 45.0)
HOURS_MAX = 8_760.0
OWN_CODES = ("HP1:", "HC1:")
NO_PATH = "/verify"


class Settings(DriverSettings, frozen=True, kw_only=True):
    allow: Annotated[tuple[Network, ...], Meta(max_length=32)] = ()
    """Who may connect; empty: anybody who reaches the address."""
    token_sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z", description="64 hex digits")] = ""
    """SHA-256 of the `token` every message must bring (a long random one); empty: none is asked."""
    max_body_bytes: Annotated[int, Meta(ge=1_000, le=4_000_000)] = 1_000_000
    request_ms: Annotated[int, Meta(ge=200, le=60_000)] = 5_000
    """A request that is not whole by then is hung up on."""
    message: Annotated[str, Meta(min_length=1, max_length=60)] = "请看闸机提示 See the gate"
    code_key: Key = "healthCode"
    pcr_key: Key = "nucleicResult"
    pcr_hours_key: Key = "nucleicHours"
    pcr_time_key: Key = "nucleicTime"
    time_key: Key = "data.time"
    mask_key: Key = "mask"
    temperature_key: Key = "temperature"
    words: Annotated[dict[Annotated[str, Meta(max_length=64)], Code | Pcr], Meta(max_length=64)] = {}
    """The vendor's values beside the known ones, such as `{ "00" = "green", "1" = "negative" }`."""


class Decoder:
    """One request, one answer, and what it said."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._body = Body(("type", "value", "token", *(getattr(settings, name) for name in _key_names())))
        self._words = WORDS | {word.strip().lower(): meaning for word, meaning in settings.words.items()}
        self._answer = _answer_of(settings.message)
        self._ready = False
        self.wake_at_ms: float | None = None

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Request):
            return []
        said = self._body.read(raw.body)
        if said is None:
            return [Send(Answer(raw.number, self._answer, 400)), Garbled(len(raw.body), "the body is no JSON object")]
        if not self._known_sender(said.get("token")):
            return [Send(Answer(raw.number, self._answer, 403)), Garbled(len(raw.body), "a message without our token")]
        news: list[AnyReading | Send] = [] if self._ready else [Ready("terminal")]
        self._ready = True
        return [Send(Answer(raw.number, self._answer)), *news, *self._understood(said, len(raw.body))]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        return []

    def _known_sender(self, token: Any) -> bool:
        wanted = self._settings.token_sha256
        given = hashlib.sha256(_word(token).encode("utf-8", "replace")).hexdigest()
        return not wanted or hmac.compare_digest(given, wanted)

    def _understood(self, said: dict[str, Any], length: int) -> list[AnyReading | Send]:
        keys = self._settings
        code, pcr = said.get(keys.code_key), said.get(keys.pcr_key)
        value, shown_by = _word(said.get("value")), _word(said.get("type")).lower()
        if not (shown_by or value or code is not None or pcr is not None):
            return [Garbled(length, "no verdict in it")]
        verdict = TerminalVerdict(
            code=self._meaning(code, get_args(Code)),
            pcr=self._meaning(pcr, get_args(Pcr)),
            sampled_age_hours=_hours(
                said.get(keys.pcr_hours_key), said.get(keys.pcr_time_key), said.get(keys.time_key)
            ),
            temperature_c=_within(said.get(keys.temperature_key), *PERSON_C),
            mask=MASK.get(_folded(said.get(keys.mask_key))),
            shown_by=shown_by if shown_by in SHOWN_BY else "unknown",  # type: ignore[arg-type]
            shown=Secret(value) if value else None,
        )
        ours = [Scan(value.encode("utf-8", "replace"), read_by="terminal")] if value.startswith(OWN_CODES) else []
        return [verdict, *ours]

    def _meaning(self, said: Any, among: Iterable[str]) -> Any:
        meaning = self._words.get(_word(said).strip().lower(), "")
        return meaning if meaning in among else "unknown"


class Body:
    """Reads the wanted keys of a JSON object. Everything else, above all a picture, is skipped and never decoded."""

    def __init__(self, keys: Iterable[str]) -> None:
        tree: dict[str, list[str]] = {}
        for key in keys:
            head, _, tail = key.partition(".")
            tree.setdefault(head, []).extend([tail] if tail else [])
        self._heads = _shape(tree)
        self._inner = {head: _shape(tails) for head, tails in tree.items() if tails}

    def read(self, body: bytes) -> dict[str, Any] | None:
        """key -> its value where it is a text, a number or a truth; None when the body is no JSON object."""
        top = _decoded(body, self._heads)
        if top is None:
            return None
        return {key: value for key, raw in self._raws(top) if (value := _scalar(raw)) is not None}

    def _raws(self, top: Any) -> Iterator[tuple[str, msgspec.Raw]]:
        for head, raw in _members(top):
            yield head, raw
            inner = _decoded(raw, self._inner[head]) if head in self._inner else None
            yield from ((f"{head}.{tail}", part) for tail, part in _members(inner) if inner is not None)


def _shape(names: Iterable[str]) -> type[Any]:
    """A struct that knows only these JSON keys, each undecoded."""
    known = sorted(set(names))
    fields = [(f"f{place}", msgspec.Raw, msgspec.Raw()) for place in range(len(known))]
    return msgspec.defstruct("Known", fields, rename={f"f{place}": name for place, name in enumerate(known)})


def _members(decoded: Any) -> Iterator[tuple[str, msgspec.Raw]]:
    for field in msgspec.structs.fields(decoded) if decoded is not None else ():
        yield field.encode_name, getattr(decoded, field.name)


def _decoded(raw: Any, wanted: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=wanted) if len(memoryview(raw)) else None
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def _scalar(raw: msgspec.Raw) -> str | float | bool | None:
    short = 0 < len(memoryview(raw)) <= SCALAR_BYTES
    found: str | float | bool | None = _decoded(raw, str | int | float | bool | None) if short else None
    return found


# ---------------------------------------------------------------- values


def _key_names() -> list[str]:
    return [name for name in Settings.__struct_fields__ if name.endswith("_key")]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)[:64]


def _folded(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _within(value: Any, low: float, high: float) -> float | None:
    """The number, also where the vendor writes it as a text; None outside of what is possible."""
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (ValueError, OverflowError):
        return None
    return number if low <= number <= high else None


def _hours(hours: Any, sampled: Any, now: Any) -> float | None:
    given = _within(hours, 0.0, HOURS_MAX)
    if given is not None:
        return given
    then_s, now_s = _seconds(sampled), _seconds(now)
    return None if then_s is None or now_s is None else _within((now_s - then_s) / 3600, 0.0, HOURS_MAX)


def _seconds(value: Any) -> float | None:
    """Epoch seconds or milliseconds, or `2022-06-10 09:30:00` in whatever zone the terminal lives: only differences count."""
    number = _within(value, 1e9, 1e13)
    if number is not None:
        return number / 1000 if number > 1e11 else number
    try:
        when = dt.datetime.fromisoformat(_word(value).strip().replace("/", "-"))
        return when.replace(tzinfo=when.tzinfo or dt.UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _answer_of(message: str) -> bytes:
    """Status 1: the terminal's own door stays shut."""
    return msgspec.json.encode({"status": 1, "msg": message, "audio": message})


class Simulator:
    """The terminal: posts what it found out, with a name and a picture as the real one does."""

    CAPTURE = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8U"
    NAME = "测试甲"

    def __init__(self, settings: Settings, token: str = "") -> None:
        self._settings = settings
        self._token = token
        self._number = 0
        self.answers: list[Answer] = []
        """What the device answered, the last ones."""

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, TerminalVerdict):
            return []
        self._number += 1
        return [Later(Request(self._number, NO_PATH, msgspec.json.encode(self._body(reading))), 200.0)]

    def hear(self, raw: ToDevice, t_ms: float) -> list[Later]:
        if isinstance(raw, Answer):
            self.answers = [*self.answers[-7:], raw]
        return []

    def _body(self, verdict: TerminalVerdict) -> dict[str, Any]:
        keys = self._settings
        found = {
            keys.code_key: None if verdict.code == "unknown" else verdict.code,
            keys.pcr_key: None if verdict.pcr == "unknown" else verdict.pcr,
            keys.pcr_hours_key: verdict.sampled_age_hours,
            keys.temperature_key: verdict.temperature_c,
            keys.mask_key: verdict.mask,
        }
        body: dict[str, Any] = {
            "deviceId": "1", "deviceSN": "SIM1", "token": self._token, "type": verdict.shown_by, "name": self.NAME,
            "value": verdict.shown.reveal() if verdict.shown else "",
            "data": {"capture": self.CAPTURE, "time": "2022-06-10 09:30:00"},
        }  # fmt: skip
        for key, value in found.items():
            head, _, tail = key.partition(".")
            if tail and value is not None:
                body.setdefault(head, {})[tail] = value
            elif value is not None:
                body[head] = value
        return body


DRIVER = Driver(
    name="terminal_http",
    port="http",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "the keys of the vendor's page, a face without a verdict",
            (
                Request(
                    1,
                    "/verify",
                    b'{"deviceId":"1","dev_sno":"1","deviceSN":"A1","token":"t","type":"face","value":"17","name":"x",'
                    b'"temperature":"36.5","data":{"capture":"/9j/","time":"2022-06-10 09:30:00"}}',
                ),
            ),
            (TerminalVerdict(temperature_c=36.5, shown_by="face", shown=Secret("17")),),
            "devices.md 13: the keys are printed, the values are ours",
        ),
        Example(
            "a green code, a sample of 23.5 hours",
            (
                Request(
                    2,
                    "/verify",
                    '{"type":"qr","value":"opaque","healthCode":"绿码","nucleicResult":"阴性","mask":1,'
                    '"nucleicTime":"2022-06-09 10:00:00","data":{"time":"2022-06-10 09:30:00"}}'.encode(),
                ),
            ),
            (TerminalVerdict("green", "negative", 23.5, None, True, "qr", Secret("opaque")),),
            "devices.md 13 with this driver's own default keys",
        ),
    ),
    gives=(TerminalVerdict,),
)
