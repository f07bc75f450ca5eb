"""The launcher, with a Python, a pip and an apt-get that only write down what they were asked for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.image import tools
from firmware import __main__ as command_line
from firmware.verbs.run import HEAP
from tests import needs

ROOT = Path(__file__).parents[1]

PYTHON = """#!/bin/sh
echo "python $*" >>"$LOG"
case "$*" in
*"import picamera2"*) exit 1 ;;
*"import pip"*) [ -e "${0%/python}/pip-is-here" ] ;;
*"-m venv"*) for last; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python" && touch "$last/bin/pip-is-here" ;;
*"-m pip"*) exit "${PIP_CODE:-0}" ;;
*"-m firmware"*) echo "verb $*${PYTHONDONTWRITEBYTECODE:+ compiled anew}${PYTHONMALLOC:+ $PYTHONMALLOC $GLIBC_TUNABLES}" ;;
--version) echo "Python 3.11.0" ;;
esac
"""
APT = """#!/bin/sh
echo "apt $*" >>"$LOG"
exit "${APT_CODE:-0}"
"""


class Desk:
    """A folder with the launcher in it, and the log of everything it started."""

    def __init__(self, folder: Path) -> None:
        self.root, self.bin, self.log = folder / "house", folder / "bin", folder / "log"
        for made in (self.root, self.bin):
            made.mkdir()
        shutil.copy(ROOT / "hallgate", self.root / "hallgate")
        (self.root / "setup.cfg").write_text("[metadata]\nname = hallgate\n")
        for name, text in (("python3", PYTHON), ("apt-get", APT), ("ldconfig", "#!/bin/sh\necho $LIBRARIES\n")):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.log.write_text("")
        self.environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "LOG": str(self.log),
            "HOME": str(folder),
            "LIBRARIES": "libzbar.so.0",
        }

    def start(
        self, *words: str, at: Path | None = None, launcher: Path | None = None, **more: str
    ) -> tuple[int, str, str]:
        command = [str(launcher or self.root / "hallgate"), *words]
        environment = {**self.environment, **more}
        done = subprocess.run(command, cwd=at or self.root, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def started(self, what: str) -> int:
        return self.log.read_text().count(what)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_first_start_prepares_and_the_next_only_starts(desk: Desk) -> None:
    assert desk.start("check", "--site", "x")[:2] == (0, "verb -P -m firmware check --site x\n")
    assert (desk.started("-m venv"), desk.started("-m pip")) == (1, 1)
    before = desk.started("python")
    code, out, err = desk.start("check")
    assert (code, out, err) == (0, "verb -P -m firmware check\n", "")
    assert desk.started("python") == before + 1


def test_the_firmware_gets_its_heap_and_no_other_verb_does(desk: Desk) -> None:
    heap = " ".join(HEAP.values())
    assert desk.start("run", "--site", "x")[1] == f"verb -P -m firmware run --site x {heap}\n"
    assert desk.start("run", GLIBC_TUNABLES="a.b=1")[1].endswith(" a.b=1:glibc.malloc.hugetlb=1\n")
    assert desk.start("check")[1] == "verb -P -m firmware check\n"


def test_what_was_compiled_is_kept_whatever_the_shell_says(desk: Desk) -> None:
    out = desk.start("check", PYTHONDONTWRITEBYTECODE="1")[1]
    assert out == "verb -P -m firmware check\n"


def test_what_it_says_goes_to_stderr(desk: Desk) -> None:
    _, out, err = desk.start("rest")
    assert "preparing" in err and out == "verb -P -m firmware rest\n"


def test_it_prepares_again_when_setup_cfg_changes(desk: Desk) -> None:
    desk.start("check")
    (desk.root / "setup.cfg").write_text("[metadata]\nname = other\n")
    desk.start("check")
    assert (desk.started("-m venv"), desk.started("-m pip")) == (1, 2)


def test_a_system_package_that_is_newly_needed_is_installed_in_a_prepared_folder(desk: Desk) -> None:
    desk.start("flash")
    launcher = desk.root / "hallgate"
    launcher.write_text(launcher.read_text().replace("mcopy:mtools", "mcopy:mtools no-such-tool:newly-needed"))
    desk.start("flash")
    assert (asked := desk.started("newly-needed")) > 0
    desk.start("flash")
    assert desk.started("newly-needed") == asked


def test_the_emulated_card_brings_what_it_is_made_and_started_with(desk: Desk) -> None:
    """Without them its tests are skipped, and a run that tried nothing ends well."""
    launcher = desk.root / "hallgate"
    text = launcher.read_text()
    for command, package in {**tools.PACKAGES, **tools.BUNDLE_PACKAGES, **tools.EMULATOR_PACKAGES}.items():
        assert f"{command}:{package}" in text or package in ("e2fsprogs", "device-tree-compiler"), command
    launcher.write_text(text.replace("rauc:rauc", "no-such-tool:newly-needed"))
    desk.start("test", "-x")
    assert desk.started("newly-needed") == 0
    desk.start("test", "-x", "--image")
    assert (asked := desk.started("newly-needed")) > 0
    for words in (("-x",), ("--image", "-x")):
        desk.start("test", *words)
    assert desk.started("newly-needed") == asked, "each has its own mark"


def test_it_prepares_again_when_the_folder_was_moved(desk: Desk) -> None:
    desk.start("check")
    desk.root = desk.root.rename(desk.root.with_name("moved"))
    desk.start("check")
    assert desk.started("-m pip") == 2


def test_the_tests_extra_is_installed_for_the_tests_only(desk: Desk) -> None:
    desk.start("check")
    assert (desk.started("[simulation]"), desk.started("[simulation,test]")) == (1, 0)
    desk.start("test", APT_CODE="1")
    assert desk.started("[simulation,test]") == 1
    desk.start("demo", APT_CODE="1")
    assert desk.started("-m pip") == 2


def test_a_half_made_environment_is_made_again(desk: Desk) -> None:
    (desk.root / ".venv" / "bin").mkdir(parents=True)
    (desk.root / ".venv" / "leftover").write_text("")
    assert desk.start("check")[0] == 0
    assert not (desk.root / ".venv" / "leftover").exists()


def test_an_environment_whose_python_is_gone_is_made_again(desk: Desk) -> None:
    desk.start("check")
    (desk.root / ".venv" / "bin" / "python").unlink()
    assert desk.start("check")[0] == 0
    assert desk.started("-m venv") == 2


def test_without_a_network_it_names_the_line_to_type_and_tries_again_next_time(desk: Desk) -> None:
    code, out, err = desk.start("check", PIP_CODE="1")
    assert (code, out) == (1, "")
    assert f"Type: {desk.root}/.venv/bin/python -m pip install -e '{desk.root}[simulation]'" in err
    assert desk.start("check")[0] == 0
    assert desk.started("-m venv") == 1


def without_python(desk: Desk) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        (desk.bin / name).write_text("#!/bin/sh\nexit 1\n")
        (desk.bin / name).chmod(0o755)


def test_without_python_it_names_the_line_to_type(desk: Desk) -> None:
    without_python(desk)
    code, _, err = desk.start("check", APT_CODE="1")
    assert code == 1 and "sudo apt-get install -y python3 python3-venv" in err


@needs.unless(needs.not_root("install packages without being asked"))
def test_a_machine_without_python_is_given_one(desk: Desk) -> None:
    without_python(desk)
    (desk.bin / "given").write_text(PYTHON)
    (desk.bin / "given").chmod(0o755)
    (desk.bin / "apt-get").write_text(f"{APT.rpartition('exit')[0]}mv {desk.bin}/given {desk.bin}/python3\n")
    assert desk.start("check")[:2] == (0, "verb -P -m firmware check\n")
    assert desk.started("install -y --no-install-recommends python3 python3-venv") == 1


@needs.unless(needs.not_root("install packages without being asked"))
def test_a_missing_library_is_installed(desk: Desk) -> None:
    assert desk.start("check", LIBRARIES="")[0] == 0
    assert desk.started("libzbar0") == 1
    desk.start("check", LIBRARIES="")
    assert desk.started("libzbar0") == 1


def test_a_library_that_cannot_be_installed_is_named_and_the_verb_starts(desk: Desk) -> None:
    code, out, err = desk.start("check", LIBRARIES="", APT_CODE="1")
    assert (code, out) == (0, "verb -P -m firmware check\n")
    assert "Type: sudo apt-get install -y libzbar0" in err


def test_it_starts_from_anywhere_and_through_links(desk: Desk, tmp_path: Path) -> None:
    desk.start("check")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "link").symlink_to(desk.root / "hallgate")
    (tmp_path / "far" / "link2").symlink_to("link")
    assert desk.start("check", at=tmp_path, launcher=tmp_path / "far" / "link2")[:2] == (
        0,
        "verb -P -m firmware check\n",
    )
    code, out, _ = desk.start("check", at=tmp_path / "far", launcher=Path("../house/hallgate"))
    assert (code, out, desk.started("-m pip")) == (0, "verb -P -m firmware check\n", 1)


def test_words_for_pytest_are_told_apart_from_our_own(desk: Desk) -> None:
    desk.start("check", APT_CODE="1")
    assert desk.start("test", "-k", "x y", APT_CODE="1")[1] == "verb -P -m firmware test -- -k x y\n"
    assert desk.start("test", "--help", APT_CODE="1")[1] == "verb -P -m firmware test --help\n"


def test_the_verbs_exit_code_is_the_launchers(desk: Desk) -> None:
    desk.start("check")
    python = desk.root / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 7\n")
    assert desk.start("check")[0] == 7


def test_ci_runs_the_tests_and_answers_their_exit_code(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "hallgate").write_text('#!/bin/sh\necho "$PWD $*"\nexit 5\n')
    (tmp_path / "hallgate").chmod(0o755)
    done = subprocess.run(["bash", str(tmp_path / ".ci" / "run")], cwd="/", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (5, f"{tmp_path} test\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["--help", "check --site nothing", "hub --broker mqtt://127.0.0.1:9 --for 0.1"])
def test_a_stream_that_is_closed_is_no_traceback(words: str, closed: str) -> None:
    command = f'"{sys.executable}" -m firmware {words} {closed}'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr


def test_an_interrupt_while_modules_are_read_is_no_traceback(tmp_path: Path) -> None:
    """The first module that is read interrupts its own process, as a quick Ctrl-C does."""
    (tmp_path / "argparse.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "firmware", "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_an_interrupt_while_the_overview_is_made_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "overview", interrupted)
    monkeypatch.setattr(command_line, "_hush", lambda: None)
    assert command_line.main(["--help"]) == 130


@pytest.mark.parametrize("words", [("--help",), ("check", "--help")])
def test_whoever_reads_only_the_beginning_gets_no_traceback(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "firmware", *words]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
