"""The machine: Debian's own kernel under plain emulation, the host's files read-only, `gpio-sim` as the Pi's GPIO chip.

Its I2C bus is i2c-stub, which Debian ships. It ships no gpio-sim: that is built here from Debian's kernel source, with one
line changed: the interrupt simulator it needs calls a function that modules may not, and a public one does the same.
No KVM, no root, no disk image.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests import needs

ROOT = Path(__file__).parents[2]
HEADERS = Path("/usr/src")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hallgate" / "rig"
SOURCES = {
    "drivers/gpio/gpio-sim.c": "gpio-sim.c",
    "drivers/gpio/gpiolib.h": "gpiolib.h",
    "kernel/irq/irq_sim.c": "irq_sim.c",
    "include/linux/irq_sim.h": "linux/irq_sim.h",
}
KBUILD = "obj-m := gpio-sim-rig.o\ngpio-sim-rig-objs := gpio-sim.o irq_sim.o\nccflags-y := -I$(src)\n"
PATCH = ("handle_simple_irq(irq_to_desc(irqnum));", "generic_handle_irq(irqnum);")
MODULES = ("configfs", "virtio_pci", "9pnet_virtio", "9p", "overlay", "i2c_dev")
BY_HAND = ("i2c_stub",)
"""Loaded by a test, from /run/modules: a bus that comes and goes."""
BOOT_S = 300.0
"""15 to 30 s on a quiet machine, all emulated."""

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for module in $(cat /modules/order); do insmod /modules/$module; done
mount -t configfs config /sys/kernel/config
mkdir /host
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /host
sed '$a Revision : a02082' /proc/cpuinfo > /cpuinfo
mkdir -p /dev/pts /dev/shm; mount -t devpts -o ptmxmode=0666 pts /dev/pts
ln -sf pts/ptmx /dev/ptmx; ln -s /proc/self/fd /dev/fd
for place in /dev /proc /sys; do mount --rbind $place /host$place; done
mount --bind /cpuinfo /host/proc/cpuinfo
for place in /run /dev/shm; do mount -t tmpfs none /host$place; done
ip link set lo up
cp -r /job /modules /bin/busybox /host/run/
chroot /host /bin/sh /run/job
echo "rig ended $?"
poweroff -f
"""
"""The revision is a Pi 3's: gpiozero wants to know on which board it is. Only /run can be written: the rest is the host's,
this repository included, wherever it lies."""


SYSTEMD = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for module in $(cat /modules/order); do insmod /modules/$module; done
mkdir /host /up /new
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 host /host
mount -t tmpfs none /up; mkdir /up/upper /up/work
mount -t overlay -o lowerdir=/host,upperdir=/up/upper,workdir=/up/work none /new
sed '$a Revision : a02082' /proc/cpuinfo > /new/cpuinfo
(echo 'mount --bind /cpuinfo /proc/cpuinfo; mount -t configfs config /sys/kernel/config'; cat /job) > /new/job
mkdir -p /new/persistent; chmod 755 /new/root
ln -s /dev/null /new/etc/systemd/system/systemd-tmpfiles-setup.service # it would walk through the host's /tmp
cat > /new/etc/systemd/system/rig.service <<UNIT
[Unit]
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh /job
ExecStopPost=/bin/sh -c 'echo rig ended \\$EXIT_STATUS'
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
UNIT
printf '[Unit]\\nRequires=rig.service\\nAfter=rig.service\\n' > /new/etc/systemd/system/rig.target
exec switch_root /new /usr/lib/systemd/systemd --unit=rig.target --show-status=no
"""
"""The same with systemd as its first process, and a root that can be written; nothing of it reaches the host."""


def unusable() -> str:
    """Why there can be no such machine here; empty when there can."""
    if os.uname().machine != "x86_64":
        return "the rig is an x86 machine"
    if programs := needs.missing("qemu-system-x86_64", "make", "gcc", "dpkg-deb", "apt-get"):
        return programs
    return "" if _headers() else "not installed: linux-headers-amd64"


def _headers() -> Path | None:
    return max(HEADERS.glob("linux-headers-6.1.*-amd64"), default=None)


class Machine:
    """Kernel, modules and busybox, fetched and built once per kernel version."""

    def __init__(self) -> None:
        headers = _headers()
        assert headers is not None
        self.headers = headers
        self.version = headers.name.removeprefix("linux-headers-")
        self.folder = CACHE / self.version
        if not (self.folder / "done").exists():
            self._make()

    def _make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for package in (f"linux-image-{self.version}", "linux-source-6.1", "busybox-static"):
            _run("apt-get", "download", "-q", package, cwd=self.folder)
        for name in (f"linux-image-{self.version}", "busybox-static"):
            _run("dpkg-deb", "-x", str(self._package(name)), ".", cwd=self.folder)
        self._build()
        for package in self.folder.glob("*.deb"):
            package.unlink()
        (self.folder / "done").touch()

    def _package(self, name: str) -> Path:
        return next(self.folder.glob(f"{name}_*.deb"))

    def _build(self) -> None:
        build = self.folder / "build"
        for name, text in _read_sources(self._package("linux-source-6.1")):
            target = build / SOURCES[name]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace(*PATCH))
        assert PATCH[1] in (build / "irq_sim.c").read_text(), "the kernel's irq_sim.c has changed: look at PATCH again"
        (build / "Kbuild").write_text(KBUILD)
        _run("make", "-s", "-C", str(self.headers), f"M={build}", "modules")

    # ------------------------------------------------------------ start

    def run(self, job: str, init: str = INIT) -> str:
        """Boot, run `job` (a shell script) among the host's files, power off; answer what the console said."""
        start = self.folder / f"start-{os.getpid()}"
        start.write_bytes(_archive(self._files(job, init)))
        command = (
            "qemu-system-x86_64 -nodefaults -no-reboot -display none -serial stdio -m 768 -smp 2 -cpu max "
            f"-kernel {self.folder}/boot/vmlinuz-{self.version} -initrd {start} "
            "-fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap "
            "-device virtio-9p-pci,fsdev=host,mount_tag=host -append"
        )
        try:
            done = subprocess.run(
                [*shlex.split(command), "console=ttyS0 quiet panic=-1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=BOOT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return (late.output or b"").decode("utf-8", "replace") + "\n(the machine did not end in time)"
        finally:
            start.unlink()
        return done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")

    def _files(self, job: str, init: str) -> Iterator[tuple[str, int, bytes]]:
        for folder in ("bin", "dev", "proc", "sys", "modules"):
            yield folder, 0o040755, b""
        yield "bin/busybox", 0o100755, (self.folder / "bin/busybox").read_bytes()
        yield "init", 0o100755, init.encode()
        yield "job", 0o100755, job.encode()
        modules = [*self._modules(MODULES), self.folder / "build/gpio-sim-rig.ko"]
        for module in (*modules, *self._modules(BY_HAND)):
            yield f"modules/{module.name}", 0o100644, module.read_bytes()
        yield "modules/order", 0o100644, "\n".join(module.name for module in modules).encode()

    def _modules(self, wanted: tuple[str, ...]) -> list[Path]:
        """In the order in which they must be loaded: each names in itself what it needs."""
        known = {path.stem.replace("-", "_"): path for path in (self.folder / "lib/modules").rglob("*.ko")}
        ordered: dict[str, Path] = {}

        def add(name: str) -> None:
            if name in known and name not in ordered:
                needed = re.search(rb"depends=([^\0]*)\0", known[name].read_bytes())
                for before in needed[1].decode().split(",") if needed else ():
                    add(before.replace("-", "_"))
                ordered[name] = known[name]

        for name in wanted:
            add(name)
        return list(ordered.values())


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _read_sources(package: Path) -> Iterator[tuple[str, str]]:
    """The wanted files of the kernel's source; the rest of a gigabyte is never unpacked."""
    outer = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
    assert outer.stdout is not None
    wanted = {f"linux-source-6.1/{name}": name for name in SOURCES}
    with tarfile.open(fileobj=outer.stdout, mode="r|") as packed:
        inner = next(member for member in packed if member.name.endswith("linux-source-6.1.tar.xz"))
        with tarfile.open(fileobj=packed.extractfile(inner), mode="r|xz") as tree:
            for member in tree:
                if member.name in wanted:
                    content = tree.extractfile(member)
                    assert content is not None
                    yield wanted.pop(member.name), content.read().decode()
                if not wanted:
                    break
    outer.kill()
    outer.wait()
    outer.stdout.close()
    assert not wanted, f"not in the kernel's source: {sorted(wanted)}"


def _archive(files: Iterable[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive as the kernel unpacks it: the `newc` format of its initramfs documentation."""
    out = io.BytesIO()

    def add(name: str, mode: int, content: bytes, number: int) -> None:
        words = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        out.write(b"070701" + b"".join(b"%08x" % word for word in words) + name.encode() + b"\0")
        out.write(bytes(-out.tell() % 4) + content)
        out.write(bytes(-out.tell() % 4))

    for number, (name, mode, content) in enumerate(files, 1):
        add(name, mode, content, number)
    add("TRAILER!!!", 0, b"", 0)
    return out.getvalue()


def job(module: Path) -> str:
    """Run the tests of a file in there, with this very Python."""
    python = shlex.quote(sys.executable)
    return (
        f"cd {shlex.quote(str(ROOT))}\n"
        "export HOME=/run TMPDIR=/run LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1\n"
        f"exec {python} -m pytest -p no:cacheprovider -vv --color=no --no-header --timeout 200 {shlex.quote(str(module))}\n"
    )
