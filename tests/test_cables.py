"""What a device says all at once, and for ever: at most so much of it becomes events, and nobody's code is lost in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.cables import (
    NOISE_BURST,
    PILE_MAX,
    RECOVERIES_BURST,
    VERDICTS_BURST,
    VERDICTS_PER_S,
    Cable,
    Line,
)
from firmware.clock import Clock
from firmware.core.events import AnyEvent, CodeRead, DeviceHealth, TerminalSaid
from firmware.core.facts import Booking, Unproved
from firmware.core.trust_list import parse
from firmware.ports.serial_line import SerialPort
from firmware.simulation.issuer import Issuer
from firmware.trust.verification import Verifier
from sensors import scanner_text_line
from sensors.readings import Ready, Refused, Scan, Secret, TerminalVerdict
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
