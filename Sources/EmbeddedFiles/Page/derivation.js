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

/** A number's text in MathML. */
function written(text) {
  const [digits, exponent] = text.split("·10");
  return exponent ? row(mn(digits), times(), power(mn("10"), mn(plain(exponent)))) : mn(digits);
}
const signed = (value, text) => value < 0 ? row(negative(), written(text(-value))) : written(text(value));
/** A number that was computed, rounded to be shown; as a factor a negative one stands in brackets. */
const number = (value, digits = 4) => signed(value, size => rounded(size, digits));
const factor = (value, digits) => value < 0 ? bracket(number(value, digits)) : number(value, digits);
/**
 * A number that was given, with every digit: in an exponent the decimals count, however many digits stand before them.
 * Beyond 10¹¹ T the shortest text of a double is too far from it, so its own digits are written.
 */
const given = (value, T) => signed(value, size =>
  size < 1e11 * T || size >= 1e21 ? everyDigit(size) : size.toFixed(20).replace(/\.?0+$/, ""));

// What is computed from rounded numbers can differ from the rounded result: an equation may need more of their digits.

/** The fewest digits, from 4 on, of its numbers with which an equation gives the result that is shown; else 4. */
function digitsFor(result, compute) {
  for (let digits = 4; digits < 18; digits++) if (rounded(compute(digits)) === rounded(result)) return digits;
  return 4;
}
const cut = (value, digits) => Number(value.toPrecision(digits));

/** A number up to 1, and what it lacks of 1. Of one near 1 that is shown, since its digits are what counts. */
const share = (value, lack) => ({ value, lack, isNearOne: 0 < lack && lack < 0.01 });
const shareOf = ({ probabilities }, c) =>
  share(probabilities[c], probabilities.reduce((sum, value, k) => k === c ? sum : sum + value, 0));
function cutShare({ value, lack, isNearOne }, digits) {
  const shown = cut(isNearOne ? lack : value, digits);
  return isNearOne ? share(1 - shown, shown) : share(shown, 1 - shown);
}
const minusLog = ({ value, lack }) => value < 0.5 ? -Math.log(value) : -Math.log1p(-lack);
const less = (one, other) => one.value < 0.5 ? one.value - other.value : other.lack - one.lack;
const shareText = ({ value, lack, isNearOne }, digits, around = row) =>
  isNearOne ? around(mn("1"), minus(), number(lack, digits)) : number(value, digits);
const probability = (...shown) => coloured("prob", shareText(...shown));
const slope = (value, digits) => coloured("slope", number(value, digits));

// T makes the element for the temperature; where that is 1 there is none, and the formulas do not show it.

// A T with a power of ten is a product, and so stands in brackets after the slash.
const exponential = (exponent, T) => power(mi("e"),
  T ? row(exponent, tight("/"), T.localName === "mrow" ? bracket(T) : T) : exponent);
const overT = (T, part) => T ? row(fraction(mn("1"), T), times(), part) : part;
const quotient = (one, el, ei, T) => overT(T, fraction(
  row(one, el, times(), mi("S"), minus(), el.cloneNode(true), times(), ei), power(mi("S"), mn("2"))));
/** Brackets where 1/T stands before. */
const factored = (T, ...parts) => T ? bracket(...parts) : row(...parts);
const difference = (one, part, T) => row(negative(), overT(T, bracket(one, minus(), part)));

const ofScore = (name, T) => exponential(index(mi("a"), mi(name)), T?.());
const slopeOfSoftmax = T => overT(T?.(), row(yl(), bracket(indicator(), minus(), yi())));

/** The six steps in symbols. */
const symbols = [
  T => [
    formula(yl(), equals(), fraction(ofScore("l", T), mi("S"))),
    formula(mi("S"), equals(), mathml("munder", {}, mo("∑"), mi("k")), ofScore("k", T)),
    formula(L(), equals(), log(yl())),
  ],
  () => [formula(partial(L(), yl()), equals(), negative(), fraction(mn("1"), yl()))],
  T => {
    const [u, v, prime] = [() => mi("u"), () => mi("v"), () => tight("′")];
    return [
      formula(bracket(u(), tight("/"), v()), prime(), equals(),
        fraction(row(u(), prime(), v(), minus(), u(), v(), prime()), power(v(), mn("2")))),
      formula(u(), prime(), equals(), overT(T?.(), row(indicator(), ofScore("l", T)))),
      formula(v(), prime(), equals(), overT(T?.(), ofScore("i", T))),
      formula(partial(yl(), ai()), equals(), quotient(indicator(), ofScore("l", T), ofScore("i", T), T?.())),
    ];
  },
  T => [
    formula(partial(yl(), ai()), equals(), overT(T?.(), factored(T, indicator(), yl(), minus(), yl(), yi())),
      equals(), slopeOfSoftmax(T)),
  ],
  T => [
    formula(partial(L(), ai()), equals(), partial(L(), yl()), times(), partial(yl(), ai()),
      equals(), negative(), fraction(mn("1"), yl()), times(), slopeOfSoftmax(T)),
  ],
  T => [formula(partial(L(), ai()), equals(), difference(indicator(), yi(), T?.()))],
];

/** The six steps in the numbers of an answer, which are rounded to be shown. */
const numbers = [
  ({ question: { a, l, T }, loss, ...answer }, shownT) => {
    const e = value => exponential(given(value, T), shownT?.());
    const terms = a.map((value, c) => row(c ? mo("+") : "", e(value)));
    if (terms.length > 4) terms.splice(2, terms.length - 3, row(mo("+"), mi("⋯")));
    const p = shareOf(answer, l), digits = digitsFor(loss, digits => minusLog(cutShare(p, digits)));
    return [
      formula(hat(mn(l)), equals(), fraction(e(a[l]), row(...terms)), about(), probability(p)),
      formula(L(), about(), log(probability(p, digits, bracket)), about(), number(loss)),
    ];
  },
  ({ question: { l }, slopeOfLog, ...answer }) => {
    const p = shareOf(answer, l), digits = digitsFor(slopeOfLog, digits => -1 / cutShare(p, digits).value);
    return [formula(partial(L(), hat(mn(l))), about(), negative(), fraction(mn("1"), probability(p, digits)), about(),
      slope(slopeOfLog))];
  },
  ({ question: { a, l, i, T } }, shownT) => {
    const e = value => exponential(given(value, T), shownT?.());
    return [formula(quotient(row(mn(Number(l === i)), times()), e(a[l]), e(a[i]), shownT?.()))];
  },
  ({ question: { l, i, T }, slopes, ...answer }, shownT) => {
    const p = shareOf(answer, l), first = l === i ? p : share(0, 1);
    const second = share(p.value * answer.probabilities[i], l === i ? p.lack * (2 - p.lack) : 1);
    const digits = digitsFor(slopes[i], digits => less(cutShare(first, digits), cutShare(second, digits)) / T);
    const one = l === i ? probability(p, digits, bracket) : mn("0");
    return [formula(overT(shownT?.(), factored(shownT, one, minus(), shareText(second, digits, bracket))), about(),
      slope(slopes[i]))];
  },
  ({ question: { i }, slopeOfLog, slopes, product }) => {
    const digits = digitsFor(product[i], digits => cut(slopeOfLog, digits) * cut(slopes[i], digits));
    return [formula(slope(slopeOfLog, digits), times(), coloured("slope", factor(slopes[i], digits)), about(),
      slope(product[i]))];
  },
  ({ question: { l, i, T }, gradient, ...answer }, shownT) => {
    const p = shareOf(answer, i), one = share(Number(l === i), Number(l !== i));
    const digits = digitsFor(gradient[i], digits => -less(one, cutShare(p, digits)) / T);
    const sides = difference(mn(one.value), probability(p, digits, bracket), shownT?.());
    return [formula(sides, about(), slope(gradient[i]))];
  },
];

/** The numbers of an answer that each of the six steps shows. */
const shownNumbers = [
  ({ question: { l }, probabilities, loss }) => [probabilities[l], loss],
  ({ question: { l }, probabilities, slopeOfLog }) => [probabilities[l], slopeOfLog],
  () => [],
  ({ question: { l, i }, probabilities, slopes }) => [probabilities[l], probabilities[i], slopes[i]],
  ({ question: { i }, slopeOfLog, slopes, product }) => [slopeOfLog, slopes[i], product[i]],
  ({ question: { i }, probabilities, gradient }) => [probabilities[i], gradient[i]],
];
const isWithinDoubles = value => 2 ** -1022 <= Math.abs(value) && Math.abs(value) < Infinity;

/** What a step says beside its equations: that a number is too small or too large for a double, where one is. */
const beyondDoubles = values => values.every(isWithinDoubles) ? "" : html("p", { class: "note" },
  "A number that is too small or too large for a double reads 0 or ∞ here, or has few digits right; the service "
  + "computes with the exact one.");

function drawDerivation(answer) {
  const { T } = answer.question;
  const [asSymbol, asNumber] = T === 1 ? [] : [() => mi("T"), () => given(T, T)];
  [...byId("steps").children].forEach((step, k) => step.replaceChildren(step.firstElementChild,
    html("div", { class: "symbols" }, ...symbols[k](asSymbol)),
    html("div", { class: "numbers" }, ...numbers[k](answer, asNumber), beyondDoubles(shownNumbers[k](answer)))));
  const { question: { i }, product, gradient } = answer;
  byId("agreement").textContent = product[i] === gradient[i] ? "Steps 5 and 6 agree in every bit." : "";
  drawTable(answer);
  drawJacobian(answer);
  markScrolling();
}

/** A formula that is too wide all the same scrolls, by the keyboard too, and has a name then. */
function markScrolling() {
  [...byId("steps").children].forEach((step, k) => {
    for (const element of step.querySelectorAll(".formula")) {
      const isWide = element.scrollWidth > element.clientWidth;
      const marks = { tabindex: 0, role: "group", "aria-label": `Formula of step ${k + 1}` };
      for (const [name, value] of Object.entries(marks)) {
        isWide ? element.setAttribute(name, value) : element.removeAttribute(name);
      }
    }
  });
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
