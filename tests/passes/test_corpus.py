"""Judges from outside: 65 certificates of the EU test corpus, as text and as pictures, through `pass --batch`.

A case may differ from its `corpus_verdict` only when it stands in DIFFER with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from firmware.core import trust_list
from firmware.core.facts import HealthTest, Unproved
from firmware.core.passes import verify
from tests.passes.corpus import FOLDER, Case, cases, needs_corpus

DIFFER = {
    ("common__Q1", "text"): ("accept", "only its picture is broken; the text in it is genuine"),
    ("PL_1.0.0__7", "text"): ("accept", "a device number outside the value set, and value sets are not held here"),
    ("PL_1.0.0__7", "image"): ("accept", "a device number outside the value set, and value sets are not held here"),
    ("PL_1.3.0__8", "text"): ("accept", "country XY is outside the value set, and value sets are not held here"),
    ("PL_1.3.0__8", "image"): ("accept", "country XY is outside the value set, and value sets are not held here"),
    ("common__DGC1", "text"): ("reject", "breaks the schema itself, and the schema is checked"),
    ("common__DGC1", "image"): ("reject", "breaks the schema itself, and the schema is checked"),
}
EVERY_CASE = {case.id: case for case in cases()}


def _question(case: Case, how: str, x5c: bool, folder: Path) -> dict[str, str]:
    keys = folder / f"{case.id}-{x5c}.jwks"
    keys.write_text(json.dumps(case.jwks(x5c=x5c)))
    code = {"text": case.text} if how == "text" else {"image": str(case.picture)}
    return {"id": f"{case.id} {how} {x5c}", **code, "at": case.at, "trust": str(keys)}


@needs_corpus
def test_the_batch_judges_as_the_corpus_does(tmp_path: Path) -> None:
    ways = [(how, x5c) for how in ("text", "image") for x5c in (False, True)]
    questions = [_question(case, how, x5c, tmp_path) for how, x5c in ways for case in EVERY_CASE.values()]
    lines = "\n".join(json.dumps(question) for question in questions)
    done = subprocess.run(
        [sys.executable, "-m", "firmware", "pass", "--batch"], input=lines, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [question["id"] for question in questions]
    assert len(EVERY_CASE) == 65
    wrong = []
    for answer in answers:
        name, how, x5c = answer["id"].rsplit(" ", 2)
        verdict = "accept" if answer["valid"] else "reject"
        expected, reason = DIFFER.get((name, how), (EVERY_CASE[name].verdict, ""))
        corpus = EVERY_CASE[name].verdict
        if verdict != corpus:
            print(f"{name:<14} {how:<5} x5c={x5c:<5} {corpus} -> {verdict} {answer['because']}: {reason}")
        if verdict != expected or any(secret in json.dumps(answer["claims"]) for secret in _secrets(name)):
            wrong.append(answer)
    assert not wrong


def _fact(name: str) -> object:
    case = EVERY_CASE[name]
    return verify(case.text.encode(), trust_list.parse(json.dumps(case.jwks()).encode()), b"k" * 32, "2022-06-10")


@needs_corpus
@pytest.mark.parametrize(
    ("name", "because"),
    [
        ("PL_1.0.0__6", "unknown_issuer"),
        ("common__CO5", "bad_signature"),
        ("common__CO6", "wrong_key_kind"),
        ("common__CO8", "wrong_key_kind"),
        ("common__CO9", "wrong_key_kind"),
        ("common__B1", "malformed"),
        ("common__Z1", "malformed"),
        ("common__CBO1", "malformed"),
        ("common__H1", "unknown_format"),
        ("common__H3", "unknown_format"),
    ],
)
def test_a_refusal_says_why(name: str, because: str) -> None:
    fact = _fact(name)
    assert isinstance(fact, Unproved) and fact.because == because


@needs_corpus
def test_a_test_certificate_says_kind_result_and_times() -> None:
    fact = _fact("CY__7")
    assert isinstance(fact, HealthTest)
    # 2021-06-07 10:00:00, 10:30:00 and 11:11:11 UTC
    assert (fact.kind, fact.result, fact.issuer) == ("naat", "negative", "CY")
    assert (fact.sampled_s, fact.reported_s, fact.issued_s) == (1623060000, 1623061800, 1623064271)
    positive = _fact("FR__DCC_Test_0004")
    assert isinstance(positive, HealthTest) and (positive.kind, positive.result) == ("antigen", "positive")


def _secrets(name: str) -> list[str]:
    said = json.loads((FOLDER / f"{name}.json").read_text()).get("JSON") or {}
    identifiers = [entry["ci"] for group in "tvr" for entry in said.get(group) or []]
    return [secret for secret in (*said.get("nam", {}).values(), said.get("dob"), *identifiers) if secret]


@needs_corpus
def test_no_fact_holds_a_name() -> None:
    looked_for = 0
    for name in EVERY_CASE:
        shown = msgspec.json.encode(_fact(name)).decode()
        assert not [secret for secret in _secrets(name) if secret in shown], name
        looked_for += len(_secrets(name))
    assert looked_for > 250
