"""A judge that did not come from us: the frames vendors printed, against our checksums, decoders and examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sensors.driver import find
from sensors.framing import crc8, crc16_ccitt, crc16_modbus, sum8, xor8
from tests import needs
from tests.sensors.cable import Cable

CHECKS: dict[str, Callable[[bytes], bool]] = {
    "grow_gm8xx": lambda frame: crc16_ccitt(frame[2:]) == 0,
    "gy_mcu90614": lambda frame: sum8(frame[:-1]) == frame[-1],
    "lcus": lambda frame: sum8(frame[:-1]) == frame[-1],
    "modbus_relay": lambda frame: crc16_modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little"),
    "gate_lot_modbus": lambda frame: crc16_modbus(frame[:-2]) == int.from_bytes(frame[-2:], "little"),
    "sdt_idcard": lambda frame: xor8(frame[5:]) == 0,
    "ldrobot_ld19": lambda frame: crc8(frame, poly=0x4D) == 0,
    "terabee_evo": lambda frame: crc8(frame) == 0,
    "mhz19": lambda frame: sum8(frame[1:]) == 0,
    "mlx90614": lambda frame: crc8(frame) == 0,
    "scd4x": lambda frame: crc8(frame, poly=0x31, init=0xFF) == 0,
    "syn6288": lambda frame: xor8(frame) == 0,
    "gate_eb": lambda frame: xor8(frame) == 0,
}
DRIVER_OF = {
    "grow_gm8xx": "scanner_gm65",
    "gy_mcu90614": "thermometer_gy_mcu90614",
    "mhz19": "air_mh_z19b",
    "lcus": "gate_relay_lcus",
    "modbus_relay": "gate_relay_modbus",
    "gate_fe_ab": "gate_board_fe",
    "syn6288": "voice_syn6288",
    "ld2450": "range_ld2450",
    "sdt_idcard": "identity_sdt",
}


def frames(device: str) -> list[bytes]:
    return [bytes.fromhex(row["hex"]) for row in needs.vectors(device).values() if "hex" in row]


@pytest.mark.parametrize("device", CHECKS)
def test_our_checksums_agree_with_what_was_printed(device: str) -> None:
    rows = [row for row in needs.vectors(device).values() if row["checksum_ok"]]
    assert rows
    for row in rows:
        frame = bytes.fromhex(row["hex"])
        assert CHECKS[device](frame), row["name"]
        spoilt = frame[:-1] + bytes([frame[-1] ^ 0x10])
        assert not CHECKS[device](spoilt), f"{row['name']}: the check finds nothing"


def test_osdp_uses_the_same_crc_with_another_start() -> None:
    rows = [row for name, row in needs.vectors("osdp").items() if name.endswith("_crc")]
    assert rows
    for row in rows:
        frame = bytes.fromhex(row["hex"])
        assert crc16_ccitt(frame[:-2], init=0x1D0F) == int.from_bytes(frame[-2:], "little")


@pytest.mark.parametrize("device", DRIVER_OF)
def test_a_driver_takes_every_frame_of_its_vendor(device: str) -> None:
    driver = find(DRIVER_OF[device])
    line = Cable(driver)
    line.far.hear = lambda raw, t_ms: []
    for frame in frames(device):
        line.feed(frame)
        line.run(100)
    literals = [piece for example in driver.examples for piece in example.raw if isinstance(piece, bytes)]
    if not driver.text:
        assert any(frame in literal or literal in frame for frame in frames(device) for literal in literals)
