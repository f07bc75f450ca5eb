"""Chinese and English for the technician: no sentence without its Chinese, and the real launcher says it in both."""

from __future__ import annotations

import ast
import inspect
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from firmware import __main__ as command_line
from firmware import language
from tests.wording import ROOT, all_templates, templates

ZH, EN = {"LANG": "zh_CN.UTF-8"}, {"LANG": "C"}
SITE = """v = 1
[device]
name = "entry-1"
hall = "baoshan"
[[lane]]
name = "A"
direction = "in"
for = ["visitor"]
on_failure = "opn"
[lane.scanner]
driver = "scanner_text_line"
prot = "/dev/ttyUSB0"
"""


def sentences() -> dict[str, str]:
    tables = tomllib.loads((ROOT / "firmware/zh.toml").read_text("utf-8"))
    tables.pop("pages")
    return {english: chinese for table in tables.values() for english, chinese in table.items()}


# ---------------------------------------------------------------- the catalogue


def test_every_sentence_of_the_verbs_has_its_chinese() -> None:
    known = sentences()
    missing = [f"{path}: {text!r}" for text, path in all_templates().items() if text not in known]
    assert not missing, "write them into firmware/zh.toml: " + "\n".join(missing)


def test_every_sentence_of_the_toml_parser_has_its_chinese() -> None:
    """They are the library's: a newer one may have others."""
    source = inspect.getsource(sys.modules[tomllib.loads.__module__])
    said = re.findall(r"""suffixed_err\(\s*src,\s*[^,]+,\s*(f?(?:"[^"]*"|'[^']*'))""", source)
    plain = {re.sub(r"\{[^}]*\}", "{}", ast.literal_eval(each.removeprefix("f"))) for each in said}
    assert len(plain) > 15 and not plain - sentences().keys()


@pytest.mark.parametrize(
    ("written", "chinese"),
    [
        ("v 1", "键后面要写 ="),
        ('v = "entry\nw = 1', "引号没有在本行写完"),
        ("[lane.gate]\n[lane.gate]", "表 lane.gate 写了两次"),
        ("v = {a = 1", "大括号没有写完，缺 }"),
        ("v = tru", "值写得不对（文字要加引号）"),
    ],
)
def test_what_is_no_toml_is_told_in_chinese(
    written: str, chinese: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text(written)
    assert command_line.main(["check", "--site", str(tmp_path / "site.toml"), "--lang", "zh"]) == 2
    assert capsys.readouterr().err.endswith(f": 不是正确的 TOML：{chinese}\n")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("firmware/core/x.py", 'raise Mistake(f"is not there: {name}", file=name)'),
        ("firmware/ports/x.py", 'raise Failure("it is " + ("not there: " + name if name else "gone away"))'),
        ("firmware/verbs/x.py", 'parser.add_argument("--x", help="what is not there")'),
        ("firmware/verbs/x.py", 'told = f"{name} is not there"'),
        ("firmware/site/checks.py", 'def f():\n    yield path, f"{name} is not there"'),
    ],
)
def test_a_new_sentence_would_be_missed(path: str, source: str) -> None:
    assert templates(path, source) - sentences().keys()


def test_every_verb_has_a_chinese_page() -> None:
    assert language.catalogue().pages.keys() >= set(command_line.names())


def test_the_chinese_keeps_what_was_filled_in() -> None:
    for english, chinese in sentences().items():
        marks = [f"<{number}>" for number in range(english.count("{}"))]
        if "{}{}" in english:
            continue  # the second is a hint, tried below
        filled = english
        for mark in marks:
            filled = filled.replace("{}", mark, 1)
        told = language.in_chinese(filled)
        assert all(mark in told for mark in marks if "{}_...{}" not in english), (english, told)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese) or english in ("{} {}", "{}; {}"), english


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("is no key here; did you mean port?", "这里没有这个键；是不是想写 port？"),
        ("'opn' is none of open, closed; did you mean open?", "'opn' 不对，只能是 open, closed；是不是想写 open？"),
        ("cannot be read: No such file or directory", "读不了：没有这个文件或目录"),
        ("key 2 ('k1') has no kid", "第 2 个密钥 ('k1') 没有 kid"),
        ("/dev/ttyUSB0 is not plugged in", "/dev/ttyUSB0 没有插上"),
        ("expected int, got str", "应为 int，写成了 str"),
        ("nobody has thought of this", "nobody has thought of this"),
        ("", ""),
    ],
)
def test_errors_inside_errors_are_told_too(english: str, chinese: str) -> None:
    assert language.in_chinese(english) == chinese


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "C", "LC_MESSAGES": "en_GB", "LC_ALL": "zh_CN.GB18030"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LC_ALL": "C", "HALLGATE_LANG": "zh"}, "zh"),
    ],
)
def test_the_locale_chooses_as_posix_says(environment: dict[str, str], wanted: str) -> None:
    assert language.chosen(environment) == wanted


# ---------------------------------------------------------------- the real launcher


def hallgate(*words: str, locale: dict[str, str]) -> tuple[int, str, str]:
    """`./hallgate` with the environment these tests run in; what it says must be UTF-8."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    venv = {"HALLGATE_VENV": sys.prefix} if _prepared() else {}
    command = [str(ROOT / "hallgate"), *words] if venv else [sys.executable, "-m", "firmware", *words]
    done = subprocess.run(command, cwd=ROOT, env={**bare, **venv, **locale}, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def _prepared() -> bool:
    """Whether the launcher would start at once: a stamp of this very folder is in our environment."""
    stamp = Path(sys.prefix) / "hallgate.simulation"
    return stamp.is_file() and stamp.read_text("utf-8").startswith(f"{ROOT}\n")


@pytest.fixture
def site(tmp_path: Path) -> str:
    (tmp_path / "site.toml").write_text(SITE)
    return str(tmp_path / "site.toml")


LOCALES = [
    (ZH, (), True),
    (EN, (), False),
    ({"LC_ALL": "POSIX"}, ("--lang", "zh"), True),
    ({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, ("--lang=zh",), True),
    ({"PYTHONIOENCODING": "ascii", **ZH}, (), True),
    (ZH, ("--lang", "en"), False),
]


@pytest.mark.parametrize(("locale", "more", "chinese"), LOCALES)
def test_check_speaks_the_language_asked_for(
    site: str, locale: dict[str, str], more: tuple[str, ...], chinese: bool
) -> None:
    code, out, err = hallgate("check", "--site", site, *more, locale=locale)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.startswith(f"hallgate check: {site}:9: lane[0].on_failure: ")
    assert second.startswith(f"hallgate check: {site}:12: lane[0].scanner.prot: ")
    assert second.endswith("这里没有这个键；是不是想写 port？" if chinese else "is no key here; did you mean port?")


def test_json_is_the_same_in_every_language(site: str) -> None:
    said = [hallgate("check", "--site", site, "--json", locale=locale)[1] for locale in (ZH, EN)]
    assert said[0] == said[1] and json.loads(said[0])["errors"]


def test_help_and_overview_are_chinese() -> None:
    code, out, _ = hallgate("rulebook", "sign", "--help", locale=ZH)
    assert code == 0 and out.startswith("用法： hallgate rulebook sign") and "选项" in out and "显示本页" in out
    code, out, _ = hallgate("--lang", "zh", locale=EN)
    assert code == 0 and "检查现场文件" in out
    for verb in command_line.names():
        code, out, _ = hallgate(verb, "--help", locale=ZH)
        assert code == 0 and "help" not in out.replace("--help", "")
        assert out.endswith(f"例： {command_line.load(verb).EXAMPLE}\n"), "it can be typed as it stands"


@pytest.mark.parametrize("more", [("--lang", "zh"), ("--lang=zh",)])
def test_the_language_is_understood_behind_everything(more: tuple[str, ...]) -> None:
    code, _, err = hallgate("key", "new", "--kind", "nothing", "out.pem", *more, locale=EN)
    assert code == 2 and "不认识" not in err and "nothing" in err
    code, out, _ = hallgate("site", "new", "--help", *more, locale=EN)
    assert code == 0 and out.startswith("用法：")


@pytest.mark.parametrize(
    ("words", "chinese", "english"),
    [
        (("check",), "还缺：--site；用法见", "the following arguments are required: --site; see"),
        (("chek",), "没有命令 'chek'", "there is no verb 'chek'"),
        (("replay", "--state", "/nowhere"), "这里没有日志", "there is no journal here"),
        (("demo", "--speed", "99"), "请写 0.5 到 20 的数", "give a number from 0.5 to 20"),
        (
            ("listen", "--as", "scanner_gm66", "x"),
            "没有驱动 'scanner_gm66'；是不是",
            "no driver is called 'scanner_gm66'",
        ),
        (("hub", "--broker", "http://x"), "不是服务器地址", "is no broker address"),
        (("pass", "HP1:x", "--at", "noon"), "不是时间", "is no time"),
        (
            ("key", "new", "--kind", "staff", "--commands", "hold", "x"),
            "只有 command 密钥",
            "only a key of kind command",
        ),
        (("rulebook", "verify", "/nowhere/at/all.toml"), "读不了：没有这个文件", "cannot be read: No such file"),
        (
            ("run", "--site", "/nowhere/at/all", "--state", "/tmp/x"),
            "读不了：没有这个文件",
            "cannot be read: No such file",
        ),
    ],
)
def test_every_verb_says_what_is_wrong_in_one_line(words: tuple[str, ...], chinese: str, english: str) -> None:
    for locale, wanted in ((ZH, chinese), (EN, english)):
        code, _, err = hallgate(*words, locale=locale)
        assert code == 2 and wanted in err and len(err.splitlines()) == 1


def test_on_a_terminal_as_well(site: str) -> None:
    near, far = pty.openpty()
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    command = [sys.executable, "-m", "firmware", "check", "--site", site]
    subprocess.run(command, cwd=ROOT, env={**bare, **ZH}, stdout=far, stderr=far, timeout=60)
    os.close(far)
    assert "这里没有这个键" in os.read(near, 65_536).decode("utf-8")
    os.close(near)
