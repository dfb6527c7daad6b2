#!/usr/bin/env python3
"""Distils a small model from a larger one; every loss, gradient and divergence comes from softmaxd over HTTP.

The teacher is a softmax regression on all four measurements of Fisher's irises, 15 weights, trained on the species. The
student sees the two measurements of the petals alone, 9 weights, and no species: its target is the
teacher's logits ("target_logits"), softened by a temperature (Hinton, Vinyals and Dean, 2015). The service takes the
softmax of both and rounds neither, so that the gradient has all of its digits however near the student comes.
Python's standard library only.

    python3 examples/distillation/distil.py [--url http://127.0.0.1:8080] [--steps 300] [--temperature 4]

The address may stand in SOFTMAXD_URL too. Ends with exit code 1 when the divergence of student from teacher has not
fallen to a twentieth, when the student names fewer than 95 % of the flowers rightly, or when a teacher taught by
itself gets another answer than zeros.
"""

import argparse
import pathlib
import sys

IRIS = pathlib.Path(__file__).parent.parent / "iris"
sys.path.insert(0, str(IRIS))
from train import URL, Service, load, logits_of, standardised  # noqa: E402

GOAL = 0.95
PETALS = (2, 3, 4)


def descend(inputs, weights, gradient, rate):
    """logits = inputs @ weights, so dL/dweights = transposed(inputs) @ dL/dlogits."""
    for f, column in enumerate(zip(*inputs)):
        for c in range(len(weights[f])):
            weights[f][c] -= rate * sum(x * row[c] for x, row in zip(column, gradient))


def accuracy(logits, target):
    return sum(row.index(max(row)) == wanted for row, wanted in zip(logits, target)) / len(target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--url", default=URL)
    arguments.add_argument("--steps", type=int, default=300)
    arguments.add_argument("--temperature", type=float, default=4.0)
    options = arguments.parse_args()

    features, target, species = load(IRIS / "iris.csv")
    inputs = standardised(features)
    service = Service(options.url)

    weights = [[0.0] * len(species) for _ in inputs[0]]
    for _ in range(options.steps):
        answer = service.post("/gradient", {"logits": logits_of(inputs, weights), "target": target})
        descend(inputs, weights, answer["gradient"], 2.0)
    teacher = logits_of(inputs, weights)
    print(f"the teacher names {accuracy(teacher, target):.1%} rightly")

    student_inputs = [[row[f] for f in PETALS] for row in inputs]
    weights = [[0.0] * len(species) for _ in PETALS]
    question = {"target_logits": teacher, "temperature": options.temperature, "outputs": ["kl_divergence", "gradient"]}
    print("  step   divergence")
    divergences = []
    for step in range(options.steps + 1):
        student = logits_of(student_inputs, weights)
        answer = service.post("/gradient", question | {"logits": student})
        divergences.append(answer["kl_divergence"])
        if step % 50 == 0:
            print(f"{step:6d}   {divergences[-1]:.8f}")
        # The gradient has 1/T, and the softened distributions' difference another: T² makes up for both.
        descend(student_inputs, weights, answer["gradient"], options.temperature ** 2)
    share = accuracy(student, target)
    print(f"the student names {share:.1%} rightly, and has seen no species; the goal is {GOAL:.0%}")

    itself = service.post("/gradient", question | {"logits": [[x + 1.0 for x in row] for row in teacher[:1]],
                                                   "target_logits": teacher[:1]})
    shifted = [x + 1.0 - 1.0 for x in teacher[0]] == teacher[0]
    if shifted and (itself["kl_divergence"] != 0 or any(itself["gradient"][0])):
        sys.exit(f"a teacher taught by itself, shifted: {itself}")
    alone = service.post("/gradient", question | {"logits": teacher})
    if alone["kl_divergence"] != 0 or any(any(row) for row in alone["gradient"]):
        sys.exit("a teacher taught by itself does not get zeros")
    return 0 if share >= GOAL and divergences[-1] <= divergences[0] / 20 else 1


if __name__ == "__main__":
    sys.exit(main())
