"""Pins that are looked at instead of waited for: boards whose kernel gives no edges (an emulated Pi) have only levels.

One thread for all pins, every 5 ms; shorter pulses are not seen. Asked for with `HALLGATE_EDGES=poll`; no unit sets it.
"""

from __future__ import annotations

import threading
from typing import Any

INTERVAL_S = 0.005


class Poller:
    """Tells each pin's `changed(level)` when its level is another one than before."""

    def __init__(self) -> None:
        self._pins: dict[Any, int] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, pin: Any) -> None:
        with self._lock:
            self._pins[pin] = int(bool(pin.state))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pins", daemon=True)
                self._thread.start()

    def remove(self, pin: Any) -> None:
        with self._lock:
            self._pins.pop(pin, None)

    def look(self) -> None:
        """One round. A pin that cannot be read now is asked again in the next one."""
        with self._lock:
            known = list(self._pins.items())
        for pin, before in known:
            try:
                level = int(bool(pin.state))
            except Exception:  # every factory has its own errors
                continue
            if level != before:
                with self._lock:
                    if pin in self._pins:
                        self._pins[pin] = level
                pin.changed(level)

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            self.look()
