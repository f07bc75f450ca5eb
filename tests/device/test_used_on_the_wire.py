"""A door with a long day: real devices at a real broker, and with nothing but the side link between them."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from firmware.peers.seal import unsealed
from firmware.peers.used_passes import LATEST, SHORT_BYTES, SHORT_USES
from mqtt.messages import PassesList
from tests import needs
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import Bench
from tests.mqtt.helpers import Ear
from tests.side.hall import admit, admitted_within, answers, side_link
from tests.side.test_doors import refused_as_used

HALL = "hallgate/v1/baoshan"
HALL_KEY = bytes(range(32))
PASSES = 110
"""A list of some 4 kB: it rests 0.4 s, while a person takes a tenth of that."""


@needs.broker
def test_a_board_that_takes_a_dead_ones_place_lets_nobody_in_twice(tmp_path: Path) -> None:
    """The same name, an empty journal: what the broker kept of the dead one is the only word of its morning here."""
    broker = Broker(tmp_path).start()
    bank = Bench(tmp_path / "bank", name="bank", hub=broker.url, limit=20, pulse=50, grant=1).start()
    door = Bench(tmp_path / "door", name="door-0", bank=False, hub=broker.url, issuer=bank.issuer, pulse=50, grant=1)
    ear = Ear(broker.url, f"{HALL}/passes/door-0")
    try:
        door.start()
        assert admitted_within(door, 20)
        text = door.booking(pass_id=bytes(range(8)))
        door.scan(text)
        wait_until(lambda: bytes(range(8)).hex() in told(ear, "passes")[-1].used)
        door.kill()
        door.state.rename(tmp_path / "dead")
        door.start()
        assert admitted_within(door, 20), "it has rights again"
        wait_until(lambda: answers(door)[-1] == "admit")
        came = len([answer for answer in answers(door) if answer != "wait"])
        wait_until(lambda: judged(door, text)[came:])
        assert judged(door, text)[came] == "refuse"
        wait_until(lambda: len(told(ear, "passes")[-1].used) == 3)
        assert {each.device for each in told(ear, "passes")} == {"door-0"}
        assert len({each.inc for each in told(ear, "passes")}) == 2, (
            "by which the others know that its numbers begin anew"
        )
        assert door.stop() == 0 and door.replay().returncode == 0
    finally:
        ear.close()
        for each in (bank, door):
            each.close()
        broker.stop()


@pytest.mark.parametrize("by", [pytest.param("broker", marks=needs.broker), "side link"])
def test_a_pass_is_used_once_at_all_doors_also_after_a_long_morning(tmp_path: Path, by: str) -> None:
    broker = Broker(tmp_path).start() if by == "broker" else None
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)] if broker is None else []
    doors: list[Bench] = []
    for number in range(2):
        doors.append(
            Bench(
                tmp_path / f"door-{number}",
                name=f"door-{number}",
                bank=number == 0,
                hub=broker.url if broker else "",
                site=side_link(addresses[number], addresses) if addresses else "",
                issuer=doors[0].issuer if doors else None,
                limit=2 * PASSES,
                pulse=50,
                grant=1,
            ).start()
        )
    busy, other = doors
    ear = Ear(broker.url, f"{HALL}/passes/door-0", f"{HALL}/used/door-0") if broker else None
    try:
        assert admitted_within(other, 20)
        for _ in range(PASSES):
            admit(busy)
        last = busy.booking(pass_id=bytes(range(8)))
        busy.scan(last)
        wait_until(lambda: refused_as_used(other, last))
        if ear is not None:
            wait_until(lambda: len(told(ear, "passes")[-1].used) == PASSES + 1)
            assert {len(each.used) for each in told(ear, "used")} == {LATEST}
            assert bytes(range(8)).hex() in told(ear, "used")[-1].used
            long = [each for each in told(ear, "passes") if len(each.encoded()) > SHORT_BYTES]
            assert 0 < len(long) < (PASSES - SHORT_USES) / 2, "not with every passage"
    finally:
        for door in doors:
            door.close()
        if ear is not None and broker is not None:
            ear.close()
            broker.stop()


def judged(door: Bench, text: bytes) -> list[str]:
    """What the door has answered at last, after another scan: who has to wait may show the code again."""
    door.scan(text)
    time.sleep(0.3)
    return [answer for answer in answers(door) if answer != "wait"]


def told(ear: Ear, kind: str) -> list[PassesList]:
    return [
        msgspec.json.decode(unsealed(HALL_KEY, message.payload, kind), type=PassesList)
        for message in ear.on(f"{kind}/door-0")
    ]
