"""The page in a real browser: it shows what the broker said, and goes on after the broker died."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from mqtt.messages import LaneStatus
from tests import needs
from tests.brokers import Broker, wait_until
from tests.mqtt.hall import decision, encoded, passage, status
from tests.mqtt.test_device_link import Device

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
OFFLINE = ("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub_url(broker: Broker) -> Iterator[str]:
    """`hallgate hub --page` as its own process, as an operator starts it."""
    words = [
        sys.executable,
        "-m",
        "firmware",
        "hub",
        "--broker",
        broker.url,
        "--hall",
        "baoshan",
        "--page",
        "127.0.0.1:0",
    ]
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "LANG": "zh_CN.UTF-8"}, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("page http://127.0.0.1:"), first
    yield first.split()[1]
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.fixture
def tab() -> Iterator[Any]:
    needs.stop_unless("" if CHROMIUM else needs.missing("chromium"))
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *OFFLINE])
        made = browser.new_page(viewport={"width": 1366, "height": 900}, color_scheme="light")
        made.set_default_timeout(30_000)
        made.complaints = []
        made.on("console", lambda said: said.type == "error" and made.complaints.append(said.text))
        made.on("pageerror", lambda error: made.complaints.append(str(error)))
        yield made
        browser.close()


def shows(tab: Any, selector: str, text: str) -> None:
    tab.locator(selector, has_text=text).first.wait_for(state="visible")


def test_the_page_shows_what_the_broker_said_and_survives_its_death(
    broker: Broker, hub_url: str, tab: Any, tmp_path: Path
) -> None:
    device = Device(broker.url, tmp_path)
    try:
        device.source.all += [encoded(decision(1)), encoded(passage(2)), encoded(decision(3, "refuse"))]
        device.link.publish_status(status("gate-1", inside=137).encoded())
        tab.goto(hub_url)
        shows(tab, "#inside", "137")
        shows(tab, "#limit", "200")
        shows(tab, "#decisions [data-answer=admit]", "请通行 前往3楼")
        shows(tab, "#decisions [data-answer=refuse] .chip", "3.1.1a")
        shows(tab, "#link", "实时")

        broker.kill()
        shows(tab, "#link", "消息服务器断开")
        device.source.all.append(encoded(decision(4, "wait")))
        held = LaneStatus(name="A", state="held", because="dense", waiting=4)
        device.link.publish_status(status("gate-1", inside=200, lanes=(held,)).encoded())
        broker.start()
        shows(tab, "#link", "实时")
        shows(tab, "#inside", "200")
        shows(tab, "#room", "已达上限")
        shows(tab, "#gates [data-state=held]", "4 人等候")
        shows(tab, "#decisions [data-answer=wait]", "大厅人数已满")
        assert tab.locator("#decisions > li").count() == 3

        tab.click("#language")
        shows(tab, "#room", "The hall is full")
        assert tab.get_attribute("html", "lang") == "en"
        assert tab.complaints == []
    finally:
        assert device.link.stop(10.0)


def test_the_page_fits_a_phone_and_can_be_read_by_a_machine(
    hub_url: str, tab: Any, broker: Broker, tmp_path: Path
) -> None:
    device = Device(broker.url, tmp_path)
    try:
        device.link.publish_status(status("gate-1", evacuated=True).encoded())
        tab.set_viewport_size({"width": 360, "height": 740})
        tab.goto(hub_url)
        shows(tab, "#evacuation", "紧急疏散")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.get_attribute("#meter", "aria-valuenow") == "137"
        for landmark in ("banner", "main", "alert", "meter"):
            assert tab.get_by_role(landmark).count() >= 1, landmark
        named = "s => document.getElementById(s.getAttribute('aria-labelledby'))?.textContent.trim()"
        unnamed = f"[...document.querySelectorAll('section')].filter(s => !({named})(s)).length"
        assert tab.evaluate(unnamed) == 0
        device.source.all.append(encoded(decision(1)))
        device.link.wake()
        wait_until(lambda: "通行" in tab.text_content("#spoken"))
        assert tab.complaints == []
    finally:
        assert device.link.stop(10.0)
