"""The plan at a real door, where it needs more than a scanner: pins, an identity reader, a range sensor, a hub, a second door."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mqtt.signing import sign
from sensors import identity_sdt, range_ld2450
from sensors.readings import Gap, IdentityCard, Position, Positions, Secret
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import OFF, ON, Far
from tests.device.door import HOUR_S, OPENING, Door, door
from tests.device.hub import Hub
from tests.device.test_isolation import BUTTON, Watched
from tests.mqtt.helpers import Ear
from tests.people.hall import CLASSES
from tests.side.hall import side_link

DURESS, SYMPTOMS = 24, 25
BUTTONS = f"""
[lane.button]
driver = "contact_switch"
pin = {BUTTON}
normally = "open"
[lane.duress]
driver = "contact_switch"
pin = {DURESS}
normally = "open"
[lane.symptoms]
driver = "contact_switch"
pin = {SYMPTOMS}
normally = "open"
"""
EXPECTED = "pcr_validity_hours = 72\n\n[class.elder]"


@contextmanager
def with_buttons(folder: Path, *changes: tuple[str, str], **options: Any) -> Iterator[tuple[Door, Watched]]:
    options["lane"] = options.get("lane", "") + BUTTONS
    with door(folder, *changes, at="", **options) as made:
        made.gate.environment["HALLGATE_PINS"] = f"unix:{folder}/pins"
        made.start()
        pins = Watched(folder / "pins")
        for pin in (BUTTON, DURESS, SYMPTOMS):
            pins.set(pin, 1)
        time.sleep(0.3)
        yield made, pins
        pins.socket.close()


def answered(made: Door, before: int) -> str:
    made.wait(before)
    return made.last()[0]


# -------------------------------------------------------------- attendants


def test_a_mask_is_attested_by_badge_and_button(tmp_path: Path) -> None:
    rule = (EXPECTED, 'pcr_validity_hours = 72\nmask = "attest"\n\n[class.elder]')
    with with_buttons(tmp_path, rule) as (made, pins):
        for seconds, expected in ((0.3, "admit"), (3.0, "refuse")):
            assert "mask_asked" in made.shows(made.booking(), made.test())[1]
            made.gate.shows_badge(made.badge())
            before = len(made.decisions())
            pins.press(seconds)
            assert answered(made, before) == expected


def test_who_cannot_show_a_code_is_confirmed_step_by_step(tmp_path: Path) -> None:
    """3.1.2d: identity card on a real reader's wire, then the attendant, then the paper code, then the health proof."""
    far, simulator = Far(tmp_path / "reader"), identity_sdt.Simulator(identity_sdt.Settings(), lies_ms=60_000)
    lane = f'[lane.identity]\ndriver = "identity_sdt"\nport = "{far.link}"\nregions = ["1101"]\n'
    over = threading.Event()

    def reader() -> None:
        while not over.is_set():
            heard, far.heard = far.read(0.05), b""
            for later in simulator.hear(heard, time.monotonic() * 1000) if heard else ():
                assert isinstance(later.raw, bytes)
                far.write(later.raw)

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        with with_buttons(tmp_path / "door", lane=lane) as (made, pins):
            number, born = "11010519491231002X", "19491231"
            before = len(made.decisions()) + 1
            made.shows(made.booking(document=number))
            simulator.show(IdentityCard(Secret(number), Secret(born)), time.monotonic() * 1000)
            made.wait(before)
            assert "identity_asked" in made.last()[1], "an elder by the card: no pass can claim an age"
            for asked in ("paper_code_asked", "pcr_asked"):
                made.gate.shows_badge(made.badge())
                before = len(made.decisions())
                pins.press(0.3)
                made.wait(before)
                assert asked in made.last()[1]
            answer, reasons = made.shows(made.test())
            assert answer == "admit" and made.decisions()[-1]["class"] == "elder", reasons
            assert number not in json.dumps(made.gate.records())
            steps = [one["name"] for one in made.gate.records() if one["kind"] == "command"]
            assert len(steps) == 2, steps
    finally:
        over.set()
        thread.join()
        far.unplug()


def test_buttons_for_the_unwell_and_the_threatened(tmp_path: Path) -> None:
    with with_buttons(tmp_path) as (made, pins):
        pins.set(DURESS, 0, 0.3)
        pins.set(DURESS, 1, 0.3)
        wait_until(lambda: [one for one in made.gate.records() if one["kind"] == "alarm" and one["alarm"] == "duress"])
        made.gate.relay.silent(0.3)
        pins.set(SYMPTOMS, 0, 0.3)
        pins.set(SYMPTOMS, 1, 0.3)
        assert made.shows(made.badge())[0] == "staff"
        assert "不适" not in made.decisions()[-1]["sign"]


def test_hold_release_and_the_sweep_after_closing(tmp_path: Path) -> None:
    by_itself = ("[on_doubt]", '[[release]]\ntime = "10:01"\n[on_doubt]')
    with with_buttons(tmp_path, by_itself, serves=CLASSES) as (made, pins):
        attended(made, pins, 3.0)
        assert made.shows(made.booking())[0] == "wait" and made.decisions()[-1]["phrase"] == "held"
        made.start("2022-06-10T10:00:57")
        wait_until(lambda: [one for one in made.gate.records() if one.get("issuer") == "schedule"])
        assert made.visit(made.booking(), made.test(6)) == "admit", "released at the time that the rulebook says"
        made.start("2022-06-10T20:05")
        pins = Watched(made.gate.folder / "pins")
        attended(made, pins, 5.5)
        wait_until(lambda: [one for one in made.gate.records() if one["kind"] == "command" and one["name"] == "sweep"])
        made.start("2022-06-13T10:00")
        made.shows(made.booking())
        assert made.decisions()[-1]["remains"]["places"] == 200, "nobody inside after the sweep"
        pins.socket.close()


def attended(made: Door, pins: Watched, seconds: float) -> None:
    pins.set(BUTTON, 1, 0.3)
    made.gate.shows_badge(made.badge())
    pins.press(seconds)


def test_an_incident_nobody_acknowledges_goes_higher(tmp_path: Path) -> None:
    soon = ("acknowledge_seconds = 120", "acknowledge_seconds = 5"), ("escalate_seconds = 300", "escalate_seconds = 6")
    with door(tmp_path, *soon) as made:
        assert made.visit(made.booking(), made.test(result="positive")) == "isolate"
        wait_until(lambda: "escalated" in {one.get("step") for one in made.gate.records()}, 30)


def test_a_helped_visitor_has_a_slow_gate(tmp_path: Path) -> None:
    with door(tmp_path) as made:
        for code in (made.booking("assisted", helper=True), made.test()):
            before = len(made.decisions())
            made.gate.scan(code)
            made.wait(before)
        made.gate.relay.expect(ON)
        made.gate.relay.silent(2.5, OFF)
        made.gate.relay.expect(OFF)


# -------------------------------------------------------------- lanes of one device


def test_one_of_two_doors_open_at_a_time(tmp_path: Path) -> None:
    with two_lanes(tmp_path, 'interlock = "porch"') as (made, scanner, relay):
        made.gate.scan(made.booking())
        made.gate.scan(made.test())
        made.gate.relay.expect(ON)
        before = len(made.decisions())
        scanner.write(made.booking() + b"\r")
        made.wait(before)
        scanner.write(made.test(6) + b"\r")
        made.wait(before + 1)
        assert "interlock" in {clause["because"] for clause in made.decisions()[-1]["clauses"]}
        assert ON not in relay.read(0.3)
        made.gate.relay.expect(OFF)


def test_whoever_is_led_away_keeps_the_lane_before_shut(tmp_path: Path) -> None:
    upstream = ("hold_upstream = []", 'hold_upstream = ["B"]')
    with two_lanes(tmp_path, "", upstream) as (made, scanner, relay):
        assert made.visit(made.booking(), made.test(result="positive")) == "isolate"
        before = len(made.decisions())
        scanner.write(made.booking() + b"\r")
        made.wait(before)
        assert made.decisions()[-1]["answer"] == "wait" and ON not in relay.read(0.3)


@contextmanager
def two_lanes(folder: Path, key: str, *changes: tuple[str, str]) -> Iterator[tuple[Door, Far, Far]]:
    folder.mkdir(exist_ok=True)
    scanner, relay = Far(folder / "scanner-b"), Far(folder / "relay-b")
    lane = f"""
[[lane]]
name = "B"
direction = "in"
for = ["visitor"]
{key}
[lane.scanner]
driver = "scanner_text_line"
port = "{scanner.link}"
[lane.gate]
driver = "gate_relay_lcus"
port = "{relay.link}"
channel = 1
"""
    with door(folder / "door", *changes, at="", lane=lane, direction=f'in"\n{key}\n#"') as made:
        made.start()
        yield made, scanner, relay
    for far in (scanner, relay):
        far.unplug()


class Radar:
    """A simulated range sensor at the far end of its line; it speaks ten times a second."""

    def __init__(self, link: Path) -> None:
        self.far, self._simulator = Far(link), range_ld2450.Simulator(range_ld2450.Settings())

    def sees(
        self, what: Gap | Positions, times: int, meanwhile: Callable[[], object] = lambda: time.sleep(0.1)
    ) -> None:
        for _ in range(times):
            for later in self._simulator.show(what, 0.0):
                assert isinstance(later.raw, bytes)
                self.far.write(later.raw)
            meanwhile()


def test_the_queue_is_measured(tmp_path: Path) -> None:
    radar = Radar(tmp_path / "radar")
    lane = f'[lane.range]\ndriver = "range_ld2450"\nport = "{radar.far.link}"\n'
    with door(tmp_path / "door", lane=lane) as made:
        radar.sees(Gap(1_200), 15)
        answer, reasons = made.shows(made.booking(), made.test())
        assert answer == "wait" and "too_close" in reasons
        radar.sees(Gap(2_600), 15)
        assert made.visit(made.booking(), made.test(6)) == "admit"
    radar.far.unplug()


def test_a_queue_too_close_is_asked_aloud_and_not_at_every_look(tmp_path: Path) -> None:
    radar, mouth = Radar(tmp_path / "radar"), Far(tmp_path / "mouth")
    lane = f'''[lane.range]
driver = "range_ld2450"
port = "{radar.far.link}"
[lane.voice]
driver = "voice_syn6288"
port = "{mouth.link}"
answers = false
'''
    with door(tmp_path / "door", lane=lane, rate=4) as made:
        end = time.monotonic() + 26 / made.rate
        while time.monotonic() < end:
            radar.sees(Gap(900), 1, meanwhile=lambda: mouth.read(0.1 / made.rate))
        said = mouth.heard.count("二米".encode("gbk"))
        assert said == 1, f"{said} times in 26 s: after 10, and then not for a minute"
    for far in (radar.far, mouth):
        far.unplug()


def test_entry_pauses_while_it_is_crowded_behind_the_gate(tmp_path: Path) -> None:
    radar = Radar(tmp_path / "behind")
    lane = f'[lane.behind]\ndriver = "range_ld2450"\nport = "{radar.far.link}"\n'
    with door(tmp_path / "door", ("density_persons_max = 0", "density_persons_max = 2"), lane=lane, rate=3) as made:

        def behind(persons: int) -> None:
            radar.sees(Positions(tuple(Position(n + 1, 0.8 * n - 0.8, 2.0) for n in range(persons))), 15)

        behind(3)
        answer, reasons = made.shows(made.booking(), made.test())
        assert answer == "wait" and "dense" in reasons
        behind(1)
        made.passes(13)
        behind(1)
        assert made.visit(made.booking(), made.test(6)) == "admit"
    radar.far.unplug()


# -------------------------------------------------------------- a hub, a second door


def push(made: Door, ear: Ear, what: str, kind: str, content: dict[str, Any]) -> None:
    issuer = made.gate.issuer
    token = sign(json.dumps(content).encode(), issuer.edwards_keys[kind], issuer.kid(kind))
    ear.say(f"hallgate/v1/baoshan/{what}", token, retain=True)


def known_tests(made: Door, pcr_h: float, *antigen_h: float) -> list[dict[str, Any]]:
    rows = [("naat", pcr_h), *(("antigen", hours) for hours in antigen_h)]
    return [{"kind": kind, "result": "negative", "sampled": made.now - int(h * HOUR_S)} for kind, h in rows]


def told_of_the_roster(made: Door) -> list[dict[str, Any]]:
    return [one for one in made.gate.records() if one["kind"] == "health" and one["device"] == "roster"]


def test_what_the_roster_knows_of_the_staff(tmp_path: Path, broker: Broker) -> None:
    """Tests, posts and hours from the hub, also with the hub gone; a guest with a host; one bad line that is named."""
    with door(tmp_path / "door", hub=broker.url, rate=4) as made:
        ear = Ear(broker.url, "hallgate/#")
        ids = {name: bytes([number]) * 8 for number, name in enumerate(("good", "old", "noon"), 1)}
        staff = [
            {"pass": ids["good"].hex(), "tests": known_tests(made, 60, 10, 34)},
            {"pass": ids["old"].hex(), "tests": known_tests(made, 90, 10, 34)},
            {"pass": ids["noon"].hex(), "tests": known_tests(made, 60, 10, 34), "bands": ["12:00-18:00"]},
            {"pass": "nonsense"},
        ]
        push(made, ear, "roster", "roster", {"v": 1, "day": OPENING[:10], "staff": staff, "bookings": []})
        wait_until(lambda: told_of_the_roster(made))
        assert "1 refused: staff line 4" in told_of_the_roster(made)[0]["because"]
        broker.kill()
        badges = {name: made.badge(pass_id=id) for name, id in ids.items()}
        assert made.shows(badges["good"])[0] == "admit"
        assert "pcr_asked" in made.shows(badges["old"])[1]
        assert made.shows(badges["noon"])[0] == "refuse"
        made.passes(20.5)  # longer than a badge that was shown counts as a host
        assert "host_asked" in made.shows(made.booking("guest"), made.test())[1]
        assert made.shows(badges["good"])[0] == "admit" and made.decisions()[-1]["class"] == "guest"
        assert "host_asked" in made.shows(made.booking("guest"), made.test(6))[1]
        assert made.shows(badges["old"])[1] >= {"host_not_in_order"}
        ear.close()


def test_an_arrival_keeps_its_report_good_and_a_place_that_comes_is_theirs(tmp_path: Path, broker: Broker) -> None:
    with door(tmp_path / "door", ("limit_persons = 200", "limit_persons = 1"), hub=broker.url) as made:
        ear = Ear(broker.url, "hallgate/#")
        assert made.visit(made.booking()) == "admit"
        code, report = made.booking(), made.test(71.95)
        assert "hall_full" in made.shows(code, report)[1]
        made.start("2022-06-10T10:06")
        hub = Hub(made.gate, ear)
        assert hub.send("limit", hub.order("limit", {"n": 2}, shift_s=made.now - time.time()))["result"] == "done"
        assert made.visit(code, report) == "admit", "older than 72 hours by now: our own queue makes nobody late"
        stale = made.test(72.05)
        assert hub.send("limit", hub.order("limit", {"n": 3}, shift_s=made.now - time.time()))["result"] == "done"
        assert "pcr_too_old" in made.shows(made.booking(), stale)[1]
        ear.close()


def test_cases_of_agents_without_a_slot_have_a_quota(tmp_path: Path, broker: Broker) -> None:
    rules = ("cases_per_day = 0", "cases_per_day = 10"), ("slot_required = true", "slot_required = false")
    with door(tmp_path / "door", *rules, hub=broker.url) as made:
        ear = Ear(broker.url, "hallgate/#")
        lines = [{"number": number, "class": "agent", "cases": 6} for number in ("4711", "4712")]
        push(made, ear, "roster", "roster", {"v": 1, "day": OPENING[:10], "staff": [], "bookings": lines})
        wait_until(
            lambda: [one for one in made.gate.records() if one["kind"] == "health" and one["device"] == "roster"]
        )
        assert made.visit(b"4711") == "admit"
        assert made.shows(b"4712")[0] == "refuse"
        assert made.decisions()[-1]["remains"]["cases"] == 4
        ear.close()


def test_a_pass_is_used_once_at_all_doors_without_a_hub(tmp_path: Path) -> None:
    one, two = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with door(tmp_path / "one", site=side_link(one, [two])) as first:
        other = {"name": "entry-2", "bank": False, "issuer": first.gate.issuer, "site": side_link(two, [one])}
        with door(tmp_path / "two", **other) as second:
            pass_shown, report = first.booking(), first.test()
            assert first.visit(pass_shown, report) == "admit"
            wait_until(lambda: "used" in second.shows(pass_shown)[1], 30, 3.5)
            fresh = second.booking()
            assert second.visit(fresh, second.test(7)) == "admit"
            second.gate.kill()
            unheard = first.booking()
            assert first.visit(unheard, first.test(8)) == "admit", "a dead door holds nobody up"
            second.start()


def test_nobody_tries_again_at_another_door(tmp_path: Path) -> None:
    one, two = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with door(tmp_path / "one", site=side_link(one, [two])) as first:
        other = {"name": "entry-2", "bank": False, "issuer": first.gate.issuer, "site": side_link(two, [one])}
        with door(tmp_path / "two", **other) as second:
            assert first.visit(first.booking(), first.test(result="positive")) == "isolate"
            assert second.visit(second.booking(), second.test(9, person=1)) == "admit", "somebody else"
            answer = second.visit(second.booking(), second.test(9, person=0))
            assert answer == "isolate", "the same name with another booking and a better report"


# -------------------------------------------------------------- what was reported lost


def test_a_badge_that_was_reported_lost_opens_nothing_also_without_the_hub(tmp_path: Path, broker: Broker) -> None:
    """3.1.4c: withdrawn by the hub, remembered without it: no attendant's button, no staff door, no host."""
    with with_buttons(tmp_path / "door", hub=broker.url, serves=CLASSES) as (made, pins):
        ear, lost = Ear(broker.url, "hallgate/#"), bytes(range(8))
        push(made, ear, "revocations", "revocation", {"v": 1, "serial": 1, "passes": [lost.hex()], "holders": []})
        wait_until(lambda: [one for one in made.gate.records() if one.get("device") == "revocations"])
        broker.kill()
        ear.close()
        pins.socket.close()
        made.start("2022-06-10T10:05")
        pins = Watched(made.gate.folder / "pins")
        pins.set(BUTTON, 1, 0.3)
        assert "host_asked" in made.shows(made.booking("guest"), made.test())[1]
        assert made.shows(made.badge(pass_id=lost))[1] >= {"host_not_in_order"}
        time.sleep(3.2)
        assert made.shows(made.badge(pass_id=lost))[0] == "refuse"
        pins.press(0.3)
        made.gate.relay.silent(1.0)
        attended(made, pins, 0.3)
        made.gate.relay.expect(ON)
        pins.socket.close()


def test_the_responders_key_opens_a_lane_that_is_only_a_way_out(tmp_path: Path) -> None:
    """For as long as it is turned, without rules and at a full hall; afterwards it is the exit it was."""
    key = 26
    lane = f'[lane.release_key]\ndriver = "contact_switch"\npin = {key}\nnormally = "open"\n'
    rules = ("limit_persons = 200", "limit_persons = 1")
    with with_buttons(tmp_path, rules, lane=lane, direction='out"\n#"') as (made, pins):
        pins.set(key, 0, 0.3)
        made.gate.relay.expect(ON)
        made.gate.relay.silent(3.0, OFF)
        assert "responder" in [one["alarm"] for one in made.gate.records() if one["kind"] == "alarm"]
        pins.set(key, 1, 0.3)
        made.gate.relay.expect(OFF)
        pins.set(BUTTON, 0, 0.3)
        made.gate.relay.expect(ON)
