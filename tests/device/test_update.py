"""`hallgate update` against a real firmware's socket; RAUC itself is stood in for, the emulated Pi has the real one."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.asking import ask
from firmware.clock import Clock
from firmware.errors import Failure, Mistake
from firmware.verbs.update import Updating, numbers
from tests.brokers import wait_until
from tests.device.bench import ON, Bench, bench


class Rauc:
    """Answers as `rauc` does, and keeps what it was told."""

    def __init__(self, **info: str) -> None:
        self.info = {"compatible": "hallgate-pi64", "version": "0.2.0", **info}
        self.signed, self.other = True, "good"
        self.told: list[str] = []

    def __call__(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        self.told.append(" ".join(words[:3]))
        slots = [{"rootfs.0": {"state": "booted", "boot_status": "good"}},
                 {"rootfs.1": {"state": "inactive", "boot_status": self.other}}]  # fmt: skip
        said: Any = self.info if words[1] == "info" else {"slots": slots}
        code = 0 if self.signed or words[1] != "info" else 1
        return subprocess.CompletedProcess(words, code, json.dumps(said), "signature verification failed")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hg-", dir="/tmp") as made:
        (Path(made) / "system.conf").write_text("[system]\ncompatible=hallgate-pi64\n")
        (Path(made) / "it.raucb").write_bytes(b"a bundle")
        yield Path(made)


def updating(folder: Path, rauc: Rauc, rate: float = 1.0) -> Updating:
    return Updating(folder / "ask", Clock(rate), rauc, folder / "system.conf", "0.1.0")


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"compatible": "another"}, "is for another"),
        ({"version": "0.0.9"}, "older than 0.1.0"),
        ({"version": "latest"}, "is version latest"),
    ],
)
def test_a_bundle_for_somebody_else_is_refused(folder: Path, info: dict[str, str], words: str) -> None:
    with pytest.raises(Mistake, match=words):
        updating(folder, Rauc(**info)).judge(folder / "it.raucb")


def test_a_wrong_signature_is_refused_before_anything_else(folder: Path) -> None:
    rauc = Rauc()
    rauc.signed = False
    with pytest.raises(Mistake, match="not signed by anybody this device trusts"):
        updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)
    assert rauc.told == ["rauc info --output-format=json"]


def test_ten_is_newer_than_nine() -> None:
    assert numbers("0.10") > numbers("0.9.9") and numbers("1.0") == numbers("1.0.0")


@pytest.fixture
def door(tmp_path: Path, folder: Path) -> Iterator[Bench]:
    with bench(tmp_path, grant=20) as made:
        made.more_words = ["--ask", str(folder / "ask")]
        yield made


def test_never_with_a_grant_open(door: Bench, folder: Path) -> None:
    door.start()
    rauc = Rauc()
    assert ask(folder / "ask")["busy"] == []
    door.scan(door.booking())
    door.relay.expect(ON)
    with pytest.raises(Failure, match="not now: A: grant"):
        updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)
    assert "rauc install" not in " ".join(rauc.told)
    wait_until(lambda: not ask(folder / "ask")["busy"], 60, every_s=0.2)
    assert updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)["installed"] == "0.2.0"
    assert rauc.told[-1] == "systemctl reboot"


def test_a_system_that_stays_well_is_kept(door: Bench, folder: Path) -> None:
    door.start()
    rauc = Rauc()
    assert updating(folder, rauc, rate=20).confirm(30)
    assert rauc.told == ["rauc status mark-good"]


def test_a_system_without_firmware_goes_back(folder: Path) -> None:
    rauc = Rauc()
    assert not updating(folder, rauc, rate=200).confirm(30)
    assert rauc.told[1:] == ["rauc status mark-bad", "systemctl reboot"]


def test_with_nothing_to_go_back_to_it_stays(folder: Path) -> None:
    rauc = Rauc()
    rauc.other = "bad"
    with pytest.raises(Failure, match="no other system"):
        updating(folder, rauc, rate=200).confirm(30)
    assert "systemctl reboot" not in rauc.told


def test_wrong_words(capsys: pytest.CaptureFixture[str]) -> None:
    from firmware.__main__ import main

    for words in (["update"], ["update", "x", "--confirm"], ["update", "--confirm", "--minutes", "-1"]):
        assert main(words) == 2
    assert capsys.readouterr().out == ""
