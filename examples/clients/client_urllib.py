"""A client in Python's standard library.

Debian: python3
Run: python3 client_urllib.py http://127.0.0.1:8080
"""

import json
import sys
import urllib.error
import urllib.request

URL = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080").rstrip("/")


def post(path, message):
    request = urllib.request.Request(URL + path, json.dumps(message).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


softmax = post("/softmax", {"logits": [0.1 + 0.2, 1 / 3, -2.5]})
loss = post("/loss", {"logits": [40, 0], "target": 0})
gradient = post("/gradient", {"logits": [[2, 1, 0.1], [0.5, 2.5, -1]], "target": [0, 2]})
print("softmax ", softmax["probabilities"])
print("loss    ", loss["loss"])
print("gradient", gradient["gradient"])
try:
    post("/loss", {"logits": [1, 2], "target": 5})
    sys.exit("a target that does not exist was answered")
except urllib.error.HTTPError as error:
    print("refused ", error.code, json.load(error)["detail"])

exact = (
    softmax["probabilities"] == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
    and loss["loss"] == 4.248354255291589e-18
    and gradient["gradient"] == [
        [-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
        [0.05805726733707059, 0.42898840530422866, -0.4870456726412992],
    ]
)
sys.exit(0 if exact else "a number differs")
