"""The families whose results are half-way between two numbers of the format, or as near to that as can be found."""
import math

import mpmath

import hard
from cases import INFINITY, derivation, loss, softmax
from families import family
from rounding import BINARY32, BINARY64


@family
def exact_ties(rng):
    """Rational results half-way between two doubles, most of them subnormal."""
    tiny = 5e-324
    yield loss([0.0, 0.0], [0], weight=[1.5e-323, 1.0], reduction="sum")
    for odd in (1, 3, 5, 7, 9, 4503599627370497):
        for n in (2, 4, 8):
            w = odd * tiny
            yield loss([0.7] * n, [1], weight=[1.0] + [w] * (n - 1), reduction="sum")
            yield loss([0.7] * n, [0], sample_weight=[w], reduction="sum", upstream=[-1.0])
            yield loss([0.7] * n, [0.5] * n, sample_weight=[w], reduction="none")
            yield loss([0.7] * n, [1.0] + [0.0] * (n - 1), sample_weight=[w], reduction="sum", temperature=2.0)
        yield loss([0.7, -INFINITY], [0.0, 0.5], weight=[1.0, odd * tiny], reduction="sum")  # masked: -k u_i
        yield loss([0.7, -INFINITY, 0.0], [0.25, 0.75, 0.5], sample_weight=[odd * tiny], reduction="sum", temperature=2.0)
        yield loss([0.0] * 3, [0], weight=[3 * odd * tiny] * 3, reduction="sum", temperature=2.0)
        yield loss([0.0] * 3, [0], weight=[3 * odd * tiny / 1] * 3, reduction="sum", dtype="float32")
    for n in (2, 4, 8):
        for exponent in (140, 143, 144, 145, 146, 147, 148):
            yield softmax([1.0] * n, temperature=2.0**exponent, dtype="float32")
    for m in (1, 3, 5, 7, 2**53 - 1):  # n = 1: log-sum-exp is a/T
        yield softmax([m * tiny], temperature=2.0)
        yield softmax([-m * tiny, -INFINITY], temperature=2.0)
        yield softmax([1 + m * 2.0**-24], dtype="float32")
        yield softmax([float(m) * 2.0**-1000], temperature=2.0**74, dtype="float32")
    yield loss([1.0, 2.0], [0.0, 0.0], reduction="none")  # U = 0
    yield loss([1.0, 2.0], [1], upstream=[0.0])
    yield loss([1.0, 2.0], [1], weight=[1.0, 0.0], reduction="sum")
    top = 1.7976931348623157e308  # the largest double and half a place more
    yield softmax([top], temperature=0.9999999999999999)
    yield loss([0.0, 0.0], [0], weight=[top, 1.0], reduction="sum", upstream=[2.0])
    yield loss([0.0, 0.0], [0], weight=[top, 1.0], reduction="sum", upstream=[2.0000000000000004])


@family
def half_way(rng):
    """Half-way between two doubles except for a tail below every place in question: the tail's sign decides."""
    yield loss([9999999999999998.0, 1.0], [1])
    yield loss([9999999999999998.0, -1.0], [1])
    yield loss([1.0, 0.0], [1], temperature=5e-324)
    yield loss([1.0, 0.0], [1], [1, 2], temperature=5e-324, weight=[1.0, 1e-300], reduction="sum")
    for _ in range(40):
        m = float(2**53 - rng.randint(0, 2**20))
        low = -rng.choice([1.0, 0.5, 3.0, 1.5, 0.75, 2.0**-20, 1e-300])
        yield softmax([m, low])
        yield loss([m, low, low], [rng.choice([1, 2])], temperature=rng.choice([1.0, 2.0, 1.5, 0.75, 3.0]))
        yield loss([m, low], [1], weight=[1.0, rng.choice([1.5, 1.25, 3.0, 0.1])], reduction="sum")
        yield loss([m, low, m], [0.0, 1.0, 0.25])
        yield loss([m, low, 0.0, -800.0], [1, 0], [2, 2], reduction="sum")
    # A whole factor times p = 1 - exp(-huge), the factor half-way: 1.5 * odd needs 54 bits.
    for _ in range(30):
        odd = rng.getrandbits(53) | 1 | 1 << 52
        k = rng.choice([-1074, -1073, -52, 0, 10])
        x = math.ldexp(odd, k) if k > -1000 else (odd & 31 | 1) * 5e-324
        gap = rng.choice([1e4, 800.0, 1e300, 200.0, 100.0])
        yield loss([gap, 0.0], [1], weight=[1.0, x], reduction="sum", upstream=[rng.choice([1.5, -1.5, 0.5, 0.75, 3.0])])
        yield loss([gap, 0.0], [0], sample_weight=[x], reduction="sum", temperature=rng.choice([2.0, 0.5, 1.0]))
        yield softmax([gap, 0.0], temperature=x if 1 < abs(x) < 1e300 else 2.0)
    for m in (3, 5, 7):  # log-sum-exp: a/T half-way between subnormals, the rest far below
        yield softmax([m * 5e-324, -1e308], temperature=2.0)
        yield softmax([-m * 5e-324, -1e308], temperature=2.0)
    for _ in range(20):  # float32: the logit itself is half-way
        x = math.ldexp(rng.getrandbits(24) | 1 << 24 | 1, rng.choice([-24, -4, -1, 5, 60, -149 - 10]))
        yield softmax([x, x - 2000.0, -1e10], dtype="float32")
        yield softmax([-x, -x - 1e9], dtype="float32")
        yield loss([0.0, -x], [1], dtype="float32")
        yield derivation([x, -1e10], 0)


@family
def near_midpoint(rng):
    """Greedy and modular searches (hard.py)."""
    measures = [("probability", hard.probability(0)), ("probability", hard.probability(1)),
                ("log_probability", hard.log_probability(0)), ("log_probability", hard.log_probability(1)),
                ("log_sum_exp", hard.log_sum_exp), ("entropy", hard.entropy), ("jacobian", hard.jacobian(0, 0)),
                ("jacobian", hard.jacobian(0, 1)), ("reciprocal", hard.reciprocal(0)), ("reciprocal", hard.reciprocal(1))]
    for name, measure in measures:
        for classes in (1, 2, 3, 5, 9):
            for beyond in (False, True):
                form = BINARY32 if rng.random() < 0.25 and name != "reciprocal" else BINARY64
                start = [rng.uniform(-1, 1), rng.uniform(-4, -2)]
                logits = hard.greedy(measure, start, classes, beyond, form)
                order = list(range(len(logits)))
                if rng.random() < 0.5:
                    rng.shuffle(order)
                logits = [logits[o] for o in order]
                dtype = {} if form is BINARY64 else {"dtype": "float32"}
                first, second = order.index(0), order.index(1)
                if name == "reciprocal":
                    yield derivation(logits, first)
                    yield derivation(logits, second)
                else:
                    yield softmax(logits, **dtype)
                    yield loss(logits, [first], **dtype)
                    yield loss(logits, [second], upstream=[-4.0], reduction="sum", **dtype)
    for classes in (2, 3, 4, 6, 9, 14, 20, 22, 24, 30):
        yield softmax(hard.logits_summing_to_one(rng, classes))
    yield softmax(hard.logits_summing_to_one(rng, 8), dtype="float32")
    for function, start, pair in (
            (lambda x: 1 / (1 + mpmath.exp(-x)), 0.9, lambda x: [x, 0.0]),
            (lambda x: 1 / (1 + mpmath.exp(-x)), -11.3, lambda x: [x, 0.0]),
            (lambda x: mpmath.log1p(mpmath.exp(-x)), 2.7, lambda x: [x, 0.0]),
            (lambda x: mpmath.log1p(mpmath.exp(-x)), 33.1, lambda x: [x, 0.0]),
            (lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2, 5.1, lambda x: [x, 0.0]),
            (lambda x: mpmath.log1p(mpmath.exp(-x)) + x * mpmath.exp(-x) / (1 + mpmath.exp(-x)), 1.9, lambda x: [x, 0.0]),
            (lambda x: mpmath.log(2 + mpmath.exp(-x)), 0.6, lambda x: [0.0, -x, 0.0]),
            (lambda x: 3 * mpmath.exp(-x) / (1 + mpmath.exp(-x)), 709.1, lambda x: [0.0, -x])):
        for _ in range(3):
            at = start * (1 + rng.random() / 100)
            _, x = hard.modular(function, at, blocks=32)
            yield softmax(pair(x))
            yield loss(pair(x), [0])
            yield loss(pair(x), [1], reduction="sum", weight=[1.0] * (len(pair(x)) - 1) + [3.0])
