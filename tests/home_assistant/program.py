"""The real Home Assistant, installed once into a folder of its own, started on loopback, asked over its own REST interface.

It is no part of our environment: it wants Python 3.13, 600 MB and fixed versions of half of PyPI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

VERSION = "2025.4.4"
"""The first with device discovery whose packages PyPI has for 3.13 as wheels; it asks for exactly this paho."""
PACKAGES = (f"homeassistant=={VERSION}", "paho-mqtt==2.1.0", "home-assistant-frontend==20250411.0")
PYTHON = "3.13"
USER = {"name": "test", "username": "test", "password": "test-test-1", "language": "en"}
START_S = 240.0


def folder() -> Path:
    """`HALLGATE_HOME_ASSISTANT`, or in the user's cache: it outlives a checkout."""
    named = os.environ.get("HALLGATE_HOME_ASSISTANT")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / f"hallgate/home-assistant-{VERSION}"


def python() -> str | None:
    """A Python 3.13 of this machine: on PATH, or of pyenv."""
    found = [shutil.which(f"python{PYTHON}"), *map(str, Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/python"))]
    return next((one for one in found if one and _says_its_version(one)), None)


def _says_its_version(program: str) -> bool:
    """pyenv puts shims on PATH that only say that nothing is chosen."""
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return answer.stdout.startswith(f"Python {PYTHON}.")


def installed() -> Path:
    """The `hass` program; installed when it is not there yet (some minutes)."""
    hass = folder() / "bin/hass"
    if not (folder() / "whole").exists():
        own = python()
        if own is None:
            pytest.skip(f"Home Assistant {VERSION} needs Python {PYTHON}: put python{PYTHON} on PATH")
        subprocess.run([own, "-m", "venv", "--clear", folder()], check=True)
        subprocess.run([folder() / "bin/pip", "install", "--quiet", "--prefer-binary", *PACKAGES], check=True)
        (folder() / "whole").touch()
    return hass


class HomeAssistant:
    """Started by `start`, stopped by its id. `states`: what its own wall would show."""

    def __init__(self, program: Path, config: Path, port: int) -> None:
        self._program, self._config, self._port = program, config, port
        self._token = ""
        self.process: subprocess.Popen[bytes] | None = None
        config.mkdir(parents=True, exist_ok=True)
        (config / "configuration.yaml").write_text(
            f"http:\n  server_host: 127.0.0.1\n  server_port: {port}\napi:\nconfig:\nonboarding:\nlogger:\n  default: warning\n"
        )

    def start(self) -> HomeAssistant:
        with open(self._config / "out", "ab") as out:
            words = [self._program, "--config", self._config, "--skip-pip"]
            self.process = subprocess.Popen(words, stdout=out, stderr=out)
        self._until(self._answers)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    @property
    def log(self) -> str:
        return (self._config / "out").read_text(errors="replace")

    def move_in(self, broker_port: int) -> None:
        """The first user, and the broker, as a person would enter them."""
        client = f"http://127.0.0.1:{self._port}/"
        code = self.ask("/api/onboarding/users", {**USER, "client_id": client})["auth_code"]
        words = f"grant_type=authorization_code&code={code}&client_id={client}"
        self._token = self.ask("/auth/token", words)["access_token"]
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt"})["flow_id"]
        made = self.ask(f"/api/config/config_entries/flow/{flow}", {"broker": "127.0.0.1", "port": broker_port})
        assert made["type"] == "create_entry", made

    def states(self) -> dict[str, dict[str, Any]]:
        """By the name that its wall shows: this version makes its entity ids of names, newer ones take ours."""
        return {str(one["attributes"].get("friendly_name")): one for one in self.ask("/api/states")}

    def shows(self, wanted: dict[str, str], timeout_s: float = 60.0) -> dict[str, dict[str, Any]]:
        """Wait until the entities of these names have these states; everything it shows then."""
        shown = dict[str, dict[str, Any]]()

        def all_of_them() -> bool:
            shown.update(self.states())
            return all(shown.get(name, {}).get("state") == state for name, state in wanted.items())

        end = time.monotonic() + timeout_s
        while not all_of_them():
            now = {name: shown.get(name, {}).get("state") for name in wanted}
            assert time.monotonic() < end, f"wanted {wanted}, shows {now} of {sorted(shown)}\n{self.log[-1000:]}"
            time.sleep(0.2)
        return shown

    def ask(self, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        headers["Content-Type"] = "application/x-www-form-urlencoded" if isinstance(body, str) else "application/json"
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log[-3000:]
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/onboarding", timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code != 404
        except OSError:
            return False
        return True

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + START_S
        while not true():
            assert time.monotonic() < end, self.log[-3000:]
            time.sleep(0.5)
