"""Try a new rulebook before it goes live: on recorded days, or on the hall's own stories.

With --state the recorded days of a device are judged again by the new rules: whose answer changes and by which clause,
the peak occupancy, refusals and waits, rounds and alarms (bad air, low supplies). What people would have done otherwise
is assumed, and counted as such.
With --stories every *.story of a folder is played (docs/stories.md has the words);
lines that come out otherwise are printed, and the exit code is 1. The rulebook needs no signature yet.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from firmware import journal_entry
from firmware.errors import Mistake
from firmware.files import read
from firmware.journal import ENTRY, SNAPSHOT, Reader
from firmware.journal_entry import Entry
from firmware.language import chosen, spoken
from firmware.recovery import FIRST_SEGMENT
from firmware.rulebook.book import Rulebook
from firmware.simulation import rehearsal_report
from firmware.simulation.rehearsal import Rehearsal
from firmware.simulation.stories import player
from firmware.trust import rulebook_file

LAST_DATE = dt.date(9000, 1, 1)
"""The recorded days that follow it have to be dates, too. No rulebook that is meant holds until then."""
EXAMPLE = "hallgate rehearse --rulebook next.toml --state /persistent/hallgate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rulebook", required=True, type=Path, metavar="FILE", help="the rulebook to try; unsigned")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--state", type=Path, metavar="DIR", help="the state directory of a device")
    what.add_argument("--stories", type=Path, metavar="DIR", help="a folder of stories")
    parser.add_argument(
        "--as-if-on", type=_date, metavar="DATE", help="rehearse the recorded days as if the first were this date"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")


def _date(text: str) -> dt.date:
    try:
        return min(dt.date.fromisoformat(text), LAST_DATE)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2022-06-15") from None


def run(arguments: argparse.Namespace) -> int:
    text, book = _rulebook(arguments.rulebook)
    if arguments.stories is not None:
        return _stories(arguments, text)
    found = rehearsal_report.figures(_rehearsed(arguments, text, book))
    print(json.dumps(found, ensure_ascii=False) if arguments.json else rehearsal_report.table(found, chosen()))
    return 0


def _rulebook(path: Path) -> tuple[bytes, Rulebook]:
    text = read(path)
    return text, rulebook_file.opened(text, "rehearsal", str(path)).book


# -------------------------------------------------------------- stories


def _stories(arguments: argparse.Namespace, text: bytes) -> int:
    played = [player.play(story, text) for story in player.stories_in(arguments.stories)]
    differences = [each for one in played for each in one.differences]
    if arguments.json:
        rows = [{"file": e.file, "line": e.line, "text": e.text, "because": e.because} for e in differences]
        print(json.dumps({"stories": len(played), "differences": rows}, ensure_ascii=False))
    else:
        for each in differences:
            print(f"{each.file}:{each.line}: {each.text}\n    {spoken(each.because)}")
        print(spoken(f"{len(played)} stories, {len(differences)} lines came out otherwise"))
    return 1 if differences else 0


# -------------------------------------------------------------- recorded days


def _rehearsed(arguments: argparse.Namespace, text: bytes, book: Rulebook) -> Rehearsal:
    reader = Reader(arguments.state)
    shift_s = _shift_s(reader, book, arguments)
    done = Rehearsal(reader.identity.inc, text, shift_s)
    for item in _walk(reader):
        if isinstance(item, bytes):
            done.restore(item)
        else:
            done.entry(item)
    if reader.damaged:
        print(spoken(f"{reader.damaged} places of the journal could not be read"), file=sys.stderr)
    return done


def _walk(reader: Reader) -> Iterator[Entry | bytes]:
    """Entries, and the picture of the device's memory to begin with where the oldest entries are gone."""
    began = False
    for record in reader.records():
        if record.kind == SNAPSHOT:
            if not began or record.after_loss:
                began = True
                yield record.payload
            continue
        began = began or record.position.segment == FIRST_SEGMENT
        if began:
            yield journal_entry.decode(record.payload)


def _shift_s(reader: Reader, book: Rulebook, arguments: argparse.Namespace) -> int:
    """Seconds from the recorded days to the rehearsed ones. Mistake where the rulebook does not hold on any of them."""
    zone = rulebook_file.zone(book.time_zone)
    first = next((e.m.local(zone) for e in _walk(reader) if isinstance(e, Entry) and e.m.trusted), None)
    if first is None:
        return 0
    newest = reader.payloads_from_seq(reader.last_seq or 1)
    last = max(
        (journal_entry.decode(record.payload).m.local(zone) for record in newest if record.kind == ENTRY), default=first
    )
    days = (arguments.as_if_on - first.date()).days if arguments.as_if_on else 0
    span = [(each + dt.timedelta(days=days)).date() for each in (first, last)]
    if span[1] < book.valid_from or span[0] > book.valid_until:
        raise Mistake(
            f"holds from {book.valid_from} to {book.valid_until}, and the days are {span[0]} to {span[1]}: "
            f"add --as-if-on {book.valid_from}",
            file=str(arguments.rulebook),
            key="valid_from",
        )
    moved = (first + dt.timedelta(days=days)).replace(tzinfo=None)
    return round((moved.replace(tzinfo=zone) - first).total_seconds())
