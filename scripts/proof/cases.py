"""A case: a request to the numeric core as a dictionary, and how the oracle answers it."""
import math
import struct

import losses
import oracle
from slices import places_of

INFINITY = math.inf
OPTIONS = ("weight", "sample_weight", "ignore_index", "label_smoothing", "reduction", "divisor", "upstream")
DEFAULTS = {"temperature": 1.0, "dtype": "float64", "axis": None, "weight": None, "sample_weight": None,
            "ignore_index": -100, "label_smoothing": 0.0, "reduction": "mean", "divisor": None, "upstream": None}


def softmax(logits, shape=None, axis=None, **options):
    shape = shape or [len(logits)]
    return {"op": "softmax", "logits": logits, "shape": shape, "axis": len(shape) - 1 if axis is None else axis} | options


def loss(logits, target, shape=None, axis=None, **options):
    return softmax(logits, shape, axis) | {"op": "loss", "target": target} | options


def derivation(logits, target, **options):
    return softmax(logits) | {"op": "derivation", "target": target} | options


def answered(case):
    """The case with the true answers under "want": by losses.py where it says what is asked, else by oracle.py."""
    if "asked" in case:
        return case | {"want": losses.answers(case)}
    options = {k: v for k, v in case.items() if k not in ("op", "logits", "target", "recurrence", "target_recurrence", "input_dtype", "texts")}
    if case["op"] == "softmax":
        want = oracle.softmax(case["logits"], **options)
    elif case["op"] == "loss":
        want = oracle.loss_and_gradient(case["logits"], case["target"], **options)
    else:
        want = oracle.derivation(case["logits"], case["target"], options.get("temperature", 1.0))
    return case | {"want": want}


# --- Random requests -------------------------------------------------------------------------------------------------

EXTREME_FACTORS = [0.0, 5e-324, 1.5e-323, 1e-300, 0.1, 0.5, 1.0, 1.5, 3.0, 1e15, 1e300, 1.7e308]
TEMPERATURES = [0.1, 0.5, 2.0, 3.0, 0.7, 10.0, 1e-3, 1e5, 1e-300, 1e300, 5e-324, 1e308]


def a_temperature(rng):
    return rng.choice(TEMPERATURES) if rng.random() < 0.25 else 1.0


def factors(rng, count, hostile):
    """Non-negative weights: plain ones, or now and then the ends of the range."""
    if hostile:
        return [rng.choice(EXTREME_FACTORS) for _ in range(count)]
    return [rng.choice([0.0, 1.0, rng.uniform(0, 3), rng.uniform(0, 3)]) for _ in range(count)]


def soft_target(rng, count, kind):
    if kind == "loose":  # need not sum to one
        return [rng.choice([0.0, rng.random(), rng.random() * 3]) for _ in range(count)]
    if kind == "one-hot":
        hot = rng.randrange(count)
        return [1.0 if c == hot else 0.0 for c in range(count)]
    raw = [rng.random() for _ in range(count)]
    return [x / sum(raw) for x in raw]


def random_loss(rng, logits, shape, axis, hostile=False, temperature=None):
    """A loss case with every option drawn at random."""
    classes = shape[axis]
    batch = len(logits) // classes
    probabilities = rng.random() < 0.4
    options = {"temperature": a_temperature(rng) if temperature is None else temperature,
               "dtype": rng.choice(["float64", "float64", "float32"]),
               "reduction": rng.choice(["none", "sum", "mean"])}
    if rng.random() < 0.45:
        options["weight"] = factors(rng, classes, hostile and rng.random() < 0.6)
    if rng.random() < 0.35:
        options["sample_weight"] = factors(rng, batch, hostile and rng.random() < 0.6)
    if rng.random() < 0.4:
        options["label_smoothing"] = rng.choice([0.1, 0.1, 0.25, 1.0, 1e-300, 5e-324, rng.random()])
    if rng.random() < 0.4:
        count = batch if options["reduction"] == "none" else 1
        options["upstream"] = [rng.choice([0.0, -1.0, 2.5, rng.uniform(-2, 2), -1e300 if hostile else -3.0])
                               for _ in range(count)]
    if probabilities:
        target = [0.0] * len(logits)
        for place in places_of(shape, axis):
            for p, x in zip(place, soft_target(rng, classes, rng.choice(["plain", "plain", "loose", "one-hot"]))):
                target[p] = x
    else:
        target = [rng.randrange(classes) for _ in range(batch)]
        if rng.random() < 0.35:
            ignored = options["ignore_index"] = rng.choice([0, classes - 1, -1, 255])
            target = [ignored if rng.random() < 0.3 else t for t in target]
    case = loss(logits, target, shape, axis, **options)
    return {k: v for k, v in case.items() if k == "axis" or k not in DEFAULTS or v != DEFAULTS[k]}


def a_shape(rng, classes):
    """A shape that holds the classes on one axis, and that axis."""
    kind = rng.random()
    if kind < 0.5:
        return [classes], 0
    if kind < 0.75:
        return [rng.randint(1, 4), classes], 1
    if kind < 0.85:
        return [classes, rng.randint(1, 3)], 0
    return [rng.randint(1, 2), classes, rng.randint(1, 3)], 1


# --- Text ------------------------------------------------------------------------------------------------------------

def bits(x):
    return f"{struct.unpack('<Q', struct.pack('<d', x))[0]:x}"


def bits32(x):
    return f"{struct.unpack('<I', struct.pack('<f', x))[0]:08x}"


def bits16(x):
    return f"{struct.unpack('<H', struct.pack('<e', x))[0]:04x}"


def bits_bfloat16(x):
    return bits32(x)[:4]


PATTERNS = {"float64": bits, "float32": bits32, "float16": bits16, "bfloat16": bits_bfloat16}


def text(case, name):
    """The case in the fixtures' format (Tests/SoftmaxTests/Fixtures/README.md)."""
    def row(values, form=bits):
        parts, run, last = [], 0, None
        for value in [form(x) for x in values] + [None]:
            if value == last:
                run += 1
                continue
            if last is not None:
                parts.append(last if run == 1 else f"{last}*{run}")
            run, last = 1, value
        return " ".join(parts)

    lines = [f"case {name}", f"op {case['op']}", f"shape {' '.join(map(str, case['shape']))}", f"axis {case['axis']}"]
    if "recurrence" in case:
        lines.append(f"logits_recurrence {case['recurrence']}")
    else:
        lines.append(f"logits {row(case['logits'])}")
    if "target" in case:
        if isinstance(case["target"], int):
            lines.append(f"class {case['target']}")
        elif "target_recurrence" in case:
            lines.append(f"probabilities_recurrence {case['target_recurrence']}")
        elif isinstance(case["target"][0], int):
            lines.append(f"indices {' '.join(map(str, case['target']))}")
        else:
            lines.append(f"probabilities {row(case['target'])}")
    for name in ("input", "target_logits", "vector", "temperature", "softcap", "dtype", "weight", "sample_weight",
                 "ignore_index", "label_smoothing", "z_loss", "focal_gamma", "reduction", "divisor", "upstream", "empty",
                 "top_k"):
        value = case.get(name)
        if value is None:
            continue
        lines.append(f"{name} " + (row(value) if isinstance(value, list) else bits(value) if isinstance(value, float)
                                   else str(value)))
    form = PATTERNS[case.get("dtype", "float64")]
    for name, values in case["want"].items():
        if name in ("argmax", "top_indices"):
            lines.append(f"= {name} {' '.join(map(str, values))}")
        elif "recurrence" in case and len(values) > 1:
            lines.append(f"= {name} digest {digest(values)} " + " ".join(
                f"{i}:{bits(values[i])}" for i in samples(len(values), case["target"] if "target" in case else None)))
        else:
            lines.append(f"= {name} {row(values, form)}")
    return "\n".join(lines) + "\n"


def digest(values):
    """FNV-1a over whole 64-bit words; every zero counts as +0."""
    hash = 0xCBF29CE484222325
    for x in values:
        hash = ((hash ^ struct.unpack("<Q", struct.pack("<d", x + 0.0))[0]) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{hash:016x}"


def samples(count, target):
    places = {0, 1, count // 3, count // 2, count - 1}
    if isinstance(target, list) and isinstance(target[0], int):
        places.add(target[0])
    return sorted(place for place in places if place < count)


def recurrence(seed, count, width, exponent, signed=True):
    """s <- 6364136223846793005 s + 1442695040888963407 mod 2^64; the top `width` bits as an integer, less 2^(width-1)
    when signed, times 2^exponent: exact in binary64. Returns the values and the line that a fixture stores."""
    s, values = seed, []
    for _ in range(count):
        s = (s * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        values.append(math.ldexp((s >> (64 - width)) - (1 << (width - 1) if signed else 0), exponent))
    return values, f"{seed} {count} {width} {exponent} {'signed' if signed else 'unsigned'}"
