"""What the builder says and decides without building: lists, names that must agree, and one small card of real tools."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from deploy.image import boards, card, keys, papers, recipe, root, tools
from firmware.__main__ import main
from firmware.errors import Failure, Mistake
from tests import loop_disk, needs

HERE = recipe.HERE


def test_the_card_has_one_identity_everywhere() -> None:
    disk = recipe.read().card.disk
    for name in ("overlay/etc/fstab", "overlay/etc/rauc/system.conf", "boot.cmd"):
        text = (HERE / name).read_text()
        assert f"{disk}-0" in text, name
    assert f"compatible={recipe.read().compatible}\n" in (HERE / "overlay/etc/rauc/system.conf").read_text()


def test_a_slow_or_ill_card_ends_in_no_console() -> None:
    """What is mounted from the card is waited for; else systemd gives up after 90 s and asks for root's password."""
    rows = [line.split() for line in (HERE / "overlay/etc/fstab").read_text().splitlines() if line[:1] not in ("#", "")]
    found = {row[1]: row[3].split(",") for row in rows if row[0].startswith("PARTUUID=")}
    assert set(found) == {"/boot/firmware", "/persistent"}
    assert all({"nofail", "x-systemd.device-timeout=0"} <= set(options) for options in found.values())
    assert "fsck.repair=yes" in (HERE / "boot.cmd").read_text()
    assert set(loop_disk.OPTIONS.split(",")) <= set(found["/persistent"]), (
        "power is cut in the tests as it is on the card"
    )


def test_a_scan_does_not_meet_a_slowed_processor() -> None:
    """Debian's kernel begins at 600 MHz and notices load some milliseconds later: a scan would be over by then."""
    words = (HERE / "boot.cmd").read_text().split()
    assert "cpufreq.default_governor=performance" in words
    assert not [word for word in recipe.read().leave_out if "cpufreq" in word], "its driver stays on the card"


def test_u_boots_own_variables_stay() -> None:
    """A file of variables takes the place of all that are built in: one that holds only ours starts nothing."""
    own = b"bootcmd=run distro_bootcmd\0bootdelay=2\0kernel_addr_r=0x00080000\0distro_bootcmd=for t in mmc0; do true; done\0\0"
    found = card.built_in(b"\x7fcode\0" + own + b"more code")
    assert found["kernel_addr_r"] == "0x00080000" and found["distro_bootcmd"].startswith("for t in")
    with pytest.raises(Failure, match="it would start nothing"):
        card.built_in(b"another loader")
    assert card.FIRST_VARIABLES["bootdelay"] == "-2", "a scanner on the serial pins must not stop the start"


def test_the_partitions_fit_and_do_not_overlap() -> None:
    rows = card.layout(recipe.read().card)
    assert [start for start, _, _ in rows[1:]] == [start + size for start, size, _ in rows[:-1]]
    assert recipe.read().card.image_mib in (2048, 4096), "the emulator's SD card is a power of two"


def test_a_slot_too_big_is_said() -> None:
    with pytest.raises(Failure, match="the partitions need"):
        card.layout(msgspec.structs.replace(recipe.read().card, slot_mib=2000))


def test_no_driver_that_a_board_needs_is_left_out() -> None:
    left_out = " ".join(recipe.read().leave_out)
    for folder in ("fs/ext4", "fs/jbd2", "fs/fat", "fs/squashfs", "drivers/md", "drivers/mmc", "drivers/tty"):
        assert f"kernel/{folder}/*" not in left_out


def test_a_kernel_without_a_driver_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/modules/6.1/kernel"
    folder.mkdir(parents=True)
    for name in recipe.read().needed_modules[1:]:
        (folder / f"{name}.ko").touch()
    (folder.parent / "modules.builtin").write_text("kernel/fs/fuse/fuse.ko\n")
    assert root.lacking_modules(recipe.read(), tmp_path) == [recipe.read().needed_modules[0]]


def test_a_tree_in_which_nothing_answers_rauc_is_refused(tmp_path: Path) -> None:
    """Debian has RAUC's service in a package of its own; `rauc install` and `rauc status` speak to it alone."""
    for name in recipe.read().needed_files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "usr/share/dbus-1/system-services/de.pengutronix.rauc.service").unlink()
    lacks = root.lacking_files(recipe.read(), tmp_path)
    assert lacks == ["usr/share/dbus-1/system-services/de.pengutronix.rauc.service"]


def test_units_are_enabled_by_their_own_word(tmp_path: Path) -> None:
    root.units(tmp_path)
    link = tmp_path / "etc/systemd/system/multi-user.target.wants/hallgate.service"
    assert link.is_symlink() and (tmp_path / root.UNITS / "hallgate.service").is_file()


def test_a_work_folder_that_is_mistyped_gets_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "wrok"
    assert main(["bundle", "--out", str(tmp_path / "x"), "--work", str(work)]) == 2
    assert f"build it first with hallgate image --work {work}" in capsys.readouterr().err
    assert not work.exists()


def test_two_roots_are_compared_by_what_they_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lists = []
    for name, said in (("one", "a"), ("other", "b")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "same").write_text("same")
        (folder / "link").symlink_to("same")
        (folder / "its name").write_text(said)
        lists.append(papers.contents(folder))
        (tmp_path / f"{name}.contents").write_text("\n".join(lists[-1]) + "\n")
    assert papers.content_hash(lists[0]) != papers.content_hash(lists[1])
    words = [str(tmp_path / f"{name}.contents") for name in ("one", "other")]
    assert main(["image", "--compare", *words]) == 1
    assert json.loads(capsys.readouterr().out) == {"same": False, "differs": ["/its name"]}
    assert main(["image", "--compare", words[0], words[0]]) == 0


def test_a_bill_names_every_package(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        "Package: rauc\nStatus: install ok installed\nVersion: 1.8-2\n\nPackage: gone\nStatus: deinstall ok\nVersion: 1\n"
    )
    wheel = tmp_path / root.LIBRARY / "msgspec-0.22.0.dist-info"
    wheel.mkdir(parents=True)
    (wheel / "METADATA").write_text("Metadata-Version: 2.1\nName: msgspec\nVersion: 0.22.0\n\ntext\n")
    made = papers.bill(tmp_path, "0.1.0", "00")
    assert [part["purl"] for part in made["components"]] == [
        "pkg:deb/debian/rauc@1.8-2?arch=arm64",
        "pkg:pypi/msgspec@0.22.0",
    ]


def test_the_python_packages_are_those_of_setup_cfg() -> None:
    wanted = " ".join(recipe.requirements(recipe.read()))
    for name in ("msgspec", "cryptography", "paho-mqtt", "lgpio", "gpiozero"):
        assert name in wanted
    assert tomllib.loads((HERE / "recipe.toml").read_text())["python"] == "3.11"


@needs.unless(needs.missing("mke2fs", "sfdisk", "debugfs"))
def test_the_same_tree_makes_the_same_file_system(tmp_path: Path) -> None:
    source = tmp_path / "tree"
    source.mkdir()
    (source / "file").write_text("what a device keeps\n")
    made = []
    for name in ("one", "other"):
        out = card.ext4(tmp_path / name, source, 8, "persistent", 4, 1_790_000_000)
        made.append(papers.sha256(out))
        os.utime(source / "file", (1_800_000_000, (source / "file").stat().st_mtime))  # as one who read it later
        os.utime(source, (1_800_000_000, source.stat().st_mtime))
    assert made[0] == made[1]
    assert "what a device keeps" in tools.run(["debugfs", "-R", "cat /file", tmp_path / "one"])


@pytest.mark.parametrize(
    "words",
    [
        ["image"],
        ["image", "--out", "x", "--keyring", "/no/such/file"],
        ["image", "--out", "x", "--keyring", "/etc"],
        ["image", "--out", "x", "--keyring", __file__],
        ["image", "--out", "x", "--persistent", __file__],
        ["image", "--out", f"{__file__}/x"],
        ["image", "--out", "x.img.zst"],
        ["image", "--compare", "/no/such", "/no/other"],
        ["bundle", "--out", "x", "--key", "/no/such/file"],
        ["bundle", "--out", "x", "--key", __file__, "--cert", __file__],
        ["bundle", "--out", "x", "--hall", "no hall"],
        ["bundle", "--out", "/etc"],
        ["bundle", "--out", "x", "--work", __file__],
    ],
)
def test_wrong_words_are_told_in_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1


def test_an_office_signs_with_its_own_pair_only(tmp_path: Path) -> None:
    one, other = (keys.Signer(tmp_path / f"{name}.key", tmp_path / f"{name}.pem") for name in ("one", "other"))
    for signer in (one, other):
        keys.make(signer, "office")
    assert keys.given(one.key, one.certificate) == one
    with pytest.raises(Mistake, match="is not the key of"):
        keys.given(one.key, other.certificate)


def test_packages_come_from_where_this_machine_gets_its_own() -> None:
    what = recipe.read()
    said = "\n".join(
        [
            "http://a/debian bookworm",
            "http://a/debian bookworm",
            "http://a/debian bookworm-updates",
            "http://s bookworm-security",
        ]
    )
    parts = " ".join(what.components)
    assert root.sources(what, said) == [
        f"deb http://a/debian bookworm {parts}",
        f"deb http://s bookworm-security {parts}",
    ]
    assert root.sources(what, "http://mirror/debian") == [f"deb http://mirror/debian bookworm {parts}"]
    with pytest.raises(Failure, match="--mirror"):
        root.sources(what, "http://a/debian trixie")


@needs.unless(needs.missing("dtc", "fdtput"))
def test_the_serial_pins_are_freed_in_a_boards_tree(tmp_path: Path) -> None:
    """As in Debian's trees: Bluetooth on the good UART, the header's pins on the other one."""
    source, tree = tmp_path / "board.dts", tmp_path / "bcm2837-rpi-3-b.dtb"
    source.write_text(
        """/dts-v1/; / { soc {
        gpio@7e200000 { uart0_gpio14 { brcm,pins = <14 15>; }; uart0_gpio32 { phandle = <8>; };
                        uart1_gpio14 { phandle = <9>; }; };
        serial@7e201000 { pinctrl-0 = <8>; uart-has-rtscts; bluetooth { compatible = "brcm,bcm43438-bt"; }; };
        serial@7e215040 { pinctrl-names = "default"; pinctrl-0 = <9>; }; }; };"""
    )
    tools.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tree, source])
    for _ in range(2):  # a second time changes nothing
        boards.free_the_serial_pins(tree)
    pins = tools.run(["fdtget", tree, boards.HEADER_PINS, "phandle"])
    assert tools.run(["fdtget", tree, boards.PL011, "pinctrl-0"]) == pins
    assert tools.run(["fdtget", "-l", tree, boards.PL011]) == ""
    assert "pinctrl-0" not in tools.run(["fdtget", "-p", tree, boards.MINI])
    assert boards.lacking(tmp_path, ("rpi-3-b", "rpi-5-b")) == ["rpi-5-b"]


@needs.unless(needs.missing("dtc", "fdtput"))
@pytest.mark.parametrize("status", ['status = "okay";', 'status = "disabled";', ""])
def test_the_bus_of_the_header_has_its_number(tmp_path: Path, status: str) -> None:
    """As in Debian's trees: three buses, and no aliases of them."""
    source, tree = tmp_path / "board.dts", tmp_path / "bcm2837-rpi-3-b.dtb"
    source.write_text(f"/dts-v1/; / {{ aliases {{ }}; soc {{ i2c@7e205000 {{ }}; i2c@7e804000 {{ {status} }}; }}; }};")
    tools.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tree, source])
    if "disabled" in status:
        with pytest.raises(Failure, match="bus of the header is disabled"):
            boards.number_the_bus(tree)
        return
    for _ in range(2):  # a second time changes nothing
        boards.number_the_bus(tree)
    assert tools.run(["fdtget", "-t", "s", tree, "/aliases", "i2c1"]).strip() == "/soc/i2c@7e804000"


def test_a_card_has_what_a_chip_on_the_bus_needs() -> None:
    """Module, its loading, the library and the way to the file: one without the others is a bus nobody can use."""
    what = recipe.read()
    assert {"i2c-bcm2835", "i2c-dev"} <= set(what.needed_modules)
    assert any(line.startswith("smbus2") for line in recipe.requirements(what))
    loaded = (recipe.HERE / "overlay/usr/lib/modules-load.d/hallgate.conf").read_text().splitlines()
    assert "i2c-dev" in loaded
    assert 'SUBSYSTEM=="i2c-dev", GROUP="i2c"' in (recipe.SOURCE / "deploy/systemd/60-hallgate.rules").read_text()


def test_what_a_killed_build_left_mounted_is_let_go(tmp_path: Path) -> None:
    needs.stop_unless(needs.not_root("mount"))
    tree, beside = tmp_path / "root", tmp_path / "root-of-another"
    for place in (tree / "dev", tree / "dev/shm", beside):
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, text=True, check=False)
        needs.stop_unless(done.stderr.strip())
        (place / "shm").mkdir(exist_ok=True)
    root.let_go(tree)
    left = [line.split()[1] for line in root.MOUNTS.read_text().splitlines() if str(tmp_path) in line]
    tools.run(["umount", beside])
    assert left == [str(beside)]
