"""The ONE durable record of a device: what came in and what was decided, on disk before the relay moves.

    DIR/lock                     one process at a time (flock)
    DIR/journal/identity.json    who this device is: incarnation, board, boot counter
    DIR/journal/0000000001.segment ...   written through with zeros before it is used, oldest reused first; all of one
                                 size, until the snapshot that each begins with needs more
    DIR/journal-<inc>/           an earlier incarnation's journal, kept as evidence, never read

`frame` is the language on disk (pure), `segments` the files, `identity` who writes, `writer` the one that appends,
`reader` everybody who looks back: replay, inspect, and the outbox, which is only a cursor (a seq) on this; `refuge` is
where records wait, in memory, while the disk takes none.

Why so, measured (ext4, 1132-byte records, each on disk before the next): rewriting a mapped page costs 2 MiB per event
(large folios), a buffered write 5.3 kB, one aligned direct write 1.6 kB, and it is also the quickest. Each group of
records starts in a sector of its own, so that no byte that was once acknowledged is ever written again.
"""

from firmware.journal.frame import ENTRY, SNAPSHOT
from firmware.journal.identity import Identity
from firmware.journal.reader import Position, Reader, Record
from firmware.journal.refuge import Kept, Waiting
from firmware.journal.writer import JournalUnwritable, Writer

__all__ = [
    "ENTRY",
    "SNAPSHOT",
    "Identity",
    "JournalUnwritable",
    "Kept",
    "Position",
    "Reader",
    "Record",
    "Waiting",
    "Writer",
]
