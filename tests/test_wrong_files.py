"""A file that is no file, or not what it is named for: every verb says so in one line, exits with 2 or 1, and no traceback."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from firmware import __main__ as command_line
from firmware import files
from firmware.errors import shown
from tests.wording import ROOT

DEEP = "[" * 100_000
LONG = "x" * 300
ORDER = "command hold lane=A --hall h --device d --broker mqtts://localhost:1 --command-key KEY --ca @"


def spoilt(folder: Path) -> dict[str, str]:
    """A path for each way in which a file can be wrong."""
    (folder / "folder").mkdir()
    (folder / "file").write_text("v = 1\n")
    (folder / "loop").symlink_to("loop")
    (folder / "deep").write_text(f"a = {DEEP}")
    (folder / "deep.json").write_text(DEEP)
    (folder / "latin").write_bytes(b'name = "caf\xe9"\n')
    (folder / "escapes").write_text(r'"\u001b[2J\u0007\u202eevil" = 1')
    names = {name: str(folder / name) for name in ("folder", "loop", "deep", "deep.json", "latin", "escapes")}
    os.mkfifo(folder / "pipe")
    names |= {"endless": "/dev/zero", "pipe": str(folder / "pipe"), "line": os.ttyname(os.openpty()[1])}
    names["escaped"] = "/hall/\udcff\u202e"
    return names | {"under a file": str(folder / "file" / "x"), "long": str(folder / LONG)}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("long", "replay --state @"),
        ("long", "rehearse --rulebook RULEBOOK --state @"),
        ("long", "rehearse --rulebook RULEBOOK --stories @"),
        ("long", "wipe --store @ --archive OUT"),
        ("long", "site new --kind entry --name e1 --hall baoshan --hall-files @ --out OUT"),
        ("long", "image --compare @ RULEBOOK"),
        ("deep", "rulebook sign --key KEY @"),
        ("latin", "rulebook sign --key KEY @"),
        ("endless", "rulebook sign --key KEY @"),
        ("endless", "check --site @"),
        ("deep", "simulate day --plan @"),
        ("deep.json", "key new --kind booking OUT --jwks @"),
        ("folder", ORDER),
        ("loop", ORDER),
        ("under a file", ORDER),
        ("deep.json", "pass HP1:X --trust @"),
        ("latin", "pass HP1:X --trust @"),
        ("pipe", "check --site @"),
        ("pipe", "run --site @ --state OUT"),
        ("pipe", "rulebook verify --trust @ RULEBOOK"),
        ("pipe", "rulebook sign --key @ RULEBOOK"),
        ("pipe", "rehearse --rulebook @ --state OUT"),
        ("pipe", "simulate day --plan @"),
        ("pipe", "pass HP1:X --trust @"),
        ("pipe", "pass --batch @"),
        ("pipe", "key new --kind booking OUT --jwks @"),
        ("pipe", "listen --as scanner_text_line --capture @"),
        ("pipe", "hub --broker mqtt://localhost:1 --page 127.0.0.1:0 --command-key KEY --operators @"),
        ("pipe", ORDER),
        ("endless", ORDER),
        ("endless", "rulebook sign --key @ RULEBOOK"),
        ("pipe", "flash --check @"),
        ("escaped", "enrol broker-config --ca AUTHORITY --out @"),
        ("line", "check --site @"),
        ("endless", "listen --as scanner_text_line --capture @"),
        ("endless", "pass --batch @ --trust TRUST"),
        ("pipe", "listen --as scanner_text_line --capture TRUST --record @"),
        ("escapes", "listen PORT --as scanner_text_line --settings @"),
    ],
)
def test_one_line_and_no_traceback(
    wrong: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIPE_PATIENCE_MS", 50)
    shutil.copy(ROOT / "deploy/sites/rulebook.toml", tmp_path)
    assert command_line.main(["key", "new", "--kind", "command", str(tmp_path / "key.pem")]) == 0
    assert command_line.main(["enrol", "ca", "new", "--hall", "h", "--ca", str(tmp_path / "authority")]) == 0
    capsys.readouterr()
    places = {
        "RULEBOOK": "rulebook.toml",
        "OUT": "out",
        "KEY": "key.pem",
        "TRUST": "trust.jwks",
        "AUTHORITY": "authority",
    }
    named = spoilt(tmp_path)[wrong]
    code = command_line.main(
        [named if word == "@" else str(tmp_path / places[word]) if word in places else word for word in words.split()]
    )
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.strip()]
    assert (code in (1, 2), out, len(lines)) == (True, "", 1), err[:2000]
    assert shown(named) in lines[0] and all(line.isprintable() for line in lines)


def test_a_pipe_that_somebody_writes_into_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`check --site <(...)`: a script need not write a file of its own."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("v = 2\n",))
    writer.start()
    assert command_line.main(["check", "--site", str(pipe)]) == 2
    writer.join()
    assert f"{pipe}:1: v: 2 is none of 1" in capsys.readouterr().err


def test_each_mistake_of_a_file_says_which_verb_found_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text("")
    assert command_line.main(["run", "--site", str(tmp_path / "site.toml"), "--state", str(tmp_path / "state")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.startswith("hallgate run: ") for line in lines)


def test_a_lamp_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["provision", "--blink", "3", "--leds", str(tmp_path)]) == 1
    assert "no lamp" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["listen", "--as", "scanner_text_line", "--capture", ""], "hallgate listen: --capture"),
        (["listen", "", "--as", "scanner_camera"], "hallgate listen: PORT"),
        (["run", "--site", "site.toml", "--state", ""], "hallgate run: --state"),
        (["wipe", "--store", "", "--archive", "a.tar.gz"], "hallgate wipe: --store"),
        (["rulebook", "verify", "rulebook.toml", "--trust", ""], "hallgate rulebook: --trust"),
    ],
)
def test_a_variable_that_was_never_set_is_not_the_current_folder(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(words) == 2
    assert capsys.readouterr().err == f"{told}: is empty: write a name, or leave it out\n"


def test_what_is_signed_is_not_written_into_a_pipe_that_nobody_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "deploy/sites/rulebook.toml", tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert command_line.main(["key", "new", "--kind", "rulebook", str(tmp_path / "key.pem")]) == 0
    words = ["--key", str(tmp_path / "key.pem"), "--jws", str(tmp_path / "pipe"), str(tmp_path / "rulebook.toml")]
    assert command_line.main(["rulebook", "sign", *words]) == 1
    assert capsys.readouterr().err.startswith(f"hallgate rulebook: {tmp_path / 'pipe'}: ")


def test_a_folder_without_a_name_of_its_own_is_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["flash", ".", "out.img", "--blank"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_list_with_one_good_key_still_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["key", "new", "--kind", "booking", str(tmp_path / "key.pem")]) == 0
    trust = tmp_path / "trust.jwks"
    trust.write_text(json.dumps({"keys": [*json.loads(trust.read_text())["keys"], {"kid": "x"}]}))
    capsys.readouterr()
    assert command_line.main(["pass", "HP1:X", "--trust", str(trust)]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["valid"] is False and "key 2" in err
