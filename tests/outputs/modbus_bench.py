"""The Modbus board's bench, and the frames that its tests know by heart."""

from __future__ import annotations

from typing import Any

from firmware.outputs import gate_relay_modbus as modbus
from tests.outputs.bench import Bench

FLASH_700 = "01 05 02 00 00 07 8d b0"
ON, OFF = "01 05 00 00 ff 00 8c 3a", "01 05 00 00 00 00 cd ca"
ASK = "01 01 00 00 00 08 3d cc"


def bench(on_failure: str = "closed", **settings: Any) -> Bench:
    return Bench("gate_relay_modbus", modbus.Settings(**settings), on_failure)
