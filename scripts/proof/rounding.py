"""Correct rounding of a real number known only by enclosures.

A real is `offset + tail`: an exact rational and a function that encloses the rest ever more tightly. The two are kept
apart because an offset is often exactly half-way between two floating-point numbers, and then the tail decides by its
sign, however small it is: exp(-1e300) is a number here, with an exponent that no fixed format holds.

Elementary functions come from mpmath, 40 bits wider than asked, and each enclosure is 2^-20 of its last place wide, so
that an error of a million last places in mpmath would still be enclosed. Sums, products and quotients are rounded
outward.
"""
import math
from fractions import Fraction

from mpmath.libmp import (
    fone, from_rational, fzero, mpf_abs, mpf_add, mpf_cmp, mpf_div, mpf_exp, mpf_log, mpf_mul, mpf_neg, mpf_shift, mpf_sub)

DOWN, UP, NEAREST = "f", "c", "n"
GUARD, WIDENING = 40, 20
WIDEST = 1 << 16


class Format:
    """A binary floating-point format: its precision and the exponents of its least quantum and largest power of two."""

    def __init__(self, precision, least, largest):
        self.precision, self.least, self.largest = precision, least, largest


BINARY64 = Format(53, -1074, 1023)
BINARY32 = Format(24, -149, 127)
BINARY16 = Format(11, -24, 15)
BFLOAT16 = Format(8, -133, 127)
FORMATS = {"float64": BINARY64, "float32": BINARY32, "float16": BINARY16, "bfloat16": BFLOAT16}


class Undecided(Exception):
    """The enclosure still holds a midpoint at the widest precision."""


class ZeroNormaliser(Exception):
    """A mean divides by zero: the service refuses the request."""


def nearest(numerator, denominator, form, nudge=0):
    """The format's number nearest to numerator/denominator, or just beside it by the nudge's sign; ties to even."""
    if numerator == 0:
        return 0.0
    negative = numerator < 0
    if negative:
        numerator, nudge = -numerator, -nudge
    exponent = numerator.bit_length() - denominator.bit_length()
    if exponent > form.largest + 2:
        return -float("inf") if negative else float("inf")
    if (numerator << -exponent if exponent < 0 else numerator) < (denominator << exponent if exponent > 0 else denominator):
        exponent -= 1
    quantum = max(exponent - form.precision + 1, form.least)
    if quantum < 0:
        numerator <<= -quantum
    else:
        denominator <<= quantum
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and (nudge > 0 or (nudge == 0 and whole & 1))):
        whole += 1
    if whole.bit_length() + quantum > form.largest + 1:
        value = float("inf")
    else:
        value = math.ldexp(whole, quantum)  # exact: whole fits the precision, quantum is not below the least
    return -value if negative else value


# ---------------------------------------------------------------------------------------------------------------------
# Intervals: pairs (low, high) of mpf tuples.

def widened(value, precision):
    """An enclosure around a value computed by mpmath at precision + GUARD."""
    slack = mpf_shift(mpf_abs(value), -(precision + WIDENING))
    return mpf_sub(value, slack, precision + GUARD, DOWN), mpf_add(value, slack, precision + GUARD, UP)


def rational(value, precision):
    return (from_rational(value.numerator, value.denominator, precision, DOWN),
            from_rational(value.numerator, value.denominator, precision, UP))


def add(a, b, precision):
    return mpf_add(a[0], b[0], precision, DOWN), mpf_add(a[1], b[1], precision, UP)


def negated(a):
    return mpf_neg(a[1]), mpf_neg(a[0])


def multiply(a, b, precision):
    """The product; an end is exact zero or of either sign."""
    if a[0][0] == 0 and b[0][0] == 0:
        return mpf_mul(a[0], b[0], precision, DOWN), mpf_mul(a[1], b[1], precision, UP)
    lows = [mpf_mul(x, y, precision, DOWN) for x in a for y in b]
    highs = [mpf_mul(x, y, precision, UP) for x in a for y in b]
    low, high = lows[0], highs[0]
    for candidate in lows[1:]:
        if mpf_cmp(candidate, low) < 0:
            low = candidate
    for candidate in highs[1:]:
        if mpf_cmp(candidate, high) > 0:
            high = candidate
    return low, high


def divide(a, b, precision):
    """The quotient by a positive interval."""
    if a[0][0] == 0:
        return mpf_div(a[0], b[1], precision, DOWN), mpf_div(a[1], b[0], precision, UP)
    return multiply(a, (mpf_div(fone, b[1], precision, DOWN), mpf_div(fone, b[0], precision, UP)), precision)


def exponential(exponent, precision):
    """exp of an exact rational. The argument's own rounding costs 2^-(precision + GUARD) of the result."""
    if exponent == 0:
        return fone, fone
    magnitude = max(0, exponent.numerator.bit_length() - exponent.denominator.bit_length() + 1)
    argument = from_rational(exponent.numerator, exponent.denominator, precision + GUARD + magnitude, NEAREST)
    return widened(mpf_exp(argument, precision + GUARD, NEAREST), precision)


def logarithm(value, precision):
    """log of an interval at or above 2: no cancellation in its argument."""
    low = widened(mpf_log(value[0], precision + GUARD, NEAREST), precision)[0]
    high = widened(mpf_log(value[1], precision + GUARD, NEAREST), precision)[1]
    return low, high


def logarithm_of_one_plus(value, precision):
    """log(1 + x), 0 <= x: near zero by x - x^2/2 <= log(1+x) <= x, else with as many more bits as 1 + x loses."""
    if value[1] == fzero:
        return fzero, fzero
    magnitude = value[1][2] + value[1][3]
    if magnitude < -precision - GUARD:
        slack = mpf_shift(value[0], -(precision + WIDENING))
        return mpf_sub(value[0], slack, precision + GUARD, DOWN), value[1]
    more = precision + max(0, -magnitude)
    ends = []
    for end, direction in zip(value, (DOWN, UP)):
        sum = mpf_add(fone, end, 0)  # exact
        ends.append(widened(mpf_log(sum, more + GUARD, NEAREST), precision))
    return ends[0][0], ends[1][1]


# ---------------------------------------------------------------------------------------------------------------------

FARTHEST = 40000  # binary exponents beyond which only an end's sign matters


def _end(offset, end, form):
    """offset + end, rounded."""
    sign, mantissa, exponent, bits = end
    if mantissa == 0:
        return nearest(offset.numerator, offset.denominator, form)
    if exponent + bits < -FARTHEST:
        return nearest(offset.numerator, offset.denominator, form, -1 if sign else 1)
    if exponent + bits > FARTHEST:
        return -float("inf") if sign else float("inf")
    if sign:
        mantissa = -mantissa
    mantissa = int(mantissa)
    if offset == 0:
        return nearest(mantissa << exponent, 1, form) if exponent >= 0 else nearest(mantissa, 1 << -exponent, form)
    total = offset + (Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent))
    return nearest(total.numerator, total.denominator, form)


def rounded(offset, tail, form, first=128, widest=WIDEST):
    """offset + tail(precision), rounded once.

    The precision doubles until both ends of the enclosure round to the same value, and then once more: the tighter
    enclosure must give that value again. An end below 2^-FARTHEST is replaced by its sign: the offset is a rational
    whose denominator is so small that no midpoint but the offset itself can lie as near."""
    if offset.denominator.bit_length() > FARTHEST // 2:
        raise AssertionError("an offset with a denominator beyond what FARTHEST allows")
    if tail is None:
        return nearest(offset.numerator, offset.denominator, form)
    precision, previous = first, None
    while precision <= widest:
        low, high = tail(precision)
        a, b = _end(offset, low, form), _end(offset, high, form)
        decided = a == b
        if decided and previous is not None:
            if a != previous:
                raise AssertionError(f"enclosures at {precision // 2} and {precision} bits disagree: {previous!r} {a!r}")
            return a
        previous = a if decided else None
        precision *= 2
    raise Undecided()

