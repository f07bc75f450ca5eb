"""What they did wrong and what we did wrong are different errors.

`Mistake` is a person's: wrong words, a wrong file. It is told in one line that says what to do, and exits with 2.
`Failure` is the world's: a disk that is full, a port that is gone. One line, exit 1. Anything else is ours, and a bug.
"""

from __future__ import annotations


def shown(text: str) -> str:
    """`text` with a dot for each sign that cannot be seen.

    What others wrote, into a file or onto a line, may hold anything, and an error must not move somebody's cursor.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\u3000" else "·" for sign in text)


class HallgateError(Exception):
    """Root of every error this house raises on purpose."""

    exit_code = 1

    def __str__(self) -> str:
        return shown(super().__str__())


class Mistake(HallgateError, ValueError):
    """Something a person wrote or typed cannot be used. `file`, `line` and `key` say where, as far as known."""

    exit_code = 2

    def __init__(self, what: str, *, file: str = "", line: int = 0, key: str = "") -> None:
        self.what, self.file, self.line, self.key = what, file, line, key
        super().__init__(what)

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "")
        return shown(": ".join(part for part in (place, self.key, self.what) if part))


class Failure(HallgateError):
    """The world did not do what was needed: nothing the person typed was wrong."""
