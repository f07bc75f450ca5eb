"""Passwords that go onto a card: one of the wireless network, and one of the console, of which only a hash goes."""

from __future__ import annotations

from pathlib import Path

from deploy.image import tools
from firmware.errors import Mistake
from firmware.files import read_secret


def read(file: Path) -> str:
    """The password in a file of one line, as WPA takes one. Mistake for any other, and for one that others may read."""
    word = read_secret(file).decode("utf-8", "replace").strip("\r\n")
    if not (8 <= len(word) <= 63 and word.isascii() and word.isprintable()):
        raise Mistake("a password has 8 to 63 plain characters, in one line", file=str(file))
    return word


def hashed(file: Path) -> bytes:
    """As /etc/shadow keeps it (SHA-512 crypt): who reads the card has not got the password."""
    word = read(file)
    tools.need({"openssl": "openssl"})
    return tools.run(["openssl", "passwd", "-6", "-stdin"], told=word).strip().encode()
