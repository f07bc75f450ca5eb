"""The steps of a start, in their order; each that fails is told with its number, and the others go on."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.first_boot import console, grow, lamp
from deploy.first_boot.codes import MEANINGS, Code
from deploy.first_boot.place import TICKET, Placing, Stop
from firmware import site
from firmware.clock import Clock
from firmware.core.actions import SignShow
from firmware.durable import make_folder, replace_file
from firmware.errors import Failure, HallgateError, Mistake
from firmware.language import spoken
from firmware.plugs import Plugs
from firmware.site import Lane, Site
from firmware.state_socket import ask
from firmware.trust import enrolment, enrolment_ticket

USER = "hallgate"
SHOWN_MS = 600_000
CHECK_S = 600
FIRST_BOOT = "first-boot.json"


@dataclass
class Start:
    """`leds`: where the kernel shows its lamps; `run_networks`: where systemd-networkd looks at run time."""

    placing: Placing
    leds: Path = lamp.LEDS
    networks: Path = Path("/run/systemd/network")
    troubles: list[tuple[Code, str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    # ------------------------------------------------------------ before the firmware

    def before_the_firmware(self) -> None:
        placing = self.placing
        fresh = placing.new()
        if fresh:
            self._step(self._grow)
            self._step(self._place)
        place = self._site()
        if place is None and not self.troubles:
            self._trouble(Code.NO_DOOR, f"{self.placing.site}/site.toml")
        self._step(self._network)
        self._step(lambda: console.allow(self.placing.console))
        if place is not None:
            self._step(lambda: self._enrolled_by_hand(place))
        self._step(self._owned)
        if fresh and place is not None:
            self._step(lambda: self._self_check(place))
            self._show(place)
        self._report(FIRST_BOOT)

    def _step(self, what: Any) -> None:
        try:
            what()
        except Stop as stop:
            self._trouble(stop.code, str(stop))
        except (HallgateError, OSError) as failed:
            self._trouble(Code.STORE, str(failed))

    def _trouble(self, code: Code, what: str) -> None:
        self.troubles.append((code, what))
        print(f"hallgate [{int(code)}] {spoken(MEANINGS[code])}: {spoken(what)}", file=sys.stderr, flush=True)

    def _did(self, what: str) -> None:
        if what:
            self.done.append(what)
            print(f"hallgate: {spoken(what)}", file=sys.stderr, flush=True)

    def _grow(self) -> None:
        self._did(grow.grow(self.placing.store))

    def _place(self) -> None:
        manifest = self.placing.place()
        fingerprint = self.placing.request(manifest["device"], manifest["hall"])
        self.placing.leave(manifest, fingerprint)
        what = f"this is {manifest['device']} in {manifest['hall']}; the fingerprint of its key: {fingerprint}"
        self._did(what)

    def _site(self) -> Site | None:
        file = self.placing.site / "site.toml"
        if not file.is_file():
            return None
        try:
            return site.load(str(file))
        except HallgateError as wrong:
            self._trouble(Code.SITE, str(wrong))
            return None

    def _network(self) -> None:
        """networkd reads /run; the root is never written. The name is what a router shows."""
        for file in sorted(self.placing.network.glob("*.network")):
            make_folder(self.networks)
            shutil.copyfile(file, self.networks / file.name)
        with contextlib.suppress(OSError):  # only root may
            socket.sethostname(site.device_name(self.placing.site / "site.toml"))

    def _enrolled_by_hand(self, place: Site) -> None:
        if self.placing.carried_certificate(place.device.name):
            self._did("the certificate on the card is in use")
        elif self.placing.leave_request_again(place.device.name):
            self._did("the request to be signed lies on the card again")

    def _owned(self) -> None:
        """The firmware is another user: it reads its secrets, nobody else does."""
        with contextlib.suppress(KeyError, PermissionError):
            owner = pwd.getpwnam(USER)
            for folder, _, files in os.walk(self.placing.site):
                for name in (".", *files):
                    os.chown(Path(folder) / name, owner.pw_uid, owner.pw_gid, follow_symlinks=False)

    def _self_check(self, place: Site) -> None:
        command = [sys.executable, "-P", "-m", "firmware", "doctor", "--quick", "--site", str(place.file)]
        command += ["--state", str(self.placing.store / "hallgate")]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=CHECK_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise Stop(Code.DEVICE, "the self check did not end well") from None
        ill = [
            f"{each['lane']} {each['device']}"
            for each in _found(done.stdout)
            if each["result"] not in ("works", "not_asked")
        ]
        if ill or done.returncode:
            raise Stop(Code.DEVICE, ", ".join(ill) or "the self check did not end well")
        self._did("the self check is well")

    def _show(self, place: Site) -> None:
        """On every sign of the door, for whoever stands there with a screwdriver."""
        code = self.code
        zh, en = ("自检正常", "Self check ok") if not code else (f"故障 {int(code)} 见手册", f"Fault {int(code)}")
        plugs = Plugs(Clock())
        for lane in place.lanes:
            if "sign" in lane.devices:
                with contextlib.suppress(HallgateError):
                    _show_at(plugs, lane, zh, en)
        plugs.close()

    @property
    def code(self) -> Code:
        """What is blinked: of several, what comes first in a morning."""
        return min((code for code, _ in self.troubles), default=Code.WELL)

    def _report(self, name: str) -> None:
        lamp.blink(self.code, self.leds)
        told = {
            "v": 1,
            "at_s": Clock().wall_ms() // 1000,
            "device": site.device_name(self.placing.site / "site.toml"),
            "code": int(self.code),
            "troubles": [{"code": int(code), "what": what} for code, what in self.troubles],
            "done": self.done,
        }
        with contextlib.suppress(HallgateError):
            make_folder(self.placing.store / "hallgate")
            replace_file(self.placing.store / "hallgate" / name, json.dumps(told, ensure_ascii=False).encode() + b"\n")
        print(json.dumps(told, ensure_ascii=False), flush=True)

    # ------------------------------------------------------------ beside the firmware, when there is a network

    def enrol(self) -> None:
        """Once, by the ticket. Raises Failure while nobody is there, Mistake when it is refused for good."""
        file = self.placing.site / TICKET
        if not file.is_file():
            return
        self.troubles += self._told_before()
        try:
            ticket = json.loads(file.read_bytes())
            name, url, secret = (
                site.device_name(self.placing.site / "site.toml"),
                str(ticket["url"]),
                str(ticket["ticket"]),
            )
            answer = enrolment_ticket.ask(url, secret, name, (self.placing.site / f"{name}.csr").read_bytes())
            now = dt.datetime.fromtimestamp(Clock().wall_ms() / 1000, dt.UTC)
            enrolment.take_over(self.placing.site, name, answer.certificate.encode(), url, now)
        except (HallgateError, ValueError, KeyError, OSError) as failed:
            self._trouble(Code.ENROLMENT, str(failed))
            lamp.blink(self.code, self.leds)
            if isinstance(failed, Failure | Mistake):
                raise
            raise Failure(f"{file}: {failed}") from None
        file.unlink()
        self._did("enrolled")
        self._report("enrolled.json")
        self._owned()

    def clock(self, socket: Path) -> None:
        """Whether the firmware believes its clock. Raises Failure while it does not, or does not answer: asked again later."""
        because = str(ask(socket).get("clock", ""))
        self.troubles += self._told_before()
        if (self.placing.site / TICKET).is_file():
            self.troubles.append((Code.ENROLMENT, "the ticket is not spent"))
        if because:
            self._trouble(Code.CLOCK, because)
        lamp.blink(self.code, self.leds)
        if because:
            raise Failure(because)

    def _told_before(self) -> list[tuple[Code, str]]:
        """What this device's start found: it stays on the lamp beside what is found later."""
        try:
            told = json.loads((self.placing.store / "hallgate" / FIRST_BOOT).read_bytes())
            return [(Code(each["code"]), str(each["what"])) for each in told["troubles"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []


def _show_at(plugs: Plugs, lane: Lane, zh: str, en: str) -> None:
    order = SignShow(lane=lane.name, zh=zh, en=en, show_ms=SHOWN_MS)
    plugs.tell(lane, lane.devices["sign"], lambda encoder: encoder.order(order, Clock().elapsed_ms()))


def _found(said: bytes) -> list[dict[str, Any]]:
    try:
        return list(json.loads(said)["devices"])
    except (ValueError, KeyError, TypeError):
        return []
