// Every word of the page, Chinese first. A key that is not here is shown as it came, with spaces for underscores.
"use strict";

const WORDS = {
  skip: ["跳到待办", "Skip to what needs attention"], plan: ["大厅", "The hall"], attention: ["待办", "Needs attention"], calm: ["一切正常", "All is well"],
  incidents: ["事件", "Incidents"], rounds: ["巡查", "Rounds"], round: ["巡查", "Round"], round_red: ["严重超时", "much too late"], round_amber: ["已超时", "late"], round_due: ["待查", "due"],
  day: ["今日", "Today"], band: ["可能范围", "possible range"], no_day: ["还没有数据", "Nothing yet"], exact: ["人数准确", "exact"],
  in_force: ["现行上限", "Limit in force"], free_rights: ["可放行", "Free rights"], flight: ["在途", "In flight"], debt: ["欠额", "Debt"], want: ["需要", "Wanted"], net: ["净进", "Net in"], door: ["门", "Door"], rights: ["各门额度", "Rights per door"],
  bank: ["总库", "bank"], fenced: ["已隔离", "fenced off"], cut_off: ["失联", "cut off"], cut_off_for: ["失联 {n}", "cut off {n}"], joined: ["正常", "joined"], draining: ["交回额度", "draining"], drained: ["已交回", "drained"],
  entered_today: ["今日进", "In today"], left_today: ["今日出", "Out today"],
  left_day: ["当日余号", "Left today"], left_slot: ["时段余号", "Left in slot"], left_cases: ["余件数", "Cases left"], walk_in: ["现场取号", "Walk-ins"], walk_in_open: ["开放", "open"], walk_in_closed: ["停止", "closed"],
  hall_held: ["全厅暂停进入", "Entry is held"], lane_held: ["通道已暂停", "lane is held"], rules_next: ["新规则 {day} 起", "new rules from {day}"], close_times: ["过近 {n} 次", "{n} times too close"],
  step_opened: ["发现", "found"], step_duty_leader_told: ["已通知值班领导", "duty leader told"], step_escalated: ["已上报", "escalated"], step_acknowledged: ["已确认", "acknowledged"], step_office_reported: ["已报街道", "office told"],
  step_overdue: ["超时", "overdue"], step_signed_off: ["已解除", "signed off"], step_lane_back: ["通道恢复", "lane back"], step_closed: ["结束", "closed"], step_restarted: ["断电后继续", "goes on after power loss"], step_superseded: ["被替代", "superseded"],
  late_acknowledge: ["确认超时", "acknowledge is late"], late_report: ["上报超时", "report is late"], late_sign_off: ["解除超时", "sign-off is late"],
  sign_in: ["登录", "Sign in"], sign_out: ["退出 {name}", "Sign out {name}"], name: ["姓名代号", "Name"], password: ["密码", "Password"], cancel: ["取消", "Cancel"], new_limit: ["新上限（人）", "New limit (persons)"],
  order_acknowledge: ["确认", "Acknowledge"], order_sign_off: ["解除", "Sign off"], order_hold: ["暂停", "Hold"], order_release: ["恢复", "Release"], order_open_once: ["开一次", "Open once"], order_evacuate: ["紧急疏散", "Evacuate"], order_limit: ["改上限", "Change limit"],
  sure_acknowledge: ["确认您已得知并负责处理此事件。", "You confirm that you know of this incident and take it over."], sure_sign_off: ["确认人员已带离、通道可恢复。", "The person has been led away; the lane may go on."],
  sure_hold: ["暂停进入；离场不受影响。", "Nobody enters until you release; leaving goes on."], sure_release: ["恢复进入。", "People may enter again."], sure_open_once: ["不经核验放行一人，并记录在案。", "Lets one person in without a check; it is put on record."],
  sure_evacuate: ["打开所有通道，只能在现场复位。", "Opens every gate. Only somebody at the hall can reset it."], sure_limit: ["总库按新上限调整各门额度；降低需要一点时间。", "The bank moves the rights of the doors; lowering takes a moment."],
  whole_hall: ["全厅", "whole hall"], sending: ["正在发送…", "Sending…"], done: ["已执行 {n}/{of}", "done {n}/{of}"], failed: ["未成功", "It did not work"], no_answer: ["没有回应", "no answer"],
  wrong_name_or_password: ["姓名代号或密码不对", "Wrong name or password"], too_many_tries: ["尝试太多，请稍候", "Too many tries, wait a minute"], too_many_orders: ["指令太快，请稍候", "Too many orders, wait a moment"], signed_out: ["登录已过期", "Signed out, sign in again"], not_allowed: ["没有权限", "Not allowed"],
  not_the_bank: ["不是总库", "not the bank"], solo: ["单独运行", "on its own"], quarantine_state: ["计数存疑", "in doubt"],
  halls: ["大厅", "Halls"], inside: ["在厅人数", "People inside"], limit: ["上限", "limit"],
  entered: ["进", "in"], left: ["出", "out"], 
  room: ["还可进 {n} 人", "{n} more may enter"], full: ["已达上限", "The hall is full"],
  over: ["超出上限 {n} 人", "{n} over the limit"], unknown: ["人数未知", "Not known"],
  interval: ["可能 {low}–{high} 人", "between {low} and {high}"], counted_by: ["由 {name} 计数", "counted by {name}"],
  alarms: ["告警", "Alarms"], no_alarms: ["没有告警", "No alarms"], ended: ["已结束", "ended"], times: ["{n} 次", "{n} times"],
  gates: ["通道", "Gates"], no_gates: ["还没有通道报告", "No gate has reported yet"],
  decisions: ["最近判定", "Last decisions"], no_decisions: ["还没有判定", "No decision yet"],
  devices: ["设备", "Devices"], device: ["设备", "Device"], state: ["状态", "State"], sensors: ["传感器", "Sensors"],
  undelivered: ["未送达", "Not delivered"], clock: ["时钟", "Clock"], journal: ["日志", "Journal"],
  update_ordered: ["已下令", "ordered"], update_fetching: ["下载中", "being fetched"], update_waiting: ["等没人时", "waits for a quiet moment"], update_installing: ["安装中", "being installed"],
  update_restarting: ["重启中", "restarting"], update_trial: ["试运行", "on trial"], update_returned: ["已退回", "went back"], update_failed: ["未成功", "failed"],
  rulebook: ["规则", "Rulebook"], uptime: ["运行", "Uptime"], version: ["版本", "Version"],
  undervoltage: ["供电不足", "supply too weak"], hot: ["板温 {n} °C", "board at {n} °C"], doctor_fault: ["体检未过：{n}", "doctor found: {n}"],
  nobody_listens: ["没有设备在接收", "nobody listens"], not_authorized: ["消息服务器不允许", "the broker forbids it"], broker_refused: ["消息服务器拒绝", "the broker refused it"],
  online: ["在线", "online"], offline: ["离线", "offline"], all_ok: ["全部正常", "all fine"],
  trusted: ["可信", "trusted"], untrusted: ["不可信", "not trusted"], writable: ["正常", "fine"], not_writable: ["无法写入", "cannot write"],
  live: ["实时", "Live"], no_broker: ["消息服务器断开，等待恢复", "Broker gone, waiting for it"],
  no_page: ["与本页服务断开，正在重连", "Page server gone, trying again"],
  evacuation: ["紧急疏散 所有通道已开放", "EVACUATION: all gates are open"],
  waiting: ["{n} 人等候", "{n} waiting"], wait_s: ["约 {n} 秒", "about {n} s"], gap: ["间距 {n} 米", "{n} m apart"],
  rules: ["第 {n} 号规则", "Rulebook {n}"], ms: ["{n} ms", "{n} ms"], theme: ["明暗", "Light or dark"],
  // answers
  admit: ["通行", "Admit"], refuse: ["不通过", "Refuse"], wait: ["请候", "Wait"], staff: ["人工", "Staff"], isolate: ["引导", "Lead away"],
  // directions
  "in": ["入口", "Entry"], out: ["出口", "Exit"], both: ["双向", "Two-way"], elevator: ["电梯", "Lift"],
  // states of a lane
  idle: ["空闲", "Idle"], identified: ["已识别", "Identified"], screening: ["核验中", "Screening"], granted: ["放行", "Granted"],
  passing: ["通过中", "Passing"], passed: ["已通过", "Passed"], timed_out: ["未通过", "Not used"], refused: ["未放行", "Refused"],
  held: ["暂停", "Held"], evacuated: ["疏散", "Evacuated"], free: ["常开", "Open"], fault: ["故障", "Fault"],
  // states of a device on a cable
  ok: ["正常", "fine"], silent: ["无响应", "silent"], garbled: ["数据错误", "garbled"], unplugged: ["已拔出", "unplugged"],
  scanner: ["扫码器", "scanner"], counter: ["计数器", "counter"], gate: ["闸机", "gate"], thermometer: ["测温", "thermometer"],
  range: ["测距", "range"], fire_loop: ["消防回路", "fire loop"], sign: ["屏", "sign"], lamp: ["灯", "lamp"], route_light: ["引导灯", "route light"], buzzer: ["蜂鸣器", "buzzer"], voice: ["语音", "voice"],
  // alarms
  tailgate: ["尾随", "Tailgating"], wrong_way: ["逆行", "Wrong way"], forced: ["强行打开", "Forced open"], held_open: ["门久开", "Held open"],
  fire: ["火警", "Fire"], sensor: ["传感器", "Sensor"], saturated: ["人流过密", "Too dense to count"], power_loss: ["断过电", "Power was lost"], overheated: ["过热", "Too hot"],
  recount_needed: ["需要清点", "Recount needed"], responder: ["应急人员", "Responder"], obstructed: ["通道受阻", "Obstructed"],
  quarantine: ["计数存疑", "Counters in doubt"], incident: ["事件", "Incident"], held_person: ["须引导人员再次出现", "Led away today, tried again"],
  too_close: ["间距不足", "Too close"], dense: ["入口拥挤", "Crowded"], loitering: ["人员滞留", "Loitering"], button_without_badge: ["无证按钮", "Button without badge"],
  opened: ["待处理", "open"], acknowledged: ["已确认", "acknowledged"], escalated: ["已上报", "escalated"], closed: ["已结束", "closed"],
  double_use: ["一码两门使用", "Used at two doors"], people_inside: ["闭馆后仍有人", "People inside after closing"],
  // classes
  visitor: ["访客", "visitor"], assisted: ["帮办", "assisted"], agent: ["代办", "agent"], courier: ["快递", "courier"],
  resident: ["本区居民", "resident"], elder: ["老年人", "elder"], minor: ["未成年人", "minor"], disabled: ["残疾人", "disabled"],
  guest: ["重点企业", "enterprise guest"], escorted: ["陪同来访", "escorted"], cleaner: ["保洁", "cleaner"],
  inspector: ["督查", "inspector"],
  // why
  in_order: ["符合", "in order"], hall_full: ["人数已满", "hall full"], early: ["早到", "early"], late: ["迟到", "late"],
  used: ["已使用", "used"], not_booked: ["未预约", "not booked"], expired: ["过期", "expired"], too_close: ["间距不足", "too close"],
  too_soon: ["间隔太短", "too soon"], bad_signature: ["签名不符", "bad signature"], unknown_format: ["无法识别", "unknown code"],
  old: ["报告过期", "too old"], missing: ["没有报告", "missing"], positive: ["转人工", "to staff"], quota: ["名额已满", "no quota left"],
  closed_phase: ["未开放", "not open yet"], class_not_in_phase: ["本阶段未开放", "not in this phase"], other_lane: ["走错通道", "other lane"],
  dense: ["人流过密", "too dense"], exit_first: ["先出后进", "exits first"], booking_missing: ["等预约码", "booking asked for"],
  pcr_asked: ["等核酸码", "PCR asked for"], antigen_asked: ["等抗原码", "antigen asked for"], temperature_asked: ["等测温", "temperature asked for"],
  clock_doubtful: ["时钟不可信", "clock in doubt"], journal_full: ["无法记录", "journal full"], gate_fault: ["闸机故障", "gate fault"],
  counter_missing: ["缺计数器", "no counter"], thermometer_missing: ["缺测温", "no thermometer"], no_reading: ["无读数", "no reading"],
  elevated: ["转人工", "to staff"], wrong_key_kind: ["密钥不符", "wrong key"], not_read: ["未读到码", "not read"], too_long: ["码过长", "too long"],
  exit_by_scan: ["离场扫码", "exit, code"], exit_by_button: ["离场按钮", "exit, button"], exit_by_approach: ["有人离场", "exit, approach"],
  exit_by_turn: ["轮到离场", "exit, in turn"], exit_by_order: ["离场指令", "exit, by order"], take_turn: ["等前一位", "taking turns"],
  pcr_missing: ["没有核酸报告", "no PCR"], pcr_too_old: ["核酸报告过期", "PCR too old"], attendant_confirmed: ["人工确认", "confirmed by staff"],
  host_asked: ["等陪同人员", "host asked for"], host_missing: ["无人陪同", "no host"], host_not_admitted: ["陪同人员不可", "no such host"],
  host_not_in_order: ["陪同人员转人工", "host to staff"], hand_over: ["在此交接", "hand over here"], hatch: ["递物口", "a hatch"],
  not_wide: ["走宽通道", "wide lane"], party_too_large: ["人数超出", "party too large"], too_many_cases: ["件数超出", "too many cases"],
  no_slot: ["无批次时段", "no slot"], in_use: ["别处正在使用", "in use elsewhere"], slot_quota: ["时段已满", "slot full"],
  case_quota: ["件数已满", "no cases left"], last_entry: ["已停止入场", "last entry is over"], gate_drill: ["开闸演练", "gate drill"],
  revoked: ["转人工", "to staff"], recount: ["正在清点", "counting"],
  // phases
  phase_preparation: ["准备阶段", "preparation"], phase_limited: ["限流开放", "limited opening"],
  phase_full: ["全面开放", "full opening"], phase_open: ["开放", "open"],
  malformed: ["码已损坏", "malformed"], unknown_issuer: ["签发者未知", "unknown issuer"], wrong_hall: ["非本厅", "wrong hall"],
};

const page = { language: localStorage.getItem("language") === "en" ? "en" : "zh" };

/** The word of a key; one that is not in the table is shown as `otherwise`, or as it came. */
function word(key, values = {}, otherwise = key) {
  const pair = Object.hasOwn(WORDS, key) ? WORDS[key] : null;
  const text = pair ? pair[page.language === "zh" ? 0 : 1] : String(otherwise).replaceAll("_", " ");
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** `zone-b1` is a name of the hall's own; only the word for elevators is ours. */
function zoneWord(name) { return name === "elevators" ? word("elevator") : name; }

/** A phase has a name of the hall's own choosing; only the usual ones are translated. */
function phaseWord(name) {
  return WORDS["phase_" + name] ? word("phase_" + name) : name;
}
