#!/usr/bin/env python3
"""Trains a softmax regression on Fisher's Iris data; every loss and gradient comes from softmaxd over HTTP.

The program holds the model, a 5 x 3 matrix of weights, and nothing else: at each step it posts the logits of all
150 flowers to /gradient, gets back the mean loss and dL/dlogits, and carries that gradient on to its weights by
the chain rule. Python's standard library only.

    python3 examples/iris/train.py [--url http://127.0.0.1:8080] [--steps 400] [--rate 2]

The address may stand in SOFTMAXD_URL too. Ends with exit code 1 when the model names fewer than 97 % of the flowers
rightly, or when the service's answer is not the one that the derivative asks for.
"""

import argparse
import csv
import http.client
import json
import os
import pathlib
import sys
import urllib.parse

URL = os.environ.get("SOFTMAXD_URL", "http://127.0.0.1:8080")
GOAL = 0.97


def load(path):
    """The 150 rows: features [150, 4], class indices [150], and the species' names."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    species = sorted({row[4] for row in rows})
    return [[float(text) for text in row[:4]] for row in rows], [species.index(row[4]) for row in rows], species


def standardised(features):
    """Each column shifted to mean 0 and scaled to variance 1, with a column of ones (the bias) appended: [150, 5]."""
    columns = []
    for column in zip(*features):
        mean = sum(column) / len(column)
        deviation = (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5
        columns.append([(value - mean) / deviation for value in column])
    return [list(row) + [1.0] for row in zip(*columns)]


class Service:
    """One kept-alive connection to softmaxd."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=30)

    def post(self, path, message):
        try:
            self.connection.request("POST", path, json.dumps(message), {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            sys.exit(f"no softmaxd answers at {self.url} ({error}); start one, or name another with --url")
        if response.status != 200:
            sys.exit(f"{path} answered {response.status}: {answer.get('detail', answer)}")
        return answer


def logits_of(inputs, weights):
    """inputs [rows, features] times weights [features, classes]."""
    columns = list(zip(*weights))
    return [[sum(x * w for x, w in zip(row, column)) for column in columns] for row in inputs]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--url", default=URL)
    arguments.add_argument("--steps", type=int, default=400)
    arguments.add_argument("--rate", type=float, default=2.0)
    options = arguments.parse_args()

    features, target, species = load(pathlib.Path(__file__).with_name("iris.csv"))
    inputs = standardised(features)
    weights = [[0.0] * len(species) for _ in inputs[0]]
    service = Service(options.url)

    print("  step        loss   accuracy")
    for step in range(options.steps + 1):
        logits = logits_of(inputs, weights)
        answer = service.post("/gradient", {"logits": logits, "target": target})  # reduction: the mean
        loss, gradient = answer["loss"], answer["gradient"]

        hits = sum(row.index(max(row)) == wanted for row, wanted in zip(logits, target))
        accuracy = hits / len(target)
        if step % 50 == 0 or step == options.steps:
            print(f"{step:6d}   {loss:.7f}   {accuracy:8.2%}")
        if any(abs(sum(row)) > 1e-15 for row in gradient):
            sys.exit(f"step {step}: a row of the gradient does not sum to zero")

        # logits = inputs @ weights, so dL/dweights = transposed(inputs) @ dL/dlogits
        for f, column in enumerate(zip(*inputs)):
            for c in range(len(species)):
                slope = sum(x * g[c] for x, g in zip(column, gradient))
                weights[f][c] -= options.rate * slope

    print(f"{hits} of {len(target)} flowers named rightly; the goal is {GOAL:.0%}")
    return 0 if accuracy >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
