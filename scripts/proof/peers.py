"""peers.py URL OUTPUT.md    softmaxd beside its peers: share of values correctly rounded and largest error in ulp

Each peer answers in binary64 by the best formulation that it offers, not by the textbook's: log_softmax and its fused
cross-entropy rather than log(softmax), its own logsumexp, its own differentiation. A family is a number of single rows,
each with a class as its target; "self-distillation" takes the rounded softmax itself as a soft target, "near-level"
1/n."""
import argparse
import http.client
import json
import math
import os
import random
import sys
import urllib.parse
import warnings

import oracle

OUTPUTS = ("probabilities", "log_probabilities", "log_sum_exp", "entropy", "loss", "gradient")
INFINITY = math.inf


# --- Peers: function(logits, target) -> {output: list}; target is a class or a list of probabilities ------------------

def textbook():
    import numpy

    def answer(logits, target):
        a = numpy.array(logits)
        e = numpy.exp(a)
        p = e / e.sum()
        t = numpy.array(target) if isinstance(target, list) else numpy.eye(len(a))[target]
        with numpy.errstate(all="ignore"):
            return {"probabilities": p, "log_probabilities": numpy.log(p), "log_sum_exp": [numpy.log(e.sum())],
                    "entropy": [-(p * numpy.log(p)).sum()], "loss": [-(t * numpy.log(p))[t > 0].sum()], "gradient": p - t}
    return numpy.__version__, answer


def pytorch():
    import torch
    from torch.nn import functional

    def answer(logits, target):
        a = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
        t = torch.tensor([target]) if isinstance(target, int) else torch.tensor([target], dtype=torch.float64)
        loss = functional.cross_entropy(a, t)
        loss.backward()
        with torch.no_grad():
            p, log_p = functional.softmax(a, 1), functional.log_softmax(a, 1)
            return {"probabilities": p[0].tolist(), "log_probabilities": log_p[0].tolist(),
                    "log_sum_exp": [torch.logsumexp(a, 1).item()], "entropy": [torch.special.entr(p).sum().item()],
                    "loss": [loss.item()], "gradient": a.grad[0].tolist()}
    return torch.__version__.split("+")[0], answer


def jax_():
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    def of(a, t):
        log_p = jax.nn.log_softmax(a)
        loss = -log_p[t] if t.ndim == 0 else -(jnp.where(t > 0, t * jnp.where(t > 0, log_p, 0), 0)).sum()
        return loss
    compiled = jax.jit(jax.value_and_grad(of))

    def answer(logits, target):
        a = jnp.array(logits, dtype=jnp.float64)
        loss, gradient = compiled(a, jnp.array(target))
        p = jax.nn.softmax(a)
        return {"probabilities": p.tolist(), "log_probabilities": jax.nn.log_softmax(a).tolist(),
                "log_sum_exp": [float(jax.scipy.special.logsumexp(a))], "entropy": [float(jax.scipy.special.entr(p).sum())],
                "loss": [float(loss)], "gradient": gradient.tolist()}
    return jax.__version__, answer


def tensorflow():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import tensorflow as tf

    def answer(logits, target):
        a = tf.constant([logits], dtype=tf.float64)
        with tf.GradientTape() as tape:
            tape.watch(a)
            loss = (tf.nn.sparse_softmax_cross_entropy_with_logits([target], a) if isinstance(target, int) else
                    tf.nn.softmax_cross_entropy_with_logits(tf.constant([target], dtype=tf.float64), a))
        p, log_p = tf.nn.softmax(a), tf.nn.log_softmax(a)
        return {"probabilities": p[0].numpy(), "log_probabilities": log_p[0].numpy(),
                "log_sum_exp": tf.reduce_logsumexp(a, 1).numpy(),
                "entropy": [float(-tf.reduce_sum(tf.math.multiply_no_nan(log_p, p)))],
                "loss": loss.numpy(), "gradient": tape.gradient(loss, a)[0].numpy()}
    return tf.__version__, answer


def scipy_():
    import numpy
    import scipy
    from scipy import special

    def answer(logits, target):
        a = numpy.array(logits)
        p, log_p = special.softmax(a), special.log_softmax(a)
        t = numpy.array(target) if isinstance(target, list) else numpy.eye(len(a))[target]
        return {"probabilities": p, "log_probabilities": log_p, "log_sum_exp": [special.logsumexp(a)],
                "entropy": [special.entr(p).sum()], "loss": [-(t[t > 0] * log_p[t > 0]).sum()], "gradient": p - t}
    return scipy.__version__, answer


def scikit_learn():
    import numpy
    import sklearn
    from sklearn._loss import HalfMultinomialLoss

    def answer(logits, target):
        if isinstance(target, list) or len(logits) < 3:
            return {}  # its multinomial loss takes class indices, and three classes or more
        a, y = numpy.array([logits]), numpy.array([float(target)])
        function = HalfMultinomialLoss(n_classes=len(logits))
        gradient, p = function.gradient_proba(y_true=y, raw_prediction=a)
        return {"probabilities": p[0], "loss": function.loss(y_true=y, raw_prediction=a), "gradient": gradient[0]}
    return sklearn.__version__, answer


PEERS = {"textbook (NumPy)": textbook, "SciPy": scipy_, "scikit-learn": scikit_learn, "PyTorch": pytorch, "JAX": jax_,
         "TensorFlow": tensorflow}


def softmaxd(url):
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)

    def post(path, request):
        connection.request("POST", path, json.dumps(request), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {text[:300]}")
        return json.loads(text)

    def answer(logits, target):
        written = [x if x > -INFINITY else "-Infinity" for x in logits]
        reply = post("/softmax", {"logits": written, "outputs": list(OUTPUTS[:4])})
        reply |= post("/gradient", {"logits": written, "target": target, "outputs": ["loss", "gradient"]})
        values = {k: v if isinstance(v, list) else [v] for k, v in reply.items()}
        return {k: [float(x.replace("Infinity", "inf")) if isinstance(x, str) else x for x in v] for k, v in values.items()}
    return "", answer


# --- Families ---------------------------------------------------------------------------------------------------------

def rows(rng, name, count):
    for _ in range(count):
        n = rng.choice([3, 5, 10, 50])
        gauss = [rng.gauss(0, 1) for _ in range(n)]
        hot = rng.randrange(n)
        if name == "random":
            logits = [3 * x for x in gauss]
        elif name == "confident 20 to 745":
            logits = list(gauss)
            logits[hot] = max(gauss) + rng.uniform(20, 745)
        elif name == "wide ±1e4":
            logits = [rng.uniform(-1e4, 1e4) for _ in gauss]
        elif name == "wide ±1e300":
            logits = [rng.uniform(-1e300, 1e300) for _ in gauss]
        elif name == "offset 1e8":
            logits = [1e8 + x for x in gauss]
        elif name == "all equal":
            logits = [gauss[0]] * n
        elif name == "masked":
            logits = [x if i == hot or rng.random() < 0.6 else -INFINITY for i, x in enumerate(gauss)]
        elif name == "subnormal results":
            logits = [x - rng.uniform(700, 745) for x in gauss]
            logits[hot] = 0.0
        elif name == "near-ties":
            logits = [math.nextafter(gauss[0], gauss[0] + rng.choice([-1, 1])) for _ in gauss]
        elif name == "near-level 1e-300":
            logits = [rng.choice([1e-300, -3e-300, 0.0]) for _ in gauss]
        elif name == "self-distillation":
            logits = [2 * x for x in gauss]
        elif name == "10,000 classes":
            logits = [rng.gauss(0, 3) for _ in range(10000)]
            hot = rng.randrange(10000)
        if name == "self-distillation":
            yield logits, oracle.softmax(logits, outputs=["probabilities"])["probabilities"]
        elif name == "near-level 1e-300":
            yield logits, [1 / n] * n
        else:
            yield logits, hot if logits[hot] > -INFINITY else logits.index(max(logits))


NAMES = ("random", "confident 20 to 745", "wide ±1e4", "wide ±1e300", "offset 1e8", "all equal", "masked",
         "subnormal results", "near-ties", "near-level 1e-300", "self-distillation", "10,000 classes")


def error(found, true):
    if found == true:
        return 0.0
    if not math.isfinite(found) or not math.isfinite(true):
        return INFINITY
    return abs(found - true) / math.ulp(true)


def shown(error):
    if error == 0:
        return "0"
    if error == INFINITY:
        return "∞"
    return f"{error:.0f}" if error < 1000 else f"{error:.0e}".replace("e+0", "e").replace("e+", "e")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url", type=urllib.parse.urlparse)
    options.add_argument("output")
    options.add_argument("--rows", type=int, default=60)
    given = options.parse_args()
    warnings.simplefilter("ignore")
    answering, versions = {"softmaxd": softmaxd(given.url)[1]}, {}
    for name, load in PEERS.items():
        try:
            versions[name], answering[name] = load()
        except (ImportError, OSError, ValueError) as missing:
            print(f"without {name}: {missing}", file=sys.stderr)
    tally = {}
    for family in NAMES:
        rng = random.Random(f"peers {family}")
        for logits, target in rows(rng, family, given.rows if "classes" not in family else max(2, given.rows // 20)):
            true = oracle.softmax(logits, outputs=OUTPUTS[:4])
            true |= oracle.loss_and_gradient(logits, target if isinstance(target, list) else [target])
            for peer, answer in answering.items():
                for output, values in answer(logits, target).items():
                    for found, exact in zip(values, true[output], strict=True):
                        entry = tally.setdefault((peer, family, output), [0, 0, 0.0])
                        off = error(float(found), exact)
                        entry[0] += 1
                        entry[1] += off == 0
                        entry[2] = max(entry[2], off)
        print(family, flush=True)
    with open(given.output, "w") as file:
        file.write(report(tally, list(answering), versions))


def report(tally, peers, versions):
    lines = ["# Accuracy beside other libraries", "",
             "Made by `scripts/proof/peers accuracy`; docs/numerics.md says where each peer loses its digits.", "",
             "Each cell: share of values that are the true value correctly rounded to binary64, in per cent, and the largest",
             "error in units in the last place of the true value (∞: an infinity or NaN for a finite number, or the reverse).",
             "From an error of 4.5e15 on no digit is right, mostly a 0 for a number that is not; subnormal numbers have fewer",
             "to lose. A dash: the peer has no such function. The peers answer in binary64, each by the best formulation that it offers (scripts/proof/peers.py).", "",
             "Versions: " + ", ".join(f"{k} {v}" for k, v in versions.items()) + ".", "", "## All families together", "",
             "The share is the mean of the families' shares, so that the one with most values does not drown the others. The row",
             "\"all\" takes all outputs' values within each family. scikit-learn computes fewer families: no target that is a",
             "distribution (near-level, self-distillation), where gradients cancel most.", "",
             "| output | " + " | ".join(peers) + " |", "|---|" + "---|" * len(peers)]

    def cell(select):
        found = {k: v for k, v in tally.items() if select(k)}
        if not found:
            return "–"
        shares = [sum(v[1] for k, v in found.items() if k[1] == f) / sum(v[0] for k, v in found.items() if k[1] == f)
                  for f in NAMES if any(k[1] == f for k in found)]
        share = 100 * sum(shares) / len(shares)
        worst = max(v[2] for v in found.values())
        return f"{'100' if worst == 0 else f'{min(share, 99.9):.1f}'} · {shown(worst)}"
    for output in OUTPUTS:
        lines.append(f"| {output} | " + " | ".join(cell(lambda k: k[0] == p and k[2] == output) for p in peers) + " |")
    lines.append("| all | " + " | ".join(cell(lambda k: k[0] == p) for p in peers) + " |")
    for output in OUTPUTS:
        lines += ["", f"## {output}", "", "| family | values | " + " | ".join(peers) + " |", "|---|---|" + "---|" * len(peers)]
        for family in NAMES:
            count = tally[(peers[0], family, output)][0]
            lines.append(f"| {family} | {count} | " + " | ".join(
                cell(lambda k: k == (p, family, output)) for p in peers) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
