"""paho without what it imports for nobody here: proxies, and TLS where none is spoken.

For proxies it imports `urllib.request`, which brings HTTP, e-mail and 1.5 MB of resident memory, and asks it only where
PySocks is installed, which here is nowhere. Whoever else needs `urllib.request` imports the real one, later.
"""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["client"]
_PROXIES = "urllib.request"


class _NoTls:
    """paho does without `ssl` where there is none (firmware/plain_lines.py), but names these two at every error of a socket."""

    class SSLWantReadError(OSError): ...

    class SSLWantWriteError(OSError): ...


_stand_in = ModuleType(_PROXIES)
_found = sys.modules.setdefault(_PROXIES, _stand_in)
try:
    from paho.mqtt import client
finally:
    if _found is _stand_in:
        del sys.modules[_PROXIES]

vars(client)["socks"] = None
vars(client)["ssl"] = vars(client)["ssl"] or _NoTls
