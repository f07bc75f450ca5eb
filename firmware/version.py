"""The version of this software, from the installed package: said in one place, `setup.cfg`."""

from __future__ import annotations

import sys
from pathlib import Path

_FOLDER, _END = "hallgate-", ".dist-info"


def _version() -> str:
    """The name of the package's metadata folder holds it (PyPA: `hallgate-0.1.0.dist-info`); "0" where none is installed.

    Not asked of `importlib.metadata`, which every device would carry in its memory for this one word (2 MB).
    """
    folders = (found for place in sys.path for found in Path(place).glob(f"{_FOLDER}*{_END}"))
    return next((found.name.removeprefix(_FOLDER).removesuffix(_END) for found in folders), "0")


VERSION = _version()
