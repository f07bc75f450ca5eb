// The day: people inside as a band (low to high) with its best line, the limit in force, entries and exits below.
// Our own SVG instead of a library: it takes its colours from the style sheet, is sharp on any wall, and can be read by keys.
"use strict";

const STEP = 2, SPAN_MIN = 30;
let cursor = null;

function drawChart() {
  const day = state.day;
  const legend = [["best", "inside"], ["band", "band"], ["force", "in_force"], ["in", "entered"], ["out", "left"]];
  keep($("legend"), legend.map(([key, name]) => ({ key, name })), (one) => one.key, (one) => element("span", "", hidden(`key ${one.key}`, ""), word(one.name)));
  const first = day.length ? day[0][0] : 0, last = day.length ? day[day.length - 1][0] : SPAN_MIN;
  const from = Math.min(Math.floor(first / 30) * 30, last - SPAN_MIN), to = last + STEP;
  const top = niceTop(Math.max(10, ...day.map((point) => Math.max(point[3] ?? 0, point[4] ?? 0, point[2] ?? 0))));
  const flow = Math.max(6, ...day.map((point) => Math.max(point[5], point[6])));
  const x = (minute) => 1000 * (minute - from) / (to - from), y = (persons) => 220 - 214 * persons / top;
  const wide = x(from + STEP);
  const made = svg("svg", { viewBox: "0 0 1000 300", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const share of [0.25, 0.5, 0.75, 1]) made.append(svg("line", { class: "grid", x1: 0, x2: 1000, y1: y(top * share), y2: y(top * share) }));
  const runs = pieces(day.filter((point) => point[2] !== null));
  for (const run of runs) {
    made.append(svg("path", { class: "band", d: `${steps(run, (one) => x(one[0]), (one) => y(one[3] ?? one[2]), wide)} L ${steps([...run].reverse(), (one) => x(one[0] + STEP), (one) => y(one[1] ?? one[2])).slice(2)} H ${x(run[0][0])} Z` }));
    made.append(svg("path", { class: "best", d: steps(run, (one) => x(one[0]), (one) => y(one[2]), wide) }));
  }
  for (const run of pieces(day.filter((point) => point[4] !== null))) made.append(svg("path", { class: "force", d: steps(run, (one) => x(one[0]), (one) => y(one[4]), wide) }));
  const width = Math.max(0.8, wide * 0.72);
  for (const point of day) {
    if (point[5]) made.append(svg("rect", { class: "in", x: x(point[0]), y: 262 - 34 * point[5] / flow, width, height: 34 * point[5] / flow }));
    if (point[6]) made.append(svg("rect", { class: "out", x: x(point[0]), y: 264, width, height: 34 * point[6] / flow }));
  }
  made.append(svg("line", { class: "axis", x1: 0, x2: 1000, y1: 263, y2: 263 }), svg("line", { class: "axis", x1: 0, x2: 1000, y1: 220, y2: 220 }));
  if (cursor !== null && day[cursor]) made.append(svg("line", { class: "cursor", x1: x(day[cursor][0] + 1), x2: x(day[cursor][0] + 1), y1: 0, y2: 300 }));
  const hours = [];
  const every = to - from > 600 ? 120 : to - from > 240 ? 60 : to - from > 90 ? 30 : 10;
  for (let minute = Math.ceil(from / every) * every; minute < to; minute += every) if (x(minute) < 965) hours.push(label("hour", hourOf(minute), { left: `${x(minute) / 10}%` }));
  const marks = [0.5, 1].map((share) => label("persons", String(Math.round(top * share)), { top: `${y(top * share) / 3}%` }));
  $("chart").replaceChildren(made, ...hours, ...marks);
  $("chart").dataset.from = from;
  $("chart").dataset.to = to;
  read();
}

function pieces(points) {
  const runs = [];
  for (const point of points) {
    const run = runs[runs.length - 1];
    if (run && point[0] - run[run.length - 1][0] <= 15) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

// A number of people holds until the next one, and the last one for as long as it was counted (`wide`; backwards: not at
// all): steps, never slopes.
function steps(run, x, y, wide = 0) {
  const path = run.map((point, at) => at === 0 ? `M ${x(point)} ${y(point)}` : wide ? `H ${x(point)} V ${y(point)}` : `V ${y(point)} H ${x(point)}`).join(" ");
  return wide ? `${path} h ${wide}` : path;
}

function svg(tag, values) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  return made;
}

function label(className, text, where) {
  const made = element("span", className, text);
  made.setAttribute("aria-hidden", "true");
  Object.assign(made.style, where);
  return made;
}

function niceTop(highest) {
  const step = 10 ** Math.floor(Math.log10(highest));
  return Math.ceil(highest * 1.05 / (step / 2)) * (step / 2);
}

/** Read aloud only for whoever moves along the chart: the newest number changes all day. */
function read() {
  $("reading").setAttribute("aria-live", cursor === null ? "off" : "polite");
  const point = state.day[cursor ?? state.day.length - 1];
  if (!point) return setText($("reading"), word("no_day"));
  const [minute, low, best, high, force, entered, left] = point;
  const span = best === null ? "–" : low === high ? String(best) : `${best} (${low}–${high})`;
  setText($("reading"), `${hourOf(minute)} · ${word("inside")} ${span} · ${word("in_force")} ${force ?? "–"} · ${word("entered")} ${entered} · ${word("left")} ${left}`);
}

$("chart").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15, Home: -1e6, End: 1e6 }[event.key];
  if (by === undefined || !state.day.length) { if (event.key === "Escape") { cursor = null; draw("day"); } return; }
  event.preventDefault();
  cursor = Math.min(state.day.length - 1, Math.max(0, (cursor ?? state.day.length - 1) + by));
  draw("day");
});

$("chart").addEventListener("pointermove", (event) => {
  const box = $("chart").getBoundingClientRect();
  const from = Number($("chart").dataset.from), to = Number($("chart").dataset.to);
  const minute = from + (to - from) * (event.clientX - box.left) / box.width;
  cursor = state.day.reduce((best, point, at) => Math.abs(point[0] + 1 - minute) < Math.abs(state.day[best][0] + 1 - minute) ? at : best, 0);
  draw("day");
});

$("chart").addEventListener("pointerleave", () => { cursor = null; draw("day"); });
