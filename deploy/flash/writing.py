"""An image onto a card, so that at every moment the card is either whole or says that it is not.

    first sector := "not whole"  ->  every block of the map but that sector  ->  read back and compared
    -> the door's own files      ->  first sector := the image's

The first sector holds the partition table: without it no Pi starts, no computer offers partitions to write to, and who
looks at it reads why. It is one sector, so a power cut leaves the one or the other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from deploy.flash import blockmap
from deploy.flash.blockmap import CHUNK, SECTOR, BlockMap, Range
from deploy.image import tools
from firmware.durable import write_all
from firmware.errors import Failure, Mistake
from firmware.files import opened

NOT_WHOLE = "hallgate: THIS CARD IS NOT WHOLE, flash it again: hallgate flash. 此卡没有写完，请重新写卡。\n".encode()
AGAIN = "The card is not whole: put it in again, or another, and flash it"
PIPE_BYTES = 1 << 20
"""Of zstd's pipe: sixteen times the usual, so that both sides run at once."""
COLOUR = re.compile(r"[\x1b·]\[[0-9;]*m")
"""A Failure has put a dot where a terminal's escape was."""
MARK = NOT_WHOLE.ljust(SECTOR, b"\0")

Progress = Callable[[str, int, int], None]
"""What is being done, bytes done, bytes in all."""


class Image:
    """An image file, plain or packed by zstd, read from its beginning to its end once for each pass."""

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise Mistake("there is no such file", file=str(file))
        self.file = file
        self.packed = file.suffix == ".zst"
        beside = file.with_suffix("") if self.packed else file
        self.map_file = beside.with_name(beside.name + ".bmap")
        if self.packed and not self.map_file.is_file():
            raise Mistake(f"is packed: its block map {self.map_file.name} must lie beside it", file=str(file))
        self.map = blockmap.read(self.map_file) if self.map_file.is_file() else blockmap.whole(file.stat().st_size)
        if not self.packed and file.stat().st_size != self.map.image_bytes:
            raise Mistake("is not as long as its block map says: fetch it again", file=str(file))

    @property
    def mapped(self) -> bool:
        return self.map_file.is_file()

    @contextlib.contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        if not self.packed:
            with self.file.open("rb", buffering=0) as plain:
                yield plain
            return
        tools.need({"zstd": "zstd"})
        command = ["zstd", "-d", "-c", "-q", "--long=31", str(self.file)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "PATH": tools.PATH}
        ) as unpacking:
            assert unpacking.stdout is not None
            with contextlib.suppress(OSError):  # an unprivileged user's pipes may be used up
                fcntl.fcntl(unpacking.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            yield unpacking.stdout  # type: ignore[misc]
            unpacking.stdout.close()

    def pieces(self, ranges: tuple[Range, ...]) -> Iterator[tuple[Range, int, bytes]]:
        """(range, where, bytes) in order. Mistake when the file ends too early."""
        at = 0
        with self.opened() as source:
            for each in ranges:
                at = _forward(source, at, each.begin, seek=not self.packed)
                end = self.map.end(each)
                while at < end:
                    piece = source.read(min(CHUNK, end - at))
                    if not piece:
                        raise Mistake(f"ends after {at} bytes: fetch it again", file=str(self.file))
                    yield each, at, piece
                    at += len(piece)

    def check(self, progress: Progress) -> None:
        """Mistake for the first block that is not as the map says; without a map nobody can know."""
        if not self.map.known:
            return
        found, done = [hashlib.sha256() for _ in self.map.ranges], 0
        places = {each: number for number, each in enumerate(self.map.ranges)}
        for each, _, piece in self.pieces(self.map.ranges):
            found[places[each]].update(piece)
            done += len(piece)
            progress("checking the image", done, self.map.mapped_bytes)
        for each, digest in zip(self.map.ranges, found, strict=True):
            if each.sha256 != digest.hexdigest():
                raise Mistake(f"is damaged around byte {each.begin}: fetch it again", file=str(self.file))

    def beginning(self, size: int) -> bytes:
        with self.opened() as source:
            return source.read(size)


def _forward(source: BinaryIO, at: int, to: int, *, seek: bool) -> int:
    if seek:
        return source.seek(to)
    while at < to and (skipped := source.read(min(CHUNK, to - at))):
        at += len(skipped)
    return at


class Card:
    """The disk or file that is written. Failure, with what to do, when it goes away or does not keep what it was given."""

    def __init__(self, path: Path, image: Image, progress: Progress) -> None:
        self.path, self._image, self._progress = path, image, progress
        self._disk = path.is_block_device()
        """Looked at once: where a disk was pulled, none of our files may take its name."""
        self._blocks: BlockMap = image.map

    def spoil(self) -> None:
        """From now on, and until `finish`, the card says that it is not whole."""
        with self._open(os.O_WRONLY) as handle:
            if not self._disk:
                os.ftruncate(handle, 0)
            self._put(handle, MARK, 0)
            os.fsync(handle)

    def write(self) -> None:
        """Every block of the map but the first sector. A file is written by us: bmaptool would empty it first, mark and all."""
        if self._disk and shutil.which("bmaptool", path=tools.PATH) and self._image.mapped and not self._image.packed:
            self._write_by_bmaptool()
        else:
            self._write_ourselves()
        if not self._disk:
            with self._open(os.O_WRONLY) as handle:
                os.ftruncate(handle, self._blocks.image_bytes)

    def _write_ourselves(self) -> None:
        done = 0
        with self._open(os.O_WRONLY) as handle:
            for _, at, piece in self._image.pieces(self._blocks.ranges):
                skip = max(0, SECTOR - at)
                self._put(handle, piece[skip:], at + skip)
                done += len(piece)
                self._progress("writing", done, self._blocks.mapped_bytes)
            self._synced(handle)

    def _write_by_bmaptool(self) -> None:
        """It gets a map without the first block, which holds the mark; what it wrote is read back by us all the same."""
        rows = (Range(each.first, each.last) for each in blockmap.without_first(self._blocks.ranges))
        with tempfile.NamedTemporaryFile(suffix=".bmap") as file:
            file.write(blockmap.as_xml(BlockMap(self._blocks.image_bytes, tuple(rows))))
            file.flush()
            self._progress("writing (bmaptool)", 0, self._blocks.mapped_bytes)
            try:
                tools.run(["bmaptool", "-q", "copy", "--bmap", file.name, self._image.file, self.path])
            except Failure as said:
                raise Failure(f"{self.path}: {COLOUR.sub('', str(said).splitlines()[-1])}. {AGAIN}") from None
        with self._open(os.O_WRONLY) as handle:
            self._put(handle, self._image.beginning(blockmap.BLOCK)[SECTOR:], SECTOR)
            self._synced(handle)

    def verify(self) -> None:
        """Read everything back from the card itself: byte for byte, or by the map's digests where the image is packed."""
        with self._open(os.O_RDONLY) as handle:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            by_digests = self._image.packed and self._blocks.known
            (self._compare_digests if by_digests else self._compare_bytes)(handle)

    def finish(self) -> None:
        """The first sector last: from here on the card is whole."""
        first = self._image.beginning(SECTOR)
        with self._open(os.O_RDWR) as handle:
            self._put(handle, first, 0)
            self._synced(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            if self._get(handle, 0, SECTOR) != first:
                raise Failure(f"{self.path} does not keep what it is given (around byte 0): take another card")

    # ------------------------------------------------------------ inside

    def _compare_digests(self, handle: int) -> None:
        """`Image.check` has compared the image with them: it need not be unpacked a third time."""
        done, first = 0, self._image.beginning(SECTOR)
        for each in self._blocks.ranges:
            found, end = hashlib.sha256(), self._blocks.end(each)
            for at in range(each.begin, end, CHUNK):
                piece = self._get(handle, at, min(CHUNK, end - at))
                found.update(piece if at else first + piece[SECTOR:])
                done += len(piece)
                self._progress("reading back", done, self._blocks.mapped_bytes)
            if found.hexdigest() != each.sha256:
                self._spoilt(each.begin)

    def _compare_bytes(self, handle: int) -> None:
        done = 0
        for _, at, piece in self._image.pieces(self._blocks.ranges):
            skip = max(0, SECTOR - at)
            if self._get(handle, at + skip, len(piece) - skip) != piece[skip:]:
                self._spoilt(at)
            done += len(piece)
            self._progress("reading back", done, self._blocks.mapped_bytes)

    def _spoilt(self, at: int) -> NoReturn:
        raise Failure(f"{self.path} does not keep what it is given (around byte {at}): take another card")

    @contextlib.contextmanager
    def _open(self, how: int) -> Iterator[int]:
        """O_EXCL on a disk: the kernel refuses while anybody has mounted it, whatever was looked up before."""
        how |= os.O_CLOEXEC | (os.O_EXCL if self._disk else os.O_CREAT)
        with self._gone():
            handle = os.open(self.path, how, 0o600)
            try:
                if stat.S_ISBLK(os.fstat(handle).st_mode) != self._disk:
                    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
                yield handle
            finally:
                os.close(handle)

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Failure(f"{self.path}: {error.strerror}. {AGAIN}") from None

    def _put(self, handle: int, data: bytes, at: int) -> None:
        write_all(handle, data, at)

    def _get(self, handle: int, at: int, size: int) -> bytes:
        found = b""
        while len(found) < size and (piece := os.pread(handle, size - len(found), at + len(found))):
            found += piece
        return found

    def _synced(self, handle: int) -> None:
        self._progress("waiting for the card", self._blocks.mapped_bytes, self._blocks.mapped_bytes)
        os.fsync(handle)


def is_whole(path: Path) -> bool:
    """Whether the first sector says so. Failure when nobody can read it."""
    try:
        with opened(path) as card:
            first = card.read(SECTOR)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    return not first.startswith(b"hallgate: THIS CARD") and first[510:] == b"\x55\xaa"
