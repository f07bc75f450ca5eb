"""Adding a requirement never admits more people.

Asked of one decision: the same device in the same state, the same person with the same proofs, two rulebooks of which
one asks for more. Over a whole day it would be false and should be: who is refused leaves a place for somebody else.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core import events
from firmware.core.controller import Controller
from firmware.core.facts import AnyFact
from firmware.core.moment import Moment
from firmware.core.records import Decision
from firmware.core.state import LaneSetup
from firmware.simulation.stories import changes
from firmware.trust.rulebook_file import zone
from tests.core.stage import Stage
from tests.stories import PLAN

REQUIREMENTS = [
    'class.visitor.proof = ["pcr", "antigen"]',
    "class.visitor.pcr_validity_hours = 24", "class.visitor.temperature_max_c = 36.5",
    "class.visitor.arrival_freeze_minutes = 0", "class.visitor.re_entries = 0", "class.visitor.same_person = true",
    'class.visitor.code = "green"', 'class.visitor.booking = "required"',
    "class.staff.antigen_days = 2", "slot.early_minutes = 0", "slot.late_minutes = 0", "limit_persons = 2",
    "limit_persons = 0", "walk_in = false", "phase.limited.share_percent = 0", "phase.limited.limit_percent = 1",
    'phase.limited.classes = ["staff"]', 'phase.limited.classes = []', 'hours.wednesday = ["10:30-11:00"]',
    "hours.wednesday = []", "valid_until = 2022-05-31", "flow.density_persons_max = 1",
    "spacing.minimum_mm = 5000", "spacing.release_interval_ms = 60000", 'opening.first_person = ["inspector"]',
    'hold = [{ span = "00:00-24:00" }]', 'anti_passback = { mode = "timed", minutes = 60 }',
    'class.visitor.mask = "attest"', 'class.visitor.mask = "terminal"', 'class.visitor.mask = "veto"',
    "class.visitor.wide = true", "class.visitor.bodies_max = 1", "class.visitor.enters = false",
    'class.visitor.sources = ["sentinel", "venue-code"]', "hours.last_entry_minutes = 600", "slot.quota = 1",
    "quota.cases_per_day = 1", "hold = [{ span = \"10:00-11:00\", weekdays = [\"wednesday\"] }]",
    'on_doubt.clock = "refuse"', 'on_doubt.journal_full = "refuse"', 'on_doubt.sensor_missing = "refuse"',
]  # fmt: skip
"""Each asks for more than the lenient rulebook below, or leaves less room."""

LENIENT = changes.changed(
    PLAN, "walk_in = true", 'class.visitor.booking = "optional"', 'class.visitor.proof = ["pcr"]',
    "class.visitor.re_entries = 3", 'class.staff.proof = ["pcr", "antigen"]', "class.staff.antigen_days = 1",
    "anti_passback = { minutes = 60 }",
    "class.visitor.temperature_max_c = 38",
    'class.agent.booking = "optional"', "limit_persons = 6", "spacing.minimum_mm = 500",
    'hours.wednesday = ["08:00-20:00"]', 'on_doubt = { clock = "admit", journal_full = "admit", sensor_missing = "admit" }',
    "slot.early_minutes = 30", "slot.late_minutes = 30",
)  # fmt: skip

STRICTER = {requirement: changes.changed(LENIENT, requirement) for requirement in REQUIREMENTS}

SETUP = LaneSetup(
    name="A", direction="in", classes=("visitor", "agent", "staff"), passage_sensor=True, thermometer=True,
    range_sensor=True, button=True,
)  # fmt: skip

people = st.fixed_dictionaries(
    {
        "number": st.integers(1, 5),
        "person_class": st.sampled_from(["visitor", "visitor", "agent", "staff"]),
        "booked": st.booleans(),
        "slot": st.sampled_from([(-1.0, 1.0), (-1.0, -0.2), (0.2, 1.0), (-1.0, -0.6), (1.0, 2.0)]),
        "party": st.sampled_from([1, 1, 3]),
        "pcr": st.sampled_from([None, 5, 30, 71, 90]),
        "result": st.sampled_from(["negative", "negative", "negative", "positive"]),
        "antigen": st.sampled_from([None, 5, 30, 60]),
        "temperature": st.sampled_from([None, 36.2, 36.8]),
    }
)
before = st.lists(
    st.one_of(
        people.map(lambda person: ("comes", person)),
        st.sampled_from([("goes", None), ("waits", 30), ("waits", 600), ("doubt", None), ("trust", None)]),
        st.sampled_from(
            [("full disk", None), ("gap", 1200), ("gap", 900), ("crowd", 3), ("no gauge", None), ("no eyes", None)]
        ),
    ),
    max_size=6,
)


def proofs(stage: Stage, person: dict) -> list[AnyFact]:  # type: ignore[type-arg]
    """In the order they are asked for; made once, when the stage was set up."""
    hours, slot = stage.now / 3600, person["slot"]
    number, staff = person["number"], person["person_class"] == "staff"
    kinds = (("naat", "pcr"), ("antigen", "antigen"))
    tests = [
        stage.test(number * 10 + place, hours_old=person[key] + hours, kind=kind, result=person["result"])
        for place, (kind, key) in enumerate(kinds)
        if person[key] is not None
    ]
    booking = stage.booking(
        number, slot=(slot[0] - hours, slot[1] - hours), person_class=person["person_class"], party=person["party"],
        key_kind="staff" if staff else "booking",
    )  # fmt: skip
    return [booking, *tests] if person["booked"] or staff else list(tests)


def live(stage: Stage, happened: list) -> None:  # type: ignore[type-arg]
    for what, value in happened:
        stage.wait(25)
        if what == "comes":
            if value["temperature"] is not None:
                stage.do(events.TemperatureRead(lane="A", object_c=value["temperature"]))
            for fact in proofs(stage, value):
                stage.scan(fact)
            if stage.lane.grant is not None:
                stage.cross()
        elif what == "goes":
            stage.cross("out")
        elif what == "waits":
            stage.wait(value)
        elif what in ("doubt", "trust"):
            stage.trusted = what == "trust"
        elif what == "full disk":
            stage.do(events.JournalState(writable=False))
        elif what == "gap":
            stage.do(events.SpacingSeen(lane="A", persons=2, gap_mm=value))
        elif what == "crowd":
            stage.do(events.SpacingSeen(lane="A", persons=value, zone="hall"))
        else:
            device = "thermometer" if what == "no gauge" else "range"
            stage.do(events.DeviceHealth(lane="A", device=device, state="silent"))


def admitted(snapshot: bytes, stage: Stage, book: bytes, person: dict) -> bool:  # type: ignore[type-arg]
    """Whether this device, as it is now, lets the person in by this rulebook, with everything they have."""
    device = Controller.restore(snapshot, zone)
    at = stage.moment
    device.handle(events.RulebookLoaded(text=book, kid="k", came_by="fallback"), at)
    if person["temperature"] is not None:
        device.handle(events.TemperatureRead(lane="A", object_c=person["temperature"]), at)
    shown = [(500 * place, events.CodeRead(lane="A", fact=fact)) for place, fact in enumerate(proofs(stage, person))]
    for later_ms, event in [*shown, (30_000, events.Woken())]:
        outcome = device.handle(event, Moment(at.elapsed_ms + later_ms, at.wall_ms + later_ms, at.trusted))
        answers = [record.answer for record in outcome.records if isinstance(record, Decision)]
        if "admit" in answers:
            return True
        if answers and device.state.lanes["A"].visit is None:
            return False  # nothing more is asked for: they turn away
    return False


@pytest.mark.parametrize("requirement", REQUIREMENTS)
@settings(max_examples=40, deadline=None)
@given(before, people)
def test_a_requirement_more_admits_nobody_more(requirement: str, happened: list, person: dict) -> None:  # type: ignore[type-arg]
    stage = Stage(lanes=(SETUP,))
    stage.do(events.RulebookLoaded(text=LENIENT, kid="k", came_by="fallback"))
    live(stage, happened)
    stage.wait(25)
    snapshot = stage.controller.snapshot()
    if admitted(snapshot, stage, STRICTER[requirement], person):
        assert admitted(snapshot, stage, LENIENT, person), msgspec.json.encode(person)


def test_every_requirement_keeps_somebody_out() -> None:
    """Else the property above would hold of a requirement that asks for nothing."""
    kept_out = {requirement for requirement in REQUIREMENTS if any(_tells(requirement, case) for case in CASES)}
    assert set(REQUIREMENTS) == kept_out


PERSON = {"number": 1, "person_class": "visitor", "booked": True, "slot": (-1.0, 1.0), "party": 1, "pcr": 30,
          "result": "negative", "antigen": None, "temperature": 36.8}  # fmt: skip
CLERK = {**PERSON, "person_class": "staff", "pcr": 5, "antigen": 5}
CASES = [
    ([], PERSON),
    ([], {**PERSON, "slot": (-1.0, -0.3)}),
    ([], {**PERSON, "slot": (0.3, 1.0)}),
    ([], {**PERSON, "booked": False}),
    ([], {**PERSON, "booked": False, "temperature": None}),
    ([], {**PERSON, "temperature": None}),
    ([], {**PERSON, "person_class": "agent"}),
    ([], {**PERSON, "person_class": "agent", "booked": False}),
    ([], {**PERSON, "person_class": "staff", "antigen": 60, "pcr": 5}),
    ([], {**PERSON, "person_class": "staff"}),
    ([("comes", CLERK)], CLERK),
    ([], {**CLERK, "antigen": 60}),
    ([("no eyes", None), ("comes", PERSON)], {**PERSON, "number": 2}),
    ([("comes", {**PERSON, "pcr": None, "slot": (-1.0, -0.3)}), ("waits", 900)], {**PERSON, "slot": (-1.0, -0.3)}),
    ([("comes", PERSON)], PERSON),
    ([("comes", PERSON), ("comes", {**PERSON, "number": 2})], {**PERSON, "number": 3}),
    ([("waits", 600)] * 3, PERSON),
    ([("doubt", None)], PERSON),
    ([("full disk", None)], PERSON),
    ([("gap", 1200)], PERSON),
    ([("crowd", 3)], PERSON),
    ([("no gauge", None)], PERSON),
    ([], {**PERSON, "party": 3}),
    ([("comes", {**PERSON, "booked": False})], {**PERSON, "number": 2, "booked": False}),
]


def _tells(requirement: str, case: tuple) -> bool:  # type: ignore[type-arg]
    happened, person = case
    stage = Stage(lanes=(SETUP,))
    stage.do(events.RulebookLoaded(text=LENIENT, kid="k", came_by="fallback"))
    live(stage, happened)
    stage.wait(25)
    snapshot = stage.controller.snapshot()
    return admitted(snapshot, stage, LENIENT, person) and not admitted(snapshot, stage, STRICTER[requirement], person)
