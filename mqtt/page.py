"""The live page: a few static files and one stream of server-sent events, from our own process.

Why not the broker's websockets: Mosquitto 2.0.11 binds them to all addresses whatever its configuration says. Nothing
is loaded from outside (the policy header forbids it), no string becomes HTML (the policy forbids that, too). What may be
asked of the hub is decided by `desk.py`; without one the server answers GET only.
"""

from __future__ import annotations

import functools
import itertools
import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from firmware.clock import Clock
from mqtt.desk import BODY_MAX, COOKIE, PROOF, Answer, Desk
from mqtt.feed import CLIENTS_MAX, Feed
from mqtt.hub import Hub
from mqtt.view import Change, HallView
from mqtt.words import WORDS

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "/plan.js": ("plan.js", "text/javascript; charset=utf-8"),
    "/lists.js": ("lists.js", "text/javascript; charset=utf-8"),
    "/chart.js": ("chart.js", "text/javascript; charset=utf-8"),
    "/orders.js": ("orders.js", "text/javascript; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COALESCE_S = 0.1
"""A page is drawn at most ten times a second, however much happens."""
GATHER_S = 0.05
"""What changes is gathered for so long and then drawn up once: 200 busy devices cost as much as a few."""
KEEPALIVE_S = 10.0
STILL_HERE = b"event: still\ndata: {}\n\n"
"""No mere comment: a browser must hear it, to know of a line that died without a word (a laptop that slept)."""
SOCKET_TIMEOUT_S = 30.0
RETRY_MS, RETRY_APART_MS = 500, 40
"""Each browser comes back at its own moment: after a restart they do not all ask for everything at once."""
CONNECTIONS_MAX = 256
"""Beyond it whoever has been connected longest goes, the open pages apart: who dribbles keeps nobody out."""


class Page:
    """Serves `hub` on `host:port` (port 0: any free one). OSError when the address is taken.

    `desk` makes orders possible. `origin`: how browsers reach us through a proxy on this machine (`https://...`).
    """

    def __init__(self, hub: Hub, host: str, port: int, *, desk: Desk | None = None, origin: str = "") -> None:
        self.hub, self.feed, self.desk, self.clock = hub, Feed(), desk, Clock()
        self._server = _Server((host, port), functools.partial(_Handler, self))
        self._halls: set[str] = set()
        self._turns = itertools.count()
        self._local_only, self._origin = host in LOOPBACK, origin.rstrip("/")
        self._dirty: dict[tuple[str, str, str], HallView] = {}
        self._news, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="page", daemon=True)
        self._teller = threading.Thread(target=self._tell, name="page news", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}/" if ":" in str(host) else f"http://{host!s}:{port}/"

    def start(self) -> None:
        self._thread.start()
        self._teller.start()

    def stop(self) -> None:
        self._stopping.set()
        self._news.set()
        self.feed.close()
        self._server.shutdown()
        self._server.server_close()

    def changed(self, view: HallView, changes: list[Change]) -> None:
        """The hub's listener; called under the hub's lock."""
        for what, which in changes:
            self._dirty[view.name, what, which] = view
        self._news.set()

    def _tell(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._stopping.wait(GATHER_S)
            self._news.clear()
            with self.hub.lock:
                dirty, self._dirty = self._dirty, {}
                for (hall, what, which), view in dirty.items():
                    self._tell_one(hall, what, which, view)

    def _tell_one(self, hall: str, what: str, which: str, view: HallView) -> None:
        if hall not in self._halls:
            self._halls.add(hall)
            self.feed.tell(None, "halls", sorted(self._halls))
        value = view.changed((what, which))
        if value is not None:
            self.feed.tell(hall, what if what == "decision" else f"{what} {which}".strip(), value)

    def link_changed(self, connected: bool, problem: str) -> None:
        self.feed.tell(None, "link", {"connected": connected, "problem": problem})

    def whole(self, hall: str) -> dict[str, Any]:
        """Everything a page needs to begin. Without a name: the first hall there is."""
        connection = self.hub.connection
        halls = sorted(self.hub.halls)
        view = self.hub.halls.get(hall or (halls[0] if halls else ""), HallView(hall))
        link = {"connected": connection.connected, "problem": connection.problem}
        return {"link": link, "halls": halls, **view.whole()}

    def retry(self) -> bytes:
        """When this browser shall come back after a cut."""
        return f"retry: {RETRY_MS + RETRY_APART_MS * (next(self._turns) % CLIENTS_MAX)}\n".encode()

    def allows(self, host: str) -> bool:
        """On a loopback address only loopback names: a foreign page must not reach us through its own DNS name."""
        name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
        return not self._local_only or name in LOOPBACK or self._origin.endswith(f"//{host}")

    def is_ours(self, origin: str, host: str) -> bool:
        """Did our own page send this? Browsers say where a POST comes from; who does not say it is refused."""
        return origin != "" and origin in (f"http://{host}", self._origin)


def _file(name: str) -> bytes:
    """A file of the page; before the one that looks words up stands their table."""
    table = b"const WORDS = " + msgspec.json.encode(WORDS) + b";\n" if name == "words.js" else b""
    return table + resources.files("mqtt.dashboard").joinpath(name).read_bytes()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._passing: dict[Any, None] = {}
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._passing[request] = None
            oldest = next(iter(self._passing)) if len(self._passing) > CONNECTIONS_MAX else None
        if oldest is not None:
            self._hang_up(oldest)
        super().process_request(request, client_address)

    def stays(self, request: Any) -> None:
        """This one is no passer-by: an open page, or one that is closed already."""
        with self._lock:
            self._passing.pop(request, None)

    def close_request(self, request: Any) -> None:
        self.stays(request)
        super().close_request(request)

    def _hang_up(self, request: Any) -> None:
        self.stays(request)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hallgate", ""
    timeout = SOCKET_TIMEOUT_S
    server: _Server

    def __init__(self, page: Page, *rest: Any) -> None:
        self._page = page
        super().__init__(*rest)

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        hall = parse_qs(asked.query).get("hall", [""])[0]
        if not self._page.allows(self.headers.get("Host", "")):
            self._send(HTTPStatus.FORBIDDEN, b"this page is only for this machine\n", "text/plain")
        elif asked.path in FILES:
            name, kind = FILES[asked.path]
            self._send(HTTPStatus.OK, _file(name), kind)
        elif asked.path == "/state.json":
            self._send(HTTPStatus.OK, self._whole(hall), "application/json")
        elif asked.path == "/me":
            who = self._page.desk.who(self._token(), self._page.clock.elapsed_ms()) if self._page.desk else {}
            self._send(HTTPStatus.OK, msgspec.json.encode(who), "application/json")
        elif asked.path == "/events":
            self._stream(hall) if self.command == "GET" else self._send(HTTPStatus.OK, b"", "text/event-stream")
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not here\n", "text/plain")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        page, host = self._page, self.headers.get("Host", "")
        length = self.headers.get("Content-Length", "")
        small = len(length) <= 8 and length.isascii() and length.isdecimal() and int(length) <= BODY_MAX
        json = self.headers.get("Content-Type", "") == "application/json"
        # A body whose end a proxy before us may see elsewhere hides a second request.
        plain = self.headers.get("Transfer-Encoding") is None
        if page.desk is None or not (small and json and plain):
            self.close_connection = True
            self._reply(Answer(HTTPStatus.BAD_REQUEST, {"because": "not_understood"}))
        elif not page.allows(host) or not page.is_ours(self.headers.get("Origin", ""), host):
            self.close_connection = True
            self._reply(Answer(HTTPStatus.FORBIDDEN, {"because": "not_from_this_page"}))
        else:
            body, proof = self.rfile.read(int(length)), self.headers.get(PROOF, "")
            self._reply(page.desk.post(self.path, proof, self._token(), body, page.clock.elapsed_ms()))

    def _token(self) -> str:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", "")[:2_048])
        except CookieError:
            return ""
        return cookies[COOKIE].value if COOKIE in cookies else ""

    def _reply(self, answer: Answer) -> None:
        self._send(answer.status, msgspec.json.encode(answer.body), "application/json", answer.cookie)

    def _whole(self, hall: str) -> bytes:
        with self._page.hub.lock:
            return msgspec.json.encode(self._page.whole(hall))

    def _stream(self, hall: str) -> None:
        """Everything once, then what changes, until the browser goes."""
        page = self._page
        with page.hub.lock:
            whole = page.whole(hall)
            subscriber = page.feed.join(str(whole["hall"]["name"]))
        if subscriber is None:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"too many pages are open\n", "text/plain")
            return
        self.server.stays(self.connection)
        try:
            self._begin(HTTPStatus.OK, "text/event-stream")
            self.wfile.write(page.retry() + b"event: whole\ndata: " + msgspec.json.encode(whole) + b"\n\n")
            while not subscriber.closed:
                self.wfile.write(page.feed.wait(subscriber, KEEPALIVE_S) or STILL_HERE)
                threading.Event().wait(COALESCE_S)
        except OSError:
            pass
        finally:
            page.feed.leave(subscriber)
            self.close_connection = True

    def _send(self, status: HTTPStatus, body: bytes, kind: str, cookie: str | None = None) -> None:
        self._begin(status, kind, len(body), cookie)
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Whoever sends what is no request learns the same policies as everybody, and nothing of what was sent."""
        self.close_connection, self.request_version = True, self.protocol_version
        self._send(HTTPStatus(code), f"{HTTPStatus(code).phrase}\n".encode(), "text/plain")

    def _begin(self, status: HTTPStatus, kind: str, length: int | None = None, cookie: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None or self.close_connection:
            self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        if cookie is not None:
            self.send_header("Set-Cookie", cookie)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the terminal belongs to the hall."""
