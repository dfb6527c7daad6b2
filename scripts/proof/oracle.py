"""The true answers, rounded once: softmax, cross-entropy loss, its gradient and the steps of its derivation.

They share nothing with the service: Python's exact fractions for what is rational, intervals for the rest (slices.py),
and one rounding (rounding.py)."""
import itertools
import math
from fractions import Fraction

from mpmath.libmp import fzero, mpf_exp

from rounding import BINARY64, DOWN, FORMATS, GUARD, UP, ZeroNormaliser, add, exponential, multiply, rational, rounded, widened
from slices import INFINITY, ONE, ZERO, Empty, Slice, masked, places_of, scaled, slices


def softmax(logits, shape=None, axis=-1, temperature=1.0, dtype="float64", outputs=None, where=None, empty="refuse",
            top_k=None):
    """Every output asked for, flat and row-major."""
    shape = shape or [len(logits)]
    places = places_of(shape, axis % len(shape))
    rows = slices(masked(logits, where, places), places, temperature)
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
    inner = math.prod(shape[axis % len(shape) + 1:])
    return [parts[o * inner + i][k] for o in range(len(parts) // inner) for k in range(len(parts[0])) for i in range(inner)]


def loss_and_gradient(logits, target, shape=None, axis=-1, temperature=1.0, dtype="float64", weight=None,
                      sample_weight=None, ignore_index=-100, label_smoothing=0.0, reduction="mean", divisor=None,
                      upstream=None, where=None, outputs=("loss", "gradient")):
    """target: a list of int (indices, batch order) or of float (probabilities, the logits' shape)."""
    shape = shape or [len(logits)]
    places = places_of(shape, axis % len(shape))
    rows = slices(masked(logits, where, places), places, temperature)
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
