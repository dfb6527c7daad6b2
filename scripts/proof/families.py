"""The families of fixtures: each a generator of cases from a seeded random source."""
import math
from fractions import Fraction

import cases
import hard
import oracle
from rounding import BINARY32, BINARY64, rounded
from cases import INFINITY, a_shape, a_temperature, derivation, loss, random_loss, softmax
from slices import Slice, places_of

FAMILIES = {}


def family(function):
    FAMILIES[function.__name__.replace("_", "-")] = function
    return function


def float32(x):
    return rounded(Fraction(x), None, BINARY32)


def around(rng, make, rows, losses, hostile=False, sizes=(2, 3, 5, 10), temperature=None, derive=True):
    """For `rows` shapes filled by make(rng, classes): softmax in both formats, `losses` random losses, a derivation."""
    for r in range(rows):
        classes = sizes[r % len(sizes)]
        shape, axis = a_shape(rng, classes)
        logits = [0.0] * math.prod(shape)
        for place in places_of(shape, axis):
            for p, x in zip(place, make(rng, classes)):
                logits[p] = x
        t = temperature if temperature is not None else a_temperature(rng)
        yield softmax(logits, shape, axis, temperature=t)
        if r % 2 == 0:
            yield softmax(logits, shape, axis, temperature=t, dtype="float32")
        for _ in range(losses):
            yield random_loss(rng, logits, shape, axis, hostile, temperature)
        if derive and len(shape) == 1:
            live = [c for c in range(classes) if logits[c] > -INFINITY]
            yield derivation(logits, rng.choice(live), temperature=t)


@family
def random(rng):
    yield from around(rng, lambda rng, n: [rng.gauss(0, rng.choice([0.01, 1, 1, 10])) for _ in range(n)], 24, 6,
                      sizes=(1, 2, 3, 5, 10, 33))
    logits = [rng.gauss(0, 3) for _ in range(1000)]
    yield softmax(logits)
    yield loss(logits, [17])
    for shape, axis in (([2, 3, 4], 1), ([3, 2, 2, 2], 0), ([1, 1, 3, 1, 2, 1, 1, 2], 2), ([2, 2, 2, 2, 2], 4)):
        logits = [rng.gauss(0, 2) for _ in range(math.prod(shape))]
        yield softmax(logits, shape, axis)
        for _ in range(3):
            yield random_loss(rng, logits, shape, axis)


@family
def confident(rng):
    for gap in (20, 36, 36.7, 37, 37.5, 40, 52.5, 88, 103.9, 104, 300, 372, 708.3, 709, 744, 744.4, 745, 745.1, 745.2, 746, 1100):
        logits = [float(gap), 0.0]
        yield softmax(logits)
        for target in (0, 1):
            yield loss(logits, [target])
            yield derivation(logits, target)
        yield loss(logits, [0], dtype="float32")
        yield loss(logits, [0], weight=[rng.choice([1e-300, 1e300, 3.0, 0.1]), 1.0], reduction="sum")
    yield from around(rng, lambda rng, n: [rng.uniform(20, 745)] + [rng.gauss(0, 1) for _ in range(n - 1)], 16, 4)
    for magnitude in (1e20, 1e50, 1e300):  # a weight lifts an underflow back into the range
        yield loss([800.0, 0.0, 1.0], [0], weight=[magnitude, 1.0, 1.0], reduction="sum", upstream=[1e8])


@family
def wide(rng):
    for scale in (1e4, 1e16, 1e300, 1.7e308):
        yield from around(rng, lambda rng, n: [scale * rng.uniform(-1, 1) for _ in range(n)], 8, 4)
        yield from around(rng, lambda rng, n: [rng.choice([-scale, scale, 0.0]) for _ in range(n)], 4, 3, hostile=True)
    for top in (1.7976931348623157e308, 1.7e308):
        yield softmax([top, -top])
        yield softmax([top, -top, top])
        yield loss([top, -top], [1])
        yield loss([top, -top], [1], reduction="sum", weight=[1.0, 0.5], sample_weight=[0.5])
        yield loss([top, -top, 0.0, top], [0.0, 1e-300, 0.5, 0.5])
        yield derivation([top, -top], 1)


@family
def offset(rng):
    for shift in (1e8, 1e15, -1e15, 4503599627370497.5):
        yield from around(rng, lambda rng, n: [shift + rng.choice([rng.gauss(0, 1), float(rng.randint(-40, 40))])
                                               for _ in range(n)], 8, 4)
    yield from around(rng, lambda rng, n: [float(2**53 - rng.randint(0, 9)) for _ in range(n - 1)] + [rng.random()], 8, 3,
                      temperature=1.0)


@family
def temperature(rng):
    for t in (5e-324, 1e-310, 1e-300, 1e-5, 0.1, 1 / 3, 0.9999999999999999, 1.0000000000000002, 3.0, 1e5, 1e300, 1e308,
              1.7976931348623157e308):
        yield from around(rng, lambda rng, n: [rng.gauss(0, 2) for _ in range(n)], 3, 2, temperature=t)
        yield from around(rng, lambda rng, n: [rng.choice([0.0, 1.0, t, -t, 3 * t, 1e-300, 5e-324, -1e300])
                                               if t < 1e308 else 1e308 * rng.uniform(-1, 1) for _ in range(n)], 3, 2,
                          temperature=t)
        yield from around(rng, lambda rng, n: [rng.gauss(0, 1) * t for _ in range(n)] if t < 1e300 else [t, 0.0, -t / 3][:n],
                          1, 2, temperature=t, sizes=(3,))


@family
def level(rng):
    for n in (1, 2, 3, 4, 7, 8, 10, 48, 49, 100):
        for value in (0.0, -0.0, 1.0, -3.7, 1e300, 5e-324, 1.7e308, 0.1):
            yield softmax([value] * n, temperature=rng.choice([1.0, 3.0, 0.1]))
            if n <= 10:
                yield random_loss(rng, [value] * n, [n], 0, hostile=True)
    for n in (1, 2, 3):
        for target in range(n):
            yield derivation([2.5] * n, target, temperature=rng.choice([1.0, 3.0]))
    yield softmax([7.25] * 16, dtype="float32")


@family
def masked(rng):
    def make(rng, n):
        row = [rng.choice([rng.gauss(0, 3), rng.gauss(0, 3), -INFINITY]) for _ in range(n)]
        row[rng.randrange(n)] = rng.gauss(0, 3)
        return row
    yield from around(rng, make, 24, 6)
    yield softmax([-INFINITY, 3.25, -INFINITY])
    yield softmax([0.1, -INFINITY], temperature=0.3)
    yield loss([0.0, -INFINITY], [1])
    yield loss([0.0, -INFINITY], [0], label_smoothing=0.1)
    yield loss([0.0, -INFINITY, 1.0], [0.25, 0.0, 0.75])
    yield loss([0.0, -INFINITY, 1.0], [0.25, 5e-324, 0.75])
    yield loss([0.0, -INFINITY, 1.0] * 2, [1, 0], [2, 3], sample_weight=[0.0, 2.0])
    yield loss([0.0, -INFINITY, 1.0] * 2, [1, 0], [2, 3], ignore_index=1, reduction="none")
    yield loss([0.0, -INFINITY, 1.0], [0], weight=[1.0, 0.0, 2.0], label_smoothing=0.3)
    yield derivation([-INFINITY, 1.0, 2.0], 2)
    yield derivation([-INFINITY, 1.0], 1)


@family
def subnormal(rng):
    yield from around(rng, lambda rng, n: [0.0] + [-rng.uniform(700, 760) for _ in range(n - 1)], 20, 5, temperature=1.0)
    yield from around(rng, lambda rng, n: [0.0] + [-rng.uniform(85, 108) for _ in range(n - 1)], 6, 3, temperature=1.0)
    for _ in range(30):  # results near the least subnormal's multiples and halves, by the weight
        w = rng.choice([1, 2, 3, 5, 7, 9, 15]) * 5e-324
        yield loss([rng.choice([0.0, rng.gauss(0, 1), -1e5]) for _ in range(rng.randint(2, 4))], [0],
                   weight=[w, 1.0, w, 0.0][:4], reduction="sum")


def fit_weights(case):
    if case.get("weight"):
        case["weight"] = case["weight"][:case["shape"][case["axis"]]]
    return case


@family
def ties_in_the_row(rng):
    yield from around(rng, lambda rng, n: [rng.choice([1.5, 0.0, -2.0]) for _ in range(n)], 16, 4)
    yield from around(rng, lambda rng, n: [rng.choice([1.5, 1.5, -800.0, -40.0]) for _ in range(n)], 16, 4, hostile=True)
    yield from around(rng, lambda rng, n: [rng.choice([0.0, -0.0]) for _ in range(n)], 4, 2)


@family
def near_ties(rng):
    def make(rng, n):
        x = rng.choice([1.0, 0.1, 123.456, 1e10, -2.5])
        return [hard.double(hard.ordered(x) + rng.randint(-2, 2)) for _ in range(n)]
    yield from around(rng, make, 24, 4)


@family
def near_level(rng):
    yield from around(rng, lambda rng, n: [rng.choice([0.0, 1e-300, 5e-324, -5e-324, 1e-310, -3e-300]) for _ in range(n)],
                      20, 4, temperature=1.0)
    yield from around(rng, lambda rng, n: [rng.choice([1.0, -1.0, 0.5]) * 2.0 ** rng.randint(-120, -20) for _ in range(n)],
                      30, 4, temperature=1.0)
    yield from around(rng, lambda rng, n: [rng.gauss(0, 1) for _ in range(n)], 8, 3, temperature=1e300)
    for a, b in ((1e-300, 0.0), (0.0, 5e-324), (1e-160, -1e-160)):
        for target in ([0.5, 0.5], [0.25, 0.75], [1.0, 1.0], [0.0, 0.5], [0.5, 0.49999999999999994]):
            yield loss([a, b], target)
            yield loss([a, b], target, temperature=1e308, label_smoothing=0.5, reduction="sum")
    # p = 1/2 + d/4 - d^3/48 + ...: half-way between two doubles when d is odd * 2^-52, except for the cube.
    for k in list(range(0, 52, 2)):
        d = (2**k + 1 if k else 1) * 2.0 ** -52
        yield softmax([d, 0.0])
        yield softmax([d / 2, -d / 2])
        yield softmax([d, 0.0, 0.0, 0.0], temperature=0.75)
        yield loss([d, 0.0], [1], temperature=1.5)
    for k in range(1, 24, 2):  # the same for binary32
        d = (2**k + 1) * 2.0 ** -23
        yield softmax([d, 0.0], dtype="float32")
        yield loss([d, 0.0], [0.5, 0.5], dtype="float32")
        yield loss([d * 2.0 ** -40 * (1 + 2.0 ** -24), 0.0], [0.5, 0.5], dtype="float32")


@family
def self_distillation(rng):
    for r in range(48):
        n = rng.choice([2, 3, 5, 10, 40])
        t = rng.choice([1.0, 1.0, 2.0, 0.7, 4.0])
        logits = [rng.gauss(0, rng.choice([0.1, 1, 5, 30])) for _ in range(n)]
        teacher = oracle.softmax(logits, temperature=t, outputs=["probabilities"])["probabilities"]
        options = rng.choice([{}, {}, {"reduction": "sum", "weight": [0.7] * n}, {"upstream": [3.0]}, {"sample_weight": [0.3]},
                              {"label_smoothing": 1e-17}, {"label_smoothing": 5e-324}, {"label_smoothing": 2.0**-53}])
        yield loss(logits, teacher, temperature=t, **options)
        if r % 6 == 0:
            yield loss(logits * 3, teacher * 3, [3, n], temperature=t, reduction="mean")
            yield loss(logits, teacher, temperature=t, dtype="float32")
    for _ in range(24):  # a student equal to the teacher at float32
        n = rng.choice([2, 3, 5, 10])
        logits = [float32(rng.gauss(0, 2)) for _ in range(n)]
        teacher = oracle.softmax(logits, dtype="float32", outputs=["probabilities"])["probabilities"]
        yield loss(logits, teacher, dtype="float32")
        yield loss(logits, teacher)
    # A weight corrects the soft target's own rounding: u_c = w_c t_c meets p_c to 106 bits and more.
    for _ in range(40):
        n = rng.choice([2, 3, 5])
        row = Slice([rng.gauss(0, 1) for _ in range(n)])
        target, weight = [], []
        for group in row.group:
            p = mid(row.probability(group))
            t = rounded(p * rng.choice([1, Fraction(3, 5)]), None, BINARY64)
            target.append(t)
            weight.append(rounded(p / Fraction(t), None, BINARY64))
        yield loss(row.logits, target, weight=weight, reduction=rng.choice(["sum", "mean"]),
                   label_smoothing=rng.choice([0.0, 0.0, 1e-33, 1e-40]))


def mid(real, precision=600):
    """A rational within 2^-590 of the real."""
    offset, tail = real
    if tail is None:
        return offset
    sign, mantissa, exponent, _ = tail(precision)[0]
    value = Fraction(int(mantissa)) * Fraction(2) ** exponent
    return offset + (-value if sign else value)


@family
def options(rng):
    """Every option with every other, plain and at the ends of the range."""
    for hostile in (False, True):
        for r in range(110):
            shape, axis = a_shape(rng, rng.choice([2, 3, 4]))
            logits = [rng.choice([rng.gauss(0, 2), rng.gauss(0, 2), 1e300 if hostile else 0.0, -800.0])
                      for _ in range(math.prod(shape))]
            yield random_loss(rng, logits, shape, axis, hostile)
    # The normaliser's products lie far below and above the range.
    yield loss([1.0, 2.0], [0], weight=[1e-300, 1.0], sample_weight=[1e-300])
    yield loss([1.0, 2.0, 0.0, 3.0], [0, 1], [2, 2], weight=[1.7e308, 1.7e308], sample_weight=[1.7e308, 1.7e308])
    yield loss([1.0, 2.0, 0.0, 3.0], [0, 1], [2, 2], weight=[5e-324, 1.7e308], sample_weight=[5e-324, 1.0])
    yield loss([1.0, 2.0, 0.0, 3.0], [0, 1], [2, 2], weight=[5e-324, 5e-324], sample_weight=[5e-324, 5e-324])
    yield loss([1.0, 2.0, 0.0, 3.0], [0.5, 0.5, 0.1, 0.9], [2, 2], sample_weight=[1.7e308, 1.7e308])
    yield loss([1.0, 2.0], [0], temperature=5e-324, upstream=[1e-300])
    yield loss([1.0, 2.0], [0], temperature=1e308, upstream=[1.7e308], reduction="none")
    yield loss([1.0, 2.0, 0.0, 3.0], [-100, -100], [2, 2], reduction="sum")
    yield loss([1.0, 2.0, 0.0, 3.0], [-100, 1], [2, 2])
    yield loss([1.0, 2.0, 0.0, 3.0], [0, 1], [2, 2], ignore_index=1)


@family
def boundaries(rng):
    """Where a fast path hands over: gaps near exponents of its table, weights and temperatures at powers of two."""
    def gap(rng, n):
        edge = rng.choice([345, 485, 600, 620, 640, 690, 708, 745, 894])
        return [0.0] + [-edge + rng.uniform(-3, 3) if rng.random() < 0.7 else rng.gauss(0, 1) for _ in range(n - 1)]
    yield from around(rng, gap, 24, 4, temperature=1.0)
    for exponent in (-502, -500, -499, -64, -60, -59, -30, 30, 59, 60, 61, 64, 499, 500, 501, 900):
        scale = 2.0**exponent
        for n in (2, 3, 9):
            logits = [rng.gauss(0, 1) * (scale if abs(exponent) < 900 else 1) for _ in range(n)]
            yield softmax(logits, temperature=scale * rng.choice([1.0, 1.1, 0.9]))
            plain = [rng.gauss(0, 1) for _ in range(n)]
            w = [scale * rng.choice([1.0, 0.99, 1.01]) for _ in range(n)]
            yield loss(plain, [rng.randrange(n)], weight=w, reduction="sum", label_smoothing=rng.choice([0.0, 0.1]))
            yield loss(plain, [0], sample_weight=[scale], reduction="none", upstream=[rng.choice([1.0, -3.0, 2.0**-60])])
            yield loss(plain, [rng.random() for _ in range(n)], weight=w, upstream=[scale if exponent < 900 else 0.5],
                       reduction=rng.choice(["mean", "sum"]))
            yield loss(plain, [rng.random() * scale for _ in range(n)], reduction="sum")
            yield loss(plain, [rng.randrange(n)], label_smoothing=min(1.0, scale), temperature=rng.choice([1.0, scale]))


@family
def sizes(rng):
    """Class counts around the widths of vectors and blocks, wide and tied, contiguous and not."""
    seed = 1000
    for n in (7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1023, 1024, 1025, 2049):
        for width, exponent in ((53, -49), (53, -45), (3, 0)):
            for shape, axis in (([n], 0), ([2, n], 1), ([n, 3], 0)) if n < 600 else (([n], 0),):
                seed += 1
                count = math.prod(shape)
                logits, line = cases.recurrence(seed, count, width, exponent)
                yield softmax(logits, shape, axis) | {"recurrence": line}
                if axis == 0 and len(shape) == 1:
                    soft, soft_line = cases.recurrence(seed + 5000, count, 20, -30, signed=False)
                    yield loss(logits, soft, shape, axis) | {"recurrence": line, "target_recurrence": soft_line}
                targets = [rng.randrange(n) for _ in range(count // n)]
                yield loss(logits, targets, shape, axis, label_smoothing=rng.choice([0.0, 0.1]),
                           reduction=rng.choice(["sum", "mean", "none"])) | {"recurrence": line}
    for rows, n in ((40, 33), (200, 5), (300, 2)):
        seed += 1
        logits, line = cases.recurrence(seed, rows * n, 53, -50)
        for reduction in ("none", "sum", "mean"):
            yield loss(logits, [rng.randrange(n) for _ in range(rows)], [rows, n], 1, reduction=reduction,
                       sample_weight=[rng.random() for _ in range(rows)]) | {"recurrence": line}


LARGE = ((1, 53, -48, 1.0, "random"), (2, 53, -43, 1.0, "confident"), (3, 5, -1, 1.0, "tied"),
         (4, 53, -80, 1.0, "near level"), (5, 53, -46, 7.0, "with a temperature"))


@family
def large(rng):
    """131,072 classes."""
    count = 131072
    for seed, width, exponent, t, _ in LARGE:
        logits, line = cases.recurrence(seed, count, width, exponent)
        t = {} if t == 1.0 else {"temperature": t}
        yield softmax(logits, **t) | {"recurrence": line}
        if seed in (1, 3):
            yield loss(logits, [max(range(count), key=logits.__getitem__)], **t) | {"recurrence": line}
            soft, soft_line = cases.recurrence(seed + 100, count, 20, -37, signed=False)
            yield loss(logits, soft, label_smoothing=0.1, **t) | {"recurrence": line, "target_recurrence": soft_line}
