// A client in TypeScript with fetch.
//
// Debian: node-typescript nodejs
// Build: tsc --strict --target es2022 --module es2022 --moduleResolution node --lib es2022,dom client.ts
// Build: mv client.js client.mjs
// Run: node client.mjs http://127.0.0.1:8080

export {};
declare const process: { argv: string[] };
const url = (process.argv[2] ?? "http://127.0.0.1:8080").replace(/\/$/, "");

interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { pointer: string; detail: string }[];
}

class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

async function post<Answer>(path: string, message: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  if (!response.ok) throw new Refused(await response.json());
  return response.json();
}

// A loss of "none" has one number an item; infinite results are the strings "Infinity" and "-Infinity".
const { probabilities } = await post<{ probabilities: number[] }>("/softmax", { logits: [0.1 + 0.2, 1 / 3, -2.5] });
const { loss } = await post<{ loss: number }>("/loss", { logits: [40, 0], target: 0 });
const { gradient } = await post<{ gradient: number[][] }>("/gradient", {
  logits: [[2, 1, 0.1], [0.5, 2.5, -1]],
  target: [0, 2],
});
console.log("softmax ", probabilities);
console.log("loss    ", loss);
console.log("gradient", gradient);
try {
  await post("/loss", { logits: [1, 2], target: 5 });
  throw new Error("a target that does not exist was answered");
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log("refused ", error.problem.status, error.problem.detail);
}

const exact = [
  [0.47739415140192576, 0.49357548035441035, 0.02903036824366389],
  4.248354255291589e-18,
  [[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
   [0.05805726733707059, 0.42898840530422866, -0.4870456726412992]],
];
// JSON.stringify writes each number so that it reads back as the same one: equal texts are equal numbers.
if (JSON.stringify([probabilities, loss, gradient]) !== JSON.stringify(exact)) throw new Error("a number differs");
