"""File systems and the card, made as plain files: no loop device, no mount, and the same bytes on every build."""

from __future__ import annotations

import re
from pathlib import Path

from deploy.image import tools
from deploy.image.recipe import HERE, Card, Shop
from firmware.errors import Failure
from firmware.updating import slots

MIB = 1 << 20
FIRST_MIB = 1
ENVIRONMENT_BYTES = 0x4000
SLOT_UUID = "48474154-0000-4000-8000-00000000000{}"
FAT_ID = "48474154"
ROOT_INODE, FIRST_INODE = 2, 11
FIRST_VARIABLES = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "0", "preboot": "", "bootdelay": "-2"}
"""Slot B is empty until the first update. `preboot`: what U-Boot sets there leaves the network dead. `bootdelay` -2: no key
stops the start, because a scanner on the serial pins would be a key.
"""
BUILT_IN = re.compile(rb"bootcmd=run distro_bootcmd\0(?:[ -~]+\0)+\0")


def slot(shop: Shop, card: Card, epoch: int) -> Path:
    """The root as an ext4 file: what stands in a slot, and what a bundle carries."""
    return ext4(shop.part("root.ext4"), shop.root, card.slot_mib, "root", 2, epoch)


def persistent(shop: Shop, card: Card, epoch: int, files: Path | None) -> Path:
    """The partition that is written. `files`: what is on it from the start; otherwise it is empty."""
    source = files or shop.part("persistent")
    source.mkdir(parents=True, exist_ok=True)
    return ext4(shop.part("persistent.ext4"), source, card.persistent_mib, "persistent", 4, epoch)


def ext4(out: Path, source: Path, size_mib: int, label: str, number: int, epoch: int) -> Path:
    """The folder `source` as a file system in a file; the same folder makes the same bytes. `number`: its partition."""
    out.unlink(missing_ok=True)
    uuid = SLOT_UUID.format(number)
    tools.run(
        ["mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-U", uuid, "-m", "1", "-O", "^metadata_csum_seed",
         "-E", f"hash_seed={uuid},lazy_itable_init=0,root_owner=0:0", "-d", source, out, f"{size_mib}M"],
        environment=_at(epoch),
    )  # fmt: skip
    _one_moment(out, epoch)
    return out


def _at(epoch: int) -> dict[str, str]:
    return {"SOURCE_DATE_EPOCH": str(epoch), "E2FSPROGS_FAKE_TIME": str(epoch)}


def _one_moment(out: Path, epoch: int) -> None:
    """When a file was last read and changed, written over in every inode: mke2fs copies both, and no one can set the second."""
    moments = [f"set_inode_field <{n}> {field} @{epoch}\n" for n in _inodes(out) for field in ("atime", "ctime")]
    orders = out.with_name(out.name + ".moments")
    orders.write_text("".join(moments))
    tools.run(["debugfs", "-w", "-f", orders, out], environment=_at(epoch))
    orders.unlink()


def _inodes(out: Path) -> list[int]:
    """The inodes a file system uses for files: its root, and all that are not free from the first ordinary one on."""
    told = tools.run(["dumpe2fs", out])
    count = int(re.findall(r"^Inode count: +(\d+)", told, re.M)[0])
    free: set[int] = set()
    for line in re.findall(r"^ +Free inodes: ([\d, -]+)$", told, re.M):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            free.update(range(int(first), int(last or first) + 1))
    return [ROOT_INODE, *(n for n in range(FIRST_INODE, count + 1) if n not in free)]


def firmware(shop: Shop, card: Card, epoch: int) -> Path:
    """The FAT partition: the Pi's loader, and U-Boot with its script and its variables where it is used."""
    files, out = shop.part("firmware"), shop.part("firmware.fat")
    clock = {"SOURCE_DATE_EPOCH": str(epoch)}
    if (files / "u-boot.bin").exists():
        _u_boot(shop, files, clock)
    out.unlink(missing_ok=True)
    with out.open("wb") as empty:
        empty.truncate(card.firmware_mib * MIB)
    tools.run(["mkfs.vfat", "-F", "32", "-i", FAT_ID, "-n", "FIRMWARE", "--invariant", out])
    tools.run(["mcopy", "-i", out, "-s", *sorted(files.iterdir()), "::"], environment=clock)
    return out


def _u_boot(shop: Shop, files: Path, clock: dict[str, str]) -> None:
    text = shop.part("environment.txt")
    variables = built_in((files / "u-boot.bin").read_bytes()) | FIRST_VARIABLES
    text.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    tools.run(["mkenvimage", "-s", hex(ENVIRONMENT_BYTES), "-o", files / "uboot.env", text])
    (files / slots.SPARE.name).write_bytes(slots.spare("A"))
    tools.run(
        ["mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", HERE / "boot.cmd", files / "boot.scr"],
        environment=clock,
    )


def built_in(u_boot: bytes) -> dict[str, str]:
    """U-Boot's own variables. A file of variables takes the place of all of them: ours must hold them, too."""
    found = BUILT_IN.search(u_boot)
    if found is None:
        raise Failure("U-Boot's own variables were not found in u-boot.bin: it would start nothing")
    rows = found[0].rstrip(b"\0").decode("ascii").split("\0")
    return dict(row.split("=", 1) for row in rows)


def layout(card: Card) -> list[tuple[int, int, str]]:
    """Start and size in MiB and the MBR type of each partition."""
    sizes = [(card.firmware_mib, "c"), (card.slot_mib, "83"), (card.slot_mib, "83"), (card.persistent_mib, "83")]
    rows, start = [], FIRST_MIB
    for size, kind in sizes:
        rows.append((start, size, kind))
        start += size
    if start > card.image_mib:
        raise Failure(f"the partitions need {start} MiB, the card has {card.image_mib}")
    return rows


def assemble(out: Path, card: Card, parts: list[Path | None]) -> None:
    """One sparse file with every partition in its place; None leaves one empty."""
    rows = layout(card)
    out.unlink(missing_ok=True)
    with out.open("wb") as file:
        file.truncate(card.image_mib * MIB)
    table = [f"label: dos\nlabel-id: 0x{card.disk}\nunit: sectors\n"]
    table += [f"start={start * 2048}, size={size * 2048}, type={kind}" for start, size, kind in rows]
    plan = out.with_name(out.name + ".table")
    plan.write_text("\n".join(table) + "\n")
    tools.run(["sh", "-c", f"sfdisk -q '{out}' < '{plan}'"])
    plan.unlink()
    for part, (start, _, _) in zip(parts, rows, strict=True):
        if part is not None:
            tools.run(["dd", f"if={part}", f"of={out}", "bs=1M", f"seek={start}", "conv=sparse,notrunc", "status=none"])


def compress(out: Path) -> Path:
    packed = out.with_name(out.name + ".zst")
    tools.run(["zstd", "-q", "-f", "-T0", "-9", "--long", out, "-o", packed])
    return packed
