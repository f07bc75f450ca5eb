"""3.2.2: guests of key enterprises, press, contractors and the like come in with a host, and their own rules stay.

The host's badge is shown within `collect_seconds` of the guest's pass, in either order. A host has to be in order too:
a guest must not be the way past the staff's own rules. Why one is not is never said in public.
"""

from __future__ import annotations

from msgspec.structs import replace

from firmware.core.facts import Booking
from firmware.rules import booking, health_proof, staff_posts
from firmware.rules.verdict import Case, Verdict

CLAUSE = "3.2.2"


def judge(case: Case) -> Verdict | None:
    if case.rules is None or case.rules.host == "none" or case.booking is None:
        return None
    if case.host is not None:
        return _in_order(case, case.host)
    if case.final:
        return Verdict(CLAUSE, "refuse", "host_missing")
    return Verdict(CLAUSE, "wait", "host_asked", asks_for="host")


def _in_order(case: Case, host: Booking) -> Verdict | None:
    """The host by the rules of the host's own class, except the room and the pace, which the party has asked for.

    Who waits inside is where the posts and hours of the staff let them be already (3.1.4b).
    """
    rules = case.rulebook.classes.get(host.person_class)
    if rules is None or (case.phase is not None and host.person_class not in case.phase.classes):
        return Verdict(CLAUSE, "refuse", "host_not_admitted", phrase="host_missing")
    own = replace(
        case, person_class=host.person_class, rules=rules, booking=host, healths=host.tests, health=None, host=None,
        card=None, sentinel=None, final=True, used=None, arrived_s=None,
    )  # fmt: skip
    asked = (booking, staff_posts, health_proof) if case.rules and case.rules.host_enters else (booking, health_proof)
    if all(rule.judge(own) is None for rule in asked):  # none of these three says "admit, but"
        return None
    return Verdict(CLAUSE, "staff", "host_not_in_order", phrase="staff")
