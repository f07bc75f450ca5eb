"""Another process of this device asks how it stands: one line each way per connection, on a unix socket.

    state
    {"v": 1, "version": "0.1.0", "hall": "baoshan", "busy": ["A: grant"], "ill": ["A: counter"], "journal": true, "clock": ""}

`leave` asks the same, and has the firmware end with this answer when it is not busy, which then says `"leaving": true`:
between its last look and its end no scan is begun. The answer is made by the loop's own thread, once all that was read
is judged, so that a loop that hangs answers nothing, and whoever asked finds that out by waiting.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.core.quiet import disturbed
from firmware.durable import make_folder
from firmware.errors import Failure
from firmware.version import VERSION

if TYPE_CHECKING:
    from firmware.wiring import Device

WAIT_S = 5.0
ANSWER_BYTES = 65_536
STATE, LEAVE = b"state\n", b"leave\n"
SILENT_S = 1.0
"""Who connects and says nothing wants to know the state."""


class StateSocket:
    """Listens at `path` until `close`. Raises Failure when it cannot."""

    def __init__(self, device: Device, path: Path) -> None:
        self._device, self._path = device, path
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            make_folder(path.parent)
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen(4)
        except OSError as error:
            self._socket.close()
            raise Failure(f"{path} cannot be opened: {error.strerror or error}") from None
        self._thread = threading.Thread(target=self._serve, name="state-socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """The last answer is out when this returns: whoever had the firmware end waits for it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(SILENT_S)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line, contextlib.suppress(OSError):
                line.sendall(self._said(leave=_wish(line) == LEAVE))

    def _said(self, *, leave: bool) -> bytes:
        done, given_up, said = threading.Event(), threading.Event(), bytearray()
        loop = self._device.loop

        def answer() -> None:
            told = report(self._device)
            if leave and not told["busy"] and not given_up.is_set():
                told["leaving"] = True
                loop.stop()
            said.extend(json.dumps(told).encode() + b"\n")
            done.set()

        loop.call(lambda: loop.when_judged(answer))
        if not done.wait(WAIT_S):
            given_up.set()
        return bytes(said)


def _wish(line: socket.socket) -> bytes:
    line.settimeout(SILENT_S)
    try:
        return line.recv(64)
    except TimeoutError:
        return STATE


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
        "clock": device.judge.doubt(),
    }


def ask(path: Path, *, leave: bool = False) -> dict[str, Any]:
    """What the firmware that listens at `path` says. Raises Failure when nobody answers in time.

    `leave`: it ends with this answer, if that says that it is `leaving`.
    """
    said = b""
    with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
        line.settimeout(WAIT_S + 1)
        line.connect(str(path))
        line.sendall(LEAVE if leave else STATE)
        while (more := line.recv(4096)) and len(said) < ANSWER_BYTES:
            said += more
    try:
        answer = json.loads(said)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Failure(f"the firmware does not answer at {path}")
    return answer
