"""The orders a hub may give: what each does, and what its `body` holds. What they are refused with: `mqtt/refusals.py`."""

from __future__ import annotations

from typing import Literal, NamedTuple

At = Literal["device", "bank", "either", "every"]


class Order(NamedTuple):
    name: str
    zh: str
    body: str
    """Keys of the body; a key in [brackets] may be left out, of two joined by `or` one is needed."""
    about: str
    at: At = "device"
    """Whom it is for: one device; the bank; the bank unless it names a lane; every device of the hall."""

    @property
    def needed(self) -> tuple[tuple[str, ...], ...]:
        """Of each group one key has to be there."""
        groups = self.body.partition("[")[0].strip(" ,").split(", ")
        return tuple(tuple(group.split(" or ")) for group in groups if group)

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key the body may have."""
        optional = self.body.partition("[")[2].rstrip("]").split(", ")
        return (*(key for group in self.needed for key in group), *(key for key in optional if key))


ORDERS = (
    Order("open_once", "放行一次", "lane", "one passage through this lane; counted, and on record with who ordered it"),
    Order(
        "confirm_identity", "确认身份", "lane, attendant", "a named attendant has compared the person with the document"
    ),
    Order(
        "venue_code",
        "场所码核验",
        "lane, pass_id, [code, pcr, sampled_at]",
        "the visitor's own phone has checked in; for seconds",
    ),
    Order(
        "hold",
        "暂停进入",
        "[lane, reason]",
        "nobody enters by this lane; without a lane: by any of the hall. Exits go on",
        "either",
    ),
    Order("release", "恢复进入", "[lane]", "ends such a hold; an isolation is ended by `sign_off` alone", "either"),
    Order(
        "evacuate", "疏散", "", "opens everything until a reset at the hall; obeyed at any age, on either path", "every"
    ),
    Order(
        "acknowledge",
        "确认事件",
        "incident, [office]",
        "the duty leader knows; `office`: the sub-district office was told",
    ),
    Order(
        "sign_off",
        "解除隔离 登记消毒",
        "lane or incident or point, [cleared]",
        "of an isolation: the lane comes back; `cleared`: this person may try again. Of a round: `point` was done just now",
    ),
    Order("refill", "登记补充物资", "item, [n]", "`n` units were put into a dispenser; without a number it is full"),
    Order("limit", "实时限额", "n", "people inside at once, the whole hall; the bank alone", "bank"),
    Order(
        "recount", "清点人数", "inside", "so many people were counted, after everybody was held; the bank alone", "bank"
    ),
    Order(
        "fence",
        "隔离设备名额",
        "inc, [evidence, seq, moves]",
        "an incarnation is locked out; `evidence`: rights given back for it, with the rest of the line that "
        "`hallgate replay --rights` printed; the bank alone",
        "bank",
    ),
    Order("drain", "交还名额", "[on]", "this device gives all its rights away before service"),
    Order("walk_in", "现场取号", "open", "people without a booking, today", "every"),
    Order("quota", "当日限量", "n", "people without a booked slot, today, the whole hall", "every"),
    Order("sweep", "清场", "", "everybody is out: the hall is closed and counts 0", "every"),
    Order("rulebook_fallback", "恢复上一版规则", "", "the rulebook before this one"),
    Order("restart", "重启", "", "the firmware starts anew; the gate keeps its position"),
    Order(
        "update",
        "更新",
        "url, sha256, version",
        "fetch this bundle, install it at a quiet moment, go back by itself if it does not stay well; "
        "`update` in the status tells how far it is",
    ),
    Order("identify", "识别设备", "", "this device's signs and lamps show which one it is, for 10 s"),
)

KEYS: dict[str, type] = {
    **dict.fromkeys(("n", "inside", "evidence", "seq", "moves", "sampled_at"), int),
    **dict.fromkeys(("on", "open", "office", "cleared"), bool),
}
"""What a body's key holds; every other one is text."""
