"""A hall with an authority, enrolled by the verb as a technician would, and its Mosquitto with TLS and access list."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from firmware import __main__ as command_line
from mqtt.address import Address
from tests.brokers import Broker


def enrol(capsys: Any, *words: object) -> str:
    """What the verb printed; it must have gone well."""
    capsys.readouterr()
    code = command_line.main(["enrol", *map(str, words)])
    out, err = capsys.readouterr()
    assert code == 0, err
    return str(out)


def refused(capsys: Any, *words: object) -> str:
    """The one line it was refused with; exit 2."""
    capsys.readouterr()
    assert command_line.main(["enrol", *map(str, words)]) == 2
    err = str(capsys.readouterr().err)
    assert err.count("\n") == 1 and "Traceback" not in err
    return err


class Hall(Broker):
    """`authority` on the desk, `at(name)` on that device, `broker` as configured by `broker-config`."""

    def __init__(self, folder: Path, capsys: Any, hall: str = "baoshan") -> None:
        super().__init__(folder)
        self.capsys, self.hall = capsys, hall
        self.authority, self.out = folder / "authority", folder / "broker"
        self.config = self.out / "mosquitto.conf"
        self.more: list[object] = []
        enrol(capsys, "ca", "new", "--hall", hall, "--ca", self.authority)

    def at(self, name: str) -> Path:
        return self.folder / name

    def enrolled(self, name: str, role: str = "device", *more: object, rotate: bool = False, clock: str = "") -> None:
        self.sign(name, self.asked(name, rotate=rotate), role, *more)
        enrol(self.capsys, "install", "--name", name, "--dir", self.at(name), self.authority / f"{name}.pem")

    def asked(self, name: str, *, rotate: bool = False) -> str:
        words = ("--rotate",) if rotate else ()
        told = enrol(self.capsys, "request", "--name", name, "--hall", self.hall, "--dir", self.at(name), *words)
        return re.findall(r"fingerprint (\S+)", told)[0]

    def sign(self, name: str, fingerprint: str, role: str, *more: object) -> None:
        words = ("--ca", self.authority, "--role", role, "--fingerprint", fingerprint, *more)
        enrol(self.capsys, "sign", *words, self.at(name) / f"{name}.csr")

    def tls(self, name: str, **changed: Any) -> SimpleNamespace:
        files = {"ca": self.authority / "ca.pem", "cert": self.at(name) / f"{name}.pem"}
        return SimpleNamespace(**{**files, "key": self.at(name) / f"{name}.key", **changed})

    def door(self, name: str, **changed: Any) -> Address:
        """How this party reaches the broker, with its own certificate."""
        return Address.parse(self.url, self.tls(name, **changed))

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    # ------------------------------------------------------------ the broker

    def configure(self) -> None:
        own = self.at("broker")
        words = ("--ca", self.authority, "--out", self.out, "--port", self.port, "--address", "127.0.0.1")
        enrol(
            self.capsys, "broker-config", *words, "--cert", own / "broker.pem", "--key", own / "broker.key", *self.more
        )
        # Mosquitto started by root becomes another user, who may not read this test's files.
        self.config.write_text(self.config.read_text().replace("per_listener", "user root\nper_listener") + self.extra)


def modern(path: Hall, version: ssl.TLSVersion) -> str:
    """The protocol a client that speaks only `version` gets; the error's name when it gets none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    try:
        with socket.create_connection(("127.0.0.1", path.port)) as raw, context.wrap_socket(raw) as line:
            return str(line.version())
    except (ssl.SSLError, OSError) as error:
        return type(error).__name__
