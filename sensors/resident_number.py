"""Is this the number of a Chinese identity document, and when was its holder born? Needs no register and no network.

GB 11643-1999: 6 digits region, 8 digits date of birth, 3 digits sequence, 1 check character by ISO 7064 MOD 11-2
(weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, the sum modulo 11 in `10X98765432`). Residence permits for people of
Hong Kong, Macao and Taiwan (regions 81, 82, 83) and foreigners' cards since 2023 have numbers of the same make.
Foreigners' cards before 2023: 3 letters (nationality) and 12 digits; their last digit's rule is in no source we have,
so it is not judged [unverified].
"""

from __future__ import annotations

import datetime as dt
import re

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
_NUMBER = re.compile(r"[0-9]{17}[0-9X]\Z")
_OLD_FOREIGNER = re.compile(r"[A-Z]{3}[0-9]{12}\Z")
_DATE = re.compile(r"[0-9]{8}\Z")
OLDEST_YEAR = 1880
"""Nobody alive was born earlier; a date before it is a misread one."""


def check_character(first: str) -> str:
    """The 18th character for 17 ASCII digits; ValueError for anything else."""
    if len(first) != 17 or not (first.isascii() and first.isdigit()):
        raise ValueError("17 digits are wanted")
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(first, WEIGHTS, strict=True)) % 11]


def flaw(number: str) -> str:
    """What is wrong with an 18-character number (upper case), in words without the number; empty: nothing."""
    if not _NUMBER.match(number):
        return "the number is no 18 characters of its make"
    if check_character(number[:17]) != number[17]:
        return "the number's check character is wrong"
    return "" if birth_date(number[6:14]) else "the number's date of birth is no date"


def flaw_of_old_foreigner(number: str) -> str:
    """The same for the 15 characters of a foreigner's card before 2023, as far as it can be judged."""
    return "" if _OLD_FOREIGNER.match(number) else "the number is no 15 characters of its make"


def birth_date(text: str) -> dt.date | None:
    """YYYYMMDD as a date; None when the calendar has none or nobody alive was born then."""
    if not _DATE.match(text) or int(text[:4]) < OLDEST_YEAR:
        return None
    try:
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def age_years(born: dt.date, today: dt.date) -> int | None:
    """Full years on `today`; None when `today` lies before the birth. Who was born on 29 February waits for 1 March."""
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years if years >= 0 else None
