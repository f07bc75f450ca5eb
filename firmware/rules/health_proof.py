"""3.1.2a, 3.1.4a: PCR negative within the rulebook's hours, counted at the instant of entry from sampling or from report.

By certificate, by a digital sentinel's verdict or by venue code, as the class' `sources` say: one of them is enough.
Staff (3.1.4a) also bring negative antigen tests of so many different days; what the signed roster knows counts as shown.
Missing or too old leads where `on_fail` says (the staff desk); a positive result is 3.1.2e and never shown in public.
A first scan freezes the age for some minutes. Times in the future of a trusted clock are no proof.
"""

from __future__ import annotations

import datetime as dt

from firmware.core.facts import HealthTest
from firmware.rules.registered import Registered, arrived_s, registered, shown
from firmware.rules.verdict import SEVERITY, Case, Verdict

KINDS = {"naat": "pcr", "antigen": "antigen"}


def judge(case: Case) -> Verdict | None:
    tests = [each for each in case.healths if isinstance(each, HealthTest)]
    heard = registered(case)
    if "positive" in [test.result for test in tests] or "positive" in [each.pcr for each in heard]:
        return Verdict("3.1.2e", case.on_fail.positive, "positive", phrase="isolate")
    if case.rules is None:
        return None
    counted = [each for each in heard if each.source in case.rules.sources]
    worst = None
    for proof in case.rules.proof:
        verdict = _one(case, proof, tests, counted)
        if verdict is not None and (worst is None or SEVERITY[verdict.verdict] > SEVERITY[worst.verdict]):
            worst = verdict
    return worst


def _one(case: Case, proof: str, tests: list[HealthTest], heard: list[Registered]) -> Verdict | None:
    mine = [test for test in tests if KINDS[test.kind] == proof and _certificate_counts(case, test)]
    if not heard or proof != "pcr":
        return _by_tests(case, proof, mine)
    said = [_by_registration(case, each) for each in heard]
    if None in said:
        return None
    by_tests = _by_tests(case, proof, mine)
    failed = [verdict for verdict in said if verdict is not None and verdict.verdict != "wait"]
    if mine or not failed or by_tests is None:
        return by_tests
    # What was registered fails. A certificate may still be shown, where the class may bring one and there is time.
    assert case.rules is not None
    return by_tests if by_tests.verdict == "wait" and "certificate" in case.rules.sources else failed[0]


def _certificate_counts(case: Case, test: HealthTest) -> bool:
    """The roster is the staff's own file and always counts; a certificate where the class may bring one."""
    assert case.rules is not None
    return "certificate" in case.rules.sources or (case.booking is not None and test in case.booking.tests)


# -------------------------------------------------------------- sentinel, venue code


def _by_registration(case: Case, said: Registered) -> Verdict | None:
    """None: in order. A wait: it says nothing of a PCR, and something else may."""
    assert case.rules is not None
    name = said.source.replace("-", "_")
    if said.pcr == "unknown":
        return Verdict(_clause(case, "pcr"), "wait", f"{name}_unknown")
    if said.pcr == "none":
        return _fail(case, "pcr", "pcr_missing")
    if said.by_wall_clock and not case.moment.trusted:
        return case.doubt(_clause(case, "pcr"), "clock", "clock_doubtful")
    if said.sample_s is None:
        return _fail(case, "pcr", "pcr_age_unknown") if case.rulebook.sentinel.age_required else None
    if said.sample_s < -case.rulebook.clock_ahead_seconds:
        return _fail(case, "pcr", "from_the_future")
    return _fail(case, "pcr", "pcr_too_old") if said.sample_s > case.rules.pcr_validity_hours * 3600 else None


# -------------------------------------------------------------- certificates, the roster


def _by_tests(case: Case, proof: str, mine: list[HealthTest]) -> Verdict | None:
    if not mine:
        return _missing(case, proof)
    if not case.moment.trusted:
        return case.doubt(_clause(case, proof), "clock", "clock_doubtful")
    good, wrong = list[HealthTest](), ""
    for test in mine:
        because = _age(case, proof, test)
        wrong = wrong or because
        if not because:
            good.append(test)
    if not good:
        known = case.booking.tests if case.booking else ()
        if not case.final and all(test in known for test in mine):  # a newer one may be in their hand
            return _ask(case, f"{proof}_asked", proof)
        return _fail(case, proof, wrong)
    return _days(case, good) if proof == "antigen" else None


def _days(case: Case, good: list[HealthTest]) -> Verdict | None:
    """3.1.4a: negative on so many different days, each by the hall's calendar."""
    assert case.rules is not None
    days = {dt.datetime.fromtimestamp(_taken(case, test), case.zone).date() for test in good}
    if len(days) >= case.rules.antigen_days:
        return None
    if case.final:
        return _fail(case, "antigen", "antigen_day_missing")
    return _ask(case, "antigen_day_asked", "antigen")


def _missing(case: Case, proof: str) -> Verdict:
    """Asked for while there is time; who showed what nobody asked for has shown the wrong thing, and hears so at once."""
    assert case.rules is not None
    if proof == "pcr" and case.rules.sources == ("sentinel",) and "terminal" in case.lane.broken:
        # Nobody can show it here. To admit past a sensor forgives what it would have measured, never a proof.
        clause, because = _clause(case, proof), "terminal_missing"
        return case.doubt(clause, "sensor_missing", because) or Verdict(clause, "staff", because, phrase="staff")
    here = shown(case) if "certificate" in case.rules.sources else ()
    tests = [each for each in here if isinstance(each, HealthTest)]
    if len(tests) < len(here):
        return _fail(case, proof, "no_test")
    if not {KINDS[test.kind] for test in tests} <= set(case.rules.proof):
        return _fail(case, proof, f"not_{proof}")
    if case.final:
        return _fail(case, proof, f"{proof}_missing")
    return _ask(case, f"{proof}_asked", proof)


def _ask(case: Case, because: str, proof: str) -> Verdict:
    assert case.rules is not None
    path = case.lane.visit.path if case.lane.visit else None
    phrase = "other_proof" if "certificate" in case.rules.sources else "not_verified"
    if proof == "antigen":
        phrase = "other_antigen"
    elif path is not None and path.step == "health":
        phrase = "assisted_health"
    days = {"days": case.rules.antigen_days}
    return Verdict(_clause(case, proof), "wait", because, phrase=phrase, asks_for="health", values=days)


def _taken(case: Case, test: HealthTest) -> int:
    """When the test counts from. A certificate without a report time counts from its sample."""
    assert case.rules is not None
    from_report = case.rules.pcr_counts_from == "report" and test.reported_s is not None
    return test.reported_s if from_report and test.reported_s is not None else test.sampled_s


def _age(case: Case, proof: str, test: HealthTest) -> str:
    """Why this test is no proof at the instant of entry; empty: it is one."""
    assert case.rules is not None
    taken = _taken(case, test)
    hours = case.rules.pcr_validity_hours if proof == "pcr" else case.rules.antigen_days * 24
    if case.now_s > test.expires_s:
        return "certificate_expired"
    if max(taken, test.issued_s) > case.now_s + case.rulebook.clock_ahead_seconds:
        return "from_the_future"
    return f"{proof}_too_old" if arrived_s(case) - taken > hours * 3600 else ""


def _fail(case: Case, proof: str, because: str) -> Verdict:
    assert case.rules is not None
    leads_to = case.rules.on_fail.pcr if proof == "pcr" else case.rules.on_fail.antigen
    values = {"hours": case.rules.pcr_validity_hours, "days": case.rules.antigen_days}
    return Verdict(_clause(case, proof), leads_to, because, phrase=proof, values=values)


def _clause(case: Case, proof: str) -> str:
    """Who works here answers to 3.1.4a; of nobody else does the plan want an antigen test."""
    works_here = case.booking is not None and case.booking.key_kind == "staff"
    return "3.1.4a" if works_here or proof == "antigen" else "3.1.2a"
