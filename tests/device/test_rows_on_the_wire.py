"""Rows of the hall-wide limit as strangers and faulty doors write them, at a real bank with a real broker between."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firmware.core.occupancy import Notice, Row
from firmware.journal import Reader
from firmware.peers.seal import sealed, unsealed
from firmware.recovery import recovered
from tests.brokers import Broker, wait_until
from tests.device.bench import ON, Bench, bench
from tests.device.hub import BANK, Hub, admit, events
from tests.mqtt.helpers import Ear

KEY, OTHER_HALL = bytes(range(32)), bytes(range(1, 33))
ROWS = "hallgate/v1/baoshan/rights/hall/row/"
LIMIT = 6


@pytest.fixture
def gate(tmp_path: Path, broker: Broker) -> Iterator[Bench]:
    with bench(tmp_path / "gate", hub=broker.url, pulse=50, limit=LIMIT) as made:
        yield made.start()


class Door:
    """A door that the test plays: it says what it likes, under a good seal or another."""

    def __init__(self, ear: Ear, inc: str = "entry-9-00000001") -> None:
        self.ear, self.row = ear, Row(inc=inc, dev="entry-9", seq=1, A=0, C=0, G=0, X=0)

    def says(self, key: bytes = KEY, topic: str = "", **changes: Any) -> bytes:
        self.row = msgspec.structs.replace(self.row, **{"seq": self.row.seq + 1, **changes})
        payload = sealed(key, msgspec.json.encode(self.row), "row")
        self.ear.say(topic or ROWS + self.row.inc, payload, retain=True)
        return payload


def own_rows(ear: Ear) -> list[Row]:
    said = [message.payload for message in list(ear.heard_all) if message.topic.startswith(ROWS + "entry-1-")]
    return [msgspec.json.decode(unsealed(KEY, payload), type=Row) for payload in said]


def own_row(ear: Ear) -> Row:
    return own_rows(ear)[-1]


def notice(ear: Ear) -> Notice:
    return msgspec.json.decode(unsealed(KEY, ear.on("/rights/hall/notice")[-1].payload, "notice"), type=Notice)


def refused(ear: Ear) -> dict[str, int]:
    told: dict[str, int] = json.loads(ear.on("/status")[-1].payload)["notices_refused"]
    return told


def test_forged_foreign_truncated_and_misplaced_rows_are_counted_and_change_nothing(gate: Bench, ear: Ear) -> None:
    wait_until(lambda: own_row(ear).free == LIMIT)
    me, door = own_row(ear).inc, Door(ear)
    door.says(OTHER_HALL, T={me: 50})
    good = sealed(KEY, msgspec.json.encode(door.row), "row")
    for topic, payload in (
        (ROWS + door.row.inc, good[: len(good) // 2]),
        (ROWS + door.row.inc, good[:-1]),
        (ROWS + door.row.inc, b""),
        (ROWS + "entry-8-00000002", good),
        (ROWS + door.row.inc, sealed(KEY, b"[1, 2", "row")),
        (ROWS + door.row.inc, sealed(KEY, msgspec.json.encode(door.row), "row-zone-b1")),
    ):
        ear.say(topic, payload)
    ear.say("hallgate/v1/pudong/rights/hall/row/" + door.row.inc, good)
    wait_until(lambda: refused(ear).get("row", 0) >= 6)
    admit(gate)
    wait_until(lambda: own_row(ear).A == 1)
    assert (own_row(ear).free, own_row(ear).V) == (LIMIT - 1, {})


def test_replayed_doubled_and_stale_rows_and_a_peer_whose_counters_fall_make_no_right(gate: Bench, ear: Ear) -> None:
    wait_until(lambda: own_row(ear).free == LIMIT)
    me, door = own_row(ear).inc, Door(ear)
    captured = [door.says(X=given, T={me: given}, entry=False) for given in (1, 2, 3)]
    wait_until(lambda: {door.row.inc: 3} == own_row(ear).V)
    for payload in (*captured, *captured[::-1]):
        ear.say(ROWS + door.row.inc, payload, retain=True)
    door.says(X=1, T={me: 1})
    door.says(T={})
    time.sleep(1)
    assert (own_row(ear).free, own_row(ear).V) == (LIMIT + 3, {door.row.inc: 3})
    door.says(X=4, T={me: 4})
    wait_until(lambda: own_row(ear).free == LIMIT + 4)


@pytest.mark.parametrize("how", ["twin", "peer", "rival bank"])
def test_whoever_knows_more_of_me_than_my_disk_stops_me_aloud(gate: Bench, ear: Ear, how: str) -> None:
    wait_until(lambda: own_row(ear).free == LIMIT)
    mine, door = own_row(ear), Door(ear)
    if how == "twin":
        Door(ear, mine.inc).says(dev="entry-1", A=2, bank=True, M=LIMIT)
    elif how == "peer":
        door.says(V={mine.inc: 2})
    else:
        door.says(bank=True, M=50)
    wait_until(lambda: any(one["alarm"] == "quarantine" for one in events(ear, "alarm")))
    wait_until(lambda: own_row(ear).state == "quarantine")
    gate.scan(gate.booking())
    gate.relay.silent(1.0)


def test_a_broker_that_lost_its_store_has_the_rows_again_within_a_heartbeat(
    gate: Bench,
    ear: Ear,
    broker: Broker,
) -> None:
    wait_until(lambda: own_row(ear).free == LIMIT)
    admit(gate, 2)
    broker.kill()
    admit(gate)
    broker.start()
    late = Ear(broker.url, "hallgate/v1/baoshan/#", client_id="late")
    try:
        wait_until(lambda: any(one.topic.startswith(ROWS) for one in late.heard_all) and late.on("/notice"), 15)
        assert (own_row(late).A, own_row(late).free, notice(late).limit) == (3, LIMIT - 3, LIMIT)
    finally:
        late.close()


def test_a_fenced_door_gives_its_rights_back_once_and_its_late_rows_change_nothing(gate: Bench, ear: Ear) -> None:
    hub, door = Hub(gate, ear), Door(ear)
    wait_until(lambda: own_row(ear).free == LIMIT)
    door.says(want=2)
    wait_until(lambda: {door.row.inc: 2} == own_row(ear).T)
    me = own_row(ear).inc
    door.says(V={me: 2}, free=2)
    order = hub.order("fence", {"inc": door.row.inc, "evidence": 2}, to="bank")
    assert hub.send("fence", order, topic=BANK)["result"] == "done"
    wait_until(lambda: own_row(ear).free == LIMIT)
    assert hub.send("fence", order, topic=BANK)["result"] == "done", "the first answer again"
    again = hub.order("fence", {"inc": door.row.inc, "evidence": 2}, to="bank")
    assert hub.send("fence", again, topic=BANK)["because"] == "fenced_already"
    door.says(T={me: 2}, X=2)
    time.sleep(1)
    assert own_row(ear).free == LIMIT and notice(ear).fenced == (door.row.inc,)


def test_a_recount_makes_no_right_before_everybody_answered(gate: Bench, ear: Ear) -> None:
    hub, door = Hub(gate, ear), Door(ear)

    admit(gate, 3)
    door.says()
    wait_until(lambda: own_row(ear).free == LIMIT - 3)
    assert hub.tell_bank("recount", inside=0) == "hold_first"
    assert hub.tell_bank("hold") == "done"
    assert hub.tell_bank("recount", inside=0) == "hold_first", "the other door has not answered"
    door.says(held=True, notice=notice(ear).serial)
    time.sleep(0.5)
    assert hub.tell_bank("recount", inside=0) == "done"
    time.sleep(1)
    assert own_row(ear).free == LIMIT - 3, "unplugged as far as anybody knows: nothing is made"
    door.says(held=True, notice=notice(ear).serial)
    wait_until(lambda: own_row(ear).free == LIMIT)
    assert hub.tell_bank("release") == "done"
    admit(gate)


def test_a_limit_lowered_below_the_number_inside_lets_nobody_in_until_enough_have_left(gate: Bench, ear: Ear) -> None:
    hub, door = Hub(gate, ear), Door(ear)
    admit(gate, 4)
    assert hub.tell_bank("limit", n=2) == "done"
    wait_until(lambda: own_row(ear).free == -2)
    me = own_row(ear).inc
    for left in (1, 2):
        door.says(X=left, T={me: left}, entry=False)
        wait_until(lambda left=left: {door.row.inc: left} == own_row(ear).V)  # type: ignore[misc]
        gate.scan(gate.booking())
        gate.relay.silent(0.5)
    door.says(X=3, T={me: 3})
    gate.relay.expect(ON)


def test_a_bank_killed_as_it_gives_takes_nothing_back_and_gives_nothing_twice(gate: Bench, ear: Ear) -> None:
    """By turns as soon as its larger row is heard, and at a drawn moment after it was asked: mostly before."""
    door, draw = Door(ear), random.Random(6)
    wait_until(lambda: own_row(ear).free == LIMIT)
    me = own_row(ear).inc
    for given in range(LIMIT - 1):
        door.says(asks=1, V={me: given}, A=given)
        if given % 2 == 0:
            wait_until(lambda given=given: own_row(ear).T.get(door.row.inc, 0) > given, every_s=0.0)  # type: ignore[misc]
        else:
            time.sleep(draw.uniform(0, 0.02))
        gate.kill()
        heard = own_row(ear).T.get(door.row.inc, 0)
        assert recovered(Reader(gate.state)).state.rights.T.get(door.row.inc, 0) >= heard, "told before it was on disk"
        boot = own_row(ear).boot
        gate.start()

        def given_for_its_next_beat(given: int = given, boot: int = boot) -> bool:
            """What it said while the bank was dead is only kept, and says nothing of who stands there now."""
            door.says(asks=1, V={me: given}, A=given)
            return own_row(ear).boot > boot and own_row(ear).T.get(door.row.inc) == given + 1

        wait_until(given_for_its_next_beat, every_s=0.2)
    told = [row.T.get(door.row.inc, 0) for row in own_rows(ear)]
    assert told == sorted(told)
    door.says(asks=0, V={me: LIMIT - 1}, A=LIMIT - 1)
    admit(gate)
    gate.scan(gate.booking())
    gate.relay.silent(1.0)
