"""Real device processes that share one limit with no hub and no broker: only the side link is between them."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import time
from pathlib import Path

from firmware import journal_entry
from firmware.core.events import RowArrived
from firmware.journal import ENTRY, Reader
from tests.brokers import free_port, wait_until
from tests.device.bench import OFF, ON, Bench, bench
from tests.device.far_pins import INSIDE, OUT, OUTSIDE, PINS, FarPins
from tests.side.hall import admit, admitted_within, answers, hall, side_link


def addresses(count: int) -> list[str]:
    return [f"127.0.0.1:{free_port()}" for _ in range(count)]


def test_the_limit_belongs_to_both_doors_together(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2), limit=5) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        assert sum(admitted_within(door, 10) for door in (other, bank, other, bank)) == 4
        for door in (bank, other):
            assert not admitted_within(door, 1.5)
        assert answers(bank).count("admit") + answers(other).count("admit") == 5
        assert bank.replay().returncode == other.replay().returncode == 0


def test_a_gate_that_lacks_a_right_opens_without_a_second_scan(tmp_path: Path) -> None:
    """A party of three at a door that holds two: the rest comes from the other one while they stand there."""
    with hall(tmp_path, addresses(2), limit=60) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        for _ in range(5):
            admit(other, party=3)
        told = answers(other)
        assert told.count("admit") == 6 and told[-2:] == ["wait", "admit"]


def test_an_exit_gives_its_right_to_the_entry(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2), limit=1) as (entry, leave):
        text = leave.site.read_text().replace('direction = "in"', 'direction = "out"')
        leave.site.write_text(text + PINS)
        leave.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        entry.start()
        leave.start()
        pins = FarPins(tmp_path / "pins")
        for pin in (OUTSIDE, INSIDE, 22):
            pins.set(pin, 0)
        admit(entry)
        assert not admitted_within(entry, 1.0)
        leave.scan(b"exit, please")
        leave.relay.expect(ON)
        pins.walk(*OUT)
        assert admitted_within(entry, 20)
        assert not admitted_within(entry, 1.0)
        pins.socket.close()


def test_a_pass_used_at_one_door_is_used_at_the_other_also_after_both_were_apart(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2), limit=60) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        shown = bank.booking(pass_id=bytes(range(8)))
        bank.scan(shown)
        bank.relay.expect(ON)
        wait_until(lambda: refused_as_used(other, shown))
        other.kill()
        later = bank.booking(pass_id=bytes(range(8, 16)))
        bank.scan(later)
        bank.relay.expect(ON)
        other.start()
        wait_until(lambda: refused_as_used(other, later))
        twice = answers(other).count("admit") > 1  # it was scanned before the doors had met: then it is reported
        assert not twice or any(
            record.get("alarm") == "double_use" for door in (bank, other) for record in door.records()
        )


def refused_as_used(door: Bench, text: bytes) -> bool:
    door.scan(text)
    time.sleep(0.3)
    told = [record for record in door.records() if record["kind"] == "decision"]
    return bool(told) and any(clause["because"] == "used" for clause in told[-1]["clauses"])


def test_a_door_killed_and_started_again_keeps_its_rights_and_is_met_again(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2), limit=6) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        other.kill()
        other.start()
        assert all(admitted_within(other, 20) for _ in range(3)) and all(admitted_within(bank, 20) for _ in range(2))
        assert not admitted_within(other, 1.0) and not admitted_within(bank, 1.0)


def test_a_bank_that_lost_its_journal_makes_no_second_limit(tmp_path: Path) -> None:
    """It hears over the side link that the hall has been at work, and mints nothing before a recount."""
    with hall(tmp_path, addresses(2), limit=4) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20) and admitted_within(bank, 20)
        bank.kill()
        before = answers(bank).count("admit")
        shutil.rmtree(bank.state)
        bank.start()
        for _ in range(4):
            admitted_within(bank, 1.0)
            admitted_within(other, 1.0)
        assert before + answers(bank).count("admit") + answers(other).count("admit") <= 4


def rows_of(door: Bench, device: str) -> list[RowArrived]:
    """What this door heard of another, from its own journal."""
    found = [journal_entry.decode(record.payload).e for record in Reader(door.state).records() if record.kind == ENTRY]
    return [event for event in found if isinstance(event, RowArrived) and event.row.dev == device]


def test_a_dead_doors_row_comes_from_whoever_heard_it_also_after_that_one_was_restarted(tmp_path: Path) -> None:
    """Nobody else knows what a dead bank made: without its row a new one could not be put in its place."""
    with hall(tmp_path, addresses(3), limit=4) as (bank, witness, late):
        bank.start()
        witness.start()
        assert admitted_within(witness, 20)
        bank.kill()
        last = rows_of(witness, "door-0")[-1]
        assert last.row.M == 4 and not last.copy
        witness.stop()
        shutil.rmtree(witness.state / "journal", ignore_errors=True)
        witness.start()
        late.start()
        wait_until(lambda: rows_of(late, "door-0"), 20)
        heard = rows_of(late, "door-0")[-1].row
        assert (heard.inc, heard.M, heard.A, heard.T) == (
            last.row.inc,
            last.row.M,
            last.row.A,
            last.row.T,
        )
        assert all(event.copy for event in rows_of(late, "door-0"))


def test_a_restored_card_stops_also_where_there_is_no_broker(tmp_path: Path) -> None:
    """O14: an old copy of the journal is put back; the other doors hand its own newer row to it."""
    with hall(tmp_path, addresses(2), limit=6) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        other.stop()
        shutil.copytree(other.state, tmp_path / "old")
        other.start()
        assert admitted_within(other, 20)
        wait_until(lambda: any(event.row.A == 2 for event in rows_of(bank, "door-1")), 10)
        other.stop()
        shutil.rmtree(other.state)
        shutil.copytree(tmp_path / "old", other.state)
        other.start()
        wait_until(lambda: any(alarm.get("alarm") == "quarantine" for alarm in other.records()), 20)
        assert not admitted_within(other, 2.0) and admitted_within(bank, 5)


def test_of_two_doors_of_one_card_one_stops_also_where_there_is_no_broker(tmp_path: Path) -> None:
    """The bank hands what the one said on to the other, which is at another address under the same name."""
    near, far, elsewhere = addresses(3)
    with hall(tmp_path, [near, far], limit=9) as (bank, door):
        bank.start()
        door.start()
        assert admitted_within(door, 20)
        door.stop()
        site = side_link(elsewhere, [near])
        with bench(tmp_path / "twin", name="door-1", bank=False, issuer=door.issuer, site=site, pulse=50) as twin:
            shutil.copytree(door.state, twin.state)
            door.start()
            twin.start()
            wait_until(lambda: any(one.get("alarm") == "quarantine" for each in (door, twin) for one in each.records()))
            stopped, goes_on = (twin, door) if any(one.get("alarm") for one in twin.records()) else (door, twin)
            assert admitted_within(goes_on, 10)
            stopped.scan(stopped.booking())
            stopped.relay.silent(1.0)


def test_bytes_from_the_network_stop_nobody(tmp_path: Path) -> None:
    ports = addresses(2)
    with hall(tmp_path, ports, limit=50) as (bank, other):
        bank.start()
        other.start()
        assert admitted_within(other, 20)
        host, _, port = ports[1].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for size in range(3_000):
                with contextlib.suppress(OSError):
                    stranger.sendto(os.urandom(size % 1_400), (host, int(port)))
        for _ in range(3):
            admit(other, party=3)
        assert other.process is not None and other.process.poll() is None and not other.errors


def test_another_link_key_is_another_world(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2), limit=50, link='key = "side-link.key"\n') as (bank, other):
        for door, byte in ((bank, b"a"), (other, b"b")):
            key = door.folder / "side-link.key"
            key.write_bytes(base64.urlsafe_b64encode(byte * 32))
            key.chmod(0o600)
            door.start()
        assert not admitted_within(other, 3)
        admit(bank)


def test_a_port_that_is_taken_keeps_no_door_from_working(tmp_path: Path) -> None:
    ports = addresses(2)
    host, _, port = ports[0].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, hall(tmp_path, ports, limit=9) as (bank, other):
        taken.bind((host, int(port)))
        bank.start()
        other.start()
        admit(bank)
        assert not admitted_within(other, 1.5)
        taken.close()
        assert admitted_within(other, 20)


def test_it_stops_within_two_seconds(tmp_path: Path) -> None:
    with hall(tmp_path, addresses(2)) as (bank, other):
        bank.start()
        other.start()
        began = time.monotonic()
        assert bank.stop() == other.stop() == 0
        assert time.monotonic() - began < 20
        assert OFF in bank.relay.read(0.2)
