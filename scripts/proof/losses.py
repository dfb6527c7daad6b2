"""The losses beyond cross-entropy, by their textbook formulas: soft cap, z-loss, focal loss, teacher's logits,
Kullback-Leibler divergence, Hessian-vector product, probabilities in place of logits.

Unlike oracle.py, nothing here is arranged so that it does not cancel, and no case is known to be rational: the formulas
stand as papers have them, over intervals, and the precision doubles until both ends round alike, and once more. What is
then still open (a tie that a part below every place decides) raises Undecided."""
from fractions import Fraction

from mpmath.libmp import fone, fzero, mpf_add, mpf_exp, mpf_log, mpf_neg, mpf_shift, mpf_tanh

import rounding
from rounding import DOWN, FORMATS, GUARD, NEAREST, UP, Undecided, ZeroNormaliser, _end, widened
from slices import places_of

INFINITY = float("inf")
WIDEST = 1 << 15
ZERO = Fraction(0)


class Real:
    """All reals between two ends, at a precision that the class has."""
    __slots__ = ("low", "high")
    precision = 128

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __add__(self, other):
        return Real(*rounding.add((self.low, self.high), (other.low, other.high), self.precision))

    def __neg__(self):
        return Real(mpf_neg(self.high), mpf_neg(self.low))

    def __sub__(self, other):
        return self + -other

    def __mul__(self, other):
        return Real(*rounding.multiply((self.low, self.high), (other.low, other.high), self.precision))

    def __truediv__(self, other):
        """By what is positive, or may be anything at all near zero."""
        if other.low[0] or other.low == fzero:
            raise Undecided()
        return Real(*rounding.divide((self.low, self.high), (other.low, other.high), self.precision))

    @property
    def is_zero(self):
        return self.low == fzero and self.high == fzero

    def monotone(self, function):
        """A rising function of mpmath's, at both ends."""
        if self.low == self.high:
            return Real(*widened(function(self.low, self.precision + GUARD, NEAREST), self.precision))
        low = widened(function(self.low, self.precision + GUARD, NEAREST), self.precision)[0]
        return Real(low, widened(function(self.high, self.precision + GUARD, NEAREST), self.precision)[1])


def exactly(value):
    return Real(*rounding.rational(Fraction(value), Real.precision))


def exp(x):
    if x.low == fzero and x.high == fzero:
        return exactly(1)
    return x.monotone(mpf_exp)


def log(x):
    if x.low == fone and x.high == fone:
        return exactly(0)
    if x.low[0] or x.low == fzero:
        raise Undecided()
    return x.monotone(mpf_log)


def tanh(x):
    return exactly(0) if x.is_zero else x.monotone(mpf_tanh)


def total(terms):
    low = high = fzero
    for term in terms:
        low, high = mpf_add(low, term.low, Real.precision, DOWN), mpf_add(high, term.high, Real.precision, UP)
    return Real(low, high)


def cap_slope(a, c):
    """The derivative of c·tanh(a/c), 1/cosh²: below 2^-5000 beyond 2000, which is all that any format shows."""
    x = abs(Fraction(a) / Fraction(c))
    if x > 2000:
        return Real(fzero, mpf_shift(fone, -5000))
    twice = exp(exactly(x)) + exp(exactly(-x))
    return exactly(4) / (twice * twice)


class Softmax:
    """One row: z, e^(z - max), their sum S, p, log-sum-exp; None stands for a masked class."""

    def __init__(self, logits, temperature, softcap=None):
        T = Fraction(temperature)
        top = max(logits)
        if softcap is None:
            z = [None if a == -INFINITY else (Fraction(a) - Fraction(top)) / T for a in logits]
            self.shifted = [None if x is None else exactly(x) for x in z]
            self.powers = [None if x is None else Real(*rounding.exponential(x, Real.precision)) for x in z]
            self.top = exactly(Fraction(top) / T)
        else:
            c = Fraction(softcap)
            capped = [None if a == -INFINITY else exactly(c / T) * tanh(exactly(Fraction(a) / c)) for a in logits]
            self.top = capped[logits.index(top)]
            self.shifted = [None if x is None else exactly(0) if a == top else x - self.top
                            for a, x in zip(logits, capped)]
            self.powers = [None if x is None else exp(x) for x in self.shifted]
        self.logits, self.live = logits, [x for x in self.powers if x is not None]
        self.sum = total(self.live)
        self.log_sum = exactly(0) if len(self.live) == 1 else log(self.sum)
        self.log_sum_exp = self.top + self.log_sum

    def p(self, i):
        return exactly(0) if self.powers[i] is None else self.powers[i] / self.sum

    def minus_log_p(self, i):
        return None if self.powers[i] is None else self.log_sum - self.shifted[i]

    def others(self, i):
        return total(x for j, x in enumerate(self.powers) if j != i and x is not None)


def focal(row, y, gamma):
    """(1-p)^γ and -∂/∂(log p) of (1-p)^γ (-log p)."""
    if row.powers[y] is None:
        return exactly(1), exactly(1)
    if len(row.live) == 1:
        return exactly(0), exactly(0)
    rest = log(row.others(y)) - row.log_sum
    g = Fraction(gamma)
    power = exp(exactly(g) * rest)
    return power, power + exactly(g) * row.p(y) * exp(exactly(g - 1) * rest) * row.minus_log_p(y)


def row_values(case, n, places, weights, r, q):
    """The reals of row n by output, each a list; None stands for an infinity of the sign of its factor."""
    T, lam, gamma = case.get("temperature", 1.0), Fraction(case.get("z_loss", 0)), case.get("focal_gamma", 0)
    softcap, target = case.get("softcap"), case.get("target")
    s = weights["s"][n]
    epsilon, C = Fraction(case.get("label_smoothing", 0)), len(places)
    w = weights["w"]
    logits = [case["logits"][p] for p in places]
    outputs = case["asked"]
    values = {}
    is_probability = case.get("input") == "probabilities"
    row = None if is_probability else Softmax(logits, T, softcap)
    y = None
    if "target_logits" in case:
        teacher = Softmax([case["target_logits"][p] for p in places], T)
        t = [teacher.p(c) for c in range(C)]
        has = [x is not None for x in teacher.powers]
        u = [exactly(w[c]) * (exactly(1 - epsilon) * t[c] + exactly(epsilon / C)) for c in range(C)]
        none = [w[c] == 0 or (epsilon == 0 and not has[c]) or (epsilon == 1 and False) for c in range(C)]
    elif target is None:
        exact = [ZERO] * C
    elif isinstance(target[0], int):
        y = target[n]
        exact = [(1 - epsilon) * w[y] * (c == y) + epsilon / C * w[c] for c in range(C)]
    else:
        exact = [w[c] * ((1 - epsilon) * Fraction(target[p]) + epsilon / C) for c, p in enumerate(places)]
    if "target_logits" not in case:
        u, none = [exactly(x) for x in exact], [x == 0 for x in exact]
    # The unit weights add up to one, whatever the teacher.
    plain = "target_logits" in case and epsilon == 0 and all(x == 1 for x in w)
    U = exactly(1) if plain else total(u) if "target_logits" in case else exactly(sum(exact))

    def minus_log(c):
        if not is_probability:
            return row.minus_log_p(c)
        return None if logits[c] == 0 else -log(exactly(logits[c]))

    power, slope = (exactly(1), exactly(1)) if not gamma else focal(row, y, gamma)
    if "loss" in outputs:
        factor = s * r
        if factor == 0:
            values["loss"] = [exactly(0)]
        elif any(not none[c] and minus_log(c) is None for c in range(C)):
            values["loss"] = [None]
        else:
            loss = total(u[c] * minus_log(c) for c in range(C) if not none[c]) * power
            if lam:
                loss = loss + exactly(lam) * row.log_sum_exp * row.log_sum_exp
            values["loss"] = [exactly(factor) * loss]
    if "kl_divergence" in outputs:
        factor = s * r
        if factor == 0:
            values["kl_divergence"] = [exactly(0)]
        elif any(not none[c] and minus_log(c) is None for c in range(C)):
            values["kl_divergence"] = [None]
        elif "target_logits" in case:
            values["kl_divergence"] = [exactly(factor) * total(
                t[c] * (minus_log(c) - teacher.minus_log_p(c)) for c in range(C) if not none[c])]
        else:
            values["kl_divergence"] = [exactly(factor) * total(
                u[c] * (minus_log(c) + log(u[c])) for c in range(C) if not none[c])]
    if "gradient" in outputs and is_probability:
        k, found = q * s * r, []
        for c in range(C):
            if none[c] or k == 0:
                found.append(exactly(0))
            elif logits[c] == 0:
                found.append(-INFINITY if k > 0 else INFINITY)
            else:
                found.append(exactly(-k * exact[c] / Fraction(logits[c])))
        values["gradient"] = found
    elif "gradient" in outputs:
        k, found = exactly(q * s * r / Fraction(T)), []
        for c in range(C):
            p = row.p(c)
            g = slope * (U * p - u[c])
            if lam:
                g = g + exactly(2 * lam) * row.log_sum_exp * p
            if softcap is not None and logits[c] > -INFINITY:
                g = g * cap_slope(logits[c], softcap)
            found.append(k * g)
        values["gradient"] = found
    if "hessian_vector_product" in outputs:
        k = exactly(q * s * r / Fraction(T) ** 2) * U
        v = [exactly(case["vector"][p]) for p in places]
        mean = total(row.p(c) * v[c] for c in range(C))
        values["hessian_vector_product"] = [k * (row.p(c) * v[c] - row.p(c) * mean) for c in range(C)]
    if "probabilities" in outputs:
        values["probabilities"] = [row.p(c) for c in range(C)]
    if "log_probabilities" in outputs:
        values["log_probabilities"] = [-INFINITY if row.powers[c] is None else -row.minus_log_p(c) for c in range(C)]
    if "log_sum_exp" in outputs:
        values["log_sum_exp"] = [row.log_sum_exp]
    if "entropy" in outputs:
        values["entropy"] = [total(row.p(c) * row.minus_log_p(c) for c in range(C) if row.powers[c] is not None)]
    if "jacobian" in outputs:
        found = []
        for l in range(C):
            for i in range(C):
                if row.powers[l] is None or row.powers[i] is None:
                    found.append(exactly(0))
                    continue
                x = row.p(l) * (exactly(int(l == i)) - row.p(i)) * exactly(1 / Fraction(T))
                if softcap is not None:
                    x = x * cap_slope(logits[i], softcap)
                found.append(x)
        values["jacobian"] = found
    return values


REDUCED = ("loss", "kl_divergence")
LIKE_LOGITS = ("gradient", "hessian_vector_product", "probabilities", "log_probabilities")


def factors_of(case, rows):
    """s, w, the rows that count, r."""
    classes = case["shape"][case["axis"]]
    by_index = "target_logits" not in case and case.get("target") is not None and isinstance(case["target"][0], int)
    w = [Fraction(x) for x in case["weight"]] if case.get("weight") else [Fraction(1)] * classes
    s = [Fraction(x) for x in case["sample_weight"]] if case.get("sample_weight") else [Fraction(1)] * rows
    counts = [not (by_index and case["target"][n] == case.get("ignore_index", -100)) for n in range(rows)]
    r = Fraction(1)
    if case.get("op") != "softmax" and case.get("reduction", "mean") == "mean":
        divisor = sum(s[n] * (w[case["target"][n]] if by_index else 1) for n in range(rows) if counts[n])
        if divisor == 0:
            raise ZeroNormaliser()
        r = 1 / Fraction(divisor)
    return {"s": s, "w": w}, counts, r


def enclosures(case):
    """Every output's numbers at the class's precision: a Real, or an infinity."""
    rows = places_of(case["shape"], case["axis"])
    weights, counts, r = factors_of(case, len(rows))
    reduction, upstream = case.get("reduction", "mean"), case.get("upstream")
    count = len(case["logits"])
    answer = {name: [exactly(0)] * count for name in case["asked"] if name in LIKE_LOGITS}
    for name in case["asked"]:
        if name not in LIKE_LOGITS:
            answer[name] = []
    for n, places in enumerate(rows):
        if not counts[n]:
            for name in REDUCED:
                if name in answer:
                    answer[name].append(exactly(0))
            continue
        q = Fraction(upstream[n if reduction == "none" else 0]) if upstream else Fraction(1)
        for name, values in row_values(case, n, places, weights, r, q).items():
            if name in LIKE_LOGITS:
                for place, value in zip(places, values):
                    answer[name][place] = value
            else:
                answer[name] += values
    for name in REDUCED:
        if name in answer:
            values = [INFINITY if x is None else x for x in answer[name]]
            if reduction != "none":
                values = [INFINITY if INFINITY in values else total(values)]
            answer[name] = values
    return answer


def answers(case):
    """Every output asked for ("asked"), flat, rounded once."""
    form, known, pending = FORMATS[case.get("dtype", "float64")], None, None
    precision = 160
    before = {}
    final = {}
    while precision <= WIDEST:
        Real.precision = precision
        try:
            found = enclosures(case)
        except Undecided:
            precision *= 2
            continue
        is_open = False
        for name, values in found.items():
            for i, value in enumerate(values):
                key = name, i
                if key in final:
                    continue
                if isinstance(value, float):
                    final[key] = value
                    continue
                a, b = _end(ZERO, value.low, form), _end(ZERO, value.high, form)
                if a == b and before.get(key) is not None:
                    if before[key] != a:
                        raise AssertionError(f"{name}[{i}] of {case}: {before[key]!r} and {a!r}")
                    final[key] = a
                else:
                    before[key] = a if a == b else None
                    is_open = True
        if not is_open:
            return {name: [final[name, i] + 0.0 for i in range(len(values))] for name, values in found.items()}
        precision *= 2
    raise Undecided()
