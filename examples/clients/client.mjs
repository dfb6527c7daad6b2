// A client in Node's own fetch; a browser's is the same, if the service was given --cors-origin.
//
// Debian: nodejs
// Run: node client.mjs http://127.0.0.1:8080

const url = (process.argv[2] ?? "http://127.0.0.1:8080").replace(/\/$/, "");

async function post(path, message) {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${answer.detail}`);
  return answer;
}

const { probabilities } = await post("/softmax", { logits: [0.1 + 0.2, 1 / 3, -2.5] });
const { loss } = await post("/loss", { logits: [40, 0], target: 0 });
const { gradient } = await post("/gradient", { logits: [[2, 1, 0.1], [0.5, 2.5, -1]], target: [0, 2] });
console.log("softmax ", probabilities);
console.log("loss    ", loss);
console.log("gradient", gradient);
const refused = await post("/loss", { logits: [1, 2], target: 5 }).then(
  () => { throw new Error("a target that does not exist was answered"); },
  (error) => error.message);
console.log("refused ", refused);

const exact = [
  [0.47739415140192576, 0.49357548035441035, 0.02903036824366389],
  4.248354255291589e-18,
  [[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
   [0.05805726733707059, 0.42898840530422866, -0.4870456726412992]],
];
// JSON.stringify writes each number so that it reads back as the same one: equal texts are equal numbers.
if (JSON.stringify([probabilities, loss, gradient]) !== JSON.stringify(exact)) throw new Error("a number differs");
