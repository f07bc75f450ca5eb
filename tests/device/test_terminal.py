"""A real device process with a terminal that pushes: the verdict is in the journal, whom it was about is nowhere."""

from __future__ import annotations

import hmac
import json
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from firmware.core.events import TerminalSaid
from firmware.journal import Reader
from tests.brokers import free_port
from tests.device.bench import PATIENCE_S, Bench, bench
from tests.device.test_identity_reader import files

NUMBER, NAME, PICTURE = "11010519491231002X", "测试甲", "/9j/4AAQSkZJRgABAQ"


def post(port: int, body: dict[str, Any]) -> Any:
    made = urllib.request.Request(f"http://127.0.0.1:{port}/verify", json.dumps(body).encode())
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(made, timeout=PATIENCE_S) as reply:
        return json.load(reply)


def verdicts(made: Bench) -> list[TerminalSaid]:
    entries = [json.loads(record.payload) for record in Reader(made.state).records()]
    said = [entry["e"] for entry in entries if entry.get("e", {}).get("event") == "terminal"]
    return [msgspec.convert(event, TerminalSaid) for event in said]


def test_a_push_is_answered_at_once_and_becomes_a_fact_without_a_name(tmp_path: Path) -> None:
    port = free_port()
    lane = f'[lane.terminal]\ndriver = "terminal_http"\nlisten = "127.0.0.1:{port}"\n'
    with bench(tmp_path, lane=lane) as made:
        made.start()
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as stranger:
            stranger.sendall(b"\xff\x00 nonsense \r\n\r\n" * 100)
        body = {
            "deviceId": "1", "type": "id", "value": NUMBER, "name": NAME, "temperature": 36.5, "mask": True,
            "healthCode": "green", "nucleicResult": "negative", "nucleicHours": 20.51,
            "data": {"capture": PICTURE * 5_000, "time": "2022-06-10 09:30:00"},
        }  # fmt: skip
        assert post(port, body)["status"] == 1
        made.scan(made.booking())
        made.relay.expect(bytes.fromhex("a00101a2"))
        end = time.monotonic() + PATIENCE_S
        while not verdicts(made):
            assert time.monotonic() < end, made.errors
            time.sleep(0.05)
        assert made.stop() == 0
        (said,) = verdicts(made)
        assert (said.lane, said.code, said.pcr, said.mask, said.temperature_c) == ("A", "green", "negative", True, 36.5)
        assert said.sampled_age_minutes == 1_231
        lasting = hmac.digest(bytes(range(32)), NUMBER.encode(), "sha256")[:8].hex()
        assert said.holder not in (None, lasting), "what leaves the driver changes every day"
        assert len(said.token) == 16
        written = files(made.state) + (tmp_path / "stderr").read_bytes()
        assert all(word.encode() not in written for word in (NUMBER, "1949", NAME, PICTURE))
        assert made.replay().returncode == 0
