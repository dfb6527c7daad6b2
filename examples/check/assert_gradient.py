"""assert_gradient(f, logits, target): passes if f's loss and gradient are right, and else says what is wrong with them.

f(logits, target) returns (loss, gradient), as numbers, lists or arrays of any library. Copy this file."""
import json
import math
import os
import urllib.error
import urllib.request


def numbers(x):
    # TensorFlow's tensors have numpy() alone.
    x = x.numpy() if hasattr(x, "numpy") and not hasattr(x, "tolist") else x
    x = x.tolist() if hasattr(x, "tolist") else x
    if isinstance(x, (list, tuple)):
        return [numbers(element) for element in x]
    if x is None or isinstance(x, (int, str)) or math.isfinite(x):
        return x
    return "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"


def assert_gradient(f, logits, target, **options):
    """Options are those of POST /check: reduction, temperature, weight, rtol, atol, dtype …"""
    loss, gradient = f(logits, target)
    # None is left out for /check, which would not look at it.
    if loss is None or gradient is None:
        raise ValueError("f must return (loss, gradient); one is missing")
    body = {"logits": numbers(logits), "target": numbers(target),
            **{name: numbers(value) for name, value in options.items()},
            "candidate": {"loss": numbers(loss), "gradient": numbers(gradient)}}
    url = os.environ.get("SOFTMAXD_URL", "http://127.0.0.1:8080").rstrip("/")
    request = urllib.request.Request(url + "/check", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            report = json.load(answer)
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error)["detail"]) from None
    except urllib.error.URLError as error:
        raise ConnectionError(f"no softmaxd at {url} ({error.reason}): start one, or set SOFTMAXD_URL") from None
    findings = [f"{f['cause']}: {f['detail']}\n  cure: {f['cure']}" for f in report["findings"]]
    assert report["passes"], "\n".join(findings)
