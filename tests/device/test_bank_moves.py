"""The bank on another device, by the steps of `docs/limit.md`, at real doors with a real broker: no right is lost or made.

What is inside, free and on its way is added up from the rows, as anybody on the broker hears them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.brokers import Broker, free_port, wait_until
from tests.device.bench import ROOT, Bench, bench
from tests.device.chaos import Rows
from tests.device.hub import BANK, Hub
from tests.mqtt.helpers import Ear
from tests.side.hall import admitted_within, answers, hall, let_in

pytestmark = needs.broker

LIMIT = 9
STARTS_S = (0.0, 0.03, 0.3)
"""So long after its first word the new bank is killed: before, while and after it has spoken with the hall."""


@pytest.fixture
def rows(broker: Broker) -> Iterator[Rows]:
    made = Rows(broker.url)
    yield made
    made.close()


@pytest.fixture
def doors(tmp_path: Path, broker: Broker) -> Iterator[list[Bench]]:
    """Three entries, the first of them the bank, and everybody has some of the rights."""
    with hall(tmp_path, [f"127.0.0.1:{free_port()}" for _ in range(3)], hub=broker.url, limit=LIMIT) as made:
        for door in made:
            door.start()
        for door in made:
            assert admitted_within(door, 20)
        yield made


def makes_bank(door: Bench, bank: bool) -> None:
    """What the technician writes into its site file."""
    text = door.site.read_text()
    door.site.write_text(text.replace(f"bank = {str(not bank).lower()}", f"bank = {str(bank).lower()}"))


def ask_everywhere(doors: list[Bench]) -> int:
    """Somebody tries at each door; how many have been let in then, by the doors' own records."""
    for door in doors:
        admitted_within(door, 1.5)
    return let_in(doors)


def fill(doors: list[Bench], limit: int) -> None:
    """People come to every door until nobody gets in any more: as many as there are places, and not one more."""
    end = time.monotonic() + 60
    while let_in(doors) < limit and time.monotonic() < end:
        for door in doors:
            admitted_within(door, 1.0)
    assert ask_everywhere(doors) == limit


def test_it_moves_by_the_site_files_also_when_both_are_killed_on_the_way(
    doors: list[Bench],
    ear: Ear,
    rows: Rows,
    broker: Broker,
) -> None:
    old, new, _ = doors
    wait_until(lambda: rows.unaccounted(LIMIT) == 0)
    old.kill()
    makes_bank(old, False)
    old.start()
    wait_until(lambda: not rows.newest["door-0"].bank and rows.unaccounted(LIMIT) == 0)
    assert admitted_within(new, 10), "the doors go on with what they hold"
    broker.kill()  # what it kept of the old bank is gone, too
    new.stop()
    makes_bank(new, True)
    for alive_s in STARTS_S:
        new.start()
        time.sleep(alive_s)
        new.kill()
    broker.start()
    new.start()
    wait_until(lambda: rows.newest["door-1"].bank and rows.unaccounted(LIMIT) == 0)
    hub = Hub(new, ear)
    for limit in (LIMIT + 3, LIMIT - 2, LIMIT + 1):
        assert hub.tell_bank("limit", n=limit) == "done"
        wait_until(lambda limit=limit: rows.unaccounted(limit) == 0)  # type: ignore[misc]
    fill(doors, LIMIT + 1)
    assert rows.unaccounted(LIMIT + 1) == 0 and rows.newest["door-0"].M == LIMIT
    for door in doors:
        door.stop()
        assert door.replay().returncode == 0


def test_a_dead_bank_is_written_off_by_what_its_card_says_and_may_not_come_back(
    doors: list[Bench], ear: Ear, rows: Rows
) -> None:
    dead, new, third = doors
    wait_until(lambda: rows.unaccounted(LIMIT) == 0 and rows.flying() == 0)
    dead.kill()
    held, inside_by_it = rows.newest["door-0"].free, answers(dead).count("admit")
    card = subprocess.run(
        [sys.executable, "-m", "firmware", "replay", "--state", str(dead.state), "--rights"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    printed = dict(word.split("=") for word in card.stdout.partition(": fence ")[2].split())
    evidence = {key: value if key == "inc" else int(value) for key, value in printed.items()}
    assert (evidence["inc"], evidence["evidence"]) == (rows.newest["door-0"].inc, held)
    new.stop()
    makes_bank(new, True)
    new.start()
    wait_until(lambda: rows.newest["door-1"].bank)
    hub = Hub(new, ear)
    assert hub.tell_bank("limit", n=LIMIT) == "not_the_bank", "the dead one's row still says that it is"
    assert hub.tell_bank("fence", **{**evidence, "seq": evidence["seq"] - 1}) == "evidence_is_old"
    assert hub.tell_bank("fence", **evidence) == "done"
    wait_until(lambda: held == rows.newest["door-1"].F)
    fill([new, third], LIMIT - inside_by_it)
    dead.start()
    wait_until(lambda: rows.newest["door-0"].state == "fenced")
    assert ask_everywhere([new, third]) == LIMIT - inside_by_it
    assert not admitted_within(dead, 1.5)
    hub.send("limit", hub.order("limit", {"n": LIMIT + 1}, id="up", to="bank"), topic=BANK)
    wait_until(lambda: {"id": "up", "result": "done"}.items() <= answers_of(ear)[-1].items())
    fill([new, third], LIMIT + 1 - inside_by_it)
    assert [one["result"] for one in answers_of(ear) if one["id"] == "up"] == ["done"], "and the dead one is silent"


def test_of_two_doors_of_one_card_one_stops_and_says_so(doors: list[Bench], rows: Rows, tmp_path: Path) -> None:
    """Also where both count alike: each lets in as many as the other."""
    bank, door, _ = doors
    door.stop()
    hub = next(line.split('"')[1] for line in bank.site.read_text().splitlines() if line.startswith("url = "))
    with bench(tmp_path / "twin", name="door-1", bank=False, issuer=door.issuer, hub=hub, limit=LIMIT) as twin:
        shutil.copytree(door.state, twin.state)
        door.start()
        twin.start()
        wait_until(lambda: len(stopped([door, twin])) == 1)
        (gone,) = stopped([door, twin])
        gone.scan(gone.booking())
        gone.relay.silent(1.5)
        assert admitted_within(door if gone is twin else twin, 10)
        wait_until(lambda: rows.unaccounted(LIMIT) == 0)
        assert "a copy" in next(one["detail"] for one in gone.records() if one.get("alarm") == "quarantine")


def answers_of(ear: Ear) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in ear.on("/answers")]


def stopped(doors: list[Bench]) -> list[Bench]:
    return [door for door in doors if any(one.get("alarm") == "quarantine" for one in door.records())]
