"""The plan, clause by clause, at a real door: signed codes on a pty, the shipped rulebook, the relay's frames, the journal."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from firmware.simulation.issuer import Issuer
from sensors.readings import Temperature
from sensors.thermometer_gy_mcu90614 import Settings, Simulator
from tests.device.bench import ON, ROOT, Far
from tests.device.door import door

WALK_IN = (
    ("walk_in = false", "walk_in = true"),
    ('booking = "required"\nproof = ["pcr"]\npcr_validity', 'booking = "optional"\nproof = ["pcr"]\npcr_validity'),
)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


# -------------------------------------------------------------- classes of people


def test_each_class_by_its_own_proof(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        assert [
            made.visit(made.booking(name)) for name in ("visitor", "assisted", "disabled", "cleaner", "inspector")
        ] == (["admit"] * 5)
        assert made.visit(made.booking("agent", hours=(0, 1), cases=12)) == "admit"
        assert "no_slot" in made.shows(made.booking("agent"))[1]
        answer, reasons = made.shows(made.booking("courier"))
        assert answer == "staff" and "hand_over" in reasons
        assert made.shows(made.booking("alien"))[0] == "refuse", "a class that no table knows"


def test_a_party_is_one_unit_and_all_of_it_fits_or_none(tmp_path: Path) -> None:
    with door(tmp_path, ("limit_persons = 200", "limit_persons = 3"), rate=4) as made:
        assert made.visit(made.booking("assisted", helper=True)) == "admit"
        assert made.visit(made.booking(party=2)) == "wait", "two places are wanted and one is left"
        assert made.decisions()[-1]["remains"]["places"] == 1
        made.passes(20.5)  # those two have gone again
        assert made.visit(made.booking(), made.test(6)) == "admit"


def test_staff_bring_pcr_and_antigen_of_two_days(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        assert made.shows(made.badge(), made.test(60))[1] >= {"antigen_asked"}
        assert made.shows(made.test(10, kind="antigen"))[1] >= {"antigen_day_asked"}
        assert made.shows(made.test(40, kind="antigen"))[0] == "admit"


def test_responders_are_asked_nothing(tmp_path: Path) -> None:
    with door(tmp_path, ("limit_persons = 200", "limit_persons = 0")) as made:
        made.gate.scan(made.badge(person_class="responder"))
        made.gate.relay.expect(ON)


# -------------------------------------------------------------- bookings


def test_slots_early_late_and_once(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        answer, reasons = made.shows(made.booking(hours=(2, 3)))
        assert answer == "wait" and "early" in reasons and "11:50" in made.decisions()[-1]["sign"]
        assert made.shows(made.booking(hours=(-1, -0)))[0] == "wait", "the last minute and its grace are good"
        once = made.booking()
        assert made.visit(once) == "admit"
        made.start("2022-06-10T10:30")
        assert made.shows(once)[1] >= {"used"}, "a pass is used up, also after a restart"
        late = made.booking(hours=(-1, 0))
        made.start("2022-06-10T11:00")
        assert made.shows(late)[0] == "refuse"


def test_a_used_pass_may_come_back_as_often_as_the_rulebook_says(tmp_path: Path) -> None:
    with door(
        tmp_path,
        ("pcr_validity_hours = 72\n\n[class.elder]", "pcr_validity_hours = 72\nre_entries = 1\n\n[class.elder]"),
        rate=2,
    ) as made:
        code = made.booking()
        for hours in (5, 6):
            assert made.visit(code, made.test(hours)) == "admit"
            made.passes(3.2)
        answer, reasons = made.shows(code)
        assert answer == "refuse" and "used" in reasons


def test_passes_that_prove_nothing(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        stranger = Issuer.new("baoshan").booking(made.now - 60, made.now + 3_600).encode()
        elsewhere = Issuer("chongming", "x", made.gate.issuer.curve_keys, made.gate.issuer.edwards_keys)
        good = made.booking()
        gone = made.gate.issuer.booking(made.now - 7_200, made.now - 3_600).encode()
        spoilt = [
            stranger,
            elsewhere.booking(made.now - 60, made.now + 60).encode(),
            good[:-7],
            good[:20],
            gone,
            b"HP1:",
        ]
        spoilt += [b"HC1:" + made.test()[10:], b"\x00\xff" * 40, b"https://example.com/?q=1"]
        assert {made.shows(code)[0] for code in spoilt} <= {"refuse", "staff"}
        assert made.visit(good) == "admit"


def proofs(office: Issuer, now: int) -> dict[str, bytes]:
    """One good code of every kind, as this office made it then."""
    day = {"expires_s": now + 86_400}
    made = {
        "booking": office.booking(now - 3_600, now + 3_600),
        "badge": office.badge(now - 3_600, now + 3_600),
        "pcr": office.test_certificate(now - 5 * 3_600, **day),
        "antigen": office.test_certificate(now - 5 * 3_600, kind="antigen", **day),
        "antigen before": office.test_certificate(now - 40 * 3_600, kind="antigen", **day),
    }
    return {kind: code.encode() for kind, code in made.items()}


def bent(code: bytes) -> bytes:
    middle = len(code) // 2
    return code[:middle] + (b"A" if code[middle : middle + 1] != b"A" else b"B") + code[middle + 1 :]


def test_no_kind_of_proof_is_believed_when_it_is_forged_expired_cut_or_bent(tmp_path: Path) -> None:
    with door(tmp_path, rate=2) as made:
        good, month = proofs(made.gate.issuer, made.now), 40 * 86_400
        spoilt = [proofs(Issuer.new("baoshan"), made.now), proofs(made.gate.issuer, made.now - month)]
        spoilt += [{kind: spoil(code) for kind, code in good.items()} for spoil in (bent, lambda code: code[:-9])]
        for codes in spoilt:
            assert made.shows(codes["booking"])[0] == "refuse"
            assert made.shows(codes["badge"])[0] == "refuse"
            for kind in ("pcr", "antigen", "antigen before"):
                assert made.shows(made.booking(), codes[kind])[0] in ("refuse", "staff", "wait"), kind
            made.gate.relay.silent(0.2)
        assert made.shows(good["booking"], good["pcr"])[0] == "admit"
        made.passes(3.2)
        assert made.shows(good["badge"], good["pcr"], good["antigen"], good["antigen before"]) == (
            "admit",
            {"in_order"},
        )
        made.passes(3.2)
        assert made.shows(good["booking"])[1] >= {"used"}, "replayed"


def test_walk_ins_have_a_quota_and_a_booking_is_never_refused_for_it(tmp_path: Path) -> None:
    with door(tmp_path, *WALK_IN, ("base_visits_per_day = 1500", "base_visits_per_day = 2")) as made:
        assert [made.shows(made.test(person=n))[0] for n in (0, 1, 2)] == ["admit", "admit", "wait"]
        assert made.last()[1] == {"booking_missing"}, "no booking is bound by the quota"
        before = len(made.decisions())
        made.wait(before)
        assert made.last()[0] == "refuse" and "quota" in made.last()[1]
        assert made.decisions()[-1]["remains"]["day"] == 0
        assert made.visit(made.booking(), made.test(6)) == "admit"
        made.start("2022-06-13T10:00")
        assert made.shows(made.test(3))[0] == "admit", "another day, another quota"


def test_hours_last_entry_and_a_service_in_demand(tmp_path: Path) -> None:
    with door(tmp_path, ("last_entry_minutes = 0", "last_entry_minutes = 30"), at="2022-06-10T16:45") as made:
        assert made.shows(made.booking())[0] == "refuse"
        made.start("2022-06-10T18:00")
        assert made.shows(made.booking())[0] == "refuse"
        assert made.visit(made.booking(service="permits")) == "admit"
        made.start("2022-06-11T10:00")
        assert made.shows(made.booking())[0] == "refuse", "a Saturday"


# -------------------------------------------------------------- health


def test_what_a_report_must_be(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        assert made.visit(made.booking(), made.test(71.9)) == "admit"
        assert made.shows(made.booking(), made.test(73))[1] >= {"pcr_too_old"}
        assert made.visit(made.booking(), made.test(5, kind="antigen")) != "admit"
        forged = Issuer.new("baoshan").test_certificate(made.now - 18_000).encode()
        assert made.visit(made.booking(), forged) != "admit"
        assert made.visit(made.booking(), made.test(5, result="positive")) == "isolate"
        assert made.visit(made.booking()) == "wait", "the lane is held until it is signed off"


def test_the_same_person_for_both_codes(tmp_path: Path) -> None:
    rule = ("pcr_validity_hours = 72\n\n[class.elder]", "pcr_validity_hours = 72\nsame_person = true\n\n[class.elder]")
    with door(tmp_path, rule) as made:
        assert made.visit(made.booking(subject=Issuer.subject(0)), made.test(person=1)) != "admit"
        assert made.visit(made.booking(subject=Issuer.subject(0)), made.test(person=0)) == "admit"


def test_a_thermometer_is_evidence_and_no_judge(tmp_path: Path) -> None:
    rule = (
        "pcr_validity_hours = 72\n\n[class.elder]",
        "pcr_validity_hours = 72\ntemperature_max_c = 37.3\n\n[class.elder]",
    )
    warm = Far(tmp_path / "warm")
    lane = f'[lane.thermometer]\ndriver = "thermometer_gy_mcu90614"\nport = "{warm.link}"\n'
    simulator = Simulator(Settings())
    with door(tmp_path / "door", rule, lane=lane) as made:

        def show(object_c: float, ambient_c: float = 24.0) -> None:
            for _ in range(8):
                for later in simulator.show(Temperature(object_c, ambient_c), 0.0):
                    warm.write(later.raw)  # type: ignore[arg-type]
                time.sleep(0.05)

        before = len(made.decisions())
        made.shows(made.booking(), made.test())
        show(36.4)
        made.wait(before + 1)
        assert made.last()[0] == "admit"
        before = len(made.decisions())
        made.shows(made.booking(), made.test(6))
        show(38.2)
        made.wait(before + 1)
        assert made.last()[0] == "staff", "a clinical thermometer judges, not this one"
    warm.unplug()


# -------------------------------------------------------------- flow and access


def test_the_next_one_waits_for_the_two_metre_line(tmp_path: Path) -> None:
    pace = ("release_interval_ms = 0", "release_interval_ms = 6000")
    with door(tmp_path, pace) as made:
        assert made.visit(made.booking()) == "admit"
        second = made.booking()
        assert made.visit(second, made.test(6)) == "wait"
        made.passes(6)
        assert made.visit(second, made.test(6)) == "admit"


def test_a_badge_does_not_let_in_two_bodies(tmp_path: Path) -> None:
    rule = ("[on_doubt]", '[anti_passback]\nmode = "timed"\nminutes = 60\n[on_doubt]')
    with door(tmp_path, rule, rate=2) as made:
        badge = made.badge()
        tests = (made.test(60), made.test(10, kind="antigen"), made.test(40, kind="antigen"))
        assert made.shows(badge, *tests)[0] == "admit"
        made.passes(3.5)
        assert made.shows(badge)[0] != "admit"


def test_a_named_person_opens_the_day_and_breaks_come_by_themselves(tmp_path: Path) -> None:
    first = (
        "[on_doubt]",
        '[opening]\nfirst_person = ["staff"]\n[[hold]]\nspan = "12:00-13:00"\nreason = "disinfection"\n[on_doubt]',
    )
    with door(tmp_path, first) as made:
        assert made.visit(made.booking()) != "admit"
        tests = (made.test(60), made.test(10, kind="antigen"), made.test(40, kind="antigen"))
        assert made.shows(made.badge(), *tests)[0] == "admit"
        assert made.visit(made.booking(), made.test(6)) == "admit"
        made.start("2022-06-10T12:30")
        assert made.visit(made.booking(), made.test(7)) == "wait"
        made.start("2022-06-10T13:05")
        assert made.visit(made.booking(), made.test(8)) == "admit"


# -------------------------------------------------------------- phases and clocks


def test_phases_begin_by_their_date_and_a_booking_of_another_day_is_none(tmp_path: Path) -> None:
    with door(tmp_path, at="2022-05-25T10:00") as made:
        assert made.shows(made.booking())[0] == "refuse", "preparation"
        assert made.visit(made.booking("cleaner"), made.test(6)) == "admit"
        made.start("2022-06-01T10:00")
        assert made.visit(made.booking(), made.test(7)) == "admit"
        made.start("2023-01-03T10:00")
        assert made.visit(made.booking(), made.test(8)) != "admit", "the rulebook's own days are over"


def test_a_clock_that_was_put_back_makes_no_second_slot(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        slot = made.booking(hours=(-2, -1))
        assert made.shows(slot)[0] == "refuse"
        made.start("2022-06-10T08:30")
        assert made.visit(slot) == "staff", "an earlier hour than the journal's is not believed"


# -------------------------------------------------------------- tools of the policy author


def test_other_rules_over_the_day_that_was(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        assert made.visit(made.booking(), made.test(60)) == "admit"
        assert made.visit(made.booking(), made.test(5)) == "admit"
        assert made.gate.stop() == 0
        book = made.gate.folder / "rulebook.toml"
        stricter = tmp_path / "stricter.toml"
        stricter.write_text(book.read_text().replace("pcr_validity_hours = 72", "pcr_validity_hours = 48"))
        done = run("rehearse", "--rulebook", str(stricter), "--state", str(made.gate.state), "--json")
        assert done.returncode == 0, done.stderr
        assert "pcr_too_old" in done.stdout and json.loads(done.stdout)


@pytest.mark.parametrize(
    ("old", "new"), [("limit_persons = 200", "limit_persons = 0"), ('"09:00-17:00"', '"17:00-09:00"')]
)
def test_check_refuses_rules_that_shut_everybody_out(tmp_path: Path, old: str, new: str) -> None:
    with door(tmp_path) as made:
        book = made.gate.folder / "rulebook.toml"
        text = book.read_text().replace(old, new).encode()
        book.write_bytes(text)
        (made.gate.folder / "rulebook.toml.sig").write_bytes(made.gate.issuer.sign_rulebook(text))
        done = run("check", "--site", str(made.gate.site))
        assert done.returncode == 2 and "rulebook.toml:" in done.stderr, done.stderr
