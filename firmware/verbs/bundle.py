"""Make a signed update (a RAUC bundle) of the root that `hallgate image` built last.

A device takes it only when its signer is in the device's keyring, the model is the same and the version is not older.
Without --key and --cert it is signed by the work folder's own development key.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from firmware.errors import Mistake
from firmware.verbs.image import WORK, builder
from firmware.version import VERSION

EXAMPLE = "hallgate bundle --out hallgate-0.2.0.raucb --version 0.2.0"
NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){1,3}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="FILE", help="the bundle")
    parser.add_argument(
        "--work", metavar="DIR", default=str(WORK), help="where the root was built (default %(default)s)"
    )
    parser.add_argument("--version", default=VERSION, help="of the update (default: of this software, %(default)s)")
    parser.add_argument("--key", metavar="FILE", help="the office's signing key (PEM)")
    parser.add_argument("--cert", metavar="FILE", help="its certificate (PEM)")
    parser.add_argument("--install", action="store_true", help="install missing Debian packages on this machine")


def run(arguments: argparse.Namespace) -> int:
    if not NUMBERS.fullmatch(arguments.version):
        raise Mistake("write two to four numbers, for instance 0.2.0", key="--version")
    if bool(arguments.key) != bool(arguments.cert):
        raise Mistake("a key needs its certificate and the other way round", key="--cert" if arguments.key else "--key")
    for name in ("key", "cert"):
        given = getattr(arguments, name)
        if given and not Path(given).is_file():
            raise Mistake("there is no such file", file=given, key=f"--{name}")
    bundle, keys, recipe, tools = (builder(name) for name in ("bundle", "keys", "recipe", "tools"))
    tools.need(tools.BUNDLE_PACKAGES, arguments.install)
    shop = recipe.Shop(Path(arguments.work).resolve())
    shop.make()
    signer = keys.Signer(Path(arguments.key), Path(arguments.cert)) if arguments.key else keys.development(shop.keys)
    print(json.dumps(bundle.make(Path(arguments.out).resolve(), shop, arguments.version, signer)), flush=True)
    return 0
