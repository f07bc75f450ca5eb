"""Doors on hosts of their own (network namespaces): a cable is pulled and put back between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.device.bench import Bench
from tests.side.hall import admit, admitted_within, answers, hall


def ip(*words: str, check: bool = True) -> bool:
    return subprocess.run(["ip", *words], check=check, capture_output=True).returncode == 0


def permitted() -> bool:
    name = f"hg-try-{os.getpid()}"
    if shutil.which("ip") is None or not ip("netns", "add", name, check=False):
        return False
    return ip("netns", "del", name, check=False)


pytestmark = needs.unless("" if permitted() else "ip netns is not permitted here (needs root and iproute2)")


class Hosts:
    """Two hosts and the cable between them."""

    def __init__(self) -> None:
        self.names = [f"hg{os.getpid()}-{side}" for side in "ab"]
        self.addresses = ["10.77.0.1:7946", "10.77.0.2:7946"]
        self.ends = [f"v{os.getpid()}{side}" for side in "ab"]
        for name in self.names:
            ip("netns", "add", name)
        ip("link", "add", self.ends[0], "netns", self.names[0], "type", "veth",
           "peer", "name", self.ends[1], "netns", self.names[1])  # fmt: skip
        for name, end, address in zip(self.names, self.ends, self.addresses, strict=True):
            ip("-n", name, "address", "add", f"{address.split(':')[0]}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")

    def cable(self, state: str) -> None:
        ip("-n", self.names[0], "link", "set", self.ends[0], state)

    def close(self) -> None:
        for name in self.names:
            ip("netns", "del", name, check=False)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    yield made
    made.close()


@pytest.fixture
def doors(hosts: Hosts, tmp_path: Path) -> Iterator[list[Bench]]:
    with hall(tmp_path, hosts.addresses, limit=12) as made:
        for door, name in zip(made, hosts.names, strict=True):
            door.within = ["ip", "netns", "exec", name]
            door.start()
        yield made


def total(doors: list[Bench]) -> int:
    return sum(answers(door).count("admit") for door in doors)


def test_cut_off_each_door_uses_what_it_holds_and_healed_they_share_again(hosts: Hosts, doors: list[Bench]) -> None:
    bank, other = doors
    assert admitted_within(other, 20)
    hosts.cable("down")
    alone = sum(admitted_within(other, 1.0) for _ in range(4))
    assert 1 <= alone <= 3 and not admitted_within(other, 1.0)
    admit(bank)
    hosts.cable("up")
    assert admitted_within(other, 20)
    while admitted_within(other, 1.5) or admitted_within(bank, 1.5):
        assert total(doors) <= 12
    assert total(doors) == 12


def test_a_door_that_starts_while_the_cable_is_out_waits_and_joins(hosts: Hosts, doors: list[Bench]) -> None:
    bank, other = doors
    other.kill()
    hosts.cable("down")
    other.start()
    while admitted_within(other, 1.0):  # what it was given before
        assert total(doors) <= 12
    admit(bank)
    hosts.cable("up")
    assert admitted_within(other, 20)


def test_a_cable_that_goes_in_and_out_makes_no_right(hosts: Hosts, doors: list[Bench]) -> None:
    bank, other = doors
    for state in ("down", "up") * 4:
        hosts.cable(state)
        admitted_within(other, 0.6)
        admitted_within(bank, 0.6)
        time.sleep(0.3)
    end = time.monotonic() + 40
    while time.monotonic() < end and total(doors) < 12:
        admitted_within(other, 1.5)
        admitted_within(bank, 1.5)
    assert total(doors) == 12
    assert not admitted_within(bank, 1.5) and not admitted_within(other, 1.5)
    assert bank.replay().returncode == other.replay().returncode == 0
