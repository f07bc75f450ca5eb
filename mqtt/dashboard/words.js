// The words of the page. Their table, `WORDS`, stands before these lines when the page is served: `mqtt/words.py`.
"use strict";

const page = { language: localStorage.getItem("language") === "en" ? "en" : "zh" };

/** The word of a key; one that is not in the table is shown as `otherwise`, or as it came. */
function word(key, values = {}, otherwise = key) {
  const pair = Object.hasOwn(WORDS, key) ? WORDS[key] : null;
  const text = pair ? pair[page.language === "zh" ? 0 : 1] : String(otherwise).replaceAll("_", " ");
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Why somebody was answered so. A few of these words are also states of something else. */
function reason(because) { return Object.hasOwn(WORDS, "because_" + because) ? word("because_" + because) : word(because); }

/** `zone-b1` is a name of the hall's own; only the word for elevators is ours. */
function zoneWord(name) { return name === "elevators" ? word("elevator") : name; }

/** A phase has a name of the hall's own choosing; only the usual ones are translated. */
function phaseWord(name) {
  return WORDS["phase_" + name] ? word("phase_" + name) : name;
}
