"""assert_gradient at work: with pytest, or as a program."""
import math
import os

from assert_gradient import assert_gradient

LOGITS, TARGET = [[2.0, 1.0, 0.1], [0.5, 2.5, -1.0]], [0, 2]


def right(logits, target, divisor=2, sign=1.0):
    loss, gradient = 0.0, []
    for row, y in zip(logits, target):
        e = [math.exp(a - max(row)) for a in row]
        p = [x / sum(e) for x in e]
        loss -= math.log(p[y]) / divisor
        gradient.append([sign * (p[i] - (i == y)) / divisor for i in range(len(row))])
    return loss, gradient


def message(f):
    try:
        assert_gradient(f, LOGITS, TARGET)
    except AssertionError as error:
        return str(error)
    return "it passes"


def test_a_right_gradient_passes():
    assert_gradient(right, LOGITS, TARGET)


def test_a_sign_is_named():
    assert message(lambda a, y: right(a, y, sign=-1.0)).startswith("sign: gradient: every number has the opposite sign")


def test_a_sum_is_named():
    assert "reduction: gradient: it is the sum over the items" in message(lambda a, y: right(a, y, divisor=1))


class Eager:
    """As TensorFlow's tensors are: of their methods, numpy() alone gives the numbers."""

    class Numbers:
        def __init__(self, values):
            self.values = values

        def tolist(self):
            return self.values

    def __init__(self, values):
        self.values = values

    def numpy(self):
        return self.Numbers(self.values)


def test_a_gradient_that_is_missing_does_not_pass():
    for missing in range(2):
        def f(a, y):
            return [None if place == missing else value for place, value in enumerate(right(a, y))]
        try:
            assert_gradient(f, LOGITS, TARGET)
        except ValueError as error:
            assert "one is missing" in str(error)
        else:
            raise AssertionError("it passes")


def test_tensors_without_tolist_and_options_of_none():
    loss, gradient = right(LOGITS, TARGET)
    tensors = [Eager(values) for values in (loss, gradient, LOGITS, TARGET)]
    assert_gradient(lambda a, y: tensors[:2], *tensors[2:], weight=None, temperature=None)


def test_a_missing_service_is_named(address="http://127.0.0.1:9"):
    given, os.environ["SOFTMAXD_URL"] = os.environ.get("SOFTMAXD_URL", "http://127.0.0.1:8080"), address
    try:
        assert_gradient(right, LOGITS, TARGET)
    except ConnectionError as error:
        assert address in str(error) and "start one" in str(error)
    else:
        raise AssertionError("it passes")
    finally:
        os.environ["SOFTMAXD_URL"] = given


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print("ok", name)
