"""A device whose lines are all plain carries no OpenSSL of Python's: 4.7 MB of resident memory.

Python's hashlib takes its digests from OpenSSL and has the same ones built in, for a Python that was built without; paho
imports `ssl`, and does without it. What verifies signatures brings its own (the wheel of `cryptography`).
"""

from __future__ import annotations

import sys

_OPENSSL = ("_hashlib", "ssl")


def only() -> None:
    """From now on this process cannot speak TLS. To be called before anything imports `hashlib`; later it changes nothing."""
    for module in _OPENSSL:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # None: Python's word for "is not to be had"
