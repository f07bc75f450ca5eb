"""The words of the command line: argparse's own headings and complaints in the reader's language, one line each."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from firmware.errors import Mistake
from firmware.language import spoken

PLACES = ("DIR", "FILE", "PORT", "SOCKET", "DISK", "IMAGE", "BUNDLE")
"""What a help page calls the name of something that has to be somewhere."""


class Page(argparse.RawDescriptionHelpFormatter):
    """A help page whose first word is translated, too."""

    def add_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], groups: Iterable[Any], prefix: str | None = None
    ) -> None:
        super().add_usage(usage, actions, groups, spoken("usage: ") if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """A parser that complains as everything else here does: a Mistake of one line that says what to do."""

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """A script's variable that was never set is not the current folder: `wipe --store ""`."""
        if not arg_string and (action.type is Path or action.metavar in PLACES):
            name = action.option_strings[0] if action.option_strings else str(action.metavar)
            raise Mistake("is empty: write a name, or leave it out", key=name)
        return super()._get_value(action, arg_string)

    def error(self, message: str) -> NoReturn:
        raise Mistake(f"{message}; see {self.prog} --help")

    def format_help(self) -> str:
        _translate(self)
        return super().format_help()


def _translate(parser: argparse.ArgumentParser) -> None:
    """Headings and helps, just before they are shown; said twice they stay what they are."""
    parser.formatter_class = Page
    for group in parser._action_groups:
        group.title = group.title and spoken(group.title)
    for action in parser._actions:
        for shown in (action, *getattr(action, "_choices_actions", ())):
            shown.help = shown.help and spoken(shown.help)


def speak_utf8() -> None:
    """Terminals of today read UTF-8, also where the locale is C or names a character set of the last century."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
