"""The hub's view of a hall: in the terminal, and with --page as a live page in the browser."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import threading
from types import SimpleNamespace
from typing import Any

from firmware import clock
from firmware.errors import Failure, Mistake
from firmware.language import chosen, spoken
from mqtt.address import Address
from mqtt.hub import Hub
from mqtt.page import Page
from mqtt.terminal import Language, alarm_line, decision_line, lines
from mqtt.topics import Topics
from mqtt.view import Change, HallView

EXAMPLE = "hallgate hub --broker mqtt://127.0.0.1:1883 --hall baoshan --page"
DAY_S = 86_400
REDRAW_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--broker", required=True, metavar="URL", help="mqtt://host:port or mqtts://host:port")
    parser.add_argument("--hall", help="one hall (default: every hall of this broker)")
    parser.add_argument(
        "--page", nargs="?", const="127.0.0.1:8080", metavar="HOST:PORT", help="serve the live page (port 0: any)"
    )
    parser.add_argument("--id", help="a lasting name: the broker keeps what is missed for a day while this hub is away")
    parser.add_argument("--ca", help="certificate of the authority (mqtts)")
    parser.add_argument("--cert", help="our certificate (mqtts)")
    parser.add_argument("--key", help="our key (mqtts)")
    parser.add_argument("--for", dest="for_s", type=float, metavar="SECONDS", help="end by itself")


def run(arguments: argparse.Namespace) -> int:
    if arguments.hall is not None:
        Topics(arguments.hall, "hub")
    screen = Screen(chosen(), redraw=sys.stdout.isatty())
    hub = Hub(
        _address(arguments),
        clock.from_environment(),
        hall=arguments.hall,
        client_id=arguments.id or f"hub-{secrets.token_hex(4)}",
        # A name made up for this run must not leave a session behind that swallows events for nobody.
        session_expiry_s=DAY_S if arguments.id else 0,
        listener=lambda view, changes: _tell(page, screen, view, changes),
        link_changed=lambda connected, problem: page.link_changed(connected, problem) if page else None,
    )
    page = _page(hub, arguments.page)
    hub.start()
    try:
        _wait(hub, screen, arguments.for_s)
    finally:
        hub.stop(1.0)
        if page is not None:
            page.stop()
    return 0


def _address(arguments: argparse.Namespace) -> Address:
    files = SimpleNamespace(ca=arguments.ca, cert=arguments.cert, key=arguments.key)
    tls = files if arguments.ca or arguments.cert or arguments.key else None
    return Address.parse(arguments.broker, tls)


def _page(hub: Hub, where: str | None) -> Page | None:
    if where is None:
        return None
    host, _, port = where.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise Mistake(f"{where!r} is no address: write 127.0.0.1:8080", key="--page")
    try:
        page = Page(hub, host or "127.0.0.1", int(port))
    except OSError as error:
        raise Failure(f"the page cannot be served on {where}: {error.strerror}") from None
    page.start()
    print(f"page {page.url}", flush=True)
    return page


def _tell(page: Page | None, screen: Screen, view: HallView, changes: list[Change]) -> None:
    if page is not None:
        page.changed(view, changes)
    screen.changed(view, changes)


def _wait(hub: Hub, screen: Screen, for_s: float | None) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    left_s = float("inf") if for_s is None else for_s
    while left_s > 0 and not ended.wait(min(REDRAW_S, left_s)):
        left_s -= REDRAW_S
        screen.redraw(hub)


class Screen:
    """A terminal is drawn anew every second; a pipe gets one line for each decision and alarm."""

    def __init__(self, language: Language, redraw: bool) -> None:
        self._language, self._redraws = language, redraw
        self._problem = ""

    def changed(self, view: HallView, changes: list[Change]) -> None:
        if not self._redraws:
            for change in changes:
                self._say(change[0], view.changed(change))

    def _say(self, what: str, value: Any) -> None:
        if what == "decision" and value:
            print(decision_line(value, self._language), flush=True)
        elif what == "alarms" and value:
            print(alarm_line(max(value, key=lambda alarm: alarm["at"]), self._language), flush=True)

    def redraw(self, hub: Hub) -> None:
        problem = hub.connection.problem
        if not self._redraws:
            if problem != self._problem:
                print(f"hallgate hub: {spoken(problem or 'connected')}", file=sys.stderr, flush=True)
            self._problem = problem
            return
        with hub.lock:
            text = [line for view in hub.halls.values() for line in (*lines(view, self._language), "")]
        print("\x1b[H\x1b[2J" + "\n".join([f"! {spoken(problem)}"] * bool(problem) + text), flush=True)
