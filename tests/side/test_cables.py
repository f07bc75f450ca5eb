"""Doors on hosts of their own (network namespaces): a cable is pulled and put back between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests import needs
from tests.device.bench import Bench
from tests.network.hosts import Network, refused
from tests.side.hall import admit, admitted_within, hall, let_in

pytestmark = needs.unless(refused())


@pytest.fixture
def hosts() -> Iterator[Network]:
    made = Network("a", "b")
    yield made
    made.close()


@pytest.fixture
def doors(hosts: Network, tmp_path: Path) -> Iterator[list[Bench]]:
    with hall(tmp_path, [hosts.address(name) for name in "ab"], limit=12) as made:
        for door, name in zip(made, "ab", strict=True):
            door.within = hosts.on(name)
            door.start()
        yield made


def test_cut_off_each_door_uses_what_it_holds_and_healed_they_share_again(hosts: Network, doors: list[Bench]) -> None:
    bank, other = doors
    assert admitted_within(other, 20)
    hosts.cable("a", "down")
    alone = sum(admitted_within(other, 1.0) for _ in range(4))
    assert 1 <= alone <= 3 and not admitted_within(other, 1.0)
    admit(bank)
    hosts.cable("a", "up")
    assert admitted_within(other, 20)
    while admitted_within(other, 1.5) or admitted_within(bank, 1.5):
        assert let_in(doors) <= 12
    assert let_in(doors) == 12


def test_a_door_that_starts_while_the_cable_is_out_waits_and_joins(hosts: Network, doors: list[Bench]) -> None:
    bank, other = doors
    other.kill()
    hosts.cable("a", "down")
    other.start()
    while admitted_within(other, 1.0):  # what it was given before
        assert let_in(doors) <= 12
    admit(bank)
    hosts.cable("a", "up")
    assert admitted_within(other, 20)


def test_a_cable_that_goes_in_and_out_makes_no_right(hosts: Network, doors: list[Bench]) -> None:
    bank, other = doors
    states: tuple[Literal["down", "up"], ...] = ("down", "up")
    for state in states * 4:
        hosts.cable("a", state)
        admitted_within(other, 0.6)
        admitted_within(bank, 0.6)
        time.sleep(0.3)
    end = time.monotonic() + 40
    while time.monotonic() < end and let_in(doors) < 12:
        admitted_within(other, 1.5)
        admitted_within(bank, 1.5)
    assert let_in(doors) == 12
    assert not admitted_within(bank, 1.5) and not admitted_within(other, 1.5)
    assert bank.replay().returncode == other.replay().returncode == 0
