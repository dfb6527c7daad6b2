"""A client with requests.

Debian: python3-requests
Run: python3 client_requests.py http://127.0.0.1:8080
"""

import sys

import requests

URL = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080").rstrip("/")
session = requests.Session()  # it keeps the connection open


def post(path, message):
    response = session.post(URL + path, json=message)
    response.raise_for_status()
    return response.json()


softmax = post("/softmax", {"logits": [0.1 + 0.2, 1 / 3, -2.5]})
loss = post("/loss", {"logits": [40, 0], "target": 0})
gradient = post("/gradient", {"logits": [[2, 1, 0.1], [0.5, 2.5, -1]], "target": [0, 2]})
print("softmax ", softmax["probabilities"])
print("loss    ", loss["loss"])
print("gradient", gradient["gradient"])
try:
    post("/loss", {"logits": [1, 2], "target": 5})
    sys.exit("a target that does not exist was answered")
except requests.HTTPError as error:
    print("refused ", error.response.status_code, error.response.json()["detail"])

exact = (
    softmax["probabilities"] == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
    and loss["loss"] == 4.248354255291589e-18
    and gradient["gradient"] == [
        [-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
        [0.05805726733707059, 0.42898840530422866, -0.4870456726412992],
    ]
)
sys.exit(0 if exact else "a number differs")
