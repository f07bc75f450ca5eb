"""The plan's own sentences (`plan/mission.md`, "Words at the gate"), and those of a gate that has to say more than these.

A table beside the code that reads it: every start needs it, and the room that holds it reads no files.
"""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True):
    """What one person is told, in both languages. A sign's line is 14 Chinese characters wide, or 28 Latin letters."""

    sign_zh: str
    sign_en: str
    voice_zh: str
    voice_en: str


STAFF = Words(
    "请稍候 工作人员来引导",
    "Please wait, staff will help",
    "请稍候，工作人员马上来引导您。",
    "Please wait. A member of staff is coming to help you.",
)

PLAN: dict[str, Words] = {
    # ------------------------------------------------------------ yes
    "admit": Words(
        "请通行 前往{floor}楼{window}号窗口",
        "Pass: floor {floor}, window {window}",
        "核验通过，请通行。请乘{lift}到{floor}楼{window}号窗口。",
        "Thank you, please pass. Take {lift_en} to floor {floor}, window {window}.",
    ),
    "admit_ground": Words(
        "请通行 前往{window}号窗口",
        "Please pass: window {window}",
        "核验通过，请通行。请到一楼{window}号窗口。",
        "Thank you, please pass. Go to window {window} on this floor.",
    ),
    "admit_staff": Words(
        "请通行",
        "Please pass",
        "核验通过，请通行。上岗请佩戴口罩、面罩和手套。",
        "Thank you, please pass. At your post please wear mask, face shield and gloves.",
    ),
    "admit_party": Words(
        "请通行 共{n}人",
        "Please pass, {n} persons",
        "核验通过，{n}人请依次通行。",
        "Thank you. Please pass one by one, {n} persons.",
    ),
    "goodbye": Words("请慢走", "Goodbye", "请慢走，再见。", "Thank you, goodbye."),
    "idle": Words("请出示预约码", "Your booking code, please", "请出示预约码。", "Please show your booking code."),
    "identify": Words(
        "{door} {gate}号通道", "This is {door} {gate}", "这里是{door}，{gate}号通道。", "This is {door}, lane {gate}."
    ),
    # ------------------------------------------------------------ wait
    "hall_full": Words(
        "大厅人数已满 请稍候",
        "Hall full, please wait",
        "大厅人数已达上限，请在二米线外等候，有人离开后按顺序进入。",
        "The hall is full. Please wait behind the two-metre line; you enter in turn as people leave.",
    ),
    "queue_ahead": Words(
        "前面{n}人 约{m}分钟",
        "{n} ahead, about {m} min",
        "您前面还有{n}人，大约等候{m}分钟。",
        "There are {n} people ahead of you, about {m} minutes.",
    ),
    "density": Words(
        "入口人多 请稍候",
        "Crowded inside, please wait",
        "入口处人较多，请在二米线外稍候。",
        "It is crowded behind the gate. Please wait behind the two-metre line.",
    ),
    "airing": Words(
        "正在通风换气 请稍候",
        "Airing the hall, please wait",
        "大厅正在通风换气，请在二米线外稍候。",
        "The hall is being aired. Please wait behind the two-metre line.",
    ),
    "spacing": Words(
        "请在二米线外等候",
        "Wait behind the 2 m line",
        "请站在二米线外，等前一位通过后再扫码。",
        "Please stand behind the two-metre line and scan after the person ahead has passed.",
    ),
    "keep_distance": Words(
        "请保持二米间距",
        "Please keep 2 m apart",
        "请安静排队，保持二米间距，同行人员可站在一起。",
        "Please queue quietly, two metres apart. Those who came together may stay together.",
    ),
    "loitering": Words(
        "请勿在此停留聚集",
        "Please do not linger here",
        "请不要在入口处停留聚集，请前往办事窗口或指定区域。",
        "Please do not gather at the entrance. Please go on to your window.",
    ),
    "recorded": Words("已记录", "Recorded", "已记录。", "Recorded."),
    "take_turn": Words(
        "请等前一位通过",
        "Wait for the person ahead",
        "请等前一位通过后再扫码。",
        "Please scan again after the person ahead has passed.",
    ),
    "other_proof": Words(
        "请再出示核酸证明",
        "Now your PCR report",
        "请再出示核酸检测证明。",
        "Please show your PCR report as well.",
    ),
    "other_antigen": Words(
        "请再出示抗原证明",
        "Now your antigen tests",
        "请再出示抗原阴性证明，共需{days}天。",
        "Please show your negative antigen tests as well, of {days} days in all.",
    ),
    "other_booking": Words(
        "请再出示预约码",
        "Now your booking code",
        "请再出示预约码。",
        "Please show your booking code as well.",
    ),
    "take_temperature": Words(
        "请测量体温",
        "Please take your temperature",
        "请靠近测温仪，测量体温。",
        "Please step close to the thermometer.",
    ),
    "held": Words(
        "暂停进入 请稍候",
        "Entry paused, please wait",
        "入口暂停进入，请稍候。",
        "Entry is paused. Please wait.",
    ),
    "break": Words(
        "暂停进入 {time}恢复",
        "Entry paused until {time}",
        "入口暂停进入，{time}恢复，请稍候。",
        "Entry is paused until {time}. Please wait.",
    ),
    "recount": Words(
        "正在清点人数 请稍候",
        "Counting, please wait",
        "正在清点大厅人数，请稍候。",
        "People in the hall are being counted. Please wait.",
    ),
    # ------------------------------------------------------------ no, and the next step
    "early": Words(
        "未到预约时段 {time}再来",
        "Too early, come at {time}",
        "您的预约时段还没到，请{time}再来扫码。",
        "Your time slot has not begun. Please come and scan at {time}.",
    ),
    "late": Words(
        "已过预约时段 请改约",
        "Slot is over, please rebook",
        "您的预约时段已过，请用随申办重新预约，或请工作人员帮办。",
        "Your time slot is over. Please book again in Suishenban, or ask our staff.",
    ),
    "not_booked": Words(
        "请先预约 可电话预约",
        "Please book first, phone too",
        "请先预约取号。可用随申办宝山旗舰店，老年人、残疾人可电话预约。",
        "Please book first, in Suishenban. Elderly and disabled people may book by phone.",
    ),
    "used": Words(
        "预约已使用 请找工作人员",
        "Already used, ask staff",
        "这个预约已使用。如需再次进入，请找门口工作人员。",
        "This booking has been used. To come in again, please ask our staff at the door.",
    ),
    "not_read": Words(
        "未读到码 请调亮再扫",
        "Not read: brighten, rescan",
        "没有读到码，请调亮屏幕，正对扫码口再扫一次。",
        "The code was not read. Please brighten the screen and hold it straight to the scanner.",
    ),
    "invalid_code": Words(
        "此码无效 请找工作人员",
        "Code not valid, ask staff",
        "这个码无法核验，请找门口工作人员。",
        "This code cannot be verified. Please ask our staff at the door.",
    ),
    "not_verified": Words(
        "数字哨兵或场所码请核验",
        "Use sentinel or venue code",
        "请用数字哨兵或场所码登记核验，任选一种。",
        "Please verify at the digital sentinel or with the venue code, either of them.",
    ),
    "pcr": Words(
        "需{hours}小时内核酸阴性报告",
        "Negative PCR within {hours} h",
        "需要{hours}小时内核酸阴性报告。请到旁边找工作人员，也可网上办、快递办。",
        "A negative PCR report within {hours} hours is needed. Please ask our staff, or do it online or by courier.",
    ),
    "antigen": Words(
        "需{days}天抗原阴性证明",
        "Negative antigen, {days} days",
        "需要{days}天抗原阴性证明，请找工作人员。",
        "Negative antigen tests of {days} days are needed. Please ask our staff.",
    ),
    "assisted": Words(
        "请出示身份证件和离线码",
        "ID card and offline code",
        "请出示本人身份证件和随申办离线码，工作人员马上来确认。",
        "Please show your ID card and your Suishenban offline code. Our staff will come to confirm.",
    ),
    "assisted_paper": Words(
        "离线码{days}天内 请确认",
        "Paper code under {days} days?",
        "请出示纸质离线码，工作人员确认日期在{days}天以内。",
        "Please show your offline code on paper. Our staff confirm that it is not older than {days} days.",
    ),
    "assisted_health": Words(
        "请在哨兵刷身份证核验",
        "ID card to the sentinel",
        "请在数字哨兵上刷身份证核验。",
        "Please hold your identity card to the digital sentinel.",
    ),
    "show_card": Words(
        "请刷身份证 核对身份",
        "ID card on the reader",
        "请把身份证放在读卡器上核对身份。",
        "Please lay your identity card on the reader.",
    ),
    "mask": Words(
        "请佩戴口罩后进入", "Please wear a mask", "请佩戴口罩后进入大厅。", "Please put on a mask before entering."
    ),
    "closed": Words(
        "未到开放时间 {time}开放",
        "Closed, opens at {time}",
        "现在未到开放时间，{time}开放，也可网上办理。",
        "We are closed now, we open at {time}. Many services are online.",
    ),
    "closed_tomorrow": Words(
        "已闭馆 明天{time}开放",
        "Closed, opens tomorrow {time}",
        "大厅现在不开放，明天{time}开放，也可网上办理。",
        "We are closed now, we open tomorrow at {time}. Many services are online.",
    ),
    "not_in_phase": Words(
        "暂未开放 可网上办理",
        "Not open yet, see online",
        "大厅暂未对您开放，可网上办、掌上办、快递办。",
        "The hall is not open to you yet. Many services are online or by courier.",
    ),
    "wrong_lane": Words(
        "请走其他通道",
        "Please use another lane",
        "请走其他通道，可询问门口工作人员。",
        "Please use another lane, or ask our staff at the door.",
    ),
    "wrong_hall": Words(
        "预约的是其他大厅",
        "Booked for another hall",
        "您预约的是其他大厅，请核对预约信息。",
        "Your booking is for another hall. Please check it.",
    ),
    "expired": Words(
        "预约已过期 请重新预约",
        "Booking expired, book again",
        "您的预约已过期，请重新预约，或请工作人员帮办。",
        "Your booking has expired. Please book again, or ask our staff.",
    ),
    "quota": Words(
        "今日名额已满 请预约",
        "Full for today, please book",
        "今日名额已满，请预约改日再来，也可网上办、快递办。",
        "Today's places are taken. Please book another day; many services are online.",
    ),
    "slot_quota": Words(
        "本时段已满 请稍后再来",
        "Slot full, come later",
        "本时段名额已满，请下一时段再来。",
        "This time slot is full. Please come in the next one.",
    ),
    # ------------------------------------------------------------ to the staff, without a reason
    "staff": STAFF,
    "isolate": STAFF,
    "code": STAFF,
    "journal_full": STAFF,
    "same_person": STAFF,
    "revoked": STAFF,
    # ------------------------------------------------------------ the lane itself
    "gate_fault": Words(
        "通道故障 请走其他通道",
        "Fault, use another lane",
        "本通道故障，请走其他通道。",
        "This lane is out of order. Please use another one.",
    ),
    "evacuate": Words(
        "紧急疏散 由此离开",
        "EMERGENCY: leave this way",
        "紧急疏散，请由此离开。",
        "Emergency. Please leave the building this way.",
    ),
    "wrong_way": Words(
        "此处不能进入 请走入口",
        "No entry, use the entrance",
        "这里是出口，请从入口进入。",
        "This is the exit. Please use the entrance.",
    ),
    "wrong_way_out": Words(
        "这里是入口 请走出口",
        "Entrance, use the exit",
        "这里是入口，请从出口离开。",
        "This is the entrance. Please leave by the exit.",
    ),
    "tailgate": Words(
        "一人一码 请依次通行",
        "One code each, one by one",
        "请一人一码，依次通行。",
        "One code for each person, one by one please.",
    ),
    "confirmed": Words(
        "身份已确认 请通行", "Confirmed, please pass", "身份已确认，请通行。", "Confirmed, please pass."
    ),
    "badge": Words("请按确认键", "Press the button", "请按确认键。", "Please press the button."),
}
