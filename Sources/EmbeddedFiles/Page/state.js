// What the page shows is a function of this state, and the URL's fragment holds all of it.

const start = { a: [2, 1, 0.1], l: 0, i: 0, T: 1, eta: 0.5, language: "curl" };
const state = structuredClone(start);
const fewest = 2, most = 8, rates = [0.1, 0.5, 1, 2, 5];

const presets = {
  "A usual case": { a: [2, 1, 0.1], l: 0 },
  "Undecided": { a: [0, 0, 0], l: 0 },
  "Sure and right": { a: [40, 0], l: 0 },
  "Sure and wrong": { a: [0, 9, 1], l: 0 },
  "Scores past 709": { a: [1000, 999, 0], l: 0 },
  "All shifted by 1000": { a: [1002, 1001, 1000.1], l: 0 },
};

const fragment = ({ a, l, i, T, eta, language }) => `#a=${a.join()}&l=${l}&i=${i}&T=${T}&eta=${eta}&in=${language}`;

/**
 * How far sliders and curves go: from -10 to 10. Around a score beyond, 10 either way, or a power of ten so large that
 * a hundredth of it moves the double.
 */
function spanAround(score) {
  const size = Math.abs(score), middle = size > 10 ? score : 0, { MAX_VALUE } = Number;
  const reach = Math.max(10, 10 ** Math.ceil(Math.log10(size) - 12));
  return { middle, reach, ends: [Math.max(-MAX_VALUE, middle - reach), Math.min(middle + reach, MAX_VALUE)] };
}

/** How each part of a fragment is read: what state it sets, and its value, or undefined if it cannot be read. */
const parts = {
  a: ["a", text => {
    const scores = text.split(",").map(finite);
    return scores.length >= fewest && scores.length <= most && !scores.includes(undefined) ? scores : undefined;
  }],
  l: ["l", classOf],
  i: ["i", classOf],
  T: ["T", finite],
  eta: ["eta", text => rates.find(rate => String(rate) === text)],
  in: ["language", text => text in programs ? text : undefined],
};

function finite(text) {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : undefined;
}

function classOf(text, { a }) {
  return /^\d$/.test(text) && text < a.length ? Number(text) : undefined;
}

/**
 * The state that a fragment tells, and the names of the parts that cannot be read, which stay as at the start. What has
 * no "=" names a place of the page.
 */
function readFragment(text) {
  const given = new Map(text.slice(1).replaceAll(/%2c/gi, ",").split("&").map(part => part.split("=")));
  const found = structuredClone(start);
  const unread = [...given].filter(([name, value]) => value !== undefined && !(name in parts)).map(([name]) => name);
  for (const [name, [key, read]] of Object.entries(parts)) {
    const value = given.has(name) ? read(given.get(name) ?? "", found) : found[key];
    if (value === undefined) unread.push(name);
    else found[key] = value;
  }
  return { found, unread };
}

let saving;
/** Browsers refuse more than a few changes of the address a second. */
function saveFragment() {
  clearTimeout(saving);
  saving = setTimeout(() => history.replaceState(null, "", fragment(state)), 250);
}
