// The instrument: a row for each class with its score, probability and gradient; temperature, presets, learning.

const choice = (name, value, text, label = text) =>
  html("label", {}, html("input", { type: "radio", name, value, "aria-label": label }), text);

function classRow(c) {
  const name = `Score of class ${c}`, target = choice("target", c, `class ${c}`, `Class ${c} is the true class`);
  const input = (type, label, options) =>
    html("input", { class: type, type, "data-class": c, "aria-label": label, ...options });
  target.className = "pick";
  return html("div", { class: "class", role: "group", "aria-label": `Class ${c}` }, target,
    input("range", name, { min: -10, max: 10, step: 0.1 }), input("number", `${name}, as a number`, { step: "any" }),
    svg("svg", { class: "bar", "aria-hidden": true }),
    html("span", { class: "unseen" }, "Probability"), html("span", { class: "p" }),
    html("span", { class: "unseen" }, "Gradient"), html("span", { class: "g" }));
}

/** Rows are made anew only when their number changes, so that a slider under the hand stays the same element. */
function makeRows({ length }) {
  if (byId("classes").childElementCount === length) return;
  const all = Array.from({ length }, (_, c) => c);
  byId("classes").replaceChildren(...all.map(classRow));
  byId("by").replaceChildren(...all.map(c => choice("by", c, `class ${c}`)));
}

/** Leaves alone what is being typed or moved. */
function show(input, value) {
  if (document.activeElement !== input) input.value = value;
}

/** A slider goes as far as the curves. While it is moved, when it has the score already, it stays as it is. */
function showSlider(slider, score) {
  slider.setAttribute("aria-valuetext", score);
  if (slider.valueAsNumber === score) return;
  const { reach, ends: [min, max] } = spanAround(score);
  Object.assign(slider, { min, max, step: reach / 100, value: score });
}

/** The temperature's slider goes over powers of ten: from -1 to 1, or as far as the temperature is. */
function showHeat(slider, T) {
  slider.setAttribute("aria-valuetext", T);
  if (document.activeElement === slider) return;
  const power = T > 0 ? Math.log10(T) : 0, min = Math.min(-1, Math.floor(power)), max = Math.max(1, Math.ceil(power));
  Object.assign(slider, { min, max, value: power });
}

function showControls() {
  const { a, l, i, T, eta, language } = state;
  makeRows(a);
  for (const input of document.querySelectorAll("[data-class]")) {
    (input.type === "range" ? showSlider : show)(input, a[input.dataset.class]);
  }
  for (const [name, value] of Object.entries({ target: l, by: i, language })) {
    document.querySelector(`[name=${name}][value="${value}"]`).checked = true;
  }
  showHeat(byId("heat"), T);
  show(byId("temperature"), T);
  byId("eta").value = eta;
  byId("more").disabled = a.length >= most;
  byId("fewer").disabled = a.length <= fewest;
}

/** Takes a change by the user: learning begins anew from it. */
function change(update) {
  stopLearning();
  return apply(update);
}

function apply(update) {
  Object.assign(state, update);
  if (["a", "l", "T"].some(key => key in update)) forgetFindings();
  showControls();
  saveFragment();
  return refresh();
}

/** An unfinished number, such as "-", is marked and not taken. */
function takeNumber(input, take) {
  const value = input.valueAsNumber;
  if (Number.isFinite(value)) take(value);
  else input.setAttribute("aria-invalid", "true");
}

/** A number that was left unfinished gives way to the one that the results are for. */
function leaveNumber(input) {
  if (input.type !== "number" || Number.isFinite(input.valueAsNumber)) return;
  input.removeAttribute("aria-invalid");
  input.value = input.id === "temperature" ? state.T : state.a[input.dataset.class];
}

function removeClass() {
  const a = state.a.slice(0, -1), last = a.length - 1;
  change({ a, l: Math.min(state.l, last), i: Math.min(state.i, last) });
}

function listenToControls() {
  const onInput = (id, take) => byId(id).addEventListener("input", ({ target }) => take(target));
  onInput("classes", input => {
    if (input.name === "target") change({ l: Number(input.value) });
    else takeNumber(input, value => change({ a: state.a.with(input.dataset.class, value) }));
  });
  onInput("temperature", input => takeNumber(input, value => change({ T: value })));
  onInput("heat", input => change({ T: Number((10 ** input.value).toPrecision(3)) }));
  byId("instrument").addEventListener("focusout", ({ target }) => leaveNumber(target));
  onInput("by", input => apply({ i: Number(input.value) }));
  onInput("eta", input => {
    state.eta = Number(input.value);
    saveFragment();
  });
  // A button that can no longer be used gives the focus to the other.
  const press = (id, other, action) => byId(id).addEventListener("click", () => {
    action();
    if (byId(id).disabled) byId(other).focus();
  });
  press("more", "fewer", () => change({ a: [...state.a, 0] }));
  press("fewer", "more", removeClass);
  byId("one").addEventListener("click", () => learn(1));
  byId("twenty").addEventListener("click", () => learn(20));
  byId("presets").append(...Object.entries(presets).map(([name, { a, l }]) =>
    button(name, () => change({ a, l, i: l, T: 1 }))));
}

function drawInstrument({ question: { l, T }, probabilities, gradient, loss }) {
  [...byId("classes").children].forEach((row, c) => {
    row.querySelector(".bar").replaceChildren(...bar(probabilities[c], c === l));
    row.querySelector(".p").textContent = aligned(probabilities[c]);
    row.querySelector(".g").textContent = aligned(gradient[c]);
  });
  document.body.classList.toggle("tempered", T !== 1);
  byId("loss").textContent = everyDigit(loss);
  speak(`Loss ${rounded(loss)}. ` + probabilities.map((p, c) =>
    `Class ${c}: probability ${rounded(p)}, gradient ${rounded(gradient[c])}.`).join(" "));
}

/** A probability's bar, its target, and the arrow from one to the other, which is the negative gradient times T. */
function bar(probability, isTrue) {
  const end = `${100 * probability}%`, target = isTrue ? "100%" : "0%", back = isTrue ? -9 : 9;
  const arrow = Math.abs(probability - isTrue) < 0.004 ? [] : [
    svg("line", { class: "push", x1: end, x2: target, y1: 33, y2: 33 }),
    svg("svg", { x: target, overflow: "visible" }, svg("path", { class: "push", d: `M0,33l${back},-5.5v11z` })),
  ];
  return [
    svg("line", { class: "axis", x1: 0, x2: "100%", y1: 25, y2: 25 }),
    svg("rect", { class: isTrue ? "mass true" : "mass", width: end, y: 6, height: 19 }),
    isTrue ? svg("rect", { class: "wanted", width: "100%", y: 6, height: 19 })
      : svg("line", { class: "wanted", x1: 0, x2: 0, y1: 0, y2: 31 }),
    ...arrow,
  ];
}

let speaking;
/** For screen readers, once the numbers rest. */
function speak(text) {
  clearTimeout(speaking);
  speaking = setTimeout(() => { byId("spoken").textContent = text; }, 700);
}

// Learning: each step is one answer of the service.

let trace = [], walk = 0;

function stopLearning() {
  walk += 1;
  trace = [];
  drawTrace();
}

async function learn(steps) {
  const mine = ++walk, isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const isOn = () => mine === walk && latest && byId("trouble").hidden;
  await refresh();
  if (trace.length === 0 && isOn()) trace = [latest.loss];
  for (let k = 0; k < steps && isOn(); k++) {
    // As many decimals as are shown, so that what is shown can be asked again.
    const a = state.a.map((score, c) => Number((score - state.eta * latest.gradient[c]).toFixed(4)));
    if (a.join() === state.a.join()) return drawTrace(" No score moves: rounded to four decimals, each stays as it is.");
    await apply({ a });
    if (!isOn()) return;
    trace.push(latest.loss);
    drawTrace();
    if (!isStill) await new Promise(resume => setTimeout(resume, 40));
  }
}

function drawTrace(more = "") {
  const steps = trace.length - 1, top = Math.max(...trace.filter(Number.isFinite), 1e-300);
  const points = trace.map((loss, k) => [4 + 312 * k / Math.max(20, steps), 50 - 44 * Math.min(loss, top) / top]);
  byId("traced").textContent = (steps < 1 ? "Each step moves every score against its gradient, η times as far."
    : `Loss after ${counted(steps, "step")}: from ${rounded(trace[0])} to ${rounded(trace.at(-1))}.`) + more;
  byId("trace").replaceChildren(svg("line", { class: "axis", x1: 0, x2: 320, y1: 50.5, y2: 50.5 }),
    svg("polyline", { class: "push", points: points.join(" ") }),
    ...points.map(([cx, cy]) => svg("circle", { class: "push", cx, cy, r: 3 })));
}
