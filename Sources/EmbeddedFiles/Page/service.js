// Asking the service. One question is under way at a time; what changes meanwhile is asked next, once.

class Refusal extends Error {
  constructor(status, { detail = `HTTP status ${status}`, errors = [] }) {
    super(detail);
    Object.assign(this, { status, errors });
  }
}

let token = "";

/** The text of the answer. Paths are relative, so that the page works behind a prefix. */
async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, { method: "POST", headers, body, signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  if (response.ok) return text;
  let problem = {};
  try { problem = JSON.parse(text); } catch { /* A proxy's own page: the status says what there is to say. */ }
  throw new Refusal(response.status, problem);
}

const ask = async (path, body) => JSON.parse(await post(path, JSON.stringify(body)));

/** JSON as people write it, with a space behind commas and colons. Its strings hold neither. */
const spaced = body => JSON.stringify(body).replace(/[,:]/g, "$& ");

const tempered = T => T === 1 ? {} : { temperature: T };

/** The scores of class i in the curves. */
function sweep({ a, i }) {
  const [least, most] = spanAround(a[i]).ends;
  return Array.from({ length: 161 }, (_, k) => least + k / 160 * (most - least));
}

/** The loss with its derivation: the request as it was sent, the answer as it came, and what it says. */
async function derivationOf({ a, l, T }) {
  const asked = spaced({ logits: a, target: l, ...tempered(T), outputs: ["loss", "derivation"] });
  const text = await post("gradient", asked), { loss, derivation } = JSON.parse(text);
  const terms = derivation.quotient_rule;
  return {
    asked, text, loss: Number(loss),
    probabilities: numbersOf(derivation.y_hat), slopeOfLog: Number(derivation.dL_dy_hat_l),
    firstTerms: numbersOf(terms.first_term), secondTerms: numbersOf(terms.second_term),
    slopes: numbersOf(derivation.dy_hat_l_da), product: numbersOf(derivation.chain_rule),
    gradient: numbersOf(derivation.gradient),
  };
}

/** All that the page shows of one state. */
async function answerTo(question) {
  const { a, l, i, T } = question, scores = sweep(question), rows = scores.map(score => a.with(i, score));
  const [derivation, { jacobian }, { probabilities }, { loss }] = await Promise.all([
    derivationOf(question),
    ask("softmax", { logits: a, ...tempered(T), outputs: ["jacobian"] }),
    ask("softmax", { logits: rows, ...tempered(T) }),
    ask("loss", { logits: rows, target: rows.map(() => l), ...tempered(T), reduction: "none" }),
  ]);
  const curve = { scores, probabilities: probabilities.map(numbersOf), losses: numbersOf(loss) };
  return { question, ...derivation, jacobian: jacobian.map(numbersOf), curve };
}

/** What does not depend on the state: -log ŷ over ŷ, and the losses of [d, 0] for the chart of digits. */
async function answerToFixed() {
  const gaps = Array.from({ length: 241 }, (_, k) => k / 4), odds = Array.from({ length: 161 }, (_, k) => k / 10 - 6);
  const [{ probabilities, log_probabilities }, { loss }] = await Promise.all([
    ask("softmax", { logits: odds.map(x => [x, 0]), outputs: ["probabilities", "log_probabilities"] }),
    ask("loss", { logits: gaps.map(d => [d, 0]), target: gaps.map(() => 0), reduction: "none" }),
  ]);
  return { logarithm: probabilities.map(([p], k) => [p, -log_probabilities[k][0]]), gaps, losses: numbersOf(loss) };
}

let latest, fixed, asking, isWanted = false;

/** Asks until the answer shown is the answer to the state as it is. */
function refresh() {
  isWanted = true;
  return asking ??= askWhileWanted().finally(() => {
    asking = undefined;
    setBusy(false);
  });
}

const setBusy = isBusy => document.querySelector("main").setAttribute("aria-busy", isBusy);
const isSameKind = (one, other) => one.a.length === other.a.length && one.l === other.l && one.i === other.i;

async function askWhileWanted() {
  setBusy(true);
  while (isWanted) {
    isWanted = false;
    const question = structuredClone(state);
    let answer;
    try {
      fixed ??= await answerToFixed();
      answer = await answerTo(question);
    } catch (error) {
      if (!isWanted) showTrouble(error);
      continue;
    }
    // An answer about other classes than those now shown is stale. While only numbers move on, as under a slider, it
    // is drawn.
    if (!isSameKind(question, state)) continue;
    latest = answer;
    showTrouble();
    draw(answer);
  }
}

/** Shows why there is no answer to the state as it is; without an error, takes that back. */
function showTrouble(error) {
  document.body.classList.toggle("outdated", Boolean(error));
  for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  for (const { pointer } of error?.errors ?? []) inputAt(pointer)?.setAttribute("aria-invalid", "true");
  if (!error) notify();
  else if (error.status === 401) notify(tokenForm(error.message));
  else notify(troubleText(error), button("Ask again", refresh));
}

function notify(...content) {
  byId("trouble").hidden = content.length === 0;
  byId("trouble").replaceChildren(...content);
}

const inputAt = pointer => pointer === "#/temperature" ? byId("temperature")
  : document.querySelector(`.number[data-class="${/^#\/logits\/(\d+)$/.exec(pointer)?.[1]}"]`);

function troubleText(error) {
  const reason = error instanceof Refusal ? "The service refuses this" : "No answer came";
  return html("p", {}, `${reason}: ${error.message}.`, latest ? " Below is its last answer." : "");
}

function button(name, action) {
  const element = html("button", { type: "button" }, name);
  element.addEventListener("click", action);
  return element;
}

function tokenForm(detail) {
  const input = html("input", { type: "password", autocomplete: "off", required: "" });
  const form = html("form", {}, html("p", {}, `This service asks for a token. ${detail}.`),
    html("div", { class: "row" }, html("label", {}, "Token ", input), html("button", {}, "Use it")),
    html("p", { class: "note" }, "This page keeps it in memory until you close or reload it."));
  form.addEventListener("submit", event => {
    event.preventDefault();
    token = input.value.trim();
    refresh();
  });
  return form;
}
