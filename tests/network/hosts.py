"""Hosts of a hall's network: namespaces with addresses of their own, joined by a switch, with cables that can be pulled.

Between any two of them packets can be dropped, refused or lost by chance (nft); on a line that goes through a
`tests/network/wire.py` they can also come late, twice and in another order. Nothing of it touches this machine's own network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Literal

PORT = 7946


def ip(*words: str, check: bool = True) -> bool:
    return subprocess.run(["ip", *words], check=check, capture_output=True).returncode == 0


def refused() -> str:
    """Why there can be no such hosts here; empty: there can."""
    name = f"hg-try-{os.getpid()}"
    if shutil.which("ip") is None or not ip("netns", "add", name, check=False):
        return "ip netns is not permitted here (needs root and iproute2)"
    ip("netns", "del", name, check=False)
    return "" if shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin") else "not installed: nft"


class Network:
    """`names` are hosts, each with one address and one cable to the switch."""

    def __init__(self, *names: str) -> None:
        self._prefix = f"hg{os.getpid()}"
        self._addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 1)}
        self._switch = self.namespace("switch")
        try:
            self._make(names)
        except BaseException:
            self.close()
            raise

    def _make(self, names: tuple[str, ...]) -> None:
        for name in ("switch", *names):
            ip("netns", "add", self.namespace(name))
            ip("-n", self.namespace(name), "link", "set", "dev", "lo", "up")
        ip("-n", self._switch, "link", "add", "bridge", "type", "bridge")
        ip("-n", self._switch, "link", "set", "dev", "bridge", "up")
        for name in names:
            self._plug_in(name)

    def _plug_in(self, name: str) -> None:
        host = self.namespace(name)
        ip("link", "add", "eth0", "netns", host, "type", "veth", "peer", "name", name, "netns", self._switch)
        ip("-n", self._switch, "link", "set", "dev", name, "master", "bridge", "up")
        ip("-n", host, "address", "add", f"{self._addresses[name]}/24", "dev", "eth0")
        ip("-n", host, "link", "set", "dev", "eth0", "up")
        subprocess.run(self.on(name, "nft", "-f", "-"), input=TABLE, text=True, check=True)

    def namespace(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def address(self, name: str, port: int = PORT) -> str:
        return f"{self._addresses[name]}:{port}"

    def on(self, name: str, *command: str) -> list[str]:
        """A command line that runs there."""
        return ["ip", "netns", "exec", self.namespace(name), *command]

    # ------------------------------------------------------------ what happens to networks

    def cable(self, name: str, state: Literal["up", "down"]) -> None:
        ip("-n", self._switch, "link", "set", "dev", name, state)

    def cut(self, hearer: str, speaker: str, how: Literal["drop", "reject"] = "drop") -> None:
        """`hearer` hears no more of what `speaker` says; the other direction goes on."""
        self._rule(hearer, f"ip saddr {self._addresses[speaker]} {how}")

    def part(self, one: str, other: str, how: Literal["drop", "reject"] = "drop") -> None:
        self.cut(one, other, how)
        self.cut(other, one, how)

    def lose(self, hearer: str, percent: int) -> None:
        """So many of a hundred packets to `hearer` never arrive, by chance."""
        self._rule(hearer, f"numgen random mod 100 < {percent} drop")

    def heal(self) -> None:
        """Every cable is in and nothing is held back."""
        for name in self._addresses:
            self.cable(name, "up")
            subprocess.run(self.on(name, "nft", "flush", "chain", "inet", "hall", "in"), check=True)

    def _rule(self, host: str, rule: str) -> None:
        subprocess.run(self.on(host, "nft", "add", "rule", "inet", "hall", "in", *rule.split()), check=True)

    def close(self) -> None:
        for name in ("switch", *self._addresses):
            ip("netns", "del", self.namespace(name), check=False)


TABLE = "table inet hall { chain in { type filter hook input priority 0; policy accept; }; }"
