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

// Keep one child per item, in order; touch only what is new or looks different. 200 devices cost 200 string comparisons.
// What stays is neither made anew nor moved: the button under a finger or a focus stays that button, and no alarm is
// read aloud again because another one ended.
function keep(list, items, keyOf, build) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const keys = new Set(items.map(keyOf));
  let orphaned = false;
  for (const [key, child] of old) if (!keys.has(key)) orphaned = remove(child) || orphaned;
  let place = list.firstElementChild;
  for (const item of items) {
    const child = kept(old.get(keyOf(item)), item, keyOf(item), build);
    // One that fell behind is moved (taken out here, put in when its turn comes), not all that came after it.
    if (place && place !== child && place.nextElementSibling === child && !hasFocus(place)) {
      place.remove();
      place = child;
    }
    if (child === place) place = place.nextElementSibling;
    else move(list, child, place);
  }
  if (orphaned) list.querySelector("button, a")?.focus();
}

function kept(child, item, key, build) {
  const looks = page.language + JSON.stringify(item);
  if (child?.looks === looks) return child;
  const made = build(item, Boolean(child));
  made.dataset.key = key;
  if (child) patch(child, made);
  const stays = child ?? made;
  stays.looks = looks;
  return stays;
}

/** Make `old` look like `made`; a part that looks the same stays the very same part. */
function patch(old, made) {
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of made.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  let place = old.firstChild, orphaned = false;
  for (const part of [...made.childNodes]) {
    let same = place;
    while (same && !same.isEqualNode(part)) same = same.nextSibling;
    if (!same) old.insertBefore(part, place);
    while (same && place !== same) [place, orphaned] = [place.nextSibling, remove(place) || orphaned];
    if (same) place = same.nextSibling;
  }
  while (place) [place, orphaned] = [place.nextSibling, remove(place) || orphaned];
  if (orphaned) old.querySelector("button, a")?.focus();
}

function hasFocus(node) { return node.contains(document.activeElement); }

/** True when it took the focus along: whoever works with keys goes on where they were. */
function remove(node) {
  const focused = hasFocus(node);
  node.remove();
  return focused;
}

function move(list, child, place) {
  const focused = hasFocus(child) ? document.activeElement : null;
  list.insertBefore(child, place);
  focused?.focus({ preventScroll: true });
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
