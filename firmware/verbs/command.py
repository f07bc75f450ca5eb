"""Give an order to a gate, a hall or its bank: sign it, send it, wait for the answer. Or ask for events again.

`hallgate command open_once lane=A --device entry-1`: the orders and their KEY=VALUE are in docs/mqtt.md. Without --device
an order goes to the hall's bank, where the bank is meant; --all gives it to every device of the hall. It is signed with
--command-key and dies after 10 s; the counter is kept beside the key. An order for a device that is away is not sent,
except `evacuate`, which the broker keeps for an hour. `history 1-500` prints those events, one line of JSON each.
Exit 0: every answer was "done"; 1: one was not, or did not come; 2: the words were wrong.
"""

from __future__ import annotations

import argparse
import getpass
import json
import secrets
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from firmware import broker_arguments, clock
from firmware.errors import Failure, Mistake
from firmware.language import chosen, spoken
from firmware.order_counters import OrderCounters
from firmware.reference.orders import KEYS, ORDERS, Order
from firmware.typed_toml import nearest
from mqtt.connection import Outgoing
from mqtt.errand import Errand
from mqtt.fetch import Fetch, ranges
from mqtt.messages import CommandAnswer
from mqtt.orders import Order as ToSign
from mqtt.orders import Orders, read_key
from mqtt.refusals import BECAUSE
from mqtt.topics import Topics, answers_to

EXAMPLE = (
    "hallgate command hold lane=A --device entry-1 --hall baoshan --broker mqtt://10.0.0.2 --command-key orders.pem"
)
HISTORY = "history"
PATIENCE_S = 10.0
WAIT_S_MAX = 3_600
STATUS_S = 3.0
TEXT_MAX = 512
BANK = "bank"
NAMES = {order.name: order for order in ORDERS}
BOOLS = {"true": True, "yes": True, "false": False, "no": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an order, or history")
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="its body; for history: event numbers, 1-500")
    broker_arguments.add_arguments(parser)
    parser.add_argument("--hall", required=True, help="the hall")
    parser.add_argument("--device", action="append", default=[], help="the device; may be written several times")
    parser.add_argument("--all", action="store_true", help="every device of the hall that the broker knows")
    parser.add_argument("--resource", default="hall", help="which limit: hall (default) or a zone's, zone-b1")
    parser.add_argument("--command-key", type=Path, metavar="FILE", help="key that signs (key new --kind command)")
    parser.add_argument(
        "--counters", type=Path, metavar="FILE", help="where the counter is kept (default: beside the key)"
    )
    parser.add_argument("--issuer", help="who gives it, as it is put on record (default: user@machine)")
    parser.add_argument(
        "--wait", type=float, default=PATIENCE_S, metavar="SECONDS", help="for the answer (default: 10)"
    )
    parser.add_argument("--json", action="store_true", help="print each answer as one line of JSON")


def run(arguments: argparse.Namespace) -> int:
    if not 0 < arguments.wait <= WAIT_S_MAX:
        raise Mistake(f"give a number above 0, at most {WAIT_S_MAX}", key="--wait")
    Topics(arguments.hall, "hub")
    for name in (*arguments.device, arguments.resource):
        Topics(arguments.hall, name)
    if arguments.name == HISTORY:
        return _history(arguments)
    order = _order(arguments.name)
    body = body_of(order, arguments.words)
    where = _where(order, body, arguments)
    if arguments.command_key is None:
        raise Mistake("which key signs it? write --command-key FILE", key="--command-key")
    key, ticking = read_key(arguments.command_key), clock.from_environment()
    counters = OrderCounters(arguments.counters or Path(f"{arguments.command_key}.counters"), ticking)
    client_id = f"command-{secrets.token_hex(4)}"
    orders = Orders(key, client_id, ticking, lambda messages: errand.publish(messages), counters.next)
    issuer = _issuer(arguments.issuer)
    answers_here = answers_to(arguments.hall, client_id)
    with Errand(
        broker_arguments.address(arguments), ticking, arguments.hall, client_id,
        also=[answers_here], hear=orders.answered, delivered=orders.delivered,
    ) as errand:  # fmt: skip
        there = where if where is not None else sorted(errand.present)
        if not there:
            raise Failure(f"the broker knows no device of hall {arguments.hall}")
        _all_there([] if there == [BANK] else there, errand, even_away=order.name == "evacuate")
        to_sign = [_to_sign(arguments, order.name, device, body) for device in there]
        answers = orders.give(to_sign, issuer, arguments.wait)
        return _tell(answers, errand, arguments.json)


# ---------------------------------------------------------------- what was typed


def _order(name: str) -> Order:
    if name not in NAMES:
        raise Mistake(f"{name!r} is no order: {', '.join((*NAMES, HISTORY))}{nearest(name, (*NAMES, HISTORY))}")
    return NAMES[name]


def body_of(order: Order, words: Iterable[str]) -> dict[str, Any]:
    """The body that KEY=VALUE words mean. Mistake for a key this order has not, or lacks, or a value that does not fit."""
    body: dict[str, Any] = {}
    for key, value in (_pair(order, word) for word in words):
        if key in body:
            raise Mistake(f"{key}= stands here twice: which one is meant?")
        body[key] = value
    for group in order.needed:
        if not any(key in body for key in group):
            needed = " or ".join(f"{key}=..." for key in group)
            raise Mistake(f"{order.name} needs {needed}")
    return body


def _pair(order: Order, word: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not equals:
        raise Mistake(f"{word!r} is no KEY=VALUE of {order.name}: {_keys(order)}")
    if key not in order.keys:
        raise Mistake(f"{key!r} is no key of {order.name}: {_keys(order)}{nearest(key, order.keys)}")
    return key, _value(key, value)


def _keys(order: Order) -> str:
    return ", ".join(f"{key}=" for key in order.keys) or spoken("it has none")


def _value(key: str, value: str) -> str | int | bool:
    kind = KEYS.get(key, str)
    if kind is bool:
        if value not in BOOLS:
            raise Mistake(f"{value!r} is neither true nor false", key=key)
        return BOOLS[value]
    if kind is int:
        if not value.isascii() or not value.isdecimal() or len(value) > 15:
            raise Mistake(f"{value!r} is no whole number", key=key)
        return int(value)
    if not 0 < len(value) <= TEXT_MAX:
        raise Mistake(f"write 1 to {TEXT_MAX} characters", key=key)
    return value


def _where(order: Order, body: dict[str, Any], arguments: argparse.Namespace) -> list[str] | None:
    """The devices, the bank alone, or None: every device there is."""
    if arguments.device and arguments.all:
        raise Mistake("either --device or --all", key="--all")
    if arguments.device:
        return list(dict.fromkeys(arguments.device))
    if arguments.all:
        return None
    if order.at == "bank" or (order.at == "either" and "lane" not in body):
        return [BANK]
    several = " or --all" if order.at == "every" else ""
    raise Mistake(f"which device? write --device NAME{several}", key="--device")


def _to_sign(arguments: argparse.Namespace, name: str, device: str, body: dict[str, Any]) -> ToSign:
    addressed = "" if device == BANK and not arguments.device and not arguments.all else device
    return ToSign(arguments.hall, name, addressed, arguments.resource, body)


def _issuer(wish: str | None) -> str:
    try:
        who = wish if wish is not None else f"{getpass.getuser()}@{socket.gethostname()}"[:128]
    except (KeyError, OSError):  # a user without a name in the password file
        who = socket.gethostname()
    if not 1 <= len(who) <= 128:
        raise Mistake("write 1 to 128 characters", key="--issuer")
    return who


# ---------------------------------------------------------------- who is there


def _all_there(devices: list[str], errand: Errand, *, even_away: bool) -> None:
    """Failure, before anything is sent, for a device that nobody knows here or that is away."""
    for device in devices:
        if not errand.wait(lambda device=device: device in errand.present, STATUS_S):  # type: ignore[misc]
            known = ", ".join(sorted(errand.present)) or "-"
            raise Failure(f"the broker knows no device {device}; it knows: {known}{nearest(device, errand.present)}")
        if not errand.present[device] and not even_away:
            raise Failure(f"{device} is away: nothing was sent, an order is not kept for later")


# ---------------------------------------------------------------- what came back


def _tell(answers: dict[str, CommandAnswer | None], errand: Errand, as_json: bool) -> int:
    for device, answer in answers.items():
        print(_as_json(device, answer) if as_json else _line(device, answer, errand), flush=True)
    return 0 if all(answer is not None and answer.result == "done" for answer in answers.values()) else 1


def _as_json(device: str, answer: CommandAnswer | None) -> str:
    given = answer or CommandAnswer(id="", result="failed", because="no_answer")
    return json.dumps({"v": 1, "device": device, "id": given.id, "result": given.result, "because": given.because})


def _line(device: str, answer: CommandAnswer | None, errand: Errand) -> str:
    if answer is None:
        away = errand.present.get(device) is False
        return f"{device}: " + spoken(
            "is away: it obeys when it is back" if away else "no answer, and the order is over"
        )
    if answer.result == "done":
        return f"{device}: " + spoken("done")
    return f"{device}: {spoken(answer.result)}: {answer.because}{_meaning(answer.because)}"


def _meaning(because: str) -> str:
    """The word's sentence in the reader's language; nothing for a word of a newer firmware."""
    known = next((each for each in BECAUSE if each.word == because), None)
    if known is None:
        return ""
    return f"（{known.zh}）" if chosen() == "zh" else f" ({known.about})"


# ---------------------------------------------------------------- events again


def _history(arguments: argparse.Namespace) -> int:
    wanted = ranges(arguments.words)
    if arguments.all or len(arguments.device) != 1:
        raise Mistake("events are one device's: write --device NAME once", key="--device")
    device, fetch = arguments.device[0], Fetch()
    topics = Topics(arguments.hall, device)
    with Errand(
        broker_arguments.address(arguments), clock.from_environment(), arguments.hall, f"command-{secrets.token_hex(4)}",
        also=[topics.status, topics.event], hear=fetch.heard,
    ) as errand:  # fmt: skip
        _all_there([device], errand, even_away=False)
        errand.wait(lambda: fetch.held, STATUS_S)
        request = fetch.request(wanted)
        if fetch.held is None or not request:
            raise Failure(f"{device} holds none of these events" + _held(fetch))
        errand.publish([Outgoing(topic=topics.history, payload=request, schema="hallgate/v1/history", expiry_s=30)])
        asked = len(fetch.missing)
        for event in _coming(fetch, errand, arguments.wait):
            sys.stdout.write(event.decode("utf-8", "replace") + "\n")
        sys.stdout.flush()
    if fetch.missing:
        raise Failure(f"{len(fetch.missing)} of {asked} events did not come")
    if gone := [low for low, _ in wanted if low < fetch.held[0]]:
        raise Failure(f"events from {min(gone)} on are no longer held" + _held(fetch))
    return 0


def _held(fetch: Fetch) -> str:
    return f"; its journal has {fetch.held[0]}-{fetch.held[1]}" if fetch.held else ""


def _coming(fetch: Fetch, errand: Errand, patience_s: float) -> Iterator[bytes]:
    """Events as they come, until all have, or none came for so long."""
    while errand.wait(lambda: fetch.fresh, patience_s):
        while fetch.fresh:
            yield fetch.fresh.popleft()
        if not fetch.missing:
            return
