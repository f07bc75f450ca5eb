"""Stories: mornings at the doors, played against the real controller under the plan's own rulebook."""

from __future__ import annotations

from pathlib import Path

from firmware.simulation.stories import player
from firmware.simulation.stories.script import Story

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PLAN = (ROOT / "deploy/sites/rulebook.toml").read_bytes()


def stories() -> list[Story]:
    """Every story of this folder, known by its file's name."""
    found = player.stories_in(FOLDER)
    for story in found:
        story.file = Path(story.file).relative_to(FOLDER).as_posix()
    return found
