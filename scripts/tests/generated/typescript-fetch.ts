// Calls the client that openapi-generator writes for TypeScript with fetch, compiled with its own tsconfig.json.
//
// Debian: node-typescript nodejs default-jre-headless
// Generate: openapi-generator-cli generate -g typescript-fetch -p npmName=softmaxd -i openapi.yaml -o client
// Build: tsc -p client
// Build: tsc --strict --target es2020 --module commonjs --lib es2020,dom --outDir . typescript-fetch.ts
// Run: node typescript-fetch.js http://127.0.0.1:8080

import { Configuration, GradientOutput, MathematicsApi, ProblemFromJSON, Reduction, ResponseError, SoftmaxOutput }
  from "./client/dist";

declare const process: { argv: string[] };

function bits(value: unknown): string {
  if (Array.isArray(value)) return value.map(bits).join(" ");
  if (typeof value !== "number") return String(value);
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

async function main() {
  const api = new MathematicsApi(new Configuration({ basePath: process.argv[2] }));

  const softmax = await api.softmax({ softmaxRequest: {
    logits: [0.1, "-Infinity", 1 / 3], temperature: 0.7,
    outputs: [SoftmaxOutput.Probabilities, SoftmaxOutput.LogProbabilities] } });
  console.log("softmax probabilities", bits(softmax.probabilities));
  console.log("softmax log_probabilities", bits(softmax.logProbabilities));

  const loss = await api.loss({ lossRequest: {
    logits: [0.1, 1.2345678901234567, -2.5], target: 1, weight: [0.1, 0.7, 0.3], labelSmoothing: 0.1,
    reduction: Reduction.Sum } });
  console.log("loss loss", bits(loss.loss));

  const gradient = await api.gradient({ gradientRequest: {
    logits: [[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], target: [0, 2], reduction: Reduction.None,
    outputs: [GradientOutput.Gradient, GradientOutput.Loss] } });
  console.log("gradient gradient", bits(gradient.gradient));
  console.log("gradient loss", bits(gradient.loss));

  const teacher = await api.gradient({ gradientRequest: {
    logits: [0.1, 0.2, 0.7], targetLogits: [-1.5, "-Infinity", 2.25], outputs: [GradientOutput.KlDivergence] } });
  console.log("gradient kl_divergence", bits(teacher.klDivergence));

  const check = await api.check({ checkRequest: {
    logits: [1, 2], candidate: { probabilities: [0.26894142, 0.73105858] } } });
  console.log("check max_relative_error", bits(check.outputs.probabilities?.maxRelativeError));

  try {
    await api.loss({ lossRequest: { logits: [1, 2], target: 5 } });
  } catch (refusal) {
    if (!(refusal instanceof ResponseError)) throw refusal;
    const problem = ProblemFromJSON(await refusal.response.json());
    console.log("refused", refusal.response.status, problem.type, problem.errors?.[0].pointer, problem.detail);
  }
}

main();
