"""The true answers, rounded once: softmax, cross-entropy loss, its gradient and the steps of its derivation.

Inputs are binary64 values taken as exact reals. Each result is written as offset + tail (see rounding.py), with every sum
in a tail of one sign, so that a tail is never lost to cancellation. A result is rational exactly when its tail is None;
that this list is complete is the Lindemann-Weierstrass theorem (docs/numerics.md)."""
import itertools
from fractions import Fraction

from mpmath.libmp import fone, from_int, fzero, mpf_add, mpf_exp, mpf_sub

from rounding import (
    BINARY64, DOWN, FORMATS, GUARD, UP, ZeroNormaliser, add, divide, exponential, logarithm, logarithm_of_one_plus, multiply,
    negated, rational, rounded, widened)

INFINITY = float("inf")
ZERO, ONE = Fraction(0), Fraction(1)


class Slice:
    """One softmax: the logits along the class axis at one batch index.

    level[g] are the distinct values of (a - max)/T, level[0] = 0; count[g] how many classes have each; group[i] which of
    them class i has, None where it is masked."""

    def __init__(self, logits, temperature=1.0):
        self.logits, self.temperature = logits, Fraction(temperature)
        self.maximum = max(logits)
        top, of_value = Fraction(self.maximum), {self.maximum: 0}
        self.level, self.count, self.group = [ZERO], [0], []
        for logit in logits:
            if logit == -INFINITY:
                self.group.append(None)
                continue
            group = of_value.get(logit)
            if group is None:
                group = of_value[logit] = len(self.level)
                self.level.append((Fraction(logit) - top) / self.temperature)
                self.count.append(0)
            self.count[group] += 1
            self.group.append(group)
        self.is_level = len(self.level) == 1
        self._powers = {}

    # Enclosures at a precision.

    def powers(self, precision):
        """(exp(level[g]) for each g, the sum over the groups below the maximum, the sum over all)."""
        found = self._powers.get(precision)
        if found is None:
            powers = [(fone, fone)]
            low = high = fzero
            for level, count in zip(self.level[1:], self.count[1:]):
                power = exponential(level, precision)
                powers.append(power)
                if count > 1:
                    power = multiply(power, (from_int(count),) * 2, precision)
                low, high = mpf_add(low, power[0], precision, DOWN), mpf_add(high, power[1], precision, UP)
            rest = low, high
            top = from_int(self.count[0])
            whole = mpf_add(top, low, precision, DOWN), mpf_add(top, high, precision, UP)
            found = self._powers[precision] = powers, rest, whole
        return found

    def log_of_sum(self, precision):
        """log S, S = sum of exp((a - max)/T) >= 1."""
        _, rest, whole = self.powers(precision)
        return logarithm_of_one_plus(rest, precision) if self.count[0] == 1 else logarithm(whole, precision)

    @property
    def is_single(self):
        return self.is_level and self.count[0] == 1

    # Reals.

    def probability(self, group):
        """p of a class in the group: (offset, tail). The maximum's is 1/n - (rest/n)/S; another's is exp(d)/S."""
        if group is None:
            return ZERO, None
        if group == 0:
            offset = Fraction(1, self.count[0])
            if self.is_level:
                return offset, None

            def tail(precision):
                _, rest, whole = self.powers(precision)
                share = divide(rest, whole, precision)
                return negated(divide(share, (from_int(self.count[0]),) * 2, precision))
            return offset, tail

        def tail(precision):
            powers, _, whole = self.powers(precision)
            return divide(powers[group], whole, precision)
        return ZERO, tail

    def log_probability(self, group):
        if group is None:
            return None
        if self.is_single:
            return ZERO, None
        return self.level[group], lambda precision: negated(self.log_of_sum(precision))

    def log_sum_exp(self):
        offset = Fraction(self.maximum) / self.temperature
        return offset, (None if self.is_single else self.log_of_sum)

    def entropy(self):
        if self.is_single:
            return ZERO, None

        def tail(precision):
            powers, _, whole = self.powers(precision)
            low = high = fzero
            for power, level, count in zip(powers[1:], self.level[1:], self.count[1:]):
                term = multiply(power, rational(-level * count, precision), precision)
                low, high = mpf_add(low, term[0], precision, DOWN), mpf_add(high, term[1], precision, UP)
            return add(self.log_of_sum(precision), divide((low, high), whole, precision), precision)
        return ZERO, tail

    def jacobian(self, row, column):
        """p_l (1[l=i] - p_i)/T."""
        l, i = self.group[row], self.group[column]
        if row != column:
            offset, tail = self.product(l, i)
            return scaled((offset, tail), -1 / self.temperature)
        if l is None or self.is_single:
            return ZERO, None
        share, part = self.probability(l)
        offset = share * (1 - share)
        if part is None:
            return offset / self.temperature, None

        def tail(precision):
            # share (1 - share) + (1 - 2 share) t - t^2, where p = share + t
            t = part(precision)
            if share == 0:
                return multiply(t, (mpf_sub(fone, t[1], precision, DOWN), mpf_sub(fone, t[0], precision, UP)), precision)
            linear = multiply(rational(1 - 2 * share, precision), t, precision)
            return add(linear, negated(multiply(t, t, precision)), precision)
        return scaled((offset, tail), 1 / self.temperature)

    def product(self, l, i):
        """p_l p_i."""
        if l is None or i is None:
            return ZERO, None
        (a, s), (b, t) = self.probability(l), self.probability(i)
        if s is None:
            return a * b, None

        def tail(precision):
            x, y = s(precision), t(precision)
            whole = multiply(x, y, precision)
            if b:
                whole = add(whole, multiply(rational(b, precision), x, precision), precision)
            if a:
                whole = add(whole, multiply(rational(a, precision), y, precision), precision)
            return whole
        return a * b, tail

    def reciprocal(self, group):
        """1/p of a class: sum of exp of the differences from it."""
        offset = Fraction(self.count[group])
        if self.is_level:
            return offset, None
        differences = [(level - self.level[group], count)
                       for g, (level, count) in enumerate(zip(self.level, self.count)) if g != group]

        def tail(precision):
            sum = fzero, fzero
            for difference, count in differences:
                sum = add(sum, multiply(exponential(difference, precision), (from_int(count),) * 2, precision), precision)
            return sum
        return offset, tail


def scaled(real, factor):
    offset, tail = real
    if tail is None or factor == 0:
        return offset * factor, None
    return offset * factor, lambda precision: multiply(rational(factor, precision), tail(precision), precision)


# ---------------------------------------------------------------------------------------------------------------------

def slices(logits, shape, axis, temperature=1.0):
    """(slices in batch order, the flat indices of each)."""
    classes = shape[axis]
    inner = 1
    for extent in shape[axis + 1:]:
        inner *= extent
    outer = len(logits) // (classes * inner)
    places = [[(o * classes + c) * inner + i for c in range(classes)] for o in range(outer) for i in range(inner)]
    def of(place):
        row = [logits[p] for p in place]
        return Empty(classes) if max(row) == -INFINITY else Slice(row, temperature)
    return [of(place) for place in places], places


class Empty:
    """A slice without any class, where zeros are asked for: sums over nothing."""
    maximum, group, logits = -INFINITY, (), ()

    def __init__(self, classes):
        self.group, self.logits = [None] * classes, [-INFINITY] * classes

    def probability(self, _):
        return ZERO, None

    def log_probability(self, _):
        return None

    def jacobian(self, *_):
        return ZERO, None

    def entropy(self):
        return ZERO, None


def masked(logits, where, shape, axis):
    """The logits, -Infinity where a boolean of each class or of each logit is false."""
    if where is None:
        return logits
    inner = 1
    for extent in shape[axis % len(shape) + 1:]:
        inner *= extent
    classes = shape[axis]
    of = (lambda p: where[p]) if len(where) == len(logits) else (lambda p: where[p // inner % classes])
    return [x if of(p) else -INFINITY for p, x in enumerate(logits)]


def softmax(logits, shape=None, axis=-1, temperature=1.0, dtype="float64", outputs=None, where=None, empty="refuse", top_k=None):
    """Every output asked for, flat and row-major."""
    shape = shape or [len(logits)]
    logits = masked(logits, where, shape, axis)
    rows, places = slices(logits, shape, axis % len(shape), temperature)
    form, answer = FORMATS[dtype], {}
    if outputs is None:
        outputs = ["probabilities", "log_probabilities", "log_sum_exp", "entropy", "argmax"]
        if len(shape) == 1 and len(logits) <= 16:
            outputs.append("jacobian")
        if top_k:
            outputs += ["top_indices", "top_probabilities", "top_log_probabilities"]
    order = [sorted(range(len(row.logits)), key=lambda c: (-row.logits[c], c))[:top_k] for row in rows] if top_k else []
    for output in outputs:
        if output in ("probabilities", "log_probabilities"):
            flat = [None] * len(logits)
            for row, place in zip(rows, places):
                of = row.probability if output == "probabilities" else row.log_probability
                values = {}
                for p, group in zip(place, row.group):
                    if group not in values:
                        real = of(group)
                        values[group] = -INFINITY if real is None else rounded(*real, form)
                    flat[p] = values[group]
            answer[output] = flat
        elif output == "log_sum_exp":
            answer[output] = [-INFINITY if isinstance(row, Empty) else rounded(*row.log_sum_exp(), form) for row in rows]
        elif output == "entropy":
            answer[output] = [rounded(*row.entropy(), form, widest=1 << 14) for row in rows]
        elif output == "argmax":
            answer[output] = [row.logits.index(row.maximum) for row in rows]
        elif output == "jacobian":
            parts, n = [], shape[axis]
            for row in rows:
                values, flat = {}, []
                for l, i in itertools.product(range(n), range(n)):
                    key = row.group[l], row.group[i], l == i
                    if key not in values:
                        values[key] = rounded(*row.jacobian(l, i), form)
                    flat.append(values[key])
                parts.append(flat)
            answer[output] = in_place_of_classes(parts, shape, axis)
        elif output == "top_indices":
            answer[output] = in_place_of_classes(order, shape, axis)
        elif output in ("top_probabilities", "top_log_probabilities"):
            def value(row, c):
                real = (row.probability if output == "top_probabilities" else row.log_probability)(row.group[c])
                return -INFINITY if real is None else rounded(*real, form)
            answer[output] = in_place_of_classes(
                [[value(row, c) for c in chosen] for row, chosen in zip(rows, order)], shape, axis)
    return answer


def in_place_of_classes(parts, shape, axis):
    """Each slice's numbers, of one length, where the class axis was; flat."""
    inner = 1
    for extent in shape[axis % len(shape) + 1:]:
        inner *= extent
    return [parts[o * inner + i][k] for o in range(len(parts) // inner) for k in range(len(parts[0])) for i in range(inner)]


def loss_and_gradient(logits, target, shape=None, axis=-1, temperature=1.0, dtype="float64", weight=None,
                      sample_weight=None, ignore_index=-100, label_smoothing=0.0, reduction="mean", divisor=None,
                      upstream=None, where=None, outputs=("loss", "gradient")):
    """target: a list of int (indices, batch order) or of float (probabilities, the logits' shape)."""
    shape = shape or [len(logits)]
    logits = masked(logits, where, shape, axis)
    rows, places = slices(logits, shape, axis % len(shape), temperature)
    form, classes, epsilon = FORMATS[dtype], shape[axis], Fraction(label_smoothing)
    by_index = isinstance(target[0], int)
    w = [Fraction(x) for x in weight] if weight else [ONE] * classes
    s = [Fraction(x) for x in sample_weight] if sample_weight else [ONE] * len(rows)
    inverse_temperature = 1 / Fraction(temperature)
    ignored = [by_index and target[n] == ignore_index for n in range(len(rows))]
    idle = [ignored[n] or s[n] == 0 for n in range(len(rows))]
    r = ONE
    if divisor is not None:
        r = 1 / Fraction(divisor)
    elif reduction == "mean":
        divisor = sum(((s[n] * w[target[n]]) if by_index else s[n]) for n in range(len(rows)) if not ignored[n])
        if divisor == 0:
            raise ZeroNormaliser()
        r = 1 / Fraction(divisor)
    q = [Fraction(x) for x in upstream] if upstream is not None else [ONE] * (len(rows) if reduction == "none" else 1)
    smooth = [epsilon / classes * x for x in w] if epsilon and by_index else None

    def factors(n):
        """u, the weight of each class's -log p."""
        if by_index:
            u = list(smooth) if smooth else [ZERO] * classes
            u[target[n]] += (1 - epsilon) * w[target[n]]
            return u
        return [w[c] * ((1 - epsilon) * Fraction(target[p]) + epsilon / classes) for c, p in enumerate(places[n])]

    answer = {}
    gradient = [0.0] * len(logits)
    items = []  # (offset, coefficient of log S, row), or None for infinity
    for n, row in enumerate(rows):
        if idle[n]:
            items.append((ZERO, ZERO, row))
            continue
        u = factors(n)
        total = sum(u)
        if "loss" in outputs or "perplexity" in outputs:
            factor = s[n] * r
            if factor == 0:
                items.append((ZERO, ZERO, row))
            elif any(x and g is None for x, g in zip(u, row.group)):
                items.append(None)
            else:
                offset = sum((x * row.level[g] for x, g in zip(u, row.group) if x and g), ZERO)
                items.append((-factor * offset, ZERO if row.is_single else factor * total, row))
        if "gradient" in outputs:
            factor = q[n if reduction == "none" else 0] * s[n] * r * inverse_temperature
            values = {}
            for place, x, g in zip(places[n], u, row.group):
                if (x, g) not in values:
                    offset, tail = scaled(row.probability(g), factor * total)
                    values[x, g] = rounded(offset - factor * x, tail, form)
                gradient[place] = values[x, g]
    if "loss" in outputs:
        if reduction == "none":
            answer["loss"] = [combined([item], form) for item in items]
        else:
            answer["loss"] = [combined(items, form)]
    if "gradient" in outputs:
        answer["gradient"] = gradient
    if "perplexity" in outputs:
        answer["perplexity"] = [exponential_of(items, form)]
    return answer


def exponential_of(items, form):
    """e to the sum of offset + coefficient log S over items, none of them negative."""
    if any(item is None for item in items):
        return INFINITY
    offset = sum((item[0] for item in items), ZERO)
    live = [item for item in items if item[1]]
    if offset > 1000:
        return INFINITY
    if not live:
        return rounded(Fraction(1), None, form) if offset == 0 else rounded(ZERO, lambda precision: exponential(offset, precision), form)
    counts = {row.count[0] for _, _, row in live if row.is_level and len(row.level) == 1}
    if offset == 0 and len(counts) == 1 and all(row.is_level for _, _, row in live) and sum(c for _, c, _ in live) == 1:
        return rounded(Fraction(counts.pop()), None, form)

    def tail(precision):
        sum = rational(offset, precision)
        for _, coefficient, row in live:
            sum = add(sum, multiply(rational(coefficient, precision), row.log_of_sum(precision), precision), precision)
        return (widened(mpf_exp(sum[0], precision + GUARD, DOWN), precision)[0],
                widened(mpf_exp(sum[1], precision + GUARD, UP), precision)[1])
    return rounded(ZERO, tail, form)


def combined(items, form):
    """The sum of offset + coefficient log S over items."""
    if any(item is None for item in items):
        return INFINITY
    offset = sum((item[0] for item in items), ZERO)
    live = [item for item in items if item[1]]
    if not live:
        return rounded(offset, None, form)

    def tail(precision):
        sum = fzero, fzero
        for _, coefficient, row in live:
            sum = add(sum, multiply(rational(coefficient, precision), row.log_of_sum(precision), precision), precision)
        return sum
    return rounded(offset, tail, form)


def derivation(logits, target, temperature=1.0):
    row, form, n = Slice(logits, temperature), BINARY64, len(logits)
    inverse, l = 1 / row.temperature, row.group[target]
    steps = {"y_hat": [rounded(*row.probability(g), form) for g in row.group],
             "dL_dy_hat_l": [rounded(*scaled(row.reciprocal(l), Fraction(-1)), form)]}
    first = rounded(*scaled(row.probability(l), inverse), form)
    steps["first_term"] = [first if i == target else 0.0 for i in range(n)]
    steps["second_term"] = [rounded(*scaled(row.product(l, g), inverse), form) for g in row.group]
    steps["dy_hat_l_da"] = [rounded(*row.jacobian(target, i), form) for i in range(n)]
    gradient = loss_and_gradient(logits, [target], temperature=temperature, outputs=("gradient",))["gradient"]
    steps["chain_rule"] = list(gradient)
    steps["gradient"] = gradient
    return steps
