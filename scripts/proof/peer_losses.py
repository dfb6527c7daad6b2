"""peer_losses.py URL OUTPUT.md    losses beyond cross-entropy beside peers: share correctly rounded, largest error

Each peer answers in binary64 by what it offers, or by the formula that its users write where it offers nothing. The
truth is losses.py's. A family is a number of rows of two to six classes."""
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
os.environ |= {"JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "torch"}
import jax  # noqa: E402
import keras  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

keras.backend.set_floatx("float64")

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


def sigmoid_focal(a, y):
    return optax.losses.sigmoid_focal_loss(a[1] - a[0], y, gamma=GAMMA)


JAX = {name: jax.jit(jax.value_and_grad(f)) for name, f in
       (("focal", focal), ("z_loss", z_loss), ("softcap", capped), ("kl", kl), ("sigmoid_focal", sigmoid_focal))}


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


def with_torch(function):
    """A loss and its gradient by PyTorch's own differentiation."""
    def answer(row, other):
        a = torch.tensor(row, dtype=torch.float64, requires_grad=True)
        value = function(a, other)
        value.backward()
        return [value.item()], a.grad.tolist()
    return answer


def torch_focal(a, y):
    log_p = F.log_softmax(a, 0)[y]
    return (1 - log_p.exp()) ** GAMMA * -log_p


def torch_capped(a, y):
    return F.cross_entropy(CAP * torch.tanh(a / CAP), torch.tensor(y))


def torch_kl(a, other):
    teacher = F.log_softmax(torch.tensor(other, dtype=torch.float64), 0)
    return F.kl_div(F.log_softmax(a, 0), teacher, reduction="sum", log_target=True)


def liger_z(row, y):
    """The steps of Liger's kernel, forward and backward in one, in binary64."""
    a = numpy.array(row)
    e = numpy.exp(a - a.max())
    lse = a.max() + numpy.log(e.sum())
    p = e / e.sum()
    gradient = p + 2 * LAMBDA * lse * p
    gradient[y] -= 1
    return [lse - a[y] + LAMBDA * lse * lse], list(gradient)


KERAS = keras.losses.CategoricalFocalCrossentropy(
    alpha=1.0, gamma=GAMMA, from_logits=True, reduction="sum", dtype="float64")


def keras_focal(a, y):
    return KERAS(numpy.eye(len(a))[[y]], a[None])


# name: (the request's options, asked of losses.py, peers)
ROWS = {
    "focal loss, γ = 2": (
        {"focal_gamma": GAMMA}, ["loss", "gradient"],
        {"SciPy": numpy_focal, "JAX": with_jax("focal"), "PyTorch": with_torch(torch_focal), "Keras": with_torch(keras_focal)}),
    "the same of two classes": (
        {"focal_gamma": GAMMA}, ["loss", "gradient"],
        {"SciPy": numpy_focal, "JAX": with_jax("focal"), "optax": with_jax("sigmoid_focal"),
         "PyTorch": with_torch(torch_focal), "Keras": with_torch(keras_focal)}),
    "z-loss, λ = 1e-4": (
        {"z_loss": LAMBDA}, ["loss", "gradient"], {"SciPy": numpy_z, "JAX": with_jax("z_loss"), "Liger": liger_z}),
    "soft cap, c = 30": (
        {"softcap": CAP}, ["loss", "gradient"],
        {"SciPy": numpy_cap, "JAX": with_jax("softcap"), "PyTorch": with_torch(torch_capped)}),
    "divergence from a teacher": (
        {}, ["kl_divergence", "gradient"],
        {"SciPy": numpy_kl, "optax": with_jax("kl"), "PyTorch": with_torch(torch_kl)}),
    "Hessian times vector": ({}, ["hessian_vector_product"], {"SciPy": numpy_hvp, "JAX": jax_hvp}),
}
COLUMNS = ("softmaxd", "SciPy", "JAX", "optax", "PyTorch", "Keras", "Liger")
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
                n = 2 if "two" in name else rng.randint(2, 6)
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
        versions = [("SciPy", scipy), ("JAX", jax), ("optax", optax), ("PyTorch", torch), ("Keras", keras)]
        file.write(TEXT.format(
            versions=", ".join(f"{name} {module.__version__}" for name, module in versions),
            columns=" | ".join(COLUMNS), rules="---|" * (len(COLUMNS) + 3)))
        for (name, (options, asked, peers)) in ROWS.items():
            for x in asked:
                cells = []
                for who in COLUMNS:
                    count, right, worst = tally.get((name, x, who), [0, 0, 0.0])
                    share = f"{100 * right / count:.1f}" if count else ""
                    size = "∞" if worst == math.inf else f"{worst:.0f}" if worst < 1e6 else f"{worst:.0e}".replace("e+", "e")
                    cells.append(f"{share.removesuffix('.0') if share == '100.0' else share} · {size}" if count else "–")
                file.write(f"| {name} | {x} | {tally[name, x, 'softmaxd'][0]} | {' | '.join(cells)} |\n")


TEXT = """# Accuracy of the losses beyond cross-entropy

Made by `scripts/proof/peers losses`; docs/numerics.md §6 says how each is computed.

Each cell: share of values that are the true value correctly rounded to binary64, in per cent, and the largest error in
units in the last place of the true value (from 4.5e15 on no digit is right). Rows of two to six classes:
random, confident, and nearly level ones alike. The truth is that of `scripts/proof/losses.py`.

A library's own function stands where it has one: PyTorch's `kl_div` and `cross_entropy`, Keras's
`CategoricalFocalCrossentropy`, optax's `sigmoid_focal_loss` and `kl_divergence_with_log_targets`. Elsewhere it is the
formula that its users write, with the library's `log_softmax` or `logsumexp`, differentiated by the library. SciPy is
the formula in NumPy with SciPy's functions. Liger is its kernel's steps in NumPy, since the kernel runs on GPUs alone.

Versions: {versions}.

| loss | output | values | {columns} |
|{rules}
"""

if __name__ == "__main__":
    measure(urllib.parse.urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 300)
