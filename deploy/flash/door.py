"""What a card is told of its door: the site file and all it names, the network, how to enrol.

It is checked before any disk is touched, and written into the folder `hallgate` of the card's first partition, where
any computer can read it. What is secret there (the hall's key, a Wi-Fi password, the ticket) moves to the
read-only-to-root part of the card on first boot and is wiped from here. The device's own key is never on it: the device
makes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.image import tools
from firmware import clock, typed_toml
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.site.examination import examine
from firmware.site.template import PLACEHOLDER
from firmware.typed_toml import Mistakes

FOLDER = "hallgate"
MANIFEST = "card.json"
NAMED = (("rulebook", "file"), ("trust", "keys"), ("trust", "hall_key"), ("side_link", "key"), ("hub", "tls", "ca"))
"""Keys of a site file that name a file which goes with it. `cert` and `key` of the hub are made on the device."""
SITE_BYTES_MAX = 4_000_000


@dataclass
class Door:
    """`files`: what stands in the card's folder, by its path there."""

    name: str
    hall: str
    files: dict[str, bytes] = field(default_factory=dict)
    card: str = field(default_factory=lambda: os.urandom(4).hex())
    """Which card this is of all that were flashed for this name: on the label, in the log of the first boot."""
    bank: bool = False
    """It mints the hall's limit: the broker must let it hear the orders for that."""
    unplugged: tuple[str, ...] = ()
    """Devices whose port nobody has named yet: the first start will miss them."""
    odd: tuple[Mistake, ...] = ()
    """What `hallgate check` warns of."""

    def manifest(self, image: str) -> bytes:
        """What the first boot compares: a spoilt file is known, and a missing one."""
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(self.files.items())}
        made_s = Clock().wall_ms() // 1000
        told = {"v": 1, "device": self.name, "hall": self.hall, "card": self.card, "image": image, "made_s": made_s}
        return json.dumps({**told, "files": digests}, indent=1).encode() + b"\n"


def read(file: Path, name: str | None) -> Door:
    """The door of a site file, as `hallgate check` finds it good. Raises Mistake for everything that is not."""
    tools.need({"mcopy": "mtools"})
    found = examine(str(file), clock.from_environment())
    if found.place is None or found.wrong:
        raise Mistakes(found.wrong)
    place = found.place
    if name is not None and name != place.device.name:
        raise Mistake(
            f"is {place.device.name}, not {name}: take the site file of this device", file=str(file), key="device.name"
        )
    devices = [spec for lane in place.lanes for spec in lane.devices.values()]
    unplugged = tuple(spec.role for spec in devices if spec.port and PLACEHOLDER.search(spec.port))
    door = Door(place.device.name, place.device.hall, bank=place.rights.bank, unplugged=unplugged, odd=tuple(found.odd))
    text = door.files["site/site.toml"] = file.read_bytes()
    tree = typed_toml.document(text, str(file)).tree
    for keys in NAMED:
        named = _value(tree, keys)
        if named is not None:
            door.files |= _beside(file, named, keys)
    if sum(map(len, door.files.values())) > SITE_BYTES_MAX:
        raise Mistake(f"names files of more than {SITE_BYTES_MAX // 1_000_000} MB", file=str(file))
    return door


def _value(tree: Any, keys: tuple[str, ...]) -> str | None:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else None


def _beside(file: Path, named: str, keys: tuple[str, ...]) -> dict[str, bytes]:
    """The named file, and a rulebook's signature, as they will lie beside the site file of the device."""
    if Path(named).is_absolute() or ".." in Path(named).parts:
        raise Mistake("must lie beside the site file or below it, to go with it", file=str(file), key=".".join(keys))
    names = (named, f"{named}.sig") if keys[0] == "rulebook" else (named,)
    return {f"site/{each}": (file.parent / each).read_bytes() for each in names}


# ---------------------------------------------------------------- onto the card


def write(card: Path, start: int, door: Door, image: str) -> None:
    """Put the folder onto the partition that begins at byte `start`, and read it back. Raises Failure.

    mtools is told where it is: the card's own table still says "not whole".
    """
    files = {**door.files, MANIFEST: door.manifest(image)}
    with tempfile.TemporaryDirectory(prefix="hallgate-card-") as folder:
        made, back = Path(folder, FOLDER), Path(folder, "back")
        for name, data in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(data)
        drive = f"{card}@@{start}"
        tools.run(["mcopy", "-i", drive, "-s", "-o", "-Q", made, "::"])
        back.mkdir()
        tools.run(["mcopy", "-i", drive, "-s", "-n", f"::{FOLDER}", back])
        for name, data in files.items():
            if (back / FOLDER / name).read_bytes() != data:
                raise Failure(f"{card} does not keep what it is given ({name}): take another card")
