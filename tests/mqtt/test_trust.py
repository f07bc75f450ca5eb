"""Certificates, access list and refusals on a real Mosquitto with TLS: every line of the list tried, both ways."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clock import Clock
from firmware.errors import Mistake
from firmware.trust import certificates
from mqtt.access import Files, Party, configuration, rights
from mqtt.address import Address
from mqtt.connection import PACKET_MAX, Connection, Plan
from tests import needs
from tests.brokers import wait_until
from tests.mqtt.helpers import Ear
from tests.mqtt.trust import Hall, enrol, modern, refused

pytestmark = needs.broker
ROOT = "hallgate/v1/baoshan"
PARTIES = {"gate-1": "device", "gate-2": "bank", "hub": "hub", "wall": "reader", "ha": "home-assistant"}


@pytest.fixture
def hall(tmp_path: Path, capsys: Any) -> Iterator[Hall]:
    made = Hall(tmp_path, capsys)
    made.enrolled("broker", "broker", "--host", "127.0.0.1", "--host", "localhost")
    for name, role in PARTIES.items():
        made.enrolled(name, role)
    made.configure()
    made.start()
    yield made
    made.kill()


class Client(Ear):
    """An ear with a certificate."""

    def __init__(self, address: Address, *topics: str, client_id: str, clock: Clock | None = None) -> None:
        super().__init__("mqtt://127.0.0.1:1", *topics, client_id=client_id)
        self.connection.stop(5.0)
        plan = Plan(client_id=client_id, session_expiry_s=0, receive_maximum=100, subscriptions=topics)
        self.connection = Connection(address, plan, self, clock or Clock())
        self.connection.start()


def connected(hall: Hall, name: str, *topics: str) -> Client:
    made = Client(hall.door(name), *topics, client_id=name)
    wait_until(lambda: made.connection.connected or pytest.fail(made.connection.problem) if made.connection.problem not in
               ("", "not connected yet") else made.connection.connected)  # fmt: skip
    # The broker takes the words of one client in turn: what follows its subscriptions is answered when they hold.
    made.say("anything/else", b"")
    wait_until(lambda: made.reasons)
    made.reasons.clear()
    return made


# ---------------------------------------------------------------- the access list

TOPICS = {
    f"{ROOT}/device/gate-1/availability": "gate-1",
    f"{ROOT}/device/gate-1/status": "gate-1",
    f"{ROOT}/device/gate-1/event": "gate-1",
    f"{ROOT}/device/gate-1/command/open_once": "hub",
    f"{ROOT}/device/gate-1/history": "hub",
    f"{ROOT}/device/gate-2/availability": "gate-2",
    f"{ROOT}/device/gate-2/status": "gate-2",
    f"{ROOT}/device/gate-2/event": "gate-2",
    f"{ROOT}/device/gate-2/command/open_once": "hub",
    f"{ROOT}/device/gate-2/history": "hub",
    f"{ROOT}/rulebook": "hub",
    f"{ROOT}/roster": "hub",
    f"{ROOT}/trust": "hub",
    f"{ROOT}/revocations": "hub",
    f"{ROOT}/passes/gate-1": "gate-1",
    f"{ROOT}/passes/gate-2": "gate-2",
    f"{ROOT}/used/gate-1": "gate-1",
    f"{ROOT}/used/gate-2": "gate-2",
    f"{ROOT}/rights/hall/row/gate-1-0a1b2c3d": "gate-1 gate-2",
    f"{ROOT}/rights/hall/ask/gate-1-0a1b2c3d": "gate-1 gate-2",
    f"{ROOT}/rights/hall/command": "hub",
    f"{ROOT}/rights/hall/notice": "gate-2",
    f"{ROOT}/hub/answers/x": "gate-1 gate-2",
    "homeassistant/device/gate-1/config": "gate-1",
    "homeassistant/device/gate-2/config": "gate-2",
    "homeassistant/status": "ha",
    "hallgate/v1/elsewhere/device/gate-1/event": "",
    "hallgate/v1/elsewhere/rulebook": "",
    "anything/else": "",
}
"""Every topic of the contract, and who may write it."""

HEARD = {
    "gate-1": {
        *(f"{ROOT}/device/gate-1/{last}" for last in ("command/open_once", "history")),
        *(
            f"{ROOT}/{what}"
            for what in ("rulebook", "roster", "trust", "revocations", "passes/gate-1", "passes/gate-2")
        ),
        *(f"{ROOT}/used/{name}" for name in ("gate-1", "gate-2")),
        *(f"{ROOT}/rights/hall/{last}" for last in ("row/gate-1-0a1b2c3d", "ask/gate-1-0a1b2c3d", "notice")),
        "homeassistant/status",
    },
    "hub": {topic for topic in TOPICS if topic.startswith(ROOT)},
    "wall": {topic for topic in TOPICS if re.match(f"{ROOT}/device/[^/]+/(availability|status|event)$", topic)},
}
HEARD["gate-2"] = {topic.replace("device/gate-1/", "device/gate-2/") for topic in HEARD["gate-1"]}
HEARD["gate-2"].add(f"{ROOT}/rights/hall/command")
HEARD["ha"] = HEARD["wall"] | {topic for topic in TOPICS if topic.startswith("homeassistant/device")}


def test_each_name_may_write_and_hear_its_own_topics_and_no_other(hall: Hall) -> None:
    clients = {name: connected(hall, name, "#", *TOPICS, *(f"{ROOT}/device/+/event",)) for name in PARTIES}
    try:
        for name, client in clients.items():
            for topic in TOPICS:
                client.say(topic, name.encode())
            wait_until(lambda told=client: len(told.reasons) == len(TOPICS), 30.0)
        for name, client in clients.items():
            written = {topic for topic, code in zip(TOPICS, client.reasons, strict=True) if code != 0x87}
            assert written == {topic for topic, who in TOPICS.items() if name in who.split()}, name
        said = {(topic, writer) for topic, who in TOPICS.items() for writer in who.split()}
        for name, client in clients.items():
            # First all it may hear, then: nothing else came, although it asked for everything.
            allowed = {pair for pair in said if pair[0] in HEARD[name]}
            with_patience(lambda by=client: heard(by), allowed, name)
            assert heard(client) == allowed, name
    finally:
        for client in clients.values():
            client.close()


def with_patience(look: Callable[[], set[tuple[str, str]]], wanted: set[tuple[str, str]], name: str) -> None:
    try:
        wait_until(lambda: look() >= wanted)
    except AssertionError:
        raise AssertionError(f"{name} never heard {sorted(wanted - look())}") from None


def heard(client: Client) -> set[tuple[str, str]]:
    """Whom it heard where."""
    return {(message.topic, message.payload.decode()) for message in list(client.heard_all) if message.topic in TOPICS}


def test_the_list_gives_no_device_a_word_in_anothers_name() -> None:
    for role in ("device", "bank"):
        written = [topic for right, topic in rights("baoshan", Party("gate-1", role)) if right == "write"]
        assert not [topic for topic in written if "command" in topic or "#" in topic.replace("answers/#", "")]
        assert all("gate-1" in topic or "/rights/+/" in topic or "answers" in topic for topic in written)


def test_a_broker_takes_what_a_device_takes_and_holds_no_more_than_its_machine_has() -> None:
    """Nought would be without a bound, to Mosquitto: one absent hub would fill the memory of all."""
    files = Files(ca="ca", cert="cert", key="key", crl="crl", acl="acl", data="data")
    words = dict(line.partition(" ")[::2] for line in configuration(files, 8883).splitlines())
    assert int(words["message_size_limit"]) == PACKET_MAX
    assert 256 * 2**20 <= int(words["memory_limit"]) <= 1024 * 2**20
    assert 3 * 3600 * 10 <= int(words["max_queued_messages"]) <= 1_000_000


# ---------------------------------------------------------------- who is refused, and with which line


def problem(address: Address, name: str, *, clock: Clock | None = None, words: str) -> None:
    client = Client(address, client_id=name, clock=clock)
    try:
        wait_until(lambda: words in client.connection.problem or client.connection.connected)
        assert not client.connection.connected, client.connection.problem
    except AssertionError as vain:
        raise AssertionError(f"{vain}; it said {client.connection.problem!r}") from None
    finally:
        client.close()


def enters(address: Address, name: str) -> bool:
    client = Client(address, client_id=name)
    try:
        wait_until(lambda: client.connection.connected or client.connection.problem not in ("", "not connected yet"))
        return client.connection.connected
    finally:
        client.close()


def test_every_wrong_certificate_is_refused_with_its_own_line(hall: Hall, tmp_path: Path, capsys: Any) -> None:
    other = Hall(tmp_path / "elsewhere", capsys, "elsewhere")
    other.enrolled("gate-1")
    files = other.tls("gate-1")
    problem(hall.door("gate-1", ca=files.ca), "gate-1", words="not this hall's")
    problem(hall.door("gate-1", cert=files.cert, key=files.key), "gate-1", words="does not know our certificate's")
    problem(Address.parse(hall.url, hall.tls("gate-1", cert=None, key=None)), "gate-1", words="wants a certificate")
    problem(hall.door("gate-1", key=hall.tls("gate-2").key), "gate-1", words="cannot be used")
    problem(hall.door("gate-1", cert=hall.at("none.pem")), "gate-1", words="there is no file")
    old, far = Clock(wall_ms=0.0), Clock(wall_ms=4e12)
    problem(hall.door("gate-1"), "gate-1", clock=old, words="this clock says 1970-01-01: set the clock")
    problem(hall.door("gate-1"), "gate-1", clock=far, words="ran out on")
    hall.tls("gate-1").key.chmod(0o640)
    problem(hall.door("gate-1"), "gate-1", words="chmod 600")
    elsewhere = Address.parse(f"mqtts://127.0.0.2:{hall.port}", hall.tls("hub"))
    problem(elsewhere, "hub", words="efused")


def test_a_device_that_is_taken_back_is_silenced_at_once_and_stays_out(hall: Hall, capsys: Any) -> None:
    gone = connected(hall, "gate-1", f"{ROOT}/rulebook")
    ear = connected(hall, "hub", f"{ROOT}/#")
    assert "restart the broker" in enrol(capsys, "revoke", "--ca", hall.authority, "gate-1")
    hall.configure()
    hall.signal(signal.SIGHUP)

    def silenced() -> bool:
        gone.say(f"{ROOT}/device/gate-1/event", b"am I still here?")
        return 0x87 in gone.reasons

    try:
        wait_until(silenced, every_s=0.1)
    finally:
        gone.close()
    wait_until(lambda: not enters(hall.door("gate-1"), "gate-1"), every_s=0.1)  # the broker has read it again
    problem(hall.door("gate-1"), "gate-1", words="our certificate was revoked")
    assert ear.connection.connected, "the others stay"
    ear.close()
    assert "revoked" in enrol(capsys, "list", "--ca", hall.authority)


def test_only_modern_tls_is_spoken(hall: Hall) -> None:
    assert modern(hall, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert modern(hall, ssl.TLSVersion.TLSv1_2) in ("TLSv1.2", "SSLError", "ConnectionResetError")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert modern(hall, ssl.TLSVersion.TLSv1_1) not in ("TLSv1.1", "TLSv1.2")


def test_a_rotation_overlaps_and_the_older_certificate_can_go(hall: Hall, capsys: Any) -> None:
    before = hall.tls("gate-1").cert.read_bytes()
    key = hall.tls("gate-1").key.read_bytes()
    hall.enrolled("gate-1", rotate=True)
    assert hall.tls("gate-1").cert.read_bytes() != before and hall.tls("gate-1").key.read_bytes() != key
    assert hall.tls("gate-1").key.stat().st_mode & 0o777 == 0o600
    assert not (hall.at("gate-1") / "gate-1.next.key").exists()
    keep = hall.at("older")
    keep.mkdir()
    (keep / "older.pem").write_bytes(before)
    (keep / "older.key").write_bytes(key)
    (keep / "older.key").chmod(0o600)
    for name in ("gate-1", "older"):
        both = Client(hall.door(name), client_id="gate-1")
        wait_until(lambda by=both: by.connection.connected)
        both.close()
    assert enrol(capsys, "revoke", "--ca", hall.authority, "gate-1", "--older").startswith("1 ")
    hall.configure()
    hall.signal(signal.SIGHUP)
    wait_until(lambda: not enters(hall.door("older"), "gate-1"), every_s=0.1)  # the broker has read it again
    problem(hall.door("older"), "gate-1", words="was revoked")
    new = connected(hall, "gate-1")
    new.close()


# ---------------------------------------------------------------- the desk


def test_nothing_is_signed_that_the_technician_did_not_compare(tmp_path: Path, capsys: Any) -> None:
    hall = Hall(tmp_path, capsys)
    seen = hall.asked("gate-1")
    csr = hall.at("gate-1") / "gate-1.csr"
    sign = ("sign", "--ca", hall.authority)
    for wrong in ("0" * 32, seen[:9]):
        told = refused(capsys, *sign, "--fingerprint", wrong, csr)
        assert "read it again at the device" in told and seen not in told
    assert "--host" in refused(capsys, *sign, "--fingerprint", seen, "--role", "broker", csr)
    assert "--days" in refused(capsys, *sign, "--fingerprint", seen, "--days", 0, csr)
    csr.write_bytes(csr.read_bytes()[:80])
    assert "no certificate request" in refused(capsys, *sign, "--fingerprint", seen, csr)
    key = (hall.at("gate-1") / "gate-1.key").read_bytes()
    assert hall.asked("gate-1") == seen, "read again at the device"
    assert (hall.at("gate-1") / "gate-1.key").read_bytes() == key
    told = enrol(capsys, *sign, "--fingerprint", seen, csr)
    assert "certificate in" in told
    foreign = Hall(tmp_path / "elsewhere", capsys, "elsewhere")
    fingerprint = foreign.asked("gate-9")
    at = foreign.at("gate-9") / "gate-9.csr"
    assert "asks for hall elsewhere" in refused(capsys, *sign, "--fingerprint", fingerprint, at)
    assert "is no name" in refused(capsys, "request", "--name", "gate+1", "--hall", "baoshan", "--dir", tmp_path / "x")
    serve, config = ("serve", "--listen", "127.0.0.1:99999"), ("broker-config", "--out", tmp_path, "--port", 99999)
    assert "ADDRESS:PORT" in refused(capsys, *serve, "--ca", hall.authority)
    assert "1 to 65535" in refused(capsys, *config, "--ca", hall.authority)
    assert "no authority here" in refused(capsys, "list", "--ca", tmp_path / "nowhere")
    (hall.authority / "ca.key").chmod(0o644)
    assert "chmod 600" in refused(capsys, "list", "--ca", hall.authority)


def test_nothing_is_signed_while_the_clock_is_at_1970(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("HALLGATE_CLOCK", "wall=1970-01-01T00:00:10+00:00")
    assert "the clock says 1970-01-01" in refused(capsys, "ca", "new", "--hall", "baoshan", "--ca", tmp_path / "a")


def test_a_certificate_for_somebody_else_is_not_installed(tmp_path: Path, capsys: Any) -> None:
    hall = Hall(tmp_path, capsys)
    hall.enrolled("gate-1")
    hall.enrolled("gate-2")
    other = hall.authority / "gate-2.pem"
    words = ("install", "--name", "gate-1", "--dir", hall.at("gate-1"))
    assert "is for gate-2" in refused(capsys, *words, other)
    stranger = ("install", "--name", "gate-2", "--dir", hall.at("gate-1"))
    assert "no key here fits" in refused(capsys, *stranger, other)
    assert json.loads((hall.authority / "parties.json").read_text())["issued"][0]["name"] == "gate-1"


@given(st.binary(max_size=400))
def test_no_bytes_are_a_request_by_accident(noise: bytes) -> None:
    for pem in (noise, b"-----BEGIN CERTIFICATE REQUEST-----\n" + noise + b"\n-----END CERTIFICATE REQUEST-----\n"):
        with pytest.raises(Mistake):
            certificates.load_request(pem, "x.csr")


PRIVATE = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}")


def test_no_private_key_is_in_the_repository(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout.split(b"\0")
    files = [root / name.decode() for name in listed if name]
    assert len(files) > 100
    assert [str(file) for file in files if file.is_file() and PRIVATE.search(file.read_bytes())] == []
    assert PRIVATE.search(certificates.key_pem(certificates.new_key())), "it would be seen"
