"""service.py URL COUNT [--seed N] [--hostile | --losses [KIND …] | --every FORMAT | --narrow FORMAT [--binary]]

Random cases straight through a running service, against the oracle.

Cases come from the fixtures' families (large and near-midpoint left out: they are slow to make) under seeds of their
own, so that no run repeats the fixtures; with --families, from those named alone; with --hostile, from the families of
hostile.py; with --losses, those of loss_families.py, answered by losses.py; with --every FORMAT, every number of a
format of 16 bits as a logit beside 0; with --narrow FORMAT, the families of narrow.py, with --binary as tensors in
binary (binary.py). Every output is asked for; every number in the answer is read as an exact decimal and rounded to the
format asked for. Exit status 1 when a value differs."""
import argparse
import functools
import http.client
import json
import random
import sys
import time
import urllib.parse
from fractions import Fraction

import midpoint_families  # noqa: F401 (its families join the others)
import option_families
import binary
import cases
import families
import hostile
import loss_families
import narrow
from rounding import FORMATS, Undecided, ZeroNormaliser, rounded

SLOW = {"large", "near-midpoint"}
ORDINARY = {name: maker for name, maker in families.FAMILIES.items() if name not in SLOW}


def nested(values, shape):
    if not shape:
        return values[0]
    step = len(values) // shape[0]
    return [nested(values[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]


def nested_text(texts, shape):
    """The same of numbers' texts, as JSON."""
    if not shape:
        return texts[0]
    step = len(texts) // shape[0]
    return "[" + ", ".join(nested_text(texts[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])) + "]"


def flat(value):
    if isinstance(value, list):
        for x in value:
            yield from flat(x)
    else:
        yield value


def body(case):
    """(path, request) of a case."""
    shape, axis = case["shape"], case["axis"]
    batch = shape[:axis] + shape[axis + 1:]
    written = [x if x > -cases.INFINITY else "-Infinity" for x in case["logits"]]
    request = {} if "texts" in case else {case.get("input", "logits"): nested(written, shape)}
    if case["op"] == "derivation":
        request |= {"target": case["target"], "outputs": ["derivation"]}
    else:
        if axis != len(shape) - 1:
            request["axis"] = axis
        for name in ("target_logits", "vector"):
            if name in case:
                request[name] = nested([x if x > -cases.INFINITY else "-Infinity" for x in case[name]], shape)
        if case["op"] == "loss" and "target" in case:
            by_index = isinstance(case["target"][0], int)
            request["target"] = nested(case["target"], batch if by_index else shape)
        request["outputs"] = list(case["want"])
    of_batch = {"sample_weight": batch, "upstream": batch if case.get("reduction") == "none" else []}
    for name in ("temperature", "dtype", "weight", "sample_weight", "ignore_index", "label_smoothing", "reduction", "upstream",
                 "divisor", "z_loss", "focal_gamma", "softcap", "empty", "input_dtype", "top_k"):
        value = case.get(name)
        if value is not None:
            request[name] = nested(value, of_batch[name]) if name in of_batch else value
    if "where" in case:
        request["where"] = case["where"] if len(case["where"]) == shape[axis] else nested(case["where"], shape)
    if "texts" in case:
        # Numbers as they are to be written.
        return "/softmax", json.dumps(request)[:-1] + ', "logits": ' + nested_text(case["texts"], shape) + "}"
    path = "/softmax" if case["op"] == "softmax" else "/loss" if "perplexity" in case["want"] else "/gradient"
    return path, request


def number(text, form):
    """A JSON number or infinity, as the format's member."""
    if isinstance(text, str) and "Infinity" in text:
        return float(text.replace("Infinity", "inf"))
    return rounded(Fraction(text), None, form)


def answers(case, reply):
    """The reply's numbers by the oracle's names, flat."""
    if case["op"] == "derivation":
        steps = dict(reply["derivation"])
        reply = steps | steps.pop("quotient_rule")
    form = FORMATS[case.get("dtype", "float64")]
    return {name: [int(x) if name in ("argmax", "top_indices") else number(x, form) for x in flat(reply[name])] for name in case["want"]}


def targets(case):
    target = case.get("target", [])
    return target if isinstance(target, list) else [target]


def random_cases(seed, makers, most=60, fitted=lambda case: case):
    rng = random.Random(seed)
    while True:
        name = rng.choice(sorted(makers))
        source = list(makers[name](random.Random(rng.random())))
        for case in source if len(source) <= most else rng.sample(source, most):
            families.fit_weights(case)
            case = fitted(case)
            if case["shape"][case["axis"]] == 1 and any(isinstance(x, float) and x != 1 for x in targets(case)):
                continue  # refused: softmax over one class is always 1
            try:
                yield name, cases.answered(case)
            except (ZeroNormaliser, Undecided):
                continue


def random_losses(seed, kinds):
    rng = random.Random(seed)
    while True:
        name = rng.choice(kinds)
        case = loss_families.a_case(rng, name)
        try:
            yield name, cases.answered(case)
        except (ZeroNormaliser, Undecided):
            continue


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("url", type=urllib.parse.urlparse)
    options.add_argument("count", type=int)
    options.add_argument("--seed", type=int, default=time.time_ns())
    options.add_argument("--hostile", action="store_true")
    options.add_argument("--losses", nargs="*", choices=loss_families.KINDS + loss_families.EVERYDAY)
    options.add_argument("--every", choices=["float16", "bfloat16"])
    options.add_argument("--narrow", choices=["float32", "float16", "bfloat16"])
    options.add_argument("--binary", action="store_true")
    options.add_argument("--families", nargs="+")
    given = options.parse_args()
    makers = hostile.FAMILIES if given.hostile else ORDINARY
    connection = http.client.HTTPConnection(given.url.hostname, given.url.port, timeout=60)
    values = wrong = refused = 0
    tally = {}
    used = time.monotonic()
    makers = makers | (option_families.REQUESTS if not given.hostile else {})
    if given.narrow:
        makers = {name: functools.partial(maker, dtype=given.narrow) for name, maker in narrow.FAMILIES.items()}
    if given.families:
        makers = {name: makers[name] for name in given.families}
    if given.every:
        source = ((given.every, cases.answered(case)) for case in option_families.exhaustive(given.every))
    elif given.losses is None:
        source = random_cases(given.seed, makers, 1000 if given.hostile else 60,
                              *([binary.fitted] if given.binary else []))
    else:
        source = random_losses(given.seed, given.losses or loss_families.KINDS + loss_families.EVERYDAY)
    for n, (family, case) in enumerate(source):
        if n == given.count:
            break
        path, request, fields = binary.request(case) if given.binary else (*body(case), {"Content-Type": "application/json"})
        if time.monotonic() - used > 30:
            connection.close()  # an idle one is closed by the service after a while
        used = time.monotonic()
        connection.request("POST", path, json.dumps(request) if isinstance(request, dict) else request, fields)
        answer = connection.getresponse()
        text = answer.read()
        count = tally.setdefault(family, [0, 0])
        if answer.status != 200:
            refused += 1
            print(f"{answer.status} {text.decode()[:300]} for {path} {str(request)[:300]}")
            continue
        found = (binary.answers(case, answer.headers, text) if given.binary
                 else answers(case, json.loads(text, parse_float=str, parse_int=str)))
        for name, wanted in case["want"].items():
            got = found[name]
            values += len(wanted)
            count[0] += len(wanted)
            for i in range(max(len(wanted), len(got))):
                if len(wanted) != len(got) or wanted[i] != got[i]:
                    wrong += 1
                    count[1] += 1
                    if wrong <= 40:
                        print(f"{family} {name}[{i}]: {got[i:i + 1]} for {wanted[i:i + 1]} in {path} {str(request)[:600]}")
    for family, (seen, bad) in sorted(tally.items()):
        print(f"{family:20s} {seen:8d} values {bad:6d} wrong")
    print(f"seed {given.seed}: {given.count} cases, {values} values, {wrong} wrong, {refused} refused")
    sys.exit(wrong > 0 or refused > 0)


if __name__ == "__main__":
    main()
