"""`hallgate flash` from outside: a whole card of real file systems, every kind of bad input, cuts at any moment."""

from __future__ import annotations

import codecs
import datetime as dt
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.flash import blockmap, door, writing
from deploy.flash.blockmap import SECTOR
from deploy.flash.disks import Disks
from deploy.image import tools
from firmware import site
from firmware.__main__ import main
from firmware.errors import Failure
from firmware.trust.authority import Authority
from tests import loop_disk, needs
from tests.device.bench import ROOT
from tests.flash.conftest import CARD, flash
from tests.site.conftest import Bench

FAT_AT = 1 << 20


def nobody_listens(deed: str, done: int, whole: int) -> None:
    """To how far the writing is."""


def on_card(card: Path, name: str) -> bytes:
    done = subprocess.run(["mtype", "-i", f"{card}@@{FAT_AT}", f"::hallgate/{name}"], capture_output=True, check=True)
    return done.stdout


def used_card(path: Path, size: int) -> Path:
    """A card that somebody had before: no byte of it is zero."""
    path.write_bytes(b"\xa5" * size)
    return path


def partition_at(number: int) -> int:
    return (1 + CARD.firmware_mib + (number - 2) * CARD.slot_mib) << 20


# ---------------------------------------------------------------- a whole card


def test_a_card_for_one_door(tmp_path: Path, image: Path, site_file: Path) -> None:
    card = used_card(tmp_path / "sd.img", image.stat().st_size)
    done = flash(
        image, card, "--site", site_file, "--confirm", "sd.img", "--label", tmp_path / "label.svg", "--ntp", "10.0.0.1"
    )
    assert done.returncode == 0, done.stderr
    assert "the port of scanner is still a placeholder" in done.stderr, "it would be missed at the door"
    assert "flash: warning: " in done.stderr and "valid_until: is over, today is" in done.stderr, "as check says it"
    told = json.loads(done.stdout)
    assert (told["device"], told["hall"]) == ("east-entry-1", "baoshan")
    for number, partition in ((2, "root"), (4, "persistent")):
        out = tools.run(["e2fsck", "-fn", f"{card}?offset={partition_at(number)}"])
        assert f"{partition}: " in out, "a used card's old bytes are no part of a file system"
    assert tools.run(["sfdisk", "-d", card]).count("start=") == 4
    manifest = json.loads(on_card(card, "card.json"))
    assert (manifest["device"], manifest["card"]) == ("east-entry-1", told["card"])
    assert set(manifest["files"]) >= {"site/site.toml", "site/rulebook.toml", "site/rulebook.toml.sig", "site/hall.key"}
    assert on_card(card, "site/site.toml") == site_file.read_bytes()
    assert b"NTP=10.0.0.1" in on_card(card, "network/10-hallgate-wired.network")
    assert not [name for name in manifest["files"] if name.endswith((".pem", ".key")) and "east-entry" in name]
    assert f"HALLGATE baoshan east-entry-1 CARD {told['card']}" in done.stderr
    assert "<svg" in (tmp_path / "label.svg").read_text()
    assert main(["flash", "--check", str(card)]) == 0


def test_a_new_file_a_packed_image_and_a_blank_card(tmp_path: Path, image: Path) -> None:
    packed = tmp_path / "card.img.zst"
    tools.run(["zstd", "-q", "--long", image, "-o", packed])
    assert flash(packed, tmp_path / "new.img", "--blank").returncode == 2, "a packed image without its map"
    (tmp_path / "card.img.bmap").write_bytes(image.with_name("card.img.bmap").read_bytes())
    done = flash(packed, tmp_path / "new.img", "--blank")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["device"] is None
    assert (tmp_path / "new.img").read_bytes() == image.read_bytes()
    assert (tmp_path / "new.img").stat().st_mode & 0o077 == 0, "a door's keys lie on a card"


def test_an_image_without_a_map_is_written_whole_and_said_so(tmp_path: Path, image: Path) -> None:
    (tmp_path / "card.img").write_bytes(image.read_bytes())
    card = used_card(tmp_path / "sd.img", image.stat().st_size)
    done = flash(tmp_path / "card.img", card, "--blank", "--confirm", "sd.img")
    assert done.returncode == 0 and "no block map" in done.stderr
    assert card.read_bytes() == image.read_bytes()


def test_the_map_leaves_out_only_what_is_free(image: Path) -> None:
    found = blockmap.read(image.with_name("card.img.bmap"))
    assert found == blockmap.made(image) and found.known
    assert found.mapped_bytes < 0.4 * found.image_bytes, "an empty slot and free blocks are not written"


# ---------------------------------------------------------------- what is refused, and nothing is written then


def refused(card: Path, *words: object) -> str:
    before = card.read_bytes() if card.is_file() else b""
    done = flash(*words)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert (card.read_bytes() if card.is_file() else b"") == before
    return done.stderr


def test_a_flipped_bit_is_found_before_the_card_is_touched(tmp_path: Path, image: Path) -> None:
    card = used_card(tmp_path / "sd.img", 1 << 20)
    for name, at in (("card.img", 2 * FAT_AT + 77), ("card.img.bmap", 700)):
        for source in (image, image.with_name("card.img.bmap")):
            data = bytearray(source.read_bytes())
            if source.name == name:
                data[at] ^= 4
            (tmp_path / source.name).write_bytes(data)
        assert "damaged" in (said := refused(card, tmp_path / "card.img", card, "--blank", "--confirm", "sd.img")), said
    os.truncate(tmp_path / "card.img", 1 << 20)
    (tmp_path / "card.img.bmap").write_bytes(image.with_name("card.img.bmap").read_bytes())
    assert "not as long" in refused(card, tmp_path / "card.img", card, "--blank", "--confirm", "sd.img")


def test_an_image_that_no_map_vouches_for(tmp_path: Path, image: Path) -> None:
    """Another system's has partitions, too, and the beginning of ours has the whole table."""
    card = used_card(tmp_path / "sd.img", 1 << 20)
    other = tmp_path / "other.img"
    data = bytearray(image.read_bytes())
    other.write_bytes(data[: 30 << 20])
    assert "is shorter than its partitions" in refused(card, other, card, "--blank", "--confirm", "sd.img")
    data[blockmap.NUMBER_AT] ^= 1
    other.write_bytes(data)
    assert "is not an image of hallgate" in refused(card, other, card, "--blank", "--confirm", "sd.img")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--blank", "--confirm", "sdb"], "nothing is written: the name typed is not sd.img"),
        (["--blank"], "nothing is written"),
        ([], "say --site FILE, or --blank"),
        (["--site", "SITE", "--name", "west-1", "--confirm", "sd.img"], "is east-entry-1, not west-1"),
        (["--site", "SITE", "--network", "10.0.0.5", "--confirm", "sd.img"], "write dhcp, or ADDRESS/PREFIX"),
        (["--site", "SITE", "--wifi", "x" * 40, "--confirm", "sd.img"], "1 to 32 bytes"),
        (["--site", "SITE", "--enrol", "http://x", "--confirm", "sd.img"], "with both, --enrol URL and --ca DIR"),
        (["--site", "/nowhere.toml", "--confirm", "sd.img"], "cannot be read"),
        (["--site", "SITE", "--ntp", "10.0.0.1\nDHCP=no", "--confirm", "sd.img"], "write a time server's name"),
        (["--site", "SITE", "--wifi-password", "SITE", "--confirm", "sd.img"], "needs its network: --wifi NAME"),
        (["--site", "SITE", "--label", "label.txt", "--confirm", "sd.img"], "write a label as .svg or .png"),
        (["--site", "SITE", "--label", "/nowhere/a.svg", "--confirm", "sd.img"], "in a folder that exists"),
        (["--site", "SITE", "--enrol", "desk", "--ca", ".", "--confirm", "sd.img"], "write the desk's address"),
    ],
)
def test_wrong_words(tmp_path: Path, image: Path, site_file: Path, words: list[str], said: str) -> None:
    card = used_card(tmp_path / "sd.img", 1 << 20)
    assert said in refused(card, image, card, *(str(site_file) if word == "SITE" else word for word in words))


def test_a_site_file_without_what_it_names(tmp_path: Path, image: Path, site_file: Path) -> None:
    card = used_card(tmp_path / "sd.img", 1 << 20)
    words = (image, card, "--site", site_file, "--confirm", "sd.img")
    text = site_file.read_text()
    site_file.write_text(text.replace('"rulebook.toml"', f'"{site_file.parent}/rulebook.toml"'))
    assert "must lie beside the site file" in refused(card, *words)
    site_file.write_text(text)
    (site_file.parent / "rulebook.toml").write_bytes((site_file.parent / "rulebook.toml").read_bytes() + b"\n")
    assert "rulebook.toml.sig" in refused(card, *words)
    (site_file.parent / "rulebook.toml").unlink()
    assert "there is no file" in refused(card, *words)


def test_a_site_file_with_a_byte_order_mark_is_the_same_door(site_file: Path) -> None:
    """Some editors put one in front, and `check` finds nothing wrong with it."""
    needs.stop_unless(needs.missing("mcopy"))
    plain = door.read(site_file, None)
    site_file.write_bytes(codecs.BOM_UTF8 + site_file.read_bytes())
    marked = door.read(site_file, None)
    assert marked.files.keys() == plain.files.keys() and marked.name == site.device_name(site_file)


def test_no_card_is_made_of_a_door_that_check_refuses(tmp_path: Path, image: Path, site_file: Path) -> None:
    card = used_card(tmp_path / "sd.img", 1 << 20)
    rulebook = (ROOT / "deploy/sites/rulebook.toml").read_text()
    Bench(site_file.parent).sign(rulebook.replace("limit_persons = 200", "limit_persons = 0"))
    said = refused(card, image, card, "--site", site_file, "--confirm", "sd.img")
    assert "rulebook.toml:" in said and "limit_persons: is 0: nobody is admitted" in said


def test_what_is_no_disk(tmp_path: Path, image: Path) -> None:
    pulled = Path("/dev/hallgate-pulled")
    for path in ("/dev/null", tmp_path, "/nowhere/sd.img", pulled):
        done = flash(image, path, "--blank", "--confirm", "null")
        assert done.returncode == 2 and "is no disk" in done.stderr
    assert not pulled.exists(), "a file in memory was taken for a card"


def test_a_card_is_never_written_over_what_it_is_made_from(image: Path) -> None:
    for source in (image, image.with_name("card.img.bmap")):
        assert "is what the card is made from" in refused(source, image, source, "--blank", "--confirm", source.name)


def test_a_refused_card_leaves_the_ticket_of_the_one_before(tmp_path: Path, image: Path, site_file: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    authority = Authority.new(tmp_path / "authority", "baoshan", now)
    secret = authority.ticket("east-entry-1", now)
    enrol = ("--site", site_file, "--enrol", "http://10.0.0.1:8446", "--ca", tmp_path / "authority")
    refused(tmp_path, image, "/dev/null", *enrol)
    spoilt = tmp_path / "card.img"
    spoilt.write_bytes(image.read_bytes()[:-512] + b"?" * 512)
    spoilt.with_name("card.img.bmap").write_bytes(image.with_name("card.img.bmap").read_bytes())
    refused(tmp_path / "sd.img", spoilt, tmp_path / "sd.img", *enrol)
    assert Authority(tmp_path / "authority").held("east-entry-1", now).secret == secret
    assert flash(image, tmp_path / "sd.img", *enrol).returncode == 0
    ticket = json.loads(on_card(tmp_path / "sd.img", "enrol.json"))["ticket"]
    assert ticket == Authority(tmp_path / "authority").held("east-entry-1", now).secret != secret


def test_the_card_of_a_bank_is_enrolled_as_one(tmp_path: Path, image: Path, site_file: Path) -> None:
    """Otherwise the hall's broker keeps the orders for its limit from it: no recount, no fence."""
    now = dt.datetime.now(dt.UTC)
    Authority.new(tmp_path / "authority", "baoshan", now)
    enrol = ["--site", site_file, "--ca", tmp_path / "authority", "--enrol", "http://10.0.0.1:8446"]
    for bank, role in (("false", "device"), ("true", "bank")):
        site_file.write_text(re.sub("bank = (true|false)", f"bank = {bank}", site_file.read_text()))
        assert flash(image, tmp_path / "sd.img", *enrol, "--confirm", "sd.img").returncode == 0
        assert Authority(tmp_path / "authority").held("east-entry-1", now).role == role


# ---------------------------------------------------------------- real disks of the kernel


@pytest.fixture
def disk(tmp_path: Path) -> object:
    needs.stop_unless(loop_disk.why_not())
    file = used_card(tmp_path / "disk.bin", 64 << 20)
    device = Path(tools.run(["losetup", "--find", "--show", "-P", file]).strip())
    yield device
    tools.run(["losetup", "--detach", device])


def test_a_disk_of_the_kernel(tmp_path: Path, image: Path, site_file: Path, disk: Path) -> None:
    words = (image, disk, "--site", site_file)
    assert "nothing is written" in flash(*words, "--confirm", "sdb").stderr
    done = flash(*words, "--confirm", disk.name)
    assert done.returncode == 0, done.stderr
    assert "east-entry-1" in on_card(disk, "card.json").decode()
    (tmp_path / "mnt").mkdir()
    tools.run(["mount", "-o", f"offset={partition_at(2)}", disk, tmp_path / "mnt"])
    try:
        assert len(list((tmp_path / "mnt").glob("file-*"))) == 20
        (loop,) = {line.split()[0] for line in Path("/proc/mounts").read_text().splitlines() if str(tmp_path) in line}
        done = flash(image, loop, "--blank", "--confirm", Path(loop).name)
        assert done.returncode == 2 and "is in use" in done.stderr
    finally:
        tools.run(["umount", tmp_path / "mnt"])


@pytest.mark.parametrize("how", ["_write_ourselves", "_write_by_bmaptool"])
def test_both_writers_write_the_same_and_leave_the_mark(image: Path, disk: Path, how: str) -> None:
    needs.stop_unless(needs.missing("bmaptool") if "bmaptool" in how else "")
    card = writing.Card(disk, writing.Image(image), nobody_listens)
    card.spoil()
    getattr(card, how)()
    assert disk.read_bytes()[: len(writing.MARK)] == writing.MARK and not writing.is_whole(disk)
    card.verify()
    card.finish()
    assert writing.is_whole(disk)
    assert "root: " in tools.run(["e2fsck", "-fn", f"{disk}?offset={partition_at(2)}"])


def test_a_card_too_short(tmp_path: Path, image: Path) -> None:
    needs.stop_unless(loop_disk.why_not())
    file = used_card(tmp_path / "disk.bin", 8 << 20)
    device = Path(tools.run(["losetup", "--find", "--show", file]).strip())
    try:
        done = flash(image, device, "--blank", "--confirm", device.name)
        assert done.returncode == 2 and "take a larger card" in done.stderr
        assert file.read_bytes() == b"\xa5" * (8 << 20)
    finally:
        tools.run(["losetup", "--detach", device])


def kernel(folder: Path) -> Disks:
    """The kernel's own files of a desk: its disk, a card reader, a USB stick in use, an internal data disk."""
    rows = {"nvme0n1": ("0", 10**9, "259:0"), "sda": ("0", 10**9, "8:0")}
    rows |= {"sdb": ("1", 31_116_288, "8:16"), "mmcblk0": ("0", 62_333_952, "179:0")}
    for name, (removable, sectors, number) in rows.items():
        place = folder / "sys/devices" / name
        (place / "device").mkdir(parents=True)
        for key, value in {
            "removable": removable,
            "size": str(sectors),
            "dev": number,
            "ro": "0",
            "device/model": "Model",
        }.items():
            (place / key).write_text(value + "\n")
        for group, link in (("block", name), ("dev/block", number)):
            (folder / "sys" / group).mkdir(parents=True, exist_ok=True)
            (folder / "sys" / group / link).symlink_to(place)
    part = folder / "sys/devices/nvme0n1/nvme0n1p2"
    part.mkdir()
    (part / "partition").write_text("2\n")
    (part / "dev").write_text("259:2\n")
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/mountinfo").write_text(
        "22 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n23 22 8:16 / /media/photos rw - vfat /dev/sdb rw\n"
    )
    (folder / "proc/swaps").write_text("Filename Type Size Used Priority\n")
    return Disks(folder / "sys", folder / "proc")


def test_only_what_can_be_taken_out_is_offered(tmp_path: Path) -> None:
    assert {disk.name: disk.refusal(10**9) for disk in kernel(tmp_path).cards()} == {
        "mmcblk0": "",
        "sdb": "is in use (/media/photos): umount it first, if it is the right one",
    }


def test_this_machines_disks_are_refused(tmp_path: Path) -> None:
    disks = kernel(tmp_path)
    why = {name: disks._disk(tmp_path / "sys/block" / name).refusal(0) for name in ("nvme0n1", "sda")}
    assert why == {"nvme0n1": "is this machine's own disk", "sda": "cannot be taken out of this machine: it is no card"}
    assert "has 31915 MB, the image needs 40000 MB" in disks._disk(tmp_path / "sys/block/mmcblk0").refusal(4 * 10**10)


# ---------------------------------------------------------------- cuts


def holds_everything(card: Path, image: Path) -> bool:
    blocks = writing.Image(image).map
    with card.open("rb") as file:
        return all(blockmap.digest(file, each.begin, blocks.end(each)) == each.sha256 for each in blocks.ranges)


def test_killed_at_any_moment_the_card_is_whole_or_says_that_it_is_not(tmp_path: Path, image: Path) -> None:
    card = used_card(tmp_path / "sd.img", image.stat().st_size)
    command = [sys.executable, "-m", "firmware", "flash", str(image), str(card), "--blank", "--confirm", "sd.img"]
    cut_off = 0
    for after_s in (0, 0.01, 0.02, 0.04, 0.07, 0.1):
        with subprocess.Popen(
            command, cwd=ROOT, stderr=subprocess.PIPE, text=True, stdout=subprocess.DEVNULL
        ) as process:
            assert process.stderr is not None
            next(line for line in process.stderr if "writing" in line)
            time.sleep(after_s)
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        whole = main(["flash", "--check", str(card)]) == 0
        assert whole == holds_everything(card, image) == (card.read_bytes()[:9] != b"hallgate:")
        cut_off += not whole
    assert cut_off, "it was never killed early enough"
    assert flash(image, card, "--blank", "--confirm", "sd.img").returncode == 0
    assert main(["flash", "--check", str(card)]) == 0 and holds_everything(card, image)


def test_a_card_that_goes_away_while_it_is_written(tmp_path: Path, image: Path) -> None:
    """The kernel refuses a write in the middle, as for a card that was pulled."""

    def short() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))

    card = tmp_path / "sd.img"
    done = flash(image, card, "--blank", preexec_fn=short)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "The card is not whole: put it in again" in done.stderr.splitlines()[-1]
    assert main(["flash", "--check", str(card)]) == 1


def test_bmaptools_colours_stay_on_its_own_terminal(
    tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pulled(*words: object) -> str:
        raise Failure("bmaptool ended with 1: \x1b[91mERROR\x1b[0m: cannot write")

    monkeypatch.setattr(writing.tools, "run", pulled)
    with pytest.raises(Failure, match="ERROR: cannot write. The card is not whole") as said:
        writing.Card(tmp_path / "sd.img", writing.Image(image), nobody_listens)._write_by_bmaptool()
    assert "[91m" not in str(said.value)


def test_a_disk_that_is_gone_is_not_replaced_by_a_file(tmp_path: Path, image: Path, disk: Path) -> None:
    """The name of a pulled card's disk is free: whatever is written there next must not be taken for the card."""
    node = tmp_path / "sdz"
    os.mknod(node, 0o600 | stat.S_IFBLK, disk.stat().st_rdev)
    card = writing.Card(node, writing.Image(image), nobody_listens)
    card.spoil()
    node.unlink()
    for step in (card.finish, card.verify, card.write):
        with pytest.raises(Failure, match="The card is not whole"):
            step()
        assert step == card.write or not node.exists()  # bmaptool makes a file where there is none


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("at", [SECTOR + 1, FAT_AT + 12, -1])
def test_a_card_that_does_not_keep_what_it_is_given(tmp_path: Path, image: Path, packed: bool, at: int) -> None:
    if packed:
        tools.run(["zstd", "-q", image, "-o", tmp_path / "card.img.zst"])
        (tmp_path / "card.img.bmap").write_bytes(image.with_name("card.img.bmap").read_bytes())
    source = writing.Image(tmp_path / "card.img.zst" if packed else image)
    card = writing.Card(tmp_path / "sd.img", source, nobody_listens)
    card.spoil()
    card.write()
    card.verify()
    last = source.map.end(source.map.ranges[-1])
    with card.path.open("r+b") as file:
        file.seek(at % last)
        kept = file.read(1)[0]
        file.seek(at % last)
        file.write(bytes([kept ^ 1]))
    with pytest.raises(Failure, match="take another card"):
        card.verify()
    assert not writing.is_whole(card.path)
