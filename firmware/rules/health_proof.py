"""3.1.2a: PCR negative within the rulebook's hours, counted at the instant of entry from sampling or from report.

Missing or too old leads where `on_fail.pcr` says (the staff desk); a positive result is 3.1.2e and never shown in public.
A first scan freezes the age for some minutes. Times in the future of a trusted clock are no proof.
"""

from __future__ import annotations

from firmware.core.facts import HealthTest
from firmware.rules.verdict import SEVERITY, Case, Verdict

CLAUSE = "3.1.2a"
KINDS = {"naat": "pcr", "antigen": "antigen"}
AHEAD_S = 300
"""A certificate's clock may be ahead of ours by this much."""


def judge(case: Case) -> Verdict | None:
    if case.rules is None or case.unproved is not None:
        return None
    tests = {KINDS[each.kind]: each for each in case.healths if isinstance(each, HealthTest)}
    if any(test.result == "positive" for test in tests.values()):
        return Verdict("3.1.2e", case.rules.on_fail.positive, "positive", phrase="isolate")
    verdicts = [verdict for proof in case.rules.proof if (verdict := _one(case, proof, tests)) is not None]
    return max(verdicts, key=lambda verdict: SEVERITY[verdict.verdict], default=None)


def _one(case: Case, proof: str, tests: dict[str, HealthTest]) -> Verdict | None:
    test = tests.get(proof)
    if test is None:
        return _missing(case, proof, tests)
    if not case.moment.trusted:
        return case.doubt(CLAUSE, "clock", "clock_doubtful")
    return _age(case, proof, test)


def _missing(case: Case, proof: str, tests: dict[str, HealthTest]) -> Verdict:
    """Asked for while there is time; who showed what nobody asked for has shown the wrong thing, and hears so at once."""
    assert case.rules is not None
    if len(tests) < len(case.healths):
        return _fail(case, proof, "no_test")
    if not tests.keys() <= set(case.rules.proof):
        return _fail(case, proof, f"not_{proof}")
    if case.final:
        return _fail(case, proof, f"{proof}_missing")
    return Verdict(CLAUSE, "wait", f"{proof}_asked", phrase="other_proof", asks_for="health")


def _age(case: Case, proof: str, test: HealthTest) -> Verdict | None:
    assert case.rules is not None
    from_report = case.rules.pcr_counts_from == "report" and test.reported_s is not None
    taken = test.reported_s if from_report and test.reported_s is not None else test.sampled_s
    hours = case.rules.pcr_validity_hours if proof == "pcr" else case.rules.antigen_days * 24
    now = case.arrived_s if case.arrived_s is not None else case.now_s
    if case.now_s > test.expires_s:
        return _fail(case, proof, "certificate_expired")
    if taken > case.now_s + AHEAD_S or test.issued_s > case.now_s + AHEAD_S:
        return _fail(case, proof, "from_the_future")
    if now - taken > hours * 3600:
        return _fail(case, proof, f"{proof}_too_old")
    return None


def _fail(case: Case, proof: str, because: str) -> Verdict:
    assert case.rules is not None
    leads_to = case.rules.on_fail.pcr if proof == "pcr" else case.rules.on_fail.antigen
    return Verdict(CLAUSE, leads_to, because, phrase=proof, values={"hours": case.rules.pcr_validity_hours})
