"""A site file made from a template of `deploy/sites`: the technician's answers put in, its comments kept, then checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tomlkit

from firmware import site
from firmware.durable import replace_file
from firmware.errors import HallgateError, Mistake
from firmware.typed_toml import Mistakes

TEMPLATES = Path(__file__).parents[2] / "deploy/sites"
PLACEHOLDER = re.compile(r"/[A-Z]+\Z")
"""Ends a port that nobody has named yet: /dev/serial/by-path/SCANNER."""
BY_PATH = Path("/dev/serial/by-path")


def names() -> list[str]:
    """The kinds of door there is a template for."""
    return sorted(path.stem for path in TEMPLATES.glob("*.toml") if "[[lane]]" in path.read_text("utf-8"))


class Draft:
    """A template while it is filled in. Every method raises Mistake for what the template has not."""

    def __init__(self, kind: str) -> None:
        if kind not in names():
            raise Mistake(f"there is no template {kind}; one of: {', '.join(names())}", key="--kind")
        self._text = tomlkit.parse((TEMPLATES / f"{kind}.toml").read_text("utf-8"))
        self._lane: Any = self._text["lane"][0]

    @property
    def devices(self) -> list[str]:
        return [role for role, table in self._lane.items() if isinstance(table, dict)]

    @property
    def unplugged(self) -> list[str]:
        """Devices whose port is still the template's placeholder."""
        return [role for role in self.devices if PLACEHOLDER.search(str(self._lane[role].get("port", "")))]

    def named(self, name: str, hall: str) -> None:
        self._text["device"]["name"], self._text["device"]["hall"] = name, hall

    def hub(self, url: str) -> None:
        """Empty: it works without one. `mqtts:` adds the files its enrolment will make."""
        if not url:
            del self._text["hub"]
            return
        self._text["hub"]["url"] = url
        if url.startswith("mqtts:"):
            name = self._text["device"]["name"]
            files = tomlkit.table()
            files.update({"ca": "ca.pem", "cert": f"{name}.pem", "key": f"{name}.key"})
            self._text["hub"]["tls"] = files

    def bank(self, yes: bool) -> None:
        self._text["rights"]["bank"] = yes

    def hall_key(self) -> None:
        self._text["trust"]["hall_key"] = "hall.key"

    def side_link(self, listen: str, peers: list[str]) -> None:
        """Its seal is made with the hall's key."""
        table = tomlkit.table()
        table.update({"listen": listen, "peers": peers})
        self._text["side_link"] = table

    def lane(self, name: str | None, serves: list[str]) -> None:
        if name:
            self._lane["name"] = name
        if serves:
            self._lane["for"] = serves

    def without(self, role: str) -> None:
        self._device(role)
        del self._lane[role]

    def driver(self, role: str, name: str) -> None:
        """Settings of the driver before are not this one's: what is left is where it hangs."""
        table = self._device(role)
        for key in [key for key in table if key not in ("driver", "port", "pin", "pins", "normally")]:
            del table[key]
        table["driver"] = name

    def port(self, role: str, where: str) -> None:
        table = self._device(role)
        for key in ("pin", "pins"):
            table.pop(key, None)
        table["port"] = where

    def pin(self, role: str, bcm: int) -> None:
        """`counter.outside` is one of several; `button` is a device with one, as a gate whose relay hangs on a pin."""
        name, _, one = role.partition(".")
        table = self._device(name)
        if one and "pins" in table:
            table["pins"][one] = bcm
        elif not one and "pins" not in table:
            table.pop("port", None)
            table["pin"] = bcm
        else:
            raise Mistake(f"write {_example(name, table)}", key="--pin")

    def _device(self, role: str) -> Any:
        if role not in self.devices:
            raise Mistake(f"the template has no {role}; there are: {', '.join(self.devices)}")
        return self._lane[role]

    def text(self) -> str:
        return tomlkit.dumps(self._text)


def _example(name: str, table: Any) -> str:
    return f"{name}.{next(iter(table['pins']))}=17" if "pins" in table else f"{name}=17"


def written(text: str, out: Path) -> list[Mistake]:
    """Check the text as `out`, then write it; answers what is still to be done, such as files that are not beside it yet.

    Raises what is wrong with it, and writes nothing then.
    """
    if out.exists():
        raise Mistake("exists already and is not written over; choose another name", file=str(out))
    draft = out.with_name(out.name + ".draft")
    replace_file(draft, text.encode())
    try:
        to_do = list(site.load(str(draft)).warnings)
    except Mistakes as found:
        to_do = [one for one in found.all if one.what.startswith("there is no file")]
        if len(to_do) < len(found.all):
            raise Mistakes(_of(out, one) for one in found.all if one not in to_do) from None
    finally:
        draft.unlink()
    replace_file(out, text.encode())
    return [_of(out, one) for one in to_do]


def _of(out: Path, one: Mistake) -> Mistake:
    return Mistake(one.what, file=str(out), line=one.line, key=one.key)


def plugged_in() -> list[str]:
    """What hangs on this machine's USB, by its place."""
    try:
        return sorted(map(str, BY_PATH.iterdir()))
    except OSError:
        return []


def copy_hall_files(folder: Path, out: Path) -> None:
    """The hall's files beside the site file; what is secret stays so. Raises Mistake when they cannot be read.

    A folder that is not there is a mistyped one: the door would get no rules, and its file cannot be made a second time.
    """
    if not folder.is_dir():
        raise Mistake("there is no such folder", file=str(folder), key="--hall-files")
    for name in ("rulebook.toml", "rulebook.toml.sig", "trust.jwks", "hall.key", "ca.pem"):
        source = folder / name
        if source.is_file() and not (out.parent / name).exists():
            _copy(source, out.parent / name)


def _copy(source: Path, goal: Path) -> None:
    try:
        replace_file(goal, source.read_bytes(), mode=0o600 if source.suffix == ".key" else 0o644)
    except OSError as error:
        raise HallgateError(f"{source}: {error.strerror}") from None
