// The curves with their tangents, and the chart of correct digits.

/** Maps numbers to places in a chart, and draws its axes. */
function frame({ x, y, size: [width, height], label, xTicks, yTicks, xNames = xTicks.map(tick => rounded(tick)) }) {
  const yNames = yTicks.map(tick => rounded(tick)), longest = Math.max(...yNames.map(({ length }) => length));
  const box = { left: Math.max(34, 8 + 8 * longest), right: width - 12, top: 14, bottom: height - 42 };
  const scaleX = (box.right - box.left) / (x[1] - x[0]), scaleY = (box.bottom - box.top) / (y[1] - y[0]);
  const atX = value => box.left + (value - x[0]) * scaleX, atY = value => box.bottom - (value - y[0]) * scaleY;
  const middle = { "text-anchor": "middle" }, last = xTicks.length - 1;
  const anchor = k => ({ "text-anchor": k === 0 ? "start" : k === last ? "end" : "middle" });
  const axes = [
    svg("path", { class: "axis", d: `M${box.left},${box.top}V${box.bottom}H${box.right}` }),
    ...xTicks.map((tick, k) => svg("text", { x: atX(tick), y: box.bottom + 17, ...anchor(k) }, xNames[k])),
    ...yTicks.map((tick, k) => svg("text", { x: box.left - 6, y: atY(tick) + 4, "text-anchor": "end" }, yNames[k])),
    svg("text", { x: (box.left + box.right) / 2, y: height - 7, ...middle }, label),
  ];
  return { box, atX, atY, scaleX, scaleY, axes };
}

const curveSize = [360, 230];

/** The chart of what happens while the score of class i moves. A score a beyond 10 is what the axis counts from. */
function sweepFrame({ question: { a, i } }, top) {
  const { middle, reach, ends } = spanAround(a[i]), far = rounded(reach), label = `score of class ${i}`;
  const fromScore = middle && { xNames: [`a − ${far}`, "a", `a + ${far}`], label: `${label}; a: as it is now` };
  return frame({ x: ends, y: [0, top], size: curveSize, label, xTicks: [ends[0], middle, ends[1]],
    yTicks: [0, top / 2, top], ...fromScore });
}

function line({ atX, atY }, name, xs, ys) {
  const points = xs.flatMap((x, k) => ys[k] < Infinity ? `${atX(x).toFixed(1)},${atY(ys[k]).toFixed(1)}` : []);
  return svg("polyline", { class: `curve ${name}`, points: points.join(" ") });
}

/** A point, and a piece of the tangent through it, as long in the picture whatever the slope. */
function pointAndTangent({ atX, atY, scaleX, scaleY }, x, y, slope) {
  if (y === Infinity) return [];
  const rise = scaleY * slope, scale = 62 / Math.hypot(scaleX, rise);
  const [cx, cy, right, up] = [atX(x), atY(y), scaleX * scale, rise * scale];
  const tangent = svg("line", { class: "push", x1: cx - right, x2: cx + right, y1: cy + up, y2: cy - up });
  return [Number.isFinite(slope) ? tangent : "", svg("circle", { class: "mass true", cx, cy, r: 4.5 })];
}

const caption = (id, text, value) => byId(id).replaceChildren(text, html("b", {}, rounded(value)), ".");

function drawCurves(answer) {
  drawProbabilities(answer);
  drawLogarithm(answer);
  drawLosses(answer);
}

function drawProbabilities(answer) {
  const { question: { a, l, i }, probabilities, slopes, curve } = answer, chart = sweepFrame(answer, 1);
  const curves = a.map((_, c) => line(chart, c === l && "true", curve.scores, curve.probabilities.map(row => row[c])));
  fill("curve-p", `The probabilities of all classes over the score of class ${i}`, ...chart.axes, ...curves,
    ...pointAndTangent(chart, a[i], probabilities[l], slopes[i]), ...curveNames(chart, answer));
  caption("slope-p", `The probabilities while the score of class ${i} moves. The true class's slope: `, slopes[i]);
}

/** The class that moves is named at the right end of its curve, the others at the left as far as there is room. */
function curveNames({ box, atY }, { question: { l, i }, curve: { probabilities } }) {
  const name = (c, y, place) =>
    svg("text", { class: c === l && "blue", y: Math.max(y, box.top - 3), ...place }, `class ${c}`);
  const others = probabilities[0].map((p, c) => ({ c, y: atY(p) - 6 })).filter(({ c }) => c !== i);
  const names = [name(i, atY(probabilities.at(-1)[i]) - 6, { x: box.right, "text-anchor": "end" })];
  let below = Infinity;
  for (const { c, y } of others.sort((one, other) => other.y - one.y)) {
    if (below - y < 13) continue;
    below = y;
    names.push(name(c, y, { x: box.left + 6 }));
  }
  return names;
}

function drawLogarithm({ question: { l }, probabilities, loss, slopeOfLog }) {
  const top = 6, [xs, ys] = [0, 1].map(k => fixed.logarithm.filter(([, y]) => y <= top).map(point => point[k]));
  const chart = frame({ x: [0, 1], y: [0, top], size: curveSize, label: "probability ŷ of the true class",
    xTicks: [0, 0.5, 1], yTicks: [0, 2, 4, 6] });
  const above = () => svg("text", { class: "strong", x: chart.box.left + 10, y: 22 }, `↑ the loss is ${rounded(loss)}`);
  const here = loss <= top ? pointAndTangent(chart, probabilities[l], loss, slopeOfLog) : [above()];
  fill("curve-log", `Minus the logarithm of the probability; it is ${rounded(loss)} at ${rounded(probabilities[l])}`,
    ...chart.axes, line(chart, "true", xs, ys), ...here);
  caption("slope-log", "The loss −log ŷ over the true class's probability. Its slope is −1/ŷ: ", slopeOfLog);
}

function drawLosses(answer) {
  const { question: { a, i }, loss, gradient, curve } = answer;
  const chart = sweepFrame(answer, 2 * Math.ceil(Math.max(1, ...curve.losses.filter(Number.isFinite)) / 2));
  fill("curve-loss", `The loss over the score of class ${i}; it is ${rounded(loss)}, its slope ${rounded(gradient[i])}`,
    ...chart.axes, line(chart, "true", curve.scores, curve.losses), ...pointAndTangent(chart, a[i], loss, gradient[i]));
  caption("slope-loss", `The loss while the score of class ${i} moves. Its slope is the gradient: `, gradient[i]);
}

// Two ways in which programs compute the loss and the true class's gradient, in this browser's doubles.

function textbook(a, l, T) {
  const exponentials = a.map(value => Math.exp(value / T)), sum = exponentials.reduce((x, y) => x + y);
  const probability = exponentials[l] / sum;
  return { loss: -Math.log(probability), gradient: (probability - 1) / T };
}

function maximumSubtracted(a, l, T) {
  const highest = Math.max(...a), shifted = a.map(value => (value - highest) / T);
  const exponentials = shifted.map(Math.exp), sum = exponentials.reduce((x, y) => x + y);
  return { loss: Math.log(sum) - shifted[l], gradient: (exponentials[l] / sum - 1) / T };
}

/** How many decimal digits of a number are right, from 0 to 16; equal numbers have 16. */
function correctDigits(value, truth) {
  if (value === truth) return 16;
  const error = Math.abs((value - truth) / truth);
  return Number.isFinite(error) ? Math.min(16, Math.max(0, -Math.log10(error))) : 0;
}

function digitsText(value, truth) {
  const count = Math.floor(correctDigits(value, truth));
  return value === truth ? "exact" : `${count ? counted(count, "digit") : "no digit"} right`;
}

function drawWays({ question: { a, l, T }, loss, gradient }) {
  const truth = { loss, gradient: gradient[l] }, names = { loss: "loss", gradient: `gradient of class ${l}` };
  const ways = [["Textbook", textbook(a, l, T)], ["Maximum subtracted", maximumSubtracted(a, l, T)],
    ["This service", truth]];
  const cells = (found, key) => [html("td", { "data-name": names[key] }, everyDigit(found[key])),
    cell(digitsText(found[key], truth[key]), correctDigits(found[key], truth[key]) < 12 ? "bad" : "good")];
  const heads = Object.values(names).map(name => html("th", { scope: "colgroup", colspan: 2 }, name));
  byId("ways").replaceChildren(html("thead", {}, html("tr", {}, cell(""), ...heads)),
    html("tbody", {}, ...ways.map(([name, found]) => html("tr", {}, html("th", { scope: "row" }, name),
      ...cells(found, "loss"), ...cells(found, "gradient")))));
}

function drawDigits() {
  const { gaps, losses } = fixed, chart = frame({ x: [0, 60], y: [0, 16], size: [440, 250],
    label: "gap d between the scores", xTicks: [0, 10, 20, 30, 40, 50, 60], yTicks: [0, 4, 8, 12, 16] });
  const digits = way => gaps.map((d, k) => correctDigits(way([d, 0], 0, 1).loss, losses[k]));
  const note = (name, digits, below, text) =>
    svg("text", { class: name, x: chart.box.right, y: chart.atY(digits) + below, "text-anchor": "end" }, text);
  fill("digits", "For both ways in the browser the correct digits fall in a line, from 16 at a gap of 0 to none at 37. "
    + "The service keeps 16.", ...chart.axes,
    line(chart, "lossy", gaps, digits(maximumSubtracted)), line(chart, "lossy dashed", gaps, digits(textbook)),
    line(chart, "exact", [0, 60], [16, 16]),
    note("good", 16, 18, "this service: every digit"), note("bad", 12, 4, "maximum subtracted; dashed: textbook"),
    note("bad", 2, 4, "from 37 on, both say 0"));
}
