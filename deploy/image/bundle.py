"""An update as RAUC takes it: the root's file system and a manifest, signed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from deploy.image import keys, papers, recipe, tools
from firmware.errors import Failure

MANIFEST = """[update]
compatible={compatible}
version={version}

[bundle]
format=verity

[image.rootfs]
filename=root.ext4
"""


def make(out: Path, shop: recipe.Shop, version: str, signer: keys.Signer) -> dict[str, Any]:
    """Bundle the root that `hallgate image` built last. Raises Failure when there is none."""
    source = shop.part("root.ext4")
    if not source.exists():
        raise Failure(f"{source} is missing: build it first with hallgate image --work {shop.work}")
    folder = shop.part("bundle")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tools.run(["cp", "--sparse=always", source, folder / "root.ext4"])
    text = MANIFEST.format(compatible=recipe.read().compatible, version=version)
    (folder / "manifest.raucm").write_text(text)
    out.unlink(missing_ok=True)
    tools.run(
        ["rauc", f"--cert={signer.certificate}", f"--key={signer.key}", f"--keyring={signer.certificate}",
         "--mksquashfs-args=-comp xz -b 1M", "bundle", folder, out]
    )  # fmt: skip
    shutil.rmtree(folder)
    return {
        "bundle": str(out),
        "version": version,
        "mb": round(out.stat().st_size / 1e6, 1),
        "sha256": papers.sha256(out),
    }
