"""What a rulebook asks for and a site has nothing for, as `check` tells it: each with its clause."""

from __future__ import annotations

import dataclasses

import pytest

from firmware import site
from firmware.rulebook import book
from sensors import driver as drivers
from tests.site.conftest import RULEBOOK, SITE, ZONED, Bench, line_of


def lacking(bench: Bench, rulebook: str = RULEBOOK, without: str = "") -> list[str]:
    place = site.load(bench.site)
    lane = place.lanes[0]
    devices = {role: spec for role, spec in lane.devices.items() if role != without}
    place = dataclasses.replace(place, lanes=(dataclasses.replace(lane, devices=devices), place.lanes[1]))
    return [str(mistake) for mistake in site.lacks(place, book.parse(rulebook.encode()))[0]]


def test_a_lane_that_has_everything_lacks_nothing(bench: Bench) -> None:
    assert lacking(bench) == []


@pytest.mark.parametrize(
    ("without", "clauses"),
    [("scanner", ["3.1.1a"]), ("thermometer", ["3.1.4a"]), ("gate", []), ("fire_loop", [])],
)
def test_a_missing_sensor_names_the_clause(bench: Bench, without: str, clauses: list[str]) -> None:
    found = lacking(bench, without=without)
    assert len(found) == len(clauses)
    assert all(clause in what and "lane A" in what for clause, what in zip(clauses, found, strict=True))


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ('proof = ["pcr"]\nsources = ["sentinel"]', "3.1.2a"),
        ('proof = []\nmask = "terminal"', "3.1.2c"),
        ('proof = []\nmask = "attest"', "3.1.2c"),
        ('proof = []\nmask = "veto"', "3.1.2c"),
    ],
)
def test_a_rule_without_its_device_names_the_clause(bench: Bench, rule: str, clause: str) -> None:
    (found,) = lacking(bench, RULEBOOK.replace('proof = ["pcr"]', rule))
    assert clause in found


def test_an_exit_needs_no_sensor_of_any_rule(bench: Bench) -> None:
    bench.write('name = "B"', 'name = "B"\nfor = ["visitor"]')
    assert lacking(bench) == []


def test_the_rulebook_of_another_hall_is_refused(bench: Bench) -> None:
    assert "baoshan" in lacking(bench, RULEBOOK.replace('"baoshan"', '"other"'))[0]


def test_a_class_without_a_table_is_a_warning(bench: Bench) -> None:
    place = site.load(bench.write('for = ["visitor"]', 'for = ["visitor", "agent"]'))
    wrong, odd = site.lacks(place, book.parse(RULEBOOK.encode()))
    assert (wrong, [warning.key for warning in odd]) == ([], ["lane A.for[1]"])


def test_a_class_that_is_mistyped_is_told_with_its_file_and_the_right_word(bench: Bench) -> None:
    place = site.load(bench.write('for = ["visitor"]', 'for = ["visitr"]'))
    _, (warning, *_) = site.lacks(place, book.parse(RULEBOOK.encode()))
    told = "visitr has no table [class.visitr] in the rulebook: never admitted; did you mean visitor?"
    assert (warning.file, warning.line, warning.what) == (str(place.file), line_of('for = ["visitor"]'), told)


@pytest.mark.parametrize(("key", "value"), [("density_persons_max", 12), ("dwell_seconds", 60)])
def test_a_crowd_that_no_sensor_can_see_is_a_warning(bench: Bench, key: str, value: int) -> None:
    place = site.load(bench.site)
    for number, warned in ((value, ["lane.behind"]), (0, [])):
        _, odd = site.lacks(place, book.parse(f"{RULEBOOK}\n[flow]\n{key} = {number}\n".encode()))
        assert [warning.key for warning in odd] == warned
        assert all(warning.line == line_of("[[lane]]") for warning in odd), "the first of those that have none"


@pytest.mark.parametrize(
    ("flow", "warned"),
    [
        ("density_persons_max = 2", []),
        ("density_persons_max = 3", ["lane A.behind"]),
        ("dwell_seconds = 60\ndwell_persons = 3", []),
        ("dwell_seconds = 60\ndwell_persons = 4", ["lane A.behind"]),
        ("dwell_persons = 4", []),
    ],
)
def test_a_crowd_larger_than_the_sensor_behind_the_gate_can_tell_is_a_warning(
    bench: Bench, flow: str, warned: list[str]
) -> None:
    place = site.load(bench.site)
    lane = place.lanes[0]
    behind = site.DeviceSpec("behind", drivers.find("range_ld2450"), lane.devices["scanner"].settings)
    lanes = (dataclasses.replace(lane, devices={**lane.devices, "behind": behind}), *place.lanes[1:])
    _, odd = site.lacks(dataclasses.replace(place, lanes=lanes), book.parse(f"{RULEBOOK}\n[flow]\n{flow}\n".encode()))
    assert [warning.key for warning in odd] == warned


def test_a_way_that_ends_at_this_lane_is_a_warning(bench: Bench) -> None:
    """3.1.2d without a reader or without anybody to confirm, 3.1.2e without anybody who hears it."""
    elder = '\n[class.elder]\nbooking = "required"\nproof = ["pcr"]\nage_from = 60\n[assisted]\nclasses = ["elder"]\n'
    rules = book.parse((RULEBOOK.replace('["visitor"]', '["visitor", "elder"]') + elder).encode())
    place = site.load(bench.write('for = ["visitor"]', 'for = ["visitor", "elder"]'))
    lane = place.lanes[0]
    with_reader = {**lane.devices, "identity": lane.devices["scanner"]}
    for devices, hub, named in (
        (lane.devices, place.hub, ["lane A"]),
        (with_reader, place.hub, []),
        (with_reader, None, ["lane A", "lane.buzzer"]),
    ):
        made = dataclasses.replace(place, hub=hub, lanes=(dataclasses.replace(lane, devices=devices), place.lanes[1]))
        assert [warning.key for warning in site.lacks(made, rules)[1]] == named


@pytest.mark.parametrize("lanes", [0, 1])
def test_a_class_that_needs_a_wide_lane_needs_one_at_this_device(bench: Bench, lanes: int) -> None:
    rules = book.parse(RULEBOOK.replace("[class.visitor]", "[class.visitor]\nwide = true").encode())
    place = site.load(
        bench.write(text=SITE.replace('name = "A"', f'name = "A"\nwide = {"true" if lanes else "false"}'))
    )
    assert ["3.1.1c" in mistake.what for mistake in site.lacks(place, rules)[0]] == [True] * (1 - lanes)


def test_a_zone_needs_its_number_in_the_rulebook(bench: Bench) -> None:
    place = site.load(bench.write(text=ZONED))
    wrong, _ = site.lacks(place, book.parse(f"{RULEBOOK}\n[zone.b1]\nlimit_persons = 9\n".encode()))
    told = f"{place.file}:{line_of('zones = ', ZONED)}: rights.zones[1]: the rulebook has no [zone.b2]: nobody could go there"
    assert [str(one) for one in wrong] == [told]


def test_a_lane_into_a_limited_zone_needs_that_this_device_counts_there(bench: Bench) -> None:
    """It would let in anybody: the lane's zone alone is only a word for staff badges (3.1.4b)."""
    place = site.load(bench.write('direction = "in"', 'direction = "in"\nfrom = "hall"\nzone = "b1"'))
    limited = f"{RULEBOOK}\n[zone.b1]\nlimit_persons = 9\n".encode()
    told = [str(one) for one in site.lacks(place, book.parse(limited))[0]]
    assert any("lane A.zone: the rulebook limits zone b1" in one and "[rights]" in one for one in told)
    assert not any("zone b1" in str(one) for one in site.lacks(place, book.parse(RULEBOOK.encode()))[0])


def test_a_round_that_no_button_of_its_lane_can_sign_is_worth_a_warning(bench: Bench) -> None:
    round_at = '[[rounds.point]]\nname = "handles"\nevery_minutes = 120\nlane = "A"\n'
    place = site.load(bench.site)
    for more, wanted in ((round_at, ["lane A"]), (round_at + 'device = "elsewhere"\n', [])):
        odd = site.lacks(place, book.parse(f"{RULEBOOK}\n{more}".encode()))[1]
        assert [one.key for one in odd if "the round handles" in one.what and "no button" in one.what] == wanted


def test_inside_the_hall_nobody_is_asked_for_a_health_proof_again(bench: Bench) -> None:
    asking = book.parse(RULEBOOK.replace("temperature_max_c", 'mask = "attest"\ntemperature_max_c').encode())
    assert "attest" in str(site.lacks(site.load(bench.site), asking)[0])
    within = bench.write('direction = "in"', 'direction = "in"\nfrom = "hall"')
    assert site.lacks(site.load(within), asking)[0] == []


def odd(bench: Bench, more: str) -> list[str]:
    """The keys of the warnings that the rulebook with `more` in it adds."""
    place = site.load(bench.site)
    before = {str(one) for one in site.lacks(place, book.parse(RULEBOOK.encode()))[1]}
    found = site.lacks(place, book.parse(f"{RULEBOOK}\n{more}".encode()))[1]
    return [one.key for one in found if str(one) not in before]


def test_a_limit_that_follows_the_air_needs_a_sensor_at_the_bank(bench: Bench) -> None:
    step = "[[air.step]]\nco2_ppm = 1000\nlimit_percent = 50\n"
    assert odd(bench, step) == ["lane.air"] and odd(bench, "[air]\nalarm_ppm = 1000\n") == []
    sensor = '[lane.air]\ndriver = "air_scd41"\nport = "/dev/i2c-1"\n'
    bench.write(text=SITE + sensor)
    assert odd(bench, step) == []
    bench.write("bank = true", "bank = false")
    assert odd(bench, step) == [], "another device mints it"


def test_a_dispenser_and_its_item_need_each_other(bench: Bench) -> None:
    item = '[[supplies.item]]\nname = "gel"\nfull_units = 9\nlane = "B"\n'
    assert odd(bench, item) == ["lane B"], "nothing at the lane counts it"
    place = site.load(bench.write(text=SITE + '[lane.dispenser]\ndriver = "contact_switch"\npin = 12\n'))
    told = [one.what for one in site.lacks(place, book.parse(RULEBOOK.encode()))[1] if one.key == "lane B"]
    assert len(told) == 1 and "supplies.item" in told[0]
    told = [one.what for one in site.lacks(place, book.parse(f"{RULEBOOK}\n{item}".encode()))[1]]
    assert not [what for what in told if "3.1.6" in what]


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ('proof = ["antigen"]\nantigen_days = 2', "3.1.4a"),
        ('proof = ["antigen"]\nantigen_days = 1', ""),
        ('proof = ["pcr"]\nsame_person = true', "3.1.2b"),
        ('proof = ["pcr"]', ""),
    ],
)
def test_what_only_the_halls_key_can_match_is_pointed_at_where_there_is_none(
    bench: Bench, rule: str, clause: str
) -> None:
    rules = book.parse(RULEBOOK.replace('proof = ["pcr"]', rule, 1).encode())
    with_key = site.load(bench.site)
    assert [odd for odd in site.lacks(with_key, rules)[1] if odd.key == "trust.hall_key"] == []
    without = site.load(bench.write('hall_key = "hall.key"', ""))
    told = [odd for odd in site.lacks(without, rules)[1] if odd.key == "trust.hall_key"]
    assert [clause in odd.what for odd in told] == ([True] if clause else [])
    assert all(odd.line for odd in told)
