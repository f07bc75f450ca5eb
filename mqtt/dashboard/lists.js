// What stands in lists: what needs somebody, decisions, rights per door, the health of devices.
"use strict";

// ---------------------------------------------------------------- what needs somebody

function drawIncidents() {
  const shown = state.incidents.filter((one) => one.state !== "closed" || state.incidents.indexOf(one) < 6).slice(0, 24);
  keep($("incidents"), shown.map((one) => ({ ...one, may: mayOf("acknowledge", "sign_off") })), (one) => one.key, buildIncident);
  drawCalm();
}

function buildIncident(one) {
  const open = one.state !== "closed";
  const steps = element("ol", "steps", ...one.steps.map((step) => element("li", "", element("time", "", clockOf(step.at).slice(0, 5)), ` ${word("step_" + step.step, {}, step.step)}`, step.by ? element("small", "", ` ${step.by}`) : null)));
  const buttons = open ? [["acknowledge", one.state === "opened" || one.state === "escalated"], ["sign_off", one.state === "acknowledged"]].filter(([name, now]) => now && one.may.includes(name))
    .map(([name]) => orderButton(name, { device: one.device, incident: one.id }, `${word("order_" + name)} ${one.id}`)) : [];
  const made = element("li", open ? "trouble incident" : "trouble incident ended",
    element("p", "trouble-head", hidden("", open ? "◆" : "◇"), element("b", "", word("incident")), element("span", "", laneName(one)), element("span", "state", word(one.state)), element("time", "", clockOf(one.at))),
    element("p", "detail", [one.because && word(one.because), one.lane_held && open ? word("lane_held") : "", ...one.overdue.map((what) => word("late_" + what, {}, what))].filter(Boolean).join(" · ")),
    steps, buttons.length ? element("div", "orders", ...buttons) : null);
  if (one.overdue.length && open) made.dataset.late = "true";
  return made;
}

function drawAlarms() {
  const active = state.alarms.filter((one) => one.active), ended = state.alarms.filter((one) => !one.active).slice(0, 6);
  keep($("alarms"), [...active.slice(0, 30), ...ended], (one) => one.key, (one) => element("li", one.active ? "trouble alarm" : "trouble alarm ended",
    element("p", "trouble-head", hidden("", one.active ? "▲" : "△"), element("b", "", word(one.what)), element("span", "", laneName(one)),
      element("span", "state", [one.times > 1 ? word("times", { n: one.times }) : "", one.active ? "" : word("ended")].filter(Boolean).join(" · ")), element("time", "", clockOf(one.at))),
    one.active ? element("p", "detail", word("do_" + one.what, {}, "")) : null,
    one.detail ? element("p", "detail", one.detail) : null));
  drawCalm();
}

function drawRounds() {
  const shown = (state.hall?.rounds ?? []).map((one) => ({ ...one, may: mayOf("sign_off") }));
  keep($("rounds"), shown, (one) => `${one.device} ${one.point}`, buildRound);
  drawCalm();
}

function buildRound(one) {
  const name = ownName(one, one.point);
  const made = element("li", "trouble round", element("p", "trouble-head", hidden("", { red: "●", amber: "◐" }[one.state] ?? "○"), element("b", "", word("round")), element("span", "", name),
    element("span", "state", word("round_" + one.state)), element("time", "", clockOf(one.due_at).slice(0, 5))),
  one.may.length ? element("div", "orders", orderButton("sign_off", { device: one.device, point: one.point, named: name }, `${word("order_round")} ${name}`)) : null);
  made.dataset.state = one.state;
  return made;
}

function drawSupplies() {
  const shown = (state.hall?.supplies ?? []).map((one) => ({ ...one, may: mayOf("refill") }));
  keep($("supplies"), shown, (one) => `${one.device} ${one.item}`, buildSupply);
}

function buildSupply(one) {
  const name = ownName(one, one.item);
  const made = element("li", "trouble round", element("p", "trouble-head", hidden("", one.left ? "▽" : "▼"), element("b", "", word("supply")), element("span", "", name),
    element("span", "state", word("units_left", { n: one.left }))),
  one.may.length ? element("div", "orders", orderButton("refill", { device: one.device, item: one.item, named: name }, `${word("order_refill")} ${name}`)) : null);
  made.dataset.state = one.left ? "amber" : "red";
  return made;
}

function ownName(one, id) { return (page.language === "zh" ? one.name_zh : one.name_en) || id; }

function attentionCount() {
  const late = (state.hall?.rounds ?? []).filter((one) => one.state !== "due").length;
  return state.alarms.filter((one) => one.active).length + state.incidents.filter((one) => one.state !== "closed").length + late;
}

function drawCalm() {
  const count = attentionCount();
  $("attention-count").hidden = count === 0;
  setText($("attention-count"), String(count));
  $("calm").hidden = count > 0;
  drawTitle();
}

function laneName(one) { return `${one.device}${one.lane ? "/" + one.lane : ""}`; }

// ---------------------------------------------------------------- decisions

function drawDecisions() {
  keep($("decisions"), state.decisions, (one) => one.id, buildDecision);
  $("no-decisions").hidden = state.decisions.length > 0;
}

const MARKS = { admit: "✓", refuse: "✕", wait: "‖", staff: "?", isolate: "!" };

function buildDecision(one, known) {
  const sign = element("p", "sign", one.sign);
  sign.lang = "zh-CN";
  const english = element("p", "sign-en", one.sign_en);
  english.lang = "en";
  const chips = one.clauses.filter((clause) => one.clauses.length < 2 || clause.verdict !== "admit" || one.answer === "admit")
    .map((clause) => { const chip = element("li", "chip", element("b", "", clause.clause), reason(clause.because)); chip.dataset.answer = clause.verdict; return chip; });
  const made = element("li", known ? "decision" : "decision fresh",
    element("time", "", clockOf(one.at)), element("p", "answer", hidden("", MARKS[one.answer] ?? "·"), word(one.answer)), element("div", "words", sign, english),
    element("div", "why", element("ul", "chips", ...chips), element("p", "where", [laneName(one), one.class ? word(one.class) : "", one.took_ms === null ? "" : word("ms", { n: one.took_ms.toFixed(1) })].filter(Boolean).join(" · "))));
  made.dataset.answer = one.answer;
  return made;
}

// ---------------------------------------------------------------- rights per door

function drawRights() {
  const rows = (state.hall?.resources ?? []).flatMap((one) => one.doors.map((door) => ({ ...door, resource: one.name, silent_s: door.cut_off ? door.silent_s : 0 })));
  keep($("rights"), rows, (one) => `${one.resource} ${one.inc}`, buildRight);
  const hall = state.hall;
  setText($("rights-sum"), hall && hall.free !== null ? [`◆ ${hall.free}`, hall.flight ? `+${hall.flight}` : "", hall.debt ? `▼${hall.debt}` : ""].filter(Boolean).join(" ") : "–");
}

function buildRight(one) {
  const name = element("th", "", one.device, one.resource === "hall" ? null : element("small", "", ` ${zoneWord(one.resource)}`), one.bank ? element("small", "", ` ${word("bank")}`) : null);
  name.scope = "row";
  name.title = one.inc;
  const states = [one.fenced ? word("fenced") : "", one.cut_off && !one.fenced ? word("cut_off_for", { n: duration(one.silent_s) }) : "", one.held ? word("held") : "", one.entry ? "" : word("out"), ["joined", "solo"].includes(one.state) ? "" : word(one.state)].filter(Boolean);
  const bad = one.fenced || one.cut_off || ["quarantine", "fenced"].includes(one.state);
  return element("tr", one.fenced ? "gone" : "", name, number(Math.max(0, one.free)), number(one.flight || "·"), number(one.free < 0 ? -one.free : "·", one.free < 0), number(one.want || "·"), number(one.net), element("td", bad ? "bad" : "", states.join(" · ") || word("joined")));
}

function number(value, bad = false) { return element("td", bad ? "number bad" : "number", String(value)); }

// ---------------------------------------------------------------- devices

function drawDevices() {
  keep($("devices"), [...state.devices.values()].sort(byName).map(healthOf).sort((a, b) => (b.ill ? 1 : 0) - (a.ill ? 1 : 0)), (one) => one.name, buildDevice);
}

// How far a device is with its update, until it has ended well: then its version says it.
function updateOf(update) {
  return !update || update.state === "kept" ? "" : `→ ${update.version} ${word(`update_${update.state}`)}`;
}

/** The word for it; undefined: nothing is known. */
function journalOf(journal) {
  return journal && (!journal.writable ? "not_writable" : journal.because ? "soon_full" : "writable");
}

/** A Pi slows itself down at 80 °C. */
const HOT_C = 75;

function healthOf(device) {
  const status = device.status ?? {};
  const sensors = (status.lanes ?? []).flatMap((lane) => lane.sensors.filter((one) => one.state !== "ok").map((one) => ({ lane: lane.name, device: one.device, state: one.state })));
  const lost = device.lost + (status.outbox_lost ?? 0), undelivered = status.outbox_depth ?? "";
  const board = [
    ...(status.undervoltage ? [word("undervoltage")] : []), ...(status.temperature_c >= HOT_C ? [word("hot", { n: Math.round(status.temperature_c) })] : []),
    ...(device.apart ? [word("apart", device.apart)] : []),
    ...(status.doctor?.result === "fault" ? [word("doctor_fault", { n: status.doctor.faults.join(", ") })] : []),
  ];
  return {
    board, known: Boolean(device.status) && device.online !== false, name: device.name, online: device.online, sensors, undelivered, missing: device.missing, lost, clock: status.clock?.trusted, journal: journalOf(status.journal), rulebook: status.rulebook ?? null,
    uptime: status.uptime_s === undefined ? "" : duration(status.uptime_s), version: [status.version ?? "", updateOf(status.update)].filter(Boolean).join(" "),
    ill: device.online === false || sensors.length > 0 || board.length > 0 || lost > 0 || undelivered > 100 || status.clock?.trusted === false || ![undefined, "writable"].includes(journalOf(status.journal)),
  };
}

// Of a device that is gone, or never told how it stands, nothing is fine.
function buildDevice(device) {
  const cell = (text, bad = false) => element("td", bad ? "bad" : "", text);
  const name = element("th", "", device.name);
  name.scope = "row";
  const yes = (value, good, bad) => value === undefined ? cell("") : cell(word(value ? good : bad), !value);
  return element("tr", device.online ? "" : "gone", name,
    cell(word(device.online ? "online" : "offline"), !device.online),
    cell([...device.sensors.map((one) => `${one.lane} ${word(one.device)} ${word(one.state)}`), ...device.board].join(", ") || (device.known ? word("all_ok") : "–"), device.sensors.length + device.board.length > 0),
    number(String(device.undelivered) + (device.lost ? ` (−${device.lost})` : ""), device.undelivered > 100 || device.lost > 0),
    yes(device.clock, "trusted", "untrusted"), cell(device.journal ? word(device.journal) : "", ![undefined, "writable"].includes(device.journal)),
    number(device.rulebook === null ? "" : device.rulebook), number(device.uptime), cell(device.version));
}
