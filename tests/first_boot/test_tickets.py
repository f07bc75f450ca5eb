"""A device enrols by the ticket on its card: once, by its own key, at its own hall's desk, whatever the clock says."""

from __future__ import annotations

import datetime as dt
import http.server
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware import __main__ as command_line
from firmware.errors import Failure, Mistake
from firmware.trust import certificates, enrolment_ticket
from firmware.trust.authority import Authority
from tests.first_boot.desk import NOW, Desk, authority, desk


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("hall")
    with desk(folder / "ca", "--then", f"touch {folder}/told") as made:
        yield made


def request(name: str, hall: str = "baoshan") -> tuple[certificates.Key, bytes]:
    key = certificates.new_key()
    return key, certificates.request(name, hall, key)


def test_a_device_with_a_ticket_is_enrolled_and_its_broker_told(hall: Desk) -> None:
    ticket = hall.ticket("east-1")
    key, asked = request("east-1")
    got = enrolment_ticket.ask(hall.url, ticket, "east-1", asked)
    made = certificates.load_certificate(got.certificate.encode(), "")
    assert certificates.matches(made, key) and certificates.name_of(made.subject) == ("east-1", "baoshan")
    made.verify_directly_issued_by(certificates.load_certificate(got.ca.encode(), ""))
    assert "east-1" in hall.enrolled and (hall.folder.parent / "told").exists()
    assert enrolment_ticket.ask(hall.url, ticket, "east-1", asked).certificate == got.certificate, "the answer was lost"


def test_a_command_that_is_none_is_told_before_anybody_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = str(tmp_path / "ca")
    assert command_line.main(["enrol", "ca", "new", "--hall", "baoshan", "--ca", ca]) == 0
    assert command_line.main(["enrol", "serve", "--ca", ca, "--listen", "127.0.0.1:0", "--then", "echo 'x"]) == 2
    assert "--then:" in capsys.readouterr().err


def test_a_bank_may_hear_the_orders_for_the_halls_limit(hall: Desk) -> None:
    ticket = Authority(hall.folder).ticket("bank-1", NOW, "bank")
    enrolment_ticket.ask(hall.url, ticket, "bank-1", request("bank-1")[1])
    assert {party.name: party.role for party in Authority(hall.folder).parties(NOW)}["bank-1"] == "bank"
    with pytest.raises(Mistake, match="enrolled in another role"):
        hall.ticket("bank-1")


def test_a_copied_card_gets_nothing(hall: Desk) -> None:
    ticket = hall.ticket("east-2")
    enrolment_ticket.ask(hall.url, ticket, "east-2", request("east-2")[1])
    with pytest.raises(Mistake, match="used by another device"):
        enrolment_ticket.ask(hall.url, ticket, "east-2", request("east-2")[1])


@pytest.mark.parametrize(
    ("name", "of", "for_hall", "said"),
    [
        ("east-3", "east-4", "baoshan", "another name"),
        ("east-3", "east-3", "minhang", "asks for hall minhang"),
        ("nobody", "nobody", "baoshan", "not known, or ran out"),
    ],
)
def test_who_gets_no_certificate(hall: Desk, name: str, of: str, for_hall: str, said: str) -> None:
    ticket = hall.ticket("east-3")
    with pytest.raises(Mistake, match=said):
        enrolment_ticket.ask(hall.url, ticket, name, request(of, for_hall)[1])


def test_a_guessed_an_old_and_a_revoked_ticket(hall: Desk) -> None:
    hall.ticket("east-5")
    for ticket in ("0" * 64, hall.ticket("east-5", NOW - dt.timedelta(days=31))):
        with pytest.raises(Mistake, match="not known, or ran out"):
            enrolment_ticket.ask(hall.url, ticket, "east-5", request("east-5")[1])
    first, second = hall.ticket("east-5"), hall.ticket("east-5")
    with pytest.raises(Mistake, match="not known"):
        enrolment_ticket.ask(hall.url, first, "east-5", request("east-5")[1])
    enrolment_ticket.ask(hall.url, second, "east-5", request("east-5")[1])
    Authority(hall.folder).revoke("east-5", NOW)
    with pytest.raises(Mistake, match="not known"):
        enrolment_ticket.ask(hall.url, second, "east-5", request("east-5")[1])


def test_a_card_that_was_lost_before_its_first_start_is_taken_back(hall: Desk) -> None:
    ticket = hall.ticket("east-8")
    Authority(hall.folder).revoke("east-8", NOW)
    with pytest.raises(Mistake, match="not known"):
        enrolment_ticket.ask(hall.url, ticket, "east-8", request("east-8")[1])
    with pytest.raises(Mistake, match="nobody called east-8"):
        Authority(hall.folder).revoke("east-8", NOW)


def test_another_halls_desk_is_not_believed(hall: Desk, tmp_path: Path) -> None:
    ticket = hall.ticket("east-6")
    with desk(tmp_path / "other") as other:
        other.ticket("east-6")
        with pytest.raises(Mistake, match="not known"):
            enrolment_ticket.ask(other.url, ticket, "east-6", request("east-6")[1])


class Liar(http.server.BaseHTTPRequestHandler):
    mac = "0" * 64

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'{{"v":1,"certificate":"mine","ca":"mine","mac":"{self.mac}"}}'.encode())

    def log_message(self, *words: object) -> None: ...


@pytest.mark.parametrize("mac", ["0" * 64, "é", "", "0" * 9_000])
def test_who_does_not_know_the_ticket_is_not_the_desk(mac: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Liar, "mac", mac)
    with http.server.HTTPServer(("127.0.0.1", 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        with pytest.raises(Mistake, match="not this hall's desk"):
            enrolment_ticket.ask(f"http://127.0.0.1:{liar.server_port}", "0" * 64, "x", request("x")[1])
        liar.shutdown()


class Painter(Liar):
    def do_POST(self) -> None:
        self.send_response(403)
        self.end_headers()
        self.wfile.write("\x1b[2J\x07\u202e all is well".encode())


def test_what_a_stranger_answers_moves_no_cursor_of_the_console() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Painter) as painter:
        threading.Thread(target=painter.serve_forever, daemon=True).start()
        with pytest.raises(Mistake, match="is refused: ·.*all is well") as told:
            enrolment_ticket.ask(f"http://127.0.0.1:{painter.server_port}", "0" * 64, "x", request("x")[1])
        assert str(told.value).isprintable()
        painter.shutdown()


def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as none:
        none.bind(("127.0.0.1", 0))
        with pytest.raises(Failure, match="is not reached"):
            enrolment_ticket.ask(f"http://127.0.0.1:{none.getsockname()[1]}", "0" * 64, "x", request("x")[1])


def test_strangers_at_the_desk_change_nothing(hall: Desk) -> None:
    hall.ticket("east-9")
    guess = '{"v":1,"name":"east-9","request":"r","mac":"é"}'.encode()
    tries = (("/", b"", 404), ("/enrol", b"x" * 40_000, 404), ("/enrol", b"\xff\xfe{", 403), ("/enrol", guess, 403))
    for path, body, code in tries:
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(urllib.request.Request(hall.url + path, body, method="POST"), timeout=10)
        assert told.value.code == code
        told.value.close()
    host, port = hall.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(b"POST /enrol HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
        assert b" 404 " in line.recv(1_000)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(authority(tmp_path_factory.mktemp("quiet") / "ca"))


REQUESTS = st.binary(max_size=99).map(lambda raw: raw.hex().encode())
QUESTIONS = st.builds(enrolment_ticket.question, st.text("0a"), st.text("ab-/."), REQUESTS)


@given(body=st.one_of(st.binary(max_size=300), QUESTIONS))
@example(body=b'{"v":1,"z":' + b"[" * 5_000 + b"]" * 5_000 + b"}")
def test_no_words_of_a_stranger_are_more_than_a_refusal(quiet: Authority, body: bytes) -> None:
    with pytest.raises(Mistake):
        enrolment_ticket.answered(quiet, body, NOW)
