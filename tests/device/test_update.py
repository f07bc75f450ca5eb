"""`hallgate update` against a real firmware's socket; RAUC itself is stood in for, the emulated Pi has the real one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import site
from firmware.clock import Clock
from firmware.core.events import CodeRead, CommandArrived
from firmware.core.quiet import disturbed
from firmware.errors import Failure, Mistake
from firmware.state_socket import LEAVE, ask, report
from firmware.updating import updates
from firmware.updating.slots import Slots, spare
from firmware.updating.trial import Watch
from firmware.updating.updates import Progress
from firmware.wiring import Device
from tests.brokers import wait_until
from tests.device.bench import ON, Bench, bench
from tests.device.rauc import Rauc, boots, told, trial, updater_folder, updating


@pytest.fixture
def folder() -> Iterator[Path]:
    with updater_folder() as made:
        yield made


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"compatible": "another"}, "is for another"),
        ({"version": "0.0.9"}, "older than 0.1.0"),
        ({"version": "latest"}, "is version latest"),
        (
            {"version": "0.2.0", "description": "for hall pudong"},
            "is for the hall pudong, this device stands in baoshan",
        ),
    ],
)
def test_a_bundle_for_somebody_else_is_refused(door: Bench, folder: Path, info: dict[str, str], words: str) -> None:
    door.start()
    with pytest.raises(Mistake, match=words):
        updating(folder, Rauc(**info)).judge(folder / "it.raucb")


def test_a_wrong_signature_is_refused_before_anything_else(folder: Path) -> None:
    rauc = Rauc()
    rauc.signed = False
    with pytest.raises(Mistake, match="not signed by anybody this device trusts"):
        updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)
    assert rauc.told == ["rauc info --output-format=json"]


@pytest.fixture
def door(tmp_path: Path, folder: Path) -> Iterator[Bench]:
    with bench(tmp_path, grant=20) as made:
        made.more_words = ["--ask", str(folder / "ask")]
        yield made


def test_never_with_a_grant_open(door: Bench, folder: Path) -> None:
    door.start()
    rauc = Rauc()
    assert ask(folder / "ask")["busy"] == []
    door.scan(door.booking())
    door.relay.expect(ON)
    with pytest.raises(Failure, match="not now: A: grant"):
        updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)
    state, because = told(folder)
    assert state == "failed" and because.startswith("not now: A: grant"), "the hub waits for nobody"
    assert "rauc install" not in " ".join(rauc.told)
    wait_until(lambda: not ask(folder / "ask")["busy"], 60, every_s=0.2)
    assert updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)["installed"] == "0.2.0"
    assert rauc.told[-1] == "systemctl reboot" and told(folder) == ("restarting", "")
    assert door.process is not None and door.process.wait(30) == 0, "it left before the restart came"


def test_a_scan_beside_the_restart_is_finished_or_not_begun(door: Bench, folder: Path) -> None:
    """Both reach a device that was held still; which of them it finds first is the kernel's affair."""
    door.start()
    assert door.process is not None
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(folder / "ask"))
        door.process.send_signal(signal.SIGSTOP)
        door.scan(door.booking())
        line.sendall(LEAVE)
        door.process.send_signal(signal.SIGCONT)
        leaving = json.loads(line.makefile().readline()).get("leaving", False)
    if leaving:
        assert door.process.wait(30) == 0
        door.relay.silent(0.5)
    else:
        door.relay.expect(ON)
        assert door.process.poll() is None
    assert len([event for event in door.records() if event["kind"] == "decision"]) == (0 if leaving else 1)


def test_a_scan_after_the_firmware_left_is_not_begun(door: Bench, folder: Path) -> None:
    door.start()
    assert door.process is not None
    assert ask(folder / "ask", leave=True)["leaving"]
    door.scan(door.booking())
    assert door.process.wait(30) == 0
    door.relay.silent(0.5)
    assert not [event for event in door.records() if event["kind"] == "decision"]
    assert door.replay().returncode == 0


def test_what_was_read_together_is_judged_before_anybody_leaves(door: Bench) -> None:
    device = Device(site.load(str(door.site)), door.state, Clock())
    looks: list[list[str]] = []
    device.loop.call(lambda: device.loop.when_judged(lambda: looks.append(report(device)["busy"])))
    device.loop.post(CodeRead(lane="A", fact=device.verify(door.booking(), 0.0)))
    device.loop.turn()
    assert looks == [["A: grant"]]
    device.close()


def test_a_restart_waits_for_who_was_read_together_with_its_order(door: Bench) -> None:
    device = Device(site.load(str(door.site)), door.state, Clock())
    device.loop.post(CommandArrived(id="1", name="restart", issuer="operator"))
    device.loop.post(CodeRead(lane="A", fact=device.verify(door.booking(), 0.0)))
    device.loop.turn()
    assert disturbed(device.controller.state) == ["A: grant"] and not device.loop.stopping
    device.run()
    assert device.starts_anew and disturbed(device.controller.state) == []
    device.close()
    assert [event["kind"] for event in door.records()][-3:] == ["command", "decision", "passage"]


def test_who_says_nothing_or_nonsense_asks_for_the_state(door: Bench, folder: Path) -> None:
    door.start()
    for wish in (b"", b"leave now\n", b"\0" * 64):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(folder / "ask"))
            line.sendall(wish)
            assert json.loads(line.makefile().readline())["version"]
    assert ask(folder / "ask")["busy"] == [], "it is still there"


def test_an_ill_system_goes_back_when_the_lane_is_empty(door: Bench, folder: Path) -> None:
    door.start()
    door.scan(door.booking())
    door.relay.expect(ON)
    rauc = Rauc()
    trial(folder, rauc, rate=1)._go_back()
    assert rauc.told == ["rauc status mark-bad", "systemctl reboot"]
    assert door.process is not None and door.process.wait(30) == 0
    assert [event["answer"] for event in door.records() if event["kind"] == "decision"] == ["admit"]
    assert [event["assumed"] for event in door.records() if event["kind"] == "passage"] == [True]


def test_who_does_not_answer_may_have_somebody_in_a_lane(folder: Path) -> None:
    rauc = Rauc()
    with pytest.raises(Failure, match="not now: the firmware does not answer"):
        updating(folder, rauc).install(folder / "it.raucb", 0, restart=True)
    assert rauc.told == ["rauc info --output-format=json"]


def test_a_system_that_was_kept_has_its_tries_back_as_soon_as_it_answers(door: Bench, folder: Path) -> None:
    """A plug pulled three times in the first ten minutes is no reason to start the version before."""
    door.start()
    rauc = Rauc()
    assert trial(folder, rauc, 1).confirm(1e6)
    assert rauc.told == ["rauc status mark-good"]


def on_trial(folder: Path, state: updates.State = "restarting", ill: tuple[str, ...] = ()) -> None:
    updates.tell(folder / "work", Progress(version="0.2.0", state=state, was="0.1.0", slot="A", ill=ill))


def test_an_update_that_stays_well_is_kept(door: Bench, folder: Path) -> None:
    door.start()
    on_trial(folder)
    boots(folder, "B")
    rauc, began = Rauc(), time.monotonic()
    assert trial(folder, rauc, rate=20).confirm(30)
    assert time.monotonic() - began > 1.5, "30 s at 20 times the speed"
    assert rauc.told == ["rauc status mark-good"] and told(folder) == ("kept", "")
    assert (folder / "slots.txt").read_bytes() == spare("B") and len(spare("A")) == len(spare("B"))


def test_an_update_that_breaks_a_device_goes_back_by_itself(door: Bench, folder: Path) -> None:
    door.relay.unplug()
    door.start()
    wait_until(lambda: ask(folder / "ask")["ill"], 60)
    on_trial(folder, ill=("A: scanner",))
    boots(folder, "B")
    rauc = Rauc()
    assert not trial(folder, rauc, rate=200).confirm(30)
    assert rauc.told[1:] == ["rauc status mark-bad", "systemctl reboot"]
    assert told(folder) == ("returned", "out of order: A: gate")


def test_a_device_that_was_out_of_order_before_is_no_fault_of_the_update(door: Bench, folder: Path) -> None:
    door.relay.unplug()
    door.start()
    wait_until(lambda: ask(folder / "ask")["ill"], 60)
    on_trial(folder, ill=("A: gate",))
    boots(folder, "B")
    assert trial(folder, Rauc(), rate=200).confirm(30)


def test_an_update_whose_firmware_is_gone_goes_back(folder: Path) -> None:
    on_trial(folder)
    boots(folder, "B")
    rauc = Rauc()
    assert not trial(folder, rauc, rate=2000).confirm(30)
    assert rauc.told[-2:] == ["rauc status mark-bad", "systemctl reboot"]
    assert told(folder) == ("returned", "the firmware did not answer")


def test_an_update_whose_firmware_ends_at_every_start_is_not_waited_for(folder: Path) -> None:
    on_trial(folder)
    boots(folder, "B")
    rauc = Rauc()
    rauc.restarts = 5
    assert not trial(folder, rauc, rate=1.0).confirm(30)
    assert rauc.told[-2:] == ["rauc status mark-bad", "systemctl reboot"]
    assert told(folder) == ("returned", "the firmware ended at every start")


def test_the_old_system_knows_that_the_new_one_did_not_start(door: Bench, folder: Path) -> None:
    door.start()
    on_trial(folder)
    assert trial(folder, Rauc(), 1).confirm(0)
    assert told(folder) == ("returned", "the new system did not start")


def test_with_nothing_to_go_back_to_it_stays(folder: Path) -> None:
    rauc = Rauc()
    rauc.other = "bad"
    with pytest.raises(Failure, match="no other system"):
        trial(folder, rauc, rate=2000).confirm(30)
    assert "systemctl reboot" not in rauc.told


def test_a_wrong_site_file_is_no_reason_to_start_another_system(folder: Path) -> None:
    rauc = Rauc()
    rauc.ended = "2"
    with pytest.raises(Failure, match="refuses its site file"):
        trial(folder, rauc, rate=2000).confirm(30)
    assert "systemctl reboot" not in rauc.told


def test_an_answer_that_stops_is_a_fault_and_one_missing_answer_is_none() -> None:
    well = {"journal": True, "ill": []}
    watch = Watch(0, 600, frozenset())
    assert [watch.look(said, t) for t, said in enumerate((well, None, well, None, None))] == [None] * 5
    assert watch.look(None, 6) == "the firmware stopped answering"
    watch = Watch(0, 600, frozenset())
    assert watch.look({**well, "journal": False}, 1) is None and watch.look(well, 2) is None
    assert watch.look(well, 599_000) is None and watch.look(well, 600_002) == ""
    watch = Watch(0, 600, frozenset())
    assert watch.look(well, 1) is None
    assert watch.look({**well, "journal": False}, 2_100_001) == "the journal cannot be written"


def test_a_system_is_well_without_a_break_and_is_not_waited_for_for_ever() -> None:
    well, ill = {"journal": True, "ill": ["A: counter"]}, {"journal": True, "ill": ["A: gate"]}
    watch = Watch(0.0, 10, frozenset({"A: counter"}))
    looks = [(well, 0), (well, 9_999), (ill, 10_500), (well, 11_000), (well, 20_999), (well, 21_000)]
    assert [watch.look(said, at_ms) for said, at_ms in looks] == [None, None, None, None, None, ""]
    for said, because in ((ill, "out of order: A: gate"), ({"journal": False}, "the journal cannot be written")):
        watch = Watch(0.0, 10, frozenset())
        assert [watch.look(said, at_ms) for at_ms in (0, 330_000, 330_001)] == [None, None, because]


def test_wrong_words(capsys: pytest.CaptureFixture[str]) -> None:
    from firmware.__main__ import main

    for words in (["update"], ["update", "x", "--confirm"], ["update", "--confirm", "--minutes", "-1"]):
        assert main(words) == 2
    assert capsys.readouterr().out == ""


def test_the_cause_that_rauc_tells_before_its_last_line_is_told(folder: Path) -> None:
    def without_a_service(words: list[str]) -> subprocess.CompletedProcess[str]:
        said = "The name de.pengutronix.rauc was not provided by any .service files\nD-Bus error while installing `x`\n"
        return subprocess.CompletedProcess(words, 2, "", said)

    with pytest.raises(Failure, match=r"rauc ended with 2: The name .* was not provided .*; D-Bus error"):
        Slots(without_a_service).install(folder / "it.raucb")
