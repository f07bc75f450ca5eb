"""`python -m firmware.reference docs`: write the reference into a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from firmware.doctor.report import Report
from firmware.reference import asyncapi, authors, pages, schemas
from firmware.reference.channels import CHANNELS


def files() -> dict[str, str]:
    """Every file of the reference, by its path below the folder."""
    found = {
        "mqtt.md": pages.mqtt(),
        "site.md": pages.site(),
        "rulebook.md": pages.rulebook(),
        "stories.md": authors.stories(),
        "asyncapi.json": _json(asyncapi.document()),
    }
    for each in CHANNELS:
        if each.payload is not str:
            found[f"schemas/{each.name}.json"] = _json(schemas.of(each.payload))
    found["schemas/doctor.json"] = _json(schemas.of(Report))
    return found


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main(words: list[str]) -> int:
    folder = Path(words[0] if words else "docs")
    for name, text in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
