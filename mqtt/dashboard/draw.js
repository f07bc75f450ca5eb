// Small hands: elements, and lists that change only where they must.
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

/** A sign for the eye only. */
function hidden(className, text) {
  const made = element("span", className, text);
  made.setAttribute("aria-hidden", "true");
  return made;
}

/** Made once: comparing through a fresh one costs more than drawing 200 doors. */
const COLLATOR = new Intl.Collator(undefined, { numeric: true });

function byName(a, b) { return COLLATOR.compare(a.name, b.name); }

function duration(seconds) {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}
