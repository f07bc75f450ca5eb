"""A real device process on a bench: its firmware as shipped, real ptys, its own state directory, our keys and rulebook.

Everything is driven from outside, as a stranger would: lines written to a scanner's pty, frames read from a relay's.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from firmware.simulation.issuer import Issuer
from firmware.simulation.troupe import die_with_us
from firmware.verbs.run import HEAP

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
ON, OFF = bytes.fromhex("a00101a2"), bytes.fromhex("a00100a1")

RULEBOOK = """
v = 1
hall = "baoshan"
serial = {serial}
valid_from = 2020-01-01
valid_until = 2099-12-31
time_zone = "Asia/Shanghai"
limit_persons = {limit}
base_visits_per_day = 100000
walk_in = false
[[phase]]
name = "open"
from = 2020-01-01
share_percent = 100
classes = ["visitor", "staff"]
[hours]
monday = ["00:00-24:00"]
tuesday = ["00:00-24:00"]
wednesday = ["00:00-24:00"]
thursday = ["00:00-24:00"]
friday = ["00:00-24:00"]
saturday = ["00:00-24:00"]
sunday = ["00:00-24:00"]
[class.visitor]
booking = "required"
proof = [{proof}]
[gate]
grant_seconds = {grant}
pulse_ms = {pulse}
[spacing]
release_interval_ms = 0
{more}
"""


class Far:
    """The far end of one pty, under a name that stays the same when it is unplugged and plugged again."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.heard = b""
        self.plug()

    def plug(self) -> None:
        self.near, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.near, False)
        with contextlib.suppress(FileNotFoundError):
            self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(self.slave))

    def unplug(self) -> None:
        self.link.unlink(missing_ok=True)
        os.close(self.near)
        os.close(self.slave)

    def write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self.near, data) :]
            except BlockingIOError:
                select.select([], [self.near], [], 1)

    def is_read(self, wait_s: float = PATIENCE_S) -> None:
        """Wait until whoever opened the other end has taken all that was written."""
        unread, end = b"\1", time.monotonic() + wait_s
        while any(unread):
            assert time.monotonic() < end, "nobody reads it"
            time.sleep(0.01)
            unread = fcntl.ioctl(self.slave, termios.FIONREAD, bytes(4))

    def read(self, wait_s: float = 0.0) -> bytes:
        """Everything that came, waiting at most `wait_s` for the first byte."""
        if select.select([self.near], [], [], wait_s)[0]:
            with contextlib.suppress(BlockingIOError):
                self.heard += os.read(self.near, 65536)
        return self.heard

    def expect(self, wanted: bytes, wait_s: float = PATIENCE_S) -> bytes:
        """Wait until `wanted` was heard; forget it and everything before. Answers what came before it."""
        end = time.monotonic() + wait_s
        while wanted not in self.heard:
            assert time.monotonic() < end, f"{wanted!r} did not come; heard {self.heard!r}"
            self.read(0.05)
        before, _, self.heard = self.heard.partition(wanted)
        return before

    def silent(self, for_s: float, unwanted: bytes = ON) -> None:
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            self.read(0.02)
        assert unwanted not in self.heard, f"unexpected {self.heard!r}"


class Process(Protocol):
    """As much of `subprocess.Popen` as is needed here."""

    pid: int
    stdout: Any

    def send_signal(self, number: int, /) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None, /) -> int | None: ...


class Bench:
    """One entry lane with a text-line scanner and an LCUS relay.

    More by TOML lines: `keys` of the lane, `lane` (its devices), `rights` (its table) and `site`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hub: str = "",
        lane: str = "",
        direction: str = "in",
        site: str = "",
        name: str = "entry-1",
        bank: bool = True,
        issuer: Issuer | None = None,
        rights: str = "",
        keys: str = "",
        **book: Any,
    ):
        self.folder = folder
        self.issuer = issuer or Issuer.new("baoshan", hall_key=bytes(range(32)))
        self.book = {"serial": 1, "limit": 100, "proof": "", "grant": 10, "pulse": 300, "more": "", **book}
        folder.mkdir(parents=True, exist_ok=True)
        self.write_rulebook()
        (folder / "trust.jwks").write_bytes(self.issuer.trust_jwks())
        key = folder / "hall.key"
        key.write_bytes(base64.urlsafe_b64encode(bytes(range(32))))
        key.chmod(0o600)
        self.scanner, self.relay = Far(folder / "scanner"), Far(folder / "relay")
        self.state = folder / "state"
        self.site = folder / "site.toml"
        hub_table = f'[hub]\nurl = "{hub}"\n' if hub else ""
        self.site.write_text(
            f"""v = 1
[device]
name = "{name}"
hall = "baoshan"
{hub_table}[rights]
bank = {str(bank).lower()}
{rights}
[rulebook]
file = "rulebook.toml"
[trust]
keys = "trust.jwks"
hall_key = "hall.key"
{site}
[[lane]]
name = "A"
direction = "{direction}"
for = ["visitor"]
{keys}
[lane.scanner]
driver = "scanner_text_line"
port = "{self.scanner.link}"
[lane.gate]
driver = "gate_relay_lcus"
port = "{self.relay.link}"
channel = 1
{lane}"""
        )
        self.process: Process | None = None
        self.environment: dict[str, str] = {}
        self.more_words: list[str] = []
        self.within: list[str] = []
        """What the process is started by: `ip netns exec NAME` puts it on a host of its own."""

    def write_rulebook(self, **changes: Any) -> None:
        self.book.update(changes)
        text = RULEBOOK.format(**self.book).encode()
        (self.folder / "rulebook.toml").write_bytes(text)
        (self.folder / "rulebook.toml.sig").write_bytes(self.issuer.sign_rulebook(text))

    # ------------------------------------------------------------ the process

    def start(self) -> Bench:
        words = ["run", "--site", str(self.site), "--state", str(self.state), *self.more_words]
        self.process = self.spawned(words, self.folder / "stderr")
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "ready\n", f"{line!r} {self.errors}"
        return self

    def spawned(self, words: list[str], said: Path) -> Process:
        command = [*self.within, sys.executable, "-m", "firmware", *words]
        with said.open("ab") as errors:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **HEAP, **self.environment},
                preexec_fn=die_with_us,  # an orphan would open the next test's ptys by the same number
            )

    @property
    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """The exit code of one that was told to end. Told twice, it may die of the second signal in its last moments."""
        assert self.process is not None
        code = self.process.wait(PATIENCE_S)
        assert code is not None, "its nursery alone knows"
        self._forget()
        return code

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        for far in (self.scanner, self.relay):
            with contextlib.suppress(OSError):
                far.unplug()

    # ------------------------------------------------------------ visitors

    def booking(self, **claims: Any) -> bytes:
        now = int(time.time())
        return self.issuer.booking(**{"not_before_s": now - 3600, "expires_s": now + 3600, **claims}).encode()

    def scan(self, text: bytes) -> None:
        self.scanner.write(text + b"\r")

    def shows_badge(self, text: bytes) -> None:
        """As `scan`, and a button that is pressed now is pressed after it."""
        self.scan(text)
        self.scanner.is_read()

    # ------------------------------------------------------------ what is on record

    def records(self) -> list[dict[str, Any]]:
        """Every hub event in the journal, through the reader as anybody would."""
        from firmware.journal import Reader

        return [event for record in Reader(self.state).records() if record.count
                for event in json.loads(record.payload)["r"]]  # fmt: skip

    def replay(self) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "firmware", "replay", "--state", str(self.state)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@contextlib.contextmanager
def bench(folder: Path, **options: Any) -> Iterator[Bench]:
    made = Bench(folder, **options)
    try:
        yield made
    finally:
        made.close()
