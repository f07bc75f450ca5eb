"""`key`, `rulebook` and `pass` as a person calls them: processes with files, exit codes and one plain line."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import segno
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from PIL import Image

from firmware import files
from firmware.core import trust_list
from firmware.simulation.issuer import Issuer
from mqtt import jws

ROOT = Path(__file__).parents[2]
RULEBOOK = ROOT / "deploy/sites/rulebook.toml"
NOON = "2022-06-10T12:00:00+08:00"
NOON_S = 1654833600


def hallgate(folder: Path, *words: str, stdin: str | bytes = b"") -> subprocess.CompletedProcess[str]:
    given = stdin.encode() if isinstance(stdin, str) else stdin
    command = [sys.executable, "-m", "firmware", *words]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, timeout=60, env=env)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done
    assert all(word in done.stderr for word in words), done.stderr


def answers(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_new_key_is_private_and_its_public_part_is_believed(tmp_path: Path) -> None:
    done = hallgate(tmp_path, "key", "new", "--kind", "rulebook", "rulebook.pem")
    assert done.returncode == 0 and "trust.jwks" in done.stdout, done.stderr
    assert stat.S_IMODE((tmp_path / "rulebook.pem").stat().st_mode) == 0o600
    load_pem_private_key((tmp_path / "rulebook.pem").read_bytes(), None)
    more = ["key", "new", "--kind", "command", "--commands", "hold,release", "c.pem", "--jwks", "trust.jwks"]
    assert hallgate(tmp_path, *more).returncode == 0
    keys = json.loads((tmp_path / "trust.jwks").read_text())["keys"]
    assert [(key["kty"], key["kinds"], key.get("commands")) for key in keys] == [
        ("OKP", ["rulebook"], None),
        ("OKP", ["command"], ["hold", "release"]),
    ]
    assert not [key for key in keys if "d" in key]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.pem", "rulebook.pem", "trust.jwks"]


def test_a_halls_key_is_one_that_every_door_takes(tmp_path: Path) -> None:
    done = hallgate(tmp_path, "key", "new", "--kind", "hall", "hall.key")
    assert done.returncode == 0 and "the same file at every door" in done.stdout, done.stderr
    assert stat.S_IMODE((tmp_path / "hall.key").stat().st_mode) == 0o600
    made = files.load_hall_key(tmp_path / "hall.key")
    assert made is not None and made != bytes(files.HALL_KEY_BYTES)
    assert [path.name for path in tmp_path.iterdir()] == ["hall.key"], "nobody verifies by it: no trust list"


def test_a_key_file_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("precious")
    refused(hallgate(tmp_path, "key", "new", "--kind", "booking", "k.pem"), "k.pem", "exists already")
    assert (tmp_path / "k.pem").read_text() == "precious" and not (tmp_path / "trust.jwks").exists()


def test_a_spoilt_trust_list_stops_before_a_key_is_made(tmp_path: Path) -> None:
    (tmp_path / "trust.jwks").write_text("[]")
    refused(hallgate(tmp_path, "key", "new", "--kind", "booking", "k.pem"), "trust.jwks", "no JWK set")
    assert not (tmp_path / "k.pem").exists()


@pytest.mark.parametrize(("commands", "word"), [("hold,opne", "'opne'"), ("", "''")])
def test_an_unknown_command_is_named(tmp_path: Path, commands: str, word: str) -> None:
    refused(hallgate(tmp_path, "key", "new", "--kind", "command", "--commands", commands, "c.pem"), word, "open_once")


def test_two_keys_made_at_once_are_both_believed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "firmware", "key", "new", "--kind", "staff"]
    env = {"PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([*command, f"{name}.pem"], cwd=tmp_path, env=env, stdout=-3) for name in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert len(json.loads((tmp_path / "trust.jwks").read_text())["keys"]) == 3


def test_what_the_hub_publishes_is_what_a_device_takes(tmp_path: Path) -> None:
    text = RULEBOOK.read_bytes() + b"# \xe5\xae\x9d\n"
    (tmp_path / "rulebook.toml").write_bytes(text)
    hallgate(tmp_path, "key", "new", "--kind", "rulebook", "k.pem")
    done = hallgate(tmp_path, "rulebook", "sign", "--key", "k.pem", "--jws", "next.jws", "rulebook.toml")
    assert done.returncode == 0 and "next.jws" in done.stdout
    believed = trust_list.parse((tmp_path / "trust.jwks").read_bytes())
    verified = jws.verify((tmp_path / "next.jws").read_bytes(), believed, "rulebook")
    assert not isinstance(verified, str) and verified.payload == text


def test_a_rulebook_is_signed_verified_and_its_change_is_noticed(tmp_path: Path) -> None:
    rulebook = tmp_path / "rulebook.toml"
    rulebook.write_bytes(RULEBOOK.read_bytes())
    hallgate(tmp_path, "key", "new", "--kind", "rulebook", "k.pem")
    signed = hallgate(tmp_path, "rulebook", "sign", "--key", "k.pem", "rulebook.toml")
    assert signed.returncode == 0, signed.stderr
    verified = hallgate(tmp_path, "rulebook", "verify", "rulebook.toml")
    assert verified.returncode == 0 and (tmp_path / "rulebook.toml.sig").read_text().split()[1] in verified.stdout
    rulebook.write_text("v = 2\n")
    refused(hallgate(tmp_path, "rulebook", "verify", "rulebook.toml"), "was changed")
    rulebook.write_text("v = \n")
    refused(hallgate(tmp_path, "rulebook", "sign", "--key", "k.pem", "rulebook.toml"), "rulebook.toml:1")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"serial = 1 ", b"# ", "rulebook.toml:1: serial is missing"),
        (b"v = 1\n", b"\n", "rulebook.toml:1: v is missing: write v = 1"),
        (b"limit_persons = 200", b"limit_person = 200", "rulebook.toml:9: limit_person: is no key here"),
        (b"limit_persons = 200", b"limit_persons = 0", "rulebook.toml:9: limit_persons: is 0: nobody is admitted"),
        (b"Asia/Shanghai", b"Asia/Shangai", "rulebook.toml:8: time_zone: there is no time zone Asia/Shangai"),
        (b"Asia/Shanghai", b"Asia/Shanghai", "rulebook.toml:7: valid_until: is over, today is"),
    ],
)
def test_what_no_door_could_use_is_told_while_it_is_signed(old: bytes, new: bytes, told: str, tmp_path: Path) -> None:
    text = RULEBOOK.read_bytes()
    assert text.count(old) == 1
    (tmp_path / "rulebook.toml").write_bytes(text.replace(old, new))
    hallgate(tmp_path, "key", "new", "--kind", "rulebook", "k.pem")
    signed = hallgate(tmp_path, "rulebook", "sign", "--key", "k.pem", "rulebook.toml")
    assert signed.returncode == 0 and f"hallgate rulebook: warning: {told}" in signed.stderr
    assert (tmp_path / "rulebook.toml.sig").is_file()


def test_the_wrong_key_signs_no_rulebook(tmp_path: Path) -> None:
    (tmp_path / "rulebook.toml").write_bytes(RULEBOOK.read_bytes())
    hallgate(tmp_path, "key", "new", "--kind", "booking", "b.pem")
    refused(hallgate(tmp_path, "rulebook", "sign", "--key", "b.pem", "rulebook.toml"), "b.pem", "Ed25519")
    refused(hallgate(tmp_path, "rulebook", "sign", "--key", "rulebook.toml", "rulebook.toml"), "PKCS 8")
    refused(hallgate(tmp_path, "rulebook", "sign", "--key", "gone.pem", "rulebook.toml"), "gone.pem")
    refused(hallgate(tmp_path, "rulebook", "verify", "rulebook.toml"), "rulebook.toml.sig", "cannot be read")


@pytest.fixture(scope="module")
def office() -> Issuer:
    return Issuer.new(hall_key=b"k" * 32)


@pytest.fixture
def desk(tmp_path: Path, office: Issuer) -> Path:
    (tmp_path / "trust.jwks").write_bytes(office.trust_jwks())
    return tmp_path


def test_a_pass_in_words_and_in_date(desk: Path, office: Issuer) -> None:
    code = office.booking(NOON_S - 60, NOON_S + 60, slot=(NOON_S - 60, NOON_S + 30), document="y12", party=2)
    (answer,) = answers(hallgate(desk, "pass", code, "--at", NOON))
    assert {key: answer[key] for key in ("kind", "valid", "because", "issuer")} == {
        "kind": "booking",
        "valid": True,
        "because": "",
        "issuer": "demo-office",
    }
    claims = answer["claims"]
    assert isinstance(claims, dict)
    assert (claims["party"], claims["slot_end"], claims["bound_to_document"]) == (2, "2022-06-10T04:00:30Z", True)
    (late,) = answers(hallgate(desk, "pass", "-", "--at", "2022-06-10T12:01:00+08:00", stdin=code + "\r\n"))
    assert (late["valid"], late["because"]) == (False, "expired")


def test_a_picture_of_a_code(desk: Path, office: Issuer) -> None:
    segno.make(office.test_certificate(NOON_S - 9_000), error="l").save(desk / "code.png", scale=3)
    segno.make("nothing of ours").save(desk / "other.png", scale=3)
    (answer,) = answers(hallgate(desk, "pass", "code.png", "--at", NOON))
    assert (answer["kind"], answer["valid"], answer["issuer"]) == ("naat", True, "demo-office")
    (other,) = answers(hallgate(desk, "pass", "other.png", "--at", NOON))
    assert (other["kind"], other["valid"], other["because"]) == ("unknown", False, "unknown_format")
    refused(hallgate(desk, "pass", "gone.png"), "gone.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "CODE"),
        (["HP1:X", "--at", "noon"], "2022-06-10T09:00:00+08:00"),
        (["HP1:X", "--at", "9999-12-31T23:59:59-12:00"], "2022-06-10T09:00:00+08:00"),
        (["HP1:X", "--at", "0001-01-01T00:00:00+12:00"], "2022-06-10T09:00:00+08:00"),
        (["HP1:X", "--trust", "gone.jwks"], "gone.jwks"),
        (["HP1:X", "--trust", "/dev/zero"], "/dev/zero"),
        (["--batch", "gone.jsonl"], "gone.jsonl"),
    ],
)
def test_a_wrong_call_is_one_line_that_says_what_to_do(desk: Path, words: list[str], said: str) -> None:
    refused(hallgate(desk, "pass", *words), said)


def test_a_picture_that_fills_the_memory_and_a_pipe_that_nobody_fills_are_refused(desk: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(desk / "bomb.png")
    Image.new("L", (10_000, 10_000)).save(desk / "photo.jpg")
    os.mkfifo(desk / "pipe.png")
    refused(hallgate(desk, "pass", "bomb.png"), "10000 x 10000", "too large")
    refused(hallgate(desk, "pass", "pipe.png"), "no picture")
    photo = hallgate(desk, "pass", "photo.jpg")
    assert [answer["because"] for answer in answers(photo)] == ["not_read"] and photo.stderr == ""
    asked = "".join(json.dumps({"id": name, "image": name}) + "\n" for name in ("bomb.png", "pipe.png"))
    assert [answer["because"] for answer in answers(hallgate(desk, "pass", "--batch", stdin=asked))] == [
        "bad_image"
    ] * 2


def test_a_batch_answers_every_line_in_order(desk: Path, office: Issuer) -> None:
    good = office.booking(NOON_S - 60, NOON_S + 60)
    (desk / "spoilt.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    (desk / "none.jwks").write_text("{")
    asked: list[tuple[bytes, str]] = [
        (json.dumps({"id": 1, "text": good, "at": NOON, "trust": "trust.jwks"}).encode(), ""),
        (b"\xff\xfe nonsense", "bad_line"),
        (b"[" * 50_000, "bad_line"),
        (b"[1]", "bad_line"),
        (json.dumps({"id": 2}).encode(), "bad_line"),
        (json.dumps({"id": 3, "text": good, "at": "noon"}).encode(), "bad_time"),
        (json.dumps({"id": 4, "text": good, "at": NOON, "trust": "gone.jwks"}).encode(), "bad_trust"),
        (json.dumps({"id": 5, "text": good, "at": NOON, "trust": "none.jwks"}).encode(), "bad_trust"),
        (json.dumps({"id": 6, "image": "spoilt.png"}).encode(), "bad_image"),
        (json.dumps({"id": 7, "text": "HP1:" + "A" * 2_000_000}).encode(), "too_long"),
        (b'{"id": 8, "text": "HC1:\\ud800"}', "malformed"),
        (json.dumps({"id": 9, "text": good, "at": "2022-06-10T04:01:00Z"}).encode(), "expired"),
        (json.dumps({"id": 10, "text": good, "at": "2022-06-10T03:58:59"}).encode(), "not_yet_valid"),
        (json.dumps({"id": 11, "text": good, "at": NOON}).encode(), ""),
        (json.dumps({"id": 12, "text": good, "at": "9999-12-31T23:59:59-12:00"}).encode(), "bad_time"),
        (json.dumps({"id": 13, "text": good, "at": "9999-12-31T23:59:59.999999Z"}).encode(), "bad_time"),
        (b'{"id": NaN, "text": "x"}', "bad_line"),
        (b'{"id": 1e999, "text": "x"}', "bad_line"),
        (b'{"id": 1.5, "text": "x"}', "unknown_format"),
    ]
    found = answers(hallgate(desk, "pass", "--batch", stdin=b"\n".join(line for line, _ in asked) + b"\n\n"))
    assert [answer["because"] for answer in found] == [because for _, because in asked]
    assert [answer["id"] for answer in found] == [1, None, None, None, *range(2, 14), None, None, 1.5]
    assert [answer["valid"] for answer in found] == [because == "" for _, because in asked]


def test_a_batch_whose_lines_name_their_lists_asks_for_no_other(tmp_path: Path, office: Issuer) -> None:
    (tmp_path / "theirs.jwks").write_bytes(office.trust_jwks())
    question = {"text": office.booking(NOON_S - 60, NOON_S + 60), "at": NOON}
    named = hallgate(tmp_path, "pass", "--batch", stdin=json.dumps({**question, "trust": "theirs.jwks"}))
    assert [answer["valid"] for answer in answers(named)] == [True] and named.stderr == ""
    twice = "\n".join([json.dumps(question)] * 2)
    unnamed = hallgate(tmp_path, "pass", "--batch", stdin=twice)
    assert [answer["because"] for answer in answers(unnamed)] == ["unknown_issuer"] * 2
    assert unnamed.stderr.count("trust.jwks") == 1


def test_a_key_file_that_is_not_there_is_called_so(tmp_path: Path) -> None:
    """A Mistake is a ValueError: it must not be taken for a broken key."""
    (tmp_path / "rulebook.toml").write_text("v = 1")
    command = [sys.executable, "-m", "firmware", "rulebook", "sign", "--key", str(tmp_path / "no.pem")]
    ended = subprocess.run([*command, str(tmp_path / "rulebook.toml")], capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and "No such file" in ended.stderr
