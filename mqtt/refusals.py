"""Why an order was not done: the words a device, or the way to it, answers with, and what to do about each."""

from __future__ import annotations

from typing import NamedTuple


class Because(NamedTuple):
    """A word in an answer's `because`, and what to do about it."""

    word: str
    zh: str
    about: str


BECAUSE = (
    # before any device had it: these come from the sender's own side
    Because("nobody_listens", "没有设备在接收", "the broker gave it to nobody: is the device, or the bank, connected?"),
    Because("not_authorized", "消息服务器不允许", "the broker's access list forbids it: enrol with role hub"),
    Because("broker_refused", "消息服务器拒绝", "the broker did not take it: see its log"),
    # the message itself
    Because("malformed", "指令格式不对", "the order is not what this page says: compare body and envelope"),
    Because("too_long", "指令过长", "the order is longer than 16 kB"),
    Because("unknown_key", "设备不认识这把密钥", "the device does not know this key: put it into its trust list"),
    Because("bad_signature", "签名不符", "the signature does not fit: the order was changed on its way, or is forged"),
    Because("unknown_version", "版本不支持", "the device does not speak this version of orders"),
    Because("unknown_command", "没有这个指令", "the device has no order of this name: is its firmware older?"),
    Because("wrong_address", "地址不符", "hall, device or name of the envelope are not those of the topic"),
    Because("not_allowed", "这把密钥没有此权限", "this key may not give this order: see `commands` in the trust list"),
    # its moment
    Because("retained", "不接受保留消息", "an order must not be retained: publish it without the flag"),
    Because("expired", "指令已过期", "it came after its expires_at: are both clocks right?"),
    Because("issued_in_future", "签发时间在将来", "issued_at is more than 5 minutes ahead: are both clocks right?"),
    Because("clock_uncertain", "设备时钟不可信", "the device's clock is in doubt, it cannot judge the expiry: set it"),
    Because("counter", "序号不够大", "this issuer has sent a higher counter already: replayed, or out of order"),
    Because("too_many_issuers", "签发人过多", "64 issuers have living orders here: wait until theirs expire"),
    Because("was_reset", "该疏散已在现场复位", "this evacuation was reset at the hall: give a new one"),
    # what the lane is doing
    Because("no_such_lane", "没有这条通道", "the device has no such lane"),
    Because("evacuated", "正在疏散", "the hall is being evacuated: reset it at the hall first"),
    Because("somebody_is_passing", "有人正在通过", "somebody is in the lane: give it again in a moment"),
    Because("isolation_not_signed_off", "隔离尚未解除", "the lane is held by an isolation: sign_off ends it"),
    Because("not_held", "通道没有暂停", "the lane is not held: nothing to release"),
    Because("open_already", "通道已打开", "the lane is open already"),
    Because("hatch", "递物口不放人", "this lane only hands things over: nobody goes through it"),
    Because("grant_open", "上一位尚未通过", "somebody was let in and has not passed: give it again in a moment"),
    Because("no_rulebook", "没有规则", "the device has no rulebook in force"),
    Because("gate_fault", "闸机故障", "the gate does not answer: walk to it"),
    Because("held", "已暂停进入", "entry is held: release it first"),
    Because("interlock", "联锁通道未关", "the other door of the interlock is open"),
    Because("hall_full", "大厅人数已满", "the hall is full: nobody may be let in until somebody leaves"),
    Because("no_entry", "不是入口", "nobody enters by this lane"),
    Because("nobody_waits", "没有人在等待确认", "nobody at this lane waits for this"),
    Because("attendant_not_named", "未写明工作人员", "attendant: 1 to 64 letters, digits, - and _"),
    Because("pass_id_malformed", "凭证号格式不对", "pass_id: 16 hex digits"),
    Because("verdict_malformed", "核验结果格式不对", "code: green, yellow or red; pcr: negative or positive"),
    Because("sampled_at_malformed", "采样时间格式不对", "sampled_at: seconds since 1970, not in the future"),
    Because("fire_loop_open", "消防回路未恢复", "the fire loop is still open"),
    # incidents
    Because("no_such_incident", "没有这个事件", "the device has no such incident, or it is closed"),
    Because("acknowledged_already", "事件已确认", "somebody acknowledged it already"),
    Because("duty_leader_first", "须值班领导先确认", "the duty leader acknowledges first, then the office is told"),
    Because("reported_already", "街道办已上报", "the office was told already"),
    Because(
        "no_such_item", "没有这种物资", "this device counts no supplies of that name: see `supplies` in its status"
    ),
    Because("units_out_of_range", "数量超出范围", "n is a whole number of units, 0 to 1000000"),
    Because("no_such_point", "没有这个消毒点", "this device keeps no round of that name: see `rounds` in its status"),
    # the hall's numbers
    Because("not_the_bank", "此设备不是总库", "only the bank may do this: leave the device out"),
    Because("is_the_bank", "此设备是总库", "the bank keeps its rights: move the bank first"),
    Because("hold_first", "须先全厅暂停进入", "hold the hall's entry first, count, then recount"),
    Because("not_everybody_heard", "还有设备未确认暂停", "a device has not confirmed the hold: wait, or fence it"),
    Because("never_heard", "从未收到其账目", "its row was never heard here: its rights cannot be judged"),
    Because(
        "evidence_is_old",
        "卡上的记录不全",
        "that card has lost its end, the hall knows of more: evidence=0, then recount",
    ),
    Because("fenced_already", "已隔离", "it is fenced already"),
    Because(
        "fence_list_full",
        "隔离名单已满",
        "64 devices were fenced: one night, with nobody inside, give every device of the hall an empty state folder",
    ),
    Because("too_many_fences", "隔离过多", "too many fences wait for every door's answer: give it again in a moment"),
    Because("no_such_device", "没有这个设备", "no row bears this inc: copy it from rights/<resource>/row/<inc>"),
    Because("limit_out_of_range", "人数超出范围", "n: 0 to 100000"),
    Because("quota_out_of_range", "数量超出范围", "n: 0 to 1000000"),
    Because("inside_out_of_range", "人数超出范围", "inside: 0 to 100000"),
    Because("evidence_out_of_range", "数量超出范围", "evidence: 0 to 100000"),
    Because("open_must_be_true_or_false", "须写 true 或 false", "open: true or false"),
    Because("on_must_be_true_or_false", "须写 true 或 false", "on: true or false"),
    Because("hall_open", "大厅还在开放时间", "the hall is open: nobody can be sure that it is empty"),
    Because("clock_doubtful", "设备时钟不可信", "the device's clock is in doubt: set it first"),
    # the device
    Because("no_other_rulebook", "没有上一版规则", "the device keeps no rulebook before this one"),
    Because("other_rulebook_unusable", "上一版规则不可用", "the rulebook before this one cannot be used here"),
    Because("other_rulebook_out_of_date", "上一版规则已过期", "the rulebook before this one is out of date"),
    Because(
        "no_updates_here",
        "本设备不接受更新",
        "nobody installs updates on this device: it was not made by hallgate image",
    ),
    Because("url_wrong", "地址不对", "url: where the bundle lies, by http or https"),
    Because("sha256_wrong", "摘要不对", "sha256: 64 small hexadecimal digits, as hallgate bundle prints them"),
    Because("version_wrong", "版本号不对", "version: two to four numbers, as hallgate bundle prints them"),
    Because("version_not_newer", "版本不比现在新", "the device runs this version or a newer one already"),
    Because("somebody_is_at_a_lane", "通道有人", "somebody is at a lane: give it again in a quiet moment"),
)
