"""What a site file says against itself and against the files beside it.

Above all of it stands "nobody is held in": an escape way opens when the software is gone and has a fire loop.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from firmware.core.resource import HALL
from firmware.errors import Mistake
from firmware.files import load_hall_key
from firmware.outputs import relay
from firmware.site.tables import OPENERS, DeviceSpec, Lane, Site
from firmware.toml_lines import Path as Keys
from firmware.typed_toml import dotted, nearest
from mqtt.address import Address, is_host
from sensors.driver import I2cSettings
from sensors.readings import GatePassed

Found = Iterator[tuple[Keys, str]]

HELD_IN = "nobody is held in"
HINT = "button, range, counter or scanner"


def errors(site: Site) -> list[tuple[Keys, str]]:
    """(key path, what to do) of everything that makes this site unusable."""
    checks = (
        _lanes,
        _escape_ways,
        _exits,
        _hatches,
        _zones,
        _lifts,
        _fire_loops,
        _languages,
        _optional_pins,
        _ports,
        _buses,
        _pins,
        _addresses,
        _listens,
        _files,
        _side_link,
    )
    return [found for check in checks for found in check(site)]


def warnings(site: Site) -> list[tuple[Keys, str]]:
    """What lets pass, and a person should look at."""
    checks = (
        _unasked_exits, _closed_exits, _fire_unheard, _floating_loops, _boards_of_their_own, _interlocks, _idle_zones,
        _uncounted_zones, _unsized, _unpowered, _unguarded, _alone, _tls, _enrolled, _side_peers,
    )  # fmt: skip
    return [found for check in checks for found in check(site)]


# ---------------------------------------------------------------- lanes


def _numbered(site: Site) -> Iterator[tuple[Keys, Lane]]:
    for index, lane in enumerate(site.lanes):
        yield ("lane", index), lane


def _devices(site: Site) -> Iterator[tuple[Keys, DeviceSpec]]:
    for path, lane in _numbered(site):
        for role, spec in lane.devices.items():
            yield (*path, role), spec


def _lanes(site: Site) -> Found:
    if not site.lanes:
        yield ("lane",), "there is no lane: write at least one [[lane]]"
    seen: set[str] = set()
    for path, lane in _numbered(site):
        if lane.name in seen:
            yield (*path, "name"), f"another lane is called {lane.name} already"
        seen.add(lane.name)


def _escape_ways(site: Site) -> Found:
    for path, lane in _numbered(site):
        if lane.escape_way and lane.on_failure != "open":
            yield (
                (*path, "on_failure"),
                f'an escape way opens when the software is gone: on_failure = "open" ({HELD_IN})',
            )
        if lane.escape_way and "fire_loop" not in lane.devices:
            yield (*path, "escape_way"), f"an escape way has a fire loop: write [lane.fire_loop] ({HELD_IN})"


def _exits(site: Site) -> Found:
    for path, lane in _numbered(site):
        leaves = lane.direction in ("out", "both") and "gate" in lane.devices
        if leaves and not any(role in lane.devices for role in OPENERS):
            yield (
                (*path, "direction"),
                f"nothing tells this lane that somebody wants to leave: give it a {HINT} ({HELD_IN})",
            )


def _hatches(site: Site) -> Found:
    for path, lane in _numbered(site):
        if lane.hatch and (lane.escape_way or lane.direction != "in"):
            yield (*path, "hatch"), f'nobody goes through a hatch: direction = "in", no escape way ({HELD_IN})'


def _zones(site: Site) -> Found:
    zones = site.rights.zones
    for index, zone in enumerate(zones):
        if zone == HALL or zone in zones[:index]:
            yield ("rights", "zones", index), f"{zone} is the whole hall already" if zone == HALL else "is named twice"
    for path, lane in _numbered(site):
        if lane.comes_from not in ("", HALL, *zones):
            yield (*path, "from"), f"{lane.comes_from} is neither {HALL} nor one of zones in [rights]"
        elif lane.comes_from and lane.comes_from == lane.zone:
            yield (*path, "from"), f"this lane leads from {lane.zone} to {lane.zone}"


def _uncounted_zones(site: Site) -> Found:
    for path, lane in _numbered(site):
        if site.rights.zones and lane.zone not in ("", HALL, *site.rights.zones):
            near = nearest(lane.zone, site.rights.zones)
            yield (*path, "zone"), f"nobody counts who is in {lane.zone}: it is none of zones in [rights]{near}"


def _idle_zones(site: Site) -> Found:
    used = {name for lane in site.lanes for name in (lane.zone, lane.comes_from)}
    for index, zone in enumerate(site.rights.zones):
        if zone not in used and not site.rights.bank:
            yield (
                ("rights", "zones", index),
                f"no lane leads to {zone} or out of it: a device that is no bank has no use for it",
            )


def _lifts(site: Site) -> Found:
    for path, lane in _numbered(site):
        lift = lane.direction == "elevator"
        if lift and lane.escape_way:
            yield (*path, "escape_way"), f"a lift is no way out: its calls drop in a fire ({HELD_IN})"
        if lift and lane.on_failure == "open":
            yield (
                (*path, "on_failure"),
                f'a lift is called by nobody when the software is gone: on_failure = "closed" ({HELD_IN})',
            )
        if lane.car is not None and not lift:
            yield (*path, "car"), 'only a lift has a car: direction = "elevator"'


def _unsized(site: Site) -> Found:
    for path, lane in _numbered(site):
        if lane.direction == "elevator" and lane.car is None:
            yield path, "nobody counts who rides: write [lane.car] with width_mm, depth_mm and rated_persons (3.1.5d)"


def _unasked_exits(site: Site) -> Found:
    """At a lane for both ways a code asks to come in, and nobody knows on which side of the beams a body stands."""
    for path, lane in _numbered(site):
        if lane.direction == "both" and "gate" in lane.devices and "button" not in lane.devices:
            yield (
                (*path, "direction"),
                f"nothing opens this gate for somebody who leaves: give it a button, or a gate that turns freely"
                f" outwards ({HELD_IN})",
            )


def _closed_exits(site: Site) -> Found:
    for path, lane in _numbered(site):
        if lane.direction in ("out", "both") and lane.on_failure == "closed" and "gate" in lane.devices:
            yield (
                (*path, "on_failure"),
                f"this exit stays shut when the software is gone: is there another one? ({HELD_IN})",
            )


def _fire_unheard(site: Site) -> Found:
    """Not an error: the panel's own contact may do all of it, and another lane's loop opens every lane of its device."""
    if any("fire_loop" in lane.devices for lane in site.lanes):
        return
    for path, lane in _numbered(site):
        if lane.direction in ("out", "both") and "gate" in lane.devices:
            yield path, f"nothing tells this device of a fire: write [lane.fire_loop] ({HELD_IN})"


def _floating_loops(site: Site) -> Found:
    """Not an error: a resistor may be soldered in."""
    for path, spec in _devices(site):
        if spec.role == "fire_loop" and getattr(spec.settings, "pull", "") == "none":
            yield (
                (*path, "pull"),
                f"without a resistor of your own a cut wire of this loop reads as anything ({HELD_IN})",
            )


def _boards_of_their_own(site: Site) -> Found:
    for path, lane in _numbered(site):
        gate = lane.devices.get("gate")
        if lane.on_failure == "open" and gate is not None and GatePassed in gate.driver.gives:
            yield (
                (*path, "on_failure"),
                f"the board keeps this by itself or not at all: set a free way out in its menu, wire the fire panel to its"
                f" emergency input, and try it with this device unplugged ({HELD_IN})",
            )


def _interlocks(site: Site) -> Found:
    words = [lane.interlock for lane in site.lanes]
    for path, lane in _numbered(site):
        if lane.interlock and words.count(lane.interlock) == 1:
            yield (*path, "interlock"), f"no other lane says {lane.interlock}: there is nothing to lock against"


def _fire_loops(site: Site) -> Found:
    for path, spec in _devices(site):
        if spec.role == "fire_loop" and getattr(spec.settings, "normally", "closed") != "closed":
            yield (*path, "normally"), f"a fire loop is normally closed: a cut wire is fire ({HELD_IN})"


# ---------------------------------------------------------------- wires


def _languages(site: Site) -> Found:
    """Settings that a driver itself refuses together: it is built once, which opens nothing."""
    for index, lane in enumerate(site.lanes):
        for role, spec in lane.devices.items():
            try:
                spec.driver.decoder(spec.settings, *((lane.on_failure,) if role == "gate" else ()))
            except Mistake as mistake:
                yield ("lane", index, role, *filter(None, [mistake.key])), mistake.what


def _optional_pins(site: Site) -> Found:
    """An output that may be left out, and the setting of its name that says whether it is there."""
    for path, spec in _devices(site):
        for name in spec.driver.optional_outputs:
            wanted = getattr(spec.settings, name, False) is True
            if wanted and name not in spec.pins:
                yield (*path, "pins"), f"{name} is missing: {name} = true says that there is one"
            if name in spec.pins and not wanted:
                yield (*path, "pins", name), f"is not used: write {name} = true"


def _unpowered(site: Site) -> Found:
    """`on_failure` is a promise of the wiring as well: without power a relay lets go."""
    for path, lane in _numbered(site):
        gate = lane.devices.get("gate")
        doubt = relay.wiring_doubt(getattr(gate.settings, "energised", "closed"), lane.on_failure) if gate else None
        if doubt:
            yield (*path, "gate"), doubt


def _ports(site: Site) -> Found:
    taken: dict[str, list[tuple[Keys, DeviceSpec]]] = {}
    for path, spec in _devices(site):
        if spec.port is None:
            continue
        others = taken.setdefault(os.path.realpath(spec.port), [])
        clash = next((other for other in others if not _side_by_side(spec, other[1])), None)
        if clash is not None:
            yield _taken(path, spec, *clash)
        others.append((path, spec))


def _buses(site: Site) -> Found:
    for path, spec in _devices(site):
        if spec.driver.port == "i2c" and spec.port and not _is_bus(spec.port):
            what = f'{spec.port} is no I2C bus: write port = "/dev/i2c-1" (a simulated one: "unix:PATH")'
            yield (*path, "port"), what


def _is_bus(port: str) -> bool:
    """By its name, wherever its links lead: the site is checked at a desk, too, where there is no such bus."""
    return bool(re.match("unix:.", port) or re.fullmatch(r"/dev/i2c-\d+", os.path.realpath(port)))


def _taken(path: Keys, spec: DeviceSpec, other_path: Keys, other: DeviceSpec) -> tuple[Keys, str]:
    if isinstance(spec.settings, I2cSettings) and isinstance(other.settings, I2cSettings):
        return (*path, "address"), f"0x{spec.settings.address:02x} on {spec.port} is taken by {dotted(other_path)}"
    return (*path, "port"), f"{spec.port} is taken by {dotted(other_path)}"


def _side_by_side(one: DeviceSpec, other: DeviceSpec) -> bool:
    """Two relays of one board, two boards on one line, or two chips on one I2C bus."""
    alike = one.driver.name == other.driver.name or one.driver.port == other.driver.port == "i2c"
    return alike and one.port == other.port and _place(one) != _place(other)


def _place(spec: DeviceSpec) -> tuple[object, ...]:
    return tuple(getattr(spec.settings, name, None) for name in ("channel", "address"))


def _pins(site: Site) -> Found:
    taken: dict[int, tuple[Keys, DeviceSpec]] = {}
    for path, spec in _devices(site):
        for name, pin in spec.pins.items():
            other = taken.setdefault(pin, (path, spec))
            if other[1] is spec and list(spec.pins.values()).count(pin) > 1 and name != next(iter(spec.pins)):
                yield (*path, "pins", name), f"pin {pin} is given twice"
            elif other[1] is not spec and not spec.role == other[1].role == "fire_loop":
                written = (*path, "pin") if site.has((*path, "pin")) else (*path, "pins", name)
                yield written, f"pin {pin} is taken by {dotted(other[0])}"


def _addresses(site: Site) -> Found:
    named: list[tuple[Keys, str]] = [(("hub", "url"), site.hub.url.split("//")[1])] if site.hub else []
    if site.side_link:
        named.append((("side_link", "listen"), site.side_link.listen))
        named += [(("side_link", "peers", index), peer) for index, peer in enumerate(site.side_link.peers)]
    named += [((*path, "listen"), spec.port) for path, spec in _devices(site) if _pushes(spec) and spec.port]
    for path, address in named:
        port = address.rstrip("/").rpartition(":")[2]
        if port.isdigit() and not 1 <= int(port) <= 65535:
            yield path, f"{port} is no port number: 1 to 65535"


def _pushes(spec: DeviceSpec) -> bool:
    return spec.driver.port == "http"


def _listens(site: Site) -> Found:
    for path, spec in _devices(site):
        if _pushes(spec) and _host(spec) is None:
            yield (*path, "listen"), "write the address in numbers: a name would have to be asked for on the network"
        for index, network in enumerate(getattr(spec.settings, "allow", ())):
            try:
                ip_network(network, strict=False)
            except ValueError:
                yield (*path, "allow", index), f"{network} is no address and no network (192.168.1.20, 192.168.1.0/24)"


def _unguarded(site: Site) -> Found:
    for path, spec in _devices(site):
        host = _host(spec) if _pushes(spec) else None
        guarded = getattr(spec.settings, "allow", ()) or getattr(spec.settings, "token_sha256", "")
        if host and not host.is_loopback and not guarded:
            yield path, "whoever reaches this address can speak as the terminal: write allow or token_sha256"


def _host(spec: DeviceSpec) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address((spec.port or "").rpartition(":")[0].strip("[]"))
    except ValueError:
        return None


def _side_link(site: Site) -> Found:
    table = site.side_link
    if table is None:
        return
    if table.key is None and site.hall_key is None:
        yield ("side_link", "key"), "is missing: 32 bytes as base64url, the same file at every door, chmod 600"
    for index, peer in enumerate(table.peers):
        if _is_number(peer) and _is_number(table.listen) and peer.startswith("[") != table.listen.startswith("["):
            yield ("side_link", "peers", index), f"{peer} cannot be reached from {table.listen}: one is IPv6, one IPv4"


def _side_peers(site: Site) -> Found:
    table = site.side_link
    if table is None:
        return
    if not table.peers:
        yield ("side_link", "peers"), "is empty: this door is only found by doors that name it"
    for index, peer in enumerate(table.peers):
        if not _is_number(peer):
            yield ("side_link", "peers", index), f"{peer} is a name: write the IP address, a name needs a server to ask"


def _is_number(address: str) -> bool:
    try:
        ip_address(address.rpartition(":")[0].strip("[]"))
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------- files


def _files(site: Site) -> Found:
    tls = site.hub.tls if site.hub else None
    yield from _readable(("rulebook", "file"), site.rulebook)
    yield from _readable(("trust", "keys"), site.trust_keys)
    yield from _secret(("trust", "hall_key"), site.hall_key)
    yield from _secret(("side_link", "key"), site.side_link.key if site.side_link else None)
    if tls:
        yield from _readable(("hub", "tls", "ca"), tls.ca)
        yield from _guarded(("hub", "tls", "key"), tls.key)


def _readable(path: Keys, name: str | Path | None) -> Found:
    if name is not None and not Path(name).is_file():
        yield path, f"there is no file {name}"


def _secret(path: Keys, name: str | Path | None) -> Found:
    yield from _readable(path, name)
    yield from _guarded(path, name)
    if name is not None and Path(name).is_file() and os.access(name, os.R_OK):
        try:
            load_hall_key(Path(name))
        except Mistake:
            yield path, f"{name} is no key of a hall: make one by hallgate key new --kind hall"


def _guarded(path: Keys, name: str | Path | None) -> Found:
    if name is not None and Path(name).is_file() and Path(name).stat().st_mode & 0o077:
        yield path, f"is a secret that others may read: chmod 600 {name}"


def _alone(site: Site) -> Found:
    if site.rulebook is None and any(lane.entry for lane in site.lanes):
        yield ("rulebook",), "there is no [rulebook]: nobody is admitted until the hub sends one"
    if site.trust_keys is None:
        yield ("trust",), "there is no [trust]: no code, rulebook or command can be verified"


def _tls(site: Site) -> Found:
    if site.hub and site.hub.url.startswith("mqtts:") and site.hub.tls is None:
        yield ("hub", "url"), "mqtts:// without [hub.tls]: write ca, cert and key"
    if site.hub and not is_host(host := Address.parse(site.hub.url).host):
        yield ("hub", "url"), f"{host} is no name that can be looked up: the door works, without its hub"
    if site.hub and site.hub.url.startswith("mqtt:") and site.hub.tls is not None:
        yield ("hub", "tls"), "is not used: url begins with mqtt://, not mqtts://"


def _enrolled(site: Site) -> Found:
    """A door that is not enrolled yet decides all the same: it only has no hub."""
    tls = site.hub.tls if site.hub else None
    files = {"cert": tls.cert, "key": tls.key} if tls else {}
    for key, name in files.items():
        if name is not None and not Path(name).is_file():
            yield ("hub", "tls", key), f"not enrolled yet, there is no file {name}: the door works, without its hub"
