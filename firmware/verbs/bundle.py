"""Make a signed update (a RAUC bundle) of the root that `hallgate image` built last.

A device takes it only when its signer is in the device's keyring, model and hall are its own and the version is not older.
Its version is that of the software in the root. Without --key and --cert it is signed by the work folder's own development key.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from firmware.errors import Mistake
from firmware.verbs.image import WORK, builder
from mqtt.topics import Topics

EXAMPLE = "hallgate bundle --out hallgate-0.2.0.raucb"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="FILE", help="the bundle")
    parser.add_argument(
        "--work", metavar="DIR", default=str(WORK), help="where the root was built (default %(default)s)"
    )
    parser.add_argument("--hall", default="", help="for this hall alone; the devices of others refuse it")
    parser.add_argument("--key", metavar="FILE", help="the office's signing key (PEM)")
    parser.add_argument("--cert", metavar="FILE", help="its certificate (PEM)")
    parser.add_argument("--install", action="store_true", help="install missing Debian packages on this machine")


def run(arguments: argparse.Namespace) -> int:
    if bool(arguments.key) != bool(arguments.cert):
        raise Mistake("a key needs its certificate and the other way round", key="--cert" if arguments.key else "--key")
    if arguments.hall:
        Topics(arguments.hall, "hub")  # its id, as devices write it
    bundle, keys, recipe, tools = (builder(name) for name in ("bundle", "keys", "recipe", "tools"))
    office = keys.given(Path(arguments.key), Path(arguments.cert)) if arguments.key else None
    out = tools.place_for(arguments.out)
    shop = recipe.Shop(Path(arguments.work).resolve())
    bundle.built(shop)  # before a key is made in a folder that was mistyped
    tools.need(tools.BUNDLE_PACKAGES, arguments.install)
    print(json.dumps(bundle.make(out, shop, office or keys.development(shop.keys), arguments.hall)), flush=True)
    return 0
