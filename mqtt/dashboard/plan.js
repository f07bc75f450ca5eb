// The plan of the hall: walls with a door for each lane, and on the floor who is inside. Grey while all is well.
"use strict";

const ARROWS = { "in": "→", out: "→", both: "↔", elevator: "↕" };
const OPEN = new Set(["granted", "passing", "passed", "free", "evacuated"]);
const CALM_GATES = 12;
const URGENT = { evacuated: 0, fault: 0, held: 2 };

function drawPlan() {
  const devices = [...state.devices.values()].sort(byName);
  const doors = new Map(((state.hall?.resources ?? []).find((one) => one.name === "hall")?.doors ?? []).filter((one) => !one.fenced).map((one) => [one.device, one]));
  const lanes = devices.flatMap((device) => (device.status?.lanes ?? []).map((lane, at) => ({ device: device.name, online: device.online, lane: withoutAges(lane), right: rightOf(doors.get(device.name)), first: at === 0, may: mayOf("hold", "release", "open_once") })));
  const walls = { gates: lanes.filter((one) => one.lane.direction === "in" || one.lane.direction === "both"), exits: lanes.filter((one) => one.lane.direction === "out"), lifts: lanes.filter((one) => one.lane.direction === "elevator") };
  for (const [wall, there] of Object.entries(walls)) {
    // A small hall keeps its doors in their places; where they do not all fit, those that need somebody come first.
    if (there.length > CALM_GATES) there.sort((a, b) => urgency(a) - urgency(b));
    keep($(wall), there, (one) => `${one.device}/${one.lane.name}`, buildDoor);
    $(wall).hidden = !there.length;
    $(wall).tabIndex = there.length > CALM_GATES ? 0 : -1; // more than fit are scrolled, by keyboard as well
  }
  there = { gates: walls.gates.length, exits: walls.exits.length, lifts: walls.lifts.length };
  $("house").style.setProperty("--gates", `${Math.max(1, there.gates)}fr`);
  $("house").style.setProperty("--exits", `${Math.max(1, there.exits)}fr`);
  if (fitted.for !== sizeFor()) fitDoors();
  $("no-gates").hidden = lanes.length > 0;
}

// ---------------------------------------------------------------- a screen on the wall has nobody to scroll it

/** Its doors are drawn smaller, step by step, until all of them are seen. */
const SIZES = ["", "many", "dense", "packed"];
const WALL_SCREEN = matchMedia("(min-width: 105rem) and (min-height: 55rem)");
let there = { gates: 0, exits: 0, lifts: 0 };
let fitted = { for: "", size: 0 };

/** What a size is found for. */
function sizeFor() { return [...Object.values(there), innerWidth, innerHeight, me.may.length, page.language].join(); }

/** Called when that changes, and then once a second: a door may have more to say for a moment, and then the size goes up. */
function fitDoors() {
  const count = there.gates + there.exits + there.lifts;
  if (fitted.for !== sizeFor()) fitted = { for: sizeFor(), size: count > 2 * CALM_GATES ? 1 : 0 };
  setSize(fitted.size);
  while (WALL_SCREEN.matches && unshown() && fitted.size < SIZES.length - 1) setSize(++fitted.size);
  const missing = WALL_SCREEN.matches ? unshown() : 0;
  $("unshown").hidden = !missing;
  setText($("unshown"), word("unshown", { n: missing }));
}

function setSize(size) {
  SIZES.forEach((name, at) => { if (name) $("house").classList.toggle(name, at <= size); });
}

/** Doors that lie beyond the end of their wall, or in part. */
function unshown() {
  return [...document.querySelectorAll(".wall:not([hidden])")].reduce((sum, wall) => {
    if (wall.scrollHeight <= wall.clientHeight + 1) return sum;
    const end = wall.getBoundingClientRect().bottom + 1;
    return sum + [...wall.children].filter((door) => door.getBoundingClientRect().bottom > end).length;
  }, 0);
}

addEventListener("resize", () => draw("plan"));

function rightOf(door) {
  return door ? { free: door.free, flight: door.flight, cut: door.cut_off, held: door.held, state: door.state } : null;
}

function urgency({ online, lane, right }) {
  return online === false || lane.sensors.length || right?.cut ? 1 : URGENT[lane.state] ?? 3;
}

// Ages change with every status; a gate that is fine need not be drawn again for them.
function withoutAges(lane) {
  return { ...lane, sensors: lane.sensors.filter((one) => one.state !== "ok").map(({ device, state, because }) => ({ device, state, because })) };
}

// Rights belong to the device: they stand at its first lane.
function buildDoor({ device, online, lane, right, first, may }) {
  const gone = online === false;
  const door = element("li", "door",
    element("p", "door-name", hidden("arrow", ARROWS[lane.direction] ?? "·"), element("b", "", `${device}/${lane.name}`), rightMark(first ? right : null)),
    element("p", "door-state", hidden("glyph", ""), gone ? word("offline") : word(lane.state)),
    element("p", "door-more", [word(lane.direction), !gone && right?.cut ? word("cut_off") : "", lane.gap_mm ? word("gap", { n: (lane.gap_mm / 1000).toFixed(1) }) : "",
      lane.expected_wait_s ? word("wait_s", { n: lane.expected_wait_s }) : "", lane.too_close_times ? word("close_times", { n: lane.too_close_times }) : "",
      lane.co2_ppm ? word("co2", { n: lane.co2_ppm }) : "", lane.air_holds ? word("air_bad") : "", ...(lane.ventilation ?? []).map((one) => word(one)),
      lane.crowd ? word(lane.crowd) : "", lane.because && lane.because !== lane.crowd ? word(lane.because) : ""].filter(Boolean).join(" · ")),
    lane.waiting ? element("p", "door-queue", hidden("dots", "●".repeat(Math.min(8, lane.waiting))), word("waiting", { n: lane.waiting })) : null,
    ...lane.sensors.map((one) => element("p", "door-ill", `▲ ${word(one.device)} ${word(one.state)}`)),
    hidden("leaf", ""), doorOrders(device, lane, may));
  door.dataset.state = gone ? "offline" : lane.state;
  door.dataset.open = String(!gone && OPEN.has(lane.state));
  if (right?.cut) door.dataset.cut = "true";
  return door;
}

function rightMark(right) {
  if (!right) return null;
  const debt = right.free < 0;
  const mark = element("span", debt ? "right debt" : "right", hidden("", debt ? "▼" : "◆"), element("span", "unseen", word(debt ? "debt" : "free_rights")), ` ${Math.abs(right.free)}`, right.flight ? element("small", "", ` +${right.flight}`) : null);
  mark.title = `${word(debt ? "debt" : "free_rights")} ${Math.abs(right.free)}${right.flight ? ` · ${word("flight")} ${right.flight}` : ""}`;
  return mark;
}

function doorOrders(device, lane, may) {
  // Nobody is held in: at an exit there is nothing to hold, and opening it lets somebody out.
  const out = lane.direction === "out";
  const wanted = lane.state === "held" ? ["release"] : out ? ["open_once"] : ["hold", "open_once"];
  const buttons = wanted.filter((name) => may.includes(name)).map((name) => orderButton(name, { device, lane: lane.name, out }, `${word("order_" + name)} ${device}/${lane.name}`));
  return buttons.length ? element("div", "orders", ...buttons) : null;
}

// ---------------------------------------------------------------- the floor

function drawHall() {
  const hall = state.hall;
  if (!hall) return;
  setText($("hall"), hall.name || "hallgate");
  drawTitle();
  setText($("rules"), [hall.rulebook === null ? "" : word("rules", { n: hall.rulebook }), hall.phase && phaseWord(hall.phase), hall.rulebook_next && word("rules_next", { day: hall.rulebook_next })].filter(Boolean).join(" · "));
  $("evacuation").hidden = !hall.evacuated;
  setText($("evacuation"), hall.evacuated ? word("evacuation") : "");
  setText($("device-count"), `${hall.online} / ${hall.devices}`);
  $("kept").hidden = !hall.held;
  setText($("kept"), `‖ ${word("hall_held")}`);
  drawInside(hall);
  drawFacts(hall);
  drawRights();
  drawRounds();
  drawSupplies();
  drawHallOrders();
}

function drawInside(hall) {
  const { low, best, high, target, in_force: force } = hall;
  const known = best !== null && target !== null;
  const share = known ? best / Math.max(1, target) : 0;
  const end = Math.max(1, Math.ceil(Math.max(target ?? 0, force ?? 0, high ?? 0, best ?? 0) * 1.04));
  setText($("inside"), best === null ? "–" : String(best));
  setText($("limit"), target === null ? "–" : String(target));
  setText($("scale-end"), String(end));
  place($("fill"), 0, best ?? 0, end);
  place($("span"), low ?? 0, high ?? 0, end);
  place($("lowering"), target ?? 0, force ?? target ?? 0, end);
  place($("mark"), target ?? 0, target ?? 0, end);
  $("meter").dataset.level = share >= 1 ? "full" : share >= 0.85 ? "near" : "easy";
  $("meter").setAttribute("aria-valuemax", String(Math.max(target ?? 0, best ?? 0)));
  $("meter").setAttribute("aria-valuenow", String(best ?? 0));
  const room = !known ? word("unknown") : best > target ? word("over", { n: best - target }) : best === target ? word("full") : word("room", { n: target - best });
  const doubt = best !== null && (low !== best || high !== best) ? word("interval", { low, high }) : word("exact");
  setText($("room"), known ? `${room} · ${doubt}` : room);
  $("meter").setAttribute("aria-valuetext", `${best ?? "–"} / ${target ?? "–"}, ${$("room").textContent}`);
}

function place(bar, from, to, end) {
  bar.style.left = `${100 * Math.max(0, from) / end}%`;
  bar.style.width = `${100 * Math.max(0, to - from) / end}%`;
}

/** Bodies since midnight, in the hall's own time; `≥` where this hub was not there for all of them. */
function today(column) {
  if (!state.day.length) return null;
  const midnight = Math.floor((hallNow() / 60000 + zoneMinutes()) / 1440) * 1440 - zoneMinutes();
  const heard = state.day.reduce((sum, point) => sum + (point[0] >= midnight ? point[column] : 0), 0);
  return (state.hall.bodies_since ?? 0) > midnight ? `≥ ${heard}` : heard;
}

function drawFacts(hall) {
  const left = hall.remains ?? {};
  const others = (hall.resources ?? []).filter((one) => one.name !== "hall").map((one) => ({ key: `res ${one.name}`, label: zoneWord(one.name), text: `${one.best ?? "–"} / ${one.target ?? "–"}`, bad: one.best > one.target }));
  const facts = [
    ["in_force", hall.in_force, hall.in_force !== null && hall.in_force !== hall.target], ["free_rights", hall.free], ["flight", hall.flight], ["debt", hall.debt, hall.debt > 0],
    ["entered_today", today(5)], ["left_today", today(6)],
    ["left_day", left.day], ["left_slot", left.slot], ["left_cases", left.cases], ["walk_in", left.walk_in === null || left.walk_in === undefined ? null : word(left.walk_in ? "walk_in_open" : "walk_in_closed")],
  ].filter(([, value]) => value !== null && value !== undefined).map(([key, value, bad]) => ({ key, label: word(key), text: String(value), bad: Boolean(bad) }));
  keep($("facts"), [...facts, ...others], (one) => one.key, (one) => element("div", one.bad ? "bad" : "", element("dt", "", one.label), element("dd", "", one.text)));
}
