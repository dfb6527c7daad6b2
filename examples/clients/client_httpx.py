"""A client with httpx, asynchronous: three questions at once over one pool of connections.

Debian: python3-httpx
Run: python3 client_httpx.py http://127.0.0.1:8080
"""

import asyncio
import sys

import httpx

URL = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080").rstrip("/")


async def main():
    async with httpx.AsyncClient() as client:
        async def post(path, message):
            response = await client.post(URL + path, json=message)
            response.raise_for_status()
            return response.json()

        softmax, loss, gradient = await asyncio.gather(
            post("/softmax", {"logits": [0.1 + 0.2, 1 / 3, -2.5]}),
            post("/loss", {"logits": [40, 0], "target": 0}),
            post("/gradient", {"logits": [[2, 1, 0.1], [0.5, 2.5, -1]], "target": [0, 2]}))
        print("softmax ", softmax["probabilities"])
        print("loss    ", loss["loss"])
        print("gradient", gradient["gradient"])
        try:
            await post("/loss", {"logits": [1, 2], "target": 5})
            sys.exit("a target that does not exist was answered")
        except httpx.HTTPStatusError as error:
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


asyncio.run(main())
