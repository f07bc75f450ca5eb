"""Versions of this software: two to four numbers, for instance 0.2.0."""

from __future__ import annotations

import re

VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}\Z")


def numbers(version: str) -> tuple[int, ...]:
    """For comparing: 0.10 is newer than 0.9, and 1.0 the same as 1.0.0. What holds no number is older than all."""
    found = [int(part) for part in re.findall(r"[0-9]+", version)]
    while found and not found[-1]:
        found.pop()
    return tuple(found)
