"""Several real doors with nothing between them but the side link: no hub, no broker."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.device.bench import OFF, ON, Bench


def side_link(own: str, addresses: Sequence[str], more: str = "") -> str:
    peers = ", ".join(f'"{each}"' for each in addresses if each != own)
    return f'[side_link]\nlisten = "{own}"\npeers = [{peers}]\n{more}'


@contextlib.contextmanager
def hall(folder: Path, addresses: Sequence[str], **options: Any) -> Iterator[list[Bench]]:
    """Entries `door-0`, `door-1`, ...: the first is the bank. They are not started yet."""
    doors: list[Bench] = []
    try:
        for index, own in enumerate(addresses):
            doors.append(
                Bench(
                    folder / f"door-{index}",
                    name=f"door-{index}",
                    bank=index == 0,
                    issuer=doors[0].issuer if doors else None,
                    site=side_link(own, addresses, options.get("link", "")),
                    **{"pulse": 50, **{key: value for key, value in options.items() if key != "link"}},
                )
            )
        yield doors
    finally:
        for door in doors:
            door.close()


def admit(door: Bench, party: int = 1) -> float:
    """Scan and wait until the gate was open and shut again; seconds from the scan to the relay."""
    booking = door.booking(party=party)
    began = time.monotonic()
    door.scan(booking)
    door.relay.expect(ON)
    took_s = time.monotonic() - began
    door.relay.expect(OFF)
    return took_s


def admitted_within(door: Bench, for_s: float, party: int = 1) -> bool:
    """Show one code again and again, as people do who are told to wait."""
    booking, end = door.booking(party=party), time.monotonic() + for_s
    while time.monotonic() < end:
        door.scan(booking)
        stop = time.monotonic() + 0.5
        while time.monotonic() < stop:
            if ON in door.relay.read(0.05):
                door.relay.expect(ON)
                door.relay.expect(OFF)
                return True
    return False


def answers(door: Bench) -> list[str]:
    return [record["answer"] for record in door.records() if record["kind"] == "decision"]


def let_in(doors: list[Bench]) -> int:
    """By the doors' own records."""
    return sum(answers(door).count("admit") for door in doors)
