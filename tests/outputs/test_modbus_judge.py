"""Every frame of the Modbus board before a judge that did not come from us: pymodbus."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.outputs import gate_relay_modbus as modbus
from sensors.readings import Refused, RelayState
from tests.outputs.bench import CLOSE, FREE, opening
from tests.outputs.modbus_bench import bench


@pytest.fixture
def judge() -> Any:
    from pymodbus.framer import FramerRTU
    from pymodbus.pdu import DecodePDU

    return FramerRTU(DecodePDU(True)), FramerRTU(DecodePDU(False))


@pytest.mark.parametrize("order", [opening(700), FREE, CLOSE], ids=["open", "free", "close"])
@pytest.mark.parametrize("channel", [1, 8])
def test_pymodbus_reads_our_orders_and_answers_of_pymodbus_are_read(judge: Any, channel: int, order: object) -> None:
    server, _ = judge
    line = bench(channel=channel, address=17)
    line.far.mute = True
    line.order(order)
    used, request = server.handleFrame(line.sent[0], 0, 0)
    assert used == len(line.sent[0])
    assert (request.dev_id, request.function_code, request.address & 0xFF) == (17, 5, channel - 1)
    line.feed(server.buildFrame(request))
    states = [reading for reading in line.readings if isinstance(reading, RelayState)]
    assert states == [RelayState(channel, order is not CLOSE)]


def test_pymodbus_answers_our_question(judge: Any) -> None:
    from pymodbus.pdu import ExceptionResponse
    from pymodbus.pdu.bit_message import ReadCoilsResponse

    server, _ = judge
    line = bench(asks_state=True, channel=3)
    line.far.mute = True
    line.run(1)
    _, request = server.handleFrame(line.sent[0], 0, 0)
    assert (request.function_code, request.address, request.count) == (1, 0, 8)
    line.feed(server.buildFrame(ReadCoilsResponse(dev_id=1, bits=[False, False, True] + [False] * 5)))
    assert RelayState(3, True) in line.readings
    line.feed(server.buildFrame(ExceptionResponse(function_code=1, exception_code=4, device_id=1)))
    assert Refused("the relay board refuses function 1: the board failed") in line.readings


def test_pymodbus_reads_our_simulated_board(judge: Any) -> None:
    from pymodbus.pdu.bit_message import ReadCoilsRequest, WriteSingleCoilRequest

    _, client = judge
    far = modbus.Simulator(modbus.Settings())
    far.hear(client.buildFrame(WriteSingleCoilRequest(dev_id=1, address=4, bits=[True])), 0)
    assert far.energised(5)
    (answer,) = far.hear(client.buildFrame(ReadCoilsRequest(dev_id=1, address=0, count=8)), 1)
    _, response = client.handleFrame(answer.raw, 0, 0)
    assert response.bits[:8] == [False, False, False, False, True, False, False, False]
    (refusal,) = far.hear(client.buildFrame(WriteSingleCoilRequest(dev_id=1, address=99, bits=[True])), 2)
    _, response = client.handleFrame(refusal.raw, 0, 0)
    assert response.exception_code == 2
