"""Say what a code proves, as a technician would ask: well formed, signed by somebody trusted, in date?

CODE is a code's text, the path of a picture of one, or - for text on standard input. The answer is one line of JSON
{kind, valid, because, issuer, claims} with nothing in it that identifies a person. The hall's rules are not asked.
With --batch, CODE (or standard input) holds JSON lines {"id", "text" or "image", "at", "trust"}; each gets one line.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import json
import math
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from firmware import clock, files
from firmware.core import trust_list
from firmware.core.facts import Booking, CodeFact, HealthTest, OtherHealth, Unproved
from firmware.core.passes import verify
from firmware.core.trust_list import TrustList
from firmware.core.validity import validity
from firmware.errors import Failure, HallgateError, Mistake
from firmware.language import spoken
from firmware.trust.rulebook_file import TRUST_BYTES_MAX
from sensors.driver import Frame
from sensors.readings import Scan

EXAMPLE = "hallgate pass photo-of-a-code.png --trust trust.jwks --at 2022-06-10T09:00:00+08:00"

Answer = dict[str, object]
ReadTrust = Callable[[str], TrustList]
_PREFIXES = ("HP1:", "HC1:")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_PICTURE_SIDES = (4_000, 4_000)
_PIXELS_MAX = 50_000_000
"""With colours and transparency 200 MB while it is read."""
_TRUST_LISTS_KEPT = 64
DEFAULT_TRUST = "trust.jwks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="text, picture, - ; with --batch a file of JSON lines")
    parser.add_argument("--trust", help="JWK set of the keys to believe (default: trust.jwks here)")
    parser.add_argument("--at", help="RFC 3339 time to judge the dates at (default: now; without an offset it is UTC)")
    parser.add_argument("--batch", action="store_true", help="read JSON lines, answer one line each")


def run(arguments: argparse.Namespace) -> int:
    now_s = clock.from_environment().wall_ms() / 1000
    at_s = now_s if arguments.at is None else _instant(arguments.at)
    if arguments.batch:
        return _batch(arguments.code, arguments.trust or "", at_s)
    if arguments.code is None:
        raise Mistake("give a code's text, a picture, or - for standard input", key="CODE")
    trust_file = arguments.trust or _default_trust()
    believed = read_trust(trust_file)
    for complaint in believed.complaints:
        print(f"hallgate pass: {trust_file}: {spoken(complaint)}", file=sys.stderr)
    print(json.dumps(judge(_codes(arguments.code), believed, at_s), ensure_ascii=False))
    return 0


def _default_trust() -> str:
    if Path(DEFAULT_TRUST).is_file():
        return DEFAULT_TRUST
    told = spoken(f"no {DEFAULT_TRUST} here and no --trust: nobody's signature is believed")
    print(f"hallgate pass: {told}", file=sys.stderr)
    return ""


def _codes(word: str) -> list[bytes]:
    if word == "-":
        return [sys.stdin.buffer.read(files.LINE_BYTES_MAX)]
    if not word.lstrip().startswith(_PREFIXES) and (_is_file(word) or word.lower().endswith(_PICTURES)):
        return read_image(Path(word))
    return [word.encode("utf-8", "surrogateescape")]


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # longer than a path may be, or with a NUL inside: no path then
        return False


def judge(codes: Iterable[bytes], believed: TrustList, at_s: float) -> Answer:
    """Return the answer for the best of `codes` (a picture may show several): a valid one before a genuine one."""
    day = dt.datetime.fromtimestamp(at_s, dt.UTC).date().isoformat()
    facts = [verify(code, believed, None, day) for code in codes] or [Unproved(because="not_read")]
    answers = [_answer(fact, at_s) for fact in facts]
    return max(answers, key=lambda answer: (answer["valid"], bool(answer["claims"])))


def _answer(fact: CodeFact, at_s: float) -> Answer:
    match fact:
        case Unproved():
            return refused(fact.because, fact.looks_like)
        case Booking():
            return _proved(fact.key_kind, validity(fact, at_s), fact.issuer, _booking_claims(fact))
        case HealthTest():
            return _proved(fact.kind, validity(fact, at_s), fact.issuer, _test_claims(fact))
        case OtherHealth():
            claims: Answer = {"issued_at": _rfc3339(fact.issued_s), "expires_at": _rfc3339(fact.expires_s)}
            return _proved(fact.kind, validity(fact, at_s), fact.issuer, claims)


def _proved(kind: str, because: str, issuer: str, claims: Answer) -> Answer:
    return {"kind": kind, "valid": not because, "because": because, "issuer": issuer, "claims": claims}


def refused(because: str, looks_like: str = "") -> Answer:
    return {"kind": looks_like or "unknown", "valid": False, "because": because, "issuer": None, "claims": {}}


def _booking_claims(fact: Booking) -> Answer:
    slot_start_s = fact.not_before_s if fact.slot_start_s is None else fact.slot_start_s
    slot_end_s = fact.expires_s if fact.slot_end_s is None else fact.slot_end_s
    return {
        "hall": fact.hall,
        "class": fact.person_class,
        "pass_id": fact.pass_id,
        "not_before": _rfc3339(fact.not_before_s),
        "expires_at": _rfc3339(fact.expires_s),
        "slot_start": _rfc3339(slot_start_s),
        "slot_end": _rfc3339(slot_end_s),
        "party": fact.party,
        "cases": fact.cases,
        "service": fact.service,
        "zone": fact.zone,
        "helper": fact.helper,
        "bound_to_document": fact.holder is not None,
    }


def _test_claims(fact: HealthTest) -> Answer:
    return {
        "result": fact.result,
        "sampled_at": _rfc3339(fact.sampled_s),
        "reported_at": None if fact.reported_s is None else _rfc3339(fact.reported_s),
        "issued_at": _rfc3339(fact.issued_s),
        "expires_at": _rfc3339(fact.expires_s),
    }


def _rfc3339(t_s: int) -> str:
    return dt.datetime.fromtimestamp(t_s, dt.UTC).isoformat().replace("+00:00", "Z")


def _instant(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
        t_s = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        dt.datetime.fromtimestamp(t_s, dt.UTC)  # the last hours of the year 9999 elsewhere have no date here
        return t_s
    except (ValueError, OverflowError):
        raise Mistake(f"{text[:40]!r} is no time; write it as 2022-06-10T09:00:00+08:00", key="--at") from None


def read_trust(path: str) -> TrustList:
    """Return the trust list in a file, none for "". Mistake when nothing in it is a key; spoilt entries complain."""
    if not path:
        return TrustList()
    try:
        with files.opened(path) as file:
            believed = trust_list.parse(file.read(TRUST_BYTES_MAX + 1))
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise Mistake(f"cannot be read as a trust list: {what}", file=path, key="--trust") from None
    if believed.complaints and not believed.keys:
        raise Mistake(believed.complaints[0], file=path, key="--trust")
    return believed


def read_image(path: Path) -> list[bytes]:
    """Return the text of each code in a picture, as the camera driver reads it. Mistake when the file is no picture."""
    try:
        from PIL import Image

        from sensors import scanner_camera
    except ImportError as missing:
        raise Failure(f"pictures need the package {missing.name}: pip install zxing-cpp pillow") from None
    try:
        _stop_at_a_pipe(path)
        with warnings.catch_warnings(action="ignore"), Image.open(path) as picture:
            picture.draft("L", _PICTURE_SIDES)  # a photo is scaled down while it is decoded
            _stop_at_a_bomb(path, *picture.size)
            grey = picture.convert("L")
            grey.thumbnail(_PICTURE_SIDES)
    except Mistake:
        raise
    except Exception as error:  # a hostile picture fails in as many ways as there are formats
        what = getattr(error, "strerror", None) or "is no picture that can be read"
        raise Mistake(str(what), file=str(path)) from None
    frame = Frame(grey.width, grey.height, grey.tobytes())
    readings = scanner_camera.Decoder(scanner_camera.Settings()).feed(frame, 0.0)
    return [reading.text for reading in readings if isinstance(reading, Scan)]


def _stop_at_a_pipe(path: Path) -> None:
    """Nobody may ever write into it, and a batch would wait for ever."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise Mistake("is no picture that can be read", file=str(path))


def _stop_at_a_bomb(path: Path, width: int, height: int) -> None:
    """A few kilobytes can hold a picture that fills the memory of a controller."""
    if width * height > _PIXELS_MAX:
        raise Mistake(f"a picture of {width} x {height} is too large", file=str(path))


def _batch(source: str | None, trust_file: str, at_s: float) -> int:
    @functools.lru_cache(_TRUST_LISTS_KEPT)
    def reader(file: str) -> TrustList:
        """A line that names no list and comes without `--trust` is the first to ask for the one that lies here."""
        return read_trust(file or _default_trust())

    if source is None or source == "-":
        _answer_lines(files.lines(sys.stdin.buffer, "-"), reader, trust_file, at_s)
        return 0
    try:
        with files.opened(source) as lines:
            _answer_lines(files.lines(lines, source), reader, trust_file, at_s)
    except OSError as error:
        raise Mistake(f"cannot be read: {error.strerror}", file=source) from None
    return 0


def _answer_lines(lines: Iterable[bytes], reader: ReadTrust, trust_file: str, at_s: float) -> None:
    for line in lines:
        if line.strip():
            print(json.dumps(answer_line(line, reader, trust_file, at_s), ensure_ascii=True), flush=True)


def answer_line(line: bytes, reader: ReadTrust, trust_file: str, at_s: float) -> Answer:
    """Return the answer to one line of a batch. A bad one gets `because`: bad_line, bad_time, bad_trust, bad_image."""
    try:
        question = json.loads(line, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        question = None
    if not isinstance(question, dict):
        return {"id": None, **refused("bad_line")}
    because = "bad_line"
    try:
        because = "bad_time"
        line_at_s = at_s if question.get("at") is None else _instant(str(question["at"]))
        because = "bad_trust"
        believed = reader(str(question.get("trust") or trust_file))
        because = "bad_image"
        codes = _codes_of(question)
    except HallgateError:
        return {"id": question.get("id"), **refused(because)}
    return {"id": question.get("id"), **(refused("bad_line") if codes is None else judge(codes, believed, line_at_s))}


def _finite(text: str) -> float:
    """Python reads `NaN` and `1e999`, and would write them into an answer that is then no JSON. ValueError for them."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _codes_of(question: dict[str, object]) -> list[bytes] | None:
    text, image = question.get("text"), question.get("image")
    if isinstance(text, str):
        return [text.encode("utf-8", "replace")]
    return read_image(Path(image)) if isinstance(image, str) else None
