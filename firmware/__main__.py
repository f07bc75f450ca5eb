"""The verbs of the command line. One verb, one file in `firmware/verbs`, found by its name; nobody keeps a list.

A verb file has a docstring whose first line is its help, `EXAMPLE`, `add_arguments(parser)` and `run(arguments) -> int`.
"""

# ruff: noqa: E402 - what is imported can be interrupted, and the first lines see to that

from __future__ import annotations

import signal

STARTED = __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler
if STARTED:  # Ctrl-C while modules are still being read is nobody's traceback; whoever had it ignored keeps that
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import errno
import importlib
import os
import pkgutil
import sys
from types import ModuleType

from firmware import command_words, language, verbs
from firmware.errors import Failure, HallgateError, Mistake
from firmware.language import spoken

NAMED_WRONGLY = (
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG
)  # fmt: skip

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Said of standard output, too, which has no name: somebody's `> file` on a full disk."""


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))


def load(verb: str) -> ModuleType:
    return importlib.import_module(f"firmware.verbs.{verb}")


def overview() -> str:
    lines = [f"  {name:<10} {page(name).splitlines()[0]}" for name in names()]
    return "\n".join([spoken("usage: hallgate VERB [--help]"), "", *lines])


def page(verb: str) -> str:
    return language.page(verb, (load(verb).__doc__ or "").strip())


def parser_for(verb: str) -> argparse.ArgumentParser:
    module = load(verb)
    parser = command_words.Parser(
        prog=f"hallgate {verb}",
        description=page(verb),
        epilog=spoken("example: ") + module.EXAMPLE,  # a line to type stays as it is
        formatter_class=command_words.Page,
    )
    parser.add_argument("--lang", choices=("zh", "en"), help="language of the messages (default: by LANG)")
    module.add_arguments(parser)
    return parser


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    _fill_standard_streams()
    command_words.speak_utf8()
    wish, words = language.asked_for(words)
    with language.spoken_as(wish):
        try:
            code = _main(words)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read us (`| head`) has seen enough
            _hush()
            return 0
        except KeyboardInterrupt:
            _hush()
            return 130
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _hush()
            return _told(words[0], Failure(f"nothing more can be written: {error.strerror}; make room and try again"))
        return code


def _fill_standard_streams() -> None:
    """Somebody's `>&-` closed one: the next file that is opened must not become it, and nobody prints to None."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _hush() -> None:
    """What is still to be said goes nowhere; else Python complains while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _main(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    verb = words[0]
    try:
        if verb not in names():
            raise Mistake(f"there is no verb {verb!r}; one of: {', '.join(names())}")
        arguments = parser_for(verb).parse_args(words[1:])
        return int(load(verb).run(arguments))
    except HallgateError as error:
        return _told(verb, error)
    except OSError as error:
        if error.filename is None:
            raise
        return _told(verb, _of_a_file(error))


def _told(verb: str, error: HallgateError) -> int:
    for line in language.told(error).splitlines():
        print(f"hallgate{' ' + verb if verb in names() else ''}: {line}", file=sys.stderr)
    return error.exit_code


def _of_a_file(error: OSError) -> HallgateError:
    """A file that no verb expected to be like that: a name too long, a folder in a file's place, a disk that fails."""
    name, what = os.fsdecode(error.filename), error.strerror or ""
    if error.errno in NAMED_WRONGLY:
        return Mistake(f"cannot be used: {what}", file=name)
    return Failure(f"{name}: {what}")


if __name__ == "__main__":
    if STARTED:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
