"""The page's own small server, as strangers meet it."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from firmware.clock import Clock
from mqtt import page as served
from mqtt.address import Address
from mqtt.hub import Hub
from mqtt.page import Page
from tests.brokers import wait_until


@pytest.fixture
def page() -> Iterator[Page]:
    """Before a hub that has no broker."""
    made = Page(Hub(Address.parse("mqtt://127.0.0.1:1"), Clock(), hall="baoshan", client_id="h"), "127.0.0.1", 0)
    made.start()
    yield made
    made.stop()


def asked(page: Page, text: str) -> bytes:
    """The whole answer to a request that closes its line."""
    where = urlsplit(page.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 10) as line:
        line.sendall(text.replace("HOST", where.netloc).encode("latin-1"))
        return b"".join(iter(lambda: line.recv(65_536), b""))


@pytest.mark.parametrize(
    ("request_line", "code"),
    [
        ("PUT /order HTTP/1.1", b"501"),
        ("<script>alert(1)</script> / HTTP/1.1", b"501"),
        ("GET / HTTP/9.9", b"505"),
        ("GET /" + "a" * 70_000 + " HTTP/1.1", b"414"),
    ],
)
def test_what_is_no_request_is_refused_under_the_same_policies(page: Page, request_line: str, code: bytes) -> None:
    answer = asked(page, f"{request_line}\r\nHost: HOST\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + code)
    assert b"Content-Security-Policy: default-src 'self'" in answer and b"nosniff" in answer
    assert b"Content-Type: text/plain" in answer and b"script>" not in answer


@pytest.mark.parametrize("path", ["/", "/style.css", "/state.json", "/events", "/nowhere"])
def test_head_is_get_without_a_body(page: Page, path: str) -> None:
    answer = asked(page, f"HEAD {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + (b"404" if path == "/nowhere" else b"200"))
    assert answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1


def test_who_dribbles_keeps_nobody_out_and_an_open_page_stays(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "CONNECTIONS_MAX", 8)
    where = urlsplit(page.url)
    with ExitStack() as stack:
        watching = http.client.HTTPConnection(where.netloc, timeout=10)
        stack.callback(watching.close)
        watching.request("GET", "/events")
        stream = watching.getresponse()
        assert stream.readline().startswith(b"retry:")
        slow = []
        for _ in range(40):
            slow.append(stack.enter_context(socket.create_connection((where.hostname or "", where.port or 0), 10)))
            slow[-1].sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert slow[0].recv(1) == b"", "the one that has been here longest goes"
        assert asked(page, "GET /me HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
        page.link_changed(True, "")
        wait_until(lambda: stream.readline().startswith(b"event: link"))


def test_browsers_come_back_each_at_its_own_moment(page: Page) -> None:
    told = [int(re.findall(rb"\d+", page.retry())[0]) for _ in range(64)]
    assert len(set(told)) == 64 and min(told) >= 500 and max(told) < 5_000
