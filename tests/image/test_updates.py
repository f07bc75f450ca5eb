"""Updates in the emulated Pi, through its own boot loader: kept, gone back, cut in the middle. `./hallgate test --image`.

Each test has a card of its own and can be run alone (`-k broken`); the bundles are made once for each root.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.image import papers, recipe, tools
from firmware.updating import slots
from firmware.updating.updates import FINAL
from tests import needs
from tests.image.emulator import fill_other_slot, put, slot_bytes, spoil_variables, variables, write_file
from tests.image.hall import EXIT, LOCK, READY, RELAY, Door, Orders
from tests.image.systems import bundled, firmware_that_ends, nothing, served
from tests.image.test_boot import MINUTE_S

pytestmark = [
    pytest.mark.long("image"),
    pytest.mark.timeout(7200),
    needs.unless(needs.missing(*tools.BUNDLE_PACKAGES)),
]

DEVICE = "hallgate/v1/baoshan/device/entry-1"
BETTER, BROKEN = "0.90.0", "0.91.0"
CUTS = int(os.environ.get("HALLGATE_UPDATE_CUTS", "2"))
UPDATE_S = 40 * MINUTE_S
"""Fetching, checking, unpacking and 800 MB onto an emulated card, then a start: minutes on a quiet machine."""


class Updated:
    """A door on a card with a boot loader, and a hub that orders updates and reads its status."""

    def __init__(self, door: Door, port: int) -> None:
        self.door, self.port = door, port
        self.seen: list[tuple[str, int, int]] = []
        """State of the update, level of the entry's relay, level of the exit's lock."""
        door.broker.start()
        self.orders = Orders(door)

    def start(self) -> None:
        self.door.board.start()
        self.door.board.says(READY)
        self.orders.wait_for_it()

    def fetched_before(self, bundle: Path) -> None:
        """All but the last MiB lies on the card, as after a line that broke: the emulated network takes an hour for it."""
        part = self.door.folder / "part.raucb"
        part.write_bytes(bundle.read_bytes()[: -(1 << 20)])
        put(self.door.image, part, "/update/ordered.raucb")
        part.unlink()

    def order(self, bundle: Path, version: str) -> None:
        body = {
            "url": f"http://10.0.2.2:{self.port}/{bundle.name}",
            "sha256": papers.sha256(bundle),
            "version": version,
        }
        answer = self.orders.send("update", body, id=f"update-{version}")
        assert answer["result"] == "done", answer

    def state(self) -> str:
        return str((self.orders.status()["update"] or {}).get("state", ""))

    def until(self, *states: str) -> dict[str, Any]:
        """The status at which the update is in one of these states. The relays are watched all the while."""
        seen, end = "", time.monotonic() + UPDATE_S
        while self.state() not in states:
            if self.state() != seen:
                seen = self.state()
                print(f"image: {seen} after {UPDATE_S - (end - time.monotonic()):.0f} s", flush=True)
            ended = seen in FINAL or time.monotonic() > end
            assert not ended, f"{seen}: {self.orders.status()['update']}\n{self.door.board.console()[-3000:]}"
            assert self.door.board.process is not None and self.door.board.process.poll() is None
            self.seen.append((self.state(), self.door.board.level(RELAY), self.door.board.level(LOCK)))
            time.sleep(0.5)
        return self.orders.status()


@pytest.fixture
def updated(tmp_path: Path, shop: recipe.Shop) -> Iterator[Updated]:
    door = Door(tmp_path, shop, loader=True, lanes=EXIT)
    with served(shop.work / "systems") as port:
        made = Updated(door, port)
        yield made
        made.orders.ear.close()
    door.board.kill()
    door.broker.kill()


def test_an_update_cut_in_the_middle_ends_well_and_is_kept(
    updated: Updated, shop: recipe.Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fetched, installed, cut twice on the way: slot A starts each time, goes on by itself, and B is kept in the end."""
    bundle, board, draw = bundled(shop, BETTER, nothing), updated.door.board, random.Random(7)
    root = slot_bytes(updated.door.image, 2)
    updated.fetched_before(bundle)
    with capsys.disabled():
        updated.start()
        updated.order(bundle, BETTER)
        for cut in range(CUTS):
            updated.until("installing")
            time.sleep(draw.uniform(5, 60))
            board.kill()
            print(f"image: cut {cut + 1} while installing", flush=True)
            assert variables(updated.door.image)["BOOT_ORDER"].split()[0] == "A"
            board.start()
            board.says(READY)
        done = updated.until("kept", "returned", "failed")
    assert (done["version"], done["update"]["state"]) == (BETTER, "kept"), done["update"]
    assert not [seen for seen in updated.seen if seen[1]], "nobody scanned, and the entry's relay was on"
    locks = {state: {lock for told, _, lock in updated.seen if told == state} for state, _, _ in updated.seen}
    assert 1 in locks["installing"] and 0 in locks["restarting"], f"off is open, and the restart was seen: {locks}"
    assert board.level(LOCK) == 1, "the new system is in service"
    board.kill()
    assert variables(updated.door.image)["BOOT_ORDER"].split()[0] == "B"
    assert slot_bytes(updated.door.image, 2) == root, "the system that ran was written"
    assert updated.door.records(), "the journal is the same, and replays"


def test_a_broken_update_goes_back_by_itself(
    updated: Updated, shop: recipe.Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, board = bundled(shop, BROKEN, firmware_that_ends), updated.door.board
    updated.fetched_before(bundle)
    with capsys.disabled():
        updated.start()
        was = updated.orders.status()["version"]
        updated.order(bundle, BROKEN)
        done = updated.until("kept", "returned", "failed")
    assert (done["version"], done["update"]["state"]) == (was, "returned"), done["update"]
    assert done["update"]["because"] in (
        "the firmware ended at every start", "the firmware did not answer", "the new system did not start",
    )  # fmt: skip
    assert "this version is broken on purpose" in board.console()
    board.kill()
    left = variables(updated.door.image)
    assert left["BOOT_ORDER"].split()[0] == "A" or left["BOOT_B_LEFT"] == "0"


def test_lost_variables_start_the_system_that_was_kept(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    """The power went while U-Boot's variables were written, on a card whose slot B was kept last."""
    fill_other_slot(door.shop, door.image)
    write_file(door.image, slots.SPARE.name, slots.spare("B"))
    spoil_variables(door.image)
    door.board.loader = True
    door.board.start(keep_variables=True)
    took = door.board.says(READY)
    with capsys.disabled():
        print(f"\nimage: variables lost, ready from slot B after {took:.0f} s")
    assert "rauc.slot=B" in door.board.console()
    door.board.kill()
    assert variables(door.image)["BOOT_ORDER"] == "B A", "and they are whole again"
