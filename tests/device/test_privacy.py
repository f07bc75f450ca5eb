"""Who hears everything and reads every file learns nobody's number, name or photograph: people of every kind pass.

The hunter knows what went in (numbers, names, codes' texts) and looks for it in many spellings, and for anything shaped
like a number of an identity card. It is shown planted ones first: a hunter that never finds is none.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cbor2
import pytest

from firmware.core import base45
from firmware.simulation.issuer import PEOPLE
from sensors.identity_sdt import Simulator
from sensors.readings import IdentityCard, Secret
from tests import needs
from tests.brokers import Broker, wait_until
from tests.device.bench import ON, PATIENCE_S, bench
from tests.device.door import Door, door
from tests.device.test_identity_reader import Reader
from tests.mqtt.helpers import Ear
from tests.passes.corpus import FOLDER, cases
from tests.people.hall import CLASSES

NUMBERS = {"11010519491231002X": "19491231", "310113198802290019": "19880229", "310113201503070029": "20150307"}
"""Made up; their check digits are right where the driver asks for it. An elder, somebody of the district, a minor."""
TYPED = ("11010519491231002X", "31011319880229001X", "张三丰", "HP1:NOBODY", "4711")
INVENTED = [word for person in PEOPLE for word in person if len(word) > 4]
"""Names and birth dates in the demo's health certificates; too short to be told from others: MAX."""

WEIGHTS, CHECKS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"
SHAPED = re.compile(
    rb"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx](?![0-9A-Za-z])"
)
PHOTOGRAPHS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"WLf")
"""JPEG, PNG and the reader's own picture format."""


def spellings(word: str) -> set[bytes]:
    raw = {word.encode(), word.encode("utf-16-le"), json.dumps(word)[1:-1].encode()}
    spelled = {base64.b64encode(one).rstrip(b"=") for one in raw} | {one.hex().encode() for one in raw}
    # A hash without a key is a spelling, too: of the numbers of a country each one can be tried.
    return raw | spelled | {hashlib.sha256(one).hexdigest()[:12].encode() for one in raw}


def hunt(written: bytes, words: Iterable[str]) -> list[str]:
    """What of `words` stands in `written`, and what is shaped like a number or a picture."""
    found = [word for word in words if any(spelling in written for spelling in spellings(word))]
    found += [match.decode() for match in SHAPED.findall(written) if _is_number(match.decode())]
    return found + [f"picture {sign!r}" for sign in PHOTOGRAPHS if sign in written]


def _is_number(text: str) -> bool:
    """Its check digit is right (GB 11643): an event id full of digits is none."""
    total = sum(int(digit) * weight for digit, weight in zip(text, WEIGHTS, strict=False))
    return CHECKS[total % 11] == text[-1].upper()


def everything(ear: Ear, folder: Path) -> bytes:
    said = b"\n".join(message.topic.encode() + b" " + message.payload for message in list(ear.heard_all))
    files = [*(path for path in sorted((folder / "state").rglob("*")) if path.is_file()), folder / "stderr"]
    return said + b"\n" + b"\n".join(path.read_bytes() for path in files)


@pytest.mark.parametrize("planted", [*sorted(spellings("11010519491231002X")), *sorted(spellings("张三丰"))])
def test_the_hunter_finds_what_is_planted(planted: bytes) -> None:
    assert hunt(b'{"v":1,"person":"' + planted + b'"}', ["11010519491231002X", "张三丰"])


def test_the_hunter_finds_strangers_by_their_shape_and_leaves_other_digits_alone() -> None:
    assert hunt(b'{"person":"11010519491231002X"}', []) == ["11010519491231002X"]
    assert hunt(b'{"picture":"' + PHOTOGRAPHS[0], []) == [f"picture {PHOTOGRAPHS[0]!r}"]
    assert hunt(b'{"id":"entry-1-0a1b2c3d-12","at":"2022-06-10T08:56:01.125+08:00","n":110105194912310021}', []) == []


QUICK = (("pulse_ms = 2000", "pulse_ms = 300"), ("pulse_ms = 3000", "pulse_ms = 300"))


LIFTED_S = 0.8


class Cards:
    """A reader of identity cards at the far end of its pty, kept going by a thread of its own."""

    def __init__(self, link: Path) -> None:
        self._reader, self._over = Reader(link), threading.Event()
        self.lane = f'[lane.identity]\ndriver = "identity_sdt"\nport = "{link}"\nregions = ["1101", "3101"]\n'
        self._thread = threading.Thread(target=self._turn)
        self._thread.start()

    def _turn(self) -> None:
        while not self._over.is_set():
            self._reader.turn()

    def show(self, number: str) -> None:
        card = IdentityCard(Secret(number), Secret(NUMBERS[number]))
        self._reader.simulator.show(card, time.monotonic() * 1000)

    def lift(self) -> None:
        """Two cards at once are read by no reader: the next one comes when this one was seen to be gone."""
        self._reader.simulator.take_away()
        time.sleep(LIFTED_S)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._reader.far.unplug()


def everybody_passes(made: Door, cards: Cards) -> None:
    """Each class of the shipped rulebook by its own way, people without a class, and one who is led away."""
    person = itertools.count()

    def report(**more: Any) -> bytes:
        return made.test(5, person=next(person), **more)

    made.shows(made.badge(), made.test(60), made.test(10, kind="antigen"), made.test(40, kind="antigen"))
    for text in TYPED:
        made.shows(text.encode())
    for name in ("visitor", "assisted", "disabled", "cleaner", "inspector"):
        made.visit(made.booking(name), report())
    made.visit(made.booking("agent", hours=(0, 1), cases=12), report())
    for name in ("courier", "guest", "escorted"):
        made.shows(made.booking(name))
    for number in NUMBERS:
        before = len(made.decisions()) + 1
        made.shows(made.booking(document=number))
        cards.show(number)
        made.wait(before)
        cards.lift()
        made.shows(report())
    made.gate.scan(made.badge(person_class="responder"))
    made.gate.relay.expect(ON)
    made.visit(made.booking(), report(result="positive"))


@needs.broker
def test_nobody_is_named_while_people_of_every_class_pass(tmp_path: Path, broker: Broker) -> None:
    cards, ear = Cards(tmp_path / "reader"), Ear(broker.url, "#")
    folder = tmp_path / "door"
    try:
        with door(folder, *QUICK, hub=broker.url, lane=cards.lane) as made:
            everybody_passes(made, cards)
            seen = {one["class"] for one in made.decisions()}
            assert seen >= set(CLASSES) | {"staff"}, set(CLASSES) - seen
            let_in = {one["class"] for one in made.decisions() if one["answer"] == "admit"}
            assert let_in >= {
                "visitor",
                "assisted",
                "disabled",
                "cleaner",
                "inspector",
                "agent",
                "staff",
                "resident",
                "elder",
                "minor",
            }
            assert any(one["answer"] == "isolate" for one in made.decisions())
            last = made.gate.records()[-1]["seq"]
            wait_until(lambda: last in ear.seqs(), PATIENCE_S)
            assert made.gate.stop() == 0
            words = [*NUMBERS, *TYPED[:3], *INVENTED, Simulator.NAME]
            written = everything(ear, folder)
            assert hunt(written, words) == []
            assert b'"kind":"incident"' in written and b"homeassistant/" in written and b"offline" in written
            ear.say("hallgate/v1/baoshan/planted", next(iter(NUMBERS)).encode())
            wait_until(lambda: ear.on("/planted"))
            (folder / "state/planted").write_text(INVENTED[0])
            assert set(hunt(everything(ear, folder), words)) == {next(iter(NUMBERS)), INVENTED[0]}, (
                "it looks there, too"
            )
    finally:
        cards.close()
        ear.close()


def decisions(records: list[dict[str, object]]) -> int:
    return sum(record["kind"] == "decision" for record in records)


@needs.broker
@needs.unless(needs.absent(FOLDER))
def test_no_name_of_a_real_health_certificate_leaves_the_reader(tmp_path: Path, broker: Broker) -> None:
    chosen = [case for case in cases() if case.text.startswith("HC1:")][:60]
    names = sorted({name for case in chosen for name in named(case.text)})
    assert len(names) > 5
    ear = Ear(broker.url, "#")
    with bench(tmp_path, hub=broker.url, proof='"pcr"', pulse=50) as made:
        trust = json.loads((tmp_path / "trust.jwks").read_text())
        for case in chosen:
            try:
                trust["keys"] += [key for key in case.jwks()["keys"] if key["kinds"]]  # type: ignore[attr-defined]
            except ValueError:
                continue
        (tmp_path / "trust.jwks").write_text(json.dumps(trust))
        made.start()
        for case in chosen:
            made.scan(case.text.encode())
            time.sleep(0.05)
        wait_until(lambda: decisions(made.records()) > 5, PATIENCE_S)
        last = made.records()[-1]["seq"]
        wait_until(lambda: last in ear.seqs(), PATIENCE_S)
        assert made.stop() == 0
        written = everything(ear, tmp_path)
        assert hunt(written, names) == []
        assert not [case.id for case in chosen if case.text[:40].encode() in written]
    ear.close()


def named(text: str) -> list[str]:
    """The names inside a certificate, read without our decoder's rules; words too short to be told from others are left."""
    try:
        signed = cbor2.loads(zlib.decompress(base45.decode(text[4:].encode())))
        payload = cbor2.loads(getattr(signed, "value", signed)[2])
        names = payload[-260][1]["nam"].values()
    except Exception:  # the corpus has spoilt ones on purpose
        return []
    return [name for name in names if isinstance(name, str) and len(name) >= 6]
