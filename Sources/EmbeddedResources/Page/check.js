// One's own numbers: what is pasted goes to /check with the scores above, and what is found is shown.

/** What programs print around numbers: R's index of a line's first number, an array's type, what it was made by. */
const around = [/^[ \t]*\[\d+\](?=[ \t])/gm, /[A-Za-z_][\w.]*(?=\()/g,
  /\b(dtype|device|grad_fn|requires_grad|shape|weak_type)=[^,)]*/g];

/** Numbers as programs print them, whatever stands between them; NaN and infinities as /check takes them. */
function pasted(text) {
  const bare = around.reduce((rest, pattern) => rest.replace(pattern, ""), text.replaceAll("−", "-"));
  const words = bare.match(/[^\s,;()[\]{}]+/g) ?? [];
  if (words.length === 0) throw new Error("There are no numbers yet; paste yours");
  const named = word => /^[+-]?nan$/i.test(word) ? "NaN"
    : /^[+-]?inf(inity)?$/i.test(word) ? (word.startsWith("-") ? "-Infinity" : "Infinity") : undefined;
  const values = words.map(word => named(word) ?? Number(word));
  const wrong = words.find((_, k) => Number.isNaN(values[k]));
  if (wrong !== undefined) throw new Error(`“${wrong.slice(0, 40)}” is no number`);
  return values;
}

/** The request: a loss is one number, the others have one for each class. */
function checkOf({ a, l, T }, kind, values) {
  const isLoss = kind === "loss", count = isLoss ? 1 : a.length;
  if (values.length !== count) {
    throw new Error(`These are ${values.length} numbers, and ${isLoss ? "a loss is one" : `there are ${count} classes`}; `
      + "decimals stand after a point, not after a comma");
  }
  return { logits: a, target: l, ...tempered(T), candidate: { [kind]: isLoss ? values[0] : values } };
}

function drawFindings({ passes, outputs, findings }) {
  const [report] = Object.values(outputs);
  const exact = Math.round(report.share_exact * report.count);
  const found = findings.map(({ cause, detail, cure, tell_apart }) => html("li", {}, html("b", {}, cause), `: ${detail}. `,
    html("span", { class: "cure" }, `Cure: ${cure}.`), tell_apart ? ` ${tell_apart}.` : ""));
  byId("found").replaceChildren(
    html("p", {}, passes ? "They are right. " : `${report.out_of_tolerance} of ${report.count} are out of tolerance. `,
      `${exact} of ${report.count} are exact; the largest error is ${rounded(Number(report.max_ulp))} units in the last place.`),
    html("ul", {}, ...found));
}

/** What was found is true of the scores that it was asked for. */
function forgetFindings() {
  byId("mine").removeAttribute("aria-invalid");
  byId("found").replaceChildren();
}

async function checkPasted(event) {
  event?.preventDefault();
  byId("mine").removeAttribute("aria-invalid");
  try {
    drawFindings(await ask("check", checkOf(state, byId("kind").value, pasted(byId("mine").value))));
  } catch (error) {
    byId("mine").setAttribute("aria-invalid", "true");
    byId("found").replaceChildren(html("p", {}, `${error.message}.`));
  }
}

/** Numbers to begin with, made of the answer that is shown. */
const samples = {
  "The exact gradient": ({ gradient }) => ["gradient", gradient],
  "With the sign turned": ({ gradient }) => ["gradient", gradient.map(x => -x)],
  "With softmax taken twice": ({ probabilities, question: { l, T } }) => {
    const e = probabilities.map(Math.exp), sum = e.reduce((x, y) => x + y);
    return ["gradient", e.map((x, i) => (x / sum - Number(i === l)) / T)];
  },
  "A loss in base 2": ({ loss }) => ["loss", [loss / Math.LN2]],
};

function listenToCheck() {
  byId("check").addEventListener("submit", checkPasted);
  byId("samples").append(...Object.entries(samples).map(([name, make]) => button(name, () => {
    if (!latest) return;
    const [kind, values] = make(latest);
    byId("kind").value = kind;
    byId("mine").value = values.join(", ");
    checkPasted();
  })));
}
