"""The desk at which devices enrol by their tickets: HTTP on the hall's own network, one request at a time."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from firmware.clock import Clock
from firmware.errors import HallgateError, Mistake, shown
from firmware.language import spoken
from firmware.trust import authority, enrolment_ticket
from firmware.trust.authority import Authority

QUIET_S = 20.0


class Desk(ThreadingHTTPServer):
    """`then`: a command that runs after each enrolment, to write the broker's access list and have it read again."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], folder: Path, clock: Clock, then: tuple[str, ...] = ()) -> None:
        self.folder, self.clock, self.then = folder, clock, then
        self.turn = threading.Lock()
        super().__init__(address, _Handler)

    def enrol(self, body: bytes) -> bytes:
        """Raises Mistake for who gets no certificate."""
        now = dt.datetime.fromtimestamp(self.clock.wall_ms() / 1000, dt.UTC)
        with self.turn, authority.locked(self.folder):
            answer = enrolment_ticket.answered(Authority(self.folder), body, now)
        if self.then and subprocess.run(self.then, stdout=sys.stderr, check=False).returncode:
            told = f"{self.then[0]} failed: the broker does not know the new device yet"
            print(f"hallgate enrol: {spoken(told)}", file=sys.stderr, flush=True)
        return msgspec.json.encode(answer)


class _Handler(BaseHTTPRequestHandler):
    server: Desk
    timeout = QUIET_S

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        small = len(length) <= 8 and length.isdecimal() and int(length) <= enrolment_ticket.BODY_BYTES_MAX
        if self.path != "/enrol" or not small:
            return self._say(404, b"nothing is here")
        body = self.rfile.read(int(length))
        try:
            return self._say(200, self.server.enrol(body))
        except Mistake as refused:
            return self._say(403, refused.what.encode())
        except (HallgateError, OSError) as failed:
            return self._say(503, str(failed).encode())

    def _say(self, code: int, body: bytes) -> None:
        print(
            f"hallgate enrol: {self.client_address[0]} {code} {'' if code == 200 else shown(body.decode())}",
            file=sys.stderr,
            flush=True,
        )
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: Any) -> None:
        """Said by `_say`, in our own words."""
