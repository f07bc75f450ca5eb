"""The live page: three static files and one stream of server-sent events, from our own process.

Why not the broker's websockets: Mosquitto 2.0.11 binds them to all addresses whatever its configuration says. Nothing
is loaded from outside (the policy header forbids it), nothing can be changed through this server: it answers GET only.
"""

from __future__ import annotations

import functools
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from mqtt.feed import Feed
from mqtt.hub import Hub
from mqtt.view import Change, HallView

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COALESCE_S = 0.1
"""A page is drawn at most ten times a second, however much happens."""
KEEPALIVE_S = 10.0
SOCKET_TIMEOUT_S = 30.0


class Page:
    """Serves `hub` on `host:port` (port 0: any free one). OSError when the address is taken."""

    def __init__(self, hub: Hub, host: str, port: int) -> None:
        self.hub, self.feed = hub, Feed()
        self._server = _Server((host, port), functools.partial(_Handler, self))
        self._halls: set[str] = set()
        self._local_only = host in LOOPBACK
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="page", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.feed.close()
        self._server.shutdown()
        self._server.server_close()

    def changed(self, view: HallView, changes: list[Change]) -> None:
        """The hub's listener; called under the hub's lock."""
        if view.name not in self._halls:
            self._halls.add(view.name)
            self.feed.tell(None, "halls", sorted(self._halls))
        for what, which in changes:
            value = view.changed((what, which))
            if value is not None:
                self.feed.tell(view.name, what if what == "decision" else f"{what} {which}".strip(), value)

    def link_changed(self, connected: bool, problem: str) -> None:
        self.feed.tell(None, "link", {"connected": connected, "problem": problem})

    def whole(self, hall: str) -> dict[str, Any]:
        """Everything a page needs to begin. Without a name: the first hall there is."""
        connection = self.hub.connection
        halls = sorted(self.hub.halls)
        view = self.hub.halls.get(hall or (halls[0] if halls else ""), HallView(hall))
        link = {"connected": connection.connected, "problem": connection.problem}
        return {"link": link, "halls": halls, **view.whole()}

    def allows(self, host: str) -> bool:
        """On a loopback address only loopback names: a foreign page must not reach us through its own DNS name."""
        name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
        return not self._local_only or name in LOOPBACK


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "hallgate", ""
    timeout = SOCKET_TIMEOUT_S

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
            self._send(HTTPStatus.OK, resources.files("mqtt.dashboard").joinpath(name).read_bytes(), kind)
        elif asked.path == "/state.json":
            self._send(HTTPStatus.OK, self._whole(hall), "application/json")
        elif asked.path == "/events":
            self._stream(hall)
        else:
            self._send(HTTPStatus.NOT_FOUND, b"not here\n", "text/plain")

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
        try:
            self._begin(HTTPStatus.OK, "text/event-stream")
            self.wfile.write(b"retry: 1000\nevent: whole\ndata: " + msgspec.json.encode(whole) + b"\n\n")
            while not subscriber.closed:
                self.wfile.write(page.feed.wait(subscriber, KEEPALIVE_S) or b": still here\n\n")
                threading.Event().wait(COALESCE_S)
        except OSError:
            pass
        finally:
            page.feed.leave(subscriber)
            self.close_connection = True

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self._begin(status, kind, len(body))
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the terminal belongs to the hall."""
