"""The hub orders an update: signed, on record, handed over, fetched over a line that breaks, told in the status."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.__main__ import main
from firmware.clock import Clock
from firmware.core.state import UpdateOrder
from firmware.core.versions import numbers
from firmware.errors import Failure
from firmware.updating import fetching, updates
from firmware.updating.fetching import Fetching
from tests.brokers import Broker, wait_until
from tests.device.bench import Bench, bench
from tests.device.hub import ALL, Hub
from tests.device.rauc import Rauc, boots, told, updater_folder, updating
from tests.mqtt.helpers import Ear

BUNDLE = bytes(range(256)) * 8192
DIGEST = hashlib.sha256(BUNDLE).hexdigest()


class Shelf(BaseHTTPRequestHandler):
    """Hands out the bundle; `cuts` answers end after half a MiB, and `ranges` says whether it goes on where one ended."""

    cuts, ranges, asked = 0, True, 0

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked += 1
        wish = self.headers.get("Range", "") if kind.ranges else ""
        start = int(wish.removeprefix("bytes=").rstrip("-")) if wish else 0
        if wish and start >= len(BUNDLE):
            self.send_error(416)
            return
        body = BUNDLE[start:]
        self.send_response(206 if wish else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if kind.cuts > 0:
            kind.cuts -= 1
            body = body[: 512 * 1024]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the test's own output."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with updater_folder() as made:
        yield made


@pytest.fixture
def shelf() -> Iterator[tuple[type[Shelf], str]]:
    kind = type("OwnShelf", (Shelf,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kind, f"http://127.0.0.1:{server.server_address[1]}/it.raucb"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_line_that_breaks_is_no_end(tmp_path: Path, shelf: tuple[type[Shelf], str], ranges: bool) -> None:
    kind, url = shelf
    kind.cuts, kind.ranges = 2, ranges
    got = Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it")
    assert got.read_bytes() == BUNDLE and kind.asked == 3


def test_what_lies_there_is_used_or_begun_anew(tmp_path: Path, shelf: tuple[type[Shelf], str]) -> None:
    kind, url = shelf
    (tmp_path / "it").write_bytes(BUNDLE[:1000])
    assert Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it").read_bytes() == BUNDLE
    (tmp_path / "it").write_bytes(b"half of another bundle")
    assert Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it").read_bytes() == BUNDLE
    before = kind.asked
    Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it")
    assert kind.asked == before, "it was there"


def test_another_bundle_than_the_one_ordered_is_given_up(tmp_path: Path, shelf: tuple[type[Shelf], str]) -> None:
    with pytest.raises(Failure, match="not the bundle that was ordered"):
        Fetching(Clock(1000), 3600).fetch(shelf[1], "0" * 64, tmp_path / "it")
    assert not (tmp_path / "it").exists()


def test_no_network_for_ever_ends_in_a_word(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot be fetched"):
        Fetching(Clock(10_000), 3600).fetch("http://127.0.0.1:9/it", DIGEST, tmp_path / "it")


def test_what_lies_there_is_not_fetched_again(tmp_path: Path, shelf: tuple[type[Shelf], str]) -> None:
    kind, url = shelf
    wishes = list[str]()
    kind.log_message = lambda self, *_: wishes.append(self.headers.get("Range", ""))  # type: ignore[method-assign]
    for have, asked in ((0, ""), (1_000, "bytes=1000-")):
        (tmp_path / "it").write_bytes(BUNDLE[:have])
        Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it")
        assert wishes.pop() == asked and not wishes
    (tmp_path / "it").write_bytes(bytes(len(BUNDLE)))
    assert Fetching(Clock(1000), 3600).fetch(url, DIGEST, tmp_path / "it").read_bytes() == BUNDLE, "as long, and wrong"


@pytest.mark.parametrize(("what", "words"), [("BYTES_MAX", "has more than"), ("SPARE_BYTES", "no room")])
def test_a_bundle_that_would_fill_the_card_is_not_fetched(
    what: str, words: str, tmp_path: Path, shelf: tuple[type[Shelf], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (fetching.BYTES_MAX, fetching.SPARE_BYTES) == (400 * 2**20, 16 * 2**20)
    monkeypatch.setattr(fetching, what, 2**20 if what == "BYTES_MAX" else 2**62)
    with pytest.raises(Failure, match=words):
        Fetching(Clock(1000), 3600).fetch(shelf[1], DIGEST, tmp_path / "it")


def test_a_shelf_that_has_no_such_bundle_is_asked_until_the_time_is_over(
    tmp_path: Path, shelf: tuple[type[Shelf], str]
) -> None:
    kind, url = shelf
    kind.do_GET = lambda self: self.send_error(404)  # type: ignore[method-assign]
    with pytest.raises(Failure, match="cannot be fetched: .*Not Found"):
        Fetching(Clock(10_000), 30).fetch(url, DIGEST, tmp_path / "it")


def test_a_shelf_is_asked_less_and_less_often_for_as_long_as_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    sleep: Any = SimpleNamespace(wait=pauses.append)
    clock: Any = SimpleNamespace(rate=1.0, elapsed_ms=lambda: sum(pauses) * 1000)
    monkeypatch.setattr(fetching, "threading", SimpleNamespace(Event=lambda: sleep))
    with pytest.raises(Failure, match="cannot be fetched"):
        Fetching(clock, 3600).fetch("http://127.0.0.1:9/it", DIGEST, tmp_path / "it")
    assert pauses == [5, 10, 20, 40, 80, 160, 320, *[600] * 4]
    assert sum(pauses) <= 3600 < sum(pauses) + 600


@pytest.fixture
def gate(tmp_path: Path, folder: Path, broker: Broker) -> Iterator[Bench]:
    with bench(tmp_path / "gate", hub=broker.url, pulse=50) as made:
        made.more_words = ["--updates", str(folder / "work"), "--ask", str(folder / "ask")]
        yield made.start()


@pytest.fixture
def hub(gate: Bench, broker: Broker) -> Iterator[Hub]:
    ear = Ear(broker.url, ALL)
    yield Hub(gate, ear)
    ear.close()


def body(url: str, /, **news: Any) -> dict[str, Any]:
    return {"sha256": DIGEST, "version": "0.2.0", **news, "url": news.get("url", url)}


def shown(hub: Hub) -> dict[str, Any]:
    return dict(json.loads(hub.ear.on("/status")[-1].payload)["update"] or {})


def test_an_order_becomes_an_installed_system(
    gate: Bench,
    hub: Hub,
    folder: Path,
    shelf: tuple[type[Shelf], str],
) -> None:
    order, rauc = gate.state / updates.ORDER, Rauc()
    assert hub.send("update", hub.order("update", body(shelf[1]), id="u1"))["result"] == "done"
    wait_until(order.exists)
    wait_until(lambda: shown(hub) == {"version": "0.2.0", "state": "ordered", "because": "", "was": ""})
    assert updating(folder, rauc).ordered(order)
    assert [words for words in rauc.told if "status" not in words][-2:] == [
        f"rauc install {folder / 'work/ordered.raucb'}",
        "systemctl reboot",
    ]
    assert not order.exists() and not (folder / "work/ordered.raucb").exists()
    wait_until(lambda: shown(hub).get("state") == "restarting", 30)
    boots(folder, "B")
    gate.kill()
    gate.start()
    wait_until(lambda: shown(hub).get("state") == "restarting", 30)
    assert not order.exists(), "what was done is not handed over again"


@pytest.mark.parametrize(
    ("news", "because"),
    [
        ({"url": "file:///etc/passwd"}, "url_wrong"),
        ({"sha256": "12"}, "sha256_wrong"),
        ({"version": "new"}, "version_wrong"),
        ({"version": "0.0.9"}, "version_not_newer"),
        ({"version": None}, "version_wrong"),
    ],
)
def test_an_order_that_leads_nowhere_is_refused(gate: Bench, hub: Hub, news: dict[str, Any], because: str) -> None:
    answer = hub.send("update", hub.order("update", body("http://hub/it", **news)))
    assert (answer["result"], answer["because"]) == ("refused", because)
    assert not (gate.state / updates.ORDER).exists()


def test_a_power_cut_while_it_is_installed_begins_it_again(folder: Path, tmp_path: Path) -> None:
    """In the old slot it goes on; in the new one it has had its turn and is on trial: nothing is installed twice."""
    order = tmp_path / updates.ORDER
    wanted = UpdateOrder(id="u1", url="http://127.0.0.1:9/", sha256=DIGEST, version="0.2.0")
    order.write_text(json.dumps({"id": "u1", "url": wanted.url, "sha256": DIGEST, "version": "0.2.0"}))
    updates.tell(folder / "work", updates.Progress(version="0.2.0", state="installing", order="u1", slot="A"))
    rauc = Rauc()
    assert not updating(folder, rauc, rate=100_000).ordered(order), "it was tried again, and nobody serves it"
    assert told(folder)[0] == "failed" and not order.exists()
    order.write_text(json.dumps({"id": "u2", "url": wanted.url, "sha256": DIGEST, "version": "0.2.0"}))
    updates.tell(folder / "work", updates.Progress(version="0.2.0", state="installing", order="u2", slot="A"))
    boots(folder, "B")
    assert updating(folder, rauc).ordered(order) and rauc.told == []
    assert told(folder)[0] == "installing" and not order.exists()


def test_a_bundle_of_another_version_than_ordered_is_not_installed(
    gate: Bench,
    hub: Hub,
    folder: Path,
    shelf: tuple[type[Shelf], str],
) -> None:
    assert hub.send("update", hub.order("update", body(shelf[1], version="0.3.0")))["result"] == "done"
    wait_until((gate.state / updates.ORDER).exists)
    rauc = Rauc()
    assert not updating(folder, rauc).ordered(gate.state / updates.ORDER)
    assert "rauc install" not in " ".join(rauc.told)
    wait_until(lambda: "ordered was 0.3.0" in shown(hub).get("because", ""), 30)


def test_what_is_no_order_is_put_aside_and_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "hallgate-0.2.0.raucb"
    bundle.write_bytes(b"hsqs, and all of a bundle")
    words = ["update", "--work", str(tmp_path / "work"), "--ordered"]
    assert main([*words, str(bundle)]) == 2 and "is no order" in capsys.readouterr().err
    assert [path.read_bytes() for path in tmp_path.glob("*.aside")] == [b"hsqs, and all of a bundle"]
    assert not bundle.exists(), "systemd would ask for it again and again"
    assert main([*words, str(tmp_path)]) == 0 and main([*words, str(bundle)]) == 0, "nothing was ordered"


def test_a_device_that_nobody_updates_says_so(tmp_path: Path, broker: Broker) -> None:
    with bench(tmp_path / "gate", hub=broker.url) as plain:
        plain.start()
        ear = Ear(broker.url, ALL)
        hub = Hub(plain, ear)
        assert hub.send("update", hub.order("update", body("http://hub/it")))["because"] == "no_updates_here"
        ear.close()


def test_versions_are_numbers() -> None:
    assert numbers("0.10") > numbers("0.9.9") and numbers("1.0") == numbers("1.0.0")
