"""One softmax as real numbers, and the slices of a tensor that are one each.

Inputs are binary64 values taken as exact reals. Each real is offset + tail (see rounding.py), with every sum in a tail
of one sign, so that a tail is never lost to cancellation. It is rational exactly when its tail is None; that this list
is complete is the Lindemann-Weierstrass theorem (docs/numerics.md)."""
import math
from fractions import Fraction

from mpmath.libmp import fone, from_int, fzero, mpf_add, mpf_sub

from rounding import DOWN, UP, add, divide, exponential, logarithm, logarithm_of_one_plus, multiply, negated, rational

INFINITY = float("inf")
ZERO, ONE = Fraction(0), Fraction(1)


class Slice:
    """One softmax: the logits along the class axis at one batch index.

    level[g] are the distinct values of (a - max)/T, level[0] = 0; count[g] how many classes have each; group[i] which
    of them class i has, None where it is masked."""

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


def places_of(shape, axis):
    """The flat indices of each slice along an axis, in batch order."""
    classes, inner = shape[axis], math.prod(shape[axis + 1:])
    return [[(o * classes + c) * inner + i for c in range(classes)]
            for o in range(math.prod(shape[:axis])) for i in range(inner)]


def masked(logits, where, places):
    """The logits, -Infinity where a boolean of each class or of each logit is false."""
    if where is None:
        return logits
    result = list(logits)
    for place in places:
        for c, p in enumerate(place):
            if not where[p if len(where) == len(logits) else c]:
                result[p] = -INFINITY
    return result


def slices(logits, places, temperature):
    def of(row):
        return Empty(len(row)) if max(row) == -INFINITY else Slice(row, temperature)
    return [of([logits[p] for p in place]) for place in places]
