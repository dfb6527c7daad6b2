#!/bin/sh
# A client in the shell with curl and jq.
#
# Debian: curl jq
# Run: sh client.sh http://127.0.0.1:8080

set -eu
url=${1:-http://127.0.0.1:8080}
url=${url%/}

# --fail-with-body: exit code 22 at 400 and above, and the problem is still printed.
post() { curl --silent --show-error --fail-with-body --json "$2" "$url$1"; }

softmax=$(post /softmax '{"logits":[0.30000000000000004,0.3333333333333333,-2.5]}')
loss=$(post /loss '{"logits":[40,0],"target":0}')
gradient=$(post /gradient '{"logits":[[2,1,0.1],[0.5,2.5,-1]],"target":[0,2]}')
echo "softmax  $(printf %s "$softmax" | jq -c .probabilities)"
echo "loss     $(printf %s "$loss" | jq -c .loss)"
echo "gradient $(printf %s "$gradient" | jq -c .gradient)"
if refused=$(post /loss '{"logits":[1,2],"target":5}' 2>/dev/null); then
  echo "a target that does not exist was answered" >&2
  exit 1
fi
echo "refused  $(printf %s "$refused" | jq -r '"\(.status) \(.detail)"')"

printf '%s' "$softmax $loss $gradient" | jq --slurp --exit-status '
  .[0].probabilities == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
  and .[1].loss == 4.248354255291589e-18
  and .[2].gradient == [[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
                        [0.05805726733707059, 0.42898840530422866, -0.4870456726412992]]
' >/dev/null || { echo "a number differs" >&2; exit 1; }
