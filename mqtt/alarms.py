"""What a device may call for help with: what each alarm means, what somebody does about it, and what ends it.

A short name for each stands in `words.py`, as all names of the page do.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Over = Literal["itself", "somebody", "once"]


class Told(NamedTuple):
    """`over` says what ends it: `itself` with `active` false; `somebody` who acts first; `once`: it has no end, it happened."""

    alarm: str
    over: Over
    zh: str
    """What to do, for those at the gate."""
    about: str


ALARMS = (
    # people at a gate
    Told(
        "tailgate",
        "once",
        "有人未经放行进入，已计入人数：请引导人员上前",
        "somebody came in without a grant, and is counted: go there",
    ),
    Told("wrong_way", "once", "有人逆行：请上前引导", "somebody went against the lane's direction: go there"),
    Told(
        "passback",
        "once",
        "同一张码进入后没有看到离开又进入：请核对",
        "a pass came in again and was not seen leaving: look who it is",
    ),
    Told(
        "double_use",
        "once",
        "同一张码在两扇门用过：请核对两处的人",
        "one pass was used at two doors: look who came in by each",
    ),
    Told(
        "held_person", "once", "今天被带离的人又来了：请到该通道", "who was led away today tries again: go to that lane"
    ),
    Told("symptoms", "once", "请工作人员到该通道", "somebody of the staff goes to that lane"),
    Told(
        "duress",
        "somebody",
        "胁迫报警，门上不显示：按应急预案处理",
        "a silent call for help, the gate shows nothing: act by your plan",
    ),
    Told(
        "button_without_badge",
        "once",
        "按了按钮但没有先刷工作牌：先刷牌再按",
        "the attendant's button without a badge: show the badge first",
    ),
    Told(
        "obstructed",
        "itself",
        "有人或物停在通道里，门不会关：请移开",
        "a body or a thing stays in the passage, and the gate waits: clear it",
    ),
    Told("car_over", "itself", "电梯超员：请后上的人出来", "too many stand in the lift: the last ones step out"),
    Told("too_close", "itself", "排队间距不足：请引导", "people queue too closely: ask them to keep their distance"),
    Told("dense", "itself", "闸机后人太多，暂停进入：请疏导", "too many behind the gate, entry waits: lead them on"),
    Told("loitering", "itself", "有人在闸机后停留：请引导往里走", "people stay behind the gate: ask them to walk on"),
    Told(
        "saturated", "once", "人并排通过，计数存疑：请现场数一下", "people abreast, the counter is unsure: count by eye"
    ),
    Told("responder", "itself", "应急人员打开了通道：不要关门", "responders opened a lane: let it stand open"),
    # leaves and the fire loop
    Told("forced", "itself", "门被强行打开：请去查看", "a leaf opened without a grant: look"),
    Told("held_open", "itself", "门一直开着：请关上", "a leaf stays open: shut it"),
    Told(
        "fire",
        "somebody",
        "火警或回路断线：疏散；确认安全后在门上复位",
        "fire, or a cut loop: evacuate; reset at the gate when it is safe",
    ),
    Told("fire_door_open", "itself", "防火门开着：请关上", "a fire door stands open: shut it"),
    Told(
        "exit_unheard",
        "itself",
        "出口听不到有人要出去，已放开：修好传感器",
        "an exit cannot hear who wants to leave, and stands open: mend it",
    ),
    # the hall's numbers
    Told(
        "power_loss",
        "once",
        "断过电：查明原因，入口等清点",
        "power was lost while people may have been inside: find out why",
    ),
    Told(
        "recount_needed",
        "somebody",
        "人数未知，入口暂停：清点后恢复",
        "nobody knows who is inside, entry is held: recount",
    ),
    Told(
        "recount_given_up",
        "once",
        "清点中止，没有补回名额：重新清点",
        "a recount ended before all had answered: begin it again",
    ),
    Told(
        "undercount",
        "once",
        "离开的比进入的多：查未计数的入口，清点",
        "more left than came in: find the way in that nobody counts, and recount",
    ),
    Told(
        "people_inside",
        "itself",
        "闭馆后还有人：巡查后按清场",
        "people are counted inside after closing: sweep the hall",
    ),
    Told(
        "quarantine",
        "somebody",
        "这台设备的账不可信，只出不进：按 docs/limit.md 处理",
        "its books cannot be true, nobody comes in here: docs/limit.md has the steps",
    ),
    Told("fenced", "once", "旧设备已隔离，名额已收回", "a dead device was written off, its rights are back"),
    Told(
        "two_of_one_name",
        "itself",
        "有两台设备用这个名字，轮流掉线：给一台改名，或收起一台",
        "two devices bear this name and push each other off the broker: rename one, or put it away",
    ),
    Told(
        "bank_waits",
        "itself",
        "总库还没有接任，限额改不了：按 docs/limit.md 停掉或注销旧总库",
        "the bank has not taken over and no limit changes: stop or fence the one before, as in docs/limit.md",
    ),
    Told(
        "too_many_devices",
        "itself",
        "大厅记不下更多设备，新设备没有名额：隔离已不用的设备",
        "no room for one more device: fence those that are no more",
    ),
    # air, disinfection, supplies
    Told("air", "itself", "空气不好：开窗通风", "bad air: open the windows"),
    Told("window_shut", "itself", "应开窗：请打开", "a window should be open: open it"),
    Told("conditioning_on", "itself", "中央空调应关闭：请关掉", "the air conditioning should be off: switch it off"),
    Told("round_overdue", "itself", "消毒严重超时：去做并签名", "a disinfection is much too late: do it and sign"),
    Told("supply_low", "itself", "防疫物资不足：补充并登记", "supplies run low: refill and say so"),
    # the device itself
    Told(
        "clock",
        "itself",
        "时间不可信，按规则转人工：接网络或电池时钟",
        "its clock is in doubt: give it a network or a battery clock",
    ),
    Told("journal", "itself", "记录写不进去：换存储卡", "records cannot be kept: replace the card"),
    Told(
        "standstill",
        "itself",
        "存储卡不应答，出口已放开：换存储卡",
        "the card does not answer, exits stand open: replace the card",
    ),
    Told("undervoltage", "itself", "供电不足：换电源或电源线", "weak supply: another power supply or cable"),
    Told("overheated", "itself", "过热：清灰，通风", "too hot: dust and ventilation"),
    Told(
        "rulebook_ends",
        "itself",
        "规则快到期，到期后全部转人工：签发下一版",
        "its rulebook ends soon, then all go to the staff: sign the next one",
    ),
)
