"""One real device process at real ptys: the answers, the relay, the record, and what spoils none of them."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.journal import Reader
from tests.brokers import wait_until
from tests.device.bench import OFF, ON, Bench, Far, bench

NEXT_DOOR = """[[lane]]
name = "B"
direction = "in"
for = ["visitor"]
[lane.scanner]
driver = "scanner_text_line"
port = "{scanner}"
[lane.gate]
driver = "gate_relay_lcus"
port = "{relay}"
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as made:
        made.start()
        made.relay.expect(OFF)
        yield made


def answers(made: Bench) -> list[tuple[str, str]]:
    return [
        (r["answer"], next(c["because"] for c in r["clauses"] if c["verdict"] == r["answer"]))
        for r in made.records()
        if r["kind"] == "decision"
    ]


def until(made: Bench, wanted: int) -> list[tuple[str, str]]:
    end = time.monotonic() + 30
    while len(answers(made)) < wanted:
        assert time.monotonic() < end, (answers(made), made.errors)
        time.sleep(0.05)
    return answers(made)


def test_admit_pulses_the_relay_and_uses_the_pass(gate: Bench) -> None:
    booking = gate.booking()
    gate.scan(booking)
    gate.relay.expect(ON)
    gate.relay.expect(OFF)
    gate.scan(booking)
    gate.relay.silent(0.3)
    time.sleep(3)
    gate.scan(booking)
    assert until(gate, 2) == [("admit", "in_order"), ("refuse", "used")]
    assert gate.stop() == 0
    assert [r["assumed"] for r in gate.records() if r["kind"] == "passage"] == [True]
    assert gate.replay().returncode == 0


def test_another_person_waits_while_a_grant_is_open(gate: Bench) -> None:
    first, second = gate.booking(), gate.booking()
    gate.scan(first)
    gate.relay.expect(ON)
    gate.scan(second)
    assert until(gate, 2)[1] == ("wait", "take_turn")
    gate.relay.expect(OFF)
    gate.relay.silent(0.3)
    gate.scan(second)
    gate.relay.expect(ON)


def test_two_codes_in_either_order_are_one_visit(tmp_path: Path) -> None:
    with bench(tmp_path, proof='"pcr"') as made:
        made.start()
        hours = 3600
        test = made.issuer.test_certificate(int(time.time()) - 10 * hours).encode()
        old = made.issuer.test_certificate(int(time.time()) - 80 * hours).encode()
        for pair in ((made.booking(), test), (test, made.booking())):
            for code in pair:
                made.scan(code)
            made.relay.expect(ON)
            made.relay.expect(OFF)
            time.sleep(3.1)
        made.scan(made.booking())
        made.scan(old)
        assert until(made, 6) == [
            ("wait", "pcr_asked"), ("admit", "in_order"), ("wait", "booking_missing"), ("admit", "in_order"),
            ("wait", "pcr_asked"), ("staff", "pcr_too_old"),
        ]  # fmt: skip


def test_forged_foreign_and_late_passes_open_nothing(gate: Bench) -> None:
    good = gate.booking()
    now = int(time.time())
    for code in (
        good[:-4] + b"0000",
        b"HP1:" + b"A" * 300,
        gate.booking(extra={-70001: "elsewhere"}),
        gate.booking(not_before_s=now - 9000, expires_s=now - 60),
        gate.booking(slot=(now + 7200, now + 9000), expires_s=now + 9000),
        gate.booking(slot=(now - 9000, now - 3600)),
    ):
        gate.scan(code)
    found = until(gate, 6)
    assert [answer for answer, _ in found] == ["refuse", "refuse", "refuse", "refuse", "wait", "refuse"]
    gate.relay.silent(0.3)


def test_any_bytes_neither_break_nor_block_the_lane(gate: Bench) -> None:
    lots = random.Random(1)
    gate.scanner.write(b"\xff\xfe\x80\r")
    for size in (10, 300, 5_000, 200_000, 2_000_000):
        gate.scanner.write(lots.randbytes(size))
    gate.scanner.write(b"\r")
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    assert gate.errors == ""


def test_a_babbling_scanner_holds_up_no_other_lane_and_fills_no_journal(tmp_path: Path) -> None:
    """6,000 different lines that look like passes, as fast as the wire takes them, and three visitors next door."""
    scanner, relay = Far(tmp_path / "scanner-b"), Far(tmp_path / "relay-b")
    with bench(tmp_path / "gate", lane=NEXT_DOOR.format(scanner=scanner.link, relay=relay.link)) as made:
        made.start()
        junk = b"".join(b"HP1:%032d\r" % number for number in range(6_000))
        babble = threading.Thread(target=made.scanner.write, args=(junk,))
        babble.start()
        for _ in range(3):
            scanner.write(made.booking() + b"\r")
            relay.expect(ON)
            relay.expect(OFF)
        babble.join()
        made.scan(made.booking())
        made.relay.expect(ON)
        assert made.stop() == 0
        told = made.records()
        at_a = [record for record in told if record["lane"] == "A"]
        assert [record["state"] for record in at_a if record["kind"] == "health"] == ["garbled"]
        assert 8 <= sum(record["kind"] == "decision" for record in at_a) < 1_000
    scanner.unplug()
    relay.unplug()


def test_a_line_split_by_a_second_is_not_lost(gate: Bench) -> None:
    booking = gate.booking()
    gate.scanner.write(booking[:50])
    time.sleep(1.3)
    gate.scanner.write(booking[50:] + b"\r\n")
    gate.relay.expect(ON)


def test_a_code_longer_than_any_is_answered_and_opens_the_way_out(tmp_path: Path) -> None:
    """A large QR code holds 7,089 digits: whoever shows one must not stand before a sign that says nothing."""
    with bench(tmp_path / "in") as entry:
        entry.start().scan(b"7" * 7_089)
        wait_until(lambda: [one for one in entry.records() if one["kind"] == "decision"])
        (decision,) = [one for one in entry.records() if one["kind"] == "decision"]
        assert (decision["answer"], decision["phrase"]) == ("refuse", "not_read")
    with bench(tmp_path / "out", direction="out") as way_out:
        way_out.start().scan(b"7" * 7_089)
        way_out.relay.expect(ON)


def test_an_exit_whose_scanner_is_unplugged_stands_open_until_it_is_back(tmp_path: Path) -> None:
    with bench(tmp_path, direction="out") as way_out:
        way_out.start()
        way_out.relay.heard = b""
        way_out.scanner.unplug()
        way_out.relay.expect(ON)
        way_out.relay.silent(1, OFF)
        way_out.scanner.plug()
        way_out.relay.expect(OFF)


def test_unplugged_devices_come_back_and_nothing_fires(gate: Bench) -> None:
    gate.scanner.unplug()
    gate.relay.unplug()
    time.sleep(0.5)
    gate.scanner.plug()
    gate.relay.plug()
    gate.relay.heard = b""
    gate.relay.silent(2.5)
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    states = [r["state"] for r in gate.records() if r["kind"] == "health"]
    assert states.count("unplugged") == 2 and states.count("ok") == 2


def test_a_lost_relay_board_calls_staff(gate: Bench) -> None:
    gate.relay.unplug()
    time.sleep(0.5)
    gate.scan(gate.booking())
    assert until(gate, 1) == [("staff", "gate_fault")]
    gate.relay.plug()


def test_the_limit_holds_and_a_party_takes_all_or_none(tmp_path: Path) -> None:
    with bench(tmp_path, limit=3) as made:
        made.start()
        for party in (2, 2, 1):
            made.scan(made.booking(party=party))
            time.sleep(1)
        assert until(made, 3) == [("admit", "in_order"), ("wait", "hall_full"), ("admit", "in_order")]


def test_killed_at_random_moments_nothing_recorded_is_lost(tmp_path: Path) -> None:
    """O5: after SIGKILL right behind a pulse the journal knows of every pulse; and it replays."""
    lots = random.Random(7)
    with bench(tmp_path, pulse=50) as made:
        pulses = 0
        for _ in range(8):
            made.start()
            for _ in range(lots.randint(0, 2)):
                made.scan(made.booking())
                made.relay.expect(ON)
                made.relay.expect(OFF)
                pulses += 1
            made.scan(made.booking())
            made.relay.expect(ON)
            pulses += 1
            time.sleep(lots.random() * 0.08)
            made.kill()
            made.relay.heard = b""
        made.start()
        assert made.stop() == 0
        records = made.records()
        assert [r["answer"] for r in records if r["kind"] == "decision"].count("admit") == pulses
        assert len([r for r in records if r["kind"] == "passage"]) == pulses
        assert [r["seq"] for r in records] == list(range(1, len(records) + 1))
        assert len({r["id"] for r in records}) == len(records)
        assert made.replay().returncode == 0


@pytest.mark.parametrize("rotten", [0, -1])
def test_a_rotten_journal_lets_people_out_and_holds_the_entry(tmp_path: Path, rotten: int) -> None:
    """One bit of the start that named the lanes, or of the last record; then a restart, and another one."""
    scanner, relay = Far(tmp_path / "scanner-b"), Far(tmp_path / "relay-b")
    way_out = NEXT_DOOR.format(scanner=scanner.link, relay=relay.link).replace('"in"', '"out"')
    with bench(tmp_path / "gate", lane=way_out, pulse=50) as made:
        made.start()
        for _ in range(3):
            made.scan(made.booking())
            made.relay.expect(ON)
            made.relay.expect(OFF)
        until(made, 3)
        made.kill()
        _, *records = Reader(made.state).records()
        place = (Reader(made.state).last_snapshot() or records[0]).position if rotten == 0 else records[-2].position
        segment = sorted((made.state / "journal").glob("*.segment"))[0]
        data = bytearray(segment.read_bytes())
        for at in (40, place.at + 40) if rotten == 0 else (place.at + 40,):
            data[at] ^= 0x10
        segment.write_bytes(data)
        for _ in range(2):
            made.start()
            scanner.write(b"anything\r")
            relay.expect(ON)
            made.scan(made.booking())
            made.relay.silent(0.3)
            assert answers(made)[-1][1] == "recount"
            made.kill()
        alarms = [record["alarm"] for record in made.records() if record["kind"] == "alarm"]
        assert alarms == ["recount_needed"] * 2, "told at each start until somebody counts"
        numbers = [record["seq"] for record in made.records()]
        assert len(numbers) == len(set(numbers)), "no number is given twice"
        again = made.replay()
        assert again.returncode == 1 and "cannot be read, the first before seq" in again.stderr, again.stderr
    scanner.unplug()
    relay.unplug()


def test_a_changed_record_is_found_by_replay(gate: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    gate.stop()
    from firmware import journal_entry, recovery
    from firmware.journal import Reader

    honest = journal_entry.decode

    def dishonest(payload: bytes) -> Any:
        return honest(payload.replace(b'"answer":"admit"', b'"answer":"refuse"'))

    monkeypatch.setattr(journal_entry, "decode", dishonest)
    results = list(recovery.replayed(Reader(gate.state)))
    assert any(isinstance(result, recovery.Difference) for result in results)


def test_sigterm_leaves_the_gate_closed_within_two_seconds(gate: Bench) -> None:
    gate.scan(gate.booking())
    gate.relay.expect(ON)
    began = time.monotonic()
    assert gate.stop() == 0
    assert time.monotonic() - began < 2.0
    gate.relay.expect(OFF)


def test_a_rulebook_that_is_older_or_forged_is_not_taken(tmp_path: Path) -> None:
    with bench(tmp_path, serial=5) as made:
        made.start()
        made.stop()
        made.write_rulebook(serial=4, limit=1)
        made.start()
        made.stop()
        made.write_rulebook(serial=9)
        (tmp_path / "rulebook.toml").write_bytes((tmp_path / "rulebook.toml").read_bytes() + b"\n")
        made.start()
        made.scan(made.booking())
        made.relay.expect(ON)
        made.stop()
        taken = [(r["serial"], r["result"]) for r in made.records() if r["kind"] == "rulebook"]
        assert taken[0] == (5, "taken") and [result for _, result in taken[1:]] == ["refused", "refused"]
        older, forged = made.errors.splitlines()
        assert "rulebook.toml: serial: is not taken: serial 5 is in force" in older
        assert "rulebook.toml.sig: the signature does not fit" in forged, "the technician is told at the door"


def test_a_clock_at_1970_decides_nothing_by_time_and_lets_people_out(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.environment["HALLGATE_CLOCK"] = "wall=1970-01-01T00:01:00+00:00"
        made.start()
        made.scan(made.booking())
        assert until(made, 1) == [("staff", "clock_doubtful")]
    with bench(tmp_path / "out", direction="out") as made:
        made.environment["HALLGATE_CLOCK"] = "wall=1970-01-01T00:01:00+00:00"
        made.start()
        made.scan(b"anything")
        made.relay.expect(ON)


@pytest.mark.parametrize("starts", [["2150"], ["now", "2150"], ["2150", "2000", "2150"]])
def test_a_battery_clock_in_a_far_year_is_doubted_from_the_first_entry_and_forgotten(
    starts: list[str], tmp_path: Path
) -> None:
    """Were it ever recorded as good, the right time would be before the last recorded one, for ever."""
    with bench(tmp_path) as made:
        for year in starts:
            if year != "now":
                made.environment["HALLGATE_CLOCK"] = f"rate=1,wall={year}-01-01T00:00:00+08:00"
            made.start().stop()
            made.environment.pop("HALLGATE_CLOCK", None)
        assert {one["at_trusted"] for one in made.records() if one["at"][:4] in ("2150", "2000")} == {False}
        made.start()
        made.relay.heard = b""
        made.scan(made.booking())
        made.relay.expect(ON)


def test_a_start_in_doubt_raises_the_alarm_and_a_start_by_a_good_clock_ends_it(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        for wall in ("2150", "2150", ""):
            if wall:
                made.environment["HALLGATE_CLOCK"] = f"rate=1,wall={wall}-01-01T00:00:00+08:00"
            else:
                made.environment.pop("HALLGATE_CLOCK")
            made.start().stop()
        told = [one["active"] for one in made.records() if one["kind"] == "alarm" and one["alarm"] == "clock"]
        assert told == [True, False]


def test_a_rulebook_that_replaces_one_that_is_over_makes_the_clock_good_at_once(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.start().stop()
        text = made.site.with_name("rulebook.toml").read_text()
        over = text.replace("serial = 1", "serial = 2").replace("valid_until = 2099-12-31", "valid_until = 2021-12-31")
        for serial, words in ((2, over), (3, text.replace("serial = 1", "serial = 3"))):
            made.site.with_name("rulebook.toml").write_text(words)
            made.site.with_name("rulebook.toml.sig").write_bytes(made.issuer.sign_rulebook(words.encode()))
            made.start().stop()
            assert [one["serial"] for one in made.records() if one["kind"] == "rulebook"][-1] == serial
        assert [one["at_trusted"] for one in made.records() if one["kind"] == "start"] == [True, True, True]


def test_without_any_rulebook_the_exit_still_opens(tmp_path: Path) -> None:
    with bench(tmp_path, direction="out") as made:
        (tmp_path / "rulebook.toml.sig").write_bytes(b"nonsense")
        made.start()
        made.scan(b"x")
        made.relay.expect(ON)


def test_no_name_and_no_code_text_is_kept(tmp_path: Path) -> None:
    with bench(tmp_path, proof='"pcr"') as made:
        made.start()
        certificate = made.issuer.test_certificate(int(time.time()) - 36_000).encode()
        booking = made.booking(document="310101199001011234")
        made.scan(booking)
        made.scan(certificate)
        made.relay.expect(ON)
        made.stop()
        surname, forename, birth = made.issuer.subject(0)
        kept = b"".join(file.read_bytes() for file in made.state.rglob("*") if file.is_file())
        for secret in (
            booking[:60],
            certificate[:60],
            surname.encode(),
            forename.encode(),
            birth.encode(),
            b"199001011234",
        ):
            assert secret not in kept


def test_a_wrong_site_file_is_one_line(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.site.write_text(made.site.read_text().replace("channel = 1", "chanel = 1"))
        import subprocess
        import sys

        command = [sys.executable, "-m", "firmware", "run", "--site", str(made.site), "--state", str(made.state)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 2 and "Traceback" not in ended.stderr
        assert "channel" in ended.stderr and json.dumps(made.site.name)[1:-1] in ended.stderr
