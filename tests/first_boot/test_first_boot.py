"""A card's first start from outside: the folder that `hallgate flash` wrote, /persistent, the lamp, the console."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.first_boot import grow, lamp, steps
from deploy.first_boot.place import Placing, Stop
from deploy.flash import door as doors
from deploy.flash import passwords
from firmware.__main__ import main
from firmware.trust import certificates
from firmware.trust.authority import Authority
from tests import loop_disk, needs
from tests.brokers import wait_until
from tests.device.bench import OFF, ON, ROOT, Bench, Far
from tests.first_boot.desk import NOW, Desk, authority, desk

SECRET = "hall.key"
CAP_SYS_RESOURCE = 24


class Board:
    """A Pi with this card: its first partition, its /persistent, its green lamp."""

    def __init__(self, folder: Path, gate: Bench) -> None:
        self.folder, self.gate = folder, gate
        self.card, self.store = folder / "boot/hallgate", folder / "persistent"
        self.leds, self.networks = folder / "leds", folder / "run/network"
        self.store.mkdir(parents=True)
        act = self.leds / "ACT"
        act.mkdir(parents=True)
        (act / "max_brightness").write_text("255\n")
        self.report: dict[str, Any] = {}
        self.console = ""

    def insert(self, **more: bytes) -> None:
        """The card as `hallgate flash` leaves it."""
        door = doors.read(self.gate.site, None)
        door.files["network/10-hallgate-wired.network"] = b"[Match]\nName=eth*\n"
        door.files |= {name.replace("__", "/"): data for name, data in more.items()}
        for name, data in {**door.files, "card.json": door.manifest("card.img")}.items():
            (self.card / name).parent.mkdir(parents=True, exist_ok=True)
            (self.card / name).write_bytes(data)

    def start(self, *words: str) -> int:
        (self.leds / "ACT/trigger").write_text("none timer [mmc0] default-on pattern\n")
        command = [sys.executable, "-m", "firmware", "provision", "--card", self.card, "--store", self.store]
        command += ["--leds", self.leds, "--networks", self.networks, *words]
        done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        self.console = done.stderr
        self.report = json.loads(done.stdout) if done.stdout else {}
        return done.returncode

    @property
    def blinks(self) -> int:
        """What the kernel was told to blink."""
        if (self.leds / "ACT/trigger").read_text() == "default-on":
            return 0
        return (self.leds / "ACT/pattern").read_text().count(f"255 {lamp.FLASH_MS} ")


@pytest.fixture
def board(tmp_path: Path) -> Board:
    gate = Bench(tmp_path / "desk")
    made = Board(tmp_path, gate)
    yield made  # type: ignore[misc]
    gate.close()


def test_the_cards_door_becomes_the_devices(board: Board) -> None:
    board.insert()
    secret = (board.card / "site" / SECRET).read_bytes()
    assert board.start() == 0, board.console
    site = board.store / "site"
    assert (site / "site.toml").read_bytes() == board.gate.site.read_bytes()
    assert {path.name for path in site.iterdir()} >= {"rulebook.toml", "rulebook.toml.sig", "trust.jwks", SECRET}
    assert stat.S_IMODE((site / SECRET).stat().st_mode) == stat.S_IMODE((site / "entry-1.key").stat().st_mode) == 0o600
    key = certificates.load_key((site / "entry-1.key").read_bytes(), "")
    asked = certificates.load_request((board.card / "request.csr").read_bytes(), "")
    assert certificates.name_of(asked.subject) == ("entry-1", "baoshan") and asked.public_key() == key.public_key()
    assert certificates.fingerprint(key) in board.console
    assert (board.card / "fingerprint.txt").read_text().strip() == certificates.fingerprint(key)
    assert secret not in b"".join(path.read_bytes() for path in board.card.rglob("*") if path.is_file())
    assert not (board.card / "site" / SECRET).exists() and not (board.card / "card.json").exists()
    assert (board.networks / "10-hallgate-wired.network").is_file()
    assert (board.blinks, board.report["code"], board.report["troubles"]) == (0, 0, [])
    assert json.loads((board.store / "hallgate/doctor.json").read_text())["result"] == "incomplete"
    assert json.loads((board.store / "hallgate/first-boot.json").read_text()) == board.report


@pytest.mark.parametrize(("plugged", "words"), [(True, "自检正常"), (False, "故障 7")])
def test_the_sign_tells_who_stands_there(tmp_path: Path, plugged: bool, words: str) -> None:
    sign = Far(tmp_path / "sign")
    table = f'[lane.sign]\ndriver = "sign_text_line"\nport = "{sign.link}"\nencoding = "utf-8"\n'
    gate = Bench(tmp_path / "desk", lane=table)
    board = Board(tmp_path, gate)
    board.insert()
    if not plugged:
        gate.scanner.unplug()
    assert board.start() == (0 if plugged else 1), board.console
    sign.expect(words.encode())
    gate.close()
    sign.unplug()


def test_the_next_starts_change_nothing_but_the_network(board: Board) -> None:
    board.insert()
    board.start()
    before = {path: path.read_bytes() for path in (board.store / "site").iterdir()}
    (board.networks / "10-hallgate-wired.network").unlink()
    assert board.start() == 0
    assert {path: path.read_bytes() for path in (board.store / "site").iterdir()} == before
    assert (board.networks / "10-hallgate-wired.network").is_file()


def test_a_new_card_for_the_same_device_keeps_its_key(board: Board) -> None:
    board.insert()
    board.start()
    key = (board.store / "site/entry-1.key").read_bytes()
    board.gate.site.write_text(board.gate.site.read_text() + "# newer\n")
    board.insert()
    assert board.start() == 0
    assert (board.store / "site/site.toml").read_text().endswith("# newer\n")
    assert (board.store / "site/entry-1.key").read_bytes() == key


# ---------------------------------------------------------------- every failure has a number, and none is in the gate's way


def spoil(file: str) -> Any:
    def deed(board: Board) -> None:
        path = board.card / file
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    return deed


def wrong_site(board: Board) -> None:
    """Written well, and not what a device can use: another version of the tools made it."""
    text = (board.card / "site/site.toml").read_bytes().replace(b"direction", b"directoin")
    (board.card / "site/site.toml").write_bytes(text)
    manifest = json.loads((board.card / "card.json").read_bytes())
    manifest["files"]["site/site.toml"] = hashlib.sha256(text).hexdigest()
    (board.card / "card.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("deed", "code", "words"),
    [
        (spoil("card.json"), 3, "card"),
        (spoil("site/trust.jwks"), 3, "trust.jwks is missing, or not as it was written"),
        (lambda board: (board.card / "site" / SECRET).unlink(), 3, "hall.key is missing"),
        (wrong_site, 4, "did you mean direction"),
        (lambda board: board.gate.scanner.unplug(), 7, "A scanner"),
        (
            lambda board: (board.store / "site.new").write_text("") or (board.store / "site").write_text(""),
            5,
            "persistent",
        ),
    ],
    ids=["list", "file", "missing", "site", "device", "store"],
)
def test_what_fails_has_a_number(board: Board, deed: Any, code: int, words: str) -> None:
    board.insert()
    deed(board)
    assert board.start() == 1
    assert board.blinks == board.report["code"] == code, board.console
    assert f"hallgate [{code}]" in board.console and words in board.console
    if code in (3, 4):
        assert (board.card / "card.json").exists(), "the card is as it was: mended, the next start takes it"
        assert not (board.store / "site").exists()


def test_a_self_check_without_an_end_has_its_number_and_the_report_is_written(
    board: Board, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    board.insert()
    (board.leds / "ACT/trigger").write_text("none pattern\n")
    monkeypatch.setattr(steps, "CHECK_S", 0)
    steps.Start(Placing(board.card, board.store), board.leds, board.networks).before_the_firmware()
    told = json.loads(capsys.readouterr().out)
    assert told["code"] == 7 and "self check" in told["troubles"][0]["what"] and board.blinks == 7


def test_a_card_without_a_door(board: Board) -> None:
    assert board.start() == 1
    assert board.blinks == 2 and "names no door" in board.console


def test_the_numbers_are_told_in_chinese(board: Board) -> None:
    assert board.start("--lang", "zh") == 1
    assert "这张卡没有写门" in board.console


def test_a_cut_in_the_middle_is_placed_at_the_next_start(board: Board) -> None:
    """Between the two renames there is no site; the card still has it, and the key is still the device's."""
    board.insert()
    board.start()
    key = (board.store / "site/entry-1.key").read_bytes()
    board.insert()
    os.rename(board.store / "site", board.store / "site.before")
    (board.store / "site.new").mkdir()
    (board.store / "site.new/half").write_text("")
    assert board.start() == 0
    assert (board.store / "site/site.toml").is_file() and not (board.store / "site/half").exists()
    assert (board.store / "site/entry-1.key").read_bytes() == key


def test_a_kernel_without_patterns_blinks_all_the_same(board: Board) -> None:
    (board.leds / "ACT/trigger").write_text("none [mmc0] timer\n")
    assert main(["provision", "--blink", "9", "--leds", str(board.leds)]) == 0
    assert (board.leds / "ACT/trigger").read_text() == "timer"
    assert main(["provision", "--blink", "9", "--leds", str(board.folder / "none")]) == 1


# ---------------------------------------------------------------- a gate that decides, with and without its hub


def with_hub(board: Board, url: str) -> None:
    """A door of a hall with certificates."""
    tls = '[hub.tls]\nca = "ca.pem"\ncert = "entry-1.pem"\nkey = "entry-1.key"\n'
    board.gate.site.write_text(board.gate.site.read_text().replace("[rights]", f'[hub]\nurl = "{url}"\n{tls}[rights]'))


def test_no_network_for_ever_still_gives_a_gate_that_decides(board: Board) -> None:
    ca = authority(board.folder / "ca")
    (board.gate.folder / "ca.pem").write_bytes((ca / "ca.pem").read_bytes())
    with_hub(board, "mqtts://127.0.0.1:9")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        board.insert(**{"enrol.json": json.dumps({"v": 1, "url": url, "ticket": "00"}).encode()})
        assert board.start() == 0, board.console
        assert board.start("--enrol") == 1, "tried again by systemd, for ever"
        assert board.blinks == 8 and "[8]" in board.console
    board.gate.site, board.gate.state = board.store / "site/site.toml", board.store / "hallgate"
    board.gate.start()
    board.gate.scan(board.gate.booking())
    board.gate.relay.expect(ON)
    board.gate.relay.expect(OFF)


def test_it_enrols_by_the_ticket_of_its_card(board: Board) -> None:
    with desk(board.folder / "ca") as hall:
        (board.gate.folder / "ca.pem").write_bytes((hall.folder / "ca.pem").read_bytes())
        with_hub(board, "mqtts://127.0.0.1:9")
        board.insert(**{"enrol.json": ticket(hall)})
        assert board.start() == 0, board.console
        assert board.start("--enrol") == 0, board.console
    made = certificates.load_certificate((board.store / "site/entry-1.pem").read_bytes(), "")
    assert certificates.matches(made, certificates.load_key((board.store / "site/entry-1.key").read_bytes(), ""))
    assert not (board.store / "site/enrol.json").exists(), "a ticket is spent"
    assert board.start("--enrol") == 0, "nothing is left to do"


@pytest.mark.parametrize("plugged", [True, False])
def test_a_clock_in_doubt_blinks_until_the_time_is_known(board: Board, plugged: bool) -> None:
    """At 1970 first, then at a time the rulebook knows. What the start found is shown again afterwards."""
    board.insert()
    if not plugged:
        board.gate.scanner.unplug()
    board.start()
    gate, socket_path = board.gate, board.folder / "ask"
    gate.site, gate.state = board.store / "site/site.toml", board.store / "hallgate"
    gate.more_words = ["--ask", str(socket_path)]
    assert board.start("--clock", str(socket_path)) == 1, "nobody answers: systemd tries again"
    gate.environment = {"HALLGATE_CLOCK": "wall=1970-01-01T00:01:00+00:00"}
    gate.start()
    assert board.start("--clock", str(socket_path)) == 1
    assert board.blinks == 6 and "[6]" in board.console
    gate.kill()
    gate.environment = {}
    gate.start()
    assert board.start("--clock", str(socket_path)) == 0
    assert board.blinks == (0 if plugged else 7) and "[6]" not in board.console


def ticket(hall: Desk) -> bytes:
    return json.dumps({"v": 1, "url": hall.url, "ticket": hall.ticket("entry-1")}).encode()


def test_a_refused_ticket_is_a_persons_to_mend(board: Board) -> None:
    with desk(board.folder / "ca") as hall:
        board.insert(**{"enrol.json": json.dumps({"v": 1, "url": hall.url, "ticket": "00"}).encode()})
        board.start()
        assert board.start("--enrol") == 2
    assert board.blinks == 8 and "flash it again" in board.console


def test_a_certificate_carried_by_hand(board: Board) -> None:
    board.insert()
    board.start()
    ca = authority(board.folder / "ca")
    seen = (board.card / "fingerprint.txt").read_text()
    made = Authority(ca).sign((board.card / "request.csr").read_bytes(), "", "device", seen, NOW, 30, ())
    (board.card / "certificate.pem").write_bytes(made.read_bytes())
    assert board.start() == 0, board.console
    assert (board.store / "site/entry-1.pem").read_bytes() == made.read_bytes()
    other = certificates.new_key()
    asked = certificates.request("entry-1", "baoshan", other)
    wrong = Authority(ca).sign(asked, "", "device", certificates.fingerprint(other), NOW, 30, ())
    (board.card / "certificate.pem").write_bytes(wrong.read_bytes())
    assert board.start() == 1 and board.blinks == 8 and "no key here fits it" in board.console


def test_a_request_that_was_carried_away_and_lost_lies_on_the_card_again(board: Board) -> None:
    """Until somebody signs it: nobody can log in to a card without a password to fetch it."""
    board.insert()
    board.start()
    left = {name: (board.card / name).read_bytes() for name in ("request.csr", "fingerprint.txt")}
    for name in left:
        (board.card / name).unlink()
    board.start()
    assert {name: (board.card / name).read_bytes() for name in left} == left
    seen = left["fingerprint.txt"].decode()
    made = Authority(authority(board.folder / "ca")).sign(left["request.csr"], "", "device", seen, NOW, 30, ())
    (board.card / "request.csr").unlink()
    (board.card / "certificate.pem").write_bytes(made.read_bytes())
    for _ in range(2):
        board.start()
        assert not (board.card / "request.csr").exists(), "it is signed"


# ---------------------------------------------------------------- screen and keyboard


def at_the_console(board: Board) -> str:
    """Root's line of the list of passwords after a start and one more, in a mount namespace of its own."""
    start = f"{sys.executable} -m firmware provision --card {board.card} --store {board.store} --leds {board.leds}"
    start += f" --networks {board.networks}"
    script = (
        f"mount -t tmpfs run /run && {start}; {start}; stat -c %a /etc/shadow >&2; grep -c shadow /proc/mounts >&2; "
    )
    script += "grep ^root: /etc/shadow"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    board.console = done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_who_stands_there_gets_in_by_the_cards_password_alone(board: Board, tmp_path: Path) -> None:
    needs.stop_unless(loop_disk.why_not() or needs.missing("openssl", "unshare"))
    before = Path("/etc/shadow").read_text()
    assert at_the_console(board) == before.splitlines()[0], "a card without a password lets nobody in"
    word = tmp_path / "word"
    word.write_text("open sesame 7\n")
    word.chmod(0o600)
    hashed = passwords.hashed(word)
    board.insert(console=hashed)
    found = at_the_console(board).split(":")
    assert (found[0], found[1]) == ("root", hashed.decode())
    salt = found[1].split("$")[2]
    again = ["openssl", "passwd", "-6", "-salt", salt, "open sesame 7"]
    assert subprocess.run(again, capture_output=True, text=True).stdout.strip() == found[1]
    assert board.console.splitlines()[-2:] == ["600", "1"], "for root's eyes, and laid over once"
    assert not (board.card / "console").exists() and (board.store / "console").stat().st_mode & 0o777 == 0o600
    assert Path("/etc/shadow").read_text() == before
    board.insert()
    assert at_the_console(board) == before.splitlines()[0], "the next card says it anew"
    board.insert(console=b"root:x")
    at_the_console(board)
    assert "hallgate [3]" in board.console and "is no hash of a password" in board.console


# ---------------------------------------------------------------- the rest of the card


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """The first partition, 16 MiB of 96, of a real disk of the kernel's."""
    needs.stop_unless(loop_disk.why_not() or needs.missing("sfdisk", "partx", "resize2fs", "mke2fs"))
    disk, store = tmp_path / "card.bin", tmp_path / "persistent"
    disk.write_bytes(b"")
    os.truncate(disk, 96 << 20)
    store.mkdir()
    subprocess.run(["sfdisk", "-q", disk], input="label: dos\nstart=2048, size=32768\n", text=True, check=True)
    device = subprocess.run(
        ["losetup", "-f", "--show", disk], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        subprocess.run(["partx", "-a", device], check=True)
        part = Path(f"{device}p1")
        wait_until(part.exists)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", part], check=True)
        subprocess.run(["mount", part, store], check=True)
        (store / "kept").write_text("kept")
        yield store
    finally:
        subprocess.run(["umount", store], check=False)
        subprocess.run(["partx", "-d", device], check=False)
        subprocess.run(["losetup", "-d", device], check=False)


def sectors(store: Path) -> int:
    number = os.stat(store).st_dev
    return int(Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/size").read_text())


def test_the_partition_takes_the_rest_of_the_card_while_it_is_mounted(mounted: Path) -> None:
    with contextlib.suppress(Stop):  # the file system is the next test's
        grow.grow(mounted)
    assert sectors(mounted) == (96 << 20) // 512 - 2048
    assert (mounted / "kept").read_text() == "kept"


@needs.unless(needs.capability(CAP_SYS_RESOURCE, "resize a mounted ext4; `./hallgate test --image -k flashed` does it"))
def test_its_file_system_follows(mounted: Path) -> None:
    assert "MB now" in grow.grow(mounted)
    assert os.statvfs(mounted).f_blocks * os.statvfs(mounted).f_frsize > 80 << 20
    assert (mounted / "kept").read_text() == "kept" and grow.grow(mounted) == ""
