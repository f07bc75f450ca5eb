"""`hallgate site new`: a technician names a door and gets a checked file, by flags or by answering at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from firmware import site
from firmware.__main__ import main
from tests.device.bench import ROOT
from tests.site.conftest import Bench

WORDS = ["site", "new", "--kind", "entry", "--name", "east-entry-1", "--hall", "baoshan"]


def new(out: Path, *more: str) -> int:
    return main([*WORDS, "--out", str(out), *more])


def test_what_was_said_is_in_the_file_and_check_agrees(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.sign((ROOT / "deploy/sites/rulebook.toml").read_text())
    out = bench.site.parent / "doors/east.toml"
    more = [
        "--hub",
        "mqtt://10.0.0.2:1883",
        "--bank",
        "--lane",
        "E",
        "--for",
        "visitor,assisted",
        "--without",
        "button",
    ]
    wires = [
        "--driver",
        "gate=gate_relay_lcus",
        "--port",
        "gate=/dev/serial/by-path/usb-2",
        "--pin",
        "counter.outside=5",
    ]
    wires += ["--pin", "fire_loop=6", "--port", "scanner=/dev/serial/by-path/usb-1"]
    assert new(out, *more, *wires, "--hall-files", str(bench.site.parent)) == 0
    assert capsys.readouterr().err == ""
    assert main(["check", "--site", str(out)]) == 0
    made = site.load(str(out))
    (lane,) = made.lanes
    assert (made.device.name, made.device.hall, made.rights.bank) == ("east-entry-1", "baoshan", True)
    assert (lane.name, lane.serves, set(lane.devices)) == (
        "E",
        ("visitor", "assisted"),
        {"scanner", "counter", "range", "gate", "fire_loop"},
    )
    assert (
        lane.devices["counter"].pins == {"outside": 5, "inside": 27} and lane.devices["fire_loop"].pins["contact"] == 6
    )
    assert lane.devices["gate"].port == "/dev/serial/by-path/usb-2"
    assert "# wired normally closed" in out.read_text(), "the template's comments stay"


def test_a_device_of_a_port_may_hang_on_a_pin_with_another_driver(tmp_path: Path) -> None:
    out = tmp_path / "x.toml"
    assert new(out, "--driver", "gate=gate_relay_pin", "--pin", "gate=18") == 0
    gate = tomllib.loads(out.read_text())["lane"][0]["gate"]
    assert gate == {"driver": "gate_relay_pin", "pin": 18}


def test_what_is_still_to_do_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(tmp_path / "x.toml", "--hub", "mqtts://hub:8883") == 0
    err = capsys.readouterr().err
    assert all(name in err for name in ("ca.pem", "rulebook.toml", "trust.jwks", "the port of scanner"))
    assert f"{tmp_path}/x.toml:" in err and ".draft" not in err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--hall-files", "/no/hall"], "--hall-files: there is no such folder"),
        (["--without", "lamp"], "the template has no lamp"),
        (["--pin", "counter=5"], "write counter.outside=17"),
        (["--pin", "button=x"], "x is no BCM number"),
        (["--port", "scanner"], "write DEVICE=VALUE"),
        (["--driver", "gate=gate_relay_lcas"], "did you mean gate_relay_lcus"),
        (["--pin", "button=17"], "pin 17 is taken by"),
        (["--hub", "http://x"], "is no mqtt:// address"),
    ],
)
def test_what_is_wrong_writes_nothing(
    tmp_path: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(tmp_path / "x.toml", *words) == 2
    assert complaint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.toml").write_text("mine")
    assert new(tmp_path / "x.toml") == 2
    assert "exists already" in capsys.readouterr().err and (tmp_path / "x.toml").read_text() == "mine"


@pytest.mark.parametrize("missing", ["--kind", "--name", "--hall"])
def test_without_a_terminal_nobody_is_asked(missing: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    at = WORDS.index(missing)
    assert main([*WORDS[:at], *WORDS[at + 2 :], "--out", str(tmp_path / "x")]) == 2
    assert missing in capsys.readouterr().err


def test_at_a_terminal_it_asks(tmp_path: Path) -> None:
    near, far = pty.openpty()
    command = [sys.executable, "-m", "firmware", "--lang", "zh", "site", "new", "--out", str(tmp_path / "x.toml")]
    with subprocess.Popen(command, cwd=ROOT, stdin=far, stdout=far, stderr=far) as process:
        os.close(far)
        shown = ""
        for question, answer in (
            ("门的类型", "exit"),
            ("设备名称", "west-exit-2"),
            ("大厅", "baoshan"),
            ("服务器", ""),
        ):
            while question not in shown:
                assert select.select([near], [], [], 30)[0], shown
                shown += os.read(near, 4096).decode()
            shown = ""
            os.write(near, answer.encode() + b"\n")
        while select.select([near], [], [], 30)[0]:
            try:
                shown += os.read(near, 4096).decode()
            except OSError:
                break
        assert process.wait(30) == 0, shown
    os.close(near)
    assert 'name = "west-exit-2"' in (tmp_path / "x.toml").read_text()
    assert 'url = "mqtt://127.0.0.1:1883"' in (tmp_path / "x.toml").read_text()


def test_a_door_that_is_not_enrolled_is_a_warning(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """No network for ever must still give a gate that decides."""
    bench.sign((ROOT / "deploy/sites/rulebook.toml").read_text())
    (bench.site.parent / "ca.pem").write_text("")
    out = bench.site.parent / "x.toml"
    assert new(out, "--hub", "mqtts://hub:8883") == 0
    capsys.readouterr()
    assert main(["check", "--site", str(out)]) == 0
    assert "not enrolled yet" in capsys.readouterr().err
