"""What a device says all at once, and for ever: at most so much of it becomes events, and nobody's code is lost in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.cables import (
    GARBLED_EVERY_MS,
    NOISE_BURST,
    PILE_MAX,
    RECOVERIES_BURST,
    VERDICTS_BURST,
    VERDICTS_PER_S,
    Cable,
    Line,
)
from firmware.clock import Clock
from firmware.core.events import AnyEvent, CodeRead, Crossed, DeviceHealth, SpacingSeen, TerminalSaid, TurnedAway
from firmware.core.facts import Booking, Unproved
from firmware.core.trust_list import parse
from firmware.ports.serial_line import SerialPort
from firmware.simulation.issuer import Issuer
from firmware.trust.verification import Verifier
from sensors import scanner_text_line
from sensors.driver import Send
from sensors.readings import (
    Crossing,
    Gap,
    Garbled,
    GatePassed,
    GateTimedOut,
    Ready,
    Refused,
    Scan,
    Secret,
    Silent,
    TerminalVerdict,
)
from sensors.thinning import SpacingDigest
from tests.device.bench import Far

ISSUER = Issuer.new("baoshan")
GOOD = ISSUER.booking(1_000, 2_000).encode()


@pytest.fixture
def line() -> Line:
    verify = Verifier(Clock(), parse(ISSUER.trust_jwks()), None, "baoshan")
    speaker = scanner_text_line.Decoder(scanner_text_line.Settings())
    return Line("A", "scanner", "scanner_text_line", speaker, verify=verify)


@pytest.fixture
def wire(tmp_path: Path, line: Line) -> Iterator[tuple[Far, Cable]]:
    far = Far(tmp_path / "scanner")
    port = SerialPort(str(far.link), 9_600, Clock())
    cable = Cable(port, [line])
    cable.fd = port.fileno()
    yield far, cable
    port.close()
    far.unplug()


def test_of_a_pile_of_junk_a_few_are_answered_and_the_good_code_behind_it_is_not_lost(wire: tuple[Far, Cable]) -> None:
    far, cable = wire
    far.write(b"".join(b"junk %d\r" % number for number in range(100)) + GOOD + b"\r")
    events = [event for event, _ in cable.read()]
    facts = [event.fact for event in events if isinstance(event, CodeRead)]
    assert [type(fact) for fact in facts] == [Unproved] * PILE_MAX + [Booking]
    assert [event.state for event in events if isinstance(event, DeviceHealth)] == ["garbled"]


def test_one_by_one_every_wrong_code_is_answered(wire: tuple[Far, Cable]) -> None:
    far, cable = wire
    for number in range(3 * PILE_MAX):
        far.write(b"https://example.org/%d\r" % number)
        assert [type(event) for event, _ in cable.read()] == [CodeRead]


def test_verdicts_faster_than_people_come_stay_out_of_the_journal(line: Line) -> None:
    """A terminal's address is on the network: whoever reaches it must not write the journal full."""
    line.shown = line.verify.shown if isinstance(line.verify, Verifier) else None
    told = [line.mean(TerminalVerdict("green", shown=Secret(str(n))), n * 10.0) for n in range(1_000)]
    said = [event for event in told if isinstance(event, TerminalSaid)]
    assert VERDICTS_BURST <= len(said) <= VERDICTS_BURST + 10 * VERDICTS_PER_S + 1
    assert [event.state for event in told if isinstance(event, DeviceHealth)] == ["garbled"]
    assert isinstance(line.mean(TerminalVerdict("green"), 11_000.0), TerminalSaid), "the next person's is heard"
    forged = [line.mean(Scan(b"HP1:FORGED%d" % n, read_by="terminal"), 12_000.0 + n) for n in range(1_000)]
    assert sum(isinstance(event, CodeRead) for event in forged) < 10
    assert isinstance(line.mean(Scan(GOOD, read_by="terminal"), 13_000.0), CodeRead), (
        "who proves something is let through"
    )


def test_what_is_no_code_at_all_for_hours_stays_out_of_the_journal(line: Line) -> None:
    noise = Unproved(sha256="0" * 16, because="unknown_format")
    forged = Unproved(sha256="1" * 16, because="bad_signature", looks_like="booking")

    def babbled(fact: Unproved, t_ms: float) -> bool:
        line.piled = 0
        return line.babbles(fact, t_ms)

    assert not any(babbled(noise, 0.0) for _ in range(NOISE_BURST))
    assert babbled(noise, 0.0) and not babbled(forged, 0.0)
    assert not babbled(noise, 1_000.0), "who shows a wrong code afterwards is answered again"


def states(told: list[AnyEvent | None]) -> list[str]:
    return [event.state for event in told if isinstance(event, DeviceHealth)]


def test_a_device_that_falls_ill_and_recovers_all_the_time_does_not_write_the_journal_full(
    wire: tuple[Far, Cable], line: Line
) -> None:
    _, cable = wire
    told = [line.mean(Refused("spoilt") if n % 2 == 0 else Ready("x"), n * 1.0) for n in range(10_000)]
    assert len(states(told)) <= 2 * (RECOVERIES_BURST + 2) and states(told)[-1] == "refused"
    due = cable.wake_at_ms()
    assert line.well_at_ms is not None and due is not None and due <= line.well_at_ms
    assert cable.tick(line.well_at_ms - 1) == []
    assert [event for event, _ in cable.tick(line.well_at_ms)] == [DeviceHealth(lane="A", device="scanner", state="ok")]
    assert (line.state, line.well_at_ms, cable.tick(1e9)) == ("ok", None, [])


def test_a_recovery_that_was_held_back_is_not_told_of_a_device_that_is_ill_again(
    wire: tuple[Far, Cable], line: Line
) -> None:
    _, cable = wire
    for n in range(1_000):
        line.mean(Ready("x") if n % 2 else Refused("spoilt"), n * 1.0)
    assert line.well_at_ms is not None
    assert line.mean(Refused("spoilt"), 1_001.0) is None and line.well_at_ms is None
    assert cable.tick(1e9) == [] and line.state == "refused"
    assert states([line.mean(Ready("x"), 1e9)]) == ["ok"]


# ---------------------------------------------------------------- what a reading means at its lane


@pytest.mark.parametrize(
    ("reading", "counted"),
    [
        (Crossing("in", transit_ms=400.7), Crossed(lane="A", direction="in", transit_ms=400)),
        (Crossing("out", transit_ms=400.7), Crossed(lane="A", direction="out", transit_ms=400)),
        (Crossing("in", assumed=True), Crossed(lane="A", direction="in")),
        (Crossing("out", assumed=True), None),
    ],
)
def test_an_exit_that_was_only_guessed_gives_no_place_back_and_an_entry_takes_one(
    line: Line, reading: Crossing, counted: Crossed | None
) -> None:
    assert line.mean(reading, 0.0) == counted


@pytest.mark.parametrize("counts", [True, False])
def test_a_body_that_gate_and_beams_both_see_is_one(line: Line, counts: bool) -> None:
    line.counts = counts
    passed = Crossed(lane="A", direction="in", by="gate") if counts else None
    assert line.mean(GatePassed("in"), 0.0) == passed


@pytest.mark.parametrize(("direction", "side"), [("in", "outside"), ("out", "inside")])
def test_who_let_a_gate_wait_stayed_where_they_were(line: Line, direction: Any, side: str) -> None:
    told = line.mean(GateTimedOut(direction), 0.0)
    assert isinstance(told, TurnedAway) and (told.side, told.by) == (side, "gate")


@pytest.mark.parametrize(
    ("hours", "minutes"), [(None, None), (0.0, 0), (72.0, 4_320), (72.001, 4_321), (4.15, 249), (47.99, 2_880)]
)
def test_no_sample_is_made_younger_than_the_terminal_said(line: Line, hours: float | None, minutes: int | None) -> None:
    line.shown = lambda _: ("", None)
    told = line.mean(TerminalVerdict("green", pcr="negative", sampled_age_hours=hours), 0.0)
    assert isinstance(told, TerminalSaid) and told.sampled_age_minutes == minutes


def test_a_device_that_babbles_is_told_of_every_ten_seconds_with_all_it_cost(line: Line) -> None:
    told = [line.mean(Garbled(3, "noise"), t_ms * 1.0) for t_ms in range(0, GARBLED_EVERY_MS + 1, 1_000)]
    said = [event.because for event in told if isinstance(event, DeviceHealth)]
    assert said == ["3 bytes dropped: noise", "33 bytes dropped: noise"]


def test_a_complaint_of_its_port_is_no_sign_of_life_of_a_device(line: Line) -> None:
    line.mean(Silent(30_000.0), 5.0)
    line.mean(Refused("no"), 6.0)
    assert line.seen_ms is None
    line.mean(Ready("x"), 7.0)
    assert line.seen_ms == 7.0


# ---------------------------------------------------------------- when a language is given its time


class Clockwork:
    """A language that wants its time at `wake_at_ms`, and then says `hello`."""

    def __init__(self, wake_at_ms: float | None) -> None:
        self.wake_at_ms = wake_at_ms

    def tick(self, t_ms: float) -> list[Any]:
        self.wake_at_ms = None
        return [Send(b"hello"), Refused("asked")]


def test_each_language_on_a_cable_has_its_time_when_it_asked_for_it_and_while_it_is_plugged_in() -> None:
    written: list[bytes] = []
    port: Any = SimpleNamespace(write=written.append)
    lines = [Line("A", "gate", "x", Clockwork(wake)) for wake in (300.0, None, 200.0)]
    cable = Cable(port, lines, fd=0, tend_ms=900.0)
    assert cable.wake_at_ms() == 200.0
    assert cable.tick(199.9) == [] and not cable.wrote
    assert [event.state for event, _ in cable.tick(200.0) if isinstance(event, DeviceHealth)] == ["refused"]
    assert (written, cable.wrote, cable.wake_at_ms()) == ([b"hello"], True, 300.0)
    cable.fd = -1
    assert cable.tick(10_000.0) == [] and cable.wake_at_ms() == 900.0


def test_spacing_that_has_settled_is_told_though_nothing_more_is_seen() -> None:
    digest = SpacingDigest(minimum_mm=2_000, settle_ms=300.0)
    line = Line("A", "range", "x", Clockwork(None), spacing=digest, zone="queue")
    cable = Cable(SimpleNamespace(), [line], fd=0, tend_ms=None)  # type: ignore[arg-type]
    assert line.mean(Gap(1_200), 1_000.0) is None
    due = cable.wake_at_ms()
    assert due is not None and cable.tick(due - 1) == []
    assert cable.tick(due) == [(SpacingSeen(lane="A", persons=2, gap_mm=1_200, zone="queue", links_mm=(1_200,)), due)]
    assert cable.tick(due + 10_000) == [] and line.mean(Gap(1_200), due + 20_000) is None
