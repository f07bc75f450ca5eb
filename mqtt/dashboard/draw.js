// Small hands: elements, lists that change only where they must, the chart of the last hour.
"use strict";

const $ = (id) => document.getElementById(id);

function element(tag, className, ...inside) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Keep one child per item, in order; build only what is new or looks different. 200 devices cost 200 string comparisons.
function keep(list, items, keyOf, build) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const looks = page.language + JSON.stringify(item);
    let child = old.get(key);
    old.delete(key);
    if (!child || child.looks !== looks) {
      const made = build(item, Boolean(child));
      made.dataset.key = key;
      made.looks = looks;
      if (child) {
        if (place === child) place = made;
        child.replaceWith(made);
      }
      child = made;
    }
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
  for (const child of old.values()) child.remove();
}

// Entries go up, exits go down, one bar for two minutes.
function drawFlow(svg, flow, nowMinute) {
  const bars = 30;
  const first = nowMinute - 2 * bars + 1;
  const sums = Array.from({ length: bars }, () => [0, 0]);
  for (const [minute, entered, left] of flow) {
    const bar = sums[Math.floor((minute - first) / 2)];
    if (bar) { bar[0] += entered; bar[1] += left; }
  }
  const highest = Math.max(4, ...sums.flat());
  const rect = (className, x, y, height) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ class: className, x, y, width: 9, height, rx: 1.5 })) made.setAttribute(name, value);
    return made;
  };
  svg.replaceChildren(...sums.flatMap(([entered, left], at) => {
    const up = entered / highest * 34, down = left / highest * 34;
    return [rect("in", at * 12 + 1.5, 35 - up, up), rect("out", at * 12 + 1.5, 37, down)];
  }));
  const total = (which) => sums.reduce((sum, bar) => sum + bar[which], 0);
  svg.setAttribute("aria-label", `${word("last_hour")}: ${word("entered")} ${total(0)}, ${word("left")} ${total(1)}`);
  return [total(0), total(1)];
}

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}
