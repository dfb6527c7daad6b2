"""More families of fixtures: what was added to softmax and its loss, one family each."""
import math

import oracle
from cases import a_shape, a_temperature, loss, random_loss
from families import family


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
    _, places = oracle.slices([0.0] * len(logits), shape, axis)
    for place in places:
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
