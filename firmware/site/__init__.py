"""The site file: which door this device is, and what hangs on which wire (`contract.md` section 2).

`load` answers a typed `Site` or names every mistake with file, line, key and the nearest right word. It looks at the
files the site names (they must be there, secrets must be private), and never at a port: that is for `run`.
Paths are relative to the site file and absolute in what `load` answers.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

import sensors
from firmware import outputs, typed_toml
from firmware.errors import Mistake
from firmware.files import read
from firmware.site import against_rulebook, checks
from firmware.site.tables import ROLES, DeviceSpec, File, Lane, LaneTable, Site, Wiring
from firmware.toml_lines import Path as Keys
from sensors import driver as drivers
from sensors.driver import Driver

__all__ = ["Catalogue", "DeviceSpec", "Lane", "Site", "device_name", "driver_names", "lacks", "load"]

lacks = against_rulebook.lacks


def driver_names(kind: str) -> list[str]:
    """The drivers there are whose name begins with `kind`."""
    modules = [*pkgutil.iter_modules(sensors.__path__), *pkgutil.iter_modules(outputs.__path__)]
    return sorted(module.name for module in modules if module.name.startswith(f"{kind}_"))


@dataclass(frozen=True)
class Catalogue:
    """Where drivers come from; a test hands in its own."""

    find: Callable[[str], Driver] = drivers.find
    names: Callable[[str], list[str]] = driver_names


def load(path: str | Path, catalogue: Catalogue | None = None) -> Site:
    """Read and check a site file. Mistake when it cannot be used: `typed_toml.Mistakes`, with every one of them."""
    file = Path(path)
    return _Reading(typed_toml.document(read(path, typed_toml.SIZE_MAX), str(path)), catalogue or Catalogue()).site(
        file
    )


def device_name(path: Path) -> str:
    """The name in a site file, however wrong the rest of it is; empty: nobody can say."""
    try:
        return str(typed_toml.document(path.read_bytes(), str(path)).tree["device"]["name"])
    except (OSError, Mistake, KeyError, TypeError):
        return ""


class _Reading:
    """One reading of one file. Collects what is wrong, so that a person sees all of it at once."""

    def __init__(self, source: typed_toml.Document, catalogue: Catalogue) -> None:
        self.source, self.catalogue = source, catalogue
        self.wrong: list[tuple[Keys, str]] = []

    def site(self, file: Path) -> Site:
        self.wrong += typed_toml.complaints(self.source.tree, File)
        told = {path for path, _ in self.wrong}
        self.wrong += (one for one in typed_toml.unseen(self.source.tree) if one[0] not in told)
        devices = [self._devices(("lane", index), table) for index, table in enumerate(self._lane_tables())]
        self._stop_if_wrong()
        written = typed_toml.convert(self.source.tree, File)
        site = _joined(file.resolve(), written, devices, self.source.text)
        self.wrong += checks.errors(site)
        self._stop_if_wrong()
        warnings = tuple(self.source.mistake(*odd) for odd in checks.warnings(site))
        return Site(**{**vars(site), "warnings": warnings})

    def _stop_if_wrong(self) -> None:
        if self.wrong:
            raise self.source.mistakes(self.wrong)

    def _lane_tables(self) -> list[Any]:
        tables = self.source.tree.get("lane")
        return tables if isinstance(tables, list) else []

    def _devices(self, path: Keys, table: Any) -> dict[str, DeviceSpec]:
        """Each device of the lane that can be made sense of; the rest goes to `wrong`."""
        entries = table.items() if isinstance(table, dict) else ()
        specs = [self._device((*path, role), role, entry) for role, entry in entries if role in ROLES]
        return {spec.role: spec for spec in specs if spec}

    def _device(self, path: Keys, role: str, entry: Any) -> DeviceSpec | None:
        if not isinstance(entry, dict):
            return None
        about_wiring = {key: entry[key] for key in entry if key in Wiring.__struct_fields__}
        found = _without_echo(_meant_for_driver(entry, path) + typed_toml.complaints(about_wiring, Wiring, path))
        driver = None if found else self._driver((*path, "driver"), role, about_wiring["driver"])
        if driver is None:
            self.wrong += found
            return None
        wiring = typed_toml.convert(about_wiring, Wiring)
        own = {key: entry[key] for key in entry if key not in about_wiring}
        found = _without_echo(_settings_complaints(own, driver, path) + _wiring_complaints(wiring, driver, path))
        self.wrong += found
        if found:
            return None
        return DeviceSpec(
            role, driver, typed_toml.convert(own, driver.settings), wiring.port or wiring.listen, _pins(wiring, driver)
        )

    def _driver(self, path: Keys, role: str, name: str) -> Driver | None:
        kind = ROLES[role]
        near = typed_toml.nearest(name, self.catalogue.names(kind))
        if not name.startswith(f"{kind}_"):
            self.wrong.append((path, f"{name} is no driver for a {role}: they are called {kind}_...{near}"))
            return None
        try:
            return self.catalogue.find(name)
        except drivers.UnknownDriver as unknown:
            self.wrong.append((path, f"{unknown}{near or self._all(kind)}"))
        except ImportError as missing:
            self.wrong.append((path, f"{name} needs a Python package: {missing}"))
        return None

    def _all(self, kind: str) -> str:
        return f"; there are {', '.join(self.catalogue.names(kind)) or 'none of this kind'}"


def _meant_for_driver(entry: dict[str, Any], path: Keys) -> list[tuple[Keys, str]]:
    """Without its driver nobody knows a table's keys: only a word near to `driver` is surely none."""
    if "driver" in entry:
        return []
    near = (key for key in entry if key not in Wiring.__struct_fields__ and typed_toml.nearest(key, ("driver",)))
    return [((*path, key), typed_toml.unknown(key, ("driver",))) for key in near]


def _settings_complaints(own: dict[str, Any], driver: Driver, path: Keys) -> list[tuple[Keys, str]]:
    """Unknown keys are compared with the wiring's as well: `prot` is more likely a `port` than a setting."""
    known = {entry.encode_name for entry in msgspec.structs.fields(driver.settings)}
    words = known | set(Wiring.__struct_fields__)
    found = [((*path, key), typed_toml.unknown(key, words)) for key in own if key not in known]
    return found + typed_toml.complaints({key: own[key] for key in own if key in known}, driver.settings, path)


def _without_echo(found: list[tuple[Keys, str]]) -> list[tuple[Keys, str]]:
    """Who wrote `prot` need not hear as well that `port` is missing; `pin` and `pins` are one."""
    words = {what.split("did you mean ")[1].rstrip("?") for _, what in found if "did you mean " in what}
    words |= {"pin", "pins"} if words & {"pin", "pins"} else set()
    meant = tuple(f"{word} is missing" for word in words)
    return [(path, what) for path, what in found if not what.startswith(meant)]


def _wiring_complaints(wiring: Wiring, driver: Driver, path: Keys) -> list[tuple[Keys, str]]:
    wanted = (*driver.pins, *driver.outputs)
    found = _port_complaints(wiring, driver, path) + _listen_complaints(wiring, driver, path)
    if wiring.pin is not None and wiring.pins is not None:
        found.append(((*path, "pin"), "write pin or pins, not both"))
    elif wiring.pin is not None and len(wanted) != 1:
        found.append(((*path, "pin"), f"{driver.name} {_wants(wanted)}"))
    elif wiring.pins is not None:
        found += [
            ((*path, "pins", name), f"{driver.name} {_wants(wanted)}")
            for name in wiring.pins
            if name not in (*wanted, *driver.optional_outputs)
        ]
        found += [
            ((*path, "pins"), f"{name} is missing: {_wants(wanted)}") for name in wanted if name not in wiring.pins
        ]
    elif wiring.pin is None and wanted:
        found.append((path, f"{'pin' if len(wanted) == 1 else 'pins'} is missing: {_wants(wanted)}"))
    return found


def _port_complaints(wiring: Wiring, driver: Driver, path: Keys) -> list[tuple[Keys, str]]:
    """A name without its folder (COM3, ttyUSB0) would be looked for wherever the firmware was started."""
    if driver.port == "pins" and wiring.port is not None:
        return [((*path, "port"), f"{driver.name} hangs on pins, not on a port")]
    if driver.port == "serial" and wiring.port is None:
        return [(path, f'port is missing: {driver.name} hangs on a tty, port = "/dev/serial/by-path/..."')]
    if driver.port == "i2c" and wiring.port is None:
        return [(path, f'port is missing: {driver.name} hangs on an I2C bus, port = "/dev/i2c-1"')]
    if driver.port == "serial" and wiring.port is not None and not wiring.port.startswith("/"):
        return [((*path, "port"), f"{wiring.port} is no port: write its whole path (ls /dev/serial/by-path)")]
    return []


def _listen_complaints(wiring: Wiring, driver: Driver, path: Keys) -> list[tuple[Keys, str]]:
    if driver.port != "http":
        return [((*path, "listen"), f"{driver.name} does not come by network")] if wiring.listen else []
    if wiring.port is not None:
        return [((*path, "port"), f'{driver.name} comes by network: write listen = "ADDRESS:PORT"')]
    if wiring.listen is None:
        return [(path, f'listen is missing: {driver.name} comes by network, listen = "192.168.1.10:8088"')]
    return []


def _wants(pins: tuple[str, ...]) -> str:
    if not pins:
        return "has no pins"
    return "wants pin = NUMBER" if len(pins) == 1 else f"wants pins = {{ {', '.join(f'{pin} = N' for pin in pins)} }}"


def _pins(wiring: Wiring, driver: Driver) -> dict[str, int]:
    if wiring.pin is not None:
        return {(*driver.pins, *driver.outputs)[0]: wiring.pin}
    return dict(wiring.pins or {})


def _joined(file: Path, written: File, devices: list[dict[str, DeviceSpec]], text: str) -> Site:
    """Everything in its place, file names made absolute."""

    def beside(name: str | None) -> Path | None:
        return file.parent / name if name else None

    hub, side_link, trust = written.hub, written.side_link, written.trust
    if hub and hub.tls:
        names = {key: str(beside(name)) for key, name in msgspec.structs.asdict(hub.tls).items() if name}
        hub = msgspec.structs.replace(hub, tls=msgspec.structs.replace(hub.tls, **names))
    if side_link and side_link.key:
        side_link = msgspec.structs.replace(side_link, key=str(beside(side_link.key)))
    return Site(
        file=file,
        device=written.device,
        lanes=tuple(_lane(lane, found) for lane, found in zip(written.lane, devices, strict=True)),
        hub=hub,
        side_link=side_link,
        clock=written.clock,
        rights=written.rights,
        rulebook=beside(written.rulebook.file if written.rulebook else None),
        trust_keys=beside(trust.keys if trust else None),
        hall_key=beside(trust.hall_key if trust else None),
        text=text,
    )


def _lane(written: LaneTable, devices: dict[str, DeviceSpec]) -> Lane:
    return Lane(
        written.name,
        written.direction,
        written.serves,
        written.on_failure,
        written.escape_way,
        devices,
        written.zone,
        written.interlock,
        written.hatch,
        written.wide,
        written.comes_from,
        written.car,
    )
