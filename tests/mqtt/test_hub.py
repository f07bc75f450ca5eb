"""A hub on a real broker: complete after the broker died; its page serves what it knows to those who may ask."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from firmware.clock import Clock
from mqtt.address import Address
from mqtt.hub import Hub
from mqtt.page import FILES, Page
from mqtt.view import HallView
from tests import needs
from tests.brokers import Broker, Cable, wait_until
from tests.mqtt.hall import encoded, passage, status
from tests.mqtt.helpers import Device


@pytest.fixture
def hub(broker: Broker) -> Iterator[Hub]:
    made = Hub(Address.parse(broker.url), Clock(), hall="baoshan", client_id="hub-1", session_expiry_s=60)
    made.start()
    wait_until(lambda: made.connection.connected)
    yield made
    assert made.stop(10.0)


def passes(device: Device, n: int) -> None:
    """People go in: one event each, and a status that says how far the journal is."""
    for _ in range(n):
        device.source.all.append(encoded(passage(len(device.source.all) + 1, inside=len(device.source.all) + 1)))
    device.link.wake()
    device.link.publish_status(status("gate-1", seq=device.source.durable_seq(), first_seq=1).encoded())


def entered(view: HallView) -> int:
    return sum(row[5] for row in view.day.points())


def test_the_hub_has_every_event_once_after_the_broker_died(broker: Broker, hub: Hub, device: Device) -> None:
    view = hub.halls["baoshan"]
    passes(device, 20)
    wait_until(lambda: entered(view) == 20)
    for _ in range(3):
        passes(device, 200)
        broker.kill()
        passes(device, 30)
        wait_until(lambda: not device.link.connected and not hub.connection.connected)
        broker.start()
    wait_until(lambda: view.devices["gate-1"].gaps.high == 710 and view.devices["gate-1"].gaps.missing == 0, 60.0)
    assert (entered(view), view.devices["gate-1"].gaps.lost) == (710, 0)
    assert view.devices["gate-1"].online


@needs.broker
def test_a_hub_that_was_away_has_every_event_once_although_the_broker_kept_few_of_them(tmp_path: Path) -> None:
    """Its line is cut for what a day of a door is; the broker drops what is too much for it, the journal does not."""
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder, queued=100).start()
    device, cable = Device(broker.url, tmp_path), Cable(broker.port)
    hub = Hub(Address.parse(cable.url), Clock(), hall="baoshan", client_id="hub-away", session_expiry_s=86_400)
    hub.start()
    view = hub.halls["baoshan"]
    try:
        passes(device, 20)
        wait_until(lambda: entered(view) == 20)
        cable.cut()
        wait_until(lambda: not hub.connection.connected)
        for _ in range(7):
            passes(device, 500)
            wait_until(lambda: device.outbox.depth == 0)
        cable.mend()
        wait_until(lambda: view.devices["gate-1"].gaps.high == 3_520 and not view.devices["gate-1"].gaps.missing, 60.0)
        assert (entered(view), view.devices["gate-1"].gaps.lost) == (3_520, 0)
        assert hub.asked > 0, "the broker did not keep them all"
    finally:
        assert hub.stop(10.0) and device.link.stop(10.0)
        cable.close()
        broker.stop()


def get(page: Page, path: str, **headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


@pytest.fixture
def page(hub: Hub) -> Iterator[Page]:
    made = Page(hub, "127.0.0.1", 0)
    made.start()
    yield made
    made.stop()


def test_the_page_is_served_whole_and_loads_nothing_from_outside(page: Page) -> None:
    for path in FILES:
        code, body, headers = get(page, path)
        assert (code, bool(body)) == (200, True)
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert b"http://" not in body.replace(b"http://www.w3.org/", b"")
        assert b"https://" not in body
    assert get(page, "/../setup.cfg")[0] == 404
    assert get(page, "/", Host="evil.example")[0] == 403


def test_a_browser_hears_that_the_hub_is_still_there(hub: Hub, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an event, not as a comment, which no script of a page gets to see."""
    monkeypatch.setattr("mqtt.page.KEEPALIVE_S", 0.05)
    connection = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=10)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert next(line for line in iter(answer.readline, b"") if line == b"event: still\n")
    connection.close()


@needs.ipv6
def test_the_page_is_served_on_an_ipv6_address(hub: Hub) -> None:
    page = Page(hub, "::1", 0)
    page.start()
    try:
        assert page.url.startswith("http://[::1]:")
        assert get(page, "/")[0] == 200
        assert get(page, "/", Host="evil.example")[0] == 403
    finally:
        page.stop()


def test_the_state_can_be_asked_for(page: Page, device: Device) -> None:
    passes(device, 3)
    wait_until(lambda: json.loads(get(page, "/state.json")[1])["hall"]["target"] == 200)
    whole = json.loads(get(page, "/state.json?hall=baoshan")[1])
    assert whole["devices"][0]["name"] == "gate-1"
    assert whole["link"] == {"connected": True, "problem": ""}
    assert json.loads(get(page, "/state.json?hall=nowhere")[1])["devices"] == []


def test_a_browser_gets_everything_first_and_news_after(page: Page, device: Device) -> None:
    connection = http.client.HTTPConnection(urlsplit(page.url).netloc, timeout=20)
    connection.request("GET", "/events")
    stream = connection.getresponse()
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.readline().startswith(b"retry: ")
    assert stream.readline() == b"event: whole\n"
    page.hub.halls["baoshan"].heard("x", "availability", b"online", 0.0)
    page.changed(page.hub.halls["baoshan"], [("device", "x")])
    text = b""
    while b"event: device\n" not in text:
        text += stream.readline()
    connection.close()
