# A client in Nim's standard library.
#
# Debian: nim gcc libc6-dev
# Build: nim compile --verbosity:0 --hints:off --nimcache:cache -d:nimPreviewFloatRoundtrip client.nim
# Run: ./client http://127.0.0.1:8080

import std/[httpclient, json, os, strutils]

let url = (if paramCount() > 0: paramStr(1) else: "http://127.0.0.1:8080").strip(leading = false, chars = {'/'})
let client = newHttpClient(headers = newHttpHeaders({"Content-Type": "application/json"}))

type Refused = object of CatchableError

proc post(path: string, message: JsonNode): JsonNode =
  let response = client.request(url & path, HttpPost, $message)
  result = parseJson(response.body)
  if response.code != Http200:
    raise newException(Refused, response.status[0 .. 2] & " " & result["detail"].getStr)

let softmax = post("/softmax", %*{"logits": [0.1 + 0.2, 1 / 3, -2.5]})["probabilities"].to(seq[float])
let loss = post("/loss", %*{"logits": [40, 0], "target": 0})["loss"].to(float)
let gradient = post("/gradient", %*{"logits": [[2.0, 1.0, 0.1], [0.5, 2.5, -1.0]], "target": [0, 2]})["gradient"]
  .to(seq[seq[float]])
echo "softmax  ", softmax
echo "loss     ", loss
echo "gradient ", gradient
try:
  discard post("/loss", %*{"logits": [1, 2], "target": 5})
  quit "a target that does not exist was answered"
except Refused as problem:
  echo "refused  ", problem.msg

let exact = softmax == @[0.47739415140192576, 0.49357548035441035, 0.02903036824366389] and
  loss == 4.248354255291589e-18 and
  gradient == @[@[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
                @[0.05805726733707059, 0.42898840530422866, -0.4870456726412992]]
if not exact: quit "a number differs"
