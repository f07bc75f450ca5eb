"""`evacuation/<device>`, on the side link alone: the evacuations this door was ordered, as the hub signed them.

A door that the broker does not reach hears them from one that it does, obeys (whatever their age, until somebody resets
there) and tells them on. The broker does not carry them: what it keeps for whoever comes later would evacuate a door that
was put in a year after the fire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from firmware.core.records import AnyRecord, CommandDone
from firmware.peers.notices import By, NoticeKind, of_itself

if TYPE_CHECKING:
    from firmware.wiring import Device


class Told(msgspec.Struct, frozen=True):
    v: int
    orders: tuple[str, ...]
    """Compact JWS, as the hub's `evacuate` came. Empty: they were all reset here."""


def evacuations(device: Device) -> NoticeKind:
    """The kind of notice that carries them."""
    return of_itself("evacuation", device, _Ear(device), after=_ordered, by_broker=False)


def _ordered(records: list[AnyRecord]) -> bool:
    return any(isinstance(record, CommandDone) and record.name in ("evacuate", "reset") for record in records)


class _Ear:
    def __init__(self, device: Device) -> None:
        self._device = device
        self._told = False
        self._heard: dict[str, tuple[str, ...]] = {}

    def own(self) -> bytes | None:
        orders = self._device.orders.evacuations()
        self._told = self._told or bool(orders)
        return msgspec.json.encode(Told(1, orders)) if self._told else None

    def hear(self, name: str, content: bytes, _by: By) -> None:
        """Judged in the loop's thread, where orders are; said again it is no news."""
        orders = msgspec.json.decode(content, type=Told).orders
        if self._heard.get(name) != orders:
            self._heard[name] = orders
            self._device.loop.call(lambda: self._device.orders.handed_on(orders))
