"""How a door begins and ends in this process: hands at rest, the rulebook it goes by, its clock, and its line to the hub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.bench import OFF, ON, Bench, bench
from tests.device.turned import NOWHERE, Turned


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path / "gate", hub=NOWHERE) as made:
        yield made


def test_a_gate_that_is_shut_without_us_is_ordered_shut_at_the_start_and_at_the_end(gate: Bench) -> None:
    door = Turned(gate)
    gate.relay.expect(OFF)
    door.device.close()
    gate.relay.expect(OFF)
    assert ON not in gate.relay.heard


def test_a_bank_that_was_never_here_looks_for_its_hall_first_and_at_the_end_its_line_is_closed(gate: Bench) -> None:
    door = Turned(gate)
    assert door.device.hub is not None
    line = door.device.hub.link.connection._thread
    assert line.is_alive()
    door.device.close()
    assert not line.is_alive()
    door.start()
    assert not door.device.hub.link.connection._thread.is_alive(), "one that was here goes by its journal until it runs"
    door.device.close()


def test_the_rulebook_in_force_is_no_news_and_an_older_one_is_not_taken(
    gate: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.write_rulebook(serial=3, limit=50)
    door = Turned(gate)
    state = door.device.controller.state
    assert (state.rulebook_serial, state.rights.free, door.device.verify.zone) == (3, 50, door.device.controller.zone)
    assert str(door.device.verify.zone) == "Asia/Shanghai"
    capsys.readouterr()
    for serial, limit, in_force, told in (
        (3, 50, (3, 50), ""),
        (2, 40, (3, 50), "is not taken: serial 3 is in force"),
        (3, 40, (3, 50), "is not taken: serial 3 is in force"),
        (4, 30, (4, 30), ""),
    ):
        gate.write_rulebook(serial=serial, limit=limit)
        door.again()
        state, book = door.device.controller.state, door.device.controller.rulebook
        assert book is not None and (state.rulebook_serial, book.limit_persons) == in_force
        said = [line for line in capsys.readouterr().err.splitlines() if "serial" in line]
        assert len(said) == bool(told) and told in "".join(said)
    door.device.close()


def test_a_door_without_a_rulebook_says_so_and_lets_nobody_in(gate: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    gate.site.write_text(gate.site.read_text().replace('[rulebook]\nfile = "rulebook.toml"\n', ""))
    door = Turned(gate)
    assert "names no rulebook" in capsys.readouterr().err
    assert door.device.controller.rulebook is None
    door.device.close()


def test_a_clock_is_looked_at_every_second(gate: Bench) -> None:
    door = Turned(gate)
    assert door.device.clock.trusted
    for because in ("it ran away", ""):
        door.device.judge.doubt = lambda because=because: because  # type: ignore[method-assign, misc]
        looks = 0
        while door.device.clock.trusted is bool(because):
            door.passes(100)
            looks += 1
            assert looks <= 11
    door.device.close()
