"""Cases built to lie as near a rounding boundary as one likes.

Greedy search: a result that is monotone in one more, ever smaller class is driven towards a midpoint h between two
neighbouring results. Each class is the logit that comes closest without passing h, so each gains about 53 bits less the
logit's own size: with k classes the result lies some 45 k bits beyond the last place. The last class may pass h, for
the other side. No fixed working precision survives such a row; only widening does.

Modular search: a result of one logit x is, in half last places of the result, a smooth function; over 2^21 neighbouring
doubles its fraction is a quadratic in integers modulo 2^64, so billions of arguments are tried a minute."""
import math
import struct

import mpmath
from mpmath import mpf

from rounding import BINARY64


def ordered(x):
    """Doubles as integers in the same order."""
    n = struct.unpack("<q", struct.pack("<d", x))[0]
    return n if n >= 0 else -(n & 0x7FFFFFFFFFFFFFFF)


def double(n):
    return struct.unpack("<d", struct.pack("<q", n if n >= 0 else -n | -0x8000000000000000))[0]


def midpoint_above(x, form):
    """The midpoint between the format's values around x > 0, the first above x."""
    exponent = max(mpmath.frexp(x)[1] - form.precision, form.least)
    unit = mpmath.ldexp(1, exponent)
    h = (mpmath.floor(x / unit) + mpf(1) / 2) * unit
    return h if h > x else h + unit


def greedy(measure, start, classes, beyond=False, form=BINARY64, lowest=-4000.0, precision=6000):
    """Appends classes to start so that measure(logits), monotone in the last logit, comes ever closer to the midpoint
    above its first value (below it, when it falls with the logit). Returns the logits."""
    with mpmath.workprec(precision):
        logits, base = list(start), measure(start)
        rising = measure(start + [max(start) - 30.0]) > base
        if not rising:
            inner = measure
            measure = lambda a: -inner(a)
            h = -(midpoint_above(base, form) - mpmath.ldexp(1, max(mpmath.frexp(base)[1] - form.precision, form.least)))
        else:
            h = midpoint_above(base, form)
        for k in range(classes):
            low, high = ordered(lowest), ordered(max(start))
            if measure(logits + [lowest]) >= h:
                break
            while high - low > 1:
                middle = (low + high) // 2
                if measure(logits + [double(middle)]) < h:
                    low = middle
                else:
                    high = middle
            logits.append(double(high if beyond and k == classes - 1 else low))
        return logits


def exps(logits):
    top = max(logits)
    return [mpmath.exp(mpf(a) - mpf(top)) for a in logits]


def probability(i):
    return lambda a: (lambda e: e[i] / mpmath.fsum(e))(exps(a))


def log_probability(i):  # its magnitude
    return lambda a: mpmath.log(mpmath.fsum(exps(a))) + mpf(max(a)) - mpf(a[i])


def log_sum_exp(a):
    return mpmath.log(mpmath.fsum(exps(a))) + mpf(max(a))


def entropy(a):
    e = exps(a)
    s = mpmath.fsum(e)
    return mpmath.log(s) + mpmath.fsum(x * (mpf(max(a)) - mpf(b)) for x, b in zip(e, a)) / s


def jacobian(l, i):
    def of(a):
        e = exps(a)
        s = mpmath.fsum(e)
        return e[l] * (s - e[l]) / s**2 if l == i else e[l] * e[i] / s**2
    return of


def reciprocal(i):
    return lambda a: (lambda e: mpmath.fsum(e) / e[i])(exps(a))


def logits_summing_to_one(rng, classes, first=None):
    """log-sum-exp so near 0 that some 45 bits cancel for each class: each logit is the greatest whose exponential is
    below what is still missing from 1. (Below 2^-1075 the result is 0, and only its smallness needs to be seen.)"""
    with mpmath.workprec(4000):
        logits, missing = [], mpf(1)
        for k in range(classes):
            if k == 0 or rng.random() < 0.1:
                logit = -abs(first if k == 0 and first else rng.uniform(0.2, 2)) + float(mpmath.log(missing))
            else:
                logit = float(mpmath.log(missing))
                if mpmath.exp(mpf(logit)) >= missing:
                    logit = double(ordered(logit) - 1)
            logits.append(logit)
            missing -= mpmath.exp(mpf(logit))
        return logits


def modular(function, start, form=BINARY64, blocks=64, log_length=20):
    """The double x near start for which function(x) lies nearest to a midpoint or a value of the format: (bits beyond
    the last place, x). Blocks of 2^log_length neighbouring doubles, each a quadratic modulo 1."""
    import numpy
    length, best = 1 << log_length, (0.0, start)
    k = numpy.arange(length, dtype=numpy.uint64)
    with mpmath.workprec(400):
        for block in range(blocks):
            step = mpf(math.ulp(start))
            x = mpf(start)
            y = function(x)
            half = mpmath.ldexp(1, max(mpmath.frexp(y)[1] - form.precision, form.least) - 1)
            # A Newton quadratic through three points; the cubic term moves the fraction by less than 2^-30.
            f = [function(x + j * length / 2 * step) / half for j in range(3)]
            c = (f[2] - 2 * f[1] + f[0]) / 2 / (mpf(length) / 2) ** 2
            b = (f[1] - f[0]) / (mpf(length) / 2) - c * length / 2
            a, b, c = (int(mpmath.floor((z - mpmath.floor(z)) * 2**64)) & 0xFFFFFFFFFFFFFFFF for z in (f[0], b, c))
            fraction = numpy.uint64(a) + numpy.uint64(b) * k + numpy.uint64(c) * k * k
            distance = numpy.minimum(fraction, ~fraction)
            for i in numpy.argpartition(distance, 8)[:8]:
                at = start + float(int(i)) * float(step)
                exact = function(mpf(at)) / half
                off = abs(exact - mpmath.nint(exact))
                score = float(-mpmath.log(off, 2)) if off else math.inf
                if score > best[0] and score < 300:
                    best = score, at
            start = start + length * float(step)
    return best
