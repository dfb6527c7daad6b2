// One's own numbers: what is pasted goes to /check with the scores above, and what is found is shown.

/**
 * What programs print around numbers: R's index of a line's first number; a line that only announces, as Julia's and
 * MATLAB's, whose second is "1x3 single row vector"; a name or an index before a number, as in "a[0] = 0.4" and
 * "0: 0.4"; a length; what TensorFlow's begin with; an array's type, what it was made by; a name, as in "loss = 0.4".
 */
const around = [/^[ \t]*\[\d+\](?=[ \t])/gm, /^.*[:=][ \t]*$/gm, /^[ \t]*\d+([x×]\d+)+[ \t]+[A-Za-z][a-z\d ]*$/gm,
  /[A-Za-z_][\w.]*\[\d+\][ \t]*[:=]|(?<![\w.])\d+:(?=[ \t])/g, /\w+\(\d+\)(?=[ \t]*\[)/g,
  /<[A-Za-z][\w.]*:?( '[^']*')?/g, /\bshape=\([^)]*\)/g, /[A-Za-z_][\w.]*(?=[([])/g,
  /\b(dtype|device|grad_fn|requires_grad|shape|weak_type)=[^,)]*/g,
  /["']?[A-Za-z_][\w.]*["']?[ \t]*[:=]/g];

/** MATLAB's "1.0e-17 *" on a line of its own: what follows is to be multiplied by it. */
const scaling = /^[ \t]*1\.0*(e[+-]?\d+)[ \t]*\*[ \t]*$/m;

/** Numbers as programs print them, whatever stands between them; NaN and infinities as /check takes them. */
function pasted(text) {
  const exponent = scaling.exec(text)?.[1] ?? "";
  const bare = [scaling, ...around].reduce((rest, pattern) => rest.replace(pattern, ""), text.replaceAll("−", "-"));
  const words = bare.match(/[^\s,;|<>()[\]{}]+/g) ?? [];
  if (words.length === 0) throw new Error("There are no numbers yet; paste yours");
  // Julia's 0.5f0 is a Float32.
  const read = word => Number(word.replace(/^([+-]?)inf(inity)?$/i, "$1Infinity").replace(/(?<=\d)f(?=[+-]?\d)/, "e")
    .replace(/(?<=\d)$/, exponent));
  const values = words.map(word => /^[+-]?nan$/i.test(word) ? "NaN" : read(word));
  const wrong = words.find((_, k) => Number.isNaN(values[k]));
  if (wrong !== undefined) {
    const share = /^[+-]?[\d.]+%$/.test(wrong) ? `; write ${Number(`${wrong.slice(0, -1)}e-2`)} for ${wrong}` : "";
    throw new Error(`“${wrong.slice(0, 40)}” is no number${share}`);
  }
  return values.map(value => Number.isFinite(value) ? value : String(value));
}

/** The request: a loss is one number, the others have one for each class. */
function checkOf({ a, l, T }, kind, text, options) {
  const values = pasted(text), isLoss = kind === "loss", count = isLoss ? 1 : a.length;
  if (values.length !== count) {
    const wanted = isLoss ? "a loss is one" : `there are ${count} classes`;
    const hasCommas = values.length === 2 * count && /\d,\d/.test(text) && !text.includes(".");
    throw new Error(`That is ${counted(values.length, "number")}, and ${wanted}`
      + (hasCommas ? "; decimals stand after a point, not after a comma" : ""));
  }
  return { logits: a, target: l, ...tempered(T), ...options, candidate: { [kind]: isLoss ? values[0] : values } };
}

/** A cure that is a member of the request is a button, which asks again with it. */
function offer(cure, options) {
  const [, name, value] = /"(atol|rtol|dtype|input_dtype)" ("\w+"|[\d.e+-]+)/.exec(cure) ?? [];
  return name === undefined ? "" : button(`Check with "${name}" ${value}`, () => {
    byId("mine").focus();
    checkPasted({ ...options, [name]: JSON.parse(value) });
  });
}

const are = (count, all) => `${count} of ${all} ${count === 1 ? "is" : "are"}`;

function drawFindings({ passes, outputs, findings }, options) {
  const [report] = Object.values(outputs), { count, out_of_tolerance, share_exact } = report;
  const exact = Math.round(share_exact * count), steps = counted(Number(report.max_ulp), "step");
  // Steps count rounding: of what is wrong in its first digits they say nothing.
  const relative = Number(report.max_relative_error), isRounding = relative < 1e-6 || !Number.isFinite(relative);
  const terms = Object.entries(options).map(([name, value]) => `"${name}" ${JSON.stringify(value)}`).join(" and ");
  const found = findings.map(({ cause, detail, cure, tell_apart }) => html("li", {},
    html("b", {}, cause), `: ${detail}. `, html("span", { class: "cure" }, `Cure: ${cure}.`),
    tell_apart ? ` ${tell_apart}. ` : " ", offer(cure, options)));
  byId("found").replaceChildren(
    html("p", {}, terms && `With ${terms}: `,
      passes ? "They are right. " : `${are(out_of_tolerance, count)} out of tolerance. `,
      `${are(exact, count)} exact`,
      exact === count ? "." : isRounding
        ? `; the largest error is ${steps} from one ${options.dtype ?? "double"} to the next.`
        : `; the largest error is ${relative.toPrecision(3)} times the exact number.`),
    html("ul", {}, ...found));
}

let checks = 0;
/** What was found is true of the scores that it was asked for; what is still asked for them is forgotten too. */
function forgetFindings() {
  checks += 1;
  byId("mine").removeAttribute("aria-invalid");
  byId("found").replaceChildren();
}

/** Asks, with what a cure has added; whether the numbers are right. */
async function checkPasted(options = {}) {
  const mine = ++checks;
  byId("mine").removeAttribute("aria-invalid");
  try {
    const answer = await ask("check", checkOf(state, byId("kind").value, byId("mine").value, options));
    if (mine !== checks) return false;
    drawFindings(answer, options);
    return answer.passes;
  } catch (error) {
    if (mine !== checks) return false;
    byId("mine").setAttribute("aria-invalid", "true");
    byId("found").replaceChildren(html("p", {}, `${error.message}.`));
  }
}

const exactSample = "The exact gradient";
/** Numbers to begin with, made of the answer that is shown. */
const samples = {
  [exactSample]: ({ gradient }) => ["gradient", gradient],
  "With the sign turned": ({ gradient }) => ["gradient", gradient.map(x => -x)],
  "With softmax taken twice": ({ probabilities, question: { l, T } }) => {
    const e = probabilities.map(Math.exp), sum = e.reduce((x, y) => x + y);
    return ["gradient", e.map((x, i) => (x / sum - Number(i === l)) / T)];
  },
  "A loss in base 2": ({ loss }) => ["loss", [loss / Math.LN2]],
};

function listenToCheck() {
  byId("check").addEventListener("submit", event => {
    event.preventDefault();
    checkPasted();
  });
  byId("samples").append(...Object.entries(samples).map(([name, make]) => button(name, async () => {
    if (!latest) return;
    const [kind, values] = make(latest);
    byId("kind").value = kind;
    byId("mine").value = values.join(", ");
    if (await checkPasted() && name !== exactSample) {
      byId("found").append(html("p", {}, "These scores cannot show this mistake: with it the numbers are the same but for rounding."));
    }
  })));
}
