"""peer_losses.py URL OUTPUT.md    losses beyond cross-entropy beside peers: share of values correctly rounded, largest error in ulp

Each peer answers in binary64 by what it offers, or by the formula that its users write where it offers nothing. The truth is
losses.py's. A family is a number of rows of two to six classes."""
import http.client
import json
import math
import os
import random
import sys
import urllib.parse
import warnings

import numpy
import scipy
from scipy.special import log_softmax, logsumexp, rel_entr, softmax

import losses

warnings.filterwarnings("ignore")
os.environ["JAX_PLATFORMS"] = "cpu"
import jax  # noqa: E402

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

GAMMA, LAMBDA, CAP = 2.0, 1e-4, 30.0


def focal(a, y):
    log_p = jax.nn.log_softmax(a)[y]
    return (1 - jnp.exp(log_p)) ** GAMMA * -log_p


def z_loss(a, y):
    lse = jax.scipy.special.logsumexp(a)
    return lse - a[y] + LAMBDA * lse * lse


def capped(a, y):
    return -jax.nn.log_softmax(CAP * jnp.tanh(a / CAP))[y]


def kl(a, b):
    return optax.losses.kl_divergence_with_log_targets(jax.nn.log_softmax(a), jax.nn.log_softmax(b))


JAX = {name: jax.jit(jax.value_and_grad(f)) for name, f in
       (("focal", focal), ("z_loss", z_loss), ("softcap", capped), ("kl", kl))}


def with_jax(name):
    def answer(row, other):
        value, gradient = JAX[name](jnp.array(row), jnp.array(other))
        return [float(value)], [float(x) for x in gradient]
    return answer


def numpy_focal(row, y):
    p = softmax(row)[y]
    return [(1 - p) ** GAMMA * -numpy.log(p)], None


def numpy_z(row, y):
    lse = logsumexp(row)
    return [lse - row[y] + LAMBDA * lse ** 2], None


def numpy_cap(row, y):
    return [-log_softmax(CAP * numpy.tanh(numpy.array(row) / CAP))[y]], None


def numpy_kl(row, other):
    return [rel_entr(softmax(other), softmax(row)).sum()], list(softmax(row) - softmax(other))


def numpy_hvp(row, v):
    p = softmax(row)
    return None, list(p * (numpy.array(v) - p @ numpy.array(v)))


def jax_hvp(row, v):
    gradient = jax.grad(lambda a: jax.scipy.special.logsumexp(a))
    return None, [float(x) for x in jax.jvp(gradient, (jnp.array(row),), (jnp.array(v),))[1]]


# name: (the request's options, asked of losses.py, peers)
ROWS = {
    "focal loss, γ = 2": ({"focal_gamma": GAMMA}, ["loss", "gradient"], {"SciPy": numpy_focal, "JAX": with_jax("focal")}),
    "z-loss, λ = 1e-4": ({"z_loss": LAMBDA}, ["loss", "gradient"], {"SciPy": numpy_z, "JAX": with_jax("z_loss")}),
    "soft cap, c = 30": ({"softcap": CAP}, ["loss", "gradient"], {"SciPy": numpy_cap, "JAX": with_jax("softcap")}),
    "divergence from a teacher": ({}, ["kl_divergence", "gradient"], {"SciPy": numpy_kl, "JAX": with_jax("kl")}),
    "Hessian times vector": ({}, ["hessian_vector_product"], {"SciPy": numpy_hvp, "JAX": jax_hvp}),
}
FAMILIES = {
    "random": lambda rng, n: [rng.gauss(0, 3) for _ in range(n)],
    "confident": lambda rng, n: [rng.uniform(20, 60) if i == 0 else rng.gauss(0, 1) for i in range(n)],
    "nearly level": lambda rng, n: [rng.gauss(0, 1e-9) for _ in range(n)],
}


def ulps(found, true):
    if not math.isfinite(found):
        return math.inf
    return abs(found - true) / math.ulp(true)


def measure(url, output, rows):
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    tally = {}
    for name, (options, asked, peers) in ROWS.items():
        for family, make in FAMILIES.items():
            rng = random.Random(f"{name} {family}")
            for _ in range(rows):
                n = rng.randint(2, 6)
                row = make(rng, n)
                case = {"logits": row, "shape": [n], "axis": 0, "asked": asked} | options
                request = {"logits": row, "outputs": asked} | options
                if "teacher" in name:
                    other = [x + rng.gauss(0, 1) * rng.choice([1, 1e-3, 1e-8]) for x in row]
                    request["target_logits"] = case["target_logits"] = other
                elif "vector" in name:
                    request["vector"] = case["vector"] = other = [rng.gauss(0, 1) for _ in row]
                    case["target"], request["target"] = [0], 0
                else:
                    other = request["target"] = 0 if family == "confident" else rng.randrange(n)
                    case["target"] = [other]
                try:
                    truth = losses.answers(case)
                except losses.Undecided:
                    continue
                connection.request("POST", "/gradient", json.dumps(request))
                reply = json.loads(connection.getresponse().read())
                own = [reply[x] if isinstance(reply[x], list) else [reply[x]] for x in asked]
                for who, answer in [("softmaxd", own)] + [(who, peer(row, other)) for who, peer in peers.items()]:
                    answer = dict(zip(asked, answer)) if who == "softmaxd" or len(asked) == 2 else {asked[0]: answer[1]}
                    for x in asked:
                        cell = tally.setdefault((name, x, who), [0, 0, 0.0])
                        if answer[x] is None:
                            continue
                        for found, true in zip(answer[x], truth[x]):
                            cell[0] += 1
                            cell[1] += found == true
                            cell[2] = max(cell[2], ulps(float(found), true))
    with open(output, "w") as file:
        file.write(TEXT.format(scipy=scipy.__version__, jax=jax.__version__, optax=optax.__version__))
        for (name, (options, asked, peers)) in ROWS.items():
            for x in asked:
                cells = []
                for who in ("softmaxd", "SciPy", "JAX"):
                    count, right, worst = tally[name, x, who]
                    share = f"{100 * right / count:.1f}" if count else ""
                    size = "∞" if worst == math.inf else f"{worst:.0f}" if worst < 1e6 else f"{worst:.0e}".replace("e+", "e")
                    cells.append(f"{share.removesuffix('.0') if share == '100.0' else share} · {size}" if count else "–")
                file.write(f"| {name} | {x} | {tally[name, x, 'softmaxd'][0]} | {' | '.join(cells)} |\n")


TEXT = """# Accuracy of the losses beyond cross-entropy

Made by `scripts/proof/peer-losses`; docs/numerics.md §6 says how each is computed.

Each cell: share of values that are the true value correctly rounded to binary64, in per cent, and the largest error in units in
the last place of the true value (an error of 5e15 means that no digit is right). Rows of two to six classes: random, confident,
and nearly level ones alike. The truth is that of `scripts/proof/losses.py`. SciPy stands for the formula in NumPy with SciPy's
`softmax`, `log_softmax`, `logsumexp` and `rel_entr`; JAX for the formula with `jax.nn.log_softmax`, differentiated by JAX, and for
the divergence optax's `kl_divergence_with_log_targets`. Neither has the focal loss of a softmax, the z-loss or the soft cap as a
function of its own; Liger and Gemma compute them by the same formulas.

Versions: SciPy {scipy}, JAX {jax}, optax {optax}.

| loss | output | values | softmaxd | SciPy | JAX |
|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    measure(urllib.parse.urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 300)
