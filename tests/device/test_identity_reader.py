"""A real device process with an identity reader on a pty: a card is answered, and no file of the device names anybody."""

from __future__ import annotations

import base64
import hmac
import json
import time
from pathlib import Path

from sensors.identity_sdt import Settings, Simulator
from sensors.readings import IdentityCard, Secret
from tests.device.bench import PATIENCE_S, Far, bench

NUMBER, BORN = "11010519491231002X", "19491231"
CARD = IdentityCard(Secret(NUMBER), Secret(BORN))


class Reader:
    """The simulated reader at the far end of its pty, driven by the test's own loop."""

    def __init__(self, link: Path) -> None:
        self.far, self.simulator = Far(link), Simulator(Settings(), lies_ms=60_000)

    def turn(self) -> None:
        heard, self.far.heard = self.far.read(0.05), b""
        for later in self.simulator.hear(heard, time.monotonic() * 1000) if heard else ():
            assert isinstance(later.raw, bytes)
            self.far.write(later.raw)


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_card_is_a_fact_in_the_journal_and_nothing_else(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "reader")
    lane = f'[lane.identity]\ndriver = "identity_sdt"\nport = "{reader.far.link}"\nregions = ["1101"]\n'
    with bench(tmp_path, lane=lane) as made:
        made.start()
        reader.simulator.show(CARD, time.monotonic() * 1000)
        end = time.monotonic() + PATIENCE_S
        while not any(record["kind"] == "decision" for record in made.records()):
            assert time.monotonic() < end, made.errors
            reader.turn()
        assert made.stop() == 0
        assert made.replay().returncode == 0
        written = files(made.state) + (tmp_path / "stderr").read_bytes()
        holder = hmac.digest(bytes(range(32)), NUMBER.encode(), "sha256")[:8].hex()
        assert holder.encode() not in written, "a hash that lasts is in memory only"
        assert b'"proof":"card"' in written, "the journal keeps the fact for replay"
        for word in (NUMBER, BORN, Simulator.NAME):
            for encoded in (word.encode(), word.encode("utf-16-le"), base64.b64encode(word.encode())):
                assert encoded not in written
        assert NUMBER not in json.dumps(made.records())
    reader.far.unplug()
