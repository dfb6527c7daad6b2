"""Softmax cross-entropy in the libraries of docs/accuracy.md, each by its own means and differentiation, with room for
the mistakes of mistakes.py: each is one line that a person would write otherwise.

A library is asked as `compute(request, wrong)`; it answers a dictionary of outputs as NumPy arrays."""
import os

import numpy as np


class Request:
    """A batch of logits [N, C], class indices [N], and options; what is asked of /check."""

    def __init__(self, logits, target, dtype, **options):
        self.logits, self.target, self.dtype = logits, target, dtype
        self.temperature = options.get("temperature", 1.0)
        self.weight, self.sample_weight = options.get("weight"), options.get("sample_weight")
        self.smoothing = options.get("smoothing", 0.0)
        self.ignore_index = options.get("ignore_index", -100)
        self.reduction = options.get("reduction", "mean")

    @property
    def shape(self):
        return self.logits.shape

    def body(self):
        """As /check takes it; the logits are what the library's format holds."""
        held = self.logits.astype(self.dtype).astype(float)
        body = {"logits": [[x if x > -np.inf else "-Infinity" for x in row] for row in held.tolist()],
                "target": self.target.tolist(), "reduction": self.reduction, "dtype": self.dtype}
        if self.temperature != 1:
            body["temperature"] = self.temperature
        if self.weight is not None:
            body["weight"] = self.weight.tolist()
        if self.sample_weight is not None:
            body["sample_weight"] = self.sample_weight.tolist()
        if self.smoothing:
            body["label_smoothing"] = self.smoothing
        if self.ignore_index != -100:
            body["ignore_index"] = self.ignore_index
        return body


def shares(r, wrong):
    """(u [N, C], s [N], D): the target's side of the loss, in binary64."""
    n, c = r.shape
    y, w = r.target.copy(), np.ones(c) if r.weight is None else r.weight
    kept = y != r.ignore_index
    if wrong == "ignored counted":
        kept, y = np.full(n, True), np.where(y == r.ignore_index, y % c, y)
    y = np.where(kept, y, 0)
    if wrong == "counted from 1":
        y = y - 1  # NumPy's -1 is the last class
    t = np.eye(c)[y]
    own = w[y]
    if wrong in ("weights left out", "smoothing and weights left out"):
        own, w = np.ones(n), np.ones(c)
    if wrong == "weights twice":
        own, w = own ** 2, w ** 2
    eps = 0.0 if wrong in ("smoothing left out", "smoothing and weights left out") else r.smoothing
    spread = np.ones(c) if wrong == "smoothing without weights" else w
    if wrong == "smoothing over C - 1":
        u = (1 - eps) * t * own[:, None] + eps / (c - 1) * (1 - t) * spread
    else:
        u = (1 - eps) * t * own[:, None] + eps / c * spread
    u = np.where(kept[:, None], u, 0)
    s = np.ones(n) if r.sample_weight is None or wrong == "sample weights forgotten" else r.sample_weight
    d = {"sum": 1.0, "mean": (s * own * kept).sum()}[r.reduction]
    if wrong == "divided by the items":
        d = n
    if wrong == "divided by items times classes":
        d = n * c
    if wrong in ("sum for mean", "counted from 1, sum for mean"):
        d = 1.0
    if wrong == "mean for sum":
        d = (s * own * kept).sum()
    return u, s * kept, d


def scaled(a, r, wrong):
    if wrong == "temperature forgotten":
        return a
    return a * r.temperature if wrong == "temperature multiplied" else a / r.temperature


def finish(outputs, r, wrong):
    """What is done to the numbers at last."""
    out = {name: np.asarray(value, dtype=float) for name, value in outputs.items()}
    if wrong == "sign":
        out = {name: -value for name, value in out.items() if name in ("loss", "gradient", "log_probabilities")}
    if wrong in ("base 2", "base 10"):
        base = np.log(2.0) if wrong == "base 2" else np.log(10.0)
        out = {name: value / base for name, value in out.items() if name in ("loss", "gradient", "log_probabilities")}
    if wrong == "rows shuffled":
        out = {name: np.roll(value, 1, axis=0) for name, value in out.items() if value.ndim == 2}
    if wrong == "classes sorted":
        out = {name: np.sort(value, axis=1) for name, value in out.items() if value.ndim == 2}
    if wrong == "transposed":
        out = {name: value.reshape(r.shape[::-1]).T for name, value in
               ((n, v) for n, v in out.items() if v.ndim == 2)} if r.shape[0] == r.shape[1] else {}
    return out


class Library:
    """What the libraries share; each names its own functions."""

    def compute(self, r, wrong=None):
        dtype = r.dtype
        if wrong == "shorter format":
            dtype = {"float64": "float32", "float32": "float16"}[r.dtype]
        with np.errstate(all="ignore"):
            return finish(self.outputs(r, wrong, dtype), r, wrong)

    def log_p(self, x, wrong):
        if wrong == "no softmax":
            return x
        if wrong == "softmax twice":
            return self.log_softmax(self.softmax(x, -1), -1)
        if wrong == "another axis":
            return self.log_softmax(x, 0)
        if wrong == "the whole array":
            return self.reshaped(self.log_softmax(self.reshaped(x, (1, -1)), -1), x.shape)
        if wrong == "epsilon":
            return self.log(self.softmax(x, -1) + 1e-7)
        if wrong == "clipped":
            return self.log(self.clip(self.softmax(x, -1), 1e-7))
        if wrong == "no shift":
            e = self.exp(x)
            return self.log(e / self.sum(e))
        if wrong == "logarithm of p":
            return self.log(self.softmax(x, -1))
        return self.log_softmax(x, -1)

    def p(self, x, wrong):
        if wrong == "no softmax":
            return x
        if wrong == "softmax twice":
            return self.softmax(self.softmax(x, -1), -1)
        if wrong == "another axis":
            return self.softmax(x, 0)
        if wrong == "the whole array":
            return self.reshaped(self.softmax(self.reshaped(x, (1, -1)), -1), x.shape)
        if wrong == "clipped":
            return self.clip(self.softmax(x, -1), 1e-7)
        if wrong == "no shift":
            e = self.exp(x)
            return e / self.sum(e)
        return self.softmax(x, -1)

    def reshaped(self, x, shape): return x.reshape(shape)


class Formula(Library):
    """Libraries without differentiation: the gradient is U p - u, as people write it."""

    def outputs(self, r, wrong, dtype):
        x = scaled(r.logits.astype(dtype), r, wrong).astype(dtype)
        u, s, d = (np.asarray(part).astype(dtype) for part in shares(r, wrong))
        p, log_p = self.p(x, wrong), self.log_p(x, wrong)
        loss = (s * -np.where(u > 0, u * np.where(u > 0, log_p, 0), 0).sum(1)).sum() / d
        factor = (s / d)[:, None]
        if wrong not in ("temperature forgotten", "chain rule's 1/T"):
            factor = factor / np.asarray(r.temperature).astype(dtype)
        if wrong == "weights per class":
            t = u / np.maximum(u.sum(1, keepdims=True), np.finfo(dtype).tiny)
            gradient = factor * (r.weight * (p - t)).astype(dtype)
        elif wrong == "epsilon":
            own = (p * (u > 0)).sum(1, keepdims=True)
            gradient = factor * (u.sum(1, keepdims=True) * p - u) * (own / (own + 1e-7))
        elif wrong == "target not subtracted":
            gradient = factor * u.sum(1, keepdims=True) * p
        else:
            gradient = factor * (u.sum(1, keepdims=True) * p - u)
        return {"probabilities": p, "log_probabilities": log_p, "loss": loss, "gradient": gradient.astype(dtype)}

    def log(self, x): return np.log(x)
    def exp(self, x): return np.exp(x)
    def sum(self, x): return x.sum(-1, keepdims=True)
    def clip(self, x, least): return np.clip(x, np.asarray(least, x.dtype), None)


class NumPy(Formula):
    name = "NumPy"

    def softmax(self, x, axis):
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    def log_softmax(self, x, axis):
        shifted = x - x.max(axis, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


class SciPy(Formula):
    name = "SciPy"

    def __init__(self):
        from scipy import special
        self.special = special

    def softmax(self, x, axis): return self.special.softmax(x, axis)
    def log_softmax(self, x, axis): return self.special.log_softmax(x, axis)


class ScikitLearn(Formula):
    """Its multinomial loss gives loss and gradient of each item; the rest is NumPy, as in its estimators."""
    name = "scikit-learn"

    def __init__(self):
        from scipy import special
        from sklearn._loss import HalfMultinomialLoss
        from sklearn.utils.extmath import softmax
        self.loss, self.row_softmax, self.special = HalfMultinomialLoss, softmax, special

    def softmax(self, x, axis):
        x = np.ascontiguousarray(x if axis == -1 else x.T)
        p = self.row_softmax(x, copy=True)
        return p if axis == -1 else p.T

    def log_softmax(self, x, axis):  # what its estimators take from SciPy
        return x - self.special.logsumexp(x, axis, keepdims=True)

    def outputs(self, r, wrong, dtype):
        plain = r.smoothing == 0 and r.shape[1] > 2 and dtype != "float16" and r.logits.min() > -np.inf and wrong in (
            None, "sign", "base 2", "base 10", "sum for mean", "mean for sum", "divided by the items",
            "divided by items times classes", "weights left out", "sample weights forgotten", "counted from 1",
            "counted from 1, sum for mean", "rows shuffled", "classes sorted", "shorter format", "temperature forgotten",
            "temperature multiplied", "chain rule's 1/T")
        if not plain:
            return super().outputs(r, wrong, dtype)
        u, s, d = shares(r, wrong)
        x = np.ascontiguousarray(scaled(r.logits.astype(dtype), r, wrong).astype(dtype))
        own = (s * u.sum(1)).astype(dtype)
        y = u.argmax(1).astype(dtype)
        function = self.loss(n_classes=r.shape[1])
        loss, gradient = function.loss_gradient(y_true=y, raw_prediction=x, sample_weight=own)
        T = 1 if wrong in ("temperature forgotten", "chain rule's 1/T") else r.temperature
        return {"probabilities": self.softmax(x, -1), "loss": loss.sum() / dtype_of(d, dtype),
                "gradient": gradient / dtype_of(d, dtype) / dtype_of(T, dtype)}


def dtype_of(value, dtype):
    return np.asarray(value).astype(dtype)


class PyTorch(Library):
    name = "PyTorch"

    def __init__(self):
        import torch
        self.torch = torch
        torch.set_num_threads(1)

    def outputs(self, r, wrong, dtype):
        torch, kind = self.torch, getattr(self.torch, dtype)
        u, s, d = (torch.tensor(np.asarray(part), dtype=kind) for part in shares(r, wrong))
        a = torch.tensor(r.logits, dtype=kind, requires_grad=True)
        x = scaled(a, r, wrong)
        log_p = self.log_p(x, wrong)
        loss = (s * -(u * torch.where(u > 0, log_p, torch.zeros_like(log_p))).sum(1)).sum() / d
        loss.backward()
        gradient = a.grad * (r.temperature if wrong == "chain rule's 1/T" else 1)
        return {name: value.detach().double().numpy() for name, value in
                {"probabilities": self.p(x, wrong), "log_probabilities": log_p, "loss": loss, "gradient": gradient}.items()}

    def softmax(self, x, axis): return self.torch.softmax(x, axis)
    def log_softmax(self, x, axis): return self.torch.log_softmax(x, axis)
    def log(self, x): return self.torch.log(x)
    def exp(self, x): return self.torch.exp(x)
    def sum(self, x): return x.sum(-1, keepdim=True)
    def clip(self, x, least): return x.clamp(min=least)


class JAX(Library):
    name = "JAX"

    def __init__(self):
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax
        jax.config.update("jax_enable_x64", True)
        self.jax, self.jnp = jax, jax.numpy

    def outputs(self, r, wrong, dtype):
        jnp = self.jnp
        u, s, d = (jnp.asarray(np.asarray(part), dtype=dtype) for part in shares(r, wrong))

        def loss_of(a):
            log_p = self.log_p(scaled(a, r, wrong), wrong)
            return (s * -(u * jnp.where(u > 0, log_p, 0)).sum(1)).sum() / d
        a = jnp.asarray(r.logits, dtype=dtype)
        loss, gradient = self.jax.value_and_grad(loss_of)(a)
        x = scaled(a, r, wrong)
        gradient = gradient * (r.temperature if wrong == "chain rule's 1/T" else 1)
        return {"probabilities": self.p(x, wrong), "log_probabilities": self.log_p(x, wrong), "loss": loss,
                "gradient": gradient}

    def softmax(self, x, axis): return self.jax.nn.softmax(x, axis)
    def log_softmax(self, x, axis): return self.jax.nn.log_softmax(x, axis)
    def log(self, x): return self.jnp.log(x)
    def exp(self, x): return self.jnp.exp(x)
    def sum(self, x): return x.sum(-1, keepdims=True)
    def clip(self, x, least): return self.jnp.maximum(x, least)


class TensorFlow(Library):
    name = "TensorFlow"

    def __init__(self):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import tensorflow
        self.tf = tensorflow

    def outputs(self, r, wrong, dtype):
        tf = self.tf
        u, s, d = (tf.constant(np.asarray(part), dtype=dtype) for part in shares(r, wrong))
        a = tf.constant(r.logits, dtype=dtype)
        with tf.GradientTape() as tape:
            tape.watch(a)
            x = scaled(a, r, wrong)
            log_p = self.log_p(x, wrong)
            terms = u * tf.where(u > 0, log_p, tf.zeros_like(log_p))
            loss = tf.reduce_sum(s * -tf.reduce_sum(terms, 1)) / d
        gradient = tape.gradient(loss, a) * (r.temperature if wrong == "chain rule's 1/T" else 1)
        return {"probabilities": self.p(x, wrong).numpy(), "log_probabilities": log_p.numpy(), "loss": loss.numpy(),
                "gradient": gradient.numpy()}

    def softmax(self, x, axis): return self.tf.nn.softmax(x, axis)
    def log_softmax(self, x, axis): return self.tf.nn.log_softmax(x, axis)
    def log(self, x): return self.tf.math.log(x)
    def exp(self, x): return self.tf.exp(x)
    def sum(self, x): return self.tf.reduce_sum(x, -1, keepdims=True)
    def reshaped(self, x, shape): return self.tf.reshape(x, shape)
    def clip(self, x, least): return self.tf.maximum(x, self.tf.constant(least, x.dtype))


ALL = (NumPy, SciPy, ScikitLearn, PyTorch, JAX, TensorFlow)
