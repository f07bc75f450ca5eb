"""Many devices at once: the packets in any slicing, a short run in every test run, a thousand devices by `--load`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import __main__ as command_line
from mqtt import packets
from tests import needs
from tests.brokers import Broker, free_port

ROOT = Path(__file__).parents[2]


def measured(broker: Broker, devices: int, seconds: int) -> dict[str, Any]:
    assert broker.process is not None
    words = ["load", "--broker", broker.url, "--devices", str(devices), "--rate", "1", "--seconds", str(seconds)]
    words += ["--broker-pid", str(broker.process.pid)]
    done = subprocess.run(
        [sys.executable, "-m", "firmware", *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr + done.stdout
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(figures)
    return figures


@needs.broker
def test_fifty_devices_lose_nothing(broker: Broker) -> None:
    figures = measured(broker, 50, 2)
    assert (figures["sent"], figures["received"], figures["lost"], figures["doubled"]) == (100, 100, 0, 0)
    assert figures["latency_median_ms"] > 0 and 200 < figures["bytes_per_event"] < 1_000


@needs.broker
@pytest.mark.long("load")
@pytest.mark.timeout(400)
def test_a_thousand_devices_lose_nothing(broker: Broker) -> None:
    figures = measured(broker, 1000, 60)
    assert (figures["sent"], figures["received"], figures["lost"], figures["doubled"]) == (60_000, 60_000, 0, 0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--broker", "mqtts://127.0.0.1"], "--broker"),
        (["--broker", "http://127.0.0.1"], "is no broker address"),
        (["--broker", "mqtt://127.0.0.1", "--devices", "0"], "1 to 10000 devices"),
        (["--broker", "mqtt://127.0.0.1", "--rate", "nan"], "--rate: a positive number"),
        (["--broker", "mqtt://127.0.0.1", "--seconds", "inf"], "--seconds: a positive number"),
        (["--broker", "mqtt://127.0.0.1", "--broker-pid", "999999999"], "there is no process"),
    ],
)
def test_wrong_words_are_told_in_one_line(words: list[str], told: str, capsys: Any) -> None:
    assert command_line.main(["load", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1


def test_a_broker_that_is_not_there_is_a_failure(capsys: Any) -> None:
    assert command_line.main(["load", "--broker", f"mqtt://127.0.0.1:{free_port()}", "--devices", "1"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_packets_are_found_in_every_slicing(payloads: list[bytes], step: int) -> None:
    wire = b"".join(packets.publish("a/b", payload, 7) for payload in payloads)
    stream, found = packets.Stream(), []
    for at in range(0, len(wire), step):
        found += stream.feed(wire[at : at + step])
    assert [packets.published(flags, body) for _, flags, body in found] == [("a/b", 7, payload) for payload in payloads]


@given(st.binary(max_size=200))
def test_noise_is_garbled_and_nothing_else(noise: bytes) -> None:
    try:
        for kind, flags, body in packets.Stream().feed(noise):
            if kind == packets.PUBLISH:
                packets.published(flags, body)
            packets.acknowledged(body)
    except packets.Garbled:
        return


def test_a_publication_by_the_letter_of_the_standard() -> None:
    """MQTT 5.0 section 3.3: fixed header, topic, packet identifier, no properties, payload."""
    assert packets.publish("a/b", b"hi", 10) == bytes.fromhex("32 0a 0003 612f62 000a 00 6869")
    assert packets.publish("a/b", b"hi", 10, retain=True)[0] == 0x33
