# Calls the client that openapi-python-client writes.
#
# Debian: python3
# Generate: openapi-python-client generate --path openapi.yaml --output-path client
# Run: PYTHONPATH=client python3 openapi-python-client.py http://127.0.0.1:8080

import struct
import sys

from softmaxd_client import Client
from softmaxd_client.api.mathematics import check, gradient, loss, softmax
from softmaxd_client.models import (Candidate, CheckRequest, GradientOutput, GradientRequest, LossRequest, Problem,
                                    Reduction, SoftmaxOutput, SoftmaxRequest)


def bits(value):
    if isinstance(value, list):
        return " ".join(map(bits, value))
    return value if isinstance(value, str) else struct.pack(">d", value).hex()


with Client(base_url=sys.argv[1]) as client:
    answer = softmax.sync(client=client, body=SoftmaxRequest(
        logits=[0.1, "-Infinity", 1 / 3], temperature=0.7,
        outputs=[SoftmaxOutput.PROBABILITIES, SoftmaxOutput.LOG_PROBABILITIES]))
    print("softmax probabilities", bits(answer.probabilities))
    print("softmax log_probabilities", bits(answer.log_probabilities))

    answer = loss.sync(client=client, body=LossRequest(
        logits=[0.1, 1.2345678901234567, -2.5], target=1, weight=[0.1, 0.7, 0.3], label_smoothing=0.1,
        reduction=Reduction.SUM))
    print("loss loss", bits(answer.loss))

    answer = gradient.sync(client=client, body=GradientRequest(
        logits=[[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], target=[0, 2], reduction=Reduction.NONE,
        outputs=[GradientOutput.GRADIENT, GradientOutput.LOSS]))
    print("gradient gradient", bits(answer.gradient))
    print("gradient loss", bits(answer.loss))

    answer = gradient.sync(client=client, body=GradientRequest(
        logits=[0.1, 0.2, 0.7], target_logits=[-1.5, "-Infinity", 2.25], outputs=[GradientOutput.KL_DIVERGENCE]))
    print("gradient kl_divergence", bits(answer.kl_divergence))

    answer = check.sync(client=client, body=CheckRequest(
        logits=[1, 2], candidate=Candidate(probabilities=[0.26894142, 0.73105858])))
    print("check max_relative_error", bits(answer.outputs.probabilities.max_relative_error))

    problem = loss.sync(client=client, body=LossRequest(logits=[1, 2], target=5))
    assert isinstance(problem, Problem)
    print("refused", problem.status, problem.type_, problem.errors[0].pointer, problem.detail)
