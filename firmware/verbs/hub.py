"""The hub's view of a hall: in the terminal, and with --page as a live page in the browser."""

from __future__ import annotations

import argparse
import getpass
import re
import secrets
import shutil
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware import broker_arguments, clock
from firmware.errors import Failure, Mistake
from firmware.language import chosen, spoken
from mqtt import operators
from mqtt.connection import Outgoing
from mqtt.desk import Desk
from mqtt.hub import Hub
from mqtt.orders import Orders, read_key
from mqtt.page import LOOPBACK, Page
from mqtt.terminal import Language, alarm_line, decision_line, incident_line, screen
from mqtt.topics import Topics
from mqtt.view import Change, HallView

EXAMPLE = "hallgate hub --broker mqtt://127.0.0.1:1883 --hall baoshan --page"
PAGE = re.compile(r"([^\s:\[\]]*|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
"""`HOST:PORT`, an IPv6 address in brackets; no HOST: this machine alone."""
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A name that a broker takes, and that is a part of the topic for answers."""
DAY_S = 86_400
REDRAW_S, SAY_S = 1.0, 0.1
UNSAID_MAX = 1_000
ONCE_S, QUIET_S = 5.0, 0.4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    broker_arguments.add_arguments(parser)
    parser.add_argument("--hall", help="one hall (default: every hall of this broker)")
    parser.add_argument(
        "--page", nargs="?", const="127.0.0.1:8080", metavar="HOST:PORT", help="serve the live page (port 0: any)"
    )
    parser.add_argument("--id", help="a lasting name: the broker keeps what is missed for a day while this hub is away")
    parser.add_argument("--once", action="store_true", help="print the picture once and end, for scripts")
    parser.add_argument(
        "--operators", type=Path, metavar="FILE", help="who may sign in on the page (needs --command-key)"
    )
    parser.add_argument(
        "--add-operator", metavar="NAME", help="write NAME and a password into the operators' file and end"
    )
    parser.add_argument("--command-key", type=Path, metavar="FILE", help="key that signs the orders given on the page")
    parser.add_argument("--origin", default="", metavar="URL", help="how browsers reach the page through a TLS proxy")
    parser.add_argument("--for", dest="for_s", type=float, metavar="SECONDS", help="end by itself")


def run(arguments: argparse.Namespace) -> int:
    if arguments.add_operator is not None:
        return _add_operator(arguments)
    if arguments.for_s is not None and not arguments.for_s > 0:
        raise Mistake("give a number above 0", key="--for")
    address = broker_arguments.address(arguments)
    if arguments.hall is not None:
        Topics(arguments.hall, "hub")
    if arguments.id is not None and not ID.fullmatch(arguments.id):
        raise Mistake("write 1 to 64 of A-Z, a-z, 0-9, ., _ and -", key="--id")
    screen = Screen(chosen(), redraw=sys.stdout.isatty(), quiet=arguments.once)
    client_id = arguments.id or f"hub-{secrets.token_hex(4)}"
    ticking = clock.from_environment()
    orders = _orders(arguments, client_id, ticking, lambda messages: hub.publish(messages))
    hub = Hub(
        address,
        ticking,
        hall=arguments.hall,
        client_id=client_id,
        # A name made up for this run must not leave a session behind that swallows events for nobody.
        session_expiry_s=DAY_S if arguments.id else 0,
        listener=lambda view, changes: _tell(page, screen, view, changes),
        link_changed=lambda connected, problem: page.link_changed(connected, problem) if page else None,
        orders=orders[1] if orders else None,
    )
    page = _page(hub, arguments, orders)
    hub.start()
    try:
        return _once(hub, screen, arguments.for_s) if arguments.once else _wait(hub, screen, arguments.for_s)
    finally:
        hub.stop(1.0)
        if page is not None:
            page.stop()


def _add_operator(arguments: argparse.Namespace) -> int:
    """The password comes from the keyboard unseen, or as one line of a pipe; never from the command line."""
    if arguments.operators is None:
        raise Mistake("into which file? write --operators FILE", key="--add-operator")
    ask = sys.stdin.isatty()
    password = getpass.getpass(spoken("password: ")) if ask else sys.stdin.readline().rstrip("\n")
    operators.add(arguments.operators, arguments.add_operator, password)
    print(spoken(f"operator {arguments.add_operator} may sign in now; the hub reads the file when it starts"))
    return 0


def _orders(
    arguments: argparse.Namespace, client_id: str, ticking: clock.Clock, publish: Callable[[list[Outgoing]], None]
) -> tuple[operators.Operators, Orders] | None:
    """None: the page is for looking only."""
    if arguments.operators is None and arguments.command_key is None:
        return None
    if arguments.operators is None or arguments.command_key is None or arguments.page is None:
        raise Mistake("orders on the page need all three: --page, --operators and --command-key", key="--operators")
    if _where(arguments.page)[0] not in LOOPBACK:
        # A password must not cross a network in clear.
        raise Mistake(
            "with --operators the page stays on 127.0.0.1; use ssh -L or a TLS proxy (--origin)", key="--page"
        )
    if arguments.origin and not arguments.origin.startswith("https://"):
        raise Mistake(f"{arguments.origin!r} is no https address: write https://hub.example", key="--origin")
    known = operators.Operators(operators.read(arguments.operators))
    return known, Orders(read_key(arguments.command_key), client_id, ticking, publish)


def _devices(hub: Hub, hall: str) -> list[str]:
    with hub.lock:
        return sorted(hub.halls[hall].devices) if hall in hub.halls else []


def _page(hub: Hub, arguments: argparse.Namespace, orders: tuple[operators.Operators, Orders] | None) -> Page | None:
    where = arguments.page
    if where is None:
        return None
    secure = bool(arguments.origin)
    desk = Desk(*orders, lambda hall: _devices(hub, hall), secure=secure) if orders else None
    try:
        page = Page(hub, *_where(where), desk=desk, origin=arguments.origin)
    except OSError as error:
        raise Failure(f"the page cannot be served on {where}: {error.strerror}") from None
    page.start()
    print(f"page {page.url}", flush=True)
    return page


def _where(text: str) -> tuple[str, int]:
    """Host and port of `--page`. Raises Mistake."""
    found = PAGE.fullmatch(text) if text.isprintable() else None
    if found is None or int(found[2]) > 65_535:
        raise Mistake(f"{text!r} is no address: write 127.0.0.1:8080 or [::1]:8080", key="--page")
    return found[1].strip("[]") or "127.0.0.1", int(found[2])


def _tell(page: Page | None, screen: Screen, view: HallView, changes: list[Change]) -> None:
    if page is not None:
        page.changed(view, changes)
    screen.changed(view, changes)


def _wait(hub: Hub, screen: Screen, for_s: float | None) -> int:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    left_s = float("inf") if for_s is None else for_s
    pace_s = REDRAW_S if sys.stdout.isatty() else SAY_S
    while left_s > 0 and not ended.wait(min(pace_s, left_s)):
        left_s -= pace_s
        screen.redraw(hub)
    return 0


def _once(hub: Hub, screen: Screen, for_s: float | None) -> int:
    """Wait until nothing retained comes any more (or `--for` is over), print, end. Failure without a broker."""
    pause = threading.Event()
    left_s, before = for_s or ONCE_S, -1
    while left_s > 0:
        pause.wait(QUIET_S)
        left_s -= QUIET_S
        heard = screen.changes
        if hub.connection.connected and heard and heard == before:
            break
        before = heard
    if not hub.connection.connections:
        raise Failure(f"no answer from the broker: {hub.connection.problem}")
    with hub.lock:
        print("\n\n".join("\n".join(screen.drawn(view)) for view in hub.halls.values()))
    return 0


class Screen:
    """A terminal is drawn anew every second; a pipe gets one line for each decision and trouble.

    Only the main thread writes: a pipe that nobody reads must not stop the hub or its page.
    """

    def __init__(self, language: Language, redraw: bool, quiet: bool = False) -> None:
        self._language, self._redraws, self._quiet = language, redraw, quiet
        self._problem = ""
        self._unsaid: deque[str] = deque(maxlen=UNSAID_MAX)
        self.changes = 0

    def changed(self, view: HallView, changes: list[Change]) -> None:
        self.changes += len(changes)
        if not self._redraws and not self._quiet:
            for change in changes:
                self._say(change[0], view.changed(change))

    def _say(self, what: str, value: Any) -> None:
        if what == "decision" and value:
            self._unsaid.append(decision_line(value, self._language))
        elif what == "alarms" and value:
            self._unsaid.append(alarm_line(max(value, key=lambda alarm: alarm["at"]), self._language))
        elif what == "incidents" and value:
            self._unsaid.append(incident_line(max(value, key=lambda one: one["steps"][-1]["at"]), self._language))

    def drawn(self, view: HallView, height: int | None = None) -> list[str]:
        width = shutil.get_terminal_size((80, 24)).columns
        return screen(view, self._language, width, height, colour=self._redraws)

    def redraw(self, hub: Hub) -> None:
        problem = hub.connection.problem
        if not self._redraws:
            if problem != self._problem:
                told = f"the broker cannot be reached, trying again: {problem}" if problem else "connected"
                print(f"hallgate hub: {spoken(told)}", file=sys.stderr, flush=True)
            self._problem = problem
            while self._unsaid:
                print(self._unsaid.popleft(), flush=True)
            return
        warning = [f"! {spoken(f'the broker cannot be reached, trying again: {problem}')}"] if problem else []
        room = shutil.get_terminal_size((80, 24)).lines - 1 - len(warning)
        with hub.lock:
            each = max(8, room // max(1, len(hub.halls)))
            text = [line for view in hub.halls.values() for line in self.drawn(view, each)]
        # Home, each line cleared to its end, then the rest: nothing flickers, also over a slow line.
        sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in [*warning, *text][:room]) + "\x1b[J")
        sys.stdout.flush()
