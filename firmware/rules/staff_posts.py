"""3.1.4b: no roaming between posts, staggered hours: a badge opens where and when its holder works (signed roster)."""

from __future__ import annotations

from firmware.rulebook.tables import minutes_of
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.1.4b"


def judge(case: Case) -> Verdict | None:
    badge = case.booking
    if badge is None or badge.key_kind != "staff":
        return None
    if badge.zones and case.setup.zone and case.setup.zone not in badge.zones:
        return Verdict(CLAUSE, "refuse", "other_zone", phrase="wrong_lane")
    if not badge.bands:
        return None
    if not case.moment.trusted:
        return case.doubt(CLAUSE, "clock", "clock_doubtful")
    minute = case.local.hour * 60 + case.local.minute
    inside = any(first <= minute < end for first, end in map(minutes_of, badge.bands))
    return None if inside else Verdict(CLAUSE, "refuse", "outside_band", phrase="staff")
