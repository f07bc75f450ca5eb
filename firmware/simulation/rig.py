"""The far end of every port of a device: what a test bench would be if it were wires.

For each device of a site file the rig runs the driver's own `Simulator` behind a real pty, a real pin or a camera's
socket, all in one selector loop. The world beyond (people, fire, a person pulling a plug) speaks only through `show`,
`unplug` and `plug`, and sees only what a person sees: whether a gate is open, what a sign says.

    rig = Rig(clock)
    rig.connect(site, folder)                    # before the device's process starts; rig.environment(name) for it
    rig.show("A", "scanner", Scan(b"HP1:..."))
    rig.when_gate("A", lambda is_open: ...)
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from firmware.clock import Clock
from firmware.ports.far_serial import FarSerial
from firmware.ports.pin_wires import PinWires
from firmware.simulation.agenda import Agenda
from sensors.driver import Driver, Edge, Later, Raw, Settings, ToDevice
from sensors.readings import AnyReading, Contact

if TYPE_CHECKING:  # a rig without cameras does without their thread
    from firmware.ports.camera import FarCamera
    from firmware.ports.far_http import FarHttp
    from firmware.ports.far_i2c import FarI2c

TURN_S_MAX = 0.1


class DeviceSpec(Protocol):
    """What the rig needs of a device in a site file (`firmware.site.DeviceSpec` is one)."""

    @property
    def driver(self) -> Driver: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def port(self) -> str | None: ...
    @property
    def pins(self) -> dict[str, int]: ...


class LaneSpec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def devices(self) -> dict[str, Any]: ...


class FarDevice:
    """One simulated device at the end of its cable."""

    def __init__(self, lane: str, role: str, spec: DeviceSpec) -> None:
        self.lane, self.role, self.driver = lane, role, spec.driver
        self.simulator: Any = spec.driver.simulator(spec.settings)
        self.settings: Any = spec.settings
        self.pins = dict(spec.pins)
        self.put: Callable[[Raw], None] = lambda raw: None
        self.was_open = False
        self.watchers: list[Callable[[bool], object]] = []

    def is_open(self, t_ms: float) -> bool:
        """For a gate: does it stand open now?"""
        return bool(self.simulator.is_open(t_ms))


class Rig:
    """All far ends of one or more devices. Lane names must differ between them. Times are elapsed ms of `clock`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.agenda = Agenda()
        self._selector = selectors.DefaultSelector()
        self._ears: dict[str, Callable[[str], None]] = {
            "line": self._hear_line,
            "caller": self._answer,
            "wires": self._hear_wires,
            "http": self._hear_http,
            "bus": self._hear_bus,
        }
        self._devices: dict[tuple[str, str], FarDevice] = {}
        self._lines: dict[str, FarSerial] = {}
        self._on_line: dict[str, list[FarDevice]] = {}
        self._wires: dict[str, PinWires] = {}
        self._cameras: list[FarCamera] = []
        self._callers: dict[str, tuple[FarHttp, FarDevice]] = {}
        self._buses: dict[str, FarI2c] = {}
        self._on_bus: dict[tuple[str, int], FarDevice] = {}
        self._open_gates: set[FarDevice] = set()

    # ------------------------------------------------------------ for the world

    def show(self, lane: str, role: str, reading: AnyReading) -> None:
        """The device notices something and puts it on its cable, with the delays it really has."""
        device = self._devices[lane, role]
        self._send(device, device.simulator.show(reading, self.clock.elapsed_ms()))

    def put(self, lane: str, role: str, raw: Raw) -> None:
        """Raw material on the cable that no device would send: noise, a spoilt frame."""
        self._devices[lane, role].put(raw)

    def has(self, lane: str, role: str) -> bool:
        return (lane, role) in self._devices

    def device(self, lane: str, role: str) -> FarDevice:
        return self._devices[lane, role]

    def gate_open(self, lane: str) -> bool:
        return self._devices[lane, "gate"].is_open(self.clock.elapsed_ms())

    def when_gate(self, lane: str, call: Callable[[bool], object]) -> None:
        """Call with True when the lane's gate opens, with False when it lets go."""
        self._devices[lane, "gate"].watchers.append(call)

    def unplug(self, lane: str, role: str) -> None:
        line = self._line_of(lane, role)
        if line.fileno() >= 0:
            self._selector.unregister(line)
            line.unplug()

    def plug(self, lane: str, role: str) -> None:
        line = self._line_of(lane, role)
        if line.fileno() < 0:
            line.plug()
            self._selector.register(line, selectors.EVENT_READ, ("line", str(line.path)))

    def after(self, after_ms: float, call: Callable[[], object]) -> None:
        self.agenda.at(self.clock.elapsed_ms() + after_ms, call)

    # ------------------------------------------------------------ for whoever starts the devices

    def connect(self, name: str, lanes: Sequence[LaneSpec], folder: Path) -> None:
        """Make the far ends of one device, before its process starts. `folder` gets its pin socket."""
        wires = self._wires[name] = PinWires(folder / f"{name}.pins")
        self._selector.register(wires.listener, selectors.EVENT_READ, ("caller", name))
        for lane in lanes:
            for role, spec in lane.devices.items():
                self._add(FarDevice(lane.name, role, spec), spec, wires)

    def environment(self, name: str) -> dict[str, str]:
        """What the device's process must have in its environment."""
        return dict(self._wires[name].environment)

    def run(self, until: Callable[[], bool]) -> None:
        """Let the world go on until `until()` says so."""
        while not until():
            self.turn()

    def turn(self) -> None:
        """One turn: wait for the next thing, at most a tenth of a second, and do it."""
        due = self.agenda.next_ms()
        wait = TURN_S_MAX if due is None else min(TURN_S_MAX, self.clock.seconds_until(due))
        for key, _ in self._selector.select(wait):
            kind, name = key.data
            self._ears[kind](name)
        self.agenda.do_due(self.clock.elapsed_ms())
        self._watch_gates(list(self._open_gates))

    def close(self) -> None:
        for line in self._lines.values():
            line.unplug()
        for wires in self._wires.values():
            wires.close()
        for camera in self._cameras:
            camera.close()
        for caller, _ in self._callers.values():
            caller.close()
        for bus in self._buses.values():
            bus.close()
        self._selector.close()

    # ------------------------------------------------------------ wiring

    def _add(self, device: FarDevice, spec: DeviceSpec, wires: PinWires) -> None:
        if (device.lane, device.role) in self._devices:
            raise ValueError(f"two devices of the hall have a lane {device.lane}")
        self._devices[device.lane, device.role] = device
        if spec.driver.port == "serial" and spec.port is not None:
            self._on_line.setdefault(spec.port, []).append(device)
            device.put = self._serial(spec.port).write  # type: ignore[assignment]
        elif spec.driver.port == "pins":
            device.put = _pin_driver(wires, device)
            self._rest(device, wires)
        elif spec.driver.port == "camera" and spec.port is not None and spec.port.startswith("unix:"):
            camera = self._camera(spec.port.removeprefix("unix:"))
            device.put = camera.show
        elif spec.driver.port == "http" and spec.port is not None:
            device.put = self._caller(spec.port, device).write
        elif spec.driver.port == "i2c" and spec.port is not None and spec.port.startswith("unix:"):
            self._plug_into_bus(spec.port.removeprefix("unix:"), device)
        else:
            raise ValueError(f"{device.lane} {device.role}: a {spec.driver.port} port has no far end here")

    def _serial(self, path: str) -> FarSerial:
        if path not in self._lines:
            line = self._lines[path] = FarSerial(Path(path))
            self._selector.register(line, selectors.EVENT_READ, ("line", path))
        return self._lines[path]

    def _camera(self, path: str) -> FarCamera:
        from firmware.ports.camera import FarCamera

        camera = FarCamera(path)
        self._cameras.append(camera)
        return camera

    def _caller(self, address: str, device: FarDevice) -> FarHttp:
        from firmware.ports.far_http import FarHttp

        caller = FarHttp(address)
        self._callers[address] = caller, device
        self._selector.register(caller, selectors.EVENT_READ, ("http", address))
        return caller

    def _plug_into_bus(self, path: str, device: FarDevice) -> None:
        from firmware.ports.far_i2c import FarI2c

        if path not in self._buses:
            self._buses[path] = FarI2c(path)
            self._selector.register(self._buses[path], selectors.EVENT_READ, ("bus", path))
        self._on_bus[path, device.settings.address] = device
        device.put = self._buses[path].device(device.settings.address)

    def _rest(self, device: FarDevice, wires: PinWires) -> None:
        """Before anything happens: beams clear, contacts in their quiet position."""
        for role in device.driver.pins:
            wires.drive(device.pins[role], 0)
        if Contact in device.driver.gives:
            quiet = Contact(closed=getattr(device.settings, "normally", "closed") == "closed")
            self._send(device, device.simulator.show(quiet, self.clock.elapsed_ms()))

    def _line_of(self, lane: str, role: str) -> FarSerial:
        device = self._devices[lane, role]
        for path, devices in self._on_line.items():
            if device in devices:
                return self._lines[path]
        raise ValueError(f"{lane} {role} hangs on no serial line")

    # ------------------------------------------------------------ what comes from the host

    def _hear_line(self, path: str) -> None:
        raw = self._lines[path].read()
        for device in self._on_line[path] if raw else ():
            self._hear(device, raw)

    def _hear_http(self, address: str) -> None:
        caller, device = self._callers[address]
        for answer in caller.read():
            self._hear(device, answer)

    def _hear_bus(self, path: str) -> None:
        bus = self._buses[path]
        for address, asked in bus.read():
            device = self._on_bus.get((path, address))
            answers = device.simulator.hear(asked, self.clock.elapsed_ms()) if device else []
            if device and answers:
                self._send(device, answers)
            else:
                bus.nobody(address)

    def _answer(self, name: str) -> None:
        wires = self._wires[name]
        if wires.device is not None:
            self._selector.unregister(wires.device)
        connection = wires.accept()
        if wires.device is not None:
            self._selector.register(connection or wires.device, selectors.EVENT_READ, ("wires", name))

    def _hear_wires(self, name: str) -> None:
        wires = self._wires[name]
        connection = wires.device
        for word in wires.read():
            for device, role in self._on_pin(name, word.pin):
                self._hear(device, Edge(role, word.level))
        if wires.device is None and connection is not None:
            self._selector.unregister(connection)

    def _on_pin(self, name: str, pin: int) -> Iterator[tuple[FarDevice, str]]:
        for device in self._devices.values():
            if getattr(device.put, "wires", None) is self._wires[name]:
                inputs = device.driver.pins
                yield from ((device, role) for role, bcm in device.pins.items() if bcm == pin and role not in inputs)

    def _hear(self, device: FarDevice, raw: ToDevice) -> None:
        self._send(device, device.simulator.hear(raw, self.clock.elapsed_ms()))
        if device.role == "gate":
            self._watch_gates([device])

    def _watch_gates(self, gates: list[FarDevice]) -> None:
        """A board may time its own pulse: open gates are looked at every turn, closed ones when they hear something."""
        t_ms = self.clock.elapsed_ms()
        for gate in gates:
            is_open = gate.is_open(t_ms)
            (self._open_gates.add if is_open else self._open_gates.discard)(gate)
            if is_open != gate.was_open:
                gate.was_open = is_open
                for call in gate.watchers:
                    call(is_open)

    def _send(self, device: FarDevice, answers: list[Later]) -> None:
        t_ms = self.clock.elapsed_ms()
        for later in answers:
            if later.after_ms <= 0:
                device.put(later.raw)
            else:
                self.agenda.at(t_ms + later.after_ms, lambda raw=later.raw: device.put(raw))  # type: ignore[misc]


class _pin_driver:
    """Puts a simulator's edges on the wires its pins hang on."""

    def __init__(self, wires: PinWires, device: FarDevice) -> None:
        self.wires, self.device = wires, device

    def __call__(self, raw: Raw) -> None:
        if isinstance(raw, Edge) and raw.pin in self.device.pins:
            self.wires.drive(self.device.pins[raw.pin], raw.level)
