"""Random requests for what losses.py answers: one generator for each kind, its extremes and combinations among them."""
import math
import struct

import cases
from losses import INFINITY
from slices import places_of

KINDS = ("z_loss", "softcap", "focal_gamma", "hessian_vector_product", "target_logits", "kl_divergence",
         "probabilities", "close_target")
# What rows of everyday use have beside a cap or a target: the kinds that have a vector stage of their own.
EVERYDAY = ("padded_cap", "confident_target", "everyday_probabilities", "two_class_jacobian")
HUGE = [5e-324, 1e-300, 1e-17, 1e17, 1e300, 1.7e308]


def a_row(rng, classes):
    kind = rng.random()
    scale = rng.choice([0.01, 1, 1, 3, 10])
    if kind < 0.4:
        row = [rng.gauss(0, scale) for _ in range(classes)]
    elif kind < 0.55:  # confident
        row = [rng.uniform(20, 760) if rng.random() < 0.3 else rng.gauss(0, 1) for _ in range(classes)]
    elif kind < 0.65:  # small numbers, alike
        row = [float(rng.choice([0, 0, 1, -1, 2.5])) for _ in range(classes)]
    elif kind < 0.72:
        row = [scale] * classes
    elif kind < 0.8:
        row = [-INFINITY if rng.random() < 0.4 else rng.gauss(0, scale) for _ in range(classes)]
    elif kind < 0.87:  # nearly level
        row = [scale + rng.gauss(0, 1) * rng.choice([1e-300, 1e-16, 1e-9, 1e-4]) for _ in range(classes)]
    elif kind < 0.93:  # far apart
        row = [rng.uniform(-1, 1) * rng.choice([1, 1e3, 1e5, 1e16, 1e300]) for _ in range(classes)]
    else:  # tails among the subnormal
        row = [-rng.uniform(690, 760) for _ in range(classes)]
        row[rng.randrange(classes)] = rng.gauss(0, 1)
    if all(x == -INFINITY for x in row):
        row[0] = 0.0
    return row


def filled(rng, shape, axis, make):
    values = [0.0] * math.prod(shape)
    for places in places_of(shape, axis):
        for p, x in zip(places, make(rng, shape[axis])):
            values[p] = x
    return values


def magnitude(rng, ordinary):
    return rng.choice(HUGE) if rng.random() < 0.1 else ordinary(rng)


def a_probability(rng):
    return rng.choice([rng.random(), rng.random(), rng.random(), 0.0, 1.0, 1 - 2.0**-53, rng.random() * 1e-300, 5e-324,
                       rng.random() ** 30, 0.5])


def disturbed(rng, row):
    """A teacher near the student: shifted, an ulp or so away, permuted, or rounded."""
    kind = rng.random()
    if kind < 0.3:
        shift = float(rng.choice([0, 1, -3, 0.5]))
        row = [x + shift for x in row]
    elif kind < 0.6:
        row = [math.nextafter(x, INFINITY) if x > -INFINITY and rng.random() < 0.5 else x for x in row]
    elif kind < 0.8:
        row = rng.sample(row, len(row))
    else:
        row = [x + rng.gauss(0, 1) * rng.choice([1e-12, 1e-6, 0.1]) for x in row]
    return row


def rounded_softmax(rng, row, weight, temperature):
    """Softmax over the weights as somebody would have computed it: by some library, in some format."""
    top = max(row)
    terms = [math.exp((x - top) / temperature) for x in row]
    total = math.fsum(terms) if rng.random() < 0.5 else sum(terms)
    shares = [term / total / (w or 1) for term, w in zip(terms, weight)]
    form = rng.choice("dddddfe")
    return list(struct.unpack(f"<{len(row)}{form}", struct.pack(f"<{len(row)}{form}", *shares)))


def close_case(rng, largest=40):
    """A target that is softmax itself, except for its rounding: probabilities, or a teacher's logits."""
    classes = rng.randint(2, largest)
    shape, axis = cases.a_shape(rng, classes)
    scale = rng.choice([1e-6, 0.1, 1, 3, 20, 100])
    logits = filled(rng, shape, axis, lambda rng, n: [
        -INFINITY if rng.random() < 0.02 else rng.gauss(0, scale) for _ in range(n - 1)] + [rng.gauss(0, scale)])
    case = {"op": "loss", "logits": logits, "shape": shape, "axis": axis, "asked": ["loss", "gradient"],
            "dtype": rng.choice(["float64"] * 4 + ["float32"]),
            "temperature": rng.choice([0.5, 2.0, 3.0, 0.7]) if rng.random() < 0.4 else 1.0,
            "reduction": rng.choice(["none", "sum", "mean"])}
    batch = len(logits) // classes
    if rng.random() < 0.3:
        case["sample_weight"] = cases.factors(rng, batch, False)
    if rng.random() < 0.3:
        case["upstream"] = [rng.choice([-1.0, 2.5, rng.uniform(-2, 2)])] * (batch if case["reduction"] == "none" else 1)
    kind = rng.random()
    if kind < 0.5:
        weight = [rng.choice([1.0, 0.5, rng.uniform(0.2, 3)]) for _ in range(classes)] if rng.random() < 0.3 else None
        if weight:
            case["weight"] = weight
        case["target"] = filled(rng, shape, axis, lambda rng, n: [0.0] * n)
        for places in places_of(shape, axis):
            row = rounded_softmax(rng, [logits[p] for p in places], weight or [1.0] * classes, case["temperature"])
            for p, x in zip(places, row):
                case["target"][p] = x
    else:
        case["target_logits"] = list(logits)
        if kind > 0.85:
            case["asked"] = ["kl_divergence"]
            case.pop("upstream", None)
        for places in places_of(shape, axis):
            row = [logits[p] for p in places]
            step = scale * rng.choice([1e-15, 1e-13, 1e-9, 1e-6])
            row = disturbed(rng, row) if rng.random() < 0.5 else [x + 0.5 + rng.gauss(0, step) for x in row]
            for p, x in zip(places, row):
                case["target_logits"][p] = x
    return {k: v for k, v in case.items() if k not in cases.DEFAULTS or k == "axis" or v != cases.DEFAULTS[k]}


def everyday_case(rng, kind):
    """Rows of everyday use, in 2 to 40 classes: padded with a number beside a cap, or as confident as their target."""
    classes, rows = (2 if kind == "two_class_jacobian" else rng.randint(2, 40)), rng.choice([1, 3, 4, 9])
    tops = [rng.randrange(classes) for _ in range(rows)]
    mask, width = rng.choice([-1e4, -1e4, -12345.0, -1e9, -3.4028234663852886e38, -1.7e308, -65504.0]), rng.randint(1, classes)

    def numbers(lead=0.0, padding=None):
        return [padding if padding is not None and c >= width else
                rng.gauss(0, 3) + (rng.uniform(lead, 3 * lead) if lead and c == top else 0)
                for top in tops for c in range(classes)]

    def shares(values):
        parts = [values[n * classes:(n + 1) * classes] for n in range(rows)]
        return [x for part in parts for x in rounded_softmax(rng, part, [1.0] * classes, 1.0)]

    case = {"op": "loss", "shape": [rows, classes], "axis": 1, "asked": ["loss", "gradient"],
            "dtype": rng.choice(["float64"] * 4 + ["float32", "bfloat16"]), "reduction": rng.choice(["none", "sum", "mean"])}
    index = [rng.randrange(min(width, classes)) for _ in range(rows)]
    if kind == "two_class_jacobian":
        del case["reduction"]
        case |= {"op": "softmax", "asked": ["jacobian"], "temperature": rng.choice([1.0, 1.0, 0.7, 3.0]),
                 "logits": [x * rng.choice([1, 1, 10, 100]) for x in numbers()]}
    elif kind == "padded_cap":
        case |= {"logits": numbers(rng.choice([0.0, 0.0, 30.0]), mask), "softcap": rng.choice([30.0, 30.0, 50.0, 20.0, 15.0]),
                 "temperature": rng.choice([1.0, 1.0, 1.0, 0.5, 0.03])}
        target = rng.random()
        if target < 0.6:
            case["target"] = index
            case["label_smoothing"] = rng.choice([0.0, 0.0, 0.1])
        elif target < 0.8:
            case["target"] = shares(numbers(0.0, -1e9))
        else:
            case["target_logits"] = numbers(rng.choice([0.0, 20.0]), rng.choice([None, mask, -INFINITY]))
    elif kind == "confident_target":
        lead = rng.choice([10.0, 20.0, 30.0])
        case |= {"logits": numbers(lead), "softcap": rng.choice([30.0, 50.0])}
        if rng.random() < 0.5:
            case["target_logits"] = numbers(lead)
        else:
            case["target"] = shares(numbers(lead))
            if rng.random() < 0.3:
                del case["softcap"]
    else:
        case |= {"input": "probabilities", "logits": shares(numbers(rng.choice([0.0, 0.0, 10.0])))}
        case["target"] = index if rng.random() < 0.5 else shares(numbers())
        case["label_smoothing"] = rng.choice([0.0, 0.0, 0.1])
    return {k: v for k, v in case.items() if k not in cases.DEFAULTS or k == "axis" or v != cases.DEFAULTS[k]}


def a_case(rng, kind, largest=12):
    if kind == "close_target":
        return close_case(rng)
    if kind in EVERYDAY:
        return everyday_case(rng, kind)
    classes = rng.randint(1, largest)
    shape, axis = cases.a_shape(rng, classes)
    logits = filled(rng, shape, axis, a_row)
    batch = len(logits) // classes
    case = {"op": "loss", "logits": logits, "shape": shape, "axis": axis, "asked": ["loss", "gradient"],
            "dtype": rng.choice(["float64", "float64", "float32"]),
            "temperature": rng.choice([0.5, 2.0, 3.0, 0.7, 10.0, 1e-3, 1e5]) if rng.random() < 0.3 else 1.0,
            "reduction": rng.choice(["none", "sum", "mean"])}
    if kind == "softcap" and rng.random() < 0.35:
        case["op"] = "softmax"
        case["asked"] = ["probabilities", "log_probabilities", "log_sum_exp", "entropy"]
        if len(shape) == 1 and classes <= 6:
            case["asked"].append("jacobian")
        case["softcap"] = magnitude(rng, lambda rng: rng.choice([30.0, 50.0, rng.uniform(0.1, 5), rng.expovariate(0.01)]))
        del case["reduction"]
        return case
    if rng.random() < 0.3:
        case["weight"] = cases.factors(rng, classes, rng.random() < 0.1)
    if rng.random() < 0.3:
        case["sample_weight"] = cases.factors(rng, batch, rng.random() < 0.1)
    if rng.random() < 0.3:
        count = batch if case["reduction"] == "none" else 1
        case["upstream"] = [rng.choice([0.0, -1.0, 2.5, rng.uniform(-2, 2), -3.0]) for _ in range(count)]
    if rng.random() < 0.25 and kind not in ("focal_gamma", "kl_divergence"):
        case["label_smoothing"] = rng.choice([0.1, 0.25, 1.0, 1e-300, rng.random()])
    if kind in ("target_logits", "kl_divergence") and rng.random() < (1.0 if kind == "target_logits" else 0.6):
        case["target_logits"] = [0.0] * len(logits)
        for places in places_of(shape, axis):
            row = [logits[p] for p in places]
            for p, x in zip(places, a_row(rng, classes) if rng.random() < 0.5 else disturbed(rng, row)):
                case["target_logits"][p] = x
    elif kind != "focal_gamma" and (kind == "kl_divergence" or rng.random() < 0.4):
        target_kind = rng.choice(["plain", "plain", "loose", "one-hot"])
        # Over one class every probability but 1 is refused.
        case["target"] = filled(
            rng, shape, axis, lambda rng, n: [1.0] if n == 1 else cases.soft_target(rng, n, target_kind))
    else:
        case["target"] = [rng.randrange(classes) for _ in range(batch)]
        if rng.random() < 0.3:
            case["ignore_index"] = rng.choice([0, classes - 1, -1, 255])
            case["target"] = [case["ignore_index"] if rng.random() < 0.3 else t for t in case["target"]]
    if kind == "z_loss" or (kind in ("focal_gamma", "softcap", "target_logits") and rng.random() < 0.1):
        case["z_loss"] = magnitude(rng, lambda rng: rng.choice([1e-4, 1e-3, 0.5, 2.0, rng.random()]))
    if kind == "softcap" or (kind in ("focal_gamma", "z_loss", "target_logits", "kl_divergence") and rng.random() < 0.1):
        case["softcap"] = magnitude(rng, lambda rng: rng.choice([30.0, 50.0, rng.uniform(0.1, 5), rng.expovariate(0.01)]))
    if kind == "focal_gamma":
        case["focal_gamma"] = magnitude(rng, lambda rng: rng.choice([2.0, 0.5, 1.0, 5.0, rng.uniform(0, 10)]))
    if kind == "kl_divergence":
        case["asked"] = ["kl_divergence"]
        case.pop("weight", None)
        case.pop("upstream", None)
    if kind == "hessian_vector_product":
        case["asked"] = ["hessian_vector_product"]
        case["vector"] = filled(rng, shape, axis, a_vector)
    if kind == "probabilities":
        case["input"] = "probabilities"
        case["temperature"] = 1.0
        case["logits"] = filled(rng, shape, axis, lambda rng, n: [a_probability(rng) for _ in range(n)])
    return {k: v for k, v in case.items() if k not in cases.DEFAULTS or k == "axis" or v != cases.DEFAULTS[k]}


def a_vector(rng, classes):
    kind = rng.random()
    if kind < 0.2:  # nothing, or the same for each: zero
        return [float(rng.choice([0, 1, -2.5]))] * classes
    if kind < 0.5:
        return [float(rng.choice([0, 1, -1, 2])) for _ in range(classes)]
    return [rng.gauss(0, 1) * rng.choice([1, 1, 1e-300, 1e200]) for _ in range(classes)]
