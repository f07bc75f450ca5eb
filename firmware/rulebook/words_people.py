"""The words for classes of people, bookings and the way out of a no: (sign zh, sign en, voice zh, voice en)."""

from __future__ import annotations

PEOPLE: dict[str, tuple[str, str, str, str]] = {
    "wrong_lift": (
        "请改乘另一部电梯",
        "Please take the other lift",
        "这部电梯另有用途，请您改乘{lift}。",
        "This lift has another use. Please take {lift_en}.",
    ),
    "car_full": (
        "电梯已满 请等下一趟",
        "Lift full, wait for the next",
        "电梯人数已满，请在二米线外等候下一趟。",
        "The lift is full. Please wait behind the two-metre line for the next one.",
    ),
    "car_over": (
        "电梯人多 请后上者退出",
        "Too many, last ones step out",
        "电梯人数超出，请最后上来的乘客退出，等候下一趟。",
        "Too many in the lift. Would the last to enter please step out and take the next one.",
    ),
    "evacuate_lift": (
        "禁乘电梯 请走疏散楼梯",
        "No lift! Leave by the stairs",
        "发生紧急情况，禁止乘坐电梯，请走疏散楼梯离开。",
        "Emergency. Do not take the lift. Please leave by the stairs.",
    ),
    "early_day": (
        "未到预约日 {date}再来",
        "Booked for {day}, come then",
        "您的预约不在今天，请{date}{time}再来扫码。",
        "Your booking is not for today. Please come on {day} at {time}.",
    ),
    "closed_day": (
        "已闭馆 {date}开放",
        "Closed, opens on {day}",
        "大厅现在不开放，{date}{time}开放，也可网上办理。",
        "We are closed until {day}, {time}. Many services are online.",
    ),
    "last_entry": (
        "今日已停止入场 请改约",
        "No more entry today",
        "今日已停止入场，请预约改日再来，也可网上办理。",
        "Entry is over for today. Please book another day; many services are online.",
    ),
    "last_entry_break": (
        "停止入场 {time}再开放",
        "No entry now, opens at {time}",
        "现在已停止入场，{time}再开放，请届时再来。",
        "Entry is over for now. We open again at {time}, please come back then.",
    ),
    "no_slot": (
        "请按批次时段预约",
        "Please book a batch and time",
        "请先约定批次和时段，再来集中办理。",
        "Please agree on a batch and a time slot first.",
    ),
    "party_too_large": (
        "人数超出 请找工作人员",
        "Too many, ask staff",
        "本预约限{n}人进入，请找门口工作人员。",
        "This booking is for {n} at most. Please ask our staff at the door.",
    ),
    "wide_lane": (
        "请走无障碍宽通道",
        "Use the wide lane, please",
        "请走无障碍宽通道，工作人员会帮助您。",
        "Please use the wide lane. Our staff will help you.",
    ),
    "host_asked": (
        "请接待人员刷工作证",
        "Your host's badge, please",
        "请接待您的工作人员出示工作证。",
        "Please have your host show the staff badge.",
    ),
    "host_missing": (
        "请接待人员到场陪同",
        "Your host must come along",
        "请联系接待您的工作人员，到门口陪同进入。",
        "Please call your host to the door. You enter together.",
    ),
    "hand_over": (
        "请在此交接 不必进厅",
        "Please hand over here",
        "请在这里交接物品，工作人员马上来，不必进入大厅。私人寄递物品不得送入。",
        "Please hand over here. Our staff will come; there is no need to enter. Private parcels are not taken.",
    ),
    "responder": (
        "应急通道已开 请通行",
        "Emergency lane open",
        "应急通道已打开，请通行。",
        "The emergency lane is open. Please pass.",
    ),
    "round_done": (
        "消毒已登记 谢谢",
        "Disinfection recorded",
        "本次消毒已登记，谢谢。",
        "This round is on record. Thank you.",
    ),
    "round_overdue": (
        "暂停进入 等待消毒",
        "Paused for disinfection",
        "这里等待消毒，暂停进入，请稍候。",
        "Entry is paused until this place has been disinfected. Please wait.",
    ),
    "case_quota": (
        "今日件数已满 请改约",
        "No more cases today",
        "今日可受理的件数已满，请改约，也可网上办、快递办。",
        "No more cases can be taken today. Please book another day, or use the online or courier service.",
    ),
    "contact": (
        "咨询{phone}",
        "Call {phone}",
        "可用{online}网上办理。咨询电话{phone}。",
        "You may use {online_en}. For questions call {phone}.",
    ),
}
