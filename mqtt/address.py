"""Where the broker is and how we prove who we are: `mqtt://host:1883`, `mqtts://host:8883`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

import msgspec

from firmware.errors import Mistake

if TYPE_CHECKING:
    import ssl

PORTS = {"mqtt": 1883, "mqtts": 8883}


class TlsFiles(Protocol):
    """`[hub.tls]` of a site file: `ca`, and this device's own `cert` and `key` (paths)."""

    @property
    def ca(self) -> Any: ...
    @property
    def cert(self) -> Any: ...
    @property
    def key(self) -> Any: ...


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """The broker. With a `mqtts://` URL the line is encrypted; `cert` and `key` are this device's own."""

    host: str
    port: int = 1883
    encrypted: bool = False
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @classmethod
    def parse(cls, url: str, tls: TlsFiles | None = None) -> Address:
        """Read a broker's URL; user and password may stand in it. Mistake when it cannot be one."""
        try:
            parts = urlsplit(url if "://" in url else f"mqtt://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            raise Mistake(f"{url!r} is no broker address: write mqtt://host:1883", key="url") from None
        if parts.scheme not in PORTS or not host or port == 0 or parts.path not in ("", "/") or parts.query:
            raise Mistake(f"{url!r} is no broker address: write mqtt://host:1883 or mqtts://host:8883", key="url")
        if tls is not None and parts.scheme != "mqtts":
            raise Mistake("certificates need an mqtts:// address", key="url")
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            encrypted=parts.scheme == "mqtts",
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            ca=_path(tls and tls.ca),
            cert=_path(tls and tls.cert),
            key=_path(tls and tls.key),
        )

    @classmethod
    def typed(cls, url: str, tls: TlsFiles | None = None) -> Address:
        """As `parse`, for who sits before it: Mistake also for a host that nobody can look up. A door starts with one."""
        made = cls.parse(url, tls)
        if not is_host(made.host):
            raise Mistake(f"{url!r} is no broker address: write mqtt://host:1883", key="url")
        return made

    def tls(self, now_s: float | None = None) -> ssl.SSLContext | None:
        """A fresh context, so that rotated certificates are taken at the next connection. Failure when unusable.

        `now_s`: wall time in seconds since 1970, to say clearly when our own certificate is out of date.
        """
        if not self.encrypted:
            return None
        from mqtt.tls import context  # a plain line does not pay for certificates: here and below

        return context(self.ca, self.cert, self.key, now_s)

    def told(self, error: object) -> str:
        """What `error` of an encrypted line means, and what to do; empty for any other."""
        if not self.encrypted:
            return ""
        from mqtt.tls import told

        return told(error)

    def why_broken_off(self) -> str:
        """Ask the broker once more why it ends an encrypted line; empty when it does not tell. Takes up to 2 s."""
        if (made := self.tls()) is None:
            return ""
        from mqtt.tls import why_broken_off

        return why_broken_off(self.host, self.port, made)


def is_host(host: str) -> bool:
    """A name as the DNS takes it (RFC 1035), or an address."""
    parts = host.removesuffix(".").split(".")
    return all(0 < len(part) < 64 and part.isprintable() and " " not in part for part in parts)


def _path(file: Any) -> str | None:
    return str(file) if file else None
