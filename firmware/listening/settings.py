"""Which driver was meant, and its settings: from a file with the driver's own keys, or a device's table of a site file."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import Any

import msgspec

import sensors
from firmware import outputs, typed_toml
from firmware.errors import Mistake
from firmware.files import read
from sensors.driver import HAND_KINDS, SENSOR_KINDS, Driver, Settings, UnknownDriver, find

WIRING_KEYS = ("driver", "port", "listen", "pin", "pins")
"""Keys of a site file's device table that are no settings: such a table may be pasted as it is."""


def driver_named(name: str) -> Driver:
    """Return the driver; Mistake with the nearest name when there is none."""
    try:
        return find(name)
    except UnknownDriver as unknown:
        raise Mistake(f"{unknown}{typed_toml.nearest(name, _driver_names())}", key="--as") from None


def _driver_names() -> list[str]:
    found = [module.name for room in (sensors, outputs) for module in pkgutil.iter_modules(room.__path__)]
    return [name for name in found if name.partition("_")[0] in (*SENSOR_KINDS, *HAND_KINDS)]


@dataclass(frozen=True)
class SettingsFile:
    """A settings file, read: the driver's own settings and, if a device table was pasted, its pins."""

    settings: Settings
    pins: dict[str, int]


def settings_for(driver: Driver, file: str | None) -> SettingsFile:
    """Read a settings file (TOML, the driver's keys at the top); Mistake names every wrong line. None: the defaults."""
    if file is None:
        return SettingsFile(_converted(driver, {}, ""), {})
    source = typed_toml.document(read(file), file)
    own = {key: value for key, value in source.tree.items() if key not in WIRING_KEYS}
    complaints = typed_toml.complaints(own, driver.settings)
    if complaints:
        raise source.mistakes(complaints)
    return SettingsFile(_converted(driver, own, file), _pins_written(driver, source))


def _converted(driver: Driver, own: dict[str, Any], file: str) -> Settings:
    try:
        return typed_toml.convert(own, driver.settings)
    except msgspec.ValidationError as wrong:
        raise Mistake(f"{driver.name} needs settings: {wrong}", file=file, key="--settings") from None


def _pins_written(driver: Driver, source: typed_toml.Document) -> dict[str, int]:
    roles = driver.pins
    pins = source.tree.get("pins", {role: source.tree["pin"] for role in roles[:1] if "pin" in source.tree})
    if not isinstance(pins, dict) or not all(isinstance(bcm, int) and 0 <= bcm < 64 for bcm in pins.values()):
        raise source.mistake(("pins",), "expected a BCM number for each pin")
    return dict(pins)
