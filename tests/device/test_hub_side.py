"""A device and its hub over a real Mosquitto: nothing lost, nothing out of order, orders obeyed once."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.peers.side_exchange import Exchange
from mqtt.signing import sign
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import OFF, ON, RULEBOOK, Bench, bench
from tests.device.hub import ALL, BANK, DEVICE, Hub, admit, events, loaded
from tests.mqtt.helpers import Ear
from tests.side.hall import side_link


@pytest.fixture
def gate(tmp_path: Path, broker: Broker, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Its pulse lasts 50 ms unless a test asks for another."""
    with bench(tmp_path / "gate", hub=broker.url, pulse=getattr(request, "param", 50)) as made:
        yield made.start()


def gap_free(ear: Ear, last: int) -> bool:
    return set(ear.seqs()) >= set(range(1, last + 1))


def test_every_event_arrives_as_it_is_in_the_journal(gate: Bench, ear: Ear) -> None:
    admit(gate, 3)
    wait_until(lambda: len(events(ear, "passage")) == 3)
    decision = events(ear, "decision")[0]
    assert decision["answer"] == "admit" and decision["took_ms"] > 0 and decision["clauses"]
    assert ear.on("/availability")[-1].payload == b"online"
    written = {record["id"]: record for record in gate.records()}
    assert all(event == written[event["id"]] for event in (json.loads(one.payload) for one in ear.on("/event")))
    assert all(one.payload.startswith(b'{"v":1,') for one in (*ear.on("/event"), *ear.on("/status")))
    wait_until(lambda: json.loads(ear.on("/status")[-1].payload).get("free_rights") == 97)
    told = json.loads(ear.on("/status")[-1].payload)
    assert told["remains"] == {"places": 97, "day": 100_000, "slot": None, "cases": None, "walk_in": False}
    assert (told["rulebook_before"], told["rulebook_next"]) == (False, "")
    status = json.loads(ear.on("/status")[-1].payload)
    assert (status["v"], status["inside"], status["limit_persons"], status["rulebook"]) == (1, 3, 100, 1)
    assert {sensor["device"] for sensor in status["lanes"][0]["sensors"]} == {"scanner", "gate"}


def test_a_broker_that_is_killed_and_comes_back_empty_loses_nothing(gate: Bench, ear: Ear, broker: Broker) -> None:
    admit(gate, 2)
    broker.kill()
    admit(gate, 3)
    broker.start()
    admit(gate, 1)
    gate_records = [record["seq"] for record in gate.records()]
    wait_until(lambda: gap_free(ear, max(gate_records)), 40)
    assert [message.payload for message in ear.on("/availability")][-1] == b"online"
    assert "AttributeError" not in gate.errors  # paho, of an `ssl` that is not there


def test_a_plain_line_carries_no_openssl(gate: Bench, ear: Ear) -> None:
    """4.7 MB of 45. Signatures are verified by the wheel's own; `test_trusted_line` has the encrypted one."""
    admit(gate)
    wait_until(lambda: events(ear, "passage"))
    assert not loaded(gate) & {"libssl", "libcrypto", "_ssl", "_hashlib"}


def test_an_order_that_names_a_lane_which_is_not_there_is_remembered(gate: Bench, ear: Ear) -> None:
    """Not by what is done now alone: whoever starts again reads in the journal what was ordered."""
    hub = Hub(gate, ear)
    assert hub.send("limit", hub.order("limit", {"n": 1, "lane": "Z"}))["result"] == "done"
    gate.kill()
    gate.start()
    gate.relay.heard = b""
    admit(gate, 1)
    gate.scan(gate.booking())
    gate.relay.silent(0.3)
    replayed = gate.replay()
    assert replayed.returncode == 0, replayed.stderr


@pytest.mark.parametrize("body", [{"lane": "Z"}, {"lane": 3}, {"lane": {"deep": 1}}, {"reason": "x" * 600}])
def test_nothing_that_an_evacuation_says_besides_keeps_people_in(body: dict[str, Any], gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    assert hub.send("evacuate", hub.order("evacuate", body))["result"] == "done"
    gate.relay.expect(ON)
    gate.kill()
    gate.relay.heard = b""
    gate.start()
    gate.relay.expect(ON)
    replayed = gate.replay()
    assert replayed.returncode == 0, replayed.stderr


def test_a_lane_that_is_no_text_is_not_the_whole_hall(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    for lane in (3, True, 1.5, ""):
        assert hub.send("hold", hub.order("hold", {"lane": lane}))["because"] == "no_such_lane", lane
    admit(gate, 1)
    assert hub.send("hold", hub.order("hold", {"lane": None}))["result"] == "done", "null is no lane"
    gate.scan(gate.booking())
    gate.relay.silent(0.3)


def test_a_killed_device_is_seen_as_gone_and_catches_up(gate: Bench, ear: Ear) -> None:
    admit(gate, 1)
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    gate.kill()
    wait_until(lambda: ear.on("/availability")[-1].payload == b"offline", 30)
    gate.start()
    gate.relay.heard = b""
    admit(gate, 1)
    wait_until(lambda: len(events(ear, "passage")) >= 3)
    last = max(record["seq"] for record in gate.records())
    wait_until(lambda: gap_free(ear, last))
    by_id = {event["id"]: event["seq"] for message in ear.on("/event") for event in [json.loads(message.payload)]}
    assert len(set(by_id.values())) == len(by_id)


def test_what_nobody_heard_is_kept_and_history_is_told_again(gate: Bench, broker: Broker) -> None:
    admit(gate, 2)
    time.sleep(1)
    late = Ear(broker.url, ALL, client_id="late")
    last = max(record["seq"] for record in gate.records())
    wait_until(lambda: gap_free(late, last), 20)
    before = late.seqs().count(2)
    late.say(f"{DEVICE}/history", json.dumps({"v": 1, "ranges": [[2, 3]]}).encode())
    wait_until(lambda: late.seqs().count(2) > before)
    late.close()


@pytest.mark.parametrize("gate", [3_000], indirect=True)
def test_a_restart_is_ordered_once_and_the_gate_stays_shut(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    assert gate.process is not None and gate.process.stdout is not None
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    assert hub.send("restart", hub.order("restart"))["because"] == "somebody_is_at_a_lane"
    gate.relay.expect(OFF)
    wait_until(lambda: events(ear, "passage"))
    order = hub.order("restart", id="anew")
    assert hub.send("restart", order)["result"] == "done"
    assert gate.process.stdout.readline() == "ready\n", "the same process, started anew"
    wait_until(lambda: len(events(ear, "start")) == 2)
    assert hub.send("restart", order)["result"] == "done", "the first answer again"
    gate.relay.silent(1.0)
    assert gate.process.poll() is None and len(events(ear, "start")) == 2
    admit(gate)


def test_orders_are_done_once_and_answered(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    once = hub.order("open_once", {"lane": "A"}, id="one")
    assert hub.send("open_once", once)["result"] == "done"
    gate.relay.expect(ON)
    gate.relay.expect(OFF)
    assert hub.send("open_once", once)["result"] == "done", "the first answer again"
    gate.relay.silent(0.5)
    assert hub.send("hold", hub.order("hold", {"lane": "A", "reason": "cleaning"}))["result"] == "done"
    gate.scan(gate.booking())
    wait_until(lambda: events(ear, "decision")[-1]["phrase"] == "held")
    assert hub.send("release", hub.order("release", {"lane": "A"}))["result"] == "done"
    admit(gate)
    names = [(event["name"], event["result"]) for event in events(ear, "command")]
    assert names == [("open_once", "done"), ("hold", "done"), ("release", "done")]


def test_stale_forged_and_retained_orders_are_refused_aloud(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    stale = hub.order("open_once", {"lane": "A"}, shift_s=-3600)
    assert hub.send("open_once", stale)["because"] == "expired"
    forged = hub.order("open_once", {"lane": "A"})[:-6] + b"AAAAAA"
    assert hub.send("open_once", forged)["result"] == "refused"
    assert hub.send("open_once", hub.order("open_once", {"lane": "A"}), retain=True)["because"] == "retained"
    assert hub.send("hold", hub.order("open_once", {"lane": "A"}))["because"] == "wrong_address"
    gate.relay.silent(0.5)


def test_evacuate_is_obeyed_however_old(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    assert hub.send("evacuate", hub.order("evacuate", shift_s=-86_400))["result"] == "done"
    gate.relay.expect(ON)
    gate.relay.silent(1.0, OFF)
    gate.kill()
    gate.relay.heard = b""
    gate.start()
    gate.relay.expect(ON)


def test_nobody_is_counted_while_the_gate_stands_open(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    assert hub.send("evacuate", hub.order("evacuate"))["result"] == "done"
    assert hub.send("recount", hub.order("recount", {"inside": 0}, to="bank"), topic=BANK)["because"] == "evacuated"


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b'{"counters": [')])
def test_an_order_is_not_done_twice_although_the_notes_of_it_are_lost(gate: Bench, ear: Ear, spoil: Any) -> None:
    hub = Hub(gate, ear)
    once = hub.order("open_once", {"lane": "A"}, id="one")
    assert hub.send("open_once", once)["result"] == "done"
    gate.relay.expect(OFF)
    gate.kill()
    spoil(gate.state / "orders.json")
    gate.start()
    gate.relay.read(0.5)
    gate.relay.heard = b""
    wait_until(lambda: ear.on("/availability")[-1].payload == b"online")
    assert hub.send("open_once", once)["result"] == "done", "the first answer again"
    gate.relay.silent(0.5)
    assert len({event["id"] for event in events(ear, "command")}) == 1, "told again perhaps, done once"


def test_the_bank_takes_a_limit_and_a_recount(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)
    admit(gate, 2)
    assert hub.tell_bank("limit", n=2) == "done"
    gate.scan(gate.booking())
    wait_until(lambda: events(ear, "decision")[-1]["answer"] != "admit")
    gate.relay.silent(0.3)
    assert hub.tell_bank("limit", n=3) == "done"
    admit(gate, 1)
    assert hub.tell_bank("recount", inside=3) == "done"
    assert hub.send("limit", hub.order("limit", {"n": 9}, to="exit-1"), topic=BANK)["because"] == "wrong_address"


def test_a_flood_of_orders_is_done_to_the_last_and_lets_people_in_meanwhile(gate: Bench, ear: Ear) -> None:
    """What an answer finds no room for is counted; the events tell of every order."""
    hub = Hub(gate, ear)
    flood = [hub.order("identify") for _ in range(200)]
    for order in flood:
        ear.say(f"{DEVICE}/command/identify", order, response_topic="hallgate/v1/baoshan/hub/answers")
    wait_until(lambda: ear.on("/answers"))
    gate.scan(gate.booking())
    wait_until(lambda: len(events(ear, "command")) >= len(flood) and events(ear, "decision"), 60)
    assert {event["result"] for event in events(ear, "command")} == {"done"}
    assert events(ear, "decision")[0]["seq"] < events(ear, "command")[-1]["seq"], "in between"
    lost = len(flood) - len(ear.on("/answers"))
    wait_until(lambda: json.loads(ear.on("/status")[-1].payload)["dropped"] >= lost)


def test_what_made_no_sense_is_in_the_status(gate: Bench, ear: Ear) -> None:
    wait_until(lambda: ear.on("/status"))
    ear.say(f"{DEVICE}/history", b"again, please")
    admit(gate)
    wait_until(lambda: json.loads(ear.on("/status")[-1].payload)["dropped"] == 1)


def test_the_side_link_is_in_the_status(tmp_path: Path, broker: Broker, ear: Ear) -> None:
    own, far = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with bench(tmp_path / "one", hub=broker.url, site=side_link(own, [far])) as made:
        made.start()
        stranger = Exchange(bytes(range(32)), "baoshan", "exit-1", [], os.urandom)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            host, _, port = far.rpartition(":")
            wire.bind((host, int(port)))
            wire.settimeout(20)
            wire.sendto(b"who is there?", (host, int(own.rpartition(":")[2])))
            while not stranger.peers:
                stranger.heard(*wire.recvfrom(2_000), 0.0)
                while stranger.outbox:
                    wire.sendto(*stranger.outbox.popleft())
            admit(made)

            def told() -> dict[str, Any]:
                return json.loads(ear.on("/status")[-1].payload)["side_link"] if ear.on("/status") else {}

            wait_until(lambda: told().get("peers"))
        assert list(told()["peers"]) == ["exit-1"] and told()["because"] == ""
        assert told()["refused"]["garbled"] == 1


# -------------------------------------------------------------- documents of the hub


def push(gate: Bench, ear: Ear, what: str, kind: str, content: bytes) -> None:
    token = sign(content, gate.issuer.edwards_keys[kind], gate.issuer.kid(kind))
    ear.say(f"hallgate/v1/baoshan/{what}", token, retain=True)


def test_a_pushed_roster_opens_by_short_number_also_after_a_restart_without_a_hub(
    gate: Bench,
    ear: Ear,
    broker: Broker,
) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    lines = {"v": 1, "day": today, "bookings": [{"number": "4711"}, {"number": "x"}]}
    push(gate, ear, "roster", "roster", json.dumps(lines).encode())
    wait_until(lambda: any(event["device"] == "roster" for event in events(ear, "health")))
    (told,) = [event for event in events(ear, "health") if event["device"] == "roster"]
    assert told["state"] == "ok" and "1 lines; 1 refused: bookings line 2" in told["because"]
    broker.kill()
    gate.stop()
    gate.start()
    gate.scan(b"4711")
    gate.relay.expect(ON)
    assert gate.replay().returncode == 0


@pytest.mark.parametrize("hour", ["00:30", "12:00"])
def test_after_a_restart_the_day_is_still_the_halls_own(gate: Bench, ear: Ear, broker: Broker, hour: str) -> None:
    """Half past midnight in Shanghai is yesterday in UTC: the roster of the new day holds, before a restart and after."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2)
    gate.stop()
    gate.environment["HALLGATE_CLOCK"] = f"rate=1,wall={day}T{hour}:00+08:00"
    gate.start()
    push(
        gate, ear, "roster", "roster", json.dumps({"v": 1, "day": str(day), "bookings": [{"number": "4711"}]}).encode()
    )
    wait_until(lambda: any(event["device"] == "roster" for event in events(ear, "health")))
    broker.kill()
    gate.stop()
    gate.environment["HALLGATE_CLOCK"] = f"rate=1,wall={day}T{hour[:3]}40:00+08:00"
    gate.start()
    gate.scan(b"4711")
    gate.relay.expect(ON)


def test_a_status_says_which_alarms_and_incidents_stand_also_after_a_restart(
    tmp_path: Path, broker: Broker, ear: Ear
) -> None:
    """A hub that begins asks for the last forty events only: an isolation from before them could be signed off nowhere."""
    with bench(tmp_path / "gate", hub=broker.url, proof='"pcr"') as gate:
        gate.start()
        positive = gate.issuer.test_certificate(int(time.time()) - 3 * 3600, result="positive")
        gate.scan(gate.booking())
        gate.scan(positive.encode())

        def told() -> dict[str, Any]:
            return json.loads(ear.on("/status")[-1].payload) if ear.on("/status") else {}

        wait_until(lambda: told().get("incidents"))
        (one,) = told()["incidents"]
        assert (one["lane"], one["state"], one["lane_held"], one["overdue"]) == ("A", "opened", True, [])
        assert one["opened_at"][:10] == told()["at"][:10] and told()["alarms"] == []
        gate.kill()
        before = len(ear.on("/status"))
        gate.start()
        wait_until(lambda: len(ear.on("/status")) > before)
        assert told()["incidents"] == [one]


def test_a_pushed_rulebook_is_in_force_once_and_a_revoked_pass_is_refused(gate: Bench, ear: Ear) -> None:
    shown = gate.booking(pass_id=bytes(range(8)))
    wait_until(lambda: ear.on("/status"))
    push(gate, ear, "revocations", "revocation", b'{"v":1,"serial":1,"passes":["0001020304050607"]}')
    book = RULEBOOK.format(**{**gate.book, "serial": 2, "limit": 77}).encode()
    push(gate, ear, "rulebook", "rulebook", book)
    wait_until(lambda: ear.on("/status") and json.loads(ear.on("/status")[-1].payload).get("limit_persons") == 77)
    gate.scan(shown)
    wait_until(lambda: events(ear, "decision"))
    (decision,) = events(ear, "decision")
    assert decision["answer"] == "refuse" and decision["clauses"][0]["because"] == "revoked"
    gate.relay.silent(0.2)
    gate.stop()
    gate.start()
    admit(gate)
    wait_until(lambda: len(events(ear, "decision")) == 2)
    assert [event["serial"] for event in events(ear, "rulebook") if event["result"] == "taken"] == [1, 2]


def test_a_bad_rulebook_is_given_up_by_order_and_stays_away_after_a_restart(gate: Bench, ear: Ear) -> None:
    hub = Hub(gate, ear)

    def limit() -> Any:
        return json.loads(ear.on("/status")[-1].payload)["limit_persons"]

    push(gate, ear, "rulebook", "rulebook", RULEBOOK.format(**{**gate.book, "serial": 2, "limit": 77}).encode())
    wait_until(lambda: limit() == 77)
    assert hub.send("rulebook_fallback", hub.order("rulebook_fallback"))["result"] == "done"
    wait_until(lambda: limit() == 100)
    starts = len(events(ear, "start"))
    gate.stop()
    gate.start()
    wait_until(lambda: len(events(ear, "start")) > starts and any(
        "is not above 2" in event["because"] for event in events(ear, "rulebook") if event["result"] == "refused"
    ))  # fmt: skip
    admit(gate)
    wait_until(lambda: events(ear, "decision"))
    assert (limit(), events(ear, "decision")[-1]["rulebook"]) == (100, 1)
    gate.stop()
    assert gate.replay().returncode == 0


def test_a_venue_code_of_the_hub_stands_for_a_certificate(tmp_path: Path, broker: Broker, ear: Ear) -> None:
    with bench(tmp_path / "asking", hub=broker.url, proof='"pcr"', pulse=50) as gate:
        gate.start()
        hub = Hub(gate, ear)
        gate.scan(gate.booking(pass_id=bytes(range(8))))
        wait_until(lambda: events(ear, "decision")[-1]["answer"] == "wait")
        body = {"lane": "A", "pass_id": bytes(range(8)).hex(), "code": "green", "pcr": "negative"}
        order = hub.order("venue_code", {**body, "sampled_at": time.time() - 3600})
        assert hub.send("venue_code", order)["result"] == "done"
        gate.relay.expect(ON)
        assert gate.replay().returncode == 0
