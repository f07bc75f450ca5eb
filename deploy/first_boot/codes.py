"""What can go wrong before a door works, each with a number: as many blinks of the board's lamp, and one line on the console.

The firmware starts whatever the number, when there is a site file at all: a gate that decides alone beats one that waits.
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The order is that of a morning: what comes first is mended first. 1 is never blinked: nobody could count it."""

    WELL = 0
    NO_DOOR = 2
    """The card names no door."""
    SPOILT = 3
    """A file of the card is missing or not as it was written."""
    SITE = 4
    """The site file, or what it names, is wrong."""
    STORE = 5
    """/persistent cannot be grown or written."""
    CLOCK = 6
    """The time is not known: no network time, no battery clock."""
    DEVICE = 7
    """A sensor or an output of the door does not answer."""
    ENROLMENT = 8
    """The hub does not know this device: not reached, or refused."""
    FIRMWARE = 9
    """The firmware does not stay up."""


MEANINGS = {
    Code.WELL: "all is well",
    Code.NO_DOOR: "this card names no door: flash it with a site file",
    Code.SPOILT: "a file of this card is missing or spoilt: flash it again",
    Code.SITE: "the site file cannot be used: mend it and flash the card again",
    Code.STORE: "the card cannot be written: take another one",
    Code.CLOCK: "the time is not known: connect the network, or set a battery clock",
    Code.DEVICE: "a device does not answer: hallgate doctor",
    Code.ENROLMENT: "the hub does not know this device yet: see hallgate enrol",
    Code.FIRMWARE: "the firmware does not stay up: journalctl -u hallgate",
}
"""One sentence each, as the console says it."""
