"""`hallgate check`: what a technician sees, and the exit code a script sees."""

from __future__ import annotations

import json
import shutil

import pytest

from firmware.__main__ import main
from firmware.trust import rulebook_file
from tests import needs
from tests.site.conftest import KID, RULEBOOK, SITE, Bench, line_of


def check(bench: Bench, *more: str) -> int:
    return main(["check", "--site", str(bench.site), *more])


def test_a_right_site_is_ok(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(bench) == 0
    said = capsys.readouterr()
    assert said.out.startswith(
        "ok: north-entry-1 in baoshan, lane A (in, 4 devices), lane B (out, 3 devices), rulebook 1"
    )
    assert said.err == ""


def test_each_mistake_is_one_line_and_the_exit_code_is_2(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write(text=SITE.replace("channel", "chanel"))
    assert check(bench) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert [line.startswith(f"hallgate check: {bench.site}:") for line in said.err.splitlines()] == [True, True]
    assert "did you mean channel?" in said.err


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda bench: bench.rulebook.write_text(RULEBOOK + "# one more\n"), "changed after it was signed"),
        (lambda bench: (bench.folder / "rulebook.toml.sig").unlink(), "hallgate rulebook sign"),
        (lambda bench: bench.sign(RULEBOOK + "#" * 1_000_000), "rulebook.toml: is larger than 1000000 bytes"),
        (lambda bench: (bench.folder / "rulebook.toml.sig").write_text("nonsense"), "not base64"),
        (lambda bench: (bench.folder / "trust.jwks").write_text("{}"), "trust.jwks"),
        (lambda bench: bench.sign(RULEBOOK.replace("serial", "seral")), "rulebook.toml:3: seral: is no key here"),
        (lambda bench: bench.sign(RULEBOOK.replace("Asia/Shanghai", "Asia/Shangai")), "did you mean Asia/Shanghai?"),
        (lambda bench: bench.sign(RULEBOOK.replace('hall = "baoshan"', 'hall = "other"')),
            "site.toml:4: device.hall: is baoshan, but the rulebook is for other"),
        (lambda bench: bench.write('keys = "trust.jwks"\nhall_key = "hall.key"', "").write_text(
            SITE.replace('[trust]\nkeys = "trust.jwks"\nhall_key = "hall.key"\n', "")), "no [trust] keys"),
    ],
)  # fmt: skip
def test_a_rulebook_that_cannot_be_believed_or_used(
    bench: Bench, capsys: pytest.CaptureFixture[str], spoil, what
) -> None:  # type: ignore[no-untyped-def]
    spoil(bench)
    assert check(bench) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize(
    ("first", "last", "what"),
    [
        ("2020-01-01", "2022-12-31", "rulebook.toml:5: valid_until: is over, today is 2023-01-01: everybody is sent"),
        ("2023-01-02", "2099-12-31", "rulebook.toml:4: valid_from: is still to come, today is 2023-01-01: a door that"),
        ("2023-01-01", "2023-01-01", ""),
    ],
)
def test_a_rulebook_of_other_days_is_told_by_the_halls_own_day(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, first: str, last: str, what: str
) -> None:
    """A warning: somebody may prepare a door, or look into an old one."""
    monkeypatch.setenv("HALLGATE_CLOCK", "rate=1,wall=2022-12-31T16:00:00+00:00")
    bench.sign(RULEBOOK.replace("2020-01-01", first, 1).replace("2099-12-31", last))
    assert check(bench) == 0
    said = capsys.readouterr().err
    assert what in said and said.count("warning: ") == bool(what)


def test_another_rulebook_can_be_checked_for_the_site(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.sign(RULEBOOK.replace("serial = 1", "serial = 2"))
    for name in ("rulebook.toml", "rulebook.toml.sig"):
        shutil.copy(bench.folder / name, bench.folder / name.replace("rulebook", "next"))
    bench.sign(RULEBOOK)
    assert check(bench, "--rulebook", str(bench.folder / "next.toml")) == 0
    assert "rulebook 2 signed" in capsys.readouterr().out


def test_warnings_let_pass(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.sign(RULEBOOK.replace('classes = ["visitor"]', 'classes = ["visitor", "agent"]'))
    assert check(bench) == 0
    assert f"warning: {bench.rulebook}:13: phase[0].classes: agent has no table" in capsys.readouterr().err


def test_json_says_the_same(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(bench, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["lanes"], report["rulebook"], report["errors"]) == (True, ["A", "B"], 1, [])
    bench.write("channel = 1", "chanel = 1")
    assert check(bench, "--json") == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert (error["line"], error["key"]) == (36, "lane[0].gate.chanel")


def test_the_examples_of_the_design_pass_once_signed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    examples = needs.shared("design/examples")
    shutil.copy(examples / "minimal-site.toml", bench.site)
    bench.sign((examples / "minimal-rulebook.toml").read_text())
    assert check(bench) == 0
    assert capsys.readouterr().out.startswith("ok: entry-1 in baoshan")


def test_a_rulebook_that_shuts_everybody_out_is_refused_with_the_reason(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.sign(RULEBOOK.replace("limit_persons = 100", "limit_persons = 0"))
    assert check(bench) == 2
    assert "limit_persons: is 0: nobody is admitted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("added", "line", "told"),
    [
        ('[phrases.zh]\nmask = "请戴\\u0007口罩"\n', 2, "phrases.zh.mask: holds U+0007"),
        ('[phrases.en]\nadmit = "Pass"\nmask = "Mask\\u202E, please"\n', 3, "phrases.en.mask: holds U+202E"),
        ('[phrases.zh]\nmask_voice = """\n请戴\n口罩"""\n', 2, "phrases.zh.mask_voice: holds U+000A"),
        ('[place."per\\u200Bmits"]\nfloor = "3"\n', 1, "place.per·mits: holds U+200B"),
        ('[contact]\nbooking_zh = "宝山旗舰店\ufeff"\n', 2, "contact.booking_zh: holds U+FEFF"),
    ],
)
def test_a_sign_that_nobody_sees_is_named_with_line_and_key(
    bench: Bench, capsys: pytest.CaptureFixture[str], added: str, line: int, told: str
) -> None:
    """Refused where a person can mend it; the firmware goes by a rulebook that it was given with one."""
    bench.sign(RULEBOOK + added)
    where = f"hallgate check: {bench.rulebook}:{RULEBOOK.count(chr(10)) + line}: {told}, a sign that cannot be seen"
    assert check(bench) == 2
    assert where in capsys.readouterr().err
    assert rulebook_file.opened(bench.rulebook.read_bytes(), KID, "rulebook.toml").book.serial == 1


def test_a_sign_that_nobody_sees_is_no_part_of_a_port(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write('"/dev/ttyUSB0"', '"/dev/ttyUSB0\u200b"')
    assert check(bench) == 2
    told = f"{bench.site}:{line_of('/dev/ttyUSB0')}: lane[0].gate.port: holds U+200B, a sign that cannot be seen"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("v = 1", "v ＝ 1", ":1: is no TOML: Expected '=' after a key in a key/value pair; for ＝ write ="),
        ('"baoshan"', "“baoshan”", ':4: is no TOML: Invalid value; for “ write "'),
        ("[device]", "【device】", ":2: is no TOML: Invalid statement; for 【 write ["),
        ("bank = true", "bank = yes", ":14: is no TOML: Invalid value\n"),
    ],
)
def test_what_a_chinese_keyboard_types_for_a_sign_of_toml_is_told(
    bench: Bench, capsys: pytest.CaptureFixture[str], old: str, new: str, told: str
) -> None:
    bench.write(old, new)
    assert check(bench) == 2
    assert told in capsys.readouterr().err


def test_what_was_saved_in_another_encoding_is_told_with_what_to_do(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.site.write_bytes(SITE.replace("v = 1", "v = 1 # 大厅").encode("gbk"))
    assert check(bench) == 2
    assert f"{bench.site}:1: is not UTF-8 text: save it as UTF-8" in capsys.readouterr().err


def test_a_host_that_nobody_can_look_up_is_told_and_the_door_works(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.write("mqtt://127.0.0.1:1883", "mqtt://hub..hall:1883")
    assert check(bench) == 0
    assert "hub.url: hub..hall is no name that can be looked up" in capsys.readouterr().err


def test_one_place_is_told_once(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write('hall = "baoshan"', 'hall = "bao\u200bshan"')
    assert check(bench) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_signs_that_are_seen_pass(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The wide space of Chinese, a rare character, a private one."""
    bench.sign(RULEBOOK + '[phrases.zh]\nmask = "请戴\u3000𱍐\ue000口罩"\n')
    assert check(bench) == 0
