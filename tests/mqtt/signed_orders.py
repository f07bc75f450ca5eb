"""Orders signed by keys this hall's devices believe, the desk that judges them, and what it answered."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.core.moment import Moment
from firmware.core.records import CommandDone
from mqtt.commands import CommandDesk, CommandGuard, Judged
from mqtt.jws import Key
from mqtt.messages import Incoming
from mqtt.signing import envelope, sign_command

HALL, DEVICE = "baoshan", "gate-1"
NOW_S = 1_654_822_800
NOW = Moment(50_000, NOW_S * 1000)
BOSS, CLERK, THIEF = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))


class Trusted(msgspec.Struct, frozen=True):
    private: Ed25519PrivateKey
    commands: frozenset[str]

    def signed(self, algorithm: str, signature: bytes, message: bytes) -> bool:
        try:
            self.private.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return algorithm == "EdDSA"


class Keys:
    keys = {
        "boss": Trusted(BOSS, frozenset({"open_once", "hold", "evacuate"})),
        "clerk": Trusted(CLERK, frozenset({"identify"})),
    }

    def by_name(self, kid: str, kind: str | None = None) -> tuple[Key, ...]:
        return (self.keys[kid],) if kid in self.keys and kind == "command" else ()


def desk(guard: CommandGuard | None = None) -> CommandDesk:
    return CommandDesk(HALL, DEVICE, Keys, guard or CommandGuard())


def order(name: str = "open_once", id: str = "o-1", counter: int = 1, **more: Any) -> Incoming:
    """A good order of the boss; `key`, `kid`, `topic`, `retained` and any field of the envelope can be spoilt."""
    key, kid = more.pop("key", BOSS), more.pop("kid", "boss")
    retained = more.pop("retained", False)
    topic = more.pop("topic", f"hallgate/v1/{HALL}/device/{DEVICE}/command/{name}")
    now_s = more.pop("now_s", NOW_S)
    good = envelope(
        name,
        HALL,
        DEVICE,
        {"lane": "A"},
        id=id,
        issuer="hub",
        counter=counter,
        now_s=now_s,
        valid_s=more.pop("valid_s", 10),
    )
    return Incoming(topic, sign_command(msgspec.structs.replace(good, **more), key, kid), retained, "answers/1", b"c")


def outcome(judged: Judged) -> tuple[str | None, str | None]:
    """(refusal in the event or "do", `because` of the immediate answer)."""
    event = judged.event and (judged.event.refusal or "do")
    return event, None if judged.reply is None else json.loads(judged.reply.payload)["because"]


def done(id: str, because: str = "") -> CommandDone:
    return CommandDone(
        id="r", seq=1, boot="b", at="", at_trusted=True, command=id, name="open_once", issuer="hub",
        result="refused" if because else "done", because=because,
    )  # fmt: skip
