// assertGradient at work: node gradient.test.mjs

import assert from "node:assert/strict";
import { assertGradient } from "./assertGradient.mjs";

const logits = [[2, 1, 0.1], [0.5, 2.5, -1]], target = [0, 2];

function gradientOf(logits, target, { divisor = 2, first = 0 } = {}) {
  let loss = 0;
  const gradient = logits.map((row, n) => {
    const e = row.map(a => Math.exp(a - Math.max(...row))), sum = e.reduce((x, y) => x + y);
    const p = e.map(x => x / sum), y = (target[n] - first + p.length) % p.length;
    loss -= Math.log(p[y]) / divisor;
    return p.map((x, i) => (x - (i === y)) / divisor);
  });
  return { loss, gradient };
}

await assertGradient(gradientOf, logits, target);
console.log("ok a right gradient passes");
await assert.rejects(assertGradient((a, y) => gradientOf(a, y, { divisor: 1 }), logits, target), /^Error: reduction: loss/);
console.log("ok a sum is named");
await assert.rejects(assertGradient((a, y) => gradientOf(a, y, { first: 1 }), logits, target), /target_offset: gradient/);
console.log("ok classes counted from 1 are named");
const misspelled = (a, y) => ({ loss: gradientOf(a, y).loss, grad: gradientOf(a, y).gradient });
await assert.rejects(assertGradient(misspelled, logits, target), /f must return { loss, gradient }/);
const empty = (a, y) => ({ loss: gradientOf(a, y).loss, gradient: null });
await assert.rejects(assertGradient(empty, logits, target), /f must return { loss, gradient }/);
console.log("ok a gradient that is missing does not pass");
await assertGradient((a, y) => gradientOf(a, [...y].map(Number)), logits, BigInt64Array.of(0n, 2n), { weight: null });
console.log("ok targets of BigInt and options of null");
process.env.SOFTMAXD_URL = "http://127.0.0.1:9";
const { assertGradient: alone } = await import("./assertGradient.mjs?alone");
await assert.rejects(alone(gradientOf, logits, target), /^Error: no softmaxd at http:\/\/127\.0\.0\.1:9 .*start one/);
console.log("ok a missing service is named");
