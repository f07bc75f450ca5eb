"""Opens what a device hangs on, and finds who speaks its language: for the running door, `doctor` and `listen`.

Nothing is imported that the site does not need: a serial door must not pay for pins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from firmware.clock import Clock
from firmware.errors import Mistake
from firmware.ports import Port
from firmware.site import DeviceSpec, Lane
from sensors.driver import I2cSettings, Send


class Plugs:
    """The ports of one process. Pins share one board, made with the first of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._board: Any = None

    def open(self, lane: Lane, spec: DeviceSpec) -> Port:
        """Raises Mistake for a kind of port this version does not know, Failure when pins or a camera are not there."""
        return self.open_alone(spec, f"lane {lane.name} {spec.role}")

    def open_alone(self, spec: DeviceSpec, name: str) -> Port:
        """As `open`, for a device that hangs at no lane; pins have no name but the one they are given."""
        opener = OPENERS.get(spec.driver.port)
        if opener is None:
            raise Mistake(f"{spec.driver.name} hangs on {spec.driver.port}, which this version cannot open")
        return opener(self, spec, name)

    def tell(self, lane: Lane, hand: DeviceSpec, say: Callable[[Any], list[Any]]) -> str:
        """Open one hand, put on its wire what its encoder answers to `say`, and let go of it again.

        Answers why it is not there, or nothing. Raises as `open` does.
        """
        port = self.open(lane, hand)
        try:
            for said in say(speaker(lane, hand)):
                if isinstance(said, Send):
                    port.write(said.raw)
            port.tend(self._clock.elapsed_ms())
            return str(getattr(port, "because", ""))
        finally:
            port.close()

    def close(self) -> None:
        board, self._board = self._board, None
        if board is not None:
            board.close()

    def _serial(self, spec: DeviceSpec, _name: str) -> Port:
        from firmware.ports.serial_line import SerialPort

        assert spec.port is not None
        return SerialPort(spec.port, getattr(spec.settings, "baud", 9600), self._clock)

    def _pins(self, spec: DeviceSpec, name: str) -> Port:
        from firmware.ports.pin_board import PinBoard
        from firmware.ports.pin_group import PinGroup

        if self._board is None:
            self._board = PinBoard()
        inputs = {role: spec.pins[role] for role in spec.driver.pins if role in spec.pins}
        outputs = {
            role: spec.pins[role] for role in (*spec.driver.outputs, *spec.driver.optional_outputs) if role in spec.pins
        }
        return PinGroup(
            self._board,
            name,
            self._clock,
            inputs=inputs,
            outputs=outputs,
            pulls=dict.fromkeys(inputs, getattr(spec.settings, "pull", "up")),
            idle=dict.fromkeys(outputs, 0 if getattr(spec.settings, "active_high", True) else 1),
        )

    def _camera(self, spec: DeviceSpec, _name: str) -> Port:
        from firmware.ports.camera import open_camera

        return open_camera(spec.port or "picamera2", spec.driver.decoder(spec.settings), self._clock)

    def _http(self, spec: DeviceSpec, _name: str) -> Port:
        from firmware.ports.http_push import HttpPort

        assert spec.port is not None
        limits = {name: getattr(spec.settings, name) for name in ("allow", "max_body_bytes", "request_ms")}
        return HttpPort(spec.port, self._clock, **limits)

    def _i2c(self, spec: DeviceSpec, _name: str) -> Port:
        from firmware.ports.i2c_bus import I2cPort

        assert spec.port is not None and isinstance(spec.settings, I2cSettings)
        return I2cPort(spec.port, spec.settings.address, self._clock)


OPENERS = {
    "serial": Plugs._serial,
    "pins": Plugs._pins,
    "camera": Plugs._camera,
    "http": Plugs._http,
    "i2c": Plugs._i2c,
}


def speaker(lane: Lane, spec: DeviceSpec) -> Any:
    """The decoder of a sensor, the encoder of a hand."""
    if spec.driver.port == "camera":  # its decoder works in the port, beside the loop
        from firmware.ports.camera import Told

        return Told()
    if spec.role == "gate":
        return spec.driver.decoder(spec.settings, lane.on_failure)
    return spec.driver.decoder(spec.settings)
