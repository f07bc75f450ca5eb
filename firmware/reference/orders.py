"""The orders a hub may give: what each does and what its `body` holds."""

from __future__ import annotations

from typing import NamedTuple


class Order(NamedTuple):
    name: str
    zh: str
    body: str
    """Keys of the body; a key in [brackets] may be left out."""
    about: str


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
    ),
    Order("release", "恢复进入", "[lane]", "ends such a hold; an isolation is ended by `sign_off` alone"),
    Order("evacuate", "疏散", "", "opens everything until a reset at the hall; obeyed at any age, on either path"),
    Order(
        "acknowledge",
        "确认事件",
        "incident, [office]",
        "the duty leader knows; `office`: the sub-district office was told",
    ),
    Order(
        "sign_off",
        "解除隔离",
        "lane or incident, [cleared]",
        "the lane comes back; `cleared`: this person may try again",
    ),
    Order("limit", "实时限额", "n", "people inside at once, the whole hall; the bank alone"),
    Order("recount", "清点人数", "inside", "so many people were counted, after everybody was held; the bank alone"),
    Order(
        "fence",
        "隔离设备名额",
        "inc, [evidence]",
        "an incarnation is locked out; `evidence`: rights given back for it; the bank alone",
    ),
    Order("drain", "交还名额", "[on]", "this device gives all its rights away before service"),
    Order("walk_in", "现场取号", "open", "people without a booking, today"),
    Order("quota", "当日限量", "n", "people without a booked slot, today, the whole hall"),
    Order("sweep", "清场", "", "everybody is out: the hall is closed and counts 0"),
    Order("rulebook_fallback", "恢复上一版规则", "", "the rulebook before this one"),
    Order("restart", "重启", "", "the firmware starts anew; the gate keeps its position"),
    Order("identify", "识别设备", "", "this device's signs and lamps show which one it is, for 10 s"),
)
