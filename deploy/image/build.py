"""One build, from an empty folder or a kept one to an image and its papers."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from deploy.flash import blockmap
from deploy.image import card, keys, papers, recipe, root, tools
from firmware.clock import Clock
from firmware.errors import Failure
from firmware.version import VERSION

EPOCH_S = 1_790_000_000
"""The time on files when the source folder has no history that says a better one."""


def build(arguments: argparse.Namespace) -> dict[str, Any]:
    """Raises Failure when something of this machine is missing or a step ends badly."""
    what, shop = recipe.read(), recipe.Shop(Path(arguments.work).resolve())
    began_ms = Clock().elapsed_ms()
    tools.need(tools.PACKAGES, arguments.install)
    shop.make()
    _outside_the_source(shop)
    epoch = _epoch_s()
    progress = tools.Progress(steps=3 if arguments.keep_root else 7)
    if not (arguments.keep_root and shop.part("root.ext4").exists()):
        _root(arguments, what, shop, epoch, progress)
    out = Path(arguments.out).resolve()
    progress.step("the card")
    files = Path(arguments.persistent) if arguments.persistent else None
    persistent = card.persistent(shop, what.card, epoch, files)
    firmware = card.firmware(shop, what.card, epoch)
    card.assemble(out, what.card, [firmware, shop.part("root.ext4"), None, persistent])
    out.with_name(out.name + ".bmap").write_bytes(blockmap.as_xml(blockmap.made(out)))
    progress.step("compressing")
    packed = card.compress(out)
    progress.step("its papers")
    report = _papers(shop, out, packed, epoch)
    progress.close()
    report["seconds"] = {**progress.took, "all": round((Clock().elapsed_ms() - began_ms) / 1000, 1)}
    papers.write_json(out.with_name(out.name + ".json"), report)
    return report


def _root(arguments: argparse.Namespace, what: recipe.Recipe, shop: recipe.Shop, epoch: int, progress: Any) -> None:
    tools.can_run_arm()
    keyring = Path(arguments.keyring) if arguments.keyring else keys.development(shop.keys).certificate
    progress.step("Debian packages (arm64, some minutes)")
    root.debian(what, shop, epoch, arguments.mirror, arguments.pi_os)
    progress.step("Python packages")
    root.wheels(what, shop)
    progress.step("our files")
    root.finish(what, shop, epoch, keyring)
    root.firmware_files(what, shop, pi_os=bool(arguments.pi_os))
    root.tidy(what, shop, epoch)
    progress.step("the root's file system")
    card.slot(shop, what.card, epoch)


def _papers(shop: recipe.Shop, out: Path, packed: Path, epoch: int) -> dict[str, Any]:
    lines = papers.contents(shop.root)
    digest = papers.content_hash(lines)
    text = "\n".join(lines) + "\n"
    out.with_name(out.name + ".contents").write_text(text, "utf-8", "surrogateescape")
    papers.write_json(out.with_name(out.name + ".cdx.json"), papers.bill(shop.root, VERSION, digest))
    return {
        "image": str(out),
        "version": VERSION,
        "content_sha256": digest,
        "root_sha256": papers.sha256(shop.part("root.ext4")),
        "image_sha256": papers.sha256(out),
        "compressed": str(packed),
        "compressed_sha256": papers.sha256(packed),
        "compressed_mb": round(packed.stat().st_size / 1e6, 1),
        "root_mb": root.size_mib(root.everything(shop.root)),
        "epoch": epoch,
    }


def _epoch_s() -> int:
    """When the source was last changed, so that the same source makes the same image."""
    if not shutil.which("git"):
        return EPOCH_S
    try:
        return int(tools.run(["git", "-C", recipe.SOURCE, "log", "-1", "--format=%ct"]).strip())
    except (Failure, ValueError):
        return EPOCH_S


def _outside_the_source(shop: recipe.Shop) -> None:
    if shop.work.is_relative_to(recipe.SOURCE):
        raise Failure(f"{shop.work} is inside the source folder: give another --work")
