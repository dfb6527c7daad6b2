// Elements, and numbers as text. Nothing here parses markup: every text becomes a text node or an attribute.

const builder = namespace => (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const html = builder("http://www.w3.org/1999/xhtml");
const svg = builder("http://www.w3.org/2000/svg");
const mathml = builder("http://www.w3.org/1998/Math/MathML");
const byId = id => document.getElementById(id);

/** Fills an element, and tells those who do not see it what it shows. */
function fill(id, label, ...children) {
  byId(id).replaceChildren(...children);
  byId(id).setAttribute("aria-label", label);
}

/** A number of an answer. JSON has no infinities, so the service writes them as strings, which Number reads. */
const numbersOf = values => values.map(Number);

const withMinus = text => text.replace("-", "−");
const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", level = "0123456789−";
const superscript = text => [...withMinus(text)].map(sign => raised[level.indexOf(sign)]).join("");
const plain = text => [...text].map(sign => level[raised.indexOf(sign)]).join("");

/** A number as programs write it, with a power of ten for its exponent. */
function withPower(text) {
  const [digits, exponent] = text.split("e");
  return withMinus(digits) + (exponent ? `·10${superscript(exponent.replace("+", ""))}` : "");
}

/** All digits that tell a double from its neighbours. */
const everyDigit = value =>
  Number.isFinite(value) ? withPower(String(value)) : withMinus(String(value)).replace("Infinity", "∞");

/** At most so many significant digits, in the shortest form. */
function rounded(value, digits = 4) {
  const size = Math.abs(value), isUsual = size === 0 || (size >= 1e-4 && size < 1e6);
  if (isUsual || !Number.isFinite(value)) return everyDigit(Number(value.toPrecision(digits)));
  return withPower(value.toExponential(digits - 1).replace(/\.?0+e/, "e"));
}

const counted = (count, noun) => `${rounded(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Four decimals, so that the numbers of a column align; very small and very large ones as powers of ten. */
function aligned(value) {
  const size = Math.abs(value), isUsual = size === 0 || (size >= 1e-4 && size < 1e5);
  return isUsual ? withMinus(value.toFixed(4)) : rounded(value, 3);
}
