"""Which blocks of an image must be on the card, and what they hold: a block map in bmaptool's format (version 2.0).

A map of a sparse file's holes is not enough: a file system also counts on zeros that a file keeps as holes (inode
tables, a journal), and a card that was used before holds something else there. So the map is made from the file
systems: everything but the blocks that they call free, and the body of a partition that holds nothing.
"""

from __future__ import annotations

import hashlib
import re
import struct
import xml.etree.ElementTree as xml
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.image import recipe, tools
from firmware.errors import Mistake

BLOCK = 4_096
SECTOR = 512
FIRST_OF_EMPTY = 64
"""Blocks of an empty partition that are written all the same: no older file system must be found there."""
CHUNK = 4 << 20
LINUX = 0x83
ZEROS = "0" * 64
NUMBER_AT = 440
"""Where an MBR keeps its disk's number; ours is `disk` of deploy/image/recipe.toml."""


@dataclass(frozen=True)
class Range:
    """Blocks `first` to `last` (both included) of BLOCK bytes; `sha256` of their content, empty: not known."""

    first: int
    last: int
    sha256: str = ""

    @property
    def begin(self) -> int:
        return self.first * BLOCK


@dataclass(frozen=True)
class BlockMap:
    image_bytes: int
    ranges: tuple[Range, ...]

    @property
    def mapped_bytes(self) -> int:
        return sum(self.end(each) - each.begin for each in self.ranges)

    def end(self, each: Range) -> int:
        return min((each.last + 1) * BLOCK, self.image_bytes)

    @property
    def known(self) -> bool:
        """Whether the content is known, so that a spoilt image is found before anything is written."""
        return all(each.sha256 for each in self.ranges)


def whole(image_bytes: int) -> BlockMap:
    """Every block, their content unknown: for an image without a map."""
    return BlockMap(image_bytes, (Range(0, (image_bytes - 1) // BLOCK),))


# ---------------------------------------------------------------- made when an image is built


def made(image: Path) -> BlockMap:
    """The map of a card image with an MBR. Raises Failure where a file system cannot be read."""
    size = image.stat().st_size
    needed = bytearray(b"\1" * -(-size // BLOCK))
    with image.open("rb") as file:
        table = file.read(SECTOR)
    for start, length, kind in partitions(table, str(image)):
        if kind == LINUX:
            first, last = start // BLOCK, (start + length) // BLOCK
            for free_first, free_end in _free(image, start, last - first):
                needed[first + free_first : first + free_end] = bytes(free_end - free_first)
    with image.open("rb") as file:
        return BlockMap(
            size, tuple(Range(a, b, digest(file, a * BLOCK, min((b + 1) * BLOCK, size))) for a, b in _runs(needed))
        )


def partitions(table: bytes, image: str) -> list[tuple[int, int, int]]:
    """(first byte, bytes, type) of each entry of an MBR, the image's first sector. Mistake where there is none."""
    if table[510:] != b"\x55\xaa":
        raise Mistake("is no card image: it has no partition table", file=image)
    rows = [table[446 + 16 * n : 462 + 16 * n] for n in range(4)]
    found = [(row[4], *struct.unpack("<II", row[8:16])) for row in rows]
    return [(first * SECTOR, count * SECTOR, kind) for kind, first, count in found if count]


def doors_partition(table: bytes, image_bytes: int, image: str) -> int:
    """First byte of the partition that takes the door's files. Mistake for another system's image, and for one cut short.

    Where no map lies beside an image nothing else can tell: the card would be called whole, and no door would start.
    """
    found = partitions(table, image)
    if table[NUMBER_AT : NUMBER_AT + 4] != int(recipe.read().card.disk, 16).to_bytes(4, "little"):
        raise Mistake("is not an image of hallgate: take the one that `hallgate image` made", file=image)
    if any(first + length > image_bytes for first, length, _ in found):
        raise Mistake("is shorter than its partitions: fetch it again", file=image)
    return found[0][0]


def _free(image: Path, start: int, blocks: int) -> Iterator[tuple[int, int]]:
    """First and end of the runs of free blocks of a partition, counted from its beginning."""
    with image.open("rb") as file:
        file.seek(start + 1024 + 56)
        if file.read(2) != b"\x53\xef":  # no ext4: nothing stands there yet
            yield FIRST_OF_EMPTY, blocks
            return
    told = tools.run(["dumpe2fs", f"{image}?offset={start}"])
    size = int(re.findall(r"^Block size: +(\d+)", told, re.M)[0])
    for line in re.findall(r"^ +Free blocks: ([\d, -]+)$", told, re.M):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            begin, end = int(first) * size, (int(last or first) + 1) * size
            yield -(-begin // BLOCK), end // BLOCK


def _runs(needed: bytearray) -> Iterator[tuple[int, int]]:
    """First and last block of each run that is needed."""
    for run in re.finditer(rb"\x01+", bytes(needed)):
        yield run.start(), run.end() - 1


def digest(file: object, begin: int, end: int) -> str:
    """SHA-256 of the bytes from `begin` up to `end` of an open file."""
    found = hashlib.sha256()
    file.seek(begin)  # type: ignore[attr-defined]
    while begin < end:
        piece = file.read(min(CHUNK, end - begin))  # type: ignore[attr-defined]
        if not piece:
            break
        found.update(piece)
        begin += len(piece)
    return found.hexdigest()


# ---------------------------------------------------------------- as a file


def as_xml(blocks: BlockMap) -> bytes:
    """bmaptool's file, with the checksum of itself that it wants."""
    root = xml.Element("bmap", version="2.0")
    facts = {
        "ImageSize": blocks.image_bytes,
        "BlockSize": BLOCK,
        "BlocksCount": -(-blocks.image_bytes // BLOCK),
        "MappedBlocksCount": sum(each.last - each.first + 1 for each in blocks.ranges),
        "ChecksumType": "sha256",
        "BmapFileChecksum": ZEROS,
    }
    for name, fact in facts.items():
        xml.SubElement(root, name).text = f" {fact} "
    table = xml.SubElement(root, "BlockMap")
    for each in blocks.ranges:
        row = xml.SubElement(table, "Range", {"chksum": each.sha256} if each.sha256 else {})
        row.text = f" {each.first}-{each.last} " if each.last > each.first else f" {each.first} "
    xml.indent(root)
    text = b'<?xml version="1.0" ?>\n' + xml.tostring(root) + b"\n"
    return text.replace(ZEROS.encode(), hashlib.sha256(text).hexdigest().encode(), 1)


def read(file: Path) -> BlockMap:
    """A map as `as_xml` or bmaptool writes it. Mistake when it is spoilt or is none."""
    text = file.read_bytes()
    try:
        root = xml.fromstring(text)
        facts = {child.tag: (child.text or "").strip() for child in root}
        said = facts["BmapFileChecksum"]
        if hashlib.sha256(text.replace(said.encode(), ZEROS.encode(), 1)).hexdigest() != said:
            raise Mistake("is damaged: fetch the image and its map again", file=str(file))
        if (facts["BlockSize"], facts["ChecksumType"]) != (str(BLOCK), "sha256"):
            raise ValueError("of another kind")
        ranges = tuple(_row(row) for row in root.iter("Range"))
        return BlockMap(int(facts["ImageSize"]), _in_order(ranges, int(facts["BlocksCount"])))
    except (xml.ParseError, KeyError, ValueError) as wrong:
        if isinstance(wrong, Mistake):
            raise
        raise Mistake(f"is no block map: {wrong}", file=str(file)) from None


def _row(row: xml.Element) -> Range:
    first, _, last = (row.text or "").strip().partition("-")
    return Range(int(first), int(last or first), row.get("chksum", ""))


def _in_order(ranges: tuple[Range, ...], blocks: int) -> tuple[Range, ...]:
    ends = [-1, *(each.last for each in ranges)]
    if any(not end < each.first <= each.last < blocks for end, each in zip(ends, ranges, strict=False)):
        raise ValueError("ranges out of order")
    return ranges


def without_first(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same blocks but block 0, which holds the first sector."""
    rows = (each if each.first else Range(1, each.last) for each in ranges)
    return tuple(each for each in rows if each.first <= each.last)
