"""An update as RAUC takes it: the root's file system and a manifest, signed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from deploy.image import keys, papers, recipe, tools
from deploy.image.root import LIBRARY
from firmware.core.versions import VERSION as NUMBERS
from firmware.errors import Failure, Mistake
from firmware.verbs.update import FOR_HALL

PACKING = "-comp xz -b 1M"
"""124 MB; zstd would need 156, and less time."""

MANIFEST = """[update]
compatible={compatible}
version={version}
description={description}

[bundle]
format=verity

[image.rootfs]
filename=root.ext4
"""


def built(shop: recipe.Shop) -> Path:
    """The root that `hallgate image` built last. Raises Mistake when there is none."""
    root = shop.part("root.ext4")
    if not root.exists():
        raise Mistake(f"{root} is missing: build it first with hallgate image --work {shop.work}", key="--work")
    return root


def make(
    out: Path,
    shop: recipe.Shop,
    signer: keys.Signer,
    hall: str = "",
    *,
    source: Path | None = None,
    packing: str = PACKING,
) -> dict[str, Any]:
    """Bundle `source`: by default the root that was built last (`built`)."""
    source = source or built(shop)
    version = version_in(source)
    folder = shop.part("bundle")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tools.run(["cp", "--sparse=always", source, folder / "root.ext4"])
    described = f"{FOR_HALL}{hall}" if hall else "for every hall"
    text = MANIFEST.format(compatible=recipe.read().compatible, version=version, description=described)
    (folder / "manifest.raucm").write_text(text)
    out.unlink(missing_ok=True)
    tools.run(
        ["rauc", f"--cert={signer.certificate}", f"--key={signer.key}", f"--keyring={signer.certificate}",
         f"--mksquashfs-args={packing}", "bundle", folder, out]
    )  # fmt: skip
    shutil.rmtree(folder)
    return {
        "bundle": str(out),
        "version": version,
        "mb": round(out.stat().st_size / 1e6, 1),
        "sha256": papers.sha256(out),
    }


def version_in(source: Path) -> str:
    """The version of our software in a root: what a device will say of itself is what the bundle says of it."""
    listed = tools.run(["debugfs", "-R", f"ls -p /{LIBRARY}", source])
    found = re.search(r"/hallgate-([0-9.]+)\.dist-info/", listed)
    if found is None or not NUMBERS.match(found[1]):
        raise Failure(f"{source} holds no software of ours with a version of two to four numbers")
    return found[1]
