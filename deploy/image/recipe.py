"""What the image is made of (`recipe.toml`), and where the pieces of one build lie."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware.errors import Mistake

HERE = Path(__file__).parent
SOURCE = HERE.parents[1]


class Wheels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    platforms: tuple[str, ...]
    more: tuple[str, ...]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes in MiB. `disk`: the MBR's identity, eight hex digits."""

    disk: str
    firmware_mib: int
    slot_mib: int
    persistent_mib: int
    image_mib: int


class PiOs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    packages: tuple[str, ...]
    instead_of: tuple[str, ...]


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    suite: str
    components: tuple[str, ...]
    python: str
    compatible: str
    boards: tuple[str, ...]
    packages: tuple[str, ...]
    initramfs_modules: tuple[str, ...]
    needed_modules: tuple[str, ...]
    needed_files: tuple[str, ...]
    leave_out: tuple[str, ...]
    keep: tuple[str, ...]
    remove: tuple[str, ...]
    masked: tuple[str, ...]
    pi_os: PiOs
    wheels: Wheels
    card: Card


def read() -> Recipe:
    return msgspec.toml.decode((HERE / "recipe.toml").read_bytes(), type=Recipe)


def requirements(recipe: Recipe) -> list[str]:
    """The Python packages of a device, as pip takes them."""
    setup = configparser.ConfigParser()
    setup.read(SOURCE / "setup.cfg", encoding="utf-8")
    base = [line for line in setup["options"]["install_requires"].splitlines() if line]
    return [*base, *recipe.wheels.more]


@dataclass(frozen=True)
class Shop:
    """The folder one builds in; never inside the repository. Packages and wheels are kept from build to build."""

    work: Path

    @property
    def packages(self) -> Path:
        return self.work / "packages"

    @property
    def wheels(self) -> Path:
        return self.work / "wheels"

    @property
    def root(self) -> Path:
        return self.work / "root"

    @property
    def keys(self) -> Path:
        return self.work / "keys"

    def part(self, name: str) -> Path:
        return self.work / "parts" / name

    def make(self) -> None:
        """Raises Mistake where no folder can be."""
        try:
            for folder in (self.packages, self.wheels, self.keys, self.work / "parts"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Mistake(f"is no folder to work in: {error.strerror}", file=str(self.work), key="--work") from None
