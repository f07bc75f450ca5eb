"""3.1.5a on a real device: its round on the live page, signed there by an operator and at the door by pass and button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from firmware.files import write_secret
from mqtt import operators
from tests.brokers import Broker, wait_until
from tests.device.bench import Bench, bench
from tests.device.far_pins import FarPins
from tests.mqtt.pages import browser, opened, served, shows

BUTTON = 23
BUTTONS = f'[lane.button]\ndriver = "contact_switch"\npin = {BUTTON}\nnormally = "open"\n'
ROUNDS = """
[rounds]
remind_minutes = 10
[[rounds.point]]
name = "door-handles"
name_zh = "门把手"
name_en = "Door handles"
lane = "A"
every_minutes = 10
within = ["00:00-24:00"]
who = ["cleaner"]
"""
"""Due as soon as it was done: ten minutes later, and told ten minutes before."""
PASSWORD = "correct horse"


def steps(made: Bench) -> list[tuple[str, str]]:
    return [(one["state"], one["by"]) for one in made.records() if one["kind"] == "round"]


def done_by(made: Bench, who: str) -> bool:
    return ("done", who) in steps(made)


def test_a_round_is_shown_signed_on_the_page_and_at_the_door(tmp_path: Path, broker: Broker) -> None:
    with bench(tmp_path, hub=broker.url, lane=BUTTONS, more=ROUNDS) as made, browser() as window:
        made.environment["HALLGATE_PINS"] = f"unix:{tmp_path}/pins"
        made.start()
        pins = FarPins(tmp_path / "pins")
        pins.set(BUTTON, 1)
        with served(broker.url, *operator_files(made)) as url:
            tab = opened(window, url)
            shows(tab, "#rounds [data-state=due]", "门把手")
            assert tab.locator("#rounds button").count() == 0, "nobody is signed in"
            sign_in(tab)
            tab.get_by_role("button", name="登记完成 门把手").click()
            shows(tab, "#confirm", "此处已消毒")
            tab.click("#confirm-yes")
            shows(tab, "#told", "已执行 1/1")
            wait_until(lambda: done_by(made, "page-wang"))
            tab.click("#language")
            shows(tab, "#rounds [data-state=due]", "Door handles")
            assert tab.complaints == []

        pass_id = bytes(range(8))
        made.scan(made.booking(person_class="cleaner", pass_id=pass_id))
        wait_until(lambda: any(one["kind"] == "decision" for one in made.records()))
        pins.set(BUTTON, 0, 0.3)
        pins.set(BUTTON, 1)
        wait_until(lambda: done_by(made, pass_id.hex()))
        made.kill()
        made.start()
        wait_until(lambda: made.replay().returncode == 0)


def operator_files(made: Bench) -> list[str]:
    file, key = made.folder / "operators.toml", made.folder / "orders.pem"
    operators.add(file, "wang", PASSWORD)
    own = made.issuer.edwards_keys["command"]
    write_secret(key, own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ["--operators", str(file), "--command-key", str(key)]


def sign_in(tab: Any) -> None:
    tab.click("#sign")
    tab.fill("#name", "wang")
    tab.fill("#password", PASSWORD)
    tab.keyboard.press("Enter")
    shows(tab, "#sign", "退出 wang")
