// The live page. State comes in by server-sent events, is kept in `state`, and drawn at most once a frame.
"use strict";

const state = { link: { connected: false, problem: "" }, page: false, halls: [], hall: null, devices: new Map(), decisions: [], alarms: [], incidents: [], day: [] };
const DECISIONS_SHOWN = 40;
const SILENT_MS = 30000; // three times what the server leaves between two signs of life
let stream = null;
let heardAt = Date.now();
let due = new Set();

// ---------------------------------------------------------------- drawing

const DRAW = { words: drawWords, link: drawLink, sign: drawSign, halls: drawHalls, hall: drawHall, plan: drawPlan, devices: drawDevices, decisions: drawDecisions, incidents: drawIncidents, alarms: drawAlarms, day: drawChart };

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
  drawTitle();
}

/** Of a tab in the background only this is seen: no number stands there that may be old. */
function drawTitle() {
  const hall = state.hall, name = hall?.name || "hallgate", count = attentionCount();
  const cut = !state.page || !state.link.connected;
  const said = cut ? `✕ ${$("link-text").textContent}` : hall?.evacuated ? `▲ ${word("evacuation")}` : `${count ? `▲${count} ` : ""}${hall?.best ?? "–"} / ${hall?.target ?? "–"}`;
  if (document.title !== `${said} · ${name}`) document.title = `${said} · ${name}`;
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

// ---------------------------------------------------------------- time: the hall's own, as its events write it

/** `ms`: the hall's time less the age of this page, which nobody can set; null: no door has told it yet. */
let offset = { ms: null, zone: "+08:00" };

/** What is sent again is old: only what is newer counts, or the word of the door that counts the hall. */
function learnTime(at, leads = false) {
  const ms = Date.parse(at) - performance.now();
  if (!Number.isNaN(ms) && (leads || offset.ms === null || ms > offset.ms)) offset = { ms, zone: at.slice(-6) };
}

/** Of a door that is gone the last word is old; a clock that its own door doubts is none. */
function learnFrom(device) {
  if (device.online && device.status?.at_trusted) learnTime(device.status.at, device.name === state.hall?.counted_by);
}

function hallNow() { return offset.ms === null ? Date.now() : performance.now() + offset.ms; }

function clockOf(at) { return at.length >= 19 ? at.slice(11, 19) : ""; }

function zoneMinutes() {
  const zone = /^[+-]\d\d:\d\d$/.test(offset.zone) ? offset.zone : "+00:00";
  return (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
}

/** `08:56` of a minute since 1970, in the hall's own time. */
function hourOf(minute) { return new Date((minute + zoneMinutes()) * 60000).toISOString().slice(11, 16); }

function tick() {
  setText($("now"), offset.ms === null ? "" : new Date(hallNow() + zoneMinutes() * 60000).toISOString().slice(11, 19));
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
    Object.assign(state, { page: true, link: all.link, halls: all.halls, hall: all.hall, alarms: all.alarms, incidents: all.incidents, day: all.day, decisions: all.decisions.reverse() });
    state.devices = new Map(all.devices.map((device) => [device.name, device]));
    offset = { ...offset, ms: null };
    all.devices.forEach(learnFrom);
    draw(...Object.keys(DRAW));
    whoAmI(); // a hub that was started again knows nobody any more
  },
  still() {},
  link(link) { state.link = link; draw("link"); },
  halls(halls) {
    state.halls = halls;
    draw("halls");
    if (state.hall && !state.hall.name) listen();
  },
  hall(hall) { state.hall = hall; draw("hall", "plan"); },
  device(device) {
    state.devices.set(device.name, device);
    learnFrom(device);
    draw("devices", "plan");
  },
  decision(one) {
    state.decisions = [one, ...state.decisions.filter((other) => other.id !== one.id)].sort((a, b) => (a.order < b.order) - (a.order > b.order)).slice(0, DECISIONS_SHOWN);
    speak(one);
    draw("decisions");
  },
  alarms(alarms) { state.alarms = alarms; draw("alarms"); },
  incidents(incidents) { state.incidents = incidents; draw("incidents"); },
  day(day) { state.day = day; draw("day", "hall"); },
};

function listen() {
  if (stream) stream.close();
  const hall = new URLSearchParams(location.search).get("hall");
  stream = new EventSource(hall ? `/events?hall=${encodeURIComponent(hall)}` : "/events");
  for (const [name, take] of Object.entries(HEARD)) stream.addEventListener(name, (message) => { heardAt = Date.now(); take(JSON.parse(message.data)); });
  stream.addEventListener("error", () => {
    state.page = false;
    draw("link");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000 + 3000 * Math.random()); // not all browsers at once
  });
}

/** A line that was cut while nobody looked (a laptop that slept, a plug) ends without an error: what is shown is old. */
function watch() {
  if (Math.abs(Date.now() - heardAt) < SILENT_MS) return; // a clock that was set back must not blind it
  heardAt = Date.now();
  state.page = false;
  draw("link");
  listen();
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
setInterval(() => { tick(); watch(); fitDoors(); }, 1000);
listen();
