"""What the firmware does of an update: it hands the order over, once, and tells how far the updater is. No process."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware import durable
from firmware.core.state import UpdateOrder
from firmware.errors import Failure
from firmware.updating import updates
from firmware.updating.updates import ORDER, PROGRESS, Progress, Updates, read_order, read_progress

FIRST, SECOND = (
    UpdateOrder(id=f"o-{n}", version=f"0.{n}.0", url="http://10.0.0.1/x.raucb", sha256="0" * 64) for n in (1, 2)
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def side(state: Path) -> Updates:
    return Updates(state, state.parent / "work")


def told(state: Path, order: UpdateOrder, how: updates.State, **more: str) -> None:
    updates.tell(state.parent / "work", Progress(version=order.version, state=how, order=order.id, **more))


def test_an_order_is_handed_over_once_also_over_a_restart(state: Path) -> None:
    here = side(state)
    here.follow(None)
    assert not (state / ORDER).exists()
    here.follow(FIRST)
    assert read_order(state / ORDER) == FIRST
    (state / ORDER).unlink()  # the updater has ended with it
    here.follow(FIRST)
    assert not (state / ORDER).exists()
    told(state, FIRST, "kept")
    side(state).follow(FIRST)
    assert not (state / ORDER).exists(), "its end is known after a restart as well"
    side(state).follow(SECOND)
    assert read_order(state / ORDER) == SECOND


def test_an_order_that_lies_there_is_not_written_again(state: Path) -> None:
    side(state).follow(FIRST)
    before = (state / ORDER).stat()
    side(state).follow(FIRST)
    assert (state / ORDER).stat().st_ino == before.st_ino


def test_what_a_full_disk_refused_is_handed_over_later(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise Failure("the disk is full")

    here = side(state)
    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace_file", full)
        here.follow(FIRST)
    assert not (state / ORDER).exists()
    here.follow(FIRST)
    assert read_order(state / ORDER) == FIRST


def test_the_hub_is_told_what_was_ordered_then_how_far_it_is(state: Path) -> None:
    here = side(state)

    def says(order: UpdateOrder | None) -> tuple[str, str] | None:
        status = here.status(order)
        return None if status is None else (status.version, status.state)

    assert says(None) is None and says(FIRST) == ("0.1.0", "ordered")
    here.follow(FIRST)
    told(state, FIRST, "fetching")
    assert says(FIRST) == ("0.1.0", "fetching")
    told(state, FIRST, "failed", because="no network", was="0.0.9")
    status = here.status(FIRST)
    assert status is not None and (status.state, status.because, status.was) == ("failed", "no network", "0.0.9")
    (state / ORDER).unlink()
    here.follow(SECOND)
    assert says(SECOND) == ("0.2.0", "ordered"), "of the one before nobody asks any more"
    (state / ORDER).unlink()
    assert says(SECOND) == says(None) == ("0.1.0", "failed"), "taken, and not begun: as it stands"


@pytest.mark.parametrize("spoilt", [b"", b"{", b"[" * 9_000, b'{"version":1}'])
def test_what_cannot_be_read_is_none(state: Path, spoilt: bytes) -> None:
    (state.parent / "work").mkdir()
    for file, read in (
        (state / ORDER, read_order),
        (state.parent / "work" / PROGRESS, lambda file: read_progress(file.parent)),
    ):
        file.write_bytes(spoilt)
        assert read(file) is None
    assert side(state).status(None) is None
