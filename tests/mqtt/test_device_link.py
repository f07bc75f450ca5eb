"""A device on a real Mosquitto: every event arrives, whatever dies in between."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

from firmware.clock import Clock
from mqtt.address import Address
from mqtt.device_link import Link
from mqtt.messages import Incoming, Reply
from mqtt.outbox import Outbox
from tests.brokers import Broker, free_port, wait_until
from tests.mqtt.helpers import Device, Ear, Events, replace

DEVICE = "hallgate/v1/baoshan/device/gate-1"
DEEP = b'{"v":1,"ranges":[],"z":' + b"[" * 5_000 + b"]" * 5_000 + b"}"


def test_events_arrive_in_order_once_and_byte_for_byte(ear: Ear, device: Device) -> None:
    device.add(500)
    wait_until(lambda: len(ear.seqs()) == 500)
    assert ear.seqs() == list(range(1, 501))
    assert [message.payload for message in ear.on("/event")] == device.source.all
    assert {message.content_schema for message in ear.on("/event")} == {"hallgate/v1/event"}
    wait_until(lambda: device.outbox.depth == 0)


def test_no_event_is_lost_when_the_broker_is_killed_again_and_again(broker: Broker, device: Device, ear: Ear) -> None:
    for _ in range(3):
        device.add(150)
        wait_until(lambda: ear.seqs())
        broker.kill()
        device.add(50)
        wait_until(lambda: not device.link.connected)
        broker.start()
        wait_until(lambda: ear.connection.connected)
    wait_until(lambda: device.outbox.depth == 0)

    def complete() -> bool:
        missing = sorted(set(range(1, 601)) - set(ear.seqs()))
        ranges = [[seq, seq] for seq in missing[:64]]
        if missing:
            ear.say(DEVICE + "/history", json.dumps({"v": 1, "ranges": ranges}).encode())
        return not missing

    # A killed broker takes acknowledged messages with it: reason 0x00 is not receipt, so a hub asks for its gaps.
    wait_until(complete, every_s=0.3)


def test_events_nobody_subscribed_to_are_kept_until_somebody_does(broker: Broker, device: Device) -> None:
    device.add(40)
    wait_until(lambda: device.link.connected)
    wait_until(lambda: device.outbox.in_flight == 0 and device.outbox.depth == 40)
    late = Ear(broker.url, DEVICE + "/event")
    try:
        wait_until(lambda: len(late.seqs()) >= 40)
        assert sorted(late.seqs()) == list(range(1, 41)), "who subscribes amid a wave hears its beginning with the next"
    finally:
        late.close()


def test_history_publishes_a_range_again(ear: Ear, device: Device) -> None:
    device.add(100)
    wait_until(lambda: len(ear.seqs()) == 100)
    wait_until(lambda: device.outbox.depth == 0)
    for noise in (b"", b"{", b'{"v":1,"ranges":[[1]]}', b'{"v":1,"ranges":[[-1,5]]}', b"\xff" * 50_000, DEEP):
        ear.say(DEVICE + "/history", noise)
    ear.say(DEVICE + "/history", b'{"v":1,"ranges":[[10,14],[90,95]],"new":true}')
    wait_until(lambda: len(ear.seqs()) >= 111)
    assert ear.seqs()[100:] == [10, 11, 12, 13, 14, 90, 91, 92, 93, 94, 95]
    assert device.link.dropped == 6


def test_a_message_that_cannot_be_borne_is_told_and_never_comes_again(broker: Broker, ear: Ear) -> None:
    class Weak(Ear):
        def heard(self, message: Incoming) -> None:
            super().heard(message)
            if message.payload == b"poison":
                raise RecursionError

    weak = Weak(broker.url, "to/weak", client_id="weak", session_expiry_s=60)
    try:
        wait_until(lambda: weak.connection.connected)
        ear.say("to/weak", b"poison")
        wait_until(lambda: len(weak.heard_all) == 1)
        wait_until(lambda: weak.connection.connections == 2)
        ear.say("to/weak", b"bread")
        wait_until(lambda: b"bread" in [message.payload for message in weak.heard_all])
        assert [message.payload for message in weak.heard_all] == [b"poison", b"bread"]
    finally:
        weak.close()


def test_everything_retained_is_said_again_to_a_broker_that_forgot(broker: Broker, device: Device, ear: Ear) -> None:
    device.link.publish_retained("hallgate/v1/baoshan/passes/gate-1", b"{}")
    device.link.publish_status(b"old")
    device.link.publish_status(b"new")
    wait_until(lambda: ear.on("/status") and ear.on("passes/gate-1"))
    broker.kill()
    ear.heard_all.clear()
    broker.start()
    wait_until(lambda: len(ear.heard_all) >= 3)
    said = {message.topic: message.payload for message in ear.heard_all}
    assert said == {
        DEVICE + "/availability": b"online",
        DEVICE + "/status": b"new",
        "hallgate/v1/baoshan/passes/gate-1": b"{}",
    }


def test_orders_reach_the_inbox_with_their_retained_flag_and_answers_go_back(ear: Ear, device: Device) -> None:
    wait_until(lambda: device.link.connected)
    ear.say(DEVICE + "/command/identify", b"a", response_topic="answers/x", correlation=b"7")
    ear.say(DEVICE + "/command/open_once", b"b", retain=True)
    wait_until(lambda: len(device.posted) == 2)
    asked, retained = device.posted
    assert (asked.payload, asked.retained, asked.response_topic, asked.correlation) == (b"a", False, "answers/x", b"7")
    assert retained.retained
    other = Ear(ear.connection._address.host + f":{ear.connection._address.port}", "answers/#", client_id="other")
    wait_until(lambda: other.connection.connected)
    device.link.respond(Reply("hallgate/v1/baoshan/device/gate-2/command/open_once", None, b"forged"))
    device.link.respond(Reply("answers/x", b"7", b"done"))
    wait_until(lambda: other.heard_all)
    assert (other.heard_all[0].payload, other.heard_all[0].correlation) == (b"done", b"7")
    assert device.link.dropped == 1
    other.close()


def test_what_is_said_just_before_the_end_still_arrives(broker: Broker, tmp_path: Path, ear: Ear) -> None:
    device = Device(broker.url, tmp_path)
    wait_until(lambda: device.link.connected)
    device.link.publish_status(b'{"v":1,"update":"restarting"}')
    assert device.link.stop(5.0)
    wait_until(lambda: ear.on("/availability") and ear.on("/availability")[-1].payload == b"offline")
    assert ear.on("/status")[-1].payload == b'{"v":1,"update":"restarting"}'


def test_a_tidy_stop_says_offline_and_a_restart_sends_nothing_twice(broker: Broker, tmp_path: Path, ear: Ear) -> None:
    first = Device(broker.url, tmp_path)
    first.add(20)
    wait_until(lambda: len(ear.seqs()) == 20)
    assert first.link.stop(5.0)
    wait_until(lambda: ear.on("/availability") and ear.on("/availability")[-1].payload == b"offline")
    second = Device(broker.url, tmp_path, first.source)
    second.add(5)
    wait_until(lambda: len(ear.seqs()) >= 25)
    assert second.link.stop(5.0)
    assert ear.seqs() == list(range(1, 26))


KILLED = """
    import sys, time
    from pathlib import Path
    from firmware.clock import Clock
    from mqtt.address import Address
    from mqtt.device_link import Link
    from mqtt.outbox import Outbox
    from tests.mqtt.helpers import Events, replace
    source = Events()
    source.add(2000)
    box = Outbox(source, Path(sys.argv[2]), replace)
    Link(Address.parse(sys.argv[1]), "gate-1", "baoshan", box, print, Clock()).start()
    time.sleep(60)
"""


def test_a_killed_device_is_seen_gone_and_its_successor_loses_nothing(broker: Broker, tmp_path: Path, ear: Ear) -> None:
    for _ in range(2):
        already = len(ear.seqs())
        words = [sys.executable, "-c", textwrap.dedent(KILLED), broker.url, str(tmp_path / "cursor.json")]
        process = subprocess.Popen(words, cwd=Path(__file__).parents[2])
        wait_until(lambda before=already: len(ear.seqs()) > before + 300)
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_until(lambda: ear.on("/availability")[-1].payload == b"offline")
    source = Events()
    source.add(2000)
    last = Device(broker.url, tmp_path, source)
    wait_until(lambda: set(ear.seqs()) == set(range(1, 2001)))
    assert last.link.stop(5.0)


def test_a_broker_that_is_not_there_or_never_answers_costs_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        for port in (free_port(), mute.getsockname()[1]):
            device = Device(f"mqtt://127.0.0.1:{port}", tmp_path)
            device.add(1)
            device.link.publish_status(b"{}")
            device.link.respond(Reply("answers/x", None, b""))
            wait_until(lambda link=device.link: link.problem)
            assert not device.link.connected
            assert device.link.stop(10.0)
            assert device.outbox.depth == 1


def test_what_doors_said_while_it_was_away_comes_as_kept_and_never_as_said_now(
    broker: Broker, ear: Ear, tmp_path: Path
) -> None:
    """A door that died meanwhile would seem to live, and would be given places."""
    row = "hallgate/v1/baoshan/rights/hall/row/other-1"

    def joins() -> tuple[Link, list[Incoming]]:
        heard, outbox = list[Incoming](), Outbox(Events(), tmp_path / "cursor.json", replace)
        copies = ("hallgate/v1/baoshan/rights/hall/row/#",)
        link = Link(Address.parse(broker.url), "gate-9", "baoshan", outbox, heard.append, Clock(), copies=copies)
        link.start()
        ear.say(row, b"here", retain=True)
        wait_until(lambda: link.connected and any(message.topic == row for message in heard))
        return link, heard

    link, _ = joins()
    assert link.stop(10.0)
    before = len(ear.reasons)
    for number in range(3):
        ear.say(row, b"%d" % number, retain=True)
    wait_until(lambda: len(ear.reasons) == before + 3)
    link, heard = joins()
    ear.say(row, b"now", retain=True)
    wait_until(lambda: heard[-1].payload == b"now")
    assert not {b"0", b"1", b"2"} & {message.payload for message in heard if not message.retained}
    assert not heard[-1].retained
    assert link.stop(10.0)
