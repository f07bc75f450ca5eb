"""The power of a whole device goes at a random moment: its disk keeps what it had, its kernel comes back as another boot.

A real ext4 on a loop device holds the state directory; the process is frozen, the file system shut down without a flush,
then the process killed, so that nothing is written between the two. What the relay was seen to do must be on record.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.brokers import Broker, wait_until
from tests.device.bench import OFF, ON, PATIENCE_S, ROOT, Bench, Far
from tests.device.hub import DEVICE, Hub
from tests.loop_disk import LoopDisk, loop_disk, why_not
from tests.mqtt.helpers import Ear

SEED = 20_221_124
CUTS = 3
pytestmark = [needs.unless(why_not() or needs.missing("unshare")), pytest.mark.timeout(300)]

AS_ANOTHER_BOOT = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'
EXIT = """
[[lane]]
name = "B"
direction = "out"
for = ["visitor"]
[lane.scanner]
driver = "scanner_text_line"
port = "{scanner}"
[lane.gate]
driver = "gate_relay_lcus"
port = "{relay}"
channel = 1
"""


class Powered(Bench):
    """A bench whose state directory is on a disk of its own, with a mains plug and an exit beside the entry."""

    def __init__(self, folder: Path, disk: LoopDisk, hub: str) -> None:
        folder.mkdir()
        self.out_scanner, self.out_relay = Far(folder / "out-scanner"), Far(folder / "out-relay")
        lane = EXIT.format(scanner=self.out_scanner.link, relay=self.out_relay.link)
        super().__init__(folder, hub=hub, lane=lane, pulse=50)
        self.disk, self.state, self.pulses, self.last_seq = disk, disk.folder / "state", 0, 0
        self.boot_id = folder / "boot_id"

    def start(self) -> Bench:
        """As after a boot: the process sees a boot id nobody has seen before, in a mount namespace of its own."""
        self.boot_id.write_text(f"{uuid.uuid4()}\n")
        run = [sys.executable, "-m", "firmware", "run", "--site", str(self.site), "--state", str(self.state)]
        command = ["unshare", "--mount", "sh", "-c", AS_ANOTHER_BOOT, "sh", str(self.boot_id), *run]
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "ready\n", f"{line!r} {self.errors}"
        return self

    def cut_power(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)
        self.disk.shut_down()
        self.kill()
        self.pulses += self.relay.read(0.2).count(ON)  # what was on the wire when it happened
        self.relay.heard = b""
        self.disk.come_back()

    def admit(self) -> None:
        self.scan(self.booking())
        self.relay.expect(ON)
        self.pulses += 1
        self.relay.expect(OFF)

    def close(self) -> None:
        super().close()
        for far in (self.out_scanner, self.out_relay):
            far.unplug()


@pytest.fixture
def gate(tmp_path: Path, broker: Broker) -> Iterator[Powered]:
    with loop_disk(tmp_path, megabytes=64) as disk:
        made = Powered(tmp_path / "gate", disk, broker.url)
        made.start()
        yield made
        made.close()


def heard(ear: Ear) -> dict[str, dict[str, Any]]:
    """Every event of the hub's side once, by its id; the same id always says the same."""
    by_id: dict[str, dict[str, Any]] = {}
    for message in ear.on("/event"):
        event = json.loads(message.payload)
        assert by_id.setdefault(event["id"], event) == event
    return by_id


def recounted(gate: Powered, ear: Ear) -> None:
    """Entry holds, the exit runs, until somebody has counted."""
    gate.scan(gate.booking())
    wait_until(lambda: any(e["kind"] == "decision" and e["lane"] == "A" for e in latest(gate)), PATIENCE_S)
    decision = next(e for e in latest(gate) if e["kind"] == "decision" and e["lane"] == "A")
    assert (decision["answer"], decision["phrase"]) == ("wait", "recount")
    gate.out_scanner.write(b"anything\r")
    gate.out_relay.expect(ON)
    gate.out_relay.expect(OFF)
    assert ON not in gate.relay.heard
    wait_until(lambda: ear.on("/availability") and ear.on("/availability")[-1].payload == b"online", PATIENCE_S)
    hub = Hub(gate, ear)
    hub.counter = time.time_ns() // 1_000_000
    assert hub.tell_bank("recount", inside=0) == "done"


def latest(gate: Powered) -> list[dict[str, Any]]:
    """What was recorded since the last start, newest first."""
    return [event for event in gate.records()[::-1] if event["seq"] > gate.last_seq]


def test_nothing_the_relay_did_is_lost_with_the_power(gate: Powered, ear: Ear) -> None:
    draw = random.Random(SEED)
    recount_due = False
    for cut in range(CUTS):
        if recount_due:
            recounted(gate, ear)
        for _ in range(draw.randrange(1, 4)):
            gate.admit()
        gate.scan(gate.booking())
        time.sleep(draw.uniform(0, 0.02))  # somewhere between the code and the end of its pulse
        gate.cut_power()
        admitted = [
            e for e in gate.records() if e["kind"] == "decision" and e["answer"] == "admit" and e["lane"] == "A"
        ]
        assert len(admitted) >= gate.pulses, f"cut {cut} of seed {SEED}: a pulse that is not on record"
        gate.last_seq = gate.records()[-1]["seq"]
        gate.start()
        recount_due = True
    recounted(gate, ear)
    gate.admit()
    everything = {event["seq"]: event["id"] for event in gate.records()}
    last = max(everything)
    assert set(everything) == set(range(1, last + 1)), "a gap in the journal"
    missing = sorted(set(everything) - set(ear.seqs()))
    if missing:
        ear.say(f"{DEVICE}/history", json.dumps({"v": 1, "ranges": [[missing[0], missing[-1]]]}).encode())
    wait_until(lambda: set(ear.seqs()) >= set(everything), 40)
    told = {event["seq"]: identity for identity, event in heard(ear).items() if event["seq"] <= last}
    assert told == everything, "the hub was told what the journal does not hold"
    assert len(heard(ear)) == len({event["seq"] for event in heard(ear).values()}), "one seq, two events"
    assert gate.replay().returncode == 0
