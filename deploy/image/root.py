"""The root tree: Debian's packages by mmdebstrap, our wheels, our own files over them, and nothing of the build left."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from deploy.image import boards, tools
from deploy.image.recipe import HERE, SOURCE, Recipe, Shop, requirements
from firmware.errors import Failure
from firmware.updating import tryboot

LIBRARY = "usr/lib/hallgate"
"""Our package and its wheels; a path entry in Debian's Python leads there."""
OURS = ("firmware", "sensors", "mqtt", "deploy")
UNITS = "usr/lib/systemd/system"
CONFIGURATIONS = {
    "sysusers.d": "usr/lib/sysusers.d",
    "system.conf.d": "usr/lib/systemd/system.conf.d",
}
WANTED_BY = "WantedBy="
MOUNTS = Path("/proc/mounts")


def debian(recipe: Recipe, shop: Shop, epoch: int, mirror: str, pi_os: str = "") -> None:
    """Unpack and configure the packages into `shop.root`. Needs root and a mirror, or a full package folder.

    `pi_os`: an apt line of Raspberry Pi OS, whose kernel and cameras are wanted as well.
    """
    let_go(shop.root)
    shutil.rmtree(shop.root, ignore_errors=True)
    dpkg = [f"--dpkgopt=path-exclude={path}" for path in recipe.leave_out]
    dpkg += [f"--dpkgopt=path-include={path}" for path in recipe.keep]
    tools.run(
        [
            *("mmdebstrap", "--mode=root", "--architectures=arm64", "--variant=apt", "--quiet", *dpkg),
            f"--include={','.join(packages(recipe, pi_os))}",
            *('--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"'),
            *("--skip=download/empty", "--skip=essential/unlink"),
            f"--setup-hook={_before(recipe, shop)}",
            f"--customize-hook=cp -n \"$1\"/var/cache/apt/archives/*.deb '{shop.packages}/'",
            '--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb',
            *(recipe.suite, shop.root),
            *sources(recipe, mirror or tools.run(["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)"])),
            *([pi_os] if pi_os else []),
        ],
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )


def let_go(root: Path) -> None:
    """Unmount what a build that was killed left in its tree: a /proc in there is nothing to delete. Raises Failure."""
    rows = [line.split() for line in MOUNTS.read_text().splitlines()]
    inside = [row[1] for row in rows if Path(row[1]).is_relative_to(root)]
    for place in reversed(inside):  # the last one mounted first
        tools.run(["umount", place])


def packages(recipe: Recipe, pi_os: str) -> list[str]:
    if not pi_os:
        return list(recipe.packages)
    return [name for name in recipe.packages if name not in recipe.pi_os.instead_of] + list(recipe.pi_os.packages)


def sources(recipe: Recipe, said: str) -> list[str]:
    """apt's lines for the suite and its security.

    `said`: one mirror's address, or a line "site release" for each source of this machine's own apt. Raises Failure
    when none has the suite.
    """
    known = dict.fromkeys(tuple(line.split()) for line in said.splitlines() if len(line.split()) == 2)
    wanted = (recipe.suite, f"{recipe.suite}-security")
    found = [(site, release) for site, release in known if release in wanted] if known else [(said, recipe.suite)]
    if not any(release == recipe.suite for _, release in found):
        raise Failure(f"this machine's apt has no source of {recipe.suite}: say --mirror URL")
    return [f"deb {site} {release} {' '.join(recipe.components)}" for site, release in found]


def _before(recipe: Recipe, shop: Shop) -> str:
    """Shell: the kept packages where apt looks for them, and what the initramfs is made of before it is made."""
    modules = " ".join(recipe.initramfs_modules)
    return (
        'mkdir -p "$1/var/cache/apt/archives" "$1/usr/share/initramfs-tools/modules.d" '
        '"$1/etc/initramfs-tools/conf.d" "$1/boot/firmware"; '
        f"cp -a '{shop.packages}/.' \"$1/var/cache/apt/archives/\"; "
        'printf "MODULES=list\\nCOMPRESS=zstd\\nCOMPRESSLEVEL=3\\n" > "$1/etc/initramfs-tools/conf.d/hallgate"; '
        f'printf "%s\\n" {modules} > "$1/usr/share/initramfs-tools/modules.d/hallgate"'
    )


def wheels(recipe: Recipe, shop: Shop) -> None:
    """Fetch what is not there yet, then unpack all of it and our own package into the tree."""
    target = [*("--only-binary=:all:", "--implementation=cp", f"--python-version={recipe.python}")]
    target += [f"--platform={name}_aarch64" for name in recipe.wheels.platforms]
    target += [f"--abi={abi}" for abi in (f"cp{recipe.python.replace('.', '')}", "abi3", "none")]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    wanted = requirements(recipe)
    try:
        kept = ["--no-index", f"--find-links={shop.wheels}"]
        tools.run([*pip, "download", *kept, *target, f"--dest={shop.wheels}", *wanted])
    except Failure:
        tools.run([*pip, "download", *target, f"--dest={shop.wheels}", *wanted])
    library = shop.root / LIBRARY
    place = [*target, "--no-compile", f"--target={library}"]
    tools.run([*pip, "install", "--no-index", f"--find-links={shop.wheels}", *place, *wanted])
    tools.run([*pip, "install", "--no-deps", *place, _own_wheel(shop, pip)])
    shutil.rmtree(library / "bin", ignore_errors=True)
    _forget_where_it_came_from(library)


def _own_wheel(shop: Shop, pip: tuple[str, ...]) -> Path:
    """Built from a copy: pip writes beside setup.cfg, and the source folder may be somebody else's."""
    copy, out = shop.part("source"), shop.part("wheel")
    for folder in (copy, out):
        shutil.rmtree(folder, ignore_errors=True)
    copy.mkdir(parents=True)
    for name in OURS:
        shutil.copytree(SOURCE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy2(SOURCE / name, copy / name)
    tools.run([*pip, "wheel", "--no-deps", f"--wheel-dir={out}", copy])
    return next(out.glob("hallgate-*.whl"))


def _forget_where_it_came_from(library: Path) -> None:
    """pip notes the folder it installed from: that of this machine, which nobody needs and which differs."""
    for name in ("direct_url.json", "INSTALLER", "REQUESTED", "RECORD"):
        for note in library.glob(f"*.dist-info/{name}"):
            note.unlink()


def finish(recipe: Recipe, shop: Shop, epoch: int, keyring: Path) -> None:
    """Our files over Debian's, kernel and initramfs by fixed names, bytecode, and the same times on every build."""
    root = shop.root
    if lacks := lacking_modules(recipe, root):
        raise Failure(f"the kernel in {root} lacks: {', '.join(lacks)}")
    shutil.copytree(HERE / "overlay", root, dirs_exist_ok=True)
    shutil.copyfile(keyring, root / "etc/rauc/keyring.pem")
    if lacks := lacking_files(recipe, root):
        raise Failure(f"the tree in {root} lacks: {', '.join(lacks)}")
    units(root)
    # The root is never written on the device: its users are made here.
    tools.run(["chroot", root, "systemd-sysusers"], environment={"SOURCE_DATE_EPOCH": str(epoch)})
    for unit in recipe.masked:
        _link(root / "etc/systemd/system" / unit, "/dev/null")
    _link(
        root / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service",
        f"/{UNITS}/systemd-networkd.service",
    )
    _link(root / "etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf")
    packages = root / f"usr/local/lib/python{recipe.python}/dist-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "hallgate.pth").write_text(f"/{LIBRARY}\n")
    for name in ("vmlinuz", "initrd.img"):
        found = next((root / "boot").glob(f"{name}-*"), None)
        if found is None:
            raise Failure(f"the tree has no kernel: {name} is missing in {root}/boot")
        found.rename(root / "boot" / name)
    tools.run(
        ["chroot", root, "python3", "-m", "compileall", "-q", "-j1", "--invalidation-mode", "unchecked-hash",
         f"/{LIBRARY}", f"/usr/lib/python{recipe.python}"],
        environment={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip


def lacking_modules(recipe: Recipe, root: Path) -> list[str]:
    """The drivers a board needs that the kernel has neither built in nor beside it."""
    folder = next((root / "usr/lib/modules").iterdir())
    names = {path.name.split(".ko")[0] for path in folder.rglob("*.ko*")}
    names |= {Path(line).stem for line in (folder / "modules.builtin").read_text().split()}
    known = {name.replace("-", "_") for name in names}
    return [name for name in recipe.needed_modules if name.replace("-", "_") not in known]


def lacking_files(recipe: Recipe, root: Path) -> list[str]:
    """What the firmware calls or reads on a device and no package brought."""
    return [name for name in recipe.needed_files if not (root / name).exists()]


def units(root: Path) -> None:
    """Install what lies in deploy/systemd; a unit is enabled by its own WantedBy line. Rules go to udev."""
    for path in sorted((SOURCE / "deploy/systemd").rglob("*")):
        if path.suffix in (".rules", ".hwdb"):
            _copy(path, root / "usr/lib/udev/rules.d" / path.name)
        elif path.suffix in (".service", ".socket", ".target", ".timer", ".path", ".mount", ".slice"):
            _copy(path, root / UNITS / path.name)
            for target in _wanted_by(path.read_text("utf-8")):
                _link(root / f"etc/systemd/system/{target}.wants/{path.name}", f"/{UNITS}/{path.name}")
        elif path.suffix == ".conf":
            _copy(path, root / CONFIGURATIONS[path.parent.name] / path.name)


def _wanted_by(text: str) -> list[str]:
    lines = [line.removeprefix(WANTED_BY) for line in text.splitlines() if line.startswith(WANTED_BY)]
    return [target for line in lines for target in line.split()]


def firmware_files(recipe: Recipe, shop: Shop, *, pi_os: bool = False) -> None:
    """The FAT partition's files leave the tree; they belong to the card, not to a slot. Raises Failure."""
    source, goal = shop.root / "boot/firmware", shop.part("firmware")
    shutil.rmtree(goal, ignore_errors=True)
    goal.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        wanted = path.suffix in (".dtb", ".dat", ".elf", ".bin") and not path.stem.endswith(("db", "_x", "x"))
        if wanted and path.is_file():
            shutil.copyfile(path, goal / path.name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if pi_os:
        _own_loader(shop.root, goal)
        return
    if lacks := boards.lacking(goal, recipe.boards):
        raise Failure(f"the kernel has no device tree for: {', '.join(lacks)}")
    for tree in goal.glob("*.dtb"):
        boards.free_the_serial_pins(tree)
        boards.number_the_bus(tree)
    shutil.copyfile(shop.root / "usr/lib/u-boot/rpi_arm64/u-boot.bin", goal / "u-boot.bin")
    shutil.copyfile(HERE / "config.txt", goal / "config.txt")


def _own_loader(root: Path, goal: Path) -> None:
    """The Pi's loader starts the first system itself, and asks RAUC's backend nothing until the first update."""
    shutil.copytree(HERE / "tryboot", root, dirs_exist_ok=True)
    loader = tryboot.Loader(goal, lambda _: contextlib.nullcontext(root))
    loader.set_primary("A")
    loader.set_state("A", "good")


def tidy(recipe: Recipe, shop: Shop, epoch: int) -> None:
    """Leave out what the build wrote for itself, and let no file be younger than `epoch` (seconds)."""
    for pattern in recipe.remove:
        for path in list(shop.root.glob(pattern.lstrip("/"))):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (shop.root / "etc/machine-id").write_text("")
    (shop.root / "etc/hostname").write_text("hallgate\n")
    for path in everything(shop.root):
        if path.lstat().st_mtime > epoch:
            os.utime(path, (epoch, epoch), follow_symlinks=False)


def everything(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        yield from (Path(folder) / name for name in sorted([*folders, *files]))


def _copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, goal)
    goal.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)


def _link(place: Path, goal: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(goal)


def size_mib(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_size for path in paths) >> 20
