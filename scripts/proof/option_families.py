"""Families of fixtures of options and outputs beside the plain ones: one for each."""
import itertools
import math
import struct
from fractions import Fraction

import loss_families
from cases import INFINITY, a_shape, a_temperature, loss, random_loss, soft_target, softmax
from families import family
from rounding import FORMATS, rounded
from slices import masked, places_of


def plain(rng, classes):
    """A row of logits of an ordinary width, now and then a confident or a level one."""
    kind = rng.random()
    if kind < 0.1:
        return [rng.choice([0.0, -40.0, -800.0]) for _ in range(classes)]
    if kind < 0.2:
        return [1.25] * classes
    return [rng.gauss(0, rng.choice([0.1, 1, 1, 10])) for _ in range(classes)]


def batch_of(rng, classes, make=plain):
    """(logits, shape, axis), each slice made by `make`."""
    shape, axis = a_shape(rng, classes)
    logits = [0.0] * math.prod(shape)
    for place in places_of(shape, axis):
        for p, x in zip(place, make(rng, classes)):
            logits[p] = x
    return logits, shape, axis


@family
def divisor(rng):
    """What "mean" divides by: whole numbers, any, and the ends of the range."""
    yield loss([1.0, 2.0, 3.0, 3.0, 1.0, 0.0], [1, 0], [2, 3], divisor=3.0)
    yield loss([1.0, 2.0, 2.0, 3.0], [0, 0], [2, 2], sample_weight=[0.0, 1.0], divisor=2.0)
    yield loss([1.0, 2.0, 0.0, 3.0], [-100, -100], [2, 2], divisor=7.0)
    yield loss([1.0, 2.0], [0], weight=[0.0, 1.0], divisor=0.5)
    for r in range(160):
        case = random_loss(rng, *batch_of(rng, rng.choice([1, 2, 3, 4, 10])), hostile=r % 4 == 3,
                           temperature=a_temperature(rng)) | {"reduction": "mean"}
        if len(case.get("upstream", [0.0])) != 1:
            del case["upstream"]
        whole = float(rng.choice([1, 2, 3, 7, 64, 1000, 1 << 20]))
        yield case | {"divisor": rng.choice([whole, whole, rng.uniform(0.01, 1e4), 5e-324, 2.0**-1074 * 3, 1e-300, 1.7e308])}


# --- Losses beyond cross-entropy -------------------------------------------------------------------------------------

def of_kind(kind):
    def make(rng):
        for _ in range(120):
            yield loss_families.a_case(rng, kind)
    make.__name__ = kind
    return family(make)


for kind in loss_families.KINDS:
    of_kind(kind)


# --- Masks and texts are of requests alone: fixtures know nothing of them --------------------------------------------

REQUESTS = {}


def request(function):
    REQUESTS[function.__name__.replace("_", "-")] = function
    return function


@request
def where(rng):
    """Booleans for each class or each logit, beside logits that are masked themselves."""
    for _ in range(60):
        logits, shape, axis = batch_of(rng, rng.choice([2, 3, 5, 10]))
        whole = rng.random() < 0.5
        mask = [rng.random() < 0.6 for _ in range(len(logits) if whole else shape[axis])]
        if not whole and not any(mask):
            mask[0] = True
        options = {"where": mask, "dtype": rng.choice(["float64", "float64", "float32", "float16", "bfloat16"])}
        yield softmax(logits, shape, axis, temperature=a_temperature(rng), empty="zero", **options)
        places = places_of(shape, axis)
        full = masked(logits, mask, places)
        empty = [all(full[p] == -INFINITY for p in place) for place in places]
        indices = [-100 if is_empty else rng.randrange(shape[axis]) for is_empty in empty]
        yield loss(logits, indices, shape, axis, **options, reduction=rng.choice(["sum", "none", "mean"]))
        yield loss([x if rng.random() < 0.9 else 1e300 for x in logits], [rng.random() for _ in logits], shape, axis,
                   sample_weight=[0.0 if is_empty else rng.uniform(0, 2) for is_empty in empty], reduction="sum", **options)


@family
def empty(rng):
    """Slices without a class, beside others."""
    for _ in range(60):
        logits, shape, axis = batch_of(rng, rng.choice([1, 2, 3, 8]))
        places = places_of(shape, axis)
        gone = [rng.random() < 0.5 for _ in places]
        for place, is_gone in zip(places, gone):
            for p in place:
                if is_gone:
                    logits[p] = -INFINITY
        yield softmax(logits, shape, axis, empty="zero", temperature=a_temperature(rng), top_k=rng.randint(1, shape[axis]))
        indices = [7 if is_gone else rng.randrange(shape[axis]) for is_gone in gone]
        yield loss(logits, indices, shape, axis, ignore_index=7, reduction=rng.choice(["sum", "none"]))
        yield loss(logits, [0] * len(places), shape, axis, sample_weight=[0.0 if g else 1.5 for g in gone], divisor=3.0)


@family
def tops(rng):
    """The largest logits, with ties, masks and every axis."""
    for _ in range(60):
        classes = rng.choice([1, 2, 3, 5, 10, 40, 100, 200])
        logits, shape, axis = batch_of(rng, classes)
        if rng.random() < 0.5:
            logits = [rng.choice([0.0, -0.0, 1.5, -2.0, 40.0, -800.0, -INFINITY]) for _ in logits]
        yield softmax(logits, shape, axis, temperature=a_temperature(rng), top_k=rng.randint(1, classes), empty="zero",
                      dtype=rng.choice(["float64", "float32", "float16", "bfloat16"]))


@family
def jacobians(rng):
    """Matrices of batches along any axis."""
    for _ in range(30):
        shape = [rng.randint(1, 3) for _ in range(rng.randint(1, 5))]
        axis = rng.randrange(len(shape))
        shape[axis] = rng.randint(1, 5)
        while math.prod(shape) * shape[axis] > 256:
            shape[next(i for i in range(len(shape)) if i != axis and shape[i] > 1)] = 1
        logits = [rng.choice([rng.gauss(0, 1), rng.gauss(0, 1), 0.0, -40.0]) for _ in range(math.prod(shape))]
        yield softmax(logits, shape, axis, temperature=a_temperature(rng), dtype=rng.choice(["float64", "float32", "float16"]),
                      outputs=["jacobian", "probabilities"])


@family
def perplexity(rng):
    """The exponential of a mean: ordinary, near 1, beyond the range, and of level rows."""
    for _ in range(100):
        logits, shape, axis = batch_of(rng, rng.choice([1, 2, 3, 5, 10, 30]))
        case = random_loss(rng, logits, shape, axis, temperature=rng.choice([1.0, 1.0, 0.5, 0.01])) | {"reduction": "mean"}
        case.pop("upstream", None)
        if rng.random() < 0.3:
            case["divisor"] = rng.uniform(0.5, 20)
        yield case | {"outputs": ["loss", "perplexity"], "dtype": rng.choice(["float64", "float32", "float16", "bfloat16"])}
    for _ in range(20):
        n = rng.choice([2, 3, 7, 257, 259, 300, 2049, 2051])
        yield loss([1.25] * n, [rng.randrange(n)], outputs=["loss", "perplexity"], dtype=rng.choice(["bfloat16", "float16", "float64"]))


@request
def input_dtype(rng):
    """Decimal texts around half-way numbers of a format, and any others; the oracle reads them as fractions."""
    for _ in range(30):
        dtype = rng.choice(["float32", "float16", "bfloat16"])
        form = FORMATS[dtype]
        texts = []
        for _ in range(rng.choice([2, 5, 20])):
            kind = rng.random()
            if kind < 0.3:
                texts.append(repr(rng.gauss(0, 5)))
                continue
            exponent = rng.randint(-form.precision - 8, 3) if kind < 0.9 else form.least + rng.randint(-2, 3)
            units = rng.randrange(1 << form.precision) if kind < 0.9 else rng.randrange(4)
            half = (Fraction(units) + Fraction(1, 2)) * Fraction(2) ** exponent
            nudge = rng.choice([0, 0, 1, -1]) * Fraction(10) ** -rng.randint(20, 60)
            value = half + nudge
            digits = 180 if kind >= 0.9 else 90
            whole, rest = divmod(abs(value.numerator) * 10**digits, value.denominator)
            text = f"{whole // 10**digits}.{whole % 10**digits:0{digits}d}".rstrip("0")
            texts.append(rng.choice(["", "-"]) + text + ("0" if text.endswith(".") else ""))
        logits = [rounded(Fraction(text), None, form) for text in texts]
        if all(abs(x) < INFINITY for x in logits):
            yield softmax(logits, dtype="float64", outputs=["log_sum_exp", "probabilities", "argmax"]) | {
                "texts": texts, "input_dtype": dtype}


# --- Formats of 16 bits ----------------------------------------------------------------------------------------------

def narrow(rng, dtype):
    """Results of a format: ordinary ones, subnormal ones, those beside midpoints, and those at the end of the range."""
    form = FORMATS[dtype]
    ulp, least, greatest = 2.0 ** (1 - form.precision), form.least, form.largest
    for r in range(120):
        logits, shape, axis = batch_of(rng, rng.choice([1, 2, 3, 5, 10]))
        yield softmax(logits, shape, axis, temperature=a_temperature(rng), dtype=dtype)
        yield random_loss(rng, logits, shape, axis, hostile=r % 8 == 7) | {"dtype": dtype}
    # Subnormal probabilities, and those around half of the least number.
    for _ in range(60):
        p = rng.uniform(1, 2) * 2.0 ** rng.randint(least - 3, least + form.precision + 1)
        yield softmax([0.0, math.log(p)], dtype=dtype)
        yield loss([0.0, math.log(p)], [rng.randrange(2)], dtype=dtype)
    # Exactly half-way, or so except for a tail: log-sum-exp, log-probabilities and losses of far rows, and level rows.
    for _ in range(60):
        middle = (1 + ulp * (rng.randrange(1 << form.precision - 1) + 0.5)) * 2.0 ** rng.randint(least + 30, min(greatest, 40))
        middle *= rng.choice([1, -1])
        yield softmax([middle], dtype=dtype)
        for far in (1e6, 50.0 + 0.1 * abs(middle)):
            yield softmax([middle, middle - far, middle - 2 * far], dtype=dtype)
        yield loss([0.0, -abs(middle)], [1], dtype=dtype)
        weight = 2 * (1 + ulp * (rng.randrange(1 << form.precision - 1) + 0.5))
        yield loss([0.25, 0.25], [0], weight=[weight, 1.0], reduction="sum", dtype=dtype)
    # The end of the range: the greatest number, half a unit beyond it, and a tail more or less.
    end = (2 - ulp) * 2.0**greatest
    limit = end + ulp / 2 * 2.0**greatest
    for x in (end, limit, math.nextafter(limit, 0), math.nextafter(limit, INFINITY), 2.0**greatest, 1.5 * 2.0**greatest):
        yield softmax([x], dtype=dtype)
        yield softmax([x, x - 1e3, 0.0], dtype=dtype)
        yield softmax([-x, 0.0], dtype=dtype)
        yield loss([0.0, -x], [1], dtype=dtype)
        yield loss([1.0, 0.0], [0], reduction="sum", upstream=[-x], sample_weight=[2.0], dtype=dtype)
    # Numbers of the format's own least unit.
    for k in range(1, 9):
        yield loss([0.5, 0.5], [0], weight=[k * 2.0**least, 1.0], reduction="sum", dtype=dtype)
        yield softmax([k * 2.0**least / 2], dtype=dtype)


@family
def float16(rng):
    yield from narrow(rng, "float16")


@family
def bfloat16(rng):
    yield from narrow(rng, "bfloat16")


def members(dtype):
    """All finite numbers of a format of 16 bits."""
    for pattern in range(1 << 16):
        if dtype == "float16":
            value = struct.unpack("<e", struct.pack("<H", pattern))[0]
        else:
            value = struct.unpack("<f", struct.pack("<I", pattern << 16))[0]
        if math.isfinite(value):
            yield value


def exhaustive(dtype, rows=512):
    """Every number of the format as a logit beside 0, in batches; results in the format."""
    values = members(dtype)
    while batch := list(itertools.islice(values, rows)):
        logits = [x for value in batch for x in (value, 0.0)]
        yield softmax(logits, [len(batch), 2], dtype=dtype, input_dtype=dtype)


@request
def short_rows(rng):
    """Everyday rows of a few classes, many at once, which go in groups: right, wrong and confident ones, with every
    option of a loss; and divergences, products with the Hessian and teachers' weights of long rows too."""
    for kind in rng.sample(range(9), 9):
        classes, rows = rng.choice([2, 2, 3, 5, 10, 17]), rng.randint(3, 20)
        if kind in (4, 5, 8) and rng.random() < 0.3:
            classes, rows = rng.choice([70, 300]), 2
        shape, axis = ([rows, classes], 1) if rng.random() < 0.7 else ([classes, rows], 0)
        scale, lead = rng.choice([1, 3]), rng.choice([0, 0, 5, 15, 40, 90, 200])
        leaders = [rng.randrange(classes) for _ in range(rows)]

        def filled(make):
            values = [0.0] * (rows * classes)
            for places, leader in zip(places_of(shape, axis), leaders):
                for c, (p, x) in enumerate(zip(places, make(leader))):
                    values[p] = x
            return values

        def led(leader):
            return [rng.gauss(0, scale) + lead * (c == leader) for c in range(classes)]

        case = {"op": "loss", "logits": filled(led), "shape": shape, "axis": axis, "asked": ["loss", "gradient"],
                "dtype": rng.choice(["float64", "float64", "float32", "bfloat16"]), "reduction": "none",
                "temperature": rng.choice([1.0, 1.0, 2.0, 0.7])}
        target = rng.choice(["plain", "plain", "one-hot"])
        soft = filled(lambda _: soft_target(rng, classes, target))
        by_class = [y if rng.random() < 0.7 else rng.randrange(classes) for y in leaders]
        if kind == 0:
            case |= {"target": by_class, "focal_gamma": rng.choice([0.5, 1.0, 2.0, 5.0, rng.uniform(0, 10)])}
        elif kind == 1:
            case |= {"target": by_class, "label_smoothing": rng.choice([0.1, 0.5])}
        elif kind in (2, 4):
            case |= {"target": soft}
        elif kind in (3, 8):
            case |= {"target_logits": filled(led)}
        if kind in (1, 2, 3) or kind == 0 and rng.random() < 0.3:
            case |= {"z_loss": rng.choice([1e-4, 1e-2, 0.5])}
        if kind == 4:
            case |= {"asked": ["kl_divergence"]}
        elif kind == 5:
            others = rng.choice([0.0, 0.0, 1.0, 0.3])
            case |= {"target": by_class, "asked": ["hessian_vector_product"], "vector": filled(rng.choice([
                lambda leader: [1.0 if c == leader else others for c in range(classes)],
                lambda leader: [1.0 if c == leader - 1 else others for c in range(classes)],
                lambda leader: [others + rng.gauss(0, 1e-9) for _ in range(classes)],
                lambda leader: [rng.gauss(0, 1) for _ in range(classes)]]))}
        elif kind == 8:
            case |= rng.choice([{"label_smoothing": rng.choice([0.1, 0.5, 1e-6])},
                                {"weight": [rng.choice([1.0, 0.3, 2.5]) for _ in range(classes)]}])
        elif kind > 5:
            case |= {"op": "softmax", "asked": ["probabilities", "log_probabilities", "log_sum_exp", "entropy"]}
            del case["reduction"]
            if rng.random() < 0.2:
                case["softcap"] = rng.choice([30.0, 5.0])
            elif kind == 7:
                del case["asked"]
                case["top_k"] = rng.randint(1, classes)
        yield case


@request
def lowest_masks(rng):
    """Masks that are the lowest number of the results' format, and numbers beside it."""
    for _ in range(6):
        dtype = rng.choice(["float64", "float32", "float16", "bfloat16"])
        lowest = -math.ldexp(2 - 2.0 ** (1 - FORMATS[dtype].precision), FORMATS[dtype].largest)
        classes, rows = rng.choice([2, 5, 10, 100]), rng.randint(1, 8)
        logits = [rng.gauss(0, 3) if rng.random() < 0.7 else lowest * rng.choice([1, 1, 1, 1, 1 - 2.0 ** -9, 0.5])
                  for _ in range(rows * classes)]
        yield softmax(logits, [rows, classes], 1, dtype=dtype, outputs=["probabilities", "log_probabilities"],
                      temperature=rng.choice([1.0, 1.0, 1.0, 2.0, 0.5]))


@request
def near_half_way(rng):
    """What cancels, or is half-way but for less than pairs can tell: means at small temperatures, level targets,
    divergences of near softmax, log-sum-exp of log-probabilities."""
    classes, rows = rng.choice([2, 3, 10, 20]), rng.choice([5, 10])
    scale, shape = rng.choice([1, 3, 10]), [rows, classes]

    def filled(make):
        return [x for _ in range(rows) for x in make()]

    logits = filled(lambda: [rng.gauss(0, scale) for _ in range(classes)])
    by_class = [rng.randrange(classes) for _ in range(rows)]
    for target in (by_class, [float(c == y) for y in by_class for c in range(classes)]):
        yield loss(logits, target, shape, 1, temperature=rng.choice([0.05, 0.1, 0.2, 0.4]),
                   **rng.choice([{}, {"sample_weight": [rng.choice([0.1, 1.0]) for _ in range(rows)]}, {"divisor": 40.0}]))
    level = filled(lambda: [rng.choice([0.0, 1.5])] * classes)
    yield loss(level, [rng.choice([1.0, 1.0, 1 + 2.0 ** -52]) / classes for _ in level], shape, 1)
    yield loss(level, [1 / classes] * len(level), shape, 1, reduction=rng.choice(["mean", "sum"]))
    step, softness = 10 ** rng.uniform(-12, -2), rng.choice([1.0, 1.0, 2.0, 0.7])
    other = [x + 0.5 + rng.gauss(0, step) for x in logits]
    shares = [x for n in range(rows)
              for x in loss_families.rounded_softmax(rng, other[n * classes:][:classes], [1.0] * classes, softness)]
    for target in ({"target_logits": other}, {"target": shares}):
        yield {"op": "loss", "logits": logits, "shape": shape, "axis": 1, "asked": ["kl_divergence"],
               "reduction": rng.choice(["none", "mean"]), "temperature": softness} | target
    yield softmax(filled(lambda: [x + rng.choice([0, 0, step]) for x in log_softmax(rng, classes, scale)]), shape, 1,
                  outputs=["log_sum_exp"])


def log_softmax(rng, classes, scale):
    """The log-probabilities of a random row, rounded."""
    row = [rng.gauss(0, scale) for _ in range(classes)]
    whole = math.log(math.fsum(map(math.exp, row)))
    return [x - whole for x in row]
