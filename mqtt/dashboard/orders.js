// Signing in, and orders with a confirmation. The key stays in the hub; the page only asks.
"use strict";

const me = { possible: false, name: "", may: [], proof: "" };
let pending = null;

function mayOf(...names) { return names.filter((name) => me.may.includes(name)); }

function became(who) {
  Object.assign(me, { possible: false, name: "", may: [], proof: "" }, who);
  draw("sign", "hall", "plan", "devices", "incidents");
}

function drawSign() {
  $("sign").hidden = !me.possible;
  setText($("sign"), me.name ? word("sign_out", { name: me.name }) : word("sign_in"));
}

async function ask(path, body) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Hallgate-Proof": me.proof }, body: JSON.stringify(body) });
    const said = await answer.json();
    if (answer.status === 401) became({ possible: true });
    if (said.because === "no_proof") whoAmI(); // somebody else signed in from another tab
    return { ok: answer.ok, ...said };
  } catch {
    return { ok: false, because: "no_page" };
  }
}

function whoAmI() {
  fetch("/me").then((answer) => answer.json()).then(became).catch(() => {});
}

// ---------------------------------------------------------------- asking

function orderButton(name, what, named) {
  const button = element("button", name === "evacuate" ? "danger" : "", word("order_" + wordOf(name, what)));
  button.type = "button";
  button.setAttribute("aria-label", named ?? word("order_" + name));
  button.addEventListener("click", (event) => {
    opened = { x: event.clientX, y: event.clientY, at: event.timeStamp, by: button.closest("[data-key]"), among: button.closest(".orders") };
    confirmOrder(name, what);
  });
  return button;
}

/** The click that opened the dialog, and where its button stood. */
let opened = null;
const TWICE_MS = 700, TWICE_PX = 12;

/** The second half of a double click confirms nothing: the dialog opened under the finger. */
function isSecondHalf(event) {
  return opened && event.detail > 0 && event.timeStamp - opened.at < TWICE_MS && Math.hypot(event.clientX - opened.x, event.clientY - opened.y) < TWICE_PX;
}

/** A button that is gone by now (held: to be released) gives the focus to the one in its place. */
function giveFocusBack() {
  if (document.activeElement && document.activeElement !== document.body) return;
  const there = [opened?.by, opened?.among].find((one) => one?.isConnected);
  (there?.querySelector("button") ?? $("attention")).focus();
}

/** Signing a round and signing an isolation off is one order, and two things to say. */
function wordOf(name, what) { return what.point ? "round" : name; }

function drawHallOrders() {
  const wanted = [["limit"], [state.hall?.held ? "release" : "hold"], ["evacuate"]].map(([name]) => name).filter((name) => me.may.includes(name));
  $("hall-orders").hidden = !wanted.length;
  keep($("hall-orders"), wanted, String, (name) => orderButton(name, {}, `${word("order_" + name)} ${word("whole_hall")}`));
}

function confirmOrder(name, what) {
  const { named, out, ...body } = what, said = wordOf(name, what);
  pending = { name, hall: state.hall.name, ...body };
  const where = named ?? what.incident ?? (what.device ? laneName(what) : word("whole_hall"));
  setText($("confirm-title"), `${word("order_" + said)} · ${where}`);
  setText($("confirm-text"), word(`sure_${said}${out && said === "open_once" ? "_out" : ""}`));
  setText($("confirm-answer"), "");
  setText($("confirm-yes"), word("order_" + said));
  $("confirm-yes").disabled = false;
  $("confirm-yes").classList.toggle("danger", name === "evacuate");
  $("confirm-number").hidden = name !== "limit";
  $("number").required = name === "limit";
  $("number").value = String(state.hall.target ?? "");
  $("confirm").showModal();
  (name === "limit" ? $("number") : $("confirm-yes")).focus();
}

$("confirm-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = pending;
  if (!asked) return;
  $("confirm-yes").disabled = true;
  setText($("confirm-answer"), word("sending"));
  const said = await ask("/order", asked.name === "limit" ? { ...asked, n: Number($("number").value) } : asked);
  // Whoever closed the dialog, or opened another one, hears of this order all the same.
  if (asked !== pending || !$("confirm").open) return tell(`${word("order_" + wordOf(asked.name, asked))}: ${outcome(said)}`);
  $("confirm-yes").disabled = false;
  const refused = Object.entries(said.refused ?? {});
  if (said.ok && !refused.length) {
    $("confirm").close();
    return tell(`✓ ${word("order_" + wordOf(asked.name, asked))} ${outcome(said)}`);
  }
  setText($("confirm-answer"), outcome(said));
});

$("confirm-yes").addEventListener("click", (event) => { if (isSecondHalf(event)) event.preventDefault(); });
$("confirm").addEventListener("close", giveFocusBack);

/** A key that is held down confirms nothing: the dialog opened under the finger. */
$("confirm-form").addEventListener("keydown", (event) => { if (event.repeat && event.key === "Enter") event.preventDefault(); });

function outcome(said) {
  const refused = Object.entries(said.refused ?? {});
  if (!said.ok) return word(said.because ?? "failed");
  return refused.length ? refused.slice(0, 6).map(([device, because]) => `${device}: ${whyNot(because)}`).join(", ") : word("done", { n: said.done, of: said.of });
}

/** A device's own words for an order that it did not do. */
function whyNot(because) { return word("not_done_" + because, {}, word(because)); }

let telling = 0;

function tell(text) {
  $("told").hidden = false; // first: a region that appears with its text is not read aloud
  setText($("told"), text);
  clearTimeout(telling);
  telling = setTimeout(() => { $("told").hidden = true; }, 5000);
}

// ---------------------------------------------------------------- signing in

$("sign").addEventListener("click", async () => {
  if (me.name) {
    const said = await ask("/sign-out", {});
    // While the hub cannot be reached nobody is signed out, and must not believe it.
    return said.ok ? became({ possible: true }) : tell(outcome(said));
  }
  setText($("signing-wrong"), "");
  $("signing").showModal();
  $("name").focus();
});

$("signing-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = await ask("/sign-in", { name: $("name").value, password: $("password").value });
  $("password").value = "";
  if (!said.ok) return setText($("signing-wrong"), word(said.because ?? "failed"));
  $("signing").close();
  became(said);
});

document.querySelectorAll("[data-close]").forEach((button) => button.addEventListener("click", () => button.closest("dialog").close()));
