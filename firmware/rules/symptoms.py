"""3.1.4a: no fever, no cough. Whoever says so by the button is led where the rulebook says; nothing of it is shown."""

from __future__ import annotations

from firmware.rules.verdict import Case, Verdict


def judge(case: Case) -> Verdict | None:
    if not case.unwell or case.rules is None:
        return None
    return Verdict("3.1.4a", case.rules.on_fail.symptoms, "symptoms", phrase="staff")
