"""`hallgate listen`: recordings by the contract, live ports, and every way a person can get it wrong."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from firmware.__main__ import main
from firmware.cables import Line
from firmware.clock import Clock
from firmware.core.events import Crossed
from firmware.errors import Failure, Mistake
from firmware.listening import recordings
from firmware.listening.fresh_air import FreshAir
from firmware.listening.recordings import understood
from firmware.listening.words import as_json
from firmware.ports.far_serial import FarSerial
from firmware.ports.pin_wires import PinWires
from sensors import air_scd41
from sensors.counter_beam_pair import Decoder, Settings
from sensors.driver import Edge, ReadWord, Reply, Transfer, Zone
from sensors.range_ld2450 import DOC, SETUP
from sensors.readings import Air, Crossing, Scan, Silent
from sensors.thermometer_gy_mcu90614 import DRIVER as thermometer
from tests.brokers import free_port
from tests.device.test_terminal import post
from tests.ports.test_i2c_bus import Played

IN = [("outside", 1, 0), ("inside", 1, 90), ("outside", 0, 400), ("inside", 0, 480)]
PATIENCE_S = 30.0

Capture = Callable[..., str]


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    """Write lines (dicts, or text as it is) into a recording and answer its path."""

    def write(*lines: Any) -> str:
        path = tmp_path / "door.jsonl"
        path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
        return str(path)

    return write


def edges(start_ms: float = 1_000.0) -> list[dict[str, Any]]:
    return [{"t_ms": start_ms + after, "pin": pin, "level": level} for pin, level, after in IN]


def listen(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["listen", *words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# ---------------------------------------------------------------- recordings


def test_edges_become_a_crossing(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    told = listen(capsys, "--as", "counter_beam_pair", "--capture", capture(*edges()))
    assert [(each["t_ms"], each["kind"]) for each in told] == [
        (1000, "occupied"),
        (1490, "crossing"),
        (1490, "occupied"),
    ]
    assert told[1]["direction"] == "in" and told[1]["transit_ms"] == 480


def test_bytes_become_positions_and_gaps(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    two = "aaff0300f481d087000068010000000000000000f401d0870000680155cc"
    told = listen(
        capsys, "--as", "range_ld2450", "--capture", capture({"t_ms": 5, "hex": DOC.hex()}, {"t_ms": 9.5, "hex": two})
    )
    assert told == [
        {"t_ms": 5, "kind": "positions", "persons": [{"id": 1, "x_m": -0.782, "y_m": 1.713}]},
        {
            "t_ms": 9.5,
            "kind": "positions",
            "persons": [{"id": 1, "x_m": 0.5, "y_m": 2.0}, {"id": 3, "x_m": -0.5, "y_m": 2.0}],
        },
        {"t_ms": 9.5, "kind": "gap", "gap_mm": 1000},
    ]


def test_settings_are_used(capture: Capture, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wanted = tmp_path / "range.toml"
    wanted.write_text('driver = "range_ld2450"\nport = "/dev/x"\npose = { x_m = 1.0, y_m = 0.0, yaw_deg = 0.0 }\n')
    path = capture({"t_ms": 0, "hex": DOC.hex()})
    told = listen(capsys, "--as", "range_ld2450", "--settings", str(wanted), "--capture", path)
    (person,) = told[0]["persons"]
    assert (person["x_m"], person["y_m"]) == pytest.approx((2.713, 0.782))


def test_the_end_of_a_recording_brings_out_what_was_waited_for(
    capture: Capture, capsys: pytest.CaptureFixture[str]
) -> None:
    path = capture({"t_ms": 0, "pin": "outside", "level": 1}, {"t_ms": 300, "pin": "outside", "level": 0})
    kinds = [each["kind"] for each in listen(capsys, "--as", "counter_beam_pair", "--capture", path)]
    assert kinds == ["occupied", "occupied", "turned_back"]


def test_the_end_of_a_recording_is_no_silent_device(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    """The thermometer calls 3 s without a frame silent; a recording that ends has not."""
    (frame,) = thermometer.examples[0].raw
    assert isinstance(frame, bytes)
    path = capture(*[{"t_ms": 100 * i, "hex": frame.hex()} for i in range(5)])
    kinds = [each["kind"] for each in listen(capsys, "--as", "thermometer_gy_mcu90614", "--capture", path)]
    assert kinds.count("temperature") == 5 and "silent" not in kinds


def test_a_silence_within_a_recording_is_told(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    path = capture({"t_ms": 0, "hex": DOC.hex()}, {"t_ms": 20_000, "hex": DOC.hex()})
    assert "silent" in {each["kind"] for each in listen(capsys, "--as", "range_ld2450", "--capture", path)}


def test_a_code_s_text_is_hidden_unless_asked_for(capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--as", "scanner_text_line", "--capture", capture({"t_ms": 1, "hex": b"HP1:ABC\r".hex()})]
    assert main(["listen", *words]) == 0
    hidden = capsys.readouterr().out
    assert "7 bytes" in hidden and "HP1" not in hidden
    assert hashlib.sha256(b"HP1:ABC").hexdigest()[:8] not in hidden, "whoever has the hash tries every number"
    main(["listen", *words, "--show-text"])
    assert "HP1:ABC" in capsys.readouterr().out
    assert [each["text"] for each in listen(capsys, *words) if each["kind"] == "scan"] == ["HP1:ABC"]


def test_pictures_beside_the_recording(capture: Capture, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    segno.make("hello").save(str(tmp_path / "code.png"), scale=8, border=4)
    told = listen(capsys, "--as", "scanner_camera", "--capture", capture({"t_ms": 1, "image": "code.png"}))
    assert [each["text"] for each in told if each["kind"] == "scan"] == ["hello"]


def test_a_recording_of_a_recording_is_the_same(capture: Capture, tmp_path: Path, capsys: Any) -> None:
    first, copy = capture(*edges(), {"t_ms": 2_000, "hex": "00ff"}), tmp_path / "copy.jsonl"
    listen(capsys, "--as", "counter_beam_pair", "--capture", first, "--record", str(copy))
    assert list(recordings.read(str(copy))) == list(recordings.read(first))
    assert copy.stat().st_mode & 0o077 == 0


def test_a_recording_is_never_its_own_copy(capture: Capture, tmp_path: Path, capsys: Any) -> None:
    first, other = capture(*edges()), tmp_path / "other.jsonl"
    other.symlink_to(first)
    before = Path(first).read_bytes()
    for name in (first, str(other)):
        assert main(["listen", "--as", "counter_beam_pair", "--capture", first, "--record", name]) == 2
        assert "choose another name" in capsys.readouterr().err
    assert Path(first).read_bytes() == before


def test_a_picture_in_a_recording_is_refused_in_one_line(capture: Capture, tmp_path: Path, capsys: Any) -> None:
    """Pillow warns of pictures far larger than ours; a pipe may never be filled."""
    Image.new("1", (10_000, 10_000)).save(tmp_path / "bomb.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, says in (("bomb.png", "too large"), ("pipe.png", "no readable picture")):
        with warnings.catch_warnings(action="error"):
            assert main(["listen", "--as", "scanner_camera", "--capture", capture({"t_ms": 1, "image": name})]) == 2
        told = capsys.readouterr().err
        assert says in told and told.count("\n") == 1


def test_a_full_disk_behind_stdout_is_one_line(capture: Capture) -> None:
    words = ["listen", "--as", "counter_beam_pair", "--capture", capture(*edges()), "--json"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "firmware", *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "make room" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_every_shape_of_a_line(capture: Capture) -> None:
    path = capture(
        {"t_ms": 1, "hex": "54 2c"},
        {"t_ms": 2, "pin": "outside", "level": 1, "note": "left alone"},
        "",
        {"t_ms": 2, "zone": 0, "status": 0, "distance_mm": 812},
        {"t_ms": 3, "write": "ec05", "read": 2, "wait_ms": 1, "data": "beef"},
        {"t_ms": 3, "word": 7, "data": "d23a"},
        {"t_ms": 3, "write": "3f86", "data": ""},
    )
    assert list(recordings.read(path)) == [
        (1, b"\x54\x2c"),
        (2, Edge("outside", 1)),
        (2, Zone(0, 0, 812)),
        (3, Reply(Transfer(b"\xec\x05", 2, 1.0), b"\xbe\xef")),
        (3, Reply(ReadWord(7), b"\xd2\x3a")),
        (3, Reply(Transfer(b"\x3f\x86"))),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"t_ms": "1", "hex": ""}',
        '{"t_ms": 1, "hex": "5"}',
        '{"t_ms": 1, "hex": "zz"}',
        '{"t_ms": 1, "pin": "outside"}',
        '{"t_ms": 1, "pin": "outside", "level": 2}',
        '{"t_ms": 1, "zone": 0, "status": 0}',
        '{"t_ms": 1, "hex": "00", "pin": "outside", "level": 1}',
        '{"t_ms": 1, "word": 7}',
        '{"t_ms": 1, "word": 7, "write": "00", "data": ""}',
        '{"t_ms": 1, "write": "0", "data": ""}',
        '{"t_ms": 1, "write": "00", "data": "0"}',
        '{"t_ms": 1, "image": "no such picture.png"}',
        '{"t_ms": -5, "hex": "00"}',
        '{"t_ms": 1e400, "hex": "00"}',
        "\x00\xff",
        "[" * 5_000,
    ],
)
def test_a_bad_line_is_named(line: str, capture: Capture, capsys: pytest.CaptureFixture[str]) -> None:
    path = capture({"t_ms": 0, "hex": DOC.hex()}, line)
    assert main(["listen", "--as", "range_ld2450", "--capture", path, "--json"]) == 2
    told = capsys.readouterr()
    assert f"{path}:2: " in told.err and told.err.count("\n") == 1
    assert "positions" in told.out, "what came before the bad line is told"


@given(st.binary(max_size=60))
@settings(max_examples=150)
def test_any_line_is_a_piece_or_a_mistake(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    path = tmp_path_factory.mktemp("capture") / "x.jsonl"
    path.write_bytes(line)
    try:
        list(recordings.read(str(path)))
    except Mistake as wrong:
        assert wrong.line and wrong.file


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--as", "counter_beam_pair"], "PORT"),
        (["/dev/null", "--as", "range_ld2450", "--fresh-air"], "range_ld2450 cannot be told of fresh air"),
        (["/dev/null", "--as", "air_scd41", "--fresh-air", "800"], "800 ppm is no fresh air"),
        (["--as", "air_scd41", "--fresh-air", "--capture", "x"], "a recording cannot be told"),
        (["/dev/null", "--as", "counter_beam_pair", "--capture", "x"], "PORT"),
        (["--as", "counter_beam_par", "--capture", "x"], "did you mean counter_beam_pair?"),
        (["--as", "counter_beam_pair", "--capture", "/no/such/file"], "/no/such/file: cannot be read"),
        (["--as", "counter_beam_pair", "--capture", "x", "--settings", "/no/such/file"], "/no/such/file"),
        (["/dev/ttyS0", "--as", "counter_beam_pair"], "pins:outside=17,inside=27"),
        (["pins:outside=17", "--as", "counter_beam_pair"], "pins:outside=17,inside=27"),
    ],
)
def test_a_person_s_mistake_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", *words]) == 2
    told = capsys.readouterr().err
    assert says in told and told.count("\n") == 1


def test_a_wrong_setting_is_named_with_its_line(capture: Capture, tmp_path: Path, capsys: Any) -> None:
    wanted = tmp_path / "beam.toml"
    wanted.write_text("body_mm = 330\nspacing_m = 80\n")
    assert main(["listen", "--as", "counter_beam_pair", "--settings", str(wanted), "--capture", capture()]) == 2
    assert "beam.toml:2: spacing_m: is no key here; did you mean spacing_mm?" in capsys.readouterr().err


def test_a_port_that_is_not_there_is_the_world_s_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["listen", str(tmp_path / "ttyX"), "--as", "range_ld2450"]) == 1
    assert "is not plugged in" in capsys.readouterr().err


def test_the_answer_is_the_door_s_own() -> None:
    """Same edges, same decoder: a recording played at once gives what a door hears in its own time."""
    pieces = [(t_ms, Edge(pin, level)) for pin, level, t_ms in IN]
    assert [type(said).__name__ for _, said in understood(Decoder(Settings()), pieces)] == [
        "Occupied",
        "Crossing",
        "Occupied",
    ]


def test_text_that_is_none_is_told_all_the_same() -> None:
    assert json.loads(as_json(1.0, Scan(b"\xff\xfeA")))["text"].endswith("A")


def test_an_assumed_exit_gives_no_right_back() -> None:
    """It stops at the cable; an assumed entry counts."""
    line = Line("A", "counter", "counter_beam_pair", Decoder(Settings()))
    assert line.mean(Crossing("out", assumed=True), 0) is None
    assert line.mean(Crossing("in", assumed=True), 0) == Crossed(lane="A", direction="in")
    assert line.mean(Crossing("out"), 0) == Crossed(lane="A", direction="out")


# ---------------------------------------------------------------- live, as a process


class Running:
    """`hallgate listen` as a technician starts it."""

    def __init__(self, *words: str, **environment: str) -> None:
        command = [sys.executable, "-m", "firmware", "listen", *words]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment},
            cwd=Path(__file__).parents[1],
        )

    def lines_until(self, wanted: str, prod: Callable[[], None] = lambda: None) -> list[str]:
        """Read lines until one holds `wanted`; `prod` is done every 0.2 s meanwhile."""
        assert self.process.stdout is not None
        end, text = time.monotonic() + PATIENCE_S, b""
        while time.monotonic() < end and wanted.encode() not in text:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                piece = os.read(self.process.stdout.fileno(), 65_536)
                assert piece, self.process.stderr.read() if self.process.stderr else ""
                text += piece
            else:
                prod()
        assert wanted.encode() in text, text
        return text.decode().splitlines()

    def end(self, how: int) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def started() -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(*words: str, **environment: str) -> Running:
        running.append(Running(*words, **environment))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait()
        for pipe in (each.process.stdout, each.process.stderr):
            if pipe:
                pipe.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_live_serial_line(how: int, started: Callable[..., Running], tmp_path: Path) -> None:
    radar, record = FarSerial(tmp_path / "radar"), tmp_path / "radar.jsonl"
    live = started(str(tmp_path / "radar"), "--as", "range_ld2450", "--record", str(record))
    lines = live.lines_until("positions", prod=lambda: radar.write(DOC))
    assert any("<- aa ff 03 00" in line for line in lines) and any(f"-> {SETUP[0].hex(' ')}" in line for line in lines)
    assert radar.read().startswith(SETUP[0])
    assert live.end(how) == 0
    pieces = [raw for _, raw in recordings.read(str(record))]
    assert b"".join(raw for raw in pieces if isinstance(raw, bytes)).startswith(DOC)
    radar.unplug()


def test_a_live_chip_and_its_recording(started: Callable[..., Running], tmp_path: Path, capsys: Any) -> None:
    bus, record = Played(tmp_path / "bus"), tmp_path / "chip.jsonl"
    words = {0x06: "f73a", 0x07: "d23a"}
    bus.answers = lambda address, asked: bytes.fromhex(words[asked.register]) if address == 0x5A else None
    live = started(f"unix:{tmp_path}/bus", "--as", "thermometer_mlx90614", "--record", str(record))
    lines = live.lines_until("temperature")
    assert any("-> 07 ?2" in line for line in lines) and any("<- d2 3a" in line for line in lines)
    assert live.end(signal.SIGINT) == 0
    bus.close()
    told = listen(capsys, "--as", "thermometer_mlx90614", "--capture", str(record))
    readings = [each for each in told if each["kind"] == "temperature"]
    assert readings and {(each["object_c"], each["ambient_c"]) for each in readings} == {(28.01, 28.75)}


def test_a_sensor_outdoors_is_told_of_fresh_air_once_it_has_measured_there(
    started: Callable[..., Running], tmp_path: Path
) -> None:
    """Twenty times as fast: five minutes are fifteen seconds."""
    bus, clock = Played(tmp_path / "bus"), Clock(rate=20)
    sensor = air_scd41.Simulator(air_scd41.Settings())
    sensor.show(Air(530, 20.0, 40.0), 0.0)

    def told(address: int, asked: Any) -> bytes | None:
        later = sensor.hear(asked, clock.elapsed_ms())
        return later[0].raw.data if later else None  # type: ignore[union-attr]

    bus.answers = told
    wanted = tmp_path / "air.toml"
    wanted.write_text("every_seconds = 10\n")
    words = (f"unix:{tmp_path}/bus", "--as", "air_scd41", "--settings", str(wanted), "--fresh-air", "--json")
    live = started(*words, HALLGATE_CLOCK="rate=20,wall=2022-06-10T08:55:00+08:00")
    live.lines_until('"co2_ppm":530')
    lines = live.lines_until('"co2_ppm":420')
    assert sum('"co2_ppm":530' in line for line in lines) > 10, "not before its time"
    assert live.end(signal.SIGINT) == 0
    assert live.process.stderr is not None and b"was told that this is fresh air" in live.process.stderr.read()
    bus.close()


def test_air_that_is_not_fresh_sets_nothing() -> None:
    decoder = air_scd41.Decoder(air_scd41.Settings())
    fresh = FreshAir(air_scd41.DRIVER, decoder, 420)
    fresh.note(0.0, Air(1_300))
    assert fresh.word(299_000.0, 299_000.0) == [] and not fresh.told
    with pytest.raises(Failure, match="1300 ppm"):
        fresh.word(300_000.0, 300_000.0)
    fresh.note(301_000.0, Silent(3_000.0))
    fresh.note(310_000.0, Air(460))
    assert fresh.word(609_000.0, 609_000.0) == [], "its silence began the wait anew"
    fresh.word(610_000.0, 610_000.0)
    assert fresh.told


def test_a_bus_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["listen", f"{tmp_path}/i2c-9", "--as", "air_scd41"]) == 1
    assert "i2c-9" in (told := capsys.readouterr().err) and told.count("\n") == 1


def test_unplugged_and_plugged_in_again(started: Callable[..., Running], tmp_path: Path) -> None:
    radar = FarSerial(tmp_path / "radar")
    live = started(str(tmp_path / "radar"), "--as", "range_ld2450", "--json")
    live.lines_until("positions", prod=lambda: radar.write(DOC))
    radar.unplug()
    time.sleep(0.3)
    radar.plug()
    live.lines_until("positions", prod=lambda: radar.write(DOC))
    assert live.end(signal.SIGINT) == 0
    assert live.process.stderr is not None and b"radar is back" in live.process.stderr.read()
    radar.unplug()


def test_live_pins(started: Callable[..., Running], tmp_path: Path) -> None:
    wires = PinWires(tmp_path / "pins")
    bcm = {"outside": 17, "inside": 27}
    for pin in bcm.values():
        wires.levels[pin] = 0
    live = started("pins:outside=17,inside=27", "--as", "counter_beam_pair", "--json", **wires.environment)

    def walk() -> None:
        wires.accept()
        last = 0
        for pin, level, at_ms in IN if wires.device else []:
            time.sleep((at_ms - last) / 1000)
            last = at_ms
            wires.drive(bcm[pin], level)

    lines = live.lines_until("crossing", prod=walk)
    (crossing,) = [json.loads(line) for line in lines if "crossing" in line][:1]
    assert crossing["direction"] == "in"
    assert live.end(signal.SIGINT) == 0


def test_live_terminal(started: Callable[..., Running]) -> None:
    port = free_port()
    live = started(f"127.0.0.1:{port}", "--as", "terminal_http")
    body = {"type": "qr", "value": "WHO-AM-I", "name": "NOBODY", "healthCode": "green"}

    def prod() -> None:
        with contextlib.suppress(OSError):
            post(port, body)

    lines = live.lines_until("terminal_verdict", prod=prod)
    assert any("<- request" in line for line in lines) and any('"status":1' in line for line in lines)
    assert not any(word in line for line in lines for word in ("WHO-AM-I", "NOBODY"))
    assert live.end(signal.SIGINT) == 0


def test_a_reader_that_has_seen_enough(capture: Capture) -> None:
    path = capture(*[{"t_ms": i, "hex": DOC.hex()} for i in range(20_000)])
    listener = f"{sys.executable} -m firmware listen --as range_ld2450 --json --capture {path}"
    command = f"{listener} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.splitlines()[1] == "0" and done.stderr == ""
