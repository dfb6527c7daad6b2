// The derivation in MathML: each step in symbols, and in the numbers that the service gave.

const mi = text => mathml("mi", {}, text), mn = text => mathml("mn", {}, text), mo = text => mathml("mo", {}, text);
const tight = text => mathml("mo", { lspace: "0em", rspace: "0em", stretchy: "false" }, text);
const row = (...parts) => mathml("mrow", {}, ...parts);
const fraction = (over, under) => mathml("mfrac", {}, row(over), row(under));
const index = (base, below) => mathml("msub", {}, base, row(below));
const power = (base, above) => mathml("msup", {}, base, row(above));
const bracket = (...parts) => row(tight("("), ...parts, tight(")"));

/** A formula that may be broken before "=" or "≈" where the page is narrow. */
function formula(...parts) {
  const pieces = [[]];
  for (const part of parts) {
    if (isSign(part.textContent)) pieces.push([]);
    pieces.at(-1).push(part);
  }
  return html("div", { class: "formula" }, ...pieces.map(piece => mathml("math", { display: "block" }, row(...piece))));
}
const isSign = text => text === "=" || text === "≈";
const coloured = (name, part) => mathml("mrow", { class: name }, part);

const sign = text => mathml("mo", { form: "infix", lspace: "0.28em", rspace: "0.28em" }, text);
const equals = () => sign("="), about = () => sign("≈");
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
/** What the probability of a class lacks of 1. */
const lackOf = ({ probabilities }, c) => probabilities.reduce((sum, value, k) => k === c ? sum : sum + value, 0);
/** A number up to 1. One near 1 is written as 1 less what it lacks, since the digits of that are what counts. */
const upToOne = (value, lack, around) =>
  0 < lack && lack < 0.01 ? around(mn("1"), minus(), number(lack)) : number(value);
const probability = (answer, c, around = row) =>
  coloured("prob", upToOne(answer.probabilities[c], lackOf(answer, c), around));
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

/** The six steps in the numbers of an answer, which are rounded to be shown. */
const numbers = [
  (answer, T) => {
    const { question: { a, l }, loss } = answer;
    const terms = a.map((value, c) => row(c ? mo("+") : "", exponential(number(value), T?.())));
    if (terms.length > 4) terms.splice(2, terms.length - 3, row(mo("+"), mi("⋯")));
    const share = fraction(exponential(number(a[l]), T?.()), row(...terms));
    return [
      formula(hat(mn(l)), equals(), share, about(), probability(answer, l)),
      formula(L(), about(), log(probability(answer, l, bracket)), about(), number(loss)),
    ];
  },
  answer => {
    const { question: { l }, slopeOfLog } = answer, share = probability(answer, l);
    return [
      formula(partial(L(), hat(mn(l))), about(), negative(), fraction(mn("1"), share), about(), slope(slopeOfLog)),
    ];
  },
  ({ question: { a, l, i } }, T) => {
    const e = value => exponential(number(value), T?.());
    return [formula(quotient(row(mn(Number(l === i)), times()), e(a[l]), e(a[i]), T?.()))];
  },
  (answer, T) => {
    const { question: { l, i }, probabilities, slopes } = answer, lack = lackOf(answer, l);
    const product = upToOne(probabilities[l] * probabilities[i], l === i ? lack * (2 - lack) : 1, bracket);
    const terms = [l === i ? probability(answer, l, bracket) : mn("0"), minus(), product];
    return [formula(T ? overT(T(), bracket(...terms)) : row(...terms), about(), slope(slopes[i]))];
  },
  ({ question: { i }, slopeOfLog, slopes, product }) => [
    formula(slope(slopeOfLog), times(), coloured("slope", factor(slopes[i])), about(), slope(product[i])),
  ],
  (answer, T) => {
    const { question: { l, i }, gradient } = answer, share = probability(answer, i, bracket);
    return [formula(difference(mn(Number(l === i)), share, T?.()), about(), slope(gradient[i]))];
  },
];

/** What step 6 adds: that two steps agree, and where a number is too small or too large for a double, that. */
function agreement({ question: { l, i }, probabilities, loss, slopeOfLog, slopes, product, gradient }) {
  const positive = [probabilities[l], probabilities[i], loss, -slopeOfLog, Math.abs(slopes[i]), Math.abs(gradient[i])];
  return (product[i] === gradient[i] ? "Steps 5 and 6 agree in every bit." : "")
    + (positive.every(value => 0 < value && value < Infinity) ? ""
      : " A probability, slope or loss that reads 0 or ∞ is too small or too large for a double; the service computes "
        + "with the exact one.");
}

function drawDerivation(answer) {
  const { T } = answer.question;
  const [asSymbol, asNumber] = T === 1 ? [] : [() => mi("T"), () => number(T)];
  [...byId("steps").children].forEach((step, k) => step.replaceChildren(step.firstElementChild,
    html("div", { class: "symbols" }, ...symbols[k](asSymbol)),
    html("div", { class: "numbers" }, ...numbers[k](answer, asNumber))));
  byId("agreement").textContent = agreement(answer);
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
