"""A camera as code scanner: brightness pictures in, codes out, by the better of two decoders.

Wiring: a Raspberry Pi camera on the CSI ribbon (`port = "picamera2"`), looking at the place where phones are held, with
    its own light; fixed focus at 15-25 cm.
On the wire: `Frame`, 8-bit luma, row by row, about ten a second.
How it reads: every picture goes to zxing-cpp (tilt, moire, inverted, low contrast). Only when that finds nothing come
    the `LOOKS`: zbar, and both on changed pictures. A new scene gets all of them at once; in a stream of like pictures
    one look per picture in turn, so that an empty hall costs little. `Scan.read_by` says which decoder read it.
    At most four codes a picture; the same text again within `repeat_ms` is the same scan.
    A text comes as UTF-8, binary data as its bytes (from zxing-cpp; zbar destroys binary data).
    No numpy: a picture is changed with `bytes.translate` and slices (numpy alone is 10-15 MB resident).
Source: zxing-cpp and zbar; the choice and order by the measurements in proofs/SOURCE.md.
Tested on: the simulator, 73 photographs and 64 health certificate pictures made by others; no camera.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import zxingcpp
from msgspec import Meta

from sensors.driver import Driver, Edge, Example, Frame, Later, Raw, Send
from sensors.driver import Settings as DriverSettings
from sensors.lines import AIM_SYMBOLOGIES
from sensors.readings import AnyReading, Garbled, Ready, Refused, Scan

CODES_PER_FRAME = 4
PIXELS_MAX = 16_000_000
REMEMBERED_MAX = 16
SAMPLES = 256
"""Pixels that are compared to tell a new scene from the next picture of the same one."""
NEW_SCENE = 24
"""Mean difference of the samples (0-255) above which a picture is a new scene."""
STREAM_MS = 1_000.0
"""Pictures further apart than this are no stream."""
FORMATS = {"qr": zxingcpp.BarcodeFormat.QRCode, "aztec": zxingcpp.BarcodeFormat.Aztec}


class Settings(DriverSettings, frozen=True, kw_only=True):
    symbologies: Annotated[tuple[Literal["qr", "aztec"], ...], Meta(min_length=1)] = ("qr", "aztec")
    """Health certificates may be Aztec codes; without them an empty picture costs half the time."""
    repeat_ms: Annotated[int, Meta(ge=0, le=60_000)] = 3_000
    zbar: bool = True
    """Use zbar (system package libzbar0) where zxing-cpp finds nothing."""


# ---------------------------------------------------------------- the two decoders


def read_zxing(frame: Frame, formats: Any, binarizer: Any = zxingcpp.Binarizer.LocalAverage) -> list[Scan]:
    picture = memoryview(frame.luma).cast("B", (frame.height, frame.width))
    found = zxingcpp.read_barcodes(picture, formats=formats, text_mode=zxingcpp.TextMode.Plain, binarizer=binarizer)
    return [_scan_of(barcode) for barcode in found]


def _scan_of(barcode: Any) -> Scan:
    binary = barcode.content_type == zxingcpp.ContentType.Binary
    letter = barcode.symbology_identifier[1:2]
    text = bytes(barcode.bytes) if binary else barcode.text.encode("utf-8", "surrogateescape")
    return Scan(text, symbology=AIM_SYMBOLOGIES.get(letter, letter), read_by="zxing")


def zbar_reader() -> Callable[[Frame], list[Scan]] | None:
    """The second decoder, or None where the system lacks libzbar0."""
    try:
        from pyzbar import pyzbar
    except ImportError:
        return None
    only_qr = [pyzbar.ZBarSymbol.QRCODE]

    def read_zbar(frame: Frame) -> list[Scan]:
        found = pyzbar.decode((frame.luma, frame.width, frame.height), symbols=only_qr)
        return [Scan(bytes(code.data), symbology="qr", read_by="pyzbar") for code in found]

    return read_zbar


# ---------------------------------------------------------------- pictures, changed

INVERTED = bytes(255 - level for level in range(256))
DARKER = bytes(level * level // 255 for level in range(256))


def _as_it_is(frame: Frame) -> Frame:
    return frame


def inverted(frame: Frame) -> Frame:
    return Frame(frame.width, frame.height, frame.luma.translate(INVERTED))


def darker(frame: Frame) -> Frame:
    return Frame(frame.width, frame.height, frame.luma.translate(DARKER))


def stretched(frame: Frame) -> Frame:
    """Full contrast, with the darkest and brightest hundredth cut off."""
    levels = sorted(frame.luma[:: max(1, len(frame.luma) // 4096)])
    low, high = levels[len(levels) // 100], levels[-1 - len(levels) // 100]
    span = max(1, high - low)
    table = bytes(max(0, min(255, (level - low) * 255 // span)) for level in range(256))
    return Frame(frame.width, frame.height, frame.luma.translate(table))


def halved(frame: Frame) -> Frame:
    """Every second pixel of every second row: takes moire and fine noise away."""
    width, luma = frame.width, frame.luma
    rows = [luma[start : start + width : 2] for start in range(0, len(luma), 2 * width)]
    return Frame(len(rows[0]), len(rows), b"".join(rows))


LOOKS: tuple[tuple[str, Callable[[Frame], Frame]], ...] = (
    ("zbar", _as_it_is),
    ("zxing", halved),
    ("zbar", stretched),
    ("zxing", darker),
    ("zbar", lambda frame: inverted(stretched(frame))),
)
"""(decoder, picture), tried in this order; zxing takes one threshold for the whole picture here."""


class Decoder:
    def __init__(self, settings: Settings) -> None:
        self._formats = [FORMATS[symbology] for symbology in settings.symbologies]
        self._repeat_ms = settings.repeat_ms
        self._read_zbar = zbar_reader() if settings.zbar else None
        self._zbar_missing = settings.zbar and self._read_zbar is None
        self._seen: dict[bytes, float] = {}
        """text -> when it was last given out"""
        self._last_ms = float("-inf")
        self._last_samples = b""
        self._turn = 0
        self.wake_at_ms: float | None = 0.0

    def feed(self, raw: Raw, t_ms: float) -> list[AnyReading | Send]:
        if not isinstance(raw, Frame):
            return []
        pixels = raw.width * raw.height
        if raw.width < 1 or raw.height < 1 or len(raw.luma) != pixels or pixels > PIXELS_MAX:
            return [Garbled(len(raw.luma), f"no picture of {raw.width} x {raw.height}")]
        like_before = self._like_before(raw, t_ms)
        scans = read_zxing(raw, self._formats) or self._look_again(raw, like_before)
        return [*self._fresh(scans[:CODES_PER_FRAME], t_ms)]

    def tick(self, t_ms: float) -> list[AnyReading | Send]:
        if self.wake_at_ms is None:
            return []
        self.wake_at_ms = None
        if self._zbar_missing:
            return [Refused("libzbar0 is not installed: only zxing-cpp reads")]
        return [Ready("zxing-cpp" + (" and zbar" if self._read_zbar else ""))]

    def _look_again(self, frame: Frame, like_before: bool) -> list[Scan]:
        looks = [look for look in LOOKS if look[0] == "zxing" or self._read_zbar is not None]
        if like_before:
            self._turn += 1
            looks = [looks[self._turn % len(looks)]]
        for engine, change in looks:
            picture = change(frame)
            if engine == "zbar" and self._read_zbar is not None:
                found = self._read_zbar(picture)
            else:
                found = read_zxing(picture, self._formats, zxingcpp.Binarizer.GlobalHistogram)
            if found:
                return found
        return []

    def _like_before(self, frame: Frame, t_ms: float) -> bool:
        """Whether this picture goes on with the last one."""
        samples = frame.luma[:: max(1, len(frame.luma) // SAMPLES)][:SAMPLES]
        stream = t_ms - self._last_ms <= STREAM_MS and len(samples) == len(self._last_samples)
        difference = sum(abs(now - then) for now, then in zip(samples, self._last_samples, strict=False))
        like = stream and difference <= NEW_SCENE * len(samples)
        self._last_ms, self._last_samples = t_ms, samples
        return like

    def _fresh(self, scans: list[Scan], t_ms: float) -> list[Scan]:
        """Leave out what was given out less than `repeat_ms` ago, as far as that is remembered."""
        self._seen = {text: then_ms for text, then_ms in self._seen.items() if 0 <= t_ms - then_ms < self._repeat_ms}
        fresh = []
        for scan in scans:
            if scan.text and scan.text not in self._seen:
                if len(self._seen) >= REMEMBERED_MAX:
                    del self._seen[next(iter(self._seen))]
                self._seen[scan.text] = t_ms
                fresh.append(scan)
        return fresh


# ---------------------------------------------------------------- the far end


class Simulator:
    """A phone held before the camera: draws the code, tilted and noisy when asked, and shows it for a few pictures.

    `tilt_degrees` (0-60) leans the phone back, `noise` (0-120) is the largest change of a pixel, `contrast` (1-255) the
    distance of light and dark, `dark_mode` inverts. The noise is a hash of place and picture: the same each time.
    """

    WIDTH, HEIGHT = 640, 480
    PICTURES, PICTURE_MS = 3, 100.0

    def __init__(
        self, settings: Settings, tilt_degrees: float = 0, noise: int = 0, contrast: int = 200, dark_mode: bool = False
    ) -> None:
        self._tilt_degrees, self._noise = tilt_degrees, noise
        light, dark = 128 + contrast // 2, max(0, 128 - (contrast + 1) // 2)
        self._light, self._dark = (dark, light) if dark_mode else (min(255, light), dark)

    def show(self, reading: AnyReading, t_ms: float) -> list[Later]:
        if not isinstance(reading, Scan) or not reading.text or (rows := _modules(reading)) is None:
            return []
        drawn = paint(rows, self.WIDTH, self.HEIGHT, self._light, self._dark)
        leaned = lean(drawn, self._tilt_degrees, self._light) if self._tilt_degrees else drawn
        pictures = [grainy(leaned, self._noise, number) for number in range(self.PICTURES)]
        return [Later(picture, number * self.PICTURE_MS) for number, picture in enumerate(pictures)]

    def hear(self, raw: bytes | Edge, t_ms: float) -> list[Later]:
        return []


def _modules(scan: Scan) -> list[bytes] | None:
    """The code's modules, one byte each (0 dark), row by row; None for more than a code can hold."""
    try:
        content: str | bytes = scan.text.decode("ascii")
    except UnicodeDecodeError:
        content = scan.text
    try:
        barcode = zxingcpp.create_barcode(content, FORMATS.get(scan.symbology, FORMATS["qr"]))
    except ValueError:
        return None
    drawn: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    image = memoryview(drawn)
    height, width = image.shape or (0, 0)
    flat = image.tobytes()
    return [flat[row * width : (row + 1) * width] for row in range(height)]


def paint(rows: list[bytes], width: int, height: int, light: int = 255, dark: int = 0) -> Frame:
    """Put a code's modules (0 dark, else light) as large as they fit into a light picture, four modules around."""
    scale = max(1, min((width // (len(rows[0]) + 8)), height // (len(rows) + 8)))
    left, top = (width - scale * len(rows[0])) // 2, (height - scale * len(rows)) // 2
    blank = bytes([light]) * width
    lines = [blank] * top
    for row in rows:
        modules = b"".join(bytes([light if module else dark]) * scale for module in row)
        lines += [(blank[:left] + modules + blank)[:width]] * scale
    return Frame(width, height, b"".join((lines + [blank] * height)[:height]))


def lean(frame: Frame, degrees: float, light: int) -> Frame:
    """Lean the picture back around its horizontal middle: rows shrink and move together towards the top."""
    width, height, luma = frame.width, frame.height, frame.luma
    slope = degrees / 57.3
    sine, cosine = slope - slope**3 / 6, 1 - slope**2 / 2 + slope**4 / 24
    distance = 2.0 * height
    lines = []
    for y in range(height):
        up = (y - height / 2) * distance / (cosine * distance + (y - height / 2) * sine)
        source_y = round(up + height / 2)
        if not 0 <= source_y < height:
            lines.append(bytes([light]) * width)
            continue
        zoom = (distance - up * sine) / distance
        row = luma[source_y * width : (source_y + 1) * width]
        places = [round((x - width / 2) * zoom + width / 2) for x in range(width)]
        lines.append(bytes(row[place] if 0 <= place < width else light for place in places))
    return Frame(width, height, b"".join(lines))


def grainy(frame: Frame, noise: int, number: int) -> Frame:
    """Change each pixel by up to `noise` by a hash of its place and the picture's number."""
    if not noise:
        return frame
    value, out = number * 7919 + 1, bytearray(frame.luma)
    for place, level in enumerate(out):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        out[place] = max(0, min(255, level + (value >> 16) % (2 * noise + 1) - noise))
    return Frame(frame.width, frame.height, bytes(out))


def _literal(rows: str) -> Frame:
    """Modules written as one hexadecimal number per row, 1 = dark, 21 rows: QR version 1."""
    bits = [f"{int(row, 16):021b}" for row in rows.split()]
    return paint([bytes(bit == "0" for bit in row) for row in bits], 145, 145)


DRIVER = Driver(
    name="scanner_camera",
    port="camera",
    settings=Settings,
    decoder=Decoder,
    simulator=Simulator,
    examples=(
        Example(
            "a QR code of version 1",
            (
                _literal(
                    "1FC07F 105F41 17485D 17445D 17595D 104541 1FD57F 000B00 154212 1E3C6B 137D17"
                    " 09106C 0AE959 001EB9 1FCAF0 1047AA 175AFF 174472 175D21 104C57 1FDD79"
                ),
            ),
            (Scan(b"HP1:21*XZ", symbology="qr", read_by="zxing"),),
            "modules drawn by segno 1.6.6, level M, mask 0",
        ),
    ),
    gives=(Scan,),
)
