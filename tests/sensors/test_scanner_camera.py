"""The camera on pictures made by others, on bad pictures of our own, and on a stream of pictures."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.errors import Mistake
from firmware.simulation.pictures import load_luma
from sensors import scanner_camera
from sensors.driver import Frame
from sensors.readings import Garbled, Ready, Refused, Scan
from sensors.scanner_camera import (
    FORMATS,
    Decoder,
    Settings,
    Simulator,
    darker,
    halved,
    inverted,
    paint,
    read_zxing,
    stretched,
    zbar_reader,
)
from tests import needs
from tests.sensors.cable import Cable

DCC = Scan(b"HC1:" + b"6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE" * 12, symbology="qr", read_by="zxing")
PASS = Scan(b"HP1:" + b"6BFOXN*TS0BI$ZD4N9:9S6RCVN5+O30K3/XIV0W23NTDE" * 6, symbology="qr", read_by="zxing")


def photo_texts() -> dict[str, tuple[str, bool]]:
    """file -> (text, whole). Of a text of several lines the index has only the first one: then we know no more."""
    found = {}
    for line in needs.shared("data/proofs/photos/index.csv").read_text(encoding="utf-8").split("\n"):
        if row := re.match(r"(zxing_[^,]+\.png),[^,]+,[^,]+,(.*)", line):
            whole = not row[2].startswith('"') or re.match(r'"([^"]|"")*"(,|$)', row[2])
            found[row[1]] = (next(csv.reader([row[2]]))[0], True) if whole else (row[2][1:].rstrip("\r"), False)
    return found


def tells(scans: list[Scan], text: str, whole: bool) -> bool:
    told = [scan.text.decode("utf-8", "replace") for scan in scans]
    return text in told if whole else any(one.startswith(text) for one in told)


def look(frame: Frame, **wishes: object) -> list[Scan]:
    readings = Decoder(Settings(**wishes)).feed(frame, 0.0)  # type: ignore[arg-type]
    assert all(isinstance(reading, Scan) for reading in readings)
    return readings  # type: ignore[return-value]


# ---------------------------------------------------------------- pictures made by others


def test_real_photographs_at_least_as_many_as_the_better_decoder_alone(capsys: pytest.CaptureFixture[str]) -> None:
    read_zbar = zbar_reader()
    assert read_zbar is not None, "libzbar0 is not installed"
    counts = {"zxing alone": 0, "zbar alone": 0, "both": 0, "of both by zbar": 0}
    texts = photo_texts()
    for name, (text, whole) in texts.items():
        frame = load_luma(needs.shared(f"data/proofs/photos/{name}"))
        both = look(frame)
        counts["zxing alone"] += tells(read_zxing(frame, list(FORMATS.values())), text, whole)
        counts["zbar alone"] += tells(read_zbar(frame), text, whole)
        counts["both"] += tells(both, text, whole)
        counts["of both by zbar"] += any(scan.read_by == "pyzbar" for scan in both)
    with capsys.disabled():
        print(f"\n{len(texts)} photographs: {counts}")
    assert len(texts) == 73
    assert counts["both"] >= max(counts["zxing alone"], counts["zbar alone"])
    assert counts["both"] == 73


def test_every_health_certificate_picture_is_read() -> None:
    differing = []
    for case in sorted(needs.shared("data/proofs/dgc").glob("*.json")):
        if case.name in ("index.json",) or not (picture := case.with_suffix(".png")).exists():
            continue
        try:
            frame = load_luma(picture)
        except Mistake:
            differing.append(case.stem)
            continue
        wanted = json.loads(case.read_text(encoding="utf-8")).get("PREFIX")
        (scan,) = look(frame)
        if wanted is not None and scan.text != wanted.encode():
            differing.append(case.stem)
    assert differing == ["common__Q1"], "Q1's picture is no picture on purpose"


# ---------------------------------------------------------------- bad pictures


@pytest.mark.parametrize(
    "simulator",
    [
        Simulator(Settings()),
        Simulator(Settings(), tilt_degrees=25),
        Simulator(Settings(), tilt_degrees=-20, noise=20),
        Simulator(Settings(), noise=60),
        Simulator(Settings(), contrast=20),
        Simulator(Settings(), dark_mode=True),
        Simulator(Settings(), dark_mode=True, contrast=40, noise=5),
    ],
    ids=["plain", "tilted", "tilted and noisy", "noisy", "faint", "dark mode", "faint dark mode"],
)
def test_a_bad_picture_is_read(simulator: Simulator) -> None:
    first = simulator.show(PASS, 0.0)[0].raw
    assert isinstance(first, Frame)
    assert [scan.text for scan in look(first)] == [PASS.text]


def test_the_simulated_phone_shows_the_same_noise_each_time() -> None:
    one, other = (Simulator(Settings(), noise=30).show(PASS, t_ms) for t_ms in (0.0, 5_000.0))
    assert one == other
    assert one[0].raw != one[1].raw, "but each picture has its own"


def test_binary_data_survives() -> None:
    frame = Simulator(Settings()).show(Scan(b"\xff\xfe\x80\x00"), 0.0)[0].raw
    assert look(frame) == [Scan(b"\xff\xfe\x80\x00", symbology="qr", read_by="zxing")]  # type: ignore[arg-type]


def test_an_aztec_code_is_read_unless_the_site_leaves_it_out() -> None:
    frame = Simulator(Settings()).show(Scan(b"HP1:AZTEC", symbology="aztec"), 0.0)[0].raw
    assert look(frame) == [Scan(b"HP1:AZTEC", symbology="aztec", read_by="zxing")]  # type: ignore[arg-type]
    assert look(frame, symbologies=("qr",)) == []  # type: ignore[arg-type]


def test_several_codes_in_one_picture_are_all_read_up_to_four() -> None:
    parts = [Simulator(Settings()).show(Scan(f"HP1:{number}".encode()), 0.0)[0].raw for number in range(6)]
    luma = b"".join(part.luma for part in parts if isinstance(part, Frame))
    assert len({scan.text for scan in look(Frame(640, 480 * 6, luma))}) == 4


def test_a_picture_that_is_none_is_counted() -> None:
    nothing, torn, behind_zero = Frame(0, 0, b""), Frame(4, 4, b"\x00" * 15), Frame(-1, -4, b"1234")
    for frame in (nothing, torn, behind_zero, Frame(10**9, 10**9, b"\x00"), Frame(4_001, 4_000, bytes(16_004_000))):
        assert Decoder(Settings()).feed(frame, 0.0) == [
            Garbled(len(frame.luma), f"no picture of {frame.width} x {frame.height}")
        ]


# ---------------------------------------------------------------- a stream


def test_a_code_held_before_the_camera_is_one_scan_every_three_seconds() -> None:
    decoder = Decoder(Settings())
    frame = Simulator(Settings()).show(PASS, 0.0)[0].raw
    told = [t_ms for t_ms in range(0, 10_000, 100) if decoder.feed(frame, float(t_ms))]
    assert told == [0, 3_000, 6_000, 9_000]


def test_however_long_a_code_counts_as_the_same_nobodys_first_look_is_left_out() -> None:
    """A minute long, and twenty people in it."""
    decoder = Decoder(Settings(repeat_ms=60_000))
    pictures = [Simulator(Settings()).show(Scan(b"HP1:%d" % person), 0.0)[0].raw for person in range(20)]
    told = [decoder.feed(picture, person * 2_000.0) for person, picture in enumerate(pictures)]
    assert [[scan.text for scan in scans if isinstance(scan, Scan)] for scans in told] == [
        [b"HP1:%d" % person] for person in range(20)
    ]
    assert decoder.feed(pictures[-1], 40_000.0) == []


def test_two_people_in_turn_are_two_scans() -> None:
    line = Cable(scanner_camera.DRIVER)
    for scan in (PASS, DCC):
        line.show(scan)
        line.run(500)
    assert line.content() == [PASS, DCC]


def test_an_empty_hall_costs_one_look_a_picture_and_a_new_scene_all(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = list[int]()

    def noting(number: int) -> Callable[[Frame], Frame]:
        return lambda frame: looked.append(number) or frame  # type: ignore[func-returns-value]

    looks = [(engine, noting(number)) for number, (engine, _) in enumerate(scanner_camera.LOOKS)]
    monkeypatch.setattr(scanner_camera, "LOOKS", tuple(looks))
    decoder = Decoder(Settings())

    def costs(t_ms: float, level: int) -> list[int]:
        looked.clear()
        decoder.feed(Frame(64, 64, bytes([level]) * 4096), t_ms)
        return looked.copy()

    everything = [0, 1, 2, 3, 4]
    assert costs(0, 90) == everything
    in_turn = [costs(t_ms, 90 + t_ms // 100) for t_ms in (100, 200, 300, 400, 500)]
    assert sorted(in_turn) == [[each] for each in everything]
    assert [len(costs(t_ms, 200)) for t_ms in (600, 700, 1_700, 2_701)] == [5, 1, 1, 5], "a second is still a stream"
    looked.clear()
    decoder.feed(Frame(64, 64, bytes([200]) * 2048 + bytes([20]) * 2048), 2_800.0)
    assert looked == everything, "its lower half is a new scene"


def test_a_blank_wall_is_no_code_and_no_trouble() -> None:
    for level in (0, 128, 255):
        assert look(Frame(64, 48, bytes([level]) * 64 * 48)) == []


@pytest.mark.parametrize("simulator", [Simulator(Settings()), Simulator(Settings(), dark_mode=True, contrast=40)])
def test_what_the_first_decoder_cannot_read_the_second_does(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    monkeypatch.setattr(scanner_camera, "read_zxing", lambda *_: [])
    frame = simulator.show(PASS, 0.0)[0].raw
    assert isinstance(frame, Frame)
    assert look(frame) == [Scan(PASS.text, symbology="qr", read_by="pyzbar")]
    assert look(frame, zbar=False) == []


@pytest.mark.parametrize("zbar", [True, False])
def test_what_neither_reads_at_first_is_read_in_a_changed_picture(monkeypatch: pytest.MonkeyPatch, zbar: bool) -> None:
    at_first = read_zxing
    monkeypatch.setattr(scanner_camera, "zbar_reader", lambda: lambda frame: [])
    monkeypatch.setattr(scanner_camera, "read_zxing", lambda *given: at_first(*given) if len(given) > 2 else [])
    frame = Simulator(Settings()).show(PASS, 0.0)[0].raw
    assert isinstance(frame, Frame)
    assert look(frame, zbar=zbar) == [PASS]


def test_pictures_are_changed_as_their_names_say() -> None:
    """Two rows of four: inverted, gamma 2, 100 to 150 made 0 to 255, and every second of every second row."""
    frame = Frame(4, 2, bytes([100, 110, 120, 150, 100, 130, 140, 150]))
    changed = {change.__name__: change(frame) for change in (inverted, darker, stretched, halved)}
    assert [*changed["inverted"].luma] == [155, 145, 135, 105, 155, 125, 115, 105]
    assert [*changed["darker"].luma] == [39, 47, 56, 88, 39, 66, 76, 88]
    assert [*changed["stretched"].luma] == [0, 51, 102, 255, 0, 153, 204, 255]
    assert changed["halved"] == Frame(2, 1, bytes([100, 120]))


@pytest.mark.parametrize(("zbar", "model"), [(True, "zxing-cpp and zbar"), (False, "zxing-cpp")])
def test_it_says_once_with_what_it_reads(zbar: bool, model: str) -> None:
    line = Cable(scanner_camera.DRIVER, Settings(zbar=zbar))
    line.run(5_000)
    assert line.readings == [Ready(model)] and line.near.wake_at_ms is None
    assert line.near.tick(line.now_ms) == []


def test_without_zbar_it_says_so_and_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner_camera, "zbar_reader", lambda: None)
    line = Cable(scanner_camera.DRIVER)
    line.show(PASS)
    line.run(1_000)
    assert line.content() == [PASS]
    assert any(isinstance(reading, Refused) and "libzbar0" in reading.because for reading in line.readings)


def test_painting_clips_what_is_too_large() -> None:
    frame = paint([b"\x00" * 30] * 30, 16, 16)
    assert len(frame.luma) == 256


def test_a_file_that_is_no_picture_is_a_persons_mistake(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"not a picture")
    for name in ("no.png", "absent.png"):
        with pytest.raises(Mistake, match=name):
            load_luma(tmp_path / name)
