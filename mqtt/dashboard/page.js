// The live page. State comes in by server-sent events, is kept in `state`, and drawn at most once a frame.
"use strict";

const state = { link: { connected: false, problem: "" }, page: false, halls: [], hall: null, devices: new Map(), decisions: [], alarms: [] };
const DECISIONS_SHOWN = 40;
let stream = null;
let due = new Set();

// ---------------------------------------------------------------- drawing

const DRAW = { words: drawWords, link: drawLink, halls: drawHalls, hall: drawHall, devices: drawDevices, decisions: drawDecisions, alarms: drawAlarms };

function draw(...parts) {
  if (!due.size) setTimeout(drawNow, 30);
  parts.forEach((part) => due.add(part));
}

function drawNow() {
  const parts = due;
  due = new Set();
  for (const [name, paint] of Object.entries(DRAW)) if (parts.has(name)) paint();
}

function drawWords() {
  document.documentElement.lang = page.language === "zh" ? "zh-CN" : "en";
  document.querySelectorAll("[data-word]").forEach((node) => setText(node, word(node.dataset.word)));
  document.querySelectorAll("[data-label]").forEach((node) => node.setAttribute("aria-label", word(node.dataset.label)));
  setText($("language"), page.language === "zh" ? "EN" : "中文");
  $("language").lang = page.language === "zh" ? "en" : "zh-CN";
  setText($("theme"), word("theme"));
}

function drawLink() {
  const good = state.page && state.link.connected;
  document.body.classList.toggle("cut", !good);
  $("link").dataset.state = good ? "good" : "bad";
  setText($("link-text"), good ? word("live") : word(state.page ? "no_broker" : "no_page"));
  $("link").title = good ? "" : state.link.problem;
}

function drawHalls() {
  $("halls").hidden = state.halls.length < 2;
  keep($("halls"), state.halls, String, (name) => {
    const link = element("a", "", name);
    link.href = `?hall=${encodeURIComponent(name)}`;
    if (state.hall && state.hall.name === name) link.setAttribute("aria-current", "page");
    return link;
  });
}

function drawHall() {
  const hall = state.hall;
  if (!hall) return;
  setText($("hall"), hall.name || "hallgate");
  document.title = `${hall.inside ?? "–"} / ${hall.limit ?? "–"} · ${hall.name || "hallgate"}`;
  setText($("rules"), [hall.rulebook === null ? "" : word("rules", { n: hall.rulebook }), hall.phase && phaseWord(hall.phase)].filter(Boolean).join(" · "));
  $("evacuation").hidden = !hall.evacuated;
  setText($("evacuation"), hall.evacuated ? word("evacuation") : "");
  setText($("device-count"), `${hall.online} / ${hall.devices}`);
  drawInside(hall);
  const totals = drawFlow($("flow"), hall.flow, Math.floor(hallNow() / 60000));
  setText($("in-count"), String(totals[0]));
  setText($("out-count"), String(totals[1]));
}

function drawInside(hall) {
  const { inside, limit } = hall;
  const known = inside !== null && limit !== null;
  const share = known ? Math.max(0, inside / Math.max(1, limit)) : 0;
  setText($("inside"), inside === null ? "–" : String(inside));
  setText($("limit"), limit === null ? "–" : String(limit));
  $("fill").style.transform = `scaleX(${Math.min(1, share)})`;
  $("meter").dataset.level = share >= 1 ? "full" : share >= 0.85 ? "near" : "easy";
  $("meter").setAttribute("aria-valuemax", String(limit ?? 0));
  $("meter").setAttribute("aria-valuenow", String(inside ?? 0));
  const room = !known ? word("unknown") : inside > limit ? word("over", { n: inside - limit }) : inside === limit ? word("full") : word("room", { n: limit - inside });
  const doubt = hall.inside_at_most !== null && hall.inside_at_most !== inside ? word("interval", { n: hall.inside_at_most }) : "";
  setText($("room"), [room, doubt, hall.counted_by && word("counted_by", { name: hall.counted_by })].filter(Boolean).join(" · "));
}

function drawDevices() {
  const devices = [...state.devices.values()].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const lanes = devices.flatMap((device) => (device.status?.lanes ?? []).map((lane) => ({ device: device.name, online: device.online, lane: withoutAges(lane) })));
  if (lanes.length > CALM_GATES) lanes.sort((a, b) => urgency(a) - urgency(b));
  keep($("gates"), lanes, (one) => `${one.device}/${one.lane.name}`, buildGate);
  $("no-gates").hidden = lanes.length > 0;
  keep($("devices"), devices.map(healthOf), (one) => one.name, buildDevice);
}

// A small hall keeps its gates in their places; where they do not all fit, those that need somebody come first.
const CALM_GATES = 12;
const URGENT = { evacuated: 0, fault: 0, held: 2 };

function urgency({ online, lane }) {
  return online === false ? 1 : lane.sensors.length ? 1 : URGENT[lane.state] ?? 3;
}

// Ages change with every status; a gate that is fine need not be drawn again for them.
function withoutAges(lane) {
  return { ...lane, sensors: lane.sensors.filter((one) => one.state !== "ok").map(({ device, state, because }) => ({ device, state, because })) };
}

const ARROWS = { "in": "↑", out: "↓", both: "↕", elevator: "⇅" };

function buildGate({ device, online, lane }) {
  const gate = element("li", "gate",
    element("p", "gate-name", element("span", "arrow", ARROWS[lane.direction] ?? "·"), element("b", "", lane.name), element("span", "gate-device", device)),
    element("p", "gate-state", online === false ? word("offline") : word(lane.state)),
    element("p", "gate-more", [word(lane.direction), lane.waiting ? word("waiting", { n: lane.waiting }) : "", lane.expected_wait_s ? word("wait_s", { n: lane.expected_wait_s }) : "",
      lane.gap_mm ? word("gap", { n: (lane.gap_mm / 1000).toFixed(1) }) : "", lane.because ? word(lane.because) : ""].filter(Boolean).join(" · ")),
    ...lane.sensors.map((one) => element("p", "gate-ill", `${word(one.device)} ${word(one.state)}`)));
  gate.querySelector(".arrow").setAttribute("aria-hidden", "true");
  gate.dataset.state = online === false ? "offline" : lane.state;
  return gate;
}

function healthOf(device) {
  const status = device.status ?? {};
  const sensors = (status.lanes ?? []).flatMap((lane) => lane.sensors.filter((one) => one.state !== "ok").map((one) => `${lane.name} ${word(one.device)} ${word(one.state)}`));
  return {
    name: device.name, online: device.online, sensors, undelivered: status.outbox_depth ?? 0, missing: device.missing, lost: device.lost + (status.outbox_lost ?? 0),
    clock: status.clock?.trusted, journal: status.journal?.writable, rulebook: status.rulebook ?? null,
    uptime: status.uptime_s === undefined ? "" : duration(status.uptime_s), version: status.version ?? "",
  };
}

function buildDevice(device) {
  const cell = (text, bad = false) => element("td", bad ? "bad" : "", text);
  const name = element("th", "", device.name);
  name.scope = "row";
  const yes = (value, good, bad) => value === undefined ? cell("") : cell(word(value ? good : bad), !value);
  return element("tr", device.online ? "" : "gone", name,
    cell(word(device.online ? "online" : "offline"), !device.online),
    cell(device.sensors.length ? device.sensors.join(", ") : word("all_ok"), device.sensors.length > 0),
    cell(String(device.undelivered) + (device.lost ? ` (−${device.lost})` : ""), device.undelivered > 100 || device.lost > 0),
    yes(device.clock, "trusted", "untrusted"), yes(device.journal, "writable", "not_writable"),
    cell(device.rulebook === null ? "" : String(device.rulebook)), cell(device.uptime), cell(device.version));
}

function drawDecisions() {
  keep($("decisions"), state.decisions, (one) => one.id, buildDecision);
  $("no-decisions").hidden = state.decisions.length > 0;
}

function buildDecision(one, known) {
  const sign = element("p", "sign", one.sign);
  sign.lang = "zh-CN";
  const english = element("p", "sign-en", one.sign_en);
  english.lang = "en";
  const chips = one.clauses.filter((clause) => one.clauses.length < 2 || clause.verdict !== "admit" || one.answer === "admit")
    .map((clause) => { const chip = element("li", "chip", element("b", "", clause.clause), word(clause.because)); chip.dataset.answer = clause.verdict; return chip; });
  const made = element("li", known ? "decision" : "decision fresh",
    element("p", "answer", word(one.answer)), element("div", "words", sign, english),
    element("div", "why", element("ul", "chips", ...chips), element("p", "where", [clockOf(one.at), `${one.device}/${one.lane ?? ""}`, one.class ? word(one.class) : "", one.took_ms === null ? "" : word("ms", { n: one.took_ms.toFixed(1) })].filter(Boolean).join(" · "))));
  made.dataset.answer = one.answer;
  return made;
}

function drawAlarms() {
  keep($("alarms"), state.alarms.slice(0, 30), (one) => one.key, (one) => {
    const made = element("li", one.active ? "alarm" : "alarm ended",
      element("b", "", word(one.what)), element("span", "", `${one.device}${one.lane ? "/" + one.lane : ""}`), element("span", "detail", [one.state && word(one.state), one.detail].filter(Boolean).join(" · ")),
      element("span", "where", [clockOf(one.at), one.times > 1 ? word("times", { n: one.times }) : "", one.active ? "" : word("ended")].filter(Boolean).join(" · ")));
    return made;
  });
  const active = state.alarms.filter((one) => one.active).length;
  $("no-alarms").hidden = state.alarms.length > 0;
  $("alarm-count").hidden = active === 0;
  setText($("alarm-count"), String(active));
}

// ---------------------------------------------------------------- time: the hall's own, as its events write it

let offset = { ms: 0, zone: "+08:00" };

function learnTime(at) {
  const ms = Date.parse(at);
  if (!Number.isNaN(ms)) offset = { ms: ms - Date.now(), zone: at.slice(-6) };
}

function hallNow() { return Date.now() + offset.ms; }

function clockOf(at) { return at.length >= 19 ? at.slice(11, 19) : ""; }

function tick() {
  const zone = /^[+-]\d\d:\d\d$/.test(offset.zone) ? offset.zone : "+00:00";
  const minutes = (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const text = new Date(hallNow() + minutes * 60000).toISOString().slice(11, 19);
  setText($("now"), text);
  if (text.endsWith("0")) draw("hall");
}

// ---------------------------------------------------------------- what comes in

let spokenAt = 0;

function speak(one) {
  if (Date.now() - spokenAt < 4000) return;
  spokenAt = Date.now();
  setText($("spoken"), `${one.device} ${one.lane ?? ""}: ${word(one.answer)}, ${page.language === "zh" ? one.sign : one.sign_en}`);
}

const HEARD = {
  whole(all) {
    Object.assign(state, { page: true, link: all.link, halls: all.halls, hall: all.hall, alarms: all.alarms, decisions: all.decisions.reverse() });
    state.devices = new Map(all.devices.map((device) => [device.name, device]));
    all.devices.forEach((device) => device.status && learnTime(device.status.at));
    draw(...Object.keys(DRAW));
  },
  link(link) { state.link = link; draw("link"); },
  halls(halls) {
    state.halls = halls;
    draw("halls");
    if (state.hall && !state.hall.name) listen();
  },
  hall(hall) { state.hall = hall; draw("hall"); },
  device(device) {
    state.devices.set(device.name, device);
    if (device.status) learnTime(device.status.at);
    draw("devices");
  },
  decision(one) {
    state.decisions = [one, ...state.decisions.filter((other) => other.id !== one.id)].sort((a, b) => (a.order < b.order) - (a.order > b.order)).slice(0, DECISIONS_SHOWN);
    learnTime(one.at);
    speak(one);
    draw("decisions");
  },
  alarms(alarms) { state.alarms = alarms; draw("alarms"); },
};

function listen() {
  if (stream) stream.close();
  const hall = new URLSearchParams(location.search).get("hall");
  stream = new EventSource(hall ? `/events?hall=${encodeURIComponent(hall)}` : "/events");
  for (const [name, take] of Object.entries(HEARD)) stream.addEventListener(name, (message) => take(JSON.parse(message.data)));
  stream.addEventListener("error", () => {
    state.page = false;
    draw("link");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

$("language").addEventListener("click", () => {
  page.language = page.language === "zh" ? "en" : "zh";
  localStorage.setItem("language", page.language);
  draw(...Object.keys(DRAW));
});

$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
});

if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
draw("words", "link");
setInterval(tick, 1000);
listen();
