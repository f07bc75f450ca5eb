"""Run the journal again; exit 1 at the first decision that differs, and where the card has rotted.

With --rights it says instead what this device still held of each limit: the evidence with which the bank gives back the
rights of a device that died, read from its card. What was on its way to or from it comes back with the next recount.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from firmware.core import limit, occupancy
from firmware.errors import Failure
from firmware.journal import Reader
from firmware.language import spoken
from firmware.recovery import Difference, Unreadable, cannot_be_read, recovered, replayed

EXAMPLE = "hallgate replay --state /persistent/hallgate --rights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", required=True, metavar="DIR", help="the state directory of a device")
    parser.add_argument("--rights", action="store_true", help="what it still holds of the hall's limit and its zones'")


def run(arguments: argparse.Namespace) -> int:
    reader = Reader(Path(arguments.state))
    if next(reader.records(), None) is None:
        raise Failure("no record of this journal can be read: its segments are lost, or another device's")
    if arguments.rights:
        return _rights(reader)
    entries = records = 0
    before: list[int] = []
    for result in replayed(reader):
        if isinstance(result, Difference):
            what = f"differs at seq {result.seq}:\n  recorded {result.recorded}\n  now      {result.now}"
            print(spoken(what), file=sys.stderr)
            return 1
        if isinstance(result, Unreadable):
            before.append(result.before_seq)
            continue
        entries, records = entries + 1, records + result
    print(spoken(f"{entries} events, {records} records: every answer is the same"))
    if before:
        what = (
            f"{reader.damaged} places cannot be read, the first before seq {before[0]}; "
            "what follows a place was not compared"
        )
        print(spoken(what), file=sys.stderr)
    return int(bool(before))


def _rights(reader: Reader) -> int:
    state = recovered(reader).state
    lost = cannot_be_read(reader, reader.last_snapshot())
    for name, own in state.resources():
        held, inc = max(0, own.rights.free), own.rights.inc
        if lost:
            what = (
                f"{name}: what {inc} held is not known, a place behind the last picture of its memory cannot be read: "
                f"fence inc={inc} evidence=0, then recount"
            )
            print(spoken(what), file=sys.stderr)
        else:
            seq, moves = occupancy.age(limit.own_row(state, name))
            fence = f"fence inc={inc} evidence={held} seq={seq} moves={moves}"
            print(spoken(f"{name}: {held} rights held by {inc}; to give them back: {fence}"))
    return int(lost)
