// assertGradient(f, logits, target): passes if f's loss and gradient are right, and else throws what is wrong with them.
// f(logits, target) returns { loss, gradient }, as numbers, arrays or typed arrays. Copy this file.

const url = (process.env.SOFTMAXD_URL ?? "http://127.0.0.1:8080").replace(/\/$/, "");

// JSON has no NaN and no infinities, which /check takes as strings, and no BigInt.
const numbers = x => x === null ? null : typeof x === "object" ? Array.from(x, numbers)
  : typeof x === "bigint" ? Number(x) : typeof x !== "number" || Number.isFinite(x) ? x : String(x);

/** Options are those of POST /check: reduction, temperature, weight, rtol, atol, dtype … */
export async function assertGradient(f, logits, target, options = {}) {
  const { loss, gradient } = f(logits, target);
  // What is undefined or null is left out for /check, which would not look at it.
  if (loss == null || gradient == null) throw new Error("f must return { loss, gradient }; one is missing");
  const given = Object.entries({ logits, target, ...options }).map(([name, value]) => [name, numbers(value)]);
  const candidate = { loss: numbers(loss), gradient: numbers(gradient) };
  const answer = await fetch(`${url}/check`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...Object.fromEntries(given), candidate }),
  }).catch(({ cause }) => {
    throw new Error(`no softmaxd at ${url} (${cause?.message}): start one, or set SOFTMAXD_URL`);
  });
  const report = await answer.json();
  if (!answer.ok) throw new Error(report.detail);
  const findings = report.findings.map(({ cause, detail, cure }) => `${cause}: ${detail}\n  cure: ${cure}`);
  if (!report.passes) throw new Error(findings.join("\n"));
}
