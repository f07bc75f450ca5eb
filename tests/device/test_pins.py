"""A device whose beams, fire loop and relay hang on pins, driven from outside over the pins' socket."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import wait_until
from tests.device.bench import OFF, ON, Bench, bench
from tests.device.far_pins import BACK, FIRE, IN, INSIDE, OUT, OUTSIDE, PINS, FarPins
from tests.side.hall import answers

KEY_PIN = 23
KEY = f"""
[lane.release_key]
driver = "contact_switch"
pin = {KEY_PIN}
normally = "open"
"""


def started(gate: Bench, folder: Path, *more: int) -> FarPins:
    """Beams free and no fire; each of `more` is low, too."""
    gate.environment["HALLGATE_PINS"] = f"unix:{folder}/pins"
    gate.start()
    pins = FarPins(folder / "pins")
    for pin in (OUTSIDE, INSIDE, FIRE, *more):
        pins.set(pin, 0)
    return pins


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Bench, FarPins]]:
    with bench(tmp_path, lane=PINS, grant=3) as gate:
        pins = started(gate, tmp_path)
        time.sleep(0.3)
        yield gate, pins
        pins.socket.close()


def passages(gate: Bench, wanted: int) -> list[dict[str, Any]]:
    end = time.monotonic() + 20
    while len(found := [r for r in gate.records() if r["kind"] == "passage"]) < wanted:
        assert time.monotonic() < end, (gate.records(), gate.errors)
        time.sleep(0.05)
    return found


def test_a_passage_is_confirmed_by_the_beams(made: tuple[Bench, FarPins]) -> None:
    gate, pins = made
    booking = gate.booking()
    gate.scan(booking)
    gate.relay.expect(ON)
    pins.walk(*BACK)
    time.sleep(3.5)
    gate.scan(booking)
    gate.relay.expect(ON)
    pins.walk(*IN)
    found = passages(gate, 1)
    assert [(p["direction"], p["expected"], p["assumed"], p["inside"]) for p in found] == [("in", True, False, 1)]
    pins.walk(*IN)
    assert passages(gate, 2)[1]["expected"] is False
    assert [r["alarm"] for r in gate.records() if r["kind"] == "alarm"] == ["tailgate"]
    pins.walk(*OUT)
    assert passages(gate, 3)[2]["direction"] == "out"
    gate.stop()
    assert gate.replay().returncode == 0


def test_whoever_ends_the_firmware_shuts_the_gate_on_nobody(made: tuple[Bench, FarPins]) -> None:
    gate, pins = made
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    pins.set(OUTSIDE, 1, then_s=0.1)
    assert gate.process is not None
    gate.process.send_signal(signal.SIGTERM)
    gate.relay.silent(1.5, OFF)
    pins.walk(*IN[1:])
    gate.relay.expect(OFF)
    assert gate.ended() == 0


def test_nor_where_the_responders_key_held_it(tmp_path: Path) -> None:
    """Such a gate stands open without an end that anybody ordered."""
    with bench(tmp_path, lane=PINS + KEY) as gate:
        pins = started(gate, tmp_path, KEY_PIN)
        gate.relay.expect(ON)
        pins.set(OUTSIDE, 1, then_s=0.2)
        assert gate.process is not None
        gate.process.send_signal(signal.SIGTERM)
        gate.relay.silent(1.5, OFF)
        pins.walk(*IN[1:])
        gate.relay.expect(OFF)
        assert gate.ended() == 0


def test_an_exit_with_beams_stays_shut_when_its_scanner_is_gone_and_opens_to_who_steps_up(tmp_path: Path) -> None:
    with bench(tmp_path, direction="out", lane=PINS) as gate:
        pins = started(gate, tmp_path)
        gate.relay.heard = b""
        gate.scanner.unplug()
        gate.relay.silent(4, ON)
        pins.set(INSIDE, 1)
        gate.relay.expect(ON)
        gate.scanner.plug()


def test_what_was_left_in_the_gate_keeps_nobody_from_ending(made: tuple[Bench, FarPins]) -> None:
    gate, pins = made
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    pins.set(OUTSIDE, 1, then_s=0.1)
    assert gate.stop() == 0
    gate.relay.expect(OFF)


def test_alone_a_door_lets_in_as_many_as_it_holds_and_one_for_each_it_saw_leave(tmp_path: Path) -> None:
    """O9 of the hall-wide limit: no hub, no other door, a lane for both ways."""
    with bench(tmp_path, lane=PINS, direction="both", limit=2, pulse=50) as gate:
        pins = started(gate, tmp_path)

        def asks(so_many_got_in: int) -> bool:
            """Somebody shows a code and is answered; or is let in without, who stood there as the place came."""
            told = len(answers(gate))
            gate.scan(gate.booking())
            wait_until(lambda: len(answers(gate)) > told)
            return answers(gate).count("admit") == so_many_got_in

        for walked in range(2):
            assert asks(walked + 1)
            pins.walk(*IN)
            passages(gate, walked + 1)
        for left in range(2):
            assert asks(2 + left), "nobody more than were let in"
            pins.walk(*OUT)
            passages(gate, 3 + 2 * left)
            wait_until(lambda left=left: asks(3 + left), every_s=0.3)  # type: ignore[misc]
            pins.walk(*IN)
            passages(gate, 4 + 2 * left)
        assert asks(4) and passages(gate, 6)[-1]["inside"] == 2
        pins.socket.close()
        gate.stop()
        assert gate.replay().returncode == 0


def test_the_gate_stays_open_while_the_passage_is_blocked(made: tuple[Bench, FarPins]) -> None:
    gate, pins = made
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    pins.set(OUTSIDE, 1)
    gate.relay.silent(2.0, OFF)
    pins.walk((INSIDE, 1), (OUTSIDE, 0), (INSIDE, 0))
    gate.relay.expect(OFF)


def test_a_cut_fire_loop_opens_without_a_decision(made: tuple[Bench, FarPins]) -> None:
    gate, pins = made
    pins.set(FIRE, 1)
    gate.relay.expect(ON)
    pins.set(FIRE, 0)
    gate.relay.silent(1.0, OFF)
    assert [r["alarm"] for r in gate.records() if r["kind"] == "alarm"] == ["fire"]
    assert not [r for r in gate.records() if r["kind"] == "decision"]


def test_who_ends_and_starts_the_process_in_a_fire_shuts_nobody_in(made: tuple[Bench, FarPins]) -> None:
    """An entry that fails closed: not at SIGTERM, not at the next start, and the record goes on."""
    gate, pins = made
    pins.set(FIRE, 1)
    gate.relay.expect(ON)
    assert gate.stop() == 0
    gate.relay.silent(0.2, OFF)
    pins.socket.close()
    gate.start()
    assert OFF not in gate.relay.expect(ON)
    gate.relay.silent(0.3, OFF)
    gate.stop()
    assert gate.replay().returncode == 0
