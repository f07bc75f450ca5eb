"""`hallgate hub --page` as an operator starts it, a browser in front of it, and many pretended devices behind it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
from playwright.sync_api import sync_playwright

from firmware.__main__ import main
from firmware.core.occupancy import Notice, Row
from mqtt import jws, operators
from mqtt.messages import CommandAnswer, Envelope, LaneStatus, RemainsStatus, RoundStatus, SupplyStatus
from tests import needs
from tests.brokers import wait_until
from tests.mqtt.hall import AT, status
from tests.mqtt.helpers import Ear

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
OFFLINE = ("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")
ROOT = Path(__file__).parents[2]
HALL = "hallgate/v1/baoshan"
PASSWORD = "correct horse"


@contextmanager
def served(broker_url: str, *words: str) -> Iterator[str]:
    """The page's address, while the hub runs as its own process."""
    command = [sys.executable, "-m", "firmware", "hub", "--broker", broker_url, "--hall", "baoshan"]
    process = subprocess.Popen(
        [*command, "--page", "127.0.0.1:0", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "LANG": "zh_CN.UTF-8"},
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("page http://127.0.0.1:"), first
        url = first.split()[1]
        wait_until(lambda: json.loads(urlopen(f"{url}state.json", timeout=10).read())["link"]["connected"])
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


@contextmanager
def browser() -> Iterator[Any]:
    needs.stop_unless("" if CHROMIUM else needs.missing("chromium"))
    with sync_playwright() as engine:
        made = engine.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *OFFLINE])
        yield made
        made.close()


def opened(
    window: Any, url: str, width: int = 1366, height: int = 900, scheme: str = "light", language: str = "zh"
) -> Any:
    """A tab of its own; `complaints` is what its console and its policies said, `asked` every address it asked for."""
    context = window.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    tab.complaints, tab.asked = [], []
    tab.on("console", lambda said: said.type == "error" and tab.complaints.append(said.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.add_init_script(f"if (!localStorage.getItem('language')) localStorage.setItem('language', '{language}')")
    tab.goto(url)
    return tab


def shows(tab: Any, selector: str, text: str) -> None:
    tab.locator(selector, has_text=text).first.wait_for(state="visible")


def lanes() -> dict[str, tuple[LaneStatus, ...]]:
    """A small hall with something of everything."""
    return {
        "entry-1": (
            LaneStatus(
                name="A",
                state="granted",
                waiting=5,
                gap_mm=1900,
                expected_wait_s=40,
                co2_ppm=1040,
                ventilation=("window_shut",),
            ),
            LaneStatus(name="B", state="screening", waiting=2),
        ),
        "entry-2": (LaneStatus(name="A", state="held", because="dense", crowd="dense", waiting=8),),
        "exit-1": (LaneStatus(name="A", direction="out", state="passing"),),
        "lift-1": (LaneStatus(name="V", direction="elevator", state="idle"),),
    }


def tell_hall(ear: Ear, there: dict[str, tuple[LaneStatus, ...]], limit: int = 200) -> None:
    """Retained, as devices leave it: availability, status, a row of rights each, the bank's word."""
    supplies = (
        SupplyStatus(item="masks", name_zh="口罩", name_en="Masks", left=12, low=True),
        SupplyStatus(item="hand-gel", left=400),
    )
    rounds = (RoundStatus(point="3F lift lobby", due_at=AT.format(0), state="amber"),)
    for at, (name, its) in enumerate(there.items()):
        first = at == 0
        remains = RemainsStatus(places=60, day=214, slot=18) if first else RemainsStatus()
        made = status(name, lanes=its, bank=first, remains=remains)
        if first:
            made = msgspec.structs.replace(made, rounds=rounds, supplies=supplies)
        row = Row(inc=f"{name}-1", dev=name, seq=1, A=20, C=0, G=0, X=3 * at, free=4 + at, bank=first)
        ear.say(f"{HALL}/device/{name}/availability", b"online", retain=True)
        ear.say(f"{HALL}/device/{name}/status", made.encoded(), retain=True)
        ear.say(f"{HALL}/rights/hall/row/{name}-1", msgspec.json.encode(row), retain=True)
    ear.say(f"{HALL}/rights/hall/notice", msgspec.json.encode(Notice(serial=1, limit=limit)), retain=True)


# ---------------------------------------------------------------- hands


def operator_files(folder: Path) -> list[str]:
    operators.add(folder / "operators.toml", "wang", PASSWORD)
    assert main(["key", "new", "--kind", "command", str(folder / "command.pem")]) == 0
    return ["--operators", str(folder / "operators.toml"), "--command-key", str(folder / "command.pem")]


def answering(ear: Ear, **more: Any) -> None:
    """Every order is answered, as a device would: as done, or as `more` says."""

    def heard(message: Any) -> None:
        ear.heard_all.append(message)
        order = opened_order(message)
        said = CommandAnswer(**{"id": order.id, "result": "done", **more})
        ear.say(message.response_topic, said.encoded(), correlation=message.correlation)

    ear.heard = heard  # type: ignore[method-assign]


def opened_order(message: Any) -> Envelope:
    return msgspec.json.decode(jws.unpack(message.payload.split(b".")[1]), type=Envelope)


def signed_in(tab: Any) -> None:
    tab.click("#sign")
    tab.fill("#name", "wang")
    tab.fill("#password", PASSWORD)
    tab.keyboard.press("Enter")
    shows(tab, "#sign", "Sign out wang")


def envelopes(ear: Ear) -> list[Envelope]:
    return [opened_order(message) for message in ear.heard_all]
