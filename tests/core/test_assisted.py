"""The assisted way: a card, an attendant, a paper code and a health verdict (3.1.2d)."""

from __future__ import annotations

from typing import Any

from firmware.core import events
from firmware.core.records import CommandDone
from tests.core.evidence import HOLDER, OTHER, asked, attendant, card, door, terminal, venue
from tests.core.stage import Stage

# -------------------------------------------------------------- the assisted way

ELDERS = '[assisted]\nclasses = ["visitor"]\nconfirm_seconds = 30'


def assisted() -> Stage:
    stage = door(more=ELDERS, proof='"pcr"')
    assert stage.scan(stage.booking(1, holder=HOLDER)) == "wait"
    assert asked(stage, card(HOLDER, age_years=72)) == ("wait", "identity_asked")
    return stage


def test_card_attendant_paper_code_and_health_verdict_let_in() -> None:
    stage = assisted()
    attendant(stage)
    assert stage.because == "paper_code_asked"
    attendant(stage)
    assert stage.gate == [] and stage.decision.phrase == "assisted_health"
    terminal(stage, holder=HOLDER)
    assert stage.decision.answer == "admit"
    assert "identity_confirmed" in [clause.because for clause in stage.decision.clauses]
    said = [(record.name, record.issuer) for record in stage.records if isinstance(record, CommandDone)]
    badge = stage.badge(901).pass_id
    assert said == [("confirm_identity", badge), ("attest_paper_code", badge)]


def test_where_only_the_code_is_asked_for_the_sentinel_reads_it_off_the_card_too() -> None:
    stage = door('code = "green"', ELDERS)
    stage.scan(stage.booking(1, holder=HOLDER))
    assert stage.decision.phrase == "not_verified"
    stage.scan(card(HOLDER, age_years=72))
    attendant(stage)
    attendant(stage)
    assert (stage.because, stage.decision.phrase) == ("code_asked", "assisted_health")
    terminal(stage, holder=HOLDER)
    assert stage.decision.answer == "admit"


def test_after_the_paper_code_the_sentinel_has_to_read_the_card() -> None:
    stage = assisted()
    attendant(stage)
    attendant(stage)
    terminal(stage, holder=None)
    assert stage.gate == [] and stage.decision.phrase == "assisted_health"


def test_who_has_a_proof_of_their_own_needs_no_assistance() -> None:
    stage = assisted()
    assert asked(stage, stage.test(1)) == ("admit", "in_order")
    stage = assisted()
    terminal(stage, holder=None)
    assert stage.decision.answer == "admit", "the code on their own telephone"
    stage = assisted()
    terminal(stage, holder=HOLDER)
    assert (stage.decision.answer, stage.because) == ("wait", "identity_asked"), (
        "shown on the card: nobody confirmed it"
    )
    stage = assisted()
    venue(stage)
    stage.wait(1).scan(stage.booking(1, holder=HOLDER))
    assert stage.decision.answer == "admit"


def test_each_step_has_its_time_and_can_be_cancelled() -> None:
    late = assisted()
    late.wait(31)
    assert (late.decision.answer, late.because, late.gate) == ("staff", "assisted_lapsed", [])
    stopped = assisted()
    attendant(stopped, 2.5)
    assert stopped.decision.answer == "staff" and stopped.because == "assisted_cancelled"


def test_the_hub_confirms_in_the_name_of_an_attendant_only() -> None:
    stage = assisted()

    def order(**body: Any) -> str:
        before = len(stage.records)
        stage.do(events.CommandArrived(id="c", name="confirm_identity", issuer="hub", lane="A", body=body))
        return [record.because for record in stage.records[before:] if isinstance(record, CommandDone)][-1]

    assert order() == "attendant_not_named"
    assert order(attendant="w-17") == "" and stage.because == "paper_code_asked"


def test_somebody_elses_verdict_does_not_end_the_assisted_way() -> None:
    stage = assisted()
    attendant(stage)
    attendant(stage)
    terminal(stage, holder=OTHER)
    assert stage.gate == []
