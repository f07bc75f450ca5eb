"""The hall in a terminal: never wider than it, whole in 24 lines, nothing of a message moves the cursor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.records import Incident
from mqtt.messages import DoctorStatus, JournalStatus, LaneStatus, SideLinkStatus, SupplyStatus, UpdateStatus
from mqtt.terminal import clean, columns, fit, screen
from mqtt.view import HallView
from tests.brokers import Broker
from tests.mqtt.hall import AT, decision, encoded, status
from tests.mqtt.helpers import Ear
from tests.mqtt.test_resource import row

ROOT = Path(__file__).parents[2]


def busy_hall(devices: int = 12) -> HallView:
    view = HallView("baoshan")
    for at in range(devices):
        lanes = (LaneStatus(name="A", state="held", because="dense", waiting=4), LaneStatus(name="B", direction="out"))
        view.heard(f"gate-{at}", "availability", b"online", 0.0)
        view.heard(f"gate-{at}", "status", status(f"gate-{at}", lanes=lanes if at == 0 else lanes[1:]).encoded(), 0.0)
        view.heard_rights("hall", f"gate-{at}-1", row(f"gate-{at}", A=at, free=-2 if at == 3 else at), 0.0)
    opened = Incident(
        id="i", seq=90, boot="b", at=AT.format(9), at_trusted=True, lane="A", incident="inc-7", state="opened",
        step="opened", overdue=("acknowledge",),
    )  # fmt: skip
    view.heard("gate-0", "event", encoded(opened), 0.0)
    for seq in range(1, 30):
        view.heard("gate-1", "event", encoded(decision(seq, "wait")), 0.0)
    return view


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60)])
def test_the_picture_fits_the_terminal_and_says_what_matters(language: str, width: int, height: int) -> None:
    shown = screen(busy_hall(), language, width, height)  # type: ignore[arg-type]
    assert len(shown) <= height
    assert max(columns(line) for line in shown) <= width
    text = "\n".join(shown)
    assert "inc-7" in text
    assert ("在厅 66" if language == "zh" else "inside 66") in text
    if width >= 80:
        assert ("欠额 2" if language == "zh" else "debt 2") in text
        assert ("请候" if language == "zh" else "wait 3.1.1b") in text


@pytest.mark.parametrize("height", [12, 24])
def test_of_many_doors_the_one_that_needs_somebody_is_shown_with_its_name(height: int) -> None:
    """Forty lanes that are well look all the same; the last one does not."""
    view = HallView("baoshan")
    for at in range(40):
        lane = LaneStatus(name="A", state="fault" if at == 39 else "idle")
        view.heard(f"gate-{at}", "availability", b"online", 0.0)
        view.heard(f"gate-{at}", "status", status(f"gate-{at}", lanes=(lane,)).encoded(), 0.0)
    shown = screen(view, "en", 80, height)
    door = next(at for at, line in enumerate(shown) if line.startswith("gate-39 "))
    assert "fault" in shown[door + 1].lower() and len(shown) <= height
    names = [line.split()[0] for line in shown if line.startswith("gate-")]
    assert names[:2] == ["gate-0", "gate-1"] and "gate-10" not in names[:3]


def test_a_door_that_gives_its_rights_away_or_is_in_doubt_says_so() -> None:
    """Whoever waits to carry one away sees when it may be."""
    view = HallView("baoshan")
    for name, state in (("gate-1", "drained"), ("gate-2", "quarantine"), ("gate-3", "joined")):
        view.heard(name, "availability", b"online", 0.0)
        view.heard_rights("hall", f"{name}-1", row(name, free=0, state=state), 0.0)
    shown = {line.split()[0]: line.split()[-1] for line in screen(view, "en", 100) if line.startswith("gate")}
    assert shown == {"gate-1": "drained", "gate-2": "doubt", "gate-3": "0"}


def test_the_air_of_a_lane_is_told() -> None:
    view = HallView("baoshan")
    view.heard("gate-1", "availability", b"online", 0.0)
    lanes = (LaneStatus(name="A", co2_ppm=1620, air_holds=True, ventilation=("window_shut",)),)
    view.heard("gate-1", "status", status("gate-1", lanes=lanes).encoded(), 0.0)
    assert "CO₂ 1620 ppm  being aired  window shut" in "\n".join(screen(view, "en", 200))


def test_supplies_that_run_out_are_told() -> None:
    view = HallView("baoshan")
    counted = (
        SupplyStatus(item="masks", name_zh="口罩", left=0, low=True),
        SupplyStatus(item="hand-gel", left=3, low=True),
        SupplyStatus(item="soap", left=90),
    )
    view.heard("gate-1", "status", status("gate-1", supplies=counted).encoded(), 0.0)
    shown = [line for line in screen(view, "zh", 200) if "▽" in line]
    assert shown == ["▽ 物资 口罩 余 0", "▽ 物资 hand-gel 余 3"]


def test_a_board_that_is_not_well_is_told() -> None:
    view = HallView("baoshan")
    walked = DoctorStatus(at=AT.format(0), result="fault", faults=("A scanner nothing_answers",))
    view.heard("gate-1", "availability", b"online", 0.0)
    view.heard("gate-1", "status", status("gate-1", undervoltage=True, doctor=walked).encoded(), 0.0)
    assert "supply too weak  doctor found A scanner nothing_answers" in "\n".join(screen(view, "en", 200))


def test_an_update_is_told_until_it_has_ended_well() -> None:
    view = HallView("baoshan")
    for name, state in (("gate-1", "failed"), ("gate-2", "trial"), ("gate-3", "kept")):
        view.heard(name, "availability", b"online", 0.0)
        told = status(name, update=UpdateStatus(version="0.2.0", state=state))
        view.heard(name, "status", told.encoded(), 0.0)
    shown = [line for line in screen(view, "en", 100) if line.startswith("gate")]
    assert ["→ 0.2.0 failed" in shown[0], "→ 0.2.0 on trial" in shown[1], "0.2.0" in shown[2]] == [True, True, False]


@pytest.mark.parametrize(("writable", "shown"), [(True, "journal soon full"), (False, "journal cannot be written")])
def test_a_full_disk_is_told_before_and_after_it_is_too_late(writable: bool, shown: str) -> None:
    view = HallView("baoshan")
    view.heard("gate-1", "availability", b"online", 0.0)
    full = JournalStatus(writable=writable, because="no space left on device")
    view.heard("gate-1", "status", status("gate-1", journal=full).encoded(), 0.0)
    assert shown in "\n".join(screen(view, "en", 200))
    view.heard("gate-1", "status", status("gate-1").encoded(), 0.0)
    assert "journal" not in "\n".join(screen(view, "en", 200))


def test_a_chinese_character_takes_two_columns() -> None:
    assert (columns("在厅 66"), fit("在厅人数", 5), fit("在厅人数", 8)) == (7, "在厅…", "在厅人数")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.integers(1, 40))
def test_no_text_breaks_out_of_its_line(text: str, width: int) -> None:
    assert columns(fit(text, width)) <= width
    assert not any(sign in clean(text) for sign in "\x1b\n\r\x07\u202e\u2028")


def test_once_prints_the_picture_and_ends(broker: Broker) -> None:
    ear = Ear(broker.url, "#")
    ear.say("hallgate/v1/baoshan/device/gate-1/availability", b"online", retain=True)
    ear.say("hallgate/v1/baoshan/device/gate-1/status", status("gate-1").encoded(), retain=True)
    ear.say("hallgate/v1/baoshan/rights/hall/row/gate-1-1", row("gate-1", A=42, free=3), retain=True)
    ended = hub(broker.url, "--hall", "baoshan", "--for", "30")
    ear.close()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "baoshan  在厅 42" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_once_without_a_broker_fails_in_one_line() -> None:
    ended = hub("mqtt://127.0.0.1:9", "--for", "1")
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [("--for", "nan"), ("--for", "-1"), ("--ca", "/no/such/ca.pem")])
def test_a_slip_of_the_hand_is_told_before_a_broker_is_asked(words: tuple[str, str]) -> None:
    ended = hub("mqtts://127.0.0.1:9", "--for", "30", *words)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--id", "x" * 70_000), "--id: 写 1 到 64 个字符"),
        (("--id", "a/b#"), "--id: 写 1 到 64 个字符"),
        (("--id", ""), "--id: 写 1 到 64 个字符"),
        (("--id", "\udcff"), "--id: 写 1 到 64 个字符"),
        (("--page", "::1:0"), "应写 127.0.0.1:8080 或 [::1]:8080"),
        (("--page", "[door]:0"), "应写 127.0.0.1:8080 或 [::1]:8080"),
        (("--page", "127.0.0.1:٣"), "应写 127.0.0.1:8080 或 [::1]:8080"),
        (("--page", "\udcff:0"), "应写 127.0.0.1:8080 或 [::1]:8080"),
        (("--broker", "mqtt://" + "x" * 300), "应写 mqtt://主机:1883"),
        (("--broker", "mqtt://a..b"), "应写 mqtt://主机:1883"),
        (("--broker", "mqtt://door:0"), "应写 mqtt://主机:1883"),
        (("--broker", "mqtt://\udcff"), "应写 mqtt://主机:1883"),
    ],
)
def test_what_cannot_be_a_name_or_an_address_is_told_with_what_can(words: tuple[str, str], told: str) -> None:
    ended = hub("mqtt://127.0.0.1:9", "--for", "1", *words)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
    assert told in ended.stderr


def test_orders_need_everything_and_stay_at_home(tmp_path: Path) -> None:
    file = str(tmp_path / "operators.toml")
    added = hub("mqtt://127.0.0.1:9", "--operators", file, "--add-operator", "wang", stdin="correct horse\n")
    assert (added.returncode, Path(file).stat().st_mode & 0o777) == (0, 0o600)
    assert hub("mqtt://127.0.0.1:9", "--operators", file).returncode == 2
    everywhere = hub("mqtt://127.0.0.1:9", "--operators", file, "--command-key", file, "--page", "0.0.0.0:0")
    assert everywhere.returncode == 2
    assert "127.0.0.1" in everywhere.stderr
    assert hub("mqtt://127.0.0.1:9", "--operators", file, "--command-key", file, "--page").returncode == 2


def hub(broker: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firmware", "hub", "--broker", broker, "--once", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        input=stdin,
        timeout=60,
        env={**os.environ, "HALLGATE_LANG": "zh"},
    )


def test_doors_that_only_the_broker_joins_are_told_before_the_broker_is_gone() -> None:
    view = HallView("baoshan")
    near, far = {"gate-1": 900, "exit-1": 400}, {"gate-2": 61_000}
    links = {
        "gate-1": SideLinkStatus(peers={"exit-1": 300, **far}, named=3),
        "gate-2": SideLinkStatus(peers=near, named=3, because="10.0.0.2:7946 cannot be sent from: Invalid argument"),
        "exit-1": SideLinkStatus(peers={"gate-1": 5_000}, named=1),
        "new-1": SideLinkStatus(named=3),
        "off-1": SideLinkStatus(named=3),
    }
    for name, link in links.items():
        view.heard(name, "availability", b"offline" if name == "off-1" else b"online", 0.0)
        told = status(name, side_link=link, uptime_s=3 if name == "new-1" else 300)
        view.heard(name, "status", told.encoded(), 0.0)
    shown = {line.split()[0]: line for line in screen(view, "en", 200) if line.split()[0] in links}
    assert "side link hears 1 of 3 doors" in shown["gate-1"] and "hears 0 of 3 doors" in shown["gate-2"]
    assert not any("side link" in shown[name] for name in ("exit-1", "new-1", "off-1"))
    assert view.changed(("device", "gate-1"))["apart"] == {"heard": 1, "of": 3}
    told = status("gate-1", side_link=SideLinkStatus(peers=dict.fromkeys(("a", "b", "c"), 0), named=3), uptime_s=400)
    view.heard("gate-1", "status", told.encoded(), 0.0)
    assert view.changed(("device", "gate-1"))["apart"] is None
