"""Every clause of the plan -> the files that serve it -> stories that let somebody in by it, and stories that do not.

Which file serves a clause is read from the clause names its code gives verdicts with, not from what it says of itself.
`python -m tests.stories` writes the table; a test keeps it equal, and lets no clause stand without both.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from firmware.core.records import Decision
from firmware.simulation.stories import player
from firmware.simulation.stories.expectations import deciding
from firmware.simulation.stories.script import Story
from tests.stories import PLAN, ROOT, stories

PAGE = ROOT / "firmware/rules/CLAUSES.md"
JUDGES = ("firmware/rules", "firmware/core")
SHAPE = re.compile(r"\d\.\d(\.\d[a-e]?)?|local\.[a-z]+")


@dataclass(frozen=True)
class Clause:
    """`duty` as the mission marks it. `later`: why no gate answers by it yet; then no story is asked for.

    `told_by`: the file and function that serve a clause which judges nobody, it only tells people something.
    """

    name: str
    duty: str
    what: str
    later: str = ""
    told_by: str = ""


CLAUSES = (
    Clause("2.1", "E", "preparation: closed to visitors"),
    Clause("2.2", "E", "limited opening: a share of the former volume"),
    Clause("2.3", "E", "full opening, by dated steps"),
    Clause("3.1.1a", "E", "book online, come in the slot"),
    Clause("3.1.1b", "E R", "three limits: day, slot, live occupancy"),
    Clause("3.1.1c", "E", "phone booking, accompanied and helped"),
    Clause("3.1.2a", "E", "PCR within the hours, sentinel or venue code"),
    Clause("3.1.2b", "E", "health proof and booking are the same person's"),
    Clause("3.1.2c", "E G", "mask"),
    Clause("3.1.2d", "E", "assisted identity, confirmed by a named attendant"),
    Clause("3.1.2e", "E", "positive, yellow, red: led away"),
    Clause("3.1.3a", "E G", "separate entry and exit"),
    Clause("3.1.3b", "E G R", "the two-metre line"),
    Clause("3.1.3c", "R E", "no gathering"),
    Clause("3.1.4a", "E", "staff: PCR and antigen, no symptoms"),
    Clause("3.1.4b", "E G", "staff posts and hours"),
    Clause("3.1.4c", "R E", "revocation, one file per person"),
    Clause("3.1.5a", "T E", "rounds of disinfection, and breaks for it"),
    Clause("3.1.5b", "T", "goods disinfected after each hand-over; private parcels refused aloud"),
    Clause("3.1.5c", "R E", "air: conditioning off, doors and windows open, fewer people as CO2 rises"),
    Clause("3.1.5d", "E", "elevators divided, the car as full as distance allows"),
    Clause(
        "3.1.6", "T R", "supplies: dispensers and issue taps counted, low stock told", told_by="core/supplies.py taken"
    ),
    Clause("3.2.1", "G R", "contact-free first: the online path on refusal", told_by="core/guide.py next_step"),
    Clause("3.2.2", "E", "key enterprises accompanied"),
    Clause("3.2.3", "E", "registered agents by batch and time"),
    Clause("3.2.4", "E", "courier lane: hand-over without entering"),
    Clause("3.2.5", "G", "consultation: a contact on refusal", told_by="core/guide.py next_step"),
    Clause("3.2.6", "E", "hours per service"),
    Clause("4.1", "R", "responsibility: a named person opens the day"),
    Clause("4.2", "R", "inspection: no decision without a record"),
    Clause("4.3", "R", "publicity: hours on the sign", told_by="core/idle.py show"),
    Clause("local.temperature", "E", "temperature, a local rule and no clause of the plan"),
)


# ---------------------------------------------------------------- which file serves which clause


@lru_cache(maxsize=1)
def served() -> dict[str, list[str]]:
    """Clause -> files that give verdicts by it."""
    found: dict[str, list[str]] = {}
    for folder in JUDGES:
        for path in sorted((ROOT / folder).glob("*.py")):
            for clause in sorted(set(_named(path.read_text(encoding="utf-8")))):
                found.setdefault(clause, []).append(path.relative_to(ROOT / "firmware").as_posix())
    return found


def _named(text: str) -> Iterator[str]:
    """Every text in the code that is a clause; the words of a page at the top are not."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SHAPE.fullmatch(node.value):
            yield node.value


# ---------------------------------------------------------------- which story shows it


@dataclass(frozen=True)
class Shown:
    """What one story shows of the clauses it names."""

    story: Story
    decisions: tuple[Decision, ...]

    def allows(self, clause: str) -> bool:
        return clause in self.story.clauses and any(each.answer == "admit" for each in self.decisions)

    def refuses(self, clause: str) -> bool:
        """By a verdict of this clause, where there is code that gives one; else by any no (a clause that only guides)."""
        noes = [each for each in self.decisions if each.answer != "admit"]
        if clause in served():
            noes = [each for each in noes if clause in [name for name, _ in deciding(each)]]
        return clause in self.story.clauses and bool(noes)


@lru_cache(maxsize=1)
def shown() -> tuple[Shown, ...]:
    """Every story, played once. Answers that only ask for the next code are no answers."""
    return tuple(Shown(story, _answers(story)) for story in stories())


def _answers(story: Story) -> tuple[Decision, ...]:
    last = {(line.number, each.lane): each for line, each in player.play(story, PLAN).decisions}
    return tuple(each for each in last.values() if not deciding(each)[0][1].startswith("exit_by"))


def page() -> str:
    """The table as it stands in firmware/rules/CLAUSES.md."""
    rows = [
        "# The plan, clause by clause",
        "",
        "Written by `python -m tests.stories` from the code and the stories; do not edit. A story is a morning in plain",
        "lines (`tests/stories/*.story`); the words they are written in are `docs/stories.md`.",
        "",
        "| clause | duty | what | judged in | stories that let in | stories that do not |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*rows, *map(_row, CLAUSES), ""])


def _row(clause: Clause) -> str:
    told = [clause.told_by.split()[0]] if clause.told_by else []
    files = ", ".join(f"`{name}`" for name in (*served().get(clause.name, ()), *told))
    allow, refuse = (", ".join(names) or "-" for names in shows(clause.name))
    if clause.later:
        files, allow, refuse = f"later: {clause.later}", "", ""
    return f"| {clause.name} | {clause.duty} | {clause.what} | {files} | {allow} | {refuse} |"


def shows(clause: str) -> tuple[list[str], list[str]]:
    """Names of the stories that let in by the clause, and of those that do not."""
    allow = [each.story.file.removesuffix(".story") for each in shown() if each.allows(clause)]
    refuse = [each.story.file.removesuffix(".story") for each in shown() if each.refuses(clause)]
    return allow, refuse
