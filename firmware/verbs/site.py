"""Make a checked site file for a new door, from a template and a few answers.

Without a flag for it, each thing that has no good default is asked for; an empty answer takes what stands in brackets.
Ports are offered from what is plugged in; a port nobody knows yet stays a placeholder and is told at the end.
`--hall-files` names the folder with the hall's rulebook, trust list and keys: they are copied beside the new file.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.durable import make_folder
from firmware.errors import Failure, Mistake
from firmware.language import spoken, told

if TYPE_CHECKING:
    from firmware.site.template import Draft

EXAMPLE = "hallgate site new --kind entry --name north-entry-2 --hall baoshan --out sites/north-entry-2.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    new = parser.add_subparsers(dest="what", required=True, metavar="new").add_parser("new", help="a new site file")
    new.add_argument("--kind", help="the template: entry, exit or staff")
    new.add_argument("--name", help="the device's name: a-z, 0-9 and -")
    new.add_argument("--hall", help="the hall's id")
    new.add_argument("--hub", metavar="URL", help="the broker, mqtt:// or mqtts://; empty: none")
    new.add_argument("--bank", action="store_true", help="this device mints the hall's limit; one of the hall does")
    new.add_argument("--lane", metavar="NAME", help="the lane's name")
    new.add_argument("--for", dest="serves", metavar="A,B", default="", help="the classes it serves")
    new.add_argument("--side-link", metavar="ADDRESS:PORT", help="where other doors reach this one without a broker")
    new.add_argument("--peer", action="append", default=[], metavar="ADDRESS:PORT", help="another door; repeat it")
    for flag, metavar, what in DEVICE_FLAGS:
        new.add_argument(flag, action="append", default=[], metavar=metavar, help=what)
    new.add_argument("--hall-files", type=Path, metavar="DIR", help="folder with rulebook.toml, .sig, trust.jwks, keys")
    new.add_argument("--out", type=Path, metavar="FILE", help="the new file (default: NAME.toml)")


DEVICE_FLAGS = (
    ("--without", "DEVICE", "a device of the template that this door has not"),
    ("--driver", "DEVICE=NAME", "another driver for a device"),
    ("--port", "DEVICE=PATH", "the port a device hangs on"),
    ("--pin", "DEVICE=BCM", "the pin of a device; of several: counter.outside=17"),
)


def run(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("tomlkit") is None:
        raise Failure("site files are made in the source folder, not on an installed device")
    from firmware.site import template

    ask = Asker()
    kind = arguments.kind or ask.for_word("kind of door", template.names(), "entry", "--kind")
    draft = template.Draft(kind)
    name = arguments.name or ask.must("name of the device", "--name")
    draft.named(name, arguments.hall or ask.must("id of the hall", "--hall"))
    draft.hub(ask.may("broker", "mqtt://127.0.0.1:1883") if arguments.hub is None else arguments.hub)
    draft.bank(arguments.bank)
    _devices(draft, arguments)
    draft.lane(arguments.lane, [word for word in arguments.serves.split(",") if word])
    if arguments.side_link:
        draft.side_link(arguments.side_link, arguments.peer)
    _ports(draft, ask, template.plugged_in())
    out = arguments.out or Path(f"{name}.toml")
    make_folder(out.resolve().parent)
    if arguments.hall_files:
        template.copy_hall_files(arguments.hall_files, out)
    if (out.parent / "hall.key").is_file() or arguments.side_link:
        draft.hall_key()
    return _tell(draft, out)


def _tell(draft: Draft, out: Path) -> int:
    from firmware.site import template

    left = template.written(draft.text(), out)
    what = f"{out} is written: {draft.text().count('[lane.')} devices"
    print(spoken(what))
    left += [Mistake(f"the port of {role} is still a placeholder: ls /dev/serial/by-path") for role in draft.unplugged]
    for one in left:
        print(f"hallgate site: {spoken('still to do: ')}{told(one)}", file=sys.stderr)
    return 0


def _devices(draft: Draft, arguments: argparse.Namespace) -> None:
    for role in arguments.without:
        draft.without(role)
    for flag, change in (("driver", draft.driver), ("port", draft.port)):
        for word in getattr(arguments, flag):
            change(*_pair(word, f"--{flag}"))
    for word in arguments.pin:
        role, bcm = _pair(word, "--pin")
        if not bcm.isdecimal():
            raise Mistake(f"{bcm} is no BCM number", key="--pin")
        draft.pin(role, int(bcm))


def _pair(word: str, key: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not (name and equals and value):
        raise Mistake("write DEVICE=VALUE", key=key)
    return name, value


def _ports(draft: Draft, ask: Asker, there: list[str]) -> None:
    """Only where somebody is there to say which plug it was."""
    for role in draft.unplugged:
        if ask.there:
            for number, path in enumerate(there, 1):
                print(f"  {number}: {path}", file=sys.stderr)
            word = ask.may(f"port of {role}: number or path", "")
            where = there[int(word) - 1] if word.isdecimal() and 0 < int(word) <= len(there) else word
            if where:
                draft.port(role, where)


class Asker:
    """Questions on stderr, answers on stdin; nobody is asked when stdin is no terminal."""

    def __init__(self) -> None:
        self.there = sys.stdin.isatty()

    def must(self, what: str, flag: str) -> str:
        word = self.may(what, "")
        if not word:
            raise Mistake(f"say the {what}", key=flag)
        return word

    def may(self, what: str, default: str) -> str:
        if not self.there:
            return default
        hint = f" [{default}]" if default else ""
        print(f"{spoken(what)}{hint}: ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip() or default

    def for_word(self, what: str, words: list[str], default: str, flag: str) -> str:
        if not self.there:
            raise Mistake(f"say one of: {', '.join(words)}", key=flag)
        return self.may(f"{what} ({', '.join(words)})", default)
