"""What every gate promises, whatever is ordered in whatever order: no opening without an order, none without an end.

A day is a list of steps drawn at random. Elapsed time runs between them, sometimes without `tick` (a slow loop), the
cable is pulled and comes back, noise arrives. The simulated device at the far end says how the gate really stands.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.actions import GateClose, GateFree, GateOpen
from firmware.outputs import gate_relay_lcus, gate_relay_modbus, gate_relay_pin
from firmware.outputs.relay import PULSE_MAX_MS
from tests.outputs.bench import CLOSE, FREE, Bench, opening

RELAYS: dict[str, tuple[str, Any, str]] = {
    "pin": ("gate_relay_pin", gate_relay_pin.Settings(), "closed"),
    "pin, active low": ("gate_relay_pin", gate_relay_pin.Settings(active_high=False), "closed"),
    "pin, held shut by current": ("gate_relay_pin", gate_relay_pin.Settings(energised="closed"), "open"),
    "lcus": ("gate_relay_lcus", gate_relay_lcus.Settings(), "closed"),
    "lcus, fails open": ("gate_relay_lcus", gate_relay_lcus.Settings(), "open"),
    "lcus that answers": ("gate_relay_lcus", gate_relay_lcus.Settings(asks_state=True), "closed"),
    "modbus": ("gate_relay_modbus", gate_relay_modbus.Settings(), "closed"),
    "modbus that is asked": ("gate_relay_modbus", gate_relay_modbus.Settings(asks_state=True), "closed"),
    "modbus, held shut by current": ("gate_relay_modbus", gate_relay_modbus.Settings(energised="closed"), "open"),
}
every_relay = pytest.mark.parametrize("relay", RELAYS)

LATE_MS = 700
"""A Modbus flash: rounded up by 100 ms, begun as late as one repeated order; a coil put right at the next question."""

orders = st.one_of(
    st.builds(opening, st.integers(-10, 3_000), st.sampled_from(["in", "out", "both"]), st.integers(1, 3)),
    st.just(CLOSE),
    st.just(FREE),
)
waits = st.one_of(st.integers(0, 50), st.integers(0, 2_000)).map(lambda ms: ("run", ms))
steps = st.one_of(
    orders.map(lambda order: ("order", order)),
    waits,
    st.integers(0, 1_500).map(lambda ms: ("stall", ms)),
    st.just(("replug", None)),
)
days = st.lists(steps, max_size=25)


class Day:
    """Plays the steps and keeps its own, simpler books of when the gate may be open at most."""

    def __init__(self, relay: str) -> None:
        self.bench = Bench(*RELAYS[relay])
        self.free = False
        self.until_ms = 0.0
        self.bench.start()
        self.bench.order(CLOSE)  # into service: a relay that fails open is left alone until its first order
        self.bench.run(1_000)

    def step(self, kind: str, what: Any) -> None:
        if kind == "order":
            self._book(what)
            self.bench.order(what)
        elif kind == "run":
            self.bench.run(what)
        elif kind == "stall":
            self.bench.now_ms += what
        else:
            self.bench.replug()

    def _book(self, order: Any) -> None:
        if isinstance(order, GateFree):
            self.free = True
        elif isinstance(order, GateClose):
            self.free, self.until_ms = False, 0.0
        elif isinstance(order, GateOpen) and order.pulse_ms > 0 and not self.free:
            self.until_ms = max(self.until_ms, self.bench.now_ms + order.pulse_ms)

    @property
    def is_open(self) -> bool:
        return bool(self.bench.far.is_open(self.bench.now_ms))


@every_relay
@given(day=days)
@settings(max_examples=120, deadline=None)
def test_every_opening_ends_unless_the_gate_is_free(relay: str, day: list[tuple[str, Any]]) -> None:
    played = Day(relay)
    for kind, what in day:
        played.step(kind, what)
    played.bench.run(max(0.0, played.until_ms - played.bench.now_ms) + LATE_MS)
    if played.free:
        played.bench.run(2_000)
        assert played.is_open
        played.bench.run(10_000)
        assert played.is_open
    else:
        assert not played.is_open
        played.bench.sent.clear()
        played.bench.run(PULSE_MAX_MS)
        assert not played.is_open


@every_relay
@given(day=days)
@settings(max_examples=120, deadline=None)
def test_a_gate_is_open_only_while_an_order_says_so(relay: str, day: list[tuple[str, Any]]) -> None:
    played = Day(relay)
    for kind, what in day:
        played.step(kind, what)
        late_ms = LATE_MS if relay.startswith("modbus") else 0
        if kind == "run" and what >= late_ms:  # the encoder had its say, and the board time to answer
            assert not played.is_open or played.free or played.bench.now_ms <= played.until_ms + late_ms


@every_relay
@given(noise=st.lists(st.tuples(st.integers(0, 1_000), st.binary(max_size=30)), max_size=10))
@settings(max_examples=60, deadline=None)
def test_no_noise_opens_a_gate(relay: str, noise: list[tuple[int, bytes]]) -> None:
    played = Day(relay)
    for wait_ms, raw in noise:
        played.bench.run(wait_ms)
        played.bench.feed(raw)
        assert not played.is_open
    played.bench.run(60_000)
    assert not played.is_open


@given(day=days, pushes=st.lists(st.sampled_from(["in", "out"]), max_size=10))
@settings(max_examples=120, deadline=None)
def test_a_tripod_opens_for_no_more_people_than_were_ordered(day: list[tuple[str, Any]], pushes: list[Any]) -> None:
    from sensors.readings import GatePassed

    bench = Bench("gate_board_fe")
    people = iter(pushes)
    allowed = {1: 0, 2: 0}
    for kind, what in day:
        if kind == "order" and not isinstance(what, GateFree):
            bench.order(what)
            if isinstance(what, GateOpen) and what.pulse_ms > 0:
                for side in {"in": (1,), "out": (2,), "both": (1, 2)}[what.way]:
                    allowed[side] += what.persons
        elif kind == "run":
            bench.run(what)
            if (way := next(people, None)) and bench.far.is_open(way=way):
                bench.show(GatePassed(way))
                bench.run(1)
        elif kind == "replug":
            bench.replug()
    bench.run(600_000)
    for side, persons in allowed.items():
        assert len([raw for raw in bench.sent if raw[2] == side]) <= persons
    bench.sent.clear()
    bench.run(600_000)
    assert bench.sent == []
