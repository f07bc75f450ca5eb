"""The doors between rooms (`design/house.md`), kept by reading the source: who may import whom, who may ask the time.

Each law is a function from a file's path and text to complaints, so that every law is also shown a file that breaks it:
a judge that never says no is no judge.
"""

from __future__ import annotations

import ast
import re
import shlex
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware import __main__ as command_line
from sensors.driver import HAND_KINDS, SENSOR_KINDS

ROOT = Path(__file__).parents[1]
HOUSE = ("sensors", "firmware", "mqtt", "deploy")

# ---------------------------------------------------------------- the laws, as data

PURE_LIBRARIES = frozenset(
    {
        *("__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "enum", "functools", "itertools"),
        *("base64", "binascii", "hashlib", "hmac", "io", "json", "re", "string", "struct", "unicodedata", "zlib"),
        *("bisect", "datetime", "difflib", "math", "operator", "statistics", "tomllib", "types", "typing", "warnings"),
        *("cbor2", "cryptography", "msgspec"),
    }
)
"""What cannot wait, open, draw lots or look at the clock."""

PURE_HELPERS = ("firmware.errors", "firmware.toml_lines", "firmware.typed_toml")
"""Value in, value out, like the rooms that use them."""


@dataclass(frozen=True)
class Room:
    """`looks_into`: rooms and modules of ours; `outside`: libraries, None: any that no other law forbids."""

    looks_into: tuple[str, ...]
    outside: frozenset[str] | None = None

    @property
    def pure(self) -> bool:
        return self.outside is not None


CORE = Room(("firmware.core", "firmware.rules", "firmware.rulebook", "sensors.readings", *PURE_HELPERS), PURE_LIBRARIES)
LANGUAGES = PURE_LIBRARIES | {"zxingcpp", "pyzbar"}
"""A camera's language is pictures: its decoders are pure libraries, too."""

ROOMS = {
    "sensors": Room(("sensors",), LANGUAGES),
    "sensors/driver.py": Room(("sensors",), LANGUAGES | {"importlib"}),
    "firmware/core": CORE,
    "firmware/rules": CORE,
    "firmware/rulebook": CORE,
    "firmware/toml_lines.py": CORE,
    "firmware/typed_toml.py": CORE,
    "firmware/outputs": Room(
        ("firmware.outputs", "firmware.core.actions", "firmware.errors", "sensors"), PURE_LIBRARIES
    ),
    "firmware/ports": Room(("firmware.ports", "firmware.errors", "firmware.clock", "sensors")),
    "firmware/journal": Room(
        ("firmware.journal", "firmware.core", "firmware.durable", "firmware.errors", "sensors.readings")
    ),
    "firmware": Room(("firmware", "sensors", "mqtt")),
    "mqtt": Room(
        (
            "mqtt",
            "firmware.core",
            "firmware.journal",
            "firmware.durable",
            "firmware.files",
            "firmware.errors",
            "firmware.clock",
        )
    ),
    "deploy": Room(("deploy", "firmware", "sensors", "mqtt")),
}
"""The longest path that fits a file is its room. Nobody looks into deploy but deploy."""

ONLY_IN = {
    **dict.fromkeys(("serial", "gpiozero", "lgpio", "pigpio", "smbus2", "picamera2", "evdev"), ("firmware/ports",)),
    "paho": ("mqtt/connection.py", "mqtt/paho_alone.py"),
    # The demo draws its seed, the link spreads its attempts to reconnect: both are told from which number.
    "random": ("firmware/simulation", "firmware/verbs/demo.py", "mqtt/connection.py"),
}
"""A library and the rooms that alone may import it."""

CLOCK_ROOMS = ("firmware/clock.py",)
CLOCKS = frozenset(
    f"time.{name}{unit}"
    for name in ("time", "monotonic", "perf_counter", "process_time", "clock_gettime", "localtime", "gmtime")
    for unit in ("", "_ns")
) | {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "dt.datetime.now", "dt.date.today"}

IMPURE_CALLS = frozenset({"open", "input", "print", "eval", "exec", "__import__", "breakpoint"})

DRIVER_PARTS = ("Settings", "Decoder or Encoder", "Simulator", "DRIVER")

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN = 10

# ---------------------------------------------------------------- reading the source


def sources(*rooms: str) -> Iterator[tuple[str, str]]:
    for room in rooms or HOUSE:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def room_of(path: str) -> Room:
    fitting = [name for name in ROOMS if path == name or path.startswith(f"{name}/")]
    return ROOMS[max(fitting, key=len)]


def inside(path: str, rooms: tuple[str, ...]) -> bool:
    return any(path == room or path.startswith(f"{room}/") for room in rooms)


def imported(text: str) -> Iterator[tuple[str, int]]:
    """Every module that is imported, wherever in the file: `from firmware import site` is `firmware.site`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            packages = module.count(".") == 0 or (ROOT / module.replace(".", "/")).is_dir()
            ours = module.split(".")[0] in HOUSE and packages
            yield from ((f"{module}.{alias.name}" if ours else module, node.lineno) for alias in node.names)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


# ---------------------------------------------------------------- the laws

Law = Callable[[str, str], list[str]]


def doors(path: str, text: str) -> list[str]:
    """Rooms look only into the rooms they may, and pure rooms import only pure libraries."""
    room, found = room_of(path), []
    for module, line in imported(text):
        first = module.split(".")[0]
        if first in HOUSE:
            wrong = not any(module == door or module.startswith(f"{door}.") for door in room.looks_into)
        else:
            wrong = room.outside is not None and first not in room.outside
        if wrong:
            found.append(f"{path}:{line} may not import {module}")
    return found


def libraries_at_home(path: str, text: str) -> list[str]:
    return [
        f"{path}:{line} {module} is imported only in {', '.join(home)}"
        for module, line in imported(text)
        if (home := ONLY_IN.get(module.split(".")[0])) and not inside(path, home)
    ]


def clock_is_read_in_one_place(path: str, text: str) -> list[str]:
    if inside(path, CLOCK_ROOMS):
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and dotted(node) in CLOCKS:
            found.append(f"{path}:{node.lineno} reads the clock: {dotted(node)}")
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            names = [alias.name for alias in node.names if f"time.{alias.name}" in CLOCKS]
            found += [f"{path}:{node.lineno} reads the clock: time.{name}" for name in names]
    return found


def pure_rooms_stay_pure(path: str, text: str) -> list[str]:
    if not room_of(path).pure:
        return []
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [f"{path}:{call.lineno} calls {dotted(call.func)}" for call in calls if dotted(call.func) in IMPURE_CALLS]


def no_hidden_state(path: str, text: str) -> list[str]:
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Global))
    return [f"{path}:{node.lineno} keeps state in the module: global {', '.join(node.names)}" for node in nodes]


def functions(text: str) -> Iterator[tuple[str, int, int]]:
    """(name, line, length without the docstring) of every function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[1] if documented and len(node.body) > 1 else node.body[0]
            yield node.name, node.lineno, (node.end_lineno or 0) - first.lineno + 2


def short_enough(path: str, text: str) -> list[str]:
    lines = text.count("\n")
    found = [f"{path} has {lines} lines"] if lines > FILE_LINES_MAX else []
    long = ((name, line, length) for name, line, length in functions(text) if length > FUNCTION_LINES_MAX)
    return found + [f"{path}:{line} {name} has {length} lines" for name, line, length in long]


_LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
_MACHINE = re.compile(r"[\"'\s=(](/(?:work|home|root|Users)/\w+)")


def nothing_left_over(path: str, text: str) -> list[str]:
    """No promise to do it later, no path that exists only on one machine."""
    return [
        f"{path}:{number} {match[1]}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in (_LEFT_OVER.search(line), _MACHINE.search(line))
        if match
    ]


def every_page_says_why(path: str, text: str) -> list[str]:
    if ast.get_docstring(ast.parse(text)) is None:
        return [f"{path} has no page at the top"]
    return []


def is_driver(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    kinds = {"sensors": SENSOR_KINDS, "firmware/outputs": HAND_KINDS}.get(folder, ())
    return any(name.startswith(f"{kind}_") for kind in kinds)


def five_parts(path: str, text: str) -> list[str]:
    """Page, Settings, Decoder or Encoder, Simulator, DRIVER, always in this order."""
    if not is_driver(path):
        return []
    tree = ast.parse(text)
    names = [part for node in tree.body for part in _defined(node)]
    order = [DRIVER_PARTS.index(part) for part in names]
    found = [f"{path} has no {part}" for part in DRIVER_PARTS if part not in names]
    if ast.get_docstring(tree) is None:
        found.append(f"{path} has no page at the top")
    return found + ([f"{path} has its parts in another order: {', '.join(names)}"] if order != sorted(order) else [])


def _defined(node: ast.stmt) -> list[str]:
    """Which part of a driver this statement makes: a class, or a name for one."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [node.name] if isinstance(node, ast.ClassDef) else [dotted(target) for target in targets]
    names += [alias.asname or alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    called = {"Decoder": DRIVER_PARTS[1], "Encoder": DRIVER_PARTS[1]}
    return [part for name in names if (part := called.get(name, name)) in DRIVER_PARTS]


LAWS: tuple[Law, ...] = (
    *(doors, libraries_at_home, clock_is_read_in_one_place, pure_rooms_stay_pure, no_hidden_state),
    *(short_enough, nothing_left_over, every_page_says_why, five_parts),
)

# ---------------------------------------------------------------- the house keeps them


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_house_keeps_the_law(law: Law) -> None:
    found = [complaint for path, text in sources() for complaint in law(path, text)]
    assert not found, "\n" + "\n".join(found)


def test_half_of_all_functions_are_shorter_than_ten_lines() -> None:
    lengths = [length for _, text in sources() for _, _, length in functions(text)]
    assert statistics.median(lengths) < FUNCTION_LINES_MEDIAN


CIRCLE_MAX = 3
"""Files of the core that need each other to be understood: a lane's state is one, who is judged and asked again another."""


def test_the_core_can_be_read_from_the_bottom_up() -> None:
    needs = {path: _core_imports(text) for path, text in sources() if path.startswith("firmware/core/")}
    reached = {path: _reached(path, needs) for path in needs}
    circles = [{other for other in reached[path] if path in reached[other]} for path in needs]
    assert max(map(len, circles)) <= CIRCLE_MAX, max(circles, key=len)


def _core_imports(text: str) -> set[str]:
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in found if node.module == "firmware.core" for alias in node.names}
    names |= {(node.module or "").split(".")[2] for node in found if (node.module or "").startswith("firmware.core.")}
    return {f"firmware/core/{name}.py" for name in names}


def _reached(path: str, needs: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [path]
    while ahead:
        new = needs.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def test_tests_and_launcher_are_clean_as_well() -> None:
    files = [*sources("tests"), *((name, (ROOT / name).read_text()) for name in ("hallgate", ".ci/run", "setup.cfg"))]
    assert [complaint for path, text in files for complaint in nothing_left_over(path, text)] == []


# ---------------------------------------------------------------- each law can say no

GOOD_DRIVER = '"""Page."""\nclass Settings: ...\nclass Decoder: ...\nclass Simulator: ...\nDRIVER = 1\n'

BROKEN = [
    (doors, "sensors/scanner_x.py", "import time", "sensors/scanner_x.py:1 may not import time"),
    (doors, "sensors/scanner_x.py", "from firmware.core import actions", "may not import firmware.core.actions"),
    (doors, "firmware/core/x.py", "def f():\n    import random", "firmware/core/x.py:2 may not import random"),
    (doors, "firmware/core/x.py", "import threading", "may not import threading"),
    (doors, "firmware/core/x.py", "from firmware.ports import camera", "may not import firmware.ports.camera"),
    (doors, "firmware/core/x.py", "from firmware import wiring", "may not import firmware.wiring"),
    (doors, "firmware/rules/x.py", "from sensors.driver import Raw", "may not import sensors.driver"),
    (doors, "firmware/rulebook/x.py", "import zoneinfo", "may not import zoneinfo"),
    (doors, "firmware/rulebook/x.py", "import os", "may not import os"),
    (
        doors,
        "firmware/outputs/gate_x.py",
        "from firmware.core.events import Started",
        "may not import firmware.core.events",
    ),
    (doors, "firmware/ports/x.py", "from firmware.loop import Loop", "may not import firmware.loop"),
    (doors, "firmware/wiring.py", "import deploy.image", "may not import deploy.image"),
    (doors, "mqtt/x.py", "from firmware.site import load", "may not import firmware.site"),
    (libraries_at_home, "firmware/loop.py", "import serial.tools", "serial.tools is imported only in firmware/ports"),
    (
        libraries_at_home,
        "mqtt/outbox.py",
        "from paho.mqtt import client",
        "only in mqtt/connection.py, mqtt/paho_alone.py",
    ),
    (libraries_at_home, "firmware/wiring.py", "import gpiozero", "only in firmware/ports"),
    (clock_is_read_in_one_place, "mqtt/x.py", "import time\nt = time.monotonic()", "mqtt/x.py:2 reads the clock"),
    (clock_is_read_in_one_place, "mqtt/x.py", "from time import time_ns", "time.time_ns"),
    (clock_is_read_in_one_place, "firmware/x.py", "import datetime as dt\ndt.datetime.now()", "dt.datetime.now"),
    (pure_rooms_stay_pure, "sensors/x.py", "open('f')", "sensors/x.py:1 calls open"),
    (pure_rooms_stay_pure, "firmware/core/x.py", "print(1)", "calls print"),
    (no_hidden_state, "firmware/x.py", "def f():\n    global n\n    n = 1", "global n"),
    (short_enough, "firmware/x.py", "\n" * 501, "has 501 lines"),
    (short_enough, "firmware/x.py", "def f():\n" + "    x = 1\n" * 60, "f has 61 lines"),
    (nothing_left_over, "firmware/x.py", "# TO" + "DO: later", "firmware/x.py:1"),
    (nothing_left_over, "firmware/x.py", "path = '/ho" + "me/me/x'", "/ho" + "me/me"),
    (every_page_says_why, "firmware/x.py", "x = 1", "no page at the top"),
    (five_parts, "sensors/scanner_x.py", GOOD_DRIVER.replace("class Simulator: ...\n", ""), "has no Simulator"),
    (five_parts, "firmware/outputs/gate_x.py", GOOD_DRIVER.replace('"""Page."""\n', ""), "no page at the top"),
    (five_parts, "sensors/scanner_x.py", '"""P."""\nDRIVER = 1\n' + GOOD_DRIVER[12:-11], "in another order: DRIVER"),
]


@pytest.mark.parametrize(("law", "path", "text", "complaint"), BROKEN)
def test_a_law_says_no_to_what_breaks_it(law: Law, path: str, text: str, complaint: str) -> None:
    assert any(complaint in found for found in law(path, text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("sensors/scanner_x.py", GOOD_DRIVER),
        ("firmware/core/x.py", '"""P."""\nimport datetime as dt\nfrom sensors.readings import Scan\ndt.date(1, 1, 1)'),
        ("firmware/clock.py", '"""P."""\nimport time\ntime.time()'),
        ("firmware/ports/x.py", '"""P."""\nimport serial\nfrom sensors.driver import Raw'),
        ("mqtt/connection.py", '"""P."""\nfrom paho.mqtt import client'),
    ],
)
def test_the_laws_let_a_good_file_pass(path: str, text: str) -> None:
    assert [complaint for law in LAWS for complaint in law(path, text)] == []


# ---------------------------------------------------------------- the verbs


@pytest.mark.parametrize("verb", command_line.names())
def test_every_verb_has_a_page_and_an_example_that_works(verb: str) -> None:
    module = command_line.load(verb)
    assert (module.__doc__ or "").strip().splitlines()[0].endswith((".", "?"))
    program, named, *words = shlex.split(module.EXAMPLE)
    assert (program.removeprefix("./"), named) == ("hallgate", verb)
    # What stands behind a bar is for another program.
    words = words[: words.index("|")] if "|" in words else words
    command_line.parser_for(verb).parse_args(["--", *words] if verb == "test" else words)


def test_the_overview_names_every_verb() -> None:
    assert all(f"  {verb} " in command_line.overview() for verb in command_line.names())


# ---------------------------------------------------------------- the map


def test_every_room_and_file_of_the_readme_is_there() -> None:
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / "firmware" / name).exists()] == []


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "README.md").read_text()
    rooms = [
        *HOUSE,
        *(f"firmware/{path.name}" for path in (ROOT / "firmware").iterdir() if (path / "__init__.py").exists()),
    ]
    assert [room for room in rooms if f"`{room}/`" not in text and room != "firmware"] == []


def test_every_file_that_is_in_no_room_is_on_the_map() -> None:
    named = set(re.findall(r"`(?:firmware/)?(\w+\.py)`", (ROOT / "README.md").read_text()))
    assert [path.name for path in (ROOT / "firmware").glob("[!_]*.py") if path.name not in named] == []


@pytest.mark.parametrize("room", ["firmware/core", "mqtt"])
def test_a_room_of_many_files_has_a_page_that_names_each(room: str) -> None:
    page = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
    files = [path.stem for path in (ROOT / room).glob("[!_]*.py")]
    assert [name for name in files if not re.search(rf"\b{name}\b", page)] == []


def test_every_command_of_the_readme_is_a_verb() -> None:
    verbs = re.findall(r"^\./hallgate ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert verbs and set(verbs) <= set(command_line.names())
