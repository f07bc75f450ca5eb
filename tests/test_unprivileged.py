"""The launcher as a user who is not root: in a folder of his own, and in one he may only read."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs

ROOT = Path(__file__).parents[1]
NOBODY = "nobody"
pytestmark = needs.unless(needs.not_root("become another user") or needs.missing("setpriv", "unshare"))

PYTHON = """#!/bin/sh
case "$*" in
*"import picamera2"*) exit 1 ;;
*"import pip"*) [ -e "${0%/python}/pip-is-here" ] ;;
*sysconfig*) echo "${0%/bin/python}" ;;
*"-m venv"*) for last; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && touch "$last/bin/pip-is-here" ;;
*"-m pip"*) for last; do :; done; folder=${last%%[*}; : >"$folder/egg-info" && echo "pip wrote in $folder" >&2 ;;
*"-m firmware"*) echo "verb $* as $(id -un)" ;;
--version) echo "Python 3.11.0" ;;
esac
"""
WITHOUT = '[ ! -e "$1" ] || mount --bind /dev/null "$1"; shift; exec "$@"'
"""Runs a command in a mount namespace where a program of the machine cannot be run."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A house in a place that everybody may enter: pytest's own folders are root's alone."""
    made = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    try:
        made.chmod(0o755)
        for name in ("house", "home", "bin"):
            (made / name).mkdir(mode=0o755)
        for name in ("hallgate", "setup.cfg", "pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, made / "house" / name)
        for name, text in (("python3", PYTHON), ("apt-get", "#!/bin/sh\nexit 99\n"), ("sudo", "#!/bin/sh\nexit 1\n")):
            (made / "bin" / name).write_text(text)
            (made / "bin" / name).chmod(0o755)
        own(made / "home")
        yield made
    finally:
        shutil.rmtree(made)


def own(path: Path) -> None:
    nobody = pwd.getpwnam(NOBODY)
    for each in (path, *path.rglob("*")):
        os.chown(each, nobody.pw_uid, nobody.pw_gid)


def start(
    folder: Path, *words: str, without: str = "/nothing", home: tuple[str, str] | tuple[()] | None = None
) -> tuple[int, str, str]:
    """`home`: HOME and its value; (): it is not set. None: a folder of the house's."""
    group = str(pwd.getpwnam(NOBODY).pw_gid)
    as_nobody = ["setpriv", "--reuid", NOBODY, "--regid", group, "--clear-groups", str(folder / "house/hallgate")]
    command = ["unshare", "--mount", "sh", "-c", WITHOUT, "sh", without, *as_nobody, *words]
    environment = {"PATH": f"{folder}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin"}
    environment |= dict([("HOME", str(folder / "home")) if home is None else home] if home != () else [])
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_in_a_folder_of_ones_own(folder: Path) -> None:
    own(folder / "house")
    code, out, err = start(folder, "check")
    assert (code, out) == (0, f"verb -P -m firmware check as {NOBODY}\n"), err
    assert (folder / "house/.venv/bin/python").exists()
    assert start(folder, "check")[1:] == (out, "")


def test_in_a_folder_that_may_only_be_read(folder: Path) -> None:
    code, out, err = start(folder, "check")
    assert (code, out) == (0, f"verb -P -m firmware check as {NOBODY}\n"), err
    venv = folder / "home/.cache/hallgate/venv"
    assert f"pip wrote in {venv}/metadata" in err
    assert (venv / "hallgate-folder.pth").read_text() == f"{folder}/house\n"
    assert sorted(each.name for each in (folder / "house").iterdir()) == sorted(
        ["hallgate", "setup.cfg", "pyproject.toml", "README.md"]
    )


@pytest.mark.parametrize("home", [(), ("HOME", "/nonexistent")], ids=["unset", "not there"])
def test_without_a_place_of_ones_own_it_says_how_to_name_one(folder: Path, home: tuple[str, str] | tuple[()]) -> None:
    """Nobody's home, as the system knows it, is not there either."""
    code, out, err = start(folder, "check", home=home)
    assert (code, out, err.count("\n")) == (1, "", 1), err
    assert f"HALLGATE_VENV=/tmp/hallgate-{pwd.getpwnam(NOBODY).pw_uid} {folder}/house/hallgate check" in err


@needs.broker
def test_what_is_missing_is_named_with_the_line_to_type_each_time(folder: Path) -> None:
    own(folder / "house")
    program = str(shutil.which("mosquitto", path="/usr/sbin:/usr/bin"))
    for _ in range(2):
        code, out, err = start(folder, "demo", without=program)
        assert "hallgate: missing: mosquitto" in err and "Type: sudo apt-get install -y mosquitto" in err
        assert (code, out) == (0, f"verb -P -m firmware demo as {NOBODY}\n"), "the verb says the rest"
    assert "missing: mosquitto" not in start(folder, "demo")[2]
