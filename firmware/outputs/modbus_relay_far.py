"""The far end of a Modbus relay board: coils, flashes timed by the board itself, answers, refusals."""

from __future__ import annotations

from msgspec import Struct

from firmware.outputs.modbus_rtu import checked, good
from firmware.outputs.relay import Energised, RelayFar
from sensors.driver import Edge, Later
from sensors.framing import Cutter
from sensors.readings import AnyReading, RelayState

CHANNELS = 8
ANSWERS_AFTER_MS = 6.0
"""About what the board needs; the answer's own 8 ms on the cable come on top on a real line."""


class Coil(Struct):
    on: bool = False
    flips_at_ms: float | None = None
    """The end of a flash: the coil then takes the other state."""

    def at(self, t_ms: float) -> bool:
        return self.on if self.flips_at_ms is None or t_ms < self.flips_at_ms else not self.on


class ModbusRelayFar(RelayFar):
    """`mute = True` makes a board that obeys and says nothing; `deaf = True` one that is not there."""

    def __init__(self, address: int, energised: Energised = "open", channel: int = 1) -> None:
        super().__init__(energised, channel)
        self.mute = self.deaf = False
        self._address = address
        self._coils = [Coil() for _ in range(CHANNELS)]
        self._requests = Cutter(_measure_request, 8)
        self._now_ms = 0.0

    def energised(self, channel: int = 1, t_ms: float | None = None) -> bool:
        if not 1 <= channel <= CHANNELS:
            return False
        return self._coils[channel - 1].at(self._now_ms if t_ms is None else t_ms)

    def lose_power(self, t_ms: float) -> None:
        for relay in range(CHANNELS):
            self._switch(relay, False, t_ms)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        """Somebody presses the board's own button. It says so only when asked."""
        if isinstance(reading, RelayState) and 1 <= reading.channel <= CHANNELS:
            self._switch(reading.channel - 1, reading.on, t_ms)
        return []

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        self._now_ms = max(self._now_ms, t_ms)
        if not isinstance(raw, bytes) or self.deaf:
            return []
        answers = [self._obey(frame, t_ms) for frame in self._requests.feed(raw)[0] if frame[0] in (0, self._address)]
        return [Later(answer, ANSWERS_AFTER_MS) for answer in answers if answer and not self.mute]

    def _obey(self, frame: bytes, t_ms: float) -> bytes:
        """Do what a request says; returns the answer, empty for a broadcast."""
        function, place, value = frame[1], int.from_bytes(frame[2:4]), int.from_bytes(frame[4:6])
        refusal = self._read(place, value) if function == 0x01 else self._write(place, value, t_ms)
        if frame[0] == 0:
            return b""
        if refusal:
            return checked(bytes((self._address, function | 0x80, refusal)))
        if function == 0x01:
            states = sum(coil.at(t_ms) << bit for bit, coil in enumerate(self._coils))
            return checked(bytes((self._address, function, 1, states)))
        return frame

    def _read(self, place: int, count: int) -> int:
        return 0 if (place, count) == (0, CHANNELS) else 2

    def _write(self, place: int, value: int, t_ms: float) -> int:
        """Switch or flash; returns an exception code, 0 when done."""
        kind, relay = divmod(place, 0x100)
        if kind not in (0, 2, 4) or relay >= CHANNELS:
            return 2
        if kind == 0 and value not in (0x0000, 0xFF00):
            return 3
        if kind == 0:
            self._switch(relay, value == 0xFF00, t_ms)
        else:
            self._switch(relay, kind == 2, t_ms, t_ms + value * 100)
        return 0

    def _switch(self, relay: int, on: bool, t_ms: float, flips_at_ms: float | None = None) -> None:
        self._now_ms = max(self._now_ms, t_ms)
        self._coils[relay] = Coil(on, flips_at_ms)
        self.history.append((t_ms, (relay + 1, on)))
        if flips_at_ms is not None:
            self.history.append((flips_at_ms, (relay + 1, not on)))


def _measure_request(buffer: bytearray, start: int) -> int:
    if len(buffer) - start >= 2 and buffer[start + 1] not in (0x01, 0x05):
        return -1
    if len(buffer) - start < 8:
        return 0
    return 8 if good(bytes(buffer[start : start + 8])) else -1
