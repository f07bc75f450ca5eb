"""A Pi that never was: QEMU's raspi3b with our card in it, driven from outside through its serial line, pins and network.

Edges are not emulated on this board, so its firmware is told to poll its pins (`HALLGATE_EDGES=poll`). Levels go in by
qtest, come out by QMP; the scanner is a unix socket; the broker of this machine is 10.0.2.2 in there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from deploy.image import card, recipe, tools
from firmware.simulation.troupe import die_with_us

GPSET0, GPCLR0, GPLEV0 = 0x3F20001C, 0x3F200028, 0x3F200034
REVISION_3B = "a02082"
BOOT_S = 600.0
CORES = max(2, min(4, os.cpu_count() or 2))
"""The board's, never more than this machine has: a core that waits for its kernel spins, and takes the time of the one that
starts it. With four on two, the same board was ready after 133 s instead of 65."""
KEYS = {" ": "spc", "\n": "ret", "/": "slash", ">": "dot", ":": "semicolon", "$": "4", "(": "9", ")": "0"}
"""QEMU's names of keys that are no letters or digits; those of an American keyboard."""
SHIFTED = ">:$()"
TYPED_S = 0.25
HALTED = "Reboot failed -- System halted"
"""The last words of a kernel that was told to restart and knows no way."""
POLLED = "systemd.setenv=HALLGATE_EDGES=poll"
DIRECT = (
    "root=PARTUUID=48474154-02 ro rootwait rauc.slot=A console=ttyS1,115200 net.ifnames=0 cma=64M panic=10 "
    "cpufreq.default_governor=performance "
    f"fsck.repair=yes {POLLED}"
)


class Emulator:
    """One board with one card. `start` again after `kill` is a power cut and its return."""

    def __init__(self, folder: Path, shop: recipe.Shop, image: Path, *, loader: bool = False) -> None:
        self.folder, self.shop, self.image, self.loader = folder, shop, image, loader
        self.counted = False
        """Whether every write to the card goes past this machine's cache, so that `written` sees it: slower."""
        self.plugged: list[str] = []
        """QEMU's words for what hangs on its USB beside the network card."""
        self.process: subprocess.Popen[bytes] | None = None
        self.boots = 0

    # ------------------------------------------------------------ power

    def start(self, more: str = "", *, keep_variables: bool = False) -> Emulator:
        """`keep_variables`: nothing is told to the kernel that boots by the loader; its pins then have no edges."""
        self.boots += 1
        for name in ("scanner", "qmp", "qtest", "reset"):
            self._path(name).unlink(missing_ok=True)
        boot = self.shop.root / "boot"
        now = f"systemd.clock_usec={int(time.time() * 1e6)}"  # it has no clock of its own, and no time server here
        if self.loader and not keep_variables:
            set_variables(self.image, bootargs_more=f"{POLLED} {now} {more}")
        words = f"{DIRECT} {now} {more}"
        kernel = ["-kernel", self.shop.part("firmware") / "u-boot.bin"]
        if not self.loader:
            kernel = ["-kernel", boot / "vmlinuz", "-initrd", boot / "initrd.img", "-append", words]
        command = [
            *("qemu-system-aarch64", "-M", "raspi3b", "-m", "1G", "-smp", "4", "-display", "none", "-no-reboot"),
            *("-global", f"bcm2837.enabled-cpus={CORES}"),
            *(*kernel, "-dtb", self._device_tree()),
            *("-drive", f"if=sd,format=raw,file={self.image}{',cache=none' if self.counted else ''}"),
            *("-serial", f"unix:{self._path('scanner')},server=on,wait=off", "-serial", f"file:{self.console_log}"),
            *("-qmp", f"unix:{self._path('qmp')},server=on,wait=off"),
            *("-qmp", f"unix:{self._path('reset')},server=on,wait=off"),
            *("-qtest", f"unix:{self._path('qtest')},server=on,wait=off", "-qtest-log", "none"),
            *("-netdev", "user,id=n0", "-device", "usb-net,netdev=n0", *self.plugged),
        ]
        if self.loader:
            command.remove("-no-reboot")
        with open(self.folder / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_us,
            )
        self.scanner, self.qmp, self.qtest = (self._connect(name) for name in ("scanner", "qmp", "qtest"))
        threading.Thread(target=self._hear, args=(self.scanner,), daemon=True).start()
        self._greet(self.qmp)
        if self.loader:
            words = (self.process, self._connect("reset"))
            threading.Thread(target=self._restart_when_asked, args=words, daemon=True).start()
        return self

    def kill(self) -> None:
        """The plug is pulled."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None
        for line in (self.scanner, self.qmp, self.qtest):
            line.close()

    # ------------------------------------------------------------ what it says

    @property
    def console_log(self) -> Path:
        return self.folder / f"console.{self.boots}"

    def console(self) -> str:
        return self.console_log.read_text("utf-8", "replace") if self.console_log.exists() else ""

    def says(self, words: str, wait_s: float = BOOT_S) -> float:
        """Seconds until the console said so."""
        began = time.monotonic()
        while words not in self.console():
            assert self.process is not None and self.process.poll() is None, (
                f"the emulator ended: {self.console()[-2000:]}"
            )
            assert time.monotonic() - began < wait_s, f"{words!r} did not come: {self.console()[-3000:]}"
            time.sleep(0.2)
        return time.monotonic() - began

    # ------------------------------------------------------------ its wires

    def scan(self, text: str) -> None:
        self.scanner.sendall(text.encode() + b"\r")

    def type(self, text: str) -> None:
        """At its USB keyboard, as fast as a person: it remembers few keys."""
        for each in text:
            names = ["shift"] * (each in SHIFTED) + [KEYS.get(each, each)]
            self.ask("send-key", keys=[{"type": "qcode", "data": name} for name in names])
            time.sleep(TYPED_S)

    def level(self, bcm: int) -> int:
        said = self.ask("human-monitor-command", **{"command-line": f"xp /1wx {GPLEV0:#x}"})
        return int(said.split(":")[1], 16) >> bcm & 1

    def drive(self, bcm: int, level: int) -> None:
        self.qtest.sendall(f"writel {GPSET0 if level else GPCLR0:#x} {1 << bcm:#x}\n".encode())
        self.qtest.recv(256)

    def becomes(self, bcm: int, level: int, wait_s: float = 60.0) -> None:
        end = time.monotonic() + wait_s
        while self.level(bcm) != level:
            assert time.monotonic() < end, f"GPIO{bcm} did not become {level}: {self.console()[-1500:]}"
            time.sleep(0.02)

    def written(self) -> int:
        """Bytes written to the card since the board was switched on; its own statistics leave an SD card out."""
        assert self.counted and self.process is not None
        rows = Path(f"/proc/{self.process.pid}/io").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith("write_bytes:"))

    def ask(self, what: str, **words: Any) -> Any:
        return self._ask(self.qmp, what, **words)

    # ------------------------------------------------------------ inside

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.sock"

    def _connect(self, name: str) -> socket.socket:
        end = time.monotonic() + 60
        while True:
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(60)
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                line.connect(str(self._path(name)))
                return line
            line.close()
            assert time.monotonic() < end, (self.folder / "qemu.log").read_text()
            time.sleep(0.05)

    def _hear(self, line: socket.socket) -> None:
        """What the board says to its scanner; U-Boot talks there. Unread, a few hundred bytes would stop the machine."""
        with contextlib.suppress(OSError), (self.folder / f"scanner.{self.boots}").open("wb", buffering=0) as heard:
            while said := self._more(line):
                heard.write(said)

    def _more(self, line: socket.socket) -> bytes:
        while True:
            with contextlib.suppress(TimeoutError):
                return line.recv(4096)

    def _restart_when_asked(self, process: subprocess.Popen[bytes], monitor: socket.socket) -> None:
        """A Pi is restarted by its watchdog, which this board is without: a kernel that has done all it can is reset."""
        self._greet(monitor)
        done = 0
        while process.poll() is None:
            if self.console().count(HALTED) > done:
                done += 1
                with contextlib.suppress(OSError):
                    self._ask(monitor, "system_reset")
            time.sleep(0.5)
        monitor.close()

    def _greet(self, monitor: socket.socket) -> None:
        self._answer(monitor)
        self._ask(monitor, "qmp_capabilities")

    def _ask(self, monitor: socket.socket, what: str, **words: Any) -> Any:
        monitor.sendall(json.dumps({"execute": what, "arguments": words}).encode() + b"\n")
        while True:
            answer = self._answer(monitor)
            if "return" in answer or "error" in answer:
                return answer.get("return")

    def _answer(self, line: socket.socket) -> dict[str, Any]:
        said = b""
        while not said.endswith(b"\n"):
            more = line.recv(1)
            if not more:
                raise ConnectionError("the emulator is gone")
            said += more
        return dict(json.loads(said))

    def _device_tree(self) -> Path:
        """The card's own, with what the Pi's loader adds on a real board: a revision that gpiozero knows."""
        out = self.folder / "board.dtb"
        if not out.exists():
            shutil.copyfile(self.shop.part("firmware") / "bcm2837-rpi-3-b.dtb", out)
            # Opening the emulated watchdog resets the board at once.
            tools.run(["fdtput", "-t", "s", out, "/soc/watchdog@7e100000", "status", "disabled"])
            for core in range(CORES, 4):
                tools.run(["fdtput", "-r", out, f"/cpus/cpu@{core}"])
            tools.run(["fdtput", "-c", out, "/system"])
            tools.run(["fdtput", "-t", "x", out, "/system", "linux,revision", REVISION_3B])
        return out


def burn(shop: recipe.Shop, image: Path, files: Path) -> None:
    """A card with these files on its /persistent."""
    what = recipe.read().card
    source = os.stat(shop.part("root.ext4")).st_mtime
    kept = card.ext4(image.with_suffix(".persistent"), files, what.persistent_mib, "persistent", 4, int(source))
    card.assemble(image, what, [shop.part("firmware.fat"), shop.part("root.ext4"), None, kept])


FAT = f"@@{card.FIRST_MIB}M"
"""How mtools is told where the firmware partition begins on a card."""


def variables(image: Path) -> dict[str, str]:
    """U-Boot's variables on a card that is in no board: a checksum, then `name=value`, each ended by a zero byte."""
    raw = subprocess.run(["mtype", "-i", f"{image}{FAT}", "::uboot.env"], capture_output=True, check=True).stdout
    rows = raw[4:].split(b"\0\0", 1)[0].decode().split("\0")
    return dict(row.split("=", 1) for row in rows if row)


def set_variables(image: Path, **news: str) -> None:
    text, packed = image.with_suffix(".variables"), image.with_suffix(".env")
    text.write_text("".join(f"{name}={value}\n" for name, value in {**variables(image), **news}.items()))
    tools.run(["mkenvimage", "-s", hex(card.ENVIRONMENT_BYTES), "-o", packed, text])
    tools.run(["mcopy", "-o", "-i", f"{image}{FAT}", packed, "::uboot.env"])


def write_file(image: Path, name: str, content: bytes) -> None:
    """Onto the firmware partition of a card that is in no board."""
    here = image.with_suffix(".file")
    here.write_bytes(content)
    tools.run(["mcopy", "-o", "-i", f"{image}{FAT}", here, f"::{name}"])


def spoil_variables(image: Path) -> None:
    """As after a power cut while they were written: the rest of the file never came."""
    raw = subprocess.run(["mtype", "-i", f"{image}{FAT}", "::uboot.env"], capture_output=True, check=True).stdout
    write_file(image, "uboot.env", raw[:512] + bytes(len(raw) - 512))


def put(image: Path, here: Path, inside: str) -> None:
    """A file into a folder of /persistent (made when it is missing), on a card that is in no board."""
    start, _, _ = card.layout(recipe.read().card)[3]
    folder = inside.rpartition("/")[0]
    orders = image.with_suffix(".orders")
    orders.write_text(f"mkdir {folder}\nwrite {here} {inside}\n")
    tools.run(["/sbin/debugfs", "-w", "-f", orders, f"{image}?offset={start << 20}"])


def fill_other_slot(shop: recipe.Shop, image: Path) -> None:
    """The same system in slot B as well."""
    start, _, _ = card.layout(recipe.read().card)[2]
    source = shop.part("root.ext4")
    tools.run(["dd", f"if={source}", f"of={image}", "bs=1M", f"seek={start}", "conv=sparse,notrunc", "status=none"])


def slot_bytes(image: Path, number: int) -> bytes:
    """A hash of partition `number` (1 to 4): a root that nobody wrote keeps it."""
    start, size, _ = card.layout(recipe.read().card)[number - 1]
    digest = hashlib.sha256()
    with image.open("rb") as file:
        file.seek(start << 20)
        for _ in range(size):
            digest.update(file.read(1 << 20))
    return digest.digest()


def fetch(image: Path, inside: str, goal: Path) -> None:
    """Copy a folder out of /persistent of a card that is in no board; its journal is replayed first, as a mount would."""
    start, size, _ = card.layout(recipe.read().card)[3]
    part = image.with_suffix(".fetched")
    tools.run(
        ["dd", f"if={image}", f"of={part}", "bs=1M", f"skip={start}", f"count={size}", "conv=sparse", "status=none"]
    )
    subprocess.run(["/sbin/e2fsck", "-fy", str(part)], capture_output=True, check=False)
    goal.mkdir(parents=True, exist_ok=True)
    tools.run(["/sbin/debugfs", "-R", f"rdump {inside} {goal}", part])
