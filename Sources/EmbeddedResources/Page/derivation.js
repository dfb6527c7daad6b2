// The derivation in MathML: each step in symbols, and in the numbers that the service gave.

const mi = text => mathml("mi", {}, text), mn = text => mathml("mn", {}, text), mo = text => mathml("mo", {}, text);
const tight = text => mathml("mo", { lspace: "0em", rspace: "0em", stretchy: "false" }, text);
const row = (...parts) => mathml("mrow", {}, ...parts);
const fraction = (over, under) => mathml("mfrac", {}, row(over), row(under));
const index = (base, below) => mathml("msub", {}, base, row(below));
const power = (base, above) => mathml("msup", {}, base, row(above));
const bracket = (...parts) => row(tight("("), ...parts, tight(")"));

/** A formula that may be broken before an equals sign where the page is narrow. */
function formula(...parts) {
  const pieces = [[]];
  for (const part of parts) {
    if (part.textContent === "=") pieces.push([]);
    pieces.at(-1).push(part);
  }
  return html("div", { class: "formula" }, ...pieces.map(piece => mathml("math", { display: "block" }, row(...piece))));
}
const coloured = (name, part) => mathml("mrow", { class: name }, part);

const equals = () => mathml("mo", { form: "infix", lspace: "0.28em", rspace: "0.28em" }, "=");
const minus = () => mo("−"), times = () => mo("·"), negative = () => tight("−");
const hat = below => index(mathml("mover", { accent: true }, mi("y"), mo("^")), below);
const yl = () => hat(mi("l")), yi = () => hat(mi("i")), L = () => mi("L"), ai = () => index(mi("a"), mi("i"));
const log = part => row(negative(), mi("log"), mathml("mspace", { width: "0.17em" }), part);
const partial = (above, below) => fraction(row(mi("∂"), above), row(mi("∂"), below));
const indicator = () => index(mn("1"), row(tight("["), mi("l"), tight("="), mi("i"), tight("]")));

/** A number; as a factor a negative one stands in brackets. */
const number = value => value < 0 ? row(negative(), unsigned(-value)) : unsigned(value);
const factor = value => value < 0 ? bracket(number(value)) : number(value);
function unsigned(value) {
  const [digits, exponent] = rounded(value, value < 1e-4 ? 3 : 4).split("·10");
  return exponent ? row(mn(digits), times(), power(mn("10"), mn(plain(exponent)))) : mn(digits);
}
const probability = value => coloured("prob", number(value));
const slope = value => coloured("slope", number(value));

// T makes the element for the temperature; where that is 1 there is none, and the formulas do not show it.

const exponential = (exponent, T) => power(mi("e"), T ? row(exponent, mo("/"), T) : exponent);
const overT = (T, part) => T ? row(fraction(mn("1"), T), times(), part) : part;
const quotient = (one, el, ei, T) => overT(T, fraction(
  row(one, el, times(), mi("S"), minus(), el.cloneNode(true), times(), ei), power(mi("S"), mn("2"))));
const difference = (one, part, T) => row(negative(), overT(T, bracket(one, minus(), part)));

/** The six steps in symbols. */
const symbols = [
  T => {
    const e = name => exponential(index(mi("a"), mi(name)), T?.());
    return [
      formula(yl(), equals(), fraction(e("l"), mi("S"))),
      formula(mi("S"), equals(), mathml("munder", {}, mo("∑"), mi("k")), e("k")),
      formula(L(), equals(), log(yl())),
    ];
  },
  () => [
    formula(partial(L(), ai()), equals(), partial(L(), yl()), times(), partial(yl(), ai())),
    formula(partial(L(), yl()), equals(), negative(), fraction(mn("1"), yl())),
  ],
  T => {
    const e = name => exponential(index(mi("a"), mi(name)), T?.());
    return [formula(partial(yl(), ai()), equals(), quotient(indicator(), e("l"), e("i"), T?.()))];
  },
  T => {
    const terms = [indicator(), yl(), minus(), yl(), yi()];
    return [formula(partial(yl(), ai()), equals(), T ? overT(T(), bracket(...terms)) : row(...terms))];
  },
  T => [
    formula(partial(L(), ai()), equals(), negative(), fraction(mn("1"), yl()), times(),
      overT(T?.(), row(yl(), bracket(indicator(), minus(), yi())))),
  ],
  T => [formula(partial(L(), ai()), equals(), difference(indicator(), yi(), T?.()))],
];

/** The six steps in the numbers of an answer. */
const numbers = [
  ({ question: { a, l }, probabilities, loss }, T) => {
    const terms = a.map((value, c) => row(c ? mo("+") : "", exponential(number(value), T?.())));
    if (terms.length > 4) terms.splice(2, terms.length - 3, row(mo("+"), mi("⋯")));
    const share = fraction(exponential(number(a[l]), T?.()), row(...terms));
    return [
      formula(hat(mn(l)), equals(), share, equals(), probability(probabilities[l])),
      formula(L(), equals(), log(probability(probabilities[l])), equals(), number(loss)),
    ];
  },
  ({ question: { l }, probabilities, slopeOfLog }) => [
    formula(partial(L(), hat(mn(l))), equals(), negative(), fraction(mn("1"), probability(probabilities[l])), equals(),
      slope(slopeOfLog)),
  ],
  ({ question: { a, l, i } }, T) => {
    const e = value => exponential(number(value), T?.());
    return [formula(quotient(row(mn(Number(l === i)), times()), e(a[l]), e(a[i]), T?.()))];
  },
  ({ question: { i }, firstTerms, secondTerms, slopes }) => [
    formula(number(firstTerms[i]), minus(), number(secondTerms[i]), equals(), slope(slopes[i])),
  ],
  ({ question: { i }, slopeOfLog, slopes, product }) => [
    formula(slope(slopeOfLog), times(), coloured("slope", factor(slopes[i])), equals(), slope(product[i])),
  ],
  ({ question: { l, i }, probabilities, gradient }, T) => [
    formula(difference(mn(Number(l === i)), probability(probabilities[i]), T?.()), equals(), slope(gradient[i])),
  ],
];

function drawDerivation(answer) {
  const { question: { i, T }, product, gradient, slopeOfLog } = answer;
  const [asSymbol, asNumber] = T === 1 ? [] : [() => mi("T"), () => number(T)];
  [...byId("steps").children].forEach((step, k) => step.replaceChildren(step.firstElementChild,
    html("div", { class: "symbols" }, ...symbols[k](asSymbol)),
    html("div", { class: "numbers" }, ...numbers[k](answer, asNumber))));
  byId("agreement").textContent = !Number.isFinite(slopeOfLog)
    ? "Step 5 reads ∞ · 0, because each factor is rounded to be shown; the service multiplies the exact ones."
    : product[i] === gradient[i] ? "Steps 5 and 6 agree in every bit." : "";
  drawTable(answer);
  drawJacobian(answer);
  // What is too wide all the same scrolls, by the keyboard too.
  for (const element of document.querySelectorAll(".formula")) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  }
}

// In the heads of the tables "_" stands before an index.
const named = text => text.split(/_(.)/).map((part, k) => k % 2 ? html("sub", {}, part) : part);
const head = text => html("th", { scope: "col" }, ...named(text));
const cell = (text, name = false) => html("td", { class: name }, text);

function drawTable({ question: { a, i, T }, probabilities, firstTerms, secondTerms, slopes, gradient }) {
  const over = T === 1 ? "" : "/T", terms = [`1[l=i] ŷ_l${over}`, `ŷ_l ŷ_i${over}`];
  const heads = ["class i", "a_i", "ŷ_i", ...terms, "∂ŷ_l/∂a_i", "∂L/∂a_i"].map(head);
  const rows = a.map((score, c) => html("tr", { class: c === i && "on" }, html("th", { scope: "row" }, c),
    cell(rounded(score, 5)), cell(aligned(probabilities[c]), "prob"),
    ...[firstTerms, secondTerms, slopes].map(values => cell(aligned(values[c]))), cell(aligned(gradient[c]), "slope")));
  byId("all").replaceChildren(html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...rows));
}

/** Row k, column c: how the probability of class k changes with the score of class c. */
function drawJacobian({ question: { a, l, i }, jacobian }) {
  const most = Math.max(...jacobian.flat().map(Math.abs)) || 1, isLarge = a.length > 5;
  const shaded = (value, k, c) => {
    const frame = k !== l ? "" : c === i ? " of-true step-4" : " of-true";
    const element = cell(rounded(value, isLarge ? 1 : 2), (value < 0 ? "lose" : "gain") + frame);
    element.style.setProperty("--share", Math.abs(value) / most);
    return element;
  };
  const rows = jacobian.map((values, k) => html("tr", {}, html("th", { scope: "row" }, ...named(`∂ŷ_${k}`)),
    ...values.map((value, c) => shaded(value, k, c))));
  byId("jacobian").className = isLarge ? "many" : "";
  byId("jacobian").replaceChildren(
    html("thead", {}, html("tr", {}, cell(""), ...a.map((_, c) => head(`∂a_${c}`)))), html("tbody", {}, ...rows));
}
