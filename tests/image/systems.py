"""Other versions of the system for a card: the builder's own root with a little changed, signed as the builder signs."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from deploy.image import bundle, card, keys, recipe, tools
from deploy.image.root import LIBRARY

QUICK = "-comp zstd -Xcompression-level 3"
"""Larger than what a hall is sent, and unpacked five times as fast: the emulator has little of that."""
ONE_MINUTE = "[Service]\nExecStart=\nExecStart=/usr/bin/hallgate update --confirm --minutes 1\n"


def bundled(shop: recipe.Shop, version: str, change: Callable[[Path], None]) -> Path:
    """A bundle of the root under `version`, after `change`; made once for each root that the builder made."""
    made = hashlib.sha256(str(shop.part("root.ext4").stat().st_mtime_ns).encode()).hexdigest()[:12]
    out = shop.work / "systems" / f"{version}-{made}.raucb"
    if not out.exists():
        out.parent.mkdir(exist_ok=True)
        for of_another_root in out.parent.glob(f"{version}-*.raucb"):
            of_another_root.unlink()
        image = _changed(shop, version, change)
        bundle.make(out, shop, keys.development(shop.keys), source=image, packing=QUICK)
        image.unlink()
    return out


def _changed(shop: recipe.Shop, version: str, change: Callable[[Path], None]) -> Path:
    tree = shop.work / "systems" / f"root-{version}"
    shutil.rmtree(tree, ignore_errors=True)
    tools.run(["cp", "-al", shop.root, tree])
    papers = next((tree / LIBRARY).glob("hallgate-*.dist-info"))
    was = papers.name.removeprefix("hallgate-").removesuffix(".dist-info")
    rewrite(papers / "METADATA", (papers / "METADATA").read_text().replace(f"Version: {was}", f"Version: {version}"))
    papers.rename(papers.with_name(f"hallgate-{version}.dist-info"))
    rewrite(tree / "etc/systemd/system/hallgate-confirm.service.d/minutes.conf", ONE_MINUTE)
    change(tree)
    image = shop.work / "systems" / f"{version}.ext4"
    card.ext4(image, tree, recipe.read().card.slot_mib, "root", 2, int(shop.part("root.ext4").stat().st_mtime))
    shutil.rmtree(tree)
    return image


def rewrite(path: Path, text: str) -> None:
    """The tree's files are the builder's own under a second name: they are replaced, never written into."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)


def nothing(_: Path) -> None:
    """The same software under another version."""


def firmware_that_ends(tree: Path) -> None:
    """A firmware that starts, says what is wrong with it, and is gone."""
    for compiled in (tree / LIBRARY / "firmware/verbs/__pycache__").glob("run.*"):
        compiled.unlink()
    rewrite(tree / LIBRARY / "firmware/verbs/run.py", 'raise RuntimeError("this version is broken on purpose")\n')


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """The folder over HTTP on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Shelf, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class _Shelf(SimpleHTTPRequestHandler):
    """Goes on where a line broke (`Range`), as servers of files do and Python's own does not."""

    def send_head(self) -> BytesIO | BinaryIO | None:
        begins = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        file = Path(self.translate_path(self.path))
        if begins is None or not file.is_file():
            return super().send_head()
        rest = file.read_bytes()[int(begins[1]) :]
        self.send_response(206 if rest else 416)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        return BytesIO(rest)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the test's own output."""
