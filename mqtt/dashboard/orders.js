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
  button.addEventListener("click", () => confirmOrder(name, what));
  return button;
}

/** Signing a round and signing an isolation off is one order, and two things to say. */
function wordOf(name, what) { return what.point ? "round" : name; }

function drawHallOrders() {
  const wanted = [["limit"], [state.hall?.held ? "release" : "hold"], ["evacuate"]].map(([name]) => name).filter((name) => me.may.includes(name));
  $("hall-orders").hidden = !wanted.length;
  keep($("hall-orders"), wanted, String, (name) => orderButton(name, {}, `${word("order_" + name)} ${word("whole_hall")}`));
}

function confirmOrder(name, what) {
  const { named, ...body } = what, said = wordOf(name, what);
  pending = { name, hall: state.hall.name, ...body };
  const where = named ?? what.incident ?? (what.device ? laneName(what) : word("whole_hall"));
  setText($("confirm-title"), `${word("order_" + said)} · ${where}`);
  setText($("confirm-text"), word("sure_" + said));
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

/** A key that is held down confirms nothing: the dialog opened under the finger. */
$("confirm-form").addEventListener("keydown", (event) => { if (event.repeat && event.key === "Enter") event.preventDefault(); });

function outcome(said) {
  const refused = Object.entries(said.refused ?? {});
  if (!said.ok) return word(said.because ?? "failed");
  return refused.length ? refused.slice(0, 6).map(([device, because]) => `${device}: ${word(because)}`).join(", ") : word("done", { n: said.done, of: said.of });
}

let telling = 0;

function tell(text) {
  setText($("told"), text);
  $("told").hidden = false;
  clearTimeout(telling);
  telling = setTimeout(() => { $("told").hidden = true; }, 5000);
}

// ---------------------------------------------------------------- signing in

$("sign").addEventListener("click", async () => {
  if (me.name) return became(await ask("/sign-out", {}));
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
