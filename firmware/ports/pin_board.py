"""The board whose pins we use: one per process, made by the wiring and handed to every group of pins.

`HALLGATE_PINS=unix:PATH`: mock pins with a far end (`far_pins`). `GPIOZERO_PIN_FACTORY`: lgpio, pigpio (a remote Pi),
mock, rpigpio, native. Neither: lgpio on the chip whose LABEL is a Pi's (a Pi 5 with kernel 6.12 has gpiochip11 to 15,
so a number says nothing). gpiozero's silent fall-back to another factory never happens: a Failure says what is missing.
`HALLGATE_EDGES=poll` looks at the levels where a kernel gives no edges (an emulated Pi).
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import struct
import tempfile
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Literal

from firmware.errors import Failure, Mistake
from firmware.ports.far_pins import FarPins
from firmware.ports.polled_pins import Poller

Pull = Literal["up", "down", "floating", "none"]
"""`none` and `floating` are the same: no resistor of the board's own."""

CHIP_LABELS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
GPIO_GET_CHIPINFO = 0x8044B401
CHIPINFO = struct.Struct("32s32sI")


class PinBoard:
    """Pins and who holds them. Raises Failure when no pin factory is usable, Mistake for a bad `HALLGATE_PINS`."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        wish = os.environ if environment is None else environment
        self.far: FarPins | None = None
        self._lock = threading.Lock()
        self._holders: dict[int, str] = {}
        self._driven: dict[int, int] = {}
        self._listeners: dict[int, Callable[[int], None]] = {}
        path = _far_path(wish.get("HALLGATE_PINS", ""))
        self.factory = _factory(
            "mock" if path else wish.get("GPIOZERO_PIN_FACTORY", ""), wish.get("HALLGATE_EDGES", "")
        )
        if path:
            self.far = FarPins(path, self._drive)
            if not self.far.usable:
                self.close()
                raise Failure(f"HALLGATE_PINS: nobody listens at {path} and it cannot be made")

    def claim(self, bcm: int, holder: str) -> Any:
        """The gpiozero pin, for one holder only. Failure names the pin and who has it, or why there is none."""
        with self._lock:
            if bcm in self._holders:
                raise Failure(f"GPIO{bcm} is wanted by {holder} but already used by {self._holders[bcm]}")
            self._holders[bcm] = holder
        try:
            return self.factory.pin(bcm)
        except Exception as error:  # every factory has its own errors
            self.release(bcm)
            raise Failure(f"GPIO{bcm} for {holder} cannot be used: {error}") from None

    def watch(self, bcm: int, driven: Callable[[int], None]) -> None:
        """Call `driven(level)` whenever the far end drives this input, and at once if it already did."""
        with self._lock:
            self._listeners[bcm] = driven
            level = self._driven.get(bcm)
        if level is not None:
            driven(level)

    def report(self, bcm: int, level: int) -> None:
        if self.far is not None:
            self.far.report(bcm, level)

    def release(self, bcm: int) -> None:
        with self._lock:
            self._holders.pop(bcm, None)
            self._listeners.pop(bcm, None)

    def close(self) -> None:
        """Let go of the socket and the chip. May be called twice."""
        far, self.far = self.far, None
        if far is not None:
            far.close()
        with contextlib.suppress(Exception):  # a remote factory may have lost its line
            self.factory.close()

    def _drive(self, bcm: int, level: int) -> None:
        """From the far end's thread. Remembered for an input nobody has claimed yet."""
        if not 0 <= bcm < 64:
            return
        with self._lock:
            self._driven[bcm] = level
            listener = self._listeners.get(bcm)
        if listener is not None:
            listener(level)


def _far_path(wish: str) -> str:
    if wish and (not wish.startswith("unix:") or not wish[5:]):
        raise Mistake("write it as unix:/path/to/socket", key="HALLGATE_PINS")
    return wish[5:]


def _factory(name: str, edges: str) -> Any:
    """One factory and no other. MockFactory's pins are made afresh, so that two boards in a test share nothing."""
    try:
        if name.lower() in ("", "lgpio"):
            return _lgpio_factory(polled=edges == "poll")
        for entry in entry_points(group="gpiozero_pin_factories"):
            if entry.name == name.lower():
                return entry.load()()
    except ImportError as missing:
        raise Failure(f"GPIO pins need the Python package {missing.name}: pip install 'hallgate[pi]'") from None
    except Failure:
        raise
    except Exception as error:  # every factory has its own errors
        raise Failure(f"GPIO pins cannot be used through {name or 'lgpio'}: {error}") from None
    raise Mistake(f"there is no pin factory {name!r}; one of lgpio, pigpio, mock", key="GPIOZERO_PIN_FACTORY")


def _lgpio_factory(polled: bool) -> Any:
    chip = chip_number()
    if chip is None:
        raise Failure(
            "no GPIO chip of a Raspberry Pi here (looked for " + ", ".join(CHIP_LABELS) + " in /dev/gpiochip*); "
            "elsewhere set GPIOZERO_PIN_FACTORY=pigpio or HALLGATE_PINS=unix:PATH"
        )
    lgpio = _import_lgpio()
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

    class SteadyPin(LGPIOPin):  # type: ignore[misc]
        """An output that starts at its level. gpiozero's own starts low first: a pulse for a low-active relay."""

        def output_with_state(self, state: bool) -> None:
            lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))

    poller = Poller()

    class PolledPin(SteadyPin):
        def _enable_event_detect(self) -> None:
            poller.add(self)

        def _disable_event_detect(self) -> None:
            poller.remove(self)

        def changed(self, level: int) -> None:
            self._call_when_changed(None, None, level, self.factory.ticks() * 1_000_000_000)

    factory = LGPIOFactory(chip=chip)
    factory.pin_class = PolledPin if polled else SteadyPin
    return factory


def _import_lgpio() -> Any:
    """The module lgpio, imported in a folder of its own, which may then go.

    Its import makes a FIFO where the process stands and opens it there: a read-only root has no place for it, and two
    processes would take each other's edges. Once open, it needs its name no longer.
    """
    with tempfile.TemporaryDirectory(prefix="hallgate-pins-") as folder, contextlib.chdir(folder):
        import lgpio
    return lgpio


def chip_number(pattern: str = "/dev/gpiochip*") -> int | None:
    """Number of the GPIO chip that drives the header, by its label; None when there is none we may open."""
    labels = {path: _label(path) for path in glob.glob(pattern)}
    for wanted in CHIP_LABELS:
        for path, label in sorted(labels.items()):
            if label == wanted:
                return int(path.rsplit("gpiochip", 1)[1])
    return None


def _label(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        answer = fcntl.ioctl(descriptor, GPIO_GET_CHIPINFO, bytes(CHIPINFO.size))
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    label: bytes = CHIPINFO.unpack(answer)[1]
    return label.split(b"\0", 1)[0].decode("ascii", "replace")
