"""Run the journal again; exit 1 at the first decision that differs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from firmware.journal import Reader
from firmware.language import spoken
from firmware.recovery import Difference, replayed

EXAMPLE = "hallgate replay --state /persistent/hallgate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", required=True, metavar="DIR", help="the state directory of a device")


def run(arguments: argparse.Namespace) -> int:
    reader = Reader(Path(arguments.state))
    entries = records = 0
    for result in replayed(reader):
        if isinstance(result, Difference):
            what = f"differs at seq {result.seq}:\n  recorded {result.recorded}\n  now      {result.now}"
            print(spoken(what), file=sys.stderr)
            return 1
        entries, records = entries + 1, records + result
    print(spoken(f"{entries} events, {records} records: every answer is the same"))
    return 0
