"""crowd.py URL: what clients ask most, as they ask it, for scripts/profile; always the same requests.

Nearly all are small, for those are what the code around the numbers serves: were there many large ones, the compiler would
think that only the loops over numbers matter. Random requests with every parameter are the business of proof/service.py.
"""

import json
import random
import socket
import sys
import urllib.parse

# What wrk, curl, Python's requests, Go, Node and a proxy send besides Host, Content-Type and Content-Length.
CLIENTS = [
    "",
    "User-Agent: curl/8.5.0\r\nAccept: */*\r\n",
    "User-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n",
    "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n",
    "connection: keep-alive\r\naccept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n"
    "accept-encoding: gzip, deflate\r\n",
    "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Request-Id: 3f1c8a52-0d3b-4a5e-9a0e-6f2f3f1d1c44\r\n",
]


def logits(dice, *shape):
    if not shape:
        return dice.gauss(0, 4)
    return [logits(dice, *shape[1:]) for _ in range(shape[0])]


def small(dice):
    """(method, path, message): one row or four, with a target or without, or nothing to compute."""
    classes = dice.choice([2, 3, 10, 10, 10, 32])
    target = dice.randrange(classes)
    return dice.choice([
        ("POST", "/softmax", {"logits": logits(dice, classes)}),
        ("POST", "/softmax", {"logits": logits(dice, classes)}),
        ("POST", "/softmax", {"logits": logits(dice, 4, classes)}),
        ("POST", "/loss", {"logits": logits(dice, classes), "target": target}),
        ("POST", "/gradient", {"logits": logits(dice, classes), "target": target}),
        ("POST", "/gradient", {"logits": logits(dice, 4, classes), "target": [target] * 4}),
        ("GET", "/healthz", None),
        ("GET", "/livez", None),
    ])


def middling(dice):
    return dice.choice([
        ("POST", "/softmax", {"logits": logits(dice, 1_000)}),
        ("POST", "/gradient", {"logits": logits(dice, 1_000), "target": 7}),
        ("POST", "/loss", {"logits": logits(dice, 20, 50), "target": [3] * 20}),
        ("GET", "/metrics", None),
        ("GET", "/nowhere", None),
        ("POST", "/loss", {"logits": [1, None], "target": 5}),
    ])


def large(dice):
    return dice.choice([
        ("POST", "/gradient", {"logits": logits(dice, 64, 1_000), "target": [7] * 64}),
        ("POST", "/softmax", {"logits": logits(dice, 131_072)}),
    ])


class Client:
    """One connection that is kept, and one client's way to ask."""

    def __init__(self, address, fields):
        self.socket = socket.create_connection(address)
        self.answers = self.socket.makefile("rb")
        self.fields = f"Host: {address[0]}:{address[1]}\r\n{fields}"

    def ask(self, method, path, message):
        head, body = f"{method} {path} HTTP/1.1\r\n{self.fields}", b""
        if message is not None:
            body = json.dumps(message, separators=(",", ":")).encode()
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def hear(self):
        length = 0
        while (line := self.answers.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return self.answers.read(length)


def crowd(address, dice, size, rounds, question):
    """So many clients ask at once, and ask again when all have heard."""
    clients = [Client(address, CLIENTS[index % len(CLIENTS)]) for index in range(size)]
    for _ in range(rounds):
        for client in clients:
            client.ask(*question(dice))
        for client in clients:
            assert client.hear(), "the server closed a connection"


def main():
    url = urllib.parse.urlparse(sys.argv[1])
    address, dice = (url.hostname, url.port), random.Random(1)
    crowd(address, dice, 32, 1_500, small)
    crowd(address, dice, 1, 10_000, small)
    crowd(address, dice, 8, 20, middling)
    crowd(address, dice, 2, 4, large)


if __name__ == "__main__":
    main()
