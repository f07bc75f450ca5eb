"""A pretended hall for tests of the hub and the page: what devices would say, made of the product's own types."""

from __future__ import annotations

from typing import Any

import msgspec

from firmware.core.records import AnyRecord, Clause, Decision, Passage
from mqtt.messages import LaneStatus, SensorStatus, Status

AT = "2022-06-10T08:56:{:02d}.125+08:00"


def decision(seq: int, answer: str = "admit", **more: Any) -> Decision:
    because = {"admit": "in_order", "refuse": "used", "wait": "hall_full", "staff": "old"}[answer]
    clause = {"admit": "3.1.1b", "refuse": "3.1.1a", "wait": "3.1.1b", "staff": "3.1.2a"}[answer]
    sign = {
        "admit": "请通行 前往3楼",
        "refuse": "预约已使用 请找工作人员",
        "wait": "大厅人数已满 请稍候",
        "staff": "需72小时内核酸阴性报告",
    }
    english = {
        "admit": "Please go in",
        "refuse": "Booking already used",
        "wait": "Hall is full",
        "staff": "See our staff",
    }
    made = Decision(
        **_root(seq),
        person="pseudonym-7",
        person_class="visitor",
        answer=answer,  # type: ignore[arg-type]
        clauses=(Clause(clause, answer, because),),  # type: ignore[arg-type]
        phrase=because,
        sign=sign[answer],
        sign_en=english[answer],
        trusted=(),
        rulebook=7,
        pass_id="0123456789abcdef",
        took_ms=0.9,
    )
    return msgspec.structs.replace(made, **more)


def passage(seq: int, direction: str = "in", inside: int | None = None) -> Passage:
    return Passage(**_root(seq), direction=direction, decision=None, expected=True, inside=inside)  # type: ignore[arg-type]


def _root(seq: int) -> dict[str, Any]:
    return {"id": f"e-{seq}", "seq": seq, "boot": "b", "at": AT.format(seq % 60), "at_trusted": True, "lane": "A"}


def encoded(record: AnyRecord) -> bytes:
    return msgspec.json.encode(record)


def status(device: str, **more: Any) -> Status:
    good = Status(
        v=1,
        device=device,
        hall="baoshan",
        version="0.1.0",
        at=AT.format(0),
        rulebook=7,
        phase="limited",
        limit_persons=200,
        inside=137,
        bank=True,
        uptime_s=4000,
        lanes=(LaneStatus(name="A", direction="in", state="idle", sensors=(SensorStatus(device="scanner"),)),),
    )
    return msgspec.structs.replace(good, **more)
