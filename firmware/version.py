"""The version of this software, from the installed package: said in one place, `setup.cfg`."""

from __future__ import annotations

import importlib.metadata


def _version() -> str:
    try:
        return importlib.metadata.version("hallgate")
    except importlib.metadata.PackageNotFoundError:
        return "0"


VERSION = _version()
