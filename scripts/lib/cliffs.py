"""What requests cost for each logit beside plain ones: one table of the shapes, values, options and spellings of
everyday use, so that none is a cliff. `scripts/bench cliffs` prints it.

A request is sent again and again over one connection, and the server's processor time is counted, for the plain rows of
1,000 and for each case in turn, several rounds; the median of the rounds' ratios is printed.
"""

import http.client
import json
import math
import random
import statistics
import time

from daemon import JSON

LOGITS = 100_000
# So long that the clock's hundredths of a second do not matter.
SECONDS = 0.4


def normal(rows, classes, scale=3.0, seed=1):
    source = random.Random(seed)
    return [[source.gauss(0, scale) for _ in range(classes)] for _ in range(rows)]


def softmax(row):
    top = max(row)
    terms = [math.exp(z - top) for z in row]
    total = math.fsum(terms)
    return [term / total for term in terms]


def dense(message):
    return json.dumps(message, separators=(",", ":"))


def texts(rows, form):
    """A tensor whose numbers are written in a form of their own."""
    return "[" + ",".join("[" + ",".join(form % z for z in row) + "]" for row in rows) + "]"


def gradient(rows, **others):
    return {"logits": rows, "target": [k % len(rows[0]) for k in range(len(rows))], **others}


def padded(value):
    """Half of each row is padding."""
    return [row[:500] + [value] * 500 for row in normal(100, 1000)]


def mixed():
    """As many different numbers, from 1e-6 to 1e2 and of either sign."""
    source = random.Random(5)
    return [[source.choice((-1, 1)) * 10 ** source.uniform(-6, 2) for _ in range(1000)] for _ in range(100)]


def cases():
    """Name, path, the request's text and its count of logits."""
    plain = normal(100, 1000)
    for path, message in (("/softmax", lambda rows, **more: {"logits": rows, **more}), ("/gradient", gradient)):
        for classes in (2, 10, 100, 131_072):
            rows = normal(max(1, LOGITS // classes), classes)
            yield f"{path}, rows of {classes:,}", path, dense(message(rows)), len(rows) * classes
        for name, rows in [("mixed notation", mixed()), ("half -1e3", padded(-1e3)), ("half -1e4", padded(-1e4)),
                           ("half -1e9", padded(-1e9)), ("half masked", padded("-Infinity")), ("half -inf", padded("-inf")),
                           ("normal(0, 100)", normal(100, 1000, 100)), ("normal(0, 300)", normal(100, 1000, 300))]:
            yield f"{path}, {name}", path, dense(message(rows)), LOGITS
        for temperature in (0.7, 1e-3, 1e-160):
            yield f"{path}, T = {temperature}", path, dense(message(plain, temperature=temperature)), LOGITS
        yield f"{path}, spaces after commas", path, json.dumps(message(plain)), LOGITS
        rest = dense(message([[]])).replace("[[]]", "%s") if path == "/softmax" else (
            '{"logits":%s,"target":' + dense(gradient(plain)["target"]) + "}")
        for form in ("%.6f", "%.3f", "%.1f", "%.9g", "%.8e", "%.20f"):
            yield f"{path}, text as {form}", path, rest % texts(plain, form), LOGITS
        for rows in (64, 10_000):
            few = [[round(z, 2) for z in row] for row in normal(rows, 10)]
            for name, write in (("two decimals", dense), ("two decimals, spaces", json.dumps)):
                yield f"{path}, {rows:,} x 10, {name}", path, write(message(few)), 10 * rows
    for name, lowest in (("float32", -3.4028234663852886e38), ("float64", -1.7976931348623157e308)):
        masked = [[lowest if k % 4 == 3 else z for k, z in enumerate(row)] for row in plain]
        yield f"/softmax, log of {name}, its lowest masks", "/softmax", dense(
            {"logits": masked, "dtype": name, "outputs": ["log_probabilities"]}), LOGITS
    short = normal(LOGITS // 2, 2)
    for options in ({"outputs": ["log_sum_exp"]}, {"outputs": ["entropy"]}, {"top_k": 1}):
        name = options.get("outputs", ["top_k"])[0]
        yield f"/softmax, {name}, rows of 2", "/softmax", dense({"logits": short, **options}), LOGITS
    easy = [[z + 10 * (k % 2 == c) for c, z in enumerate(row)] for k, row in enumerate(short)]
    for name, message in [
            ("focal_gamma, right, rows of 2", gradient(easy, focal_gamma=2)),
            ("z_loss and smoothing, rows of 2", gradient(short, z_loss=1e-4, label_smoothing=0.1)),
            ("z_loss and teacher, rows of 2", {"logits": short, "target_logits": easy, "z_loss": 1e-4})]:
        yield f"/gradient, {name}", "/gradient", dense(message), LOGITS
    other = {"logits": plain, "target_logits": normal(100, 1000, seed=2)}
    for name, options in (("label_smoothing", {"label_smoothing": 0.1}), ("weight", {"weight": [1 + c % 3 for c in range(1000)]})):
        yield f"/gradient, teacher with {name}", "/gradient", dense(other | options), LOGITS
    for classes in (1000, 10):
        rows = normal(LOGITS // classes, classes)
        yield f"/gradient, kl, probabilities, {classes:,}", "/gradient", dense(
            {"logits": rows, "target": [softmax(row) for row in normal(LOGITS // classes, classes, seed=2)],
             "outputs": ["kl_divergence"]}), LOGITS
        for name, others in (("one-hot", 0), ("ones", 1)):
            vector = [[int(c == 3) or others for c in range(classes)] for _ in rows]
            yield f"/gradient, Hessian times {name}, {classes:,}", "/gradient", dense(
                gradient(rows, vector=vector, outputs=["hessian_vector_product"])), LOGITS
    for rows in (normal(80, 1000), normal(10_240, 10)):
        yield f"/gradient, {len(rows):,} x {len(rows[0]):,} at T = 0.1", "/gradient", dense(
            gradient(rows, temperature=0.1)), len(rows) * len(rows[0])
    for classes in (1000, 10):
        rows = [[0.0] * classes] * (LOGITS // classes)
        yield f"/gradient, zeros beside 1/{classes:,}", "/gradient", dense(
            {"logits": rows, "target": [[1 / classes] * classes] * len(rows)}), LOGITS
        rows = normal(LOGITS // classes, classes)
        close = {"logits": rows, "outputs": ["kl_divergence"]}
        source = random.Random(3)
        yield f"/gradient, kl, teacher 1e-6 away, {classes:,}", "/gradient", dense(
            close | {"target_logits": [[z + source.gauss(0, 1e-6) for z in row] for row in rows]}), LOGITS
        logs = [[z - whole for z in row] for row in rows for whole in (math.log(math.fsum(map(math.exp, row))),)]
        yield f"/softmax, log_sum_exp of logs, {classes:,}", "/softmax", dense(
            {"logits": logs, "outputs": ["log_sum_exp"]}), LOGITS
    near = [softmax(row) for row in plain]
    yield "/gradient, target its softmax", "/gradient", dense({"logits": plain, "target": near}), LOGITS
    for name, shift, step in (("equal", 0, 0), ("an ulp from the logits", 1, 0), ("1e-9 from the logits", 0, 1e-9)):
        yield f"/gradient, target_logits {name}", "/gradient", dense({"logits": plain, "target_logits": [
            [z + shift + k % 3 * step for k, z in enumerate(row)] for row in plain]}), LOGITS
    yield "/gradient, one-hot", "/gradient", dense(
        {"logits": plain, "target": [[int(c == k) for c in range(1000)] for k in range(100)]}), LOGITS
    yield "/gradient, probabilities", "/gradient", dense(
        {"logits": plain, "target": [softmax(row) for row in normal(100, 1000, seed=2)]}), LOGITS
    for classes in (1000, 10):
        rows, other = normal(LOGITS // classes, classes), normal(LOGITS // classes, classes, seed=2)
        student = {"logits": rows, "target_logits": other, "temperature": 2}
        for name, message in [
                ("z_loss", gradient(rows, z_loss=1e-4)), ("focal_gamma", gradient(rows, focal_gamma=2)),
                ("softcap", gradient(rows, softcap=30)), ("target_logits", student),
                ("kl_divergence", student | {"outputs": ["kl_divergence"]}),
                ("hessian_vector_product", gradient(rows, vector=other, outputs=["hessian_vector_product"]))]:
            yield f"/gradient, {name}, rows of {classes:,}", "/gradient", dense(message), LOGITS
    yield "/softmax, softcap", "/softmax", dense({"logits": plain, "softcap": 30}), LOGITS
    for mask in (-1e4, -1e9, -3.4028234663852886e38):
        yield f"/gradient, softcap, half {mask:.3g}", "/gradient", dense(gradient(padded(mask), softcap=30)), LOGITS
    for classes in (1000, 10):
        rows = normal(LOGITS // classes, classes)
        student, teacher = ([[z + (60 if c == k % classes else 0) for c, z in enumerate(row)] for k, row in enumerate(some)]
                            for some in (rows, normal(LOGITS // classes, classes, seed=2)))
        given = {"probabilities": [softmax(row) for row in rows]}
        for name, message in [
                ("confident teacher, softcap", {"logits": student, "target_logits": teacher, "softcap": 50}),
                ("confident target", {"logits": student, "target": [softmax(row) for row in teacher]}),
                ("given probabilities", given | {"target": [k % classes for k in range(len(rows))]}),
                ("given probabilities, soft", given | {"target": [softmax(row) for row in teacher]})]:
            yield f"/gradient, {name}, {classes:,}", "/gradient", dense(message), LOGITS
    yield "/softmax, Jacobians of 2", "/softmax", dense({"logits": short[:10_000], "outputs": ["jacobian"]}), 20_000
    wide = normal(1, 131_072)[0]
    for name, options in [("top_k", {"top_k": 5}), ("argmax alone", {"outputs": ["argmax"]})]:
        yield f"/softmax, 131,072, {name}", "/softmax", dense({"logits": wide, **options}), 131_072
    yield "/gradient, derivation of 1,000", "/gradient", dense(
        {"logits": plain[0], "target": 7, "outputs": ["derivation"]}), 1_000
    yield "/softmax, 1024 x 1024, axis 0", "/softmax", dense({"logits": normal(1024, 1024), "axis": 0}), 1 << 20
    yield "/softmax, 1024 x 1024, axis 1", "/softmax", dense({"logits": normal(1024, 1024)}), 1 << 20
    yield "/softmax, 1,000,000", "/softmax", dense({"logits": normal(1, 1_000_000)[0]}), 1_000_000


def cost(daemon, path, body, logits):
    """Nanoseconds of processor time for each logit."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    spent, count, end = daemon.cpu_seconds(), 0, time.monotonic() + SECONDS
    while count == 0 or time.monotonic() < end:
        connection.request("POST", path, body, JSON)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {answer[:300]!r}")
        count += 1
    connection.close()
    return (daemon.cpu_seconds() - spent) * 1e9 / count / logits


def table(daemon, rounds, only):
    plain = {"/softmax": dense({"logits": normal(100, 1000)}), "/gradient": dense(gradient(normal(100, 1000)))}
    print(f"{'case':40} {'ns/logit':>9} {'x plain':>8}")
    for name, path, text, logits in cases():
        if only not in name:
            continue
        body, found = text.encode(), []
        for _ in range(rounds):
            beside = cost(daemon, path, plain[path].encode(), LOGITS)
            found.append((cost(daemon, path, body, logits), beside))
        print(f"{name:40} {statistics.median(c for c, _ in found):9.1f} "
              f"{statistics.median(c / b for c, b in found):8.2f}", flush=True)
