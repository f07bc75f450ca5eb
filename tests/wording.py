"""Every sentence the verbs can say, as templates (`{}` where something is filled in), found by reading the source.

Two nets: what is handed to one of `SINKS` anywhere in the house, and every sentence of the `SPEAKING` files, where
complaints are built in many small ways. A new message is caught by one of them before a technician meets it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SINKS = {
    *("Mistake", "Failure", "BadKey", "RulebookSignatureError", "UnknownDriver", "mistake"),
    *("Stop", "_did", "_trouble", "spoken", "_tell", "_error", "_warning", "_until"),
}
"""Functions and errors whose words reach a person."""
TOLD_LATER = {"told", "what", "because"}
"""Names of sentences that are told a line later."""
SPEAKING = (
    *("firmware/site/__init__.py", "firmware/site/checks.py", "firmware/site/against_rulebook.py"),
    *("firmware/typed_toml.py", "firmware/listening/settings.py", "firmware/listening/live.py"),
    *("firmware/rulebook/contradictions.py", "firmware/core/trust_list.py", "firmware/rulebook/signature.py"),
    *("deploy/flash/disks.py", "deploy/first_boot/codes.py"),
    *(
        "firmware/doctor/steps.py",
        "firmware/doctor/walk.py",
        "firmware/doctor/probe.py",
        "firmware/doctor/technician.py",
    ),
    *("firmware/listening/recordings.py", "firmware/listening/fresh_air.py", "firmware/listening/words.py"),
    *("firmware/outputs/relay.py", "mqtt/connection.py", "firmware/ports/serial_line.py"),
)
NO_MESSAGE = {
    *("\\(at line (\\d+), column \\d+\\)", "toml at line {}", " - at ", " (at ", "did you mean ", "user root\n"),
    *("scan  {}{}", "lane {}", "lane {}.for", "mqtt {}"),
}
"""Patterns, keys and words of machines in the files that speak."""
_HELP = ("help", "description")


def templates(path: str, text: str) -> set[str]:
    """The sentences of one file; helps of `add_argument` included, docstrings not."""
    tree = ast.parse(text)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found |= _of_call(node)
        elif (
            path.startswith("firmware/verbs/")
            and isinstance(node, ast.Assign)
            and getattr(node.targets[0], "id", "") in TOLD_LATER
        ):
            found |= _written(node.value)
    if path in SPEAKING:
        found |= {each for node in _expressions(tree) for each in _written(node)}
    return {each for each in found if _is_sentence(each)}


def all_templates() -> dict[str, str]:
    """Every template of the house, with the file it stands in."""
    found = {}
    for room in ("firmware", "mqtt", "sensors", "deploy"):
        for file in sorted((ROOT / room).rglob("*.py")):
            path = file.relative_to(ROOT).as_posix()
            found.update(dict.fromkeys(templates(path, file.read_text("utf-8")), path))
    return found


def _of_call(node: ast.Call) -> set[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    words = [argument for argument in node.args if name in SINKS]
    words += [keyword.value for keyword in node.keywords if keyword.arg in _HELP]
    return {each for word in words for each in _written(word)}


def _written(node: ast.expr) -> set[str]:
    """What an expression can say: its own template, and the sentences inside its holes."""
    inner = {each for hole in _holes(node) for each in _written(hole)}
    return {*_shapes(node), *inner} - {"{}"}


def _shapes(node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.JoinedStr(values=values):
            return {"".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in values)}
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return {a + b for a in _shapes(left) for b in _shapes(right)}
        case _:
            return {"{}"}


def _holes(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.JoinedStr(values=values):
            return [v.value for v in values if isinstance(v, ast.FormattedValue)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_holes(left), *_holes(right)]
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values):
            return values
        case _:
            return []


def _expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """Whole string expressions: parts of an f-string or a sum are seen through it."""
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr | ast.FormattedValue | ast.JoinedStr):
            parts |= {id(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.Constant)}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts |= {id(node.left), id(node.right)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and id(node) not in parts:
            yield node


def _is_sentence(text: str) -> bool:
    plain = text.replace("{}", "")
    return bool(re.search(r"[A-Za-z]{2}", plain) and re.search(r"\s", text)) and text not in NO_MESSAGE
