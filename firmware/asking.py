"""Another process of this device asks how it stands: one line of JSON per connection, on a unix socket.

    {"v": 1, "version": "0.1.0", "hall": "baoshan", "busy": ["A: grant"], "ill": ["A: counter"], "journal": true}

It takes no orders. The answer is made by the loop's own thread, so that a loop that hangs answers nothing, and whoever
asked finds that out by waiting.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.core.quiet import disturbed
from firmware.errors import Failure
from firmware.version import VERSION

if TYPE_CHECKING:
    from firmware.wiring import Device

WAIT_S = 5.0
ANSWER_BYTES = 65_536


class Answering:
    """Listens at `path` until `close`. Raises Failure when it cannot."""

    def __init__(self, device: Device, path: Path) -> None:
        self._device, self._path = device, path
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen(4)
        except OSError as error:
            self._socket.close()
            raise Failure(f"{path} cannot be opened: {error.strerror or error}") from None
        threading.Thread(target=self._serve, name="asked", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError):
                line.sendall(self._said())

    def _said(self) -> bytes:
        done, said = threading.Event(), bytearray()

        def answer() -> None:
            said.extend(json.dumps(report(self._device)).encode() + b"\n")
            done.set()

        self._device.loop.call(answer)
        done.wait(WAIT_S)
        return bytes(said)


def report(device: Device) -> dict[str, Any]:
    state = device.controller.state
    ill = [f"{lane.name}: {name}" for lane in state.lanes.values() for name in lane.broken]
    return {
        "v": 1,
        "version": VERSION,
        "hall": state.hall,
        "busy": disturbed(state),
        "ill": ill,
        "journal": state.journal_ok,
    }


def ask(path: Path) -> dict[str, Any]:
    """What the firmware that listens at `path` says. Raises Failure when nobody answers in time."""
    said = b""
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
        line.settimeout(WAIT_S + 1)
        line.connect(str(path))
        while (more := line.recv(4096)) and len(said) < ANSWER_BYTES:
            said += more
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Failure(f"the firmware does not answer at {path}")
    return answer
