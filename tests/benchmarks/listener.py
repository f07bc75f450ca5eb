"""A subscriber in a process of its own: the moment (CLOCK_MONOTONIC, s) and kind of every event, one line each."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

EVENTS = "hallgate/v1/+/device/+/event"


class Listener:
    """Starts that process and collects its lines. `decisions` are the moments at which decisions arrived."""

    def __init__(self, port: int) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.listener", str(port)]
        self._program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.decisions: list[float] = []
        self.events = 0
        assert self._program.stdout is not None
        assert self._program.stdout.readline() == "listening\n"
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self._program.stdout is not None
        for line in self._program.stdout:
            moment, kind = line.split()
            self.events += 1
            if kind == "decision":
                self.decisions.append(float(moment))

    def close(self) -> None:
        self._program.kill()
        self._program.wait()
        self._reader.join()


def main(port: int) -> None:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    def heard(_client: Any, _data: Any, message: Any) -> None:
        now = time.monotonic()
        print(now, json.loads(message.payload)["kind"], flush=True)

    def subscribed(*_: Any) -> None:
        print("listening", flush=True)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message, client.on_subscribe = heard, subscribed
    client.connect("127.0.0.1", port)
    client.subscribe(EVENTS, qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
