"""What the last walk found reaches the hub with the device's status, beside how the board fares."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware import board, site
from firmware.clock import Clock
from firmware.hub import reporting
from firmware.wiring import Device
from tests.brokers import Broker, wait_until
from tests.device.bench import bench
from tests.doctor.door import Door
from tests.mqtt.helpers import Ear, replace

STATUS = "hallgate/v1/baoshan/device/entry-1/status"


@pytest.fixture
def ear(broker: Broker) -> Iterator[Ear]:
    made = Ear(broker.url, STATUS)
    wait_until(lambda: made.connection.connected)
    yield made
    made.close()


def test_the_last_report_is_in_the_status(tmp_path: Path, broker: Broker, ear: Ear) -> None:
    def status() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(ear.on("/status")[-1].payload)
        return told

    with bench(tmp_path / "gate", hub=broker.url) as gate:
        at = Door(gate.folder, None)
        at.examine("--state", str(gate.state), seconds=1)
        gate.environment["HALLGATE_CLOCK"] = "rate=6"  # a status comes that much sooner
        gate.start()
        wait_until(lambda: status()["doctor"])
        told = status()
        assert told["doctor"]["at"] == at.report["at"]
        assert (told["doctor"]["result"], told["doctor"]["faults"]) == ("fault", ["A scanner nothing_answers"])
        assert at.report["hub"] == ""
        report = {**at.report, "result": "works", "devices": []}
        replace(gate.state / "doctor.json", json.dumps(report).encode())
        wait_until(lambda: status()["doctor"]["result"] == "works", 30)
        (gate.state / "doctor.json").write_text("spoilt")
        wait_until(lambda: status()["doctor"] is None, 30)


def test_temperature_and_supply_as_the_kernel_tells_them(tmp_path: Path) -> None:
    assert (board.temperature_c(tmp_path), board.undervoltage(tmp_path)) == (None, None)
    zone, supply = tmp_path / "class/thermal/thermal_zone0", tmp_path / "class/hwmon/hwmon3"
    for folder in (zone, supply, tmp_path / "class/hwmon/hwmon1"):
        folder.mkdir(parents=True)
    (zone / "temp").write_text("48312\n")
    (tmp_path / "class/hwmon/hwmon1/name").write_text("cpu_thermal\n")
    (supply / "name").write_text("rpi_volt\n")
    for alarm, told in (("1\n", True), ("0\n", False), ("x", None)):
        (supply / "in0_lcrit_alarm").write_text(alarm)
        assert board.undervoltage(tmp_path) is told
    assert board.temperature_c(tmp_path) == 48.3


def test_a_weak_supply_and_heat_are_alarms_and_their_end_is_told_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "SYS", tmp_path)
    zone, supply = tmp_path / "class/thermal/thermal_zone0", tmp_path / "class/hwmon/hwmon3"
    zone.mkdir(parents=True)
    supply.mkdir(parents=True)
    (supply / "name").write_text("rpi_volt\n")

    def lives(*kernel: tuple[int, str]) -> None:
        device = Device(site.load(str(gate.site)), gate.state, Clock())
        for temperature_mc, alarm in kernel:
            (zone / "temp").write_text(f"{temperature_mc}\n")
            (supply / "in0_lcrit_alarm").write_text(alarm)
            device.board.tend(0.0)
            device.loop.turn()
        device.close()

    with bench(tmp_path / "gate") as gate:
        lives((79_900, "0"), (80_000, "0"), (76_000, "1"), (75_000, "1"))
        lives((75_100, "1"), (74_900, "0"))
        told = [(event["alarm"], event["active"]) for event in gate.records() if event["kind"] == "alarm"]
        assert told == [("overheated", True), ("undervoltage", True), ("undervoltage", False), ("overheated", False)]
        assert gate.replay().returncode == 0


def test_a_disk_without_room_for_the_next_segment_is_told_while_there_is_room_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte is left then, some thousand records: time for somebody to come."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def told() -> tuple[bool, str]:
        assert device.hub is not None
        journal = reporting.status(device, device.hub.outbox, 0, 0.0).journal
        return journal.writable, journal.because

    with bench(tmp_path / "gate", hub="mqtt://127.0.0.1:9") as gate:
        device = Device(site.load(str(gate.site)), gate.state, Clock())
        assert told() == (True, "")
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", full)
            for _ in range(9):  # to the end of this segment: the next one is ready since the start
                device.journal.append(bytes(120_000), device.journal.durable_seq + 1, 0)
                device.journal.sync()
            device.journal.prepare_step()
            assert told() == (True, "the next journal segment cannot be made: No space left on device")
        device.journal.prepare_step()
        assert told() == (True, "")
        device.close()
