"""mistakes.py URL docs/check.md    what /check says of wrong implementations, and of right ones

Every library of libraries.py makes every mistake below, in float64 and float32, over the families of logits of
docs/accuracy.md; its numbers go to /check. A mistake is found where every output that does not pass names its cause.
The data cannot show it where the numbers pass, or where they are as near to the numbers of 80-bit arithmetic as what
the libraries compute without a mistake, or so little farther that it takes less than ten bits to say: about a hundred
mistakes are tried, of which one agrees by chance with seven. That is decided here, not by what /check says. Then right
implementations are checked by the thousand. The tables go between the marks in docs/check.md."""
import argparse
import collections
import functools
import http.client
import json
import math
import pathlib
import random
import sys
import textwrap
import time
import urllib.parse
import warnings

import libraries
import numpy as np
from libraries import Request

INFINITY = math.inf
WEIGHTED = {"weight": True}
# mistake: the causes that say so, the options that it needs, and the outputs that show it.
BOTH, SOFTMAX, ALL = ("loss", "gradient"), ("probabilities", "log_probabilities"), (
    "probabilities", "log_probabilities", "loss", "gradient")
MISTAKES = {
    "sign": ({"sign"}, {}, BOTH),
    "sum for mean": ({"reduction"}, {}, BOTH),
    "mean for sum": ({"reduction"}, {"reduction": "sum"}, BOTH),
    "divided by the items": ({"divisor"}, WEIGHTED, BOTH),
    "divided by items times classes": ({"divisor"}, {}, BOTH),
    "temperature forgotten": ({"temperature"}, {"temperature": 1.75}, ALL),
    "temperature multiplied": ({"temperature"}, {"temperature": 1.75}, SOFTMAX),
    "chain rule's 1/T": ({"temperature"}, {"temperature": 1.75}, ("gradient",)),
    "another axis": ({"axis"}, {}, ALL),
    "the whole array": ({"axis"}, {}, ALL),
    "transposed": ({"axis"}, {"square": True}, ("gradient", "probabilities")),
    "softmax twice": ({"softmax_twice"}, {}, ALL),
    "no softmax": ({"no_softmax"}, {}, ALL),
    "counted from 1": ({"target_offset"}, {}, BOTH),
    "target not subtracted": ({"no_target"}, {}, ("gradient",)),
    "smoothing left out": ({"smoothing"}, {"smoothing": 0.2}, BOTH),
    "smoothing over C - 1": ({"smoothing"}, {"smoothing": 0.2}, BOTH),
    "smoothing without weights": ({"smoothing"}, {"smoothing": 0.2, "weight": True}, BOTH),
    "weights left out": ({"weight"}, WEIGHTED, BOTH),
    "weights twice": ({"weight"}, WEIGHTED, BOTH),
    "weights per class": ({"weight"}, WEIGHTED, ("gradient",)),
    "ignored counted": ({"ignore_index"}, {"ignore": True}, BOTH),
    "sample weights forgotten": ({"sample_weight"}, {"sample_weight": True}, BOTH),
    "base 2": ({"log_base"}, {}, BOTH),
    "base 10": ({"log_base"}, {}, ("loss", "log_probabilities")),
    "epsilon": ({"epsilon"}, {}, ("loss", "log_probabilities")),
    "clipped": ({"clipping"}, {}, ("loss", "log_probabilities", "probabilities")),
    "no shift": ({"overflow", "underflow"}, {}, ALL),
    "logarithm of p": ({"underflow"}, {}, ("loss", "log_probabilities")),
    # Short formats are short of exponents too.
    "shorter format": ({"precision", "cancellation", "overflow", "underflow"}, {}, BOTH),
    "rows shuffled": ({"order"}, {}, ("gradient", "probabilities")),
    "classes sorted": ({"order"}, {}, ("gradient", "probabilities")),
    "counted from 1, sum for mean": ({"target_offset", "reduction"}, {}, BOTH),
    "smoothing and weights left out": ({"smoothing", "weight"}, {"smoothing": 0.2, "weight": True}, BOTH),
}
# What says that the formula is right.
ARITHMETIC = {"precision", "cancellation"}
# JAX and TensorFlow flush subnormal numbers to 0, and /check says so.
FLUSHED = {"underflow"}
RIGHT_OR_UNKNOWN = {"unexplained"} | ARITHMETIC | FLUSHED
FAMILIES = ("random", "confident 20 to 745", "wide ±1e4", "wide ±1e300", "offset 1e8", "all equal", "masked",
            "subnormal results", "near-ties", "near-level 1e-300", "self-distillation", "1,000 classes")


def batch(rng, family, square=False):
    """Logits [N, C] of a family, and a class of finite logit for each."""
    c = 1000 if family == "1,000 classes" else rng.choice([3, 4, 5, 7, 10])
    if square:
        c = min(c, 32)
    n = c if square else 6 if family == "1,000 classes" else rng.choice([4, 5, 6, 8])
    n += n == c and not square
    gauss = np.array([[rng.gauss(0, 1) for _ in range(c)] for _ in range(n)])
    y = np.array([rng.randrange(c) for _ in range(n)])
    rows = np.arange(n)
    if family == "random":
        a = 3 * gauss
    elif family == "confident 20 to 745":
        a = gauss.copy()
        a[rows, y] = gauss.max(1) + [rng.uniform(20, 745) for _ in rows]
    elif family == "wide ±1e4":
        a = 1e4 * np.tanh(gauss)
    elif family == "wide ±1e300":
        a = 1e300 * np.tanh(gauss)
    elif family == "offset 1e8":
        a = 1e8 + gauss
    elif family == "all equal":
        a = np.repeat(gauss[:, :1], c, 1)
    elif family == "masked":
        a = np.where(np.array([[rng.random() < 0.3 for _ in range(c)] for _ in range(n)]), -INFINITY, gauss)
        a[rows, y] = gauss[rows, y]
    elif family == "subnormal results":
        a = gauss - 720
        a[rows, (y + 1) % c] = 0
    elif family == "near-ties":
        a = np.nextafter(gauss[:, :1], gauss + 0 * gauss)
    elif family == "near-level 1e-300":
        a = 1e-300 * gauss
    elif family == "self-distillation":
        a, y = 2 * gauss, (2 * gauss).argmax(1)
    else:
        a = 3 * gauss
    return a, y


def request(rng, family, dtype, options):
    a, y = batch(rng, family, options.get("square", False))
    n, c = a.shape
    if dtype == "float32":  # within its range
        a = {"wide ±1e300": 1e-264, "near-level 1e-300": 1e270}.get(family, 1.0) * a
    a = a.astype(dtype).astype(float)
    given = {name: options[name] for name in ("temperature", "smoothing", "reduction") if name in options}
    if options.get("smoothing"):
        a = np.where(np.isfinite(a), a, -30.0)
    if options.get("weight"):
        given["weight"] = np.array([rng.choice([0.5, 1.5, 2.0, 3.0]) + 0.25 * (k % 3) for k in range(c)])
    if options.get("sample_weight"):
        given["sample_weight"] = np.array([rng.choice([0.5, 1.0, 2.0]) + 0.25 * k for k in range(n)])
    if options.get("ignore"):
        given["ignore_index"] = int(y[0])
        y[1] = (y[0] + 1) % c
        if a[1, y[1]] == -INFINITY:
            a[1, y[1]] = 0.0
    return Request(a, y, dtype, **given)


class Service:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)

    def check(self, r, outputs, **tolerance):
        def written(value):
            if isinstance(value, list):
                return [written(x) for x in value]
            return value if math.isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
        body = r.body() | tolerance
        body["candidate"] = {name: written(value.tolist()) for name, value in outputs.items()}
        self.connection.request("POST", "/check", json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {text[:400]} to {json.dumps(body)[:400]}")
        return json.loads(text)


class Exact(libraries.NumPy):
    """The right numbers, in 80-bit arithmetic."""

    def compute(self, r, wrong=None):
        with np.errstate(all="ignore"):
            return libraries.finish(self.outputs(r, wrong, "longdouble"), r, wrong)


class Sums(libraries.NumPy):
    """Right too: a - logsumexp(a), which large logits cost digits."""

    def log_softmax(self, x, axis):
        most = x.max(axis, keepdims=True)
        return x - (most + np.log(np.exp(x - most).sum(axis, keepdims=True)))

    def softmax(self, x, axis): return np.exp(self.log_softmax(x, axis))


class Logarithms(libraries.NumPy):
    """Right too, except for what cancels: the logarithm of p."""

    def log_softmax(self, x, axis): return np.log(self.softmax(x, axis))


class Noise:
    """What right arithmetic rounds in one request: how far each library's right answer is from the exact one."""

    # What it takes to tell a mistake from a hundred others.
    least_bits = 10

    def __init__(self, r, all_libraries):
        self.r = r
        self.exact = Exact().compute(r)
        self.right = [library.compute(r) for library in all_libraries + [Sums(), Logarithms()]]

    def bits(self, name, candidate):
        """log2 of how much further the numbers are from the exact ones than eight times what right answers are."""
        exact, limits = self.exact[name], np.finfo(self.r.dtype)
        with np.errstate(all="ignore"):
            # What is infinite or NaN is not right.
            distances = [np.abs(right[name] - exact) for right in self.right if name in right]
            noise = np.max([np.where(np.isfinite(distance), distance, 0) for distance in distances], axis=0)
            # One rounding of p is one of its logarithm.
            least = 4 * limits.eps if name in ("loss", "log_probabilities") else 16 * float(limits.tiny)
            allowed = 8 * noise + 16 * limits.eps * np.abs(exact) + least
            same = (candidate == exact) | (np.isnan(candidate) & np.isnan(exact))
            further = np.where(same, 0, np.log2(np.abs(candidate - exact) / allowed))
            return float(np.sum(np.maximum(0, np.where(np.isnan(further), INFINITY, further))))


def verdict(report, causes, outputs, noise, too_little):
    """found, with others (named beside others), missed, blamed (only others named), or nothing to see. Outputs further
    from right ones than rounding explains, though not by what it takes to tell a mistake, count in too_little."""
    seen, worst = False, "found"
    order = ["found", "with others", "missed", "blamed"]
    for name, output in report["outputs"].items():
        if output["passes"]:
            continue
        named = {f["cause"] for f in report["findings"] if f["output"] == name}
        if not causes & named and named <= RIGHT_OR_UNKNOWN:
            bits = noise().bits(name, outputs[name])
            if bits < Noise.least_bits:
                too_little["all"] += bits > 0
                continue  # the mistake does not show; what is left is rounding, or little more
        seen = True
        if causes & named:
            one = "found" if named <= causes | ARITHMETIC else "with others"
        else:
            one = "missed" if named <= RIGHT_OR_UNKNOWN else "blamed"
        worst = max(worst, one, key=order.index)
    return worst if seen else "not to see"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url", type=urllib.parse.urlparse)
    options.add_argument("output")
    options.add_argument("--rows", type=int, default=2, help="batches for each library, mistake, family and format")
    options.add_argument("--correct", type=int, default=10_000, help="right implementations that are checked")
    options.add_argument("--seed", default="right", help="which right implementations")
    options.add_argument("--only", help="a library")
    options.add_argument("--verbose", action="store_true")
    given = options.parse_args()
    warnings.simplefilter("ignore")
    service, all_libraries = Service(given.url), []
    for library in libraries.ALL:
        if given.only and library.name != given.only:
            continue
        try:
            all_libraries.append(library())
        except (ImportError, OSError) as missing:
            print(f"without {library.name}: {missing}", file=sys.stderr)
    tally, too_little = collections.Counter(), collections.Counter()
    for library in all_libraries:
        start = time.monotonic()
        for mistake, (causes, needs, shown) in MISTAKES.items():
            for family in FAMILIES:
                if mistake == "shorter format" and family in ("wide ±1e300", "offset 1e8"):
                    continue  # the logits themselves are lost in it
                for dtype in ("float64", "float32"):
                    rng = random.Random(f"{mistake} {family} {dtype}")
                    for _ in range(given.rows):
                        r = request(rng, family, dtype, needs)
                        outputs = {k: v for k, v in library.compute(r, mistake).items() if k in shown}
                        if not outputs:
                            continue
                        report = service.check(r, outputs)
                        found = verdict(report, causes, outputs, functools.cache(lambda: Noise(r, all_libraries)), too_little)
                        tally[library.name, mistake, family, dtype, found] += 1
                        if given.verbose and found in ("missed", "blamed", "with others"):
                            named = sorted({(f["output"], f["cause"]) for f in report["findings"]})
                            print(f"{found}: {library.name}, {mistake}, {family}, {dtype}: {named}")
        print(f"{library.name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    right = right_ones(service, all_libraries, given)
    write(pathlib.Path(given.output), all_libraries, tally, too_little["all"], right)


def right_ones(service, all_libraries, given):
    """Right implementations with random options: how many pass, and what is said of those that do not."""
    counts, rng = collections.Counter(), random.Random(given.seed)
    for k in range(given.correct):
        library = all_libraries[k % len(all_libraries)]
        dtype, family = rng.choice(["float64", "float32"]), rng.choice(FAMILIES[:-1])
        needs = {name: value for name, value in (
            ("temperature", rng.choice([0.5, 1.7, 3.0])), ("smoothing", rng.choice([0.01, 0.1, 0.3])), ("weight", True),
            ("sample_weight", True), ("ignore", True), ("reduction", "sum")) if rng.random() < 0.3}
        r = request(rng, family, dtype, needs)
        outputs = library.compute(r)
        report = service.check(r, outputs)
        counts["all"] += 1
        counts["passes"] += report["passes"]
        named = {f["cause"] for f in report["findings"]}
        for cause in named:
            counts[cause] += 1
        if named - ARITHMETIC - (FLUSHED if library.name in ("JAX", "TensorFlow") else set()):
            counts["blamed"] += 1
            if given.verbose:
                print(f"right, and blamed: {library.name}, {family}, {dtype}, {needs}: "
                      f"{sorted((f['output'], f['cause']) for f in report['findings'])}")
    return counts


def shown(cells):
    """found/seen, and in brackets what else there was."""
    seen = sum(cells[v] for v in ("found", "with others", "missed", "blamed"))
    if seen == 0:
        return "–"
    named = cells["found"] + cells["with others"]
    extra = [f"{cells[v]} {v}" for v in ("missed", "blamed") if cells[v]]
    return f"{named}/{seen}" + (f" ({', '.join(extra)})" if extra else "")


def wrapped(text):
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def write(path, all_libraries, tally, too_little, right):
    def cells(**want):
        found = collections.Counter()
        for (library, mistake, family, dtype, verdict_), count in tally.items():
            key = {"library": library, "mistake": mistake, "family": family, "dtype": dtype}
            if all(key[name] == value for name, value in want.items()):
                found[verdict_] += count
        return found

    def table(heads, rows):
        return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
                         + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"
    names = [library.name for library in all_libraries]
    by_library = table(["mistake"] + names, [[mistake] + [shown(cells(mistake=mistake, library=name)) for name in names]
                                             for mistake in MISTAKES]
                       + [["all"] + [shown(cells(library=name)) for name in names]])
    by_family = table(["family", "float64", "float32", "named beside others", "not to see"],
                      [[family, shown(cells(family=family, dtype="float64")), shown(cells(family=family, dtype="float32")),
                        str(cells(family=family)["with others"]), str(cells(family=family)["not to see"])]
                       for family in FAMILIES])
    whole = cells()
    text = path.read_text(encoding="utf-8")
    begin, end = "<!-- scripts/proof/peers mistakes writes from here -->\n", "<!-- to here -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    said = ", ".join(f"{cause} {right[cause]}" for cause in sorted(ARITHMETIC | FLUSHED) if right[cause]) or "nothing"
    found = (
        f"Found, of those that the numbers show: {shown(whole)}; in {whole['with others']} of them other causes agree as well, and "
        f"in {whole['not to see']} more the numbers pass or differ by rounding alone. {too_little} outputs say too little.")
    rights = (
        f"Of {right['all']:,} right implementations with random options, each sent with its dtype, {right['passes']:,} pass with the default tolerances; of the "
        f"others it is said that the formula is right, or that JAX and TensorFlow flush subnormal numbers to 0 ({said}; one may get "
        f"several). {right['blamed']} are blamed for a mistake.")
    path.write_text(
        f"{before}{begin}\n{wrapped(found)}\n\n{by_library}\n{by_family}\n{wrapped(rights)}\n\n{end}{after}", encoding="utf-8")
    print(f"found {shown(whole)}; right: {right['all']}, {right['blamed']} blamed")


if __name__ == "__main__":
    main()
