"""Rows whose results have far fewer bits than binary64, for the stage in plain binary64: for service.py --narrow.

  ordinary     rows of 1,000, and of lengths around whole vectors, with and without masks and temperatures
  far          gaps of 80 to 900: subnormal results and zeros of every format
  midpoints    results at, or within a few units of binary64 of, a midpoint between two numbers of the format
  confident    rows whose others hardly count, the target at the maximum and beside it
  factors      gradients with weights of all sizes and signs"""
import math
import struct

from cases import loss, softmax

FAMILIES = {}
INFINITY = math.inf
PRECISIONS = {"float32": 24, "float16": 11, "bfloat16": 8}
NARROW = ["probabilities", "log_probabilities", "argmax"]


def family(function):
    FAMILIES[function.__name__] = function
    return function


def cases(rng, dtype, logits, **options):
    """The softmax and the gradient of a row."""
    yield softmax(logits, dtype=dtype, outputs=NARROW, **{k: v for k, v in options.items() if k == "temperature"})
    live = [c for c, logit in enumerate(logits) if logit > -INFINITY]
    target = rng.choice([rng.choice(live), max(live, key=lambda c: logits[c])])
    yield loss(logits, [target], dtype=dtype, reduction=rng.choice(["mean", "sum", "none"]), **options)


def read(rng, row):
    """The same, half the time as numbers of binary32."""
    return row if rng.random() < 0.5 else list(struct.unpack(f"{len(row)}f", struct.pack(f"{len(row)}f", *row)))


@family
def ordinary(rng, dtype):
    for classes in [1000, rng.randint(1, 40), rng.choice([64, 65, 127, 128, 129]), 1000]:
        scale = rng.choice([0.01, 1, 3, 10])
        row = [rng.gauss(0, scale) for _ in range(classes)]
        if rng.random() < 0.3:
            row = [row[0]] + [x if rng.random() < 0.7 else -INFINITY for x in row[1:]]
        options = {"temperature": rng.choice([0.7, 2.0, 3.0, 0.1])} if rng.random() < 0.3 else {}
        yield from cases(rng, dtype, read(rng, row), **options)


@family
def far(rng, dtype):
    for _ in range(4):
        low, high = rng.choice([(80, 110), (5, 30), (100, 140), (600, 640), (700, 900)])
        yield from cases(rng, dtype, read(rng, [0.0] + [-rng.uniform(low, high) for _ in range(rng.randint(1, 60))]))


@family
def midpoints(rng, dtype):
    """Two classes alike, weighed so that the gradient is a midpoint, and a third that moves it by some units."""
    half = 2.0 ** -PRECISIONS[dtype]
    for _ in range(12):
        odd = 1 + (2 * rng.randint(0, 30) + 1) * half
        away = rng.choice([800.0, rng.uniform(30, 45), rng.uniform(30, 45), INFINITY])
        weight = odd * 2.0 ** rng.choice([0, 0, 5, -20, -120])
        yield loss([0.0, 0.0, -away], [0], dtype=dtype, sample_weight=[weight], reduction="sum")
    for _ in range(4):
        # A log-probability close to a midpoint: the others add hardly anything to it.
        z = rng.randint(2 ** 10, 2 ** 11) * (1 + half * rng.choice([1, 3, 5]))
        yield softmax([0.0, -z, -z - rng.uniform(0, 40)], dtype=dtype, outputs=NARROW)


@family
def confident(rng, dtype):
    for _ in range(4):
        gap = rng.choice([rng.uniform(10, 40), rng.uniform(80, 110), rng.uniform(300, 500)])
        yield from cases(rng, dtype, read(rng, [gap] + [rng.gauss(0, 1) for _ in range(rng.randint(1, 30))]))


@family
def factors(rng, dtype):
    for _ in range(6):
        row = [rng.gauss(0, 3) for _ in range(rng.randint(2, 40))]
        upstream = rng.choice([-1, 1]) * rng.uniform(1, 2) * 2.0 ** rng.randint(-160, 130)
        yield loss(read(rng, row), [rng.randrange(len(row))], dtype=dtype, upstream=[upstream], reduction="sum")
