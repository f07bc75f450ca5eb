"""Who may ask the hub for orders, and what becomes of them: refused for every wrong thing, signed for the right one."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.clock import Clock
from firmware.core import jwk
from firmware.core.bucket import Bucket
from firmware.errors import Mistake
from mqtt import jws, operators
from mqtt.address import Address
from mqtt.desk import Desk
from mqtt.hub import Hub
from mqtt.messages import CommandAnswer, Envelope
from mqtt.operators import IDLE_MS, LASTS_MS, Operator, Operators, hashed
from mqtt.orders import VALID_S, Order, Orders
from mqtt.page import Page
from mqtt.words import WORDS
from tests.brokers import Broker, wait_until
from tests.mqtt.helpers import Ear

PASSWORD = "correct horse"
WANG = Operator("wang", hashed(PASSWORD))
CLERK = Operator("clerk", hashed(PASSWORD), ("acknowledge",))


class Mute:
    """Orders that go nowhere."""

    def __init__(self) -> None:
        self.given: list[Any] = []

    def give(self, orders: list[Any], operator: str) -> dict[str, CommandAnswer | None]:
        self.given += [(operator, order) for order in orders]
        return {order.device or "bank": CommandAnswer(id="x", result="done") for order in orders}


def desk() -> tuple[Desk, Mute]:
    mute = Mute()
    return Desk(Operators([WANG, CLERK]), mute, lambda hall: ["a", "b"]), mute  # type: ignore[arg-type]


def signed_in(made: Desk, name: str = "wang") -> tuple[str, str]:
    answer = made.post("/sign-in", "", "", json.dumps({"name": name, "password": PASSWORD}).encode(), 0.0)
    assert answer.cookie is not None
    assert "HttpOnly; SameSite=Strict" in answer.cookie
    return answer.cookie.split("=", 1)[1].split(";")[0], answer.body["proof"]


def order(name: str, **more: Any) -> bytes:
    return json.dumps({"name": name, "hall": "baoshan", **more}).encode()


def test_an_order_needs_session_and_proof() -> None:
    made, mute = desk()
    token, proof = signed_in(made)
    body = order("hold", device="gate-1", lane="A")
    assert made.post("/order", proof, "", body, 0.0).status == 401
    assert made.post("/order", proof, "x" * 40, body, 0.0).status == 401
    assert made.post("/order", "", token, body, 0.0).status == 403
    assert made.post("/order", "另一个", token, body, 0.0).status == 403
    assert mute.given == []
    assert made.post("/order", proof, token, body, 0.0).body == {"done": 1, "of": 1, "refused": {}}
    assert made.post("/sign-out", proof, token, b"{}", 0.0).status == 200
    assert made.post("/order", proof, token, body, 0.0).status == 401
    assert len(mute.given) == 1


def test_browsers_that_sign_in_and_out_at_once_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "_fits", lambda _password, _kept: True)
    known, went_wrong = Operators([WANG]), list[BaseException]()
    for _ in range(operators.SESSIONS_MAX - 6):
        known.sign_in("wang", PASSWORD, 0.0)

    def browser() -> None:
        try:
            for now in range(3_000):
                session = known.sign_in("wang", PASSWORD, now)
                assert session is not None and known.session(session.token, now) is session
                known.sign_out(session.token)
        except BaseException as error:
            went_wrong.append(error)

    threads = [threading.Thread(target=browser) for _ in range(6)]
    every_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(every_s)
    assert not went_wrong


def test_a_session_ends_by_idleness_and_by_age() -> None:
    known = Operators([WANG])
    idle = known.sign_in("wang", PASSWORD, 0.0)
    assert idle is not None
    assert known.session(idle.token, IDLE_MS + 1) is None
    used = known.sign_in("wang", PASSWORD, 0.0)
    assert used is not None
    now = 0.0
    while now <= LASTS_MS:
        assert known.session(used.token, now)
        now += IDLE_MS / 2
    assert known.session(used.token, now) is None


def test_an_evacuation_leaves_no_door_of_a_large_hall_out() -> None:
    sent: list[Any] = []
    orders = Orders(Ed25519PrivateKey.generate(), "hub-1", Clock(), sent.extend)
    answers = orders.give([Order("baoshan", "evacuate", f"gate-{number}") for number in range(1_200)], "page-wang", 0.0)
    assert len(sent) == len(answers) == 1_200 and set(answers.values()) == {None}


def test_an_order_that_nobody_answered_is_dead_before_its_giver_hears_so() -> None:
    """Else a door that comes back opens once for the order and once for its repetition."""
    waits: list[float | None] = []
    orders = Orders(Ed25519PrivateKey.generate(), "hub-1", Clock(), lambda sent: None)
    orders._news.wait_for = lambda _, wait_s=None: bool(waits.append(wait_s))  # type: ignore[method-assign]
    assert orders.give([Order("baoshan", "open_once", "gate-1")], "page-wang") == {"gate-1": None}
    assert waits[0] is not None and waits[0] > VALID_S


def test_of_an_evacuation_that_a_door_did_not_answer_it_is_said_that_it_comes() -> None:
    made, mute = desk()
    token, proof = signed_in(made)
    mute.give = lambda orders, operator: {order.device: None for order in orders}  # type: ignore[method-assign]
    told = [
        made.post("/order", proof, token, order(each, device="a", lane="A"), 0.0).body for each in ("evacuate", "hold")
    ]
    assert [each["refused"]["a"] for each in told] == ["no_answer_yet", "no_answer"]
    assert {"no_answer_yet", "no_answer"} <= WORDS.keys()


def test_guessing_is_slow_and_a_busy_page_still_evacuates() -> None:
    made, _ = desk()
    token, proof = signed_in(made)
    wrong = b'{"name": "wang", "password": "wrong wrong"}'
    codes = [made.post("/sign-in", "", "", wrong, 0.0).status for _ in range(8)]
    assert codes == [403] * 4 + [429] * 4
    paced = [made.post("/order", proof, token, order("hold"), 0.0).status for _ in range(25)]
    assert paced == [200] * 20 + [429] * 5
    assert made.post("/order", proof, token, order("evacuate"), 0.0).body["of"] == 2
    assert [Bucket(1, 1.0).take(0.0)] == [True]


def test_only_what_an_operator_may_and_only_what_makes_sense() -> None:
    made, mute = desk()
    token, proof = signed_in(made, "clerk")
    assert made.post("/order", proof, token, order("hold"), 0.0).body == {"because": "not_allowed"}
    assert made.post("/order", proof, token, order("acknowledge", device="a"), 0.0).status == 400
    token, proof = signed_in(made)
    for bad in (
        order("limit", n=-1),
        order("limit"),
        order("open_once", device="a"),
        order("hold", device="../b", lane="A"),
        order("acknowledge", incident="x"),
        order("refill", device="a"),
        order("refill", item="gel"),
        order("refill", device="a", item="<gel>"),
        json.dumps({"name": "limit", "hall": "+", "n": 5}).encode(),
    ):
        assert made.post("/order", proof, token, bad, 0.0).status == 400, bad
    assert mute.given == []
    assert made.post("/order", proof, token, order("limit", n=120), 0.0).status == 200
    assert (mute.given[0][1].device, mute.given[0][1].body) == ("", {"n": 120})


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12), st.text(max_size=30), st.binary(max_size=80))
def test_no_bytes_break_the_desk(path: str, proof: str, body: bytes) -> None:
    made = Desk(Operators([]), Mute(), lambda hall: [])  # type: ignore[arg-type]
    assert made.post(f"/{path}", proof, proof, body, 0.0).status in (400, 401, 403, 429)
    assert made.post("/order", proof, proof, body, 0.0).status == 401


def test_the_operators_file_is_written_private_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "operators.toml"
    operators.add(file, "wang", PASSWORD)
    operators.add(file, "li", PASSWORD, ("acknowledge",))
    operators.add(file, "wang", PASSWORD + "2")
    monkeypatch.setattr(operators, "OPERATORS_MAX", 2)
    operators.add(file, "li", PASSWORD, ("acknowledge",))
    with pytest.raises(Mistake, match="take out who is gone"):
        operators.add(file, "zhao", PASSWORD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    known = Operators(operators.read(file))
    assert known.sign_in("wang", PASSWORD, 0.0) is None
    assert known.sign_in("wang", PASSWORD + "2", 0.0)
    assert known.sign_in("li", PASSWORD, 0.0)
    for name, password in (("No", PASSWORD), ("ok", "short")):
        with pytest.raises(Mistake):
            operators.add(file, name, password)
    os.chmod(file, 0o644)
    with pytest.raises(Mistake, match="chmod 600"):
        operators.read(file)


@pytest.mark.parametrize("text", ["operator = 1", "operator = " + "[" * 100_000, "operator = [", "\xff"])
def test_what_is_no_list_of_operators_is_called_so(text: str, tmp_path: Path) -> None:
    file = tmp_path / "operators.toml"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    with pytest.raises(Mistake, match="is no list of operators"):
        operators.read(file)


# ---------------------------------------------------------------- on the wire


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def page(broker: Broker, key: Ed25519PrivateKey) -> Iterator[Page]:
    clock = Clock()
    orders = Orders(key, "hub-1", clock, lambda messages: hub.publish(messages))
    hub = Hub(Address.parse(broker.url), clock, hall="baoshan", client_id="hub-1", orders=orders)
    made = Page(hub, "127.0.0.1", 0, desk=Desk(Operators([WANG]), orders, lambda hall: ["gate-1"]))
    hub.start()
    made.start()
    wait_until(lambda: hub.connection.connected)
    yield made
    made.stop()
    assert hub.stop(10.0)


def post(page: Page, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any], str]:
    host = urlsplit(page.url).netloc
    usual = {"Origin": f"http://{host}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request("POST", path, body, {**usual, **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers.get("Set-Cookie", "")
    finally:
        connection.close()


def test_a_signed_order_reaches_the_device_and_its_answer_comes_back(
    broker: Broker, page: Page, key: Ed25519PrivateKey
) -> None:
    ear = Ear(broker.url, "hallgate/v1/baoshan/device/gate-1/command/+", "hallgate/v1/baoshan/rights/hall/command")
    wait_until(lambda: ear.connection.connected)

    def answer_all() -> None:
        for one in ear.heard_all:
            order = msgspec.json.decode(jws.unpack(one.payload.split(b".")[1]), type=Envelope)
            said = CommandAnswer(id=order.id, result="refused", because="no_such_lane")
            assert one.response_topic is not None
            ear.say(one.response_topic, said.encoded(), correlation=one.correlation)

    ear.heard = lambda message: (ear.heard_all.append(message), answer_all())  # type: ignore[method-assign]
    try:
        sign_in = json.dumps({"name": "wang", "password": PASSWORD}).encode()
        code, me, cookie = post(page, "/sign-in", sign_in)
        assert code == 200
        proof, jar = me["proof"], cookie.split(";")[0]
        body = order("hold", device="gate-1", lane="A")
        code, said, _ = post(page, "/order", body, Cookie=jar, X_Hallgate_Proof=proof)
        assert (code, said) == (200, {"done": 0, "of": 1, "refused": {"gate-1": "no_such_lane"}})
        (sent,) = ear.heard_all
        kid = str(jwk.write(key.public_key(), ["command"], ())["kid"])
        head, payload, signature = sent.payload.split(b".")
        key.public_key().verify(jws.unpack(signature), head + b"." + payload)
        assert json.loads(jws.unpack(head)) == {"alg": "EdDSA", "kid": kid}
        envelope = msgspec.json.decode(jws.unpack(payload), type=Envelope)
        assert (envelope.issuer, envelope.name, envelope.device) == ("page-wang", "hold", "gate-1")
        assert (envelope.body["lane"], sent.retained) == ("A", False)
        assert 0 < envelope.expires_at - envelope.issued_at <= 30

        post(page, "/order", order("limit", n=90), Cookie=jar, X_Hallgate_Proof=proof)
        bank = msgspec.json.decode(jws.unpack(ear.heard_all[-1].payload.split(b".")[1]), type=Envelope)
        assert (bank.device, bank.name, bank.body) == ("bank", "limit", {"n": 90})
        assert bank.counter > envelope.counter
    finally:
        ear.close()


def test_other_origins_other_types_and_big_bodies_are_refused(page: Page) -> None:
    sign_in = json.dumps({"name": "wang", "password": PASSWORD}).encode()
    assert post(page, "/sign-in", sign_in, Origin="http://evil.example")[0] == 403
    assert post(page, "/sign-in", sign_in, Origin="")[0] == 403
    assert post(page, "/sign-in", sign_in, Origin="null")[0] == 403
    assert post(page, "/sign-in", sign_in, Content_Type="text/plain")[0] == 400
    assert post(page, "/sign-in", sign_in + b" " * 5_000)[0] == 400
    assert post(page, "/sign-in", sign_in, Host="evil.example", Origin="http://evil.example")[0] == 403
    assert post(page, "/sign-in", sign_in)[0] == 200


@pytest.mark.parametrize("length", ["Content-Length: 000000099999", "Content-Length: 5\r\nTransfer-Encoding: chunked"])
def test_a_body_that_hides_its_end_is_not_read(page: Page, length: str) -> None:
    host = page.url.removeprefix("http://").rstrip("/")
    ours = f"Host: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\n"
    hidden = f"GET /me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(host.split(":")[1])), 10) as line:
        line.sendall(f"POST /sign-in HTTP/1.1\r\n{ours}{length}\r\n\r\n0\r\n\r\n{hidden}".encode())
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and answer.count(b"HTTP/1.1") == 1


def test_a_page_without_a_desk_takes_no_orders(broker: Broker) -> None:
    made = Page(Hub(Address.parse(broker.url), Clock(), hall="baoshan", client_id="h"), "127.0.0.1", 0)
    made.start()
    try:
        assert post(made, "/sign-in", b"{}")[0] == 400
    finally:
        made.stop()
