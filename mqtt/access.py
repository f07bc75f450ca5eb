"""Mosquitto's configuration for one hall: who may say and hear what, and the bridge to a central broker.

Text in, text out. The list of parties (`firmware/trust/authority.py` keeps it) becomes one block per name: Mosquitto takes the
name from the certificate (`use_identity_as_username`), so nobody has a password and nobody can borrow a name. What is
not written here is forbidden.

One limit of Mosquitto's: a topic filter cannot say "beginning with entry-1-", and a row's last word is the device's name
and eight random digits (`hall-limit.md` section 1). So every device may write below `rights/+/row/`; that nobody can
speak there in another's name is the work of the seal and of the twin alarm, and only enrolled devices get that far.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mqtt.topics import ANSWERS, HALL_WIDE, HOME_ASSISTANT_STATUS, ROOT, Topics

Role = Literal["device", "bank", "hub", "reader", "home-assistant", "bridge", "broker"]
ROLES: tuple[Role, ...] = ("device", "bank", "hub", "reader", "home-assistant", "bridge", "broker")


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody the broker knows by certificate. `bank` is a device that also mints the limit."""

    name: str
    role: Role


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker finds things: absolute paths on its machine."""

    ca: str
    cert: str
    key: str
    crl: str
    acl: str
    data: str


class Bridge(msgspec.Struct, frozen=True, kw_only=True):
    """To a central broker. `name` is the bridge's own certificate there; `commands`: may the centre order gates?"""

    name: str
    host: str
    port: int
    ca: str
    cert: str
    key: str
    commands: bool = False


def acl(hall: str, parties: tuple[Party, ...]) -> str:
    """The access list: one block per party, in the order of their names."""
    blocks = [f"# Written by `hallgate enrol broker-config` for hall {hall}. What is not here is forbidden."]
    blocks += [_block(hall, party) for party in sorted(parties, key=lambda one: one.name) if party.role != "broker"]
    return "\n\n".join(blocks) + "\n"


def _block(hall: str, party: Party) -> str:
    rows = [f"topic {right} {topic}" for right, topic in rights(hall, party)]
    return "\n".join([f"# {party.role}", f"user {party.name}", *rows])


def rights(hall: str, party: Party) -> list[tuple[str, str]]:
    """(`read` or `write`, topic filter) of one party."""
    if party.role in ("device", "bank"):
        return _device(Topics(hall, party.name), bank=party.role == "bank")
    if party.role == "bridge":
        return _bridge(hall)
    return {"hub": _hub, "reader": _reader, "home-assistant": _home_assistant}[party.role](f"{ROOT}/{hall}")


def _device(own: Topics, *, bank: bool) -> list[tuple[str, str]]:
    root = own.hall_root
    written = [
        *(own.availability, own.status, own.event, own.passes, own.used, own.homeassistant),
        own.rights("+", "row/+"),
        own.rights("+", "ask/+"),
        f"{root}{ANSWERS}/#",
        f"{root}{ANSWERS}",
    ]
    heard = [*own.heard_by_device(), own.rights("+", "row/+"), own.rights("+", "ask/+"), own.rights("+", "notice")]
    heard += [f"{root}passes/+", f"{root}used/+", HOME_ASSISTANT_STATUS]
    if bank:
        written.append(own.rights("+", "notice"))
        heard.append(own.rights("+", "command"))
    return [*(("write", topic) for topic in written), *(("read", topic) for topic in heard)]


def _hub(root: str) -> list[tuple[str, str]]:
    written = ["device/+/command/+", "device/+/history", *HALL_WIDE, "rights/+/command"]
    return [("read", f"{root}/#"), *(("write", f"{root}/{topic}") for topic in written)]


def _reader(root: str) -> list[tuple[str, str]]:
    return [("read", f"{root}/device/+/{last}") for last in ("availability", "status", "event")]


def _home_assistant(root: str) -> list[tuple[str, str]]:
    return [*_reader(root), ("read", "homeassistant/device/+/config"), ("write", HOME_ASSISTANT_STATUS)]


def _bridge(hall: str) -> list[tuple[str, str]]:
    """The rights of a hall's bridge at the central broker."""
    out = [("write", f"{ROOT}/{hall}/{topic}") for topic in BRIDGED_OUT]
    return [*out, *(("read", f"{ROOT}/{hall}/{topic}") for topic in (*BRIDGED_IN, *BRIDGED_COMMANDS))]


# ---------------------------------------------------------------- the broker

BRIDGED_OUT = ("device/+/event", "device/+/status", "device/+/availability")
BRIDGED_IN = ("device/+/history",)
"""A centre that misses events asks the devices for them: it cannot move a gate."""
BRIDGED_COMMANDS = ("device/+/command/+", "rights/+/command")

QUEUED_MESSAGES_MAX = 200_000
"""Per absent hub or bridge: three hours of 20 events a second. What does not fit, `history` brings later."""
MEMORY_MAX = 512 * 1024 * 1024
MESSAGE_MAX = 4 * 1024 * 1024


def configuration(files: Files, port: int, *, address: str = "", bridge: Bridge | None = None, hall: str = "") -> str:
    """`mosquitto.conf`: one TLS listener, no anonymous client, persistence. Mosquitto 2.0.11 understands every line.

    The data are saved every five seconds: a broker killed in between forgets what it acknowledged, and the hubs ask
    the devices' journals for it.
    """
    lines = [
        "# Written by `hallgate enrol broker-config`. After a change: restart. A HUP ends Mosquitto 2.0.11 when a device",
        "# that was away during an earlier HUP has come back.",
        "per_listener_settings false",
        f"listener {port} {address}".rstrip(),
        f"cafile {files.ca}",
        f"certfile {files.cert}",
        f"keyfile {files.key}",
        f"crlfile {files.crl}",
        "require_certificate true",
        "use_identity_as_username true",
        "tls_version tlsv1.2",
        "ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
        "allow_anonymous false",
        f"acl_file {files.acl}",
        "persistence true",
        f"persistence_location {files.data.rstrip('/')}/",
        "autosave_interval 5",
        "persistent_client_expiration 7d",
        f"max_queued_messages {QUEUED_MESSAGES_MAX}",
        "max_inflight_messages 100",
        f"message_size_limit {MESSAGE_MAX}",
        f"memory_limit {MEMORY_MAX}",
        "set_tcp_nodelay true",
        "log_type error",
        "log_type warning",
        "log_type notice",
    ]
    return "\n".join(lines + (_bridged(bridge, hall) if bridge is not None else [])) + "\n"


def _bridged(bridge: Bridge, hall: str) -> list[str]:
    """Topics go one way each: what the centre writes never comes back to it, and its orders come only when wanted."""
    into = (*BRIDGED_IN, *(BRIDGED_COMMANDS if bridge.commands else ()))
    topics = [*((topic, "out") for topic in BRIDGED_OUT), *((topic, "in") for topic in into)]
    return [
        "",
        f"connection {bridge.name}",
        f"address {bridge.host}:{bridge.port}",
        f"remote_clientid {bridge.name}",
        f"local_clientid local-{bridge.name}",
        "bridge_protocol_version mqttv50",
        f"bridge_cafile {bridge.ca}",
        f"bridge_certfile {bridge.cert}",
        f"bridge_keyfile {bridge.key}",
        "bridge_tls_version tlsv1.2",
        "cleansession false",
        "local_cleansession false",
        "notifications false",
        "bridge_attempt_unsubscribe false",
        "start_type automatic",
        "restart_timeout 1 10",
        "keepalive_interval 10",
        *(f"topic {topic} {way} 1 {ROOT}/{hall}/ {ROOT}/{hall}/" for topic, way in topics),
    ]
