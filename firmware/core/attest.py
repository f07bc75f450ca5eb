"""What a visit waits for from a person at the gate: a mask, a clinical reading, a green code, an identity, a paper code.

A badge names the attendant, the button speaks. While a visit waits for a person's word, a short press says yes to
exactly that one thing and a long press says no; then the rules judge again. Every word is a record with its speaker and
a time limit out of the rulebook. With nothing to attest, the button means what `core/attendant.py` says.

    waits for     short press                             long press
    mask          wears one                               has none: `on_fail.mask`
    veto          has none: `on_fail.mask`                the same; no badge is needed, no is no
    code          showed a green code                     showed another one: `on_fail.code`
    clinical      the clinical reading is in order        it is elevated: `on_fail.temperature`
    eligible      disabled, of the city's household       is not: the assisted way ends
    identity      is who the card says                    is not, or does not want to: the assisted way ends
    paper_code    the offline code is not too old         is too old or missing: the assisted way ends
"""

from __future__ import annotations

import re
from collections.abc import Callable

from firmware.core import assisted, entry, judgement
from firmware.core.events import CommandArrived
from firmware.core.state import Attested, LaneState, Visit, Waiting
from firmware.core.turn import Turn
from firmware.rulebook.book import Rulebook
from firmware.rules.verdict import Verdict

WORDS_KEPT = 12
"""Attestations remembered of one visit."""
NAMES: dict[str, tuple[str, str]] = {
    "mask": ("attest_mask", "refuse_mask"),
    "veto": ("veto_mask", "veto_mask"),
    "code": ("attest_code", "refuse_code"),
    "clinical": ("attest_clinical", "refuse_clinical"),
    "eligible": ("attest_eligible", "cancel_assisted"),
    "identity": ("confirm_identity", "cancel_assisted"),
    "paper_code": ("attest_paper_code", "cancel_assisted"),
}
"""What is waited for -> what a yes and a no are called on record."""
_ATTENDANT = re.compile(r"[A-Za-z0-9_-]{1,64}")

SECONDS: dict[str, Callable[[Rulebook], int]] = {
    "temperature": lambda book: book.thermometer.wait_seconds,
    "mask": lambda book: book.mask.attest_seconds,
    "veto": lambda book: book.mask.veto_seconds + 1,
    "clinical": lambda book: book.thermometer.clinical_seconds,
    "identity": lambda book: book.assisted.confirm_seconds,
    "paper_code": lambda book: book.assisted.confirm_seconds,
}
"""How long a visit waits for what takes longer than showing a code."""


# -------------------------------------------------------------- waiting


def ask(turn: Turn, visit: Visit, verdict: Verdict) -> None:
    """The visit waits for this now. Its time runs from the first time it is asked, not from every reminder."""
    assert turn.rulebook is not None
    visit.told = verdict.because
    if visit.asked == verdict.asks_for:
        return
    visit.asked = verdict.asks_for
    seconds = SECONDS.get(visit.asked)
    if seconds is None and visit.path is not None and visit.path.step == "health":
        seconds = SECONDS["identity"]
    if seconds is not None:
        visit.until_ms = max(visit.until_ms, turn.now + seconds(turn.rulebook) * 1000)
    if visit.asked == "veto" and visit.veto_until_ms is None:
        visit.veto_until_ms = turn.now + turn.rulebook.mask.veto_seconds * 1000


def question(visit: Visit | None) -> str:
    """What a press would answer now; empty: nothing that a person attests."""
    if visit is None:
        return ""
    if visit.asked == "health" and visit.path is not None and visit.path.step == "eligible":
        return "eligible"
    return visit.asked if visit.asked in NAMES else ""


def begin_path(turn: Turn, lane: LaneState, visit: Visit) -> None:
    """An identity card was read: the way of 3.1.2d opens where the rulebook opens it, and health is asked for at all.

    It may be opened for a class that only the card tells (elder, minor), or for the class that was booked.
    """
    book = turn.rulebook
    if visit.card is None or visit.path is not None or book is None:
        return
    by_card = judgement.class_shown(turn, lane.name, visit.booking, visit.card, book)
    for name in dict.fromkeys((by_card, judgement.person_class_of(visit.booking))):
        rules = book.classes.get(name)
        if visit.path is None and rules is not None and (rules.proof or rules.code != "none"):
            visit.path = assisted.begin(book.assisted, name, visit.card, turn.now)


def time_over(turn: Turn, visit: Visit) -> None:
    if visit.path is not None:
        visit.path = assisted.after(visit.path, "time_over", turn.now)


def tend(turn: Turn, lane: LaneState) -> None:
    """Nobody said no in the seconds there were for it: whoever waits is judged again."""
    for at_ms in due(lane):
        if turn.now >= at_ms:
            entry.judge_again(turn, lane)


def due(lane: LaneState) -> list[int]:
    visit = lane.visit
    return [visit.veto_until_ms] if visit and visit.asked == "veto" and visit.veto_until_ms is not None else []


# -------------------------------------------------------------- speaking


def press(turn: Turn, lane: LaneState, who: str, *, long: bool) -> bool:
    """The button went up. True when it was an answer to what the visit waited for, or came too late to be one."""
    asked, lane.button_asked = lane.button_asked, ""
    if not asked:
        return False
    name = NAMES[asked][long]
    because = say(turn, lane, asked, who, no=long)
    turn.command_done(lane.name, f"local-{turn.state.seq + 1}", name, who, because)
    if not because:
        entry.judge_again(turn, lane)
    return True


def veto(turn: Turn, lane: LaneState, who: str) -> bool:
    """The button went down while only a veto can stop the gate: it counts at once, and a no needs no name.

    At a lane for both ways an unnamed press is somebody who wants out, and nothing else.
    """
    if lane.button_asked != "veto" or (not who and turn.setup(lane.name).exit):
        return False
    return press(turn, lane, who or "unnamed", long=True)


def say(turn: Turn, lane: LaneState, asked: str, who: str, *, no: bool) -> str:
    """Put a person's word into the visit. Answers why not: what was asked is not asked any more."""
    visit = lane.visit
    if visit is None or question(visit) != asked:
        return "nobody_waits"
    visit.attested = (*visit.attested, Attested(asked, who, turn.now, no))[-WORDS_KEPT:]
    if visit.path is not None and asked == visit.path.step:
        visit.path = assisted.after(visit.path, "no" if no else "yes", turn.now, who)
    return ""


def confirm_identity(turn: Turn, event: CommandArrived) -> str:
    """The hub's `confirm_identity {lane, attendant}`: the named attendant says yes to the step that waits."""
    lane, who = turn.state.lanes[event.lane or ""], event.body.get("attendant")
    if not isinstance(who, str) or not _ATTENDANT.fullmatch(who):
        return "attendant_not_named"
    asked = question(lane.visit)
    if asked not in assisted.ATTESTED:
        return "nobody_waits"
    because = say(turn, lane, asked, who, no=False)
    if not because:
        turn.command_done(lane.name, f"local-{turn.state.seq + 1}", NAMES[asked][0], who, "")
        entry.judge_again(turn, lane)
    return because


# -------------------------------------------------------------- over a wait for a place


def keep(waiting: Waiting, visit: Visit) -> None:
    """What a person went through stays theirs while there is no place."""
    waiting.attested, waiting.path, waiting.sentinel = visit.attested, visit.path, visit.sentinel


def recall(lane: LaneState, visit: Visit) -> None:
    """Who was told to wait for a place is back: nothing that was attested or verified has to be done again."""
    who = judgement.identity_of(visit.booking, visit.health) if lane.waiting else ""
    known = next((each for each in lane.waiting if each.who == who), None) if who else None
    if known is not None and not visit.attested:
        visit.attested, visit.path = known.attested, known.path or visit.path
        visit.sentinel = visit.sentinel or known.sentinel
