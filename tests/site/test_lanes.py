"""From a lane of a site file to what judgement knows of it, and to the wires its devices share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from firmware import lanes, site
from firmware.rulebook.book import parse
from tests.site.conftest import RULEBOOK, SITE, Bench

NOT_THERE = {
    "passage_sensor": False, "beams": False, "gate_confirms": False, "range_sensor": False, "button": False,
    "behind_sensor": False, "route_light": False, "buzzer": False, "hatch": False, "wide": False, "terminal": False,
    "air": False, "thermometer": False,
}  # fmt: skip
COUNTER = '[lane.counter]\ndriver = "counter_beam_pair"\npins = { outside = 17, inside = 27 }\n'
TERMINAL = '[lane.terminal]\ndriver = "terminal_http"\nlisten = "127.0.0.1:8088"\n'


def known(bench: Bench, more: str = "") -> list[dict[str, Any]]:
    text = SITE.replace("[lane.fire_loop]", more + "[lane.fire_loop]", 1)
    return [msgspec.structs.asdict(lanes.setup(lane)) for lane in site.load(bench.write(text=text)).lanes]


def test_judgement_knows_each_lane_as_it_is_written(bench: Bench) -> None:
    first, second = known(bench)
    assert {key: first[key] for key in NOT_THERE} == {**NOT_THERE, "thermometer": True}
    assert {key: second[key] for key in NOT_THERE} == {**NOT_THERE, "button": True}
    told = [
        (one["name"], one["direction"], one["escape_way"], one["fails_open"], one["classes"]) for one in (first, second)
    ]
    assert told == [("A", "in", False, False, ("visitor",)), ("B", "out", True, True, ("visitor",))]
    assert (first["askers"], second["askers"]) == (("scanner",), ("button",))


@pytest.mark.parametrize(
    ("more", "keys"),
    [
        (COUNTER, {"passage_sensor", "beams"}),
        ('[lane.range]\ndriver = "range_ld2450"\nport = "/dev/ttyAMA3"\n', {"range_sensor"}),
        ('[lane.behind]\ndriver = "range_ld2450"\nport = "/dev/ttyAMA3"\n', {"behind_sensor"}),
        ('[lane.button]\ndriver = "contact_switch"\npin = 5\n', {"button"}),
        ('[lane.route_light]\ndriver = "light_pin"\npin = 5\n', {"route_light"}),
        ('[lane.buzzer]\ndriver = "buzzer_pin"\npin = 5\n', {"buzzer"}),
        ('[lane.air]\ndriver = "air_mh_z19b"\nport = "/dev/ttyAMA3"\n', {"air"}),
        (TERMINAL, {"terminal"}),
    ],
)
def test_a_device_that_hangs_at_a_lane_is_known_there_alone(bench: Bench, more: str, keys: set[str]) -> None:
    first, second = known(bench, more)
    assert {key for key in NOT_THERE if first[key]} == {"thermometer", *keys}
    assert {key for key in NOT_THERE if second[key]} == {"button"}


def test_a_gate_that_tells_who_went_through_is_a_passage_sensor(bench: Bench) -> None:
    text = SITE.replace(
        '"gate_relay_lcus"\nport = "/dev/ttyUSB0"\nchannel = 1', '"gate_board_fe"\nport = "/dev/ttyUSB1"'
    )
    first, second = [lanes.setup(lane) for lane in site.load(bench.write(text=text)).lanes]
    assert (first.gate_confirms, first.passage_sensor, first.beams) == (True, True, False)
    assert (second.gate_confirms, second.passage_sensor) == (False, False)


def wired(bench: Bench, more: str = "") -> tuple[dict[tuple[str, str], Any], Any, list[list[tuple[str, str]]]]:
    text = SITE.replace("[lane.fire_loop]", more + "[lane.fire_loop]", 1)
    plugs: Any = SimpleNamespace(open=lambda lane, spec: SimpleNamespace(fileno=lambda: -1))
    verify: Any = SimpleNamespace(identity="identity", shown="shown")
    found = lanes.cables(
        site.load(bench.write(text=text)), plugs, verify, parse(RULEBOOK.encode() + b"[spacing]\nminimum_mm = 1500\n")
    )
    lines = {(line.lane, line.role): line for cable in found for line in cable.lines}
    return lines, verify, [[(line.lane, line.role) for line in cable.lines] for cable in found]


def test_who_shares_a_wire_shares_a_cable_and_nobody_else_does(bench: Bench) -> None:
    _, _, shared = wired(bench)
    assert shared == [
        [("A", "scanner")], [("A", "thermometer")], [("A", "gate"), ("B", "gate")],
        [("A", "fire_loop"), ("B", "fire_loop")], [("B", "button")],
    ]  # fmt: skip


def test_a_line_has_what_its_device_needs_to_be_understood(bench: Bench) -> None:
    behind = '[lane.behind]\ndriver = "range_ld2450"\nport = "/dev/ttyAMA3"\n'
    lines, verify, _ = wired(bench, COUNTER + TERMINAL + behind)
    assert lines["A", "scanner"].verify is verify and lines["A", "scanner"].identify == "identity"
    assert lines["A", "terminal"].verify is verify and lines["A", "terminal"].shown == "shown"
    assert lines["A", "scanner"].shown is None and lines["A", "thermometer"].verify is None
    assert (lines["A", "gate"].counts, lines["B", "gate"].counts) == (False, True), "beams count where there are some"
    assert lines["A", "behind"].zone == "hall" and lines["A", "behind"].spacing is not None
    assert lines["A", "scanner"].spacing is None
