"""Softmax and its derivatives by NumPy and PyTorch on one core, beside ModuleBenchmarks --module Softmax: ns a logit.

scripts/bench mathematics runs both in turns. Each writes into memory that it has already, where its functions let it.
Not exact: a result is off by some units in the last place.
"""
import os
import time

for library in ("OMP", "MKL", "OPENBLAS"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


def nanoseconds(body):
    """The least of many short rounds, or of those that half a second has time for: other load only adds."""
    best, end = float("inf"), time.perf_counter() + 0.5
    for _ in range(200):
        begin = time.perf_counter_ns()
        body()
        best = min(best, time.perf_counter_ns() - begin)
        if time.perf_counter() > end:
            break
    return best


def by_numpy(logits, target):
    out, rows = np.empty_like(logits), np.arange(len(logits))

    def softmax():
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=out)
        np.exp(out, out=out)
        np.divide(out, out.sum(axis=1, keepdims=True), out=out)

    def log_softmax():
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=out)
        np.subtract(out, np.log(np.exp(out).sum(axis=1, keepdims=True)), out=out)

    def gradient():
        top = logits.max(axis=1, keepdims=True)
        np.subtract(logits, top, out=out)
        np.exp(out, out=out)
        total = out.sum(axis=1, keepdims=True)
        np.divide(out, total, out=out)
        out[rows, target] -= 1
        return np.log(total)[:, 0] + top[:, 0] - logits[rows, target]

    return softmax, log_softmax, gradient


def by_pytorch(logits, target):
    logits, target = torch.from_numpy(logits), torch.from_numpy(target)
    out, leaf = torch.empty_like(logits), logits.clone().requires_grad_()

    def gradient():
        torch.autograd.grad(torch.nn.functional.cross_entropy(leaf, target, reduction="sum"), leaf)

    return (lambda: torch.softmax(logits, 1, out=out), lambda: torch.log_softmax(logits, 1, out=out), gradient)


def main():
    source = np.random.default_rng(1)
    for classes in (2, 10, 30, 100, 1000, 131_072):
        rows = 131_072 // classes
        logits = source.normal(0, 3, (rows, classes))
        target = np.arange(rows) * 7 % classes
        for name, functions in (("NumPy", by_numpy(logits, target)), ("PyTorch", by_pytorch(logits, target))):
            for what, body in zip(("softmax", "log-softmax", "gradient"), functions):
                print(f"n = {classes:<10}{what:14}{name:24}{nanoseconds(body) / (rows * classes):.2f} ns/logit", flush=True)


if __name__ == "__main__":
    main()
