"""The verbs of the command line. One verb, one file in `firmware/verbs`, found by its name; nobody keeps a list.

A verb file has a docstring whose first line is its help, `EXAMPLE`, `add_arguments(parser)` and `run(arguments) -> int`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from types import ModuleType

from firmware import verbs
from firmware.errors import HallgateError


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))


def load(verb: str) -> ModuleType:
    return importlib.import_module(f"firmware.verbs.{verb}")


def overview() -> str:
    lines = [f"  {name:<10} {(load(name).__doc__ or '').strip().splitlines()[0]}" for name in names()]
    return "\n".join(["usage: hallgate VERB [--help]", "", *lines])


def parser_for(verb: str) -> argparse.ArgumentParser:
    module = load(verb)
    parser = argparse.ArgumentParser(
        prog=f"hallgate {verb}",
        description=module.__doc__,
        epilog=f"example: {module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lang", choices=("zh", "en"), help="language of the messages (default: by LANG)")
    module.add_arguments(parser)
    return parser


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    verb = words[0]
    if verb not in names():
        print(f"hallgate: there is no verb {verb!r}; one of: {', '.join(names())}", file=sys.stderr)
        return 2
    arguments = parser_for(verb).parse_args(words[1:])
    if arguments.lang:
        os.environ["LANG"] = "zh_CN.UTF-8" if arguments.lang == "zh" else "en_US.UTF-8"
    try:
        code = load(verb).run(arguments)
        return int(code)
    except HallgateError as error:
        print(f"hallgate {verb}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
