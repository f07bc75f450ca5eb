"""How a device stands, for its other programs: asked over a real socket of a door whose loop is turned by hand."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import state_socket
from firmware.core.events import CodeRead
from firmware.errors import Failure
from firmware.state_socket import StateSocket, ask
from tests.brokers import wait_until
from tests.device.bench import bench
from tests.device.rauc import updater_folder
from tests.device.turned import NOWHERE, Turned


@pytest.fixture
def at() -> Iterator[Path]:
    """Short enough for a socket."""
    with updater_folder() as made:
        yield made / "run" / "ask"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Turned]:
    with bench(tmp_path / "gate", hub=NOWHERE) as gate:
        made = Turned(gate)
        yield made
        made.device.close()


def meanwhile(door: Turned, what: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask in another thread, and turn the loop until there is an answer."""
    said = list[dict[str, Any]]()
    asking = threading.Thread(target=lambda: said.append(what()), daemon=True)
    asking.start()
    wait_until(lambda: door.device.loop.turn(wait=False) or bool(said))
    return said[0]


def test_it_says_how_the_door_stands_and_leaves_only_when_nobody_is_in_it(door: Turned, at: Path) -> None:
    listening = StateSocket(door.device, at)
    assert at.stat().st_mode & 0o777 == 0o600
    told = meanwhile(door, lambda: ask(at))
    assert (told["v"], told["hall"], told["busy"], told["journal"], told["clock"]) == (1, "baoshan", [], True, "")
    assert "leaving" not in told and not door.device.loop.stopping
    fact = door.device.verify(door.gate.booking(), door.device.clock.elapsed_ms())
    door.device.loop.post(CodeRead(lane="A", fact=fact))
    told = meanwhile(door, lambda: ask(at, leave=True))
    assert told["busy"] == ["A: grant"] and "leaving" not in told and not door.device.loop.stopping
    door.passes(20_000)
    told = meanwhile(door, lambda: ask(at, leave=True))
    assert told["leaving"] and door.device.loop.stopping
    listening.close()
    assert not at.exists()


def test_who_gave_up_waiting_does_not_make_a_door_leave_afterwards(
    door: Turned, at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop hung over its disk; by the time it goes on, whoever asked has decided otherwise."""
    monkeypatch.setattr(state_socket, "WAIT_S", 0.05)
    listening = StateSocket(door.device, at)
    with pytest.raises(Failure, match="does not answer"):
        ask(at, leave=True)
    wait_until(lambda: door.device.loop.calls_waiting == 1)
    listening.close()
    door.turn()
    assert not door.device.loop.stopping


def test_who_says_nothing_is_told_how_it_stands(door: Turned, at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_socket, "SILENT_S", 0.05)
    listening = StateSocket(door.device, at)

    def silent() -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(at))
            return {"said": line.makefile().readline()}

    assert '"busy": []' in meanwhile(door, silent)["said"] and not door.device.loop.stopping
    listening.close()


def test_a_place_left_by_a_dead_process_is_taken_and_one_that_cannot_be_is_told(door: Turned, at: Path) -> None:
    at.parent.mkdir()
    at.write_text("left behind")
    StateSocket(door.device, at).close()
    at.parent.rmdir()
    at.parent.write_text("no folder")
    with pytest.raises(Failure, match="cannot be"):
        StateSocket(door.device, at)
    with pytest.raises(Failure, match="does not answer"):
        ask(at)
