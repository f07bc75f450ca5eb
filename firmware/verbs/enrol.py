"""Give a device its certificate, take it back, and write the broker's configuration.

On the desk:     enrol ca new --hall baoshan --ca AUTHORITY
On the device:   enrol request --name entry-1 --hall baoshan --dir .      its key stays there; it shows a fingerprint
On the desk:     enrol sign --ca AUTHORITY --fingerprint 1A2B-... entry-1.csr
On the device:   enrol install --name entry-1 --dir . entry-1.pem
For the broker:  enrol broker-config --ca AUTHORITY --out FOLDER
Without a way:   enrol serve --ca AUTHORITY --listen 10.0.0.1:8446      devices flashed with --enrol enrol by themselves
Later:           enrol request --rotate, sign and install again; enrol revoke; enrol list.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shlex
from pathlib import Path

from firmware import clock
from firmware.durable import make_folder, replace_file
from firmware.errors import Failure, Mistake
from firmware.files import read
from firmware.language import spoken
from firmware.trust import authority, certificates, enrolment
from firmware.trust.authority import Authority
from mqtt import access
from mqtt.topics import Topics

EXAMPLE = "hallgate enrol sign --ca authority --fingerprint 8f3a-11c2-90de-4b7a-0c55-e1f2-73b9-6d08 entry-1.csr"
DAYS = 397
PORT_MAX = 65_535
SOON = dt.timedelta(days=30)
"""Rotation is due this long before the end."""
EARLIEST = dt.datetime(2022, 1, 1, tzinfo=dt.UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(
        dest="what", required=True, metavar="ca|request|sign|install|serve|revoke|list|broker-config"
    )
    ca = verbs.add_parser("ca", help="a new authority for a hall")
    ca.add_argument("new", choices=("new",), help="make it")
    ca.add_argument("--hall", required=True, help="the hall's id")
    request = verbs.add_parser("request", help="on the device: a key, and a request to sign")
    request.add_argument("--hall", required=True, help="the hall's id")
    request.add_argument("--rotate", action="store_true", help="a next key beside the one in use")
    install = verbs.add_parser("install", help="on the device: take the signed certificate into use")
    for device in (request, install):
        device.add_argument("--name", required=True, help="the device's name")
        device.add_argument("--dir", type=Path, default=Path(), help="folder of its key and certificate")
    install.add_argument("file", type=Path, metavar="CERTIFICATE", help="the signed certificate")
    sign = verbs.add_parser("sign", help="sign a request whose fingerprint the technician compared")
    sign.add_argument("--fingerprint", required=True, help="as the device shows it")
    sign.add_argument("--role", choices=access.ROLES, default="device", help="what it may do at the broker")
    sign.add_argument("--host", action="append", default=[], help="for a broker: a name or address it is reached by")
    sign.add_argument("--days", type=int, default=DAYS, help="how long it is valid")
    sign.add_argument("file", type=Path, metavar="REQUEST", help="the device's request")
    revoke = verbs.add_parser("revoke", help="take back what was signed for a name")
    revoke.add_argument("name", help="the device's name")
    revoke.add_argument("--older", action="store_true", help="all but the newest: the end of a rotation")
    listed = verbs.add_parser("list", help="who is enrolled, and until when")
    broker = verbs.add_parser("broker-config", help="Mosquitto's configuration and access list")
    _broker_arguments(broker)
    serve = verbs.add_parser("serve", help="let devices enrol by the ticket on their card")
    serve.add_argument("--listen", required=True, metavar="ADDRESS:PORT", help="where they come, on the hall's network")
    serve.add_argument(
        "--then", default="", metavar="COMMAND", help="run this after each, for the broker's access list"
    )
    for desk in (ca, sign, serve, revoke, listed, broker):
        desk.add_argument("--ca", type=Path, required=True, help="folder of the hall's authority")


def _broker_arguments(broker: argparse.ArgumentParser) -> None:
    broker.add_argument("--out", type=Path, required=True, help="folder to write into")
    broker.add_argument("--port", type=int, default=8883, help="port to listen on")
    broker.add_argument("--address", default="", help="address to listen on (default: every one)")
    broker.add_argument("--cert", type=Path, default=Path("broker.pem"), help="the broker's certificate")
    broker.add_argument("--key", type=Path, default=Path("broker.key"), help="the broker's key")
    broker.add_argument("--bridge", metavar="NAME@HOST:PORT", help="send events on to a central broker")
    broker.add_argument("--bridge-ca", type=Path, help="authority of the central broker")
    broker.add_argument("--bridge-dir", type=Path, default=Path(), help="folder of the bridge's key and certificate")
    broker.add_argument("--bridge-commands", action="store_true", help="let the centre order gates of this hall")


def run(arguments: argparse.Namespace) -> int:
    now = dt.datetime.fromtimestamp(clock.from_environment().wall_ms() / 1000, dt.UTC)
    if now < EARLIEST:
        raise Mistake(f"the clock says {now:%Y-%m-%d}: set it first, certificates have dates")
    if arguments.what == "serve":
        return _serve(arguments)
    deeds = {"ca": _ca, "request": _request, "sign": _sign, "install": _install, "revoke": _revoke, "list": _list}
    if "ca" in arguments and arguments.what != "ca":
        with authority.locked(arguments.ca):
            return {**deeds, "broker-config": _broker}[arguments.what](arguments, now)
    return deeds[arguments.what](arguments, now)


def _say(told: str) -> int:
    print(spoken(told), flush=True)
    return 0


def _ca(arguments: argparse.Namespace, now: dt.datetime) -> int:
    made = Authority.new(arguments.ca, arguments.hall, now)
    told = f"authority of {made.hall} in {arguments.ca}: keep ca.key off the gates, and a copy of it in a safe"
    return _say(told)


def _request(arguments: argparse.Namespace, now: dt.datetime) -> int:
    Topics(arguments.hall, arguments.name)
    make_folder(arguments.dir)
    fingerprint = enrolment.ask(arguments.dir, arguments.name, arguments.hall, rotate=arguments.rotate)
    file = arguments.dir / f"{arguments.name}.csr"
    told = f"request in {file}; fingerprint {fingerprint}"
    return _say(told)


def _sign(arguments: argparse.Namespace, now: dt.datetime) -> int:
    if (arguments.role == "broker") != bool(arguments.host):
        raise Mistake("a broker, and nobody else, has one or more --host", key="--host")
    if not 1 <= arguments.days <= certificates.AUTHORITY_DAYS:
        raise Mistake(f"1 to {certificates.AUTHORITY_DAYS} days", key="--days")
    pem = read(arguments.file)
    seen, hosts = arguments.fingerprint, tuple(arguments.host)
    out = Authority(arguments.ca).sign(pem, str(arguments.file), arguments.role, seen, now, arguments.days, hosts)
    told = f"certificate in {out}; write broker-config again and restart the broker"
    return _say(told)


def _install(arguments: argparse.Namespace, now: dt.datetime) -> int:
    pem = read(arguments.file)
    made = enrolment.take_over(arguments.dir, arguments.name, pem, str(arguments.file), now)
    told = f"{arguments.name} is enrolled until {made.not_valid_after_utc:%Y-%m-%d}"
    return _say(told)


def _serve(arguments: argparse.Namespace) -> int:
    from firmware.trust.enrolment_desk import Desk

    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > PORT_MAX:
        raise Mistake("write ADDRESS:PORT", key="--listen")
    Authority(arguments.ca)
    then = _words(arguments.then)
    try:
        desk = Desk((host, int(port)), arguments.ca, clock.from_environment(), then)
    except OSError as error:
        raise Failure(f"{arguments.listen} cannot be listened on: {error.strerror or error}") from None
    told = f"devices enrol at http://{host}:{desk.server_port}"
    _say(told)
    with desk:
        desk.serve_forever()
    return 0


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        raise Mistake(f"{command!r} is no command: a quotation mark in it has no other", key="--then") from None


def _revoke(arguments: argparse.Namespace, now: dt.datetime) -> int:
    count = Authority(arguments.ca).revoke(arguments.name, now, but_last=arguments.older)
    told = f"{count} taken back; write broker-config again and restart the broker"
    return _say(told)


def _list(arguments: argparse.Namespace, now: dt.datetime) -> int:
    for one in Authority(arguments.ca).ledger.issued:
        until = dt.datetime.fromisoformat(one.until)
        told = (
            "revoked" if one.revoked else "expired" if until <= now else "rotate now" if until - now < SOON else "good"
        )
        print(f"{one.name:<24} {one.role:<14} {one.until} {spoken(told)}")
    return 0


def _broker(arguments: argparse.Namespace, now: dt.datetime) -> int:
    if not 0 < arguments.port <= PORT_MAX:
        raise Mistake(f"a port is a number from 1 to {PORT_MAX}", key="--port")
    authority, out = Authority(arguments.ca), arguments.out.resolve()
    for named in (out, arguments.cert.resolve(), arguments.key.resolve()):
        if not str(named).isprintable():
            raise Mistake("such a name cannot stand in the broker's configuration: choose another", file=str(named))
    data = out / "data"
    make_folder(data)
    files = access.Files(
        ca=str(out / "ca.pem"),
        cert=str(arguments.cert.resolve()),
        key=str(arguments.key.resolve()),
        crl=str(out / "crl.pem"),
        acl=str(out / "acl"),
        data=str(data),
    )
    for name in ("ca.pem", "crl.pem"):
        replace_file(out / name, read(arguments.ca / name))
    replace_file(out / "acl", access.acl(authority.hall, authority.parties(now)).encode())
    text = access.configuration(
        files, arguments.port, address=arguments.address, bridge=_bridge(arguments), hall=authority.hall
    )
    replace_file(out / "mosquitto.conf", text.encode())
    told = f"start it: mosquitto -c {out / 'mosquitto.conf'}"
    return _say(told)


def _bridge(arguments: argparse.Namespace) -> access.Bridge | None:
    if arguments.bridge is None:
        return None
    name, _, where = arguments.bridge.partition("@")
    host, _, port = where.rpartition(":")
    if not (name and host and port.isdecimal() and 0 < int(port) <= PORT_MAX and arguments.bridge_ca):
        raise Mistake("write --bridge NAME@HOST:PORT and --bridge-ca FILE", key="--bridge")
    Topics("hall", name)
    folder = arguments.bridge_dir.resolve()
    return access.Bridge(
        name=name,
        host=host,
        port=int(port),
        ca=str(arguments.bridge_ca.resolve()),
        cert=str(folder / f"{name}.pem"),
        key=str(folder / f"{name}.key"),
        commands=arguments.bridge_commands,
    )
