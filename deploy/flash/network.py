"""How a door reaches its network, as files that systemd-networkd and wpa_supplicant read on the device."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from deploy.flash import passwords
from firmware.errors import Mistake

WIRED = "[Match]\nName=eth* en*\n\n[Network]\n"
WIRELESS = "[Match]\nName=wlan*\n\n[Network]\n"
SERVER = re.compile(r"[A-Za-z0-9.:-]+")
COUNTRY = re.compile(r"[A-Z]{2}")


def files(
    address: str, wifi: str | None, password: Path | None, country: str, time_servers: list[str]
) -> dict[str, bytes]:
    """By their path in the card's folder. `address`: dhcp, or ADDRESS/PREFIX,GATEWAY[,DNS...]. Raises Mistake."""
    if wrong := [server for server in time_servers if not SERVER.fullmatch(server)]:
        raise Mistake(f"write a time server's name or address, not {wrong[0]!r}", key="--ntp")
    if password is not None and wifi is None:
        raise Mistake("a wireless password needs its network: --wifi NAME", key="--wifi-password")
    lines = _address(address) + [f"NTP={server}" for server in time_servers]
    lines += ["", "[Link]", "RequiredForOnline=no", ""]
    body = "\n".join(lines)
    made = {"network/10-hallgate-wired.network": (WIRED + body).encode()}
    if wifi is not None:
        made["network/10-hallgate-wireless.network"] = (WIRELESS + body).encode()
        made["network/wlan0.conf"] = _wifi(wifi, password, country)
    return made


def _address(text: str) -> list[str]:
    if text == "dhcp":
        return ["DHCP=yes"]
    own, *others = text.split(",")
    try:
        if "/" not in own or not others:
            raise ValueError
        lines = [f"Address={ipaddress.ip_interface(own)}", f"Gateway={ipaddress.ip_address(others[0])}"]
        return lines + [f"DNS={ipaddress.ip_address(each)}" for each in others[1:]]
    except ValueError:
        raise Mistake(
            "write dhcp, or ADDRESS/PREFIX,GATEWAY,DNS: 10.0.0.12/24,10.0.0.1,10.0.0.1", key="--network"
        ) from None


def _wifi(name: str, password: Path | None, country: str) -> bytes:
    """Network names and passwords go as hex digits and in quotes: no character of theirs is a word of the file."""
    if not 1 <= len(name.encode()) <= 32:
        raise Mistake("a wireless network's name has 1 to 32 bytes", key="--wifi")
    if not COUNTRY.fullmatch(country):
        raise Mistake("write the country in two letters: CN", key="--country")
    key = "key_mgmt=NONE"
    if password is not None:
        key = f'psk="{passwords.read(password)}"'
    return f"country={country}\nnetwork={{\n\tssid={name.encode().hex()}\n\tscan_ssid=1\n\t{key}\n}}\n".encode()
