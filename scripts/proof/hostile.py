"""Requests made to be as hard to round as one can make them without a search of days.

Each family yields cases like those of families.py. They are for scripts/differential --hostile: they are drawn anew in
each run, so none is a fixture.

  lattice              weights that bring a sum of losses, or a gradient, 48 bits a weight nearer to a midpoint: the
                       closest vector of a lattice, by Lenstra, Lenstra and Lovász's reduction and Babai's nearest plane
  continued-fractions  one weight, from the convergents of a loss
  faint-tails          exactly half-way except for a part below every place, its sign alone deciding
  tuned-sums           rows whose every class corrects what is left: some 45 bits a class, down to 2^-410 of a midpoint
  half-way-losses      the same as continued-fractions, of losses beyond cross-entropy, their gradients and the
                       Hessian's product
  cancelling-losses    sums of these that vanish, or all but
  exponentials         arguments at which e^x lies near a midpoint, as the worst cases of a correctly rounded exp do"""
import itertools
import math
from fractions import Fraction

import mpmath
from mpmath import mpf

import hard
import loss_families
import losses
from cases import derivation, loss, softmax
from rounding import BINARY32, BINARY64, Undecided, ZeroNormaliser
from slices import places_of

FAMILIES = {}
INFINITY = math.inf


def family(function):
    FAMILIES[function.__name__.replace("_", "-")] = function
    return function


# --- Lattices --------------------------------------------------------------------------------------------------------

def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def orthogonalised(basis):
    """Gram and Schmidt's vectors, as rationals, and their squared lengths."""
    vectors, squares = [], []
    for row in basis:
        vector = [Fraction(x) for x in row]
        for other, square in zip(vectors, squares):
            factor = dot(row, other) / square
            vector = [x - factor * y for x, y in zip(vector, other)]
        vectors.append(vector)
        squares.append(dot(vector, vector))
    return vectors, squares


def reduced(basis):
    """Lenstra, Lenstra and Lovász's reduction of a few integer vectors, with exact rationals."""
    basis = [list(row) for row in basis]
    vectors, squares = orthogonalised(basis)
    k = 1
    while k < len(basis):
        for j in range(k - 1, -1, -1):
            factor = round(dot(basis[k], vectors[j]) / squares[j])
            if factor:
                basis[k] = [x - factor * y for x, y in zip(basis[k], basis[j])]
        mu = dot(basis[k], vectors[k - 1]) / squares[k - 1]
        if squares[k] >= (Fraction(3, 4) - mu * mu) * squares[k - 1]:
            k += 1
        else:
            basis[k - 1], basis[k] = basis[k], basis[k - 1]
            vectors, squares = orthogonalised(basis)
            k = max(1, k - 1)
    return basis


def nearest_plane(basis, target):
    """A vector of the lattice near the target (Babai)."""
    vectors, squares = orthogonalised(basis)
    rest = [Fraction(x) for x in target]
    for row, vector, square in reversed(list(zip(basis, vectors, squares))):
        factor = round(dot(rest, vector) / square)
        rest = [x - factor * y for x, y in zip(rest, row)]
    return [int(x - y) for x, y in zip(target, rest)]


def half_way_factors(rng, reals, form, bits=48):
    """Whole factors f, 2^51 to 2^53, such that the sum of f·real is nearer to a midpoint of the format than chance has
    it, by `bits` bits a factor; None where chance is against it. The reals are mpf, not all of them negative."""
    count = len(reals)
    with mpmath.workprec(60 * (count + 2) + 200):
        start = [rng.randrange(1 << 51, 1 << 52) for _ in reals]
        total = mpmath.fsum(f * x for f, x in zip(start, reals))
        unit = mpmath.ldexp(1, mpmath.frexp(total)[1] - form.precision)
        scale = 1 << (bits * (count + 1))
        basis = []
        for j, x in enumerate(reals):
            row = [0] * (count + 1)
            row[j] = 1
            row[count] = int(mpmath.nint(x / unit * scale))
            basis.append(row)
        basis.append([0] * count + [scale])
        off = total / unit
        wanted = [0] * count + [-int(mpmath.nint((off - mpmath.floor(off) - mpf(1) / 2) * scale))]
        step = nearest_plane(reduced(basis), wanted)
        factors = [f + d for f, d in zip(start, step)]
    return factors if all(0 < f < 1 << 53 for f in factors) else None


def softmax_of(row):
    exps = [mpmath.exp(mpf(a)) for a in row]
    sum = mpmath.fsum(exps)
    return [e / sum for e in exps]


@family
def lattice(rng):
    for _ in range(4):
        form, dtype = rng.choice([(BINARY64, "float64"), (BINARY64, "float64"), (BINARY32, "float32")])
        power = math.ldexp(1.0, rng.randint(-60, 60)) if form is BINARY64 else math.ldexp(1.0, rng.randint(-60, 0))
        # A sum of losses over items.
        count, classes = rng.randint(1, 5), rng.choice([2, 2, 3])
        rows = [[rng.gauss(0, 3) for _ in range(classes)] for _ in range(count)]
        targets = [rng.randrange(classes) for _ in range(count)]
        with mpmath.workprec(600):
            losses = [-mpmath.log(softmax_of(row)[t]) for row, t in zip(rows, targets)]
        factors = half_way_factors(rng, losses, form)
        if factors:
            weights = [float(f) * power for f in factors]
            flat = [x for row in rows for x in row]
            yield loss(flat, targets, [count, classes], sample_weight=weights, reduction="sum", dtype=dtype)
            yield loss(flat, targets, [count, classes], sample_weight=weights, reduction="none", dtype=dtype)
        # One entry of a gradient: U p_i - u_i is linear in the target.
        row = [rng.gauss(0, 2) for _ in range(rng.randint(2, 5))]
        i = rng.randrange(len(row))
        with mpmath.workprec(600):
            p = softmax_of(row)[i]
            factors = half_way_factors(rng, [p - (1 if c == i else 0) for c in range(len(row))], form)
        if factors:
            yield loss(row, [float(f) * power for f in factors], reduction="sum", dtype=dtype)


# --- Continued fractions ---------------------------------------------------------------------------------------------

def fractions_near(x, bits):
    """(numerator, denominator) of the convergents and intermediate fractions of x whose numerators are odd and have so
    many bits."""
    p, q, before_p, before_q = 1, 0, 0, 1
    with mpmath.workprec(400):
        rest = +x
        for _ in range(200):
            whole = int(mpmath.floor(rest))
            for k in {1, 2, whole // 2, whole - 1, whole} if whole > 0 else {0}:
                if 0 <= k <= whole:
                    numerator, denominator = k * p + before_p, k * q + before_q
                    if numerator.bit_length() == bits and numerator & 1 and denominator > 0:
                        yield numerator, denominator
            p, q, before_p, before_q = whole * p + before_p, whole * q + before_q, p, q
            if p.bit_length() > bits or rest == whole:
                return
            rest = 1 / (rest - whole)


@family
def continued_fractions(rng):
    found = []
    for _ in range(40):
        gap = rng.uniform(2.2, 60) if rng.random() < 0.7 else float(rng.randint(3, 40))
        row = [0.0, -gap] + ([-gap - rng.uniform(0, 3)] if rng.random() < 0.3 else [])
        with mpmath.workprec(400):
            value = -mpmath.log(softmax_of(row)[1])
        for bits, dtype in ((54, "float64"), (25, "float32")):
            for _, weight in fractions_near(value, bits):
                if weight < 1 << 53:
                    found.append((row, float(weight), dtype))
    for row, weight, dtype in found:
        power = math.ldexp(1.0, rng.randint(-70, 70))
        yield loss(row, [1], sample_weight=[weight * power], reduction="sum", dtype=dtype)
        yield loss(row, [1], weight=[1.0, weight] + [1.0] * (len(row) - 2), reduction="none", dtype=dtype)
    for _ in range(20):  # A gradient: q (1 - p).
        row = [0.0, rng.uniform(-9, 9), rng.uniform(-2, 2)]
        with mpmath.workprec(400):
            value = 1 - softmax_of(row)[0]
        for numerator, weight in fractions_near(value, 54):
            while weight >= 1 << 53:
                weight /= 2
            if weight == int(weight):
                yield loss(row, [0], upstream=[float(weight)], reduction="sum")
    for _ in range(10):  # log n, by rows that are level.
        n = rng.randint(8, 200)
        with mpmath.workprec(400):
            value = mpmath.log(n)
        for bits, dtype in ((54, "float64"), (25, "float32")):
            for _, weight in fractions_near(value, bits):
                if weight < 1 << 53:
                    yield loss([0.0] * n, [0], sample_weight=[float(weight)], reduction="sum", dtype=dtype)


# --- Faint tails -----------------------------------------------------------------------------------------------------

LEAST64, LEAST32 = 5e-324, 2.0**-149


@family
def faint_tails(rng):
    def far():
        return rng.choice([1e2, 800.0, 1e4, 4e4, 1.1e5, 1e6, 2e6, 1e9]) * rng.uniform(0.9, 1.1)
    # 1/(n² T) is half the least number of binary32; the maxima are equal, or all but.
    for _ in range(30):
        n = rng.choice([2, 2, 4, 8])
        t = 2.0 ** (150 - 2 * n.bit_length() + 2)
        if n > 2 and rng.random() < 0.5:
            t *= n - 1
        top = [rng.choice([0.0, 0.0, rng.randint(0, 9) * LEAST64, t * 2.0**-rng.randint(60, 1000)]) for _ in range(n)]
        if rng.random() < 0.5:
            top = [0.0] * n
        row = top + [-far() * t for _ in range(rng.randint(0, 2))]
        rng.shuffle(row)
        yield softmax(row, temperature=t, dtype="float32")
        yield softmax(row, temperature=2 * t if n == 2 else t / n, dtype="float32")
        yield loss(row, [rng.randrange(len(row))], temperature=rng.choice([t, 2 * t * n]), dtype="float32", reduction="sum")
    # Losses whose exact part is half-way.
    for _ in range(40):
        m = float(2**53 - rng.randint(0, 2**20))
        low = -rng.choice([1.0, 0.5, 3.0, 1.5, 0.75, 2.0**-30, 1e-300])
        shape = [3, 2]
        rows = [m, low, far(), 0.0, m, -m]
        yield loss(rows, [1, 0, 1], shape, reduction="none")
        yield loss(rows, [1, 1, 1], shape, reduction="sum", sample_weight=[1.0, 0.0, rng.choice([0.5, 1.0, 1.5])])
        yield softmax([m, low, -far()])
        yield softmax([(rng.getrandbits(24) | 1 << 24 | 1) * 2.0**-rng.randint(0, 30), -1e9], dtype="float32")
    # A weight that is half-way, times p = 1 - e^-gap or p = 1/n - ....
    for _ in range(40):
        odd = rng.choice([1, 3, 5, 7, 4503599627370497])
        n = rng.choice([1, 2, 4])
        row = [0.0] * n + [-far()]
        yield loss(row, [n], weight=[1.0] * n + [odd * LEAST64], reduction="sum", upstream=[rng.choice([1.5, -0.5, 0.75])])
        yield loss(row, [0], sample_weight=[odd * LEAST64], reduction="sum", temperature=rng.choice([0.5, 1.0, 2.0]))
        yield loss(row, [0.5] * (n + 1), sample_weight=[odd * LEAST64], reduction="none")
        yield derivation(row, 0, temperature=rng.choice([1.0, 3.0, 1e300]))
    # The teacher is the student to the first two orders.
    for _ in range(20):
        k = rng.choice([1, 3, 5, 15, 101]) * LEAST64
        yield loss([0.0, k, 0.0, -k], [1.0] * 4, [2, 2], reduction="sum")
        yield loss([0.0, k], [rng.choice([1.0, 2.0, 0.5])] * 2, reduction="none", temperature=rng.choice([1.0, 2.0, 0.5]))


# --- Rows that are built ---------------------------------------------------------------------------------------------

@family
def tuned_sums(rng):
    name, measure, form = rng.choice([
        ("probability", hard.probability(0), BINARY64), ("probability", hard.probability(1), BINARY32),
        ("log_probability", hard.log_probability(1), BINARY64), ("log_sum_exp", hard.log_sum_exp, BINARY64),
        ("jacobian", hard.jacobian(0, 0), BINARY64), ("jacobian", hard.jacobian(0, 1), BINARY32)])
    start = [rng.uniform(-1, 1), rng.uniform(-4, -2)]
    row = hard.greedy(measure, start, rng.choice([1, 2, 4, 9]), rng.random() < 0.5, form, lowest=-700.0, precision=1400)
    dtype = "float64" if form is BINARY64 else "float32"
    yield softmax(row, dtype=dtype)
    for target in (0, 1):
        yield loss(row, [target], reduction="sum", dtype=dtype)


@family
def exponentials(rng):
    """e^-x is the probability of [0, -x], and its loss for class 0, to more bits than any worst case needs."""
    start = rng.uniform(200, 700)
    _, x = hard.modular(lambda x: mpmath.exp(-x), start, blocks=1)
    for dtype in ("float64",):
        yield softmax([0.0, -x], outputs=["probabilities", "log_probabilities", "log_sum_exp"], dtype=dtype)
        yield loss([0.0, -x], [0], reduction="sum", dtype=dtype)
        yield loss([0.0, -x], [1], upstream=[rng.choice([1.0, -2.0, 2.0**200])], reduction="sum", dtype=dtype)


# --- Losses beyond cross-entropy -------------------------------------------------------------------------------------

def real_of(case, name, index):
    """A number of a case's answer as a real, to 400 bits; None where it is none, zero or rational."""
    losses.Real.precision = 800
    try:
        value = losses.enclosures(case)[name][index]
    except (ZeroNormaliser, Undecided):
        return None
    if isinstance(value, float) or value.low == value.high:
        return None
    with mpmath.workprec(800):
        low, high = mpmath.make_mpf(value.low), mpmath.make_mpf(value.high)
        return low if low != 0 and abs(high - low) < abs(low) * mpmath.mpf(2) ** -400 else None


@family
def half_way_losses(rng):
    """Each kind of loss times a sample weight, and an entry of its gradient times an upstream factor, beside a half-way
    number: the factor is a convergent's denominator."""
    for kind in loss_families.KINDS:
        case = loss_families.a_case(rng, kind, largest=5)
        if case["op"] != "loss":
            continue
        classes = case["shape"][case["axis"]]
        places = places_of(case["shape"], case["axis"])[0]
        case |= {"shape": [classes], "axis": 0, "reduction": "sum"}
        for key in ("logits", "target_logits", "vector", "target"):
            if key in case:
                case[key] = case[key][:1] if key == "target" and isinstance(case[key][0], int) else [case[key][p] for p in places]
        for key in ("sample_weight", "upstream", "dtype"):
            case.pop(key, None)
        for name in case["asked"]:
            index = rng.randrange(classes) if name in losses.LIKE_LOGITS else 0
            value = real_of(case, name, index)
            if value is None:
                continue
            with mpmath.workprec(800):
                # Between 4 and 8, so that the denominators fit.
                exponent = mpmath.frexp(abs(value))[1]
                scaled = mpmath.ldexp(abs(value), 3 - exponent)
            if abs(exponent) > 900:
                continue
            for bits, dtype in ((54, "float64"), (25, "float32")):
                for _, factor in itertools.islice(fractions_near(scaled, bits), 8):
                    if not 0 < factor < 1 << 53:
                        continue
                    least = max(-1000, -120 - exponent if dtype == "float32" else -1000)
                    power = math.ldexp(1.0, rng.randint(least, max(least, min(60, 60 - exponent))))
                    key = "sample_weight" if name in losses.REDUCED else "upstream"
                    yield case | {key: [factor * power], "asked": [name], "dtype": dtype}


@family
def cancelling_losses(rng):
    """Sums that vanish, or all but: in the gradient of z-loss, in the product with the Hessian, and between a teacher
    and its student."""
    def row(n):
        return [rng.gauss(0, rng.choice([0.1, 1, 5])) for _ in range(n)]

    def far():
        return -rng.choice([40.0, 100.0, 700.0, 745.0, 1e3, 1e5]) * rng.uniform(0.9, 1.1)

    def asks(outputs, **case):
        case.setdefault("shape", [len(case["logits"])])
        return {"op": "loss", "axis": 0, "asked": outputs, "reduction": "sum",
                "dtype": rng.choice(["float64", "float64", "float32"])} | case

    for _ in range(6):
        # 2 λ log Σ p + p - 1 = 0 for the target's class, as far as a number λ allows.
        logits = row(rng.randint(2, 5))
        with mpmath.workprec(200):
            p, total = softmax_of(logits)[0], mpmath.log(mpmath.fsum(mpmath.exp(mpf(a)) for a in logits))
            cure = (1 - p) / (2 * total * p)
        if cure > 0:
            for step in (0, 1, -1):
                yield asks(["gradient", "loss"], logits=logits, target=[0],
                           z_loss=hard.double(hard.ordered(float(cure)) + step))
        # p_i (v_i - Σ p v), where v is the same for all classes but faint ones, or is balanced by its mean.
        logits = row(rng.randint(1, 4)) + [far() for _ in range(rng.randint(1, 3))]
        level = float(rng.choice([1, -2, 3]))
        vector = [level if a > -30 else rng.choice([level, level + 1, 0.0, -1e300, 1e300]) for a in logits]
        yield asks(["hessian_vector_product"], logits=logits, target=[0], vector=vector)
        pair = rng.gauss(0, 2)
        yield asks(["hessian_vector_product"], logits=[pair, pair, 0.0] + [far()], target=[0],
                   vector=[1.0, -1.0, 0.0, rng.choice([0.0, 1.0, -1.0])])
        # A teacher that is its student up to a shift, permuted among equals, or except for faint classes.
        logits = [rng.choice([0.0, 0.0, 1.5, -2.0]) for _ in range(rng.randint(2, 5))] + [far() for _ in range(rng.randint(0, 2))]
        shift = float(rng.choice([0, 1, -3, 0.5]))
        teacher = [a + shift for a in logits]
        if rng.random() < 0.6:
            teacher[-1] = rng.choice([-INFINITY, teacher[-1] * 2, teacher[-1] + 1])
        for temperature in (1.0, 2.0):
            yield asks(["gradient", "loss"], logits=logits, target_logits=teacher, temperature=temperature)
            yield asks(["kl_divergence"], logits=logits, target_logits=teacher, temperature=temperature)
        # A cap so low that all logits are capped alike, or so far that it caps nothing.
        cap = rng.choice([5e-324, 1e-300, 0.01, 1e9, 1e17, 1e300])
        yield asks(["gradient", "loss"], logits=row(3) + [1e5 * rng.random()], target=[0], softcap=cap)
        # (1-p)^γ, where p is close to 1, to 0, or γ to neither.
        yield asks(["gradient", "loss"], logits=[0.0] + [far() for _ in range(rng.randint(1, 3))],
                   target=[rng.choice([0, 1])], focal_gamma=rng.choice([5e-324, 0.5, 1.0, 2.0, 7.5]))
