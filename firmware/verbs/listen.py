"""Show what a device says and what that means, live from its port or from a recording.

The decoder is the one a door uses. PORT is a tty (best its /dev/serial/by-path name), /dev/i2c-1, ADDRESS:PORT for a
terminal that pushes, or `pins:outside=17,inside=27` (BCM), as in `hallgate listen /dev/serial/by-path/... --as scanner_gm65`.
`--settings` names a TOML file with the driver's keys; a device's table of a site file may be pasted.
`--capture` reads a recording (JSON lines as `--record` writes them, `-` for standard input) as fast as it can.
Nothing is stored unless `--record` says so. A code's text may name a person: on the screen it stays hidden without
`--show-text`; `--json` and a recording hold it, so they belong to the bench, not to a running door.
`--fresh-air` (of about 420 ppm) is for a CO2 sensor taken outdoors: after some minutes there it is told so, once.
What an identity reader or a terminal sends holds names, numbers and faces: it is never shown and never recorded.
Orders to gates, lamps and voices are never sent from here.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

from firmware import clock
from firmware.errors import Mistake
from firmware.language import spoken
from firmware.listening import live, recordings, settings, words
from firmware.listening.fresh_air import FreshAir
from firmware.listening.recordings import Recorder, Told
from firmware.listening.settings import SettingsFile
from sensors.driver import HAND_KINDS, Driver, Frame, Raw, Send

EXAMPLE = "hallgate listen --as range_ld2450 --capture door.jsonl --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "port", nargs="?", metavar="PORT", help="a tty, /dev/i2c-N, or pins:ROLE=BCM,...; none with --capture"
    )
    parser.add_argument(
        "--as", dest="driver", required=True, metavar="DRIVER", help="the language, such as scanner_gm65"
    )
    parser.add_argument("--settings", metavar="FILE", help="TOML with the driver's settings")
    parser.add_argument("--record", metavar="FILE", help="write what arrives as a recording")
    parser.add_argument("--capture", metavar="FILE", help="read a recording instead of a port")
    parser.add_argument(
        "--fresh-air",
        metavar="PPM",
        type=int,
        nargs="?",
        const=420,
        help="the CO2 sensor stands outdoors: set it by that",
    )
    parser.add_argument("--json", action="store_true", help="one reading a line, as JSON")
    parser.add_argument("--show-text", action="store_true", help="print what codes hold")


def run(arguments: argparse.Namespace) -> int:
    if (arguments.port is None) == (arguments.capture is None):
        raise Mistake("give a PORT to listen to, or --capture FILE, not both")
    if arguments.fresh_air is not None and arguments.capture is not None:
        raise Mistake("a recording cannot be told of fresh air", key="--fresh-air")
    driver = settings.driver_named(arguments.driver)
    wanted = settings.settings_for(driver, arguments.settings)
    if arguments.record and _personal(driver):
        raise Mistake(f"{driver.name} hears names and numbers of people, which are never stored", key="--record")
    if arguments.record and arguments.capture and _same_file(arguments.record, arguments.capture):
        raise Mistake(f"{arguments.capture} is the recording that is read: choose another name", key="--record")
    recorder = Recorder(arguments.record) if arguments.record else None
    try:
        (_live if arguments.capture is None else _play)(arguments, driver, wanted, recorder)
    except BrokenPipeError:  # whoever read us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:  # how a technician ends it
        pass
    finally:
        if recorder:
            recorder.close()
    return 0


def _same_file(one: str, other: str) -> bool:
    """By whatever name: a recording is emptied before its copy is written."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # what is not there is nobody's copy
        return False


def _play(arguments: argparse.Namespace, driver: Driver, wanted: SettingsFile, recorder: Recorder | None) -> None:
    tell = _teller(arguments)
    pieces = recordings.read(arguments.capture)
    if recorder:
        pieces = _recorded(pieces, recorder)
    try:
        for t_ms, said in recordings.understood(driver.decoder(wanted.settings), pieces):
            tell(t_ms, said)
    finally:  # what was understood before a bad line is told all the same
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()


def _recorded(pieces: Iterator[tuple[float, Raw]], recorder: Recorder) -> Iterator[tuple[float, Raw]]:
    for t_ms, raw in pieces:
        recorder.write(t_ms, raw)
        yield t_ms, raw


def _live(arguments: argparse.Namespace, driver: Driver, wanted: SettingsFile, recorder: Recorder | None) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell, now = _teller(arguments), clock.from_environment()

    def raw_too(t_ms: float, raw: Raw) -> None:
        if recorder:
            recorder.write(t_ms, raw)
        if not arguments.json and not isinstance(raw, Frame):
            print(_text(t_ms, raw, arguments, driver))

    decoder = driver.decoder(wanted.settings)
    fresh = None if arguments.fresh_air is None else FreshAir(driver, decoder, arguments.fresh_air)
    port = live.open_port(driver, arguments.port, wanted, now)
    try:
        answers = driver.name.partition("_")[0] not in HAND_KINDS
        listener = live.Listener(port, decoder, now, answers=answers)
        while True:
            said = listener.hear(raw_too)
            for each in said:
                tell(*each)
            if fresh and not fresh.told:
                _tell_of_fresh_air(fresh, said, listener, now.elapsed_ms())
            if news := listener.news():
                print(f"hallgate listen: {spoken(news)}", file=sys.stderr)
            sys.stdout.flush()
    finally:
        port.close()


def _tell_of_fresh_air(fresh: FreshAir, said: list[Told], listener: live.Listener, now_ms: float) -> None:
    for each in said:
        fresh.note(*each)
    listener.send(fresh.word(listener.elapsed_ms(), now_ms), now_ms)
    if fresh.told:
        print(f"hallgate listen: {spoken('the sensor was told that this is fresh air')}", file=sys.stderr)


def _teller(arguments: argparse.Namespace) -> Callable[[float, Any], None]:
    def as_json(t_ms: float, said: Any) -> None:
        if not isinstance(said, Send):
            sys.stdout.buffer.write(words.as_json(t_ms, said))

    def as_text(t_ms: float, said: Any) -> None:
        if not (arguments.capture and isinstance(said, Send)):
            print(words.as_text(t_ms, said, arguments.show_text))

    return as_json if arguments.json else as_text


def _personal(driver: Driver) -> bool:
    return driver.name.startswith(("identity_", "terminal_"))


def _text(t_ms: float, raw: Raw, arguments: argparse.Namespace, driver: Driver) -> str:
    """A scanner's bytes are the code's text: hidden likewise."""
    hidden = _personal(driver) or (driver.name.startswith("scanner_") and not arguments.show_text)
    if isinstance(raw, bytes) and hidden:
        return f"{t_ms / 1000:10.3f} s  <- {spoken(f'{len(raw)} bytes')}"
    return words.as_text(t_ms, raw, arguments.show_text)
