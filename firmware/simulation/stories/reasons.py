"""Why somebody was answered so: the words of the record in Chinese, for authors who write Chinese."""

from __future__ import annotations

import difflib

REASONS = {
    "early": "早到", "late": "迟到", "used": "已使用", "not_booked": "未预约", "expired": "预约过期",
    "wrong_hall": "大厅不符", "revoked": "已撤销", "hall_full": "人满", "quota": "名额已满", "closed": "未开放",
    "class_not_in_phase": "本阶段不接待", "closed_phase": "筹备阶段", "other_lane": "通道不符",
    "other_lift": "电梯不符", "car_full": "电梯已满", "car_over": "电梯超员", "party_over_car": "同行人数超出电梯",
    "pcr_missing": "无核酸", "pcr_too_old": "核酸过期", "positive": "阳性", "antigen_missing": "无抗原",
    "antigen_too_old": "抗原过期", "booking_missing": "缺预约码", "pcr_asked": "请出示核酸", "too_close": "间距不足",
    "too_soon": "间隔不足", "dense": "人员聚集", "air_bad": "通风换气", "symptoms": "身体不适", "elevated": "体温偏高",
    "other_zone": "非本岗位", "outside_band": "非当班时间", "passback": "重复进入",
    "interlock": "互锁", "first_person": "未开门", "take_turn": "请等前一位", "held": "暂停", "recount": "清点",
    "clock_doubtful": "时钟不可信", "journal_full": "记录已满", "gate_fault": "闸机故障", "no_test": "不是检测证明",
    "attendant_confirmed": "人工确认", "bad_signature": "签名不符", "not_read": "未读到",
    "host_asked": "请陪同刷牌", "host_missing": "无人陪同", "host_not_in_order": "陪同不符", "hand_over": "窗口交接",
    "party_too_large": "同行超限", "too_many_cases": "件数超限", "case_quota": "件数已满", "slot_quota": "本时段已满",
    "last_entry": "停止进场", "held_before": "此前已引导", "rulebook_out_of_date": "规则过期", "round_overdue": "等待消毒",
}  # fmt: skip
"""What a policy author needs most; every other reason may be written as it stands in the record (`snake_case`)."""
_FROM_CHINESE = {said: reason for reason, said in REASONS.items()}


def reason_of(text: str) -> str:
    """The record's word. ValueError, with the nearest, for a Chinese word that stands for none."""
    if text.isascii():
        return text.lower()
    if text not in _FROM_CHINESE:
        near = difflib.get_close_matches(text, _FROM_CHINESE, n=3, cutoff=0.3) or list(_FROM_CHINESE)[:8]
        raise ValueError(f"no such reason; here could stand: {', '.join(near)}")
    return _FROM_CHINESE[text]
