"""What is in an image: a line per file that two builds are compared by, a bill of materials, hashes and versions."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from deploy.image.root import LIBRARY, everything

CHUNK = 1 << 20


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def contents(root: Path) -> list[str]:
    """One line per entry: mode, owner, group, what it holds, its path. Times are no content."""
    return [_line(path, root) for path in everything(root)]


def _line(path: Path, root: Path) -> str:
    info = path.lstat()
    held = "-"
    if stat.S_ISLNK(info.st_mode):
        held = f"-> {os.readlink(path)}"
    elif stat.S_ISREG(info.st_mode):
        held = sha256(path)
    elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
        held = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    return f"{info.st_mode:o} {info.st_uid} {info.st_gid} {held}\t/{path.relative_to(root)}"


def content_hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def differences(one: list[str], other: list[str]) -> list[str]:
    """The paths that are not the same in both, sorted."""
    return sorted({line.rsplit("\t", 1)[-1] for line in set(one) ^ set(other)})


def debian_packages(root: Path) -> Iterator[tuple[str, str]]:
    """Name and version of every installed package."""
    for paragraph in (root / "var/lib/dpkg/status").read_text("utf-8").split("\n\n"):
        row = HeaderParser().parsestr(paragraph)
        if row["Package"] and row["Status"] == "install ok installed":
            yield row["Package"], row["Version"]


def python_packages(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / LIBRARY).glob("*.dist-info/METADATA")):
        row = HeaderParser().parsestr(path.read_text("utf-8"))
        yield row["Name"], row["Version"]


def bill(root: Path, version: str, digest: str) -> dict[str, Any]:
    """CycloneDX 1.5: every Debian and Python package of the root, and the hash of its content."""
    rows = [(name, found, f"pkg:deb/debian/{name}@{found}?arch=arm64") for name, found in debian_packages(root)]
    rows += [(name, found, f"pkg:pypi/{name.lower()}@{found}") for name, found in python_packages(root)]
    parts = [
        {"type": "library", "name": name, "version": found, "purl": purl, "bom-ref": purl} for name, found, purl in rows
    ]
    whole = {"type": "firmware", "name": "hallgate", "version": version, "bom-ref": "hallgate"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**whole, "hashes": [{"alg": "SHA-256", "content": digest}]}},
        "components": parts,
    }


def write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
