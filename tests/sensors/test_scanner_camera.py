"""The camera on pictures made by others, on bad pictures of our own, and on a stream of pictures."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from firmware.errors import Mistake
from firmware.simulation.pictures import load_luma
from sensors import scanner_camera
from sensors.driver import Frame
from sensors.readings import Garbled, Refused, Scan
from sensors.scanner_camera import FORMATS, Decoder, Settings, Simulator, paint, read_zxing, zbar_reader
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
    assert len({scan.text for scan in look(Frame(640, 480 * 6, luma))}) == scanner_camera.CODES_PER_FRAME


def test_a_picture_that_is_none_is_counted() -> None:
    for frame in (Frame(0, 0, b""), Frame(4, 4, b"\x00" * 15), Frame(10**9, 10**9, b"\x00"), Frame(-1, -4, b"1234")):
        assert Decoder(Settings()).feed(frame, 0.0) == [
            Garbled(len(frame.luma), f"no picture of {frame.width} x {frame.height}")
        ]


# ---------------------------------------------------------------- a stream


def test_a_code_held_before_the_camera_is_one_scan_every_three_seconds() -> None:
    decoder = Decoder(Settings())
    frame = Simulator(Settings()).show(PASS, 0.0)[0].raw
    told = [t_ms for t_ms in range(0, 10_000, 100) if decoder.feed(frame, float(t_ms))]
    assert told == [0, 3_000, 6_000, 9_000]


def test_two_people_in_turn_are_two_scans() -> None:
    line = Cable(scanner_camera.DRIVER)
    for scan in (PASS, DCC):
        line.show(scan)
        line.run(500)
    assert line.content() == [PASS, DCC]


def test_an_empty_hall_costs_one_look_a_picture_and_a_new_scene_all(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def counting(frame: Frame) -> Frame:
        nonlocal count
        count += 1
        return frame

    monkeypatch.setattr(scanner_camera, "LOOKS", tuple((engine, counting) for engine, _ in scanner_camera.LOOKS))
    decoder = Decoder(Settings())
    costs = []
    for t_ms, level in [(0, 90), (100, 91), (200, 92), (300, 200), (400, 200), (5_000, 200)]:
        count = 0
        decoder.feed(Frame(64, 64, bytes([level]) * 4096), float(t_ms))
        costs.append(count)
    assert costs == [5, 1, 1, 5, 1, 5]


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
