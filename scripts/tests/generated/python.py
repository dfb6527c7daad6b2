# Calls the client that openapi-generator writes for Python.
#
# Debian: python3 default-jre-headless
# Generate: openapi-generator-cli generate -g python -i openapi.yaml -o client
# Run: PYTHONPATH=client python3 python.py http://127.0.0.1:8080

import struct
import sys

from openapi_client import (ApiClient, Candidate, CheckRequest, Configuration, GradientOutput, GradientRequest,
                            LossRequest, MathematicsApi, Reduction, SoftmaxOutput, SoftmaxRequest)
from openapi_client.exceptions import UnprocessableEntityException


def bits(value):
    if isinstance(value, list):
        return " ".join(map(bits, value))
    return value if isinstance(value, str) else struct.pack(">d", value).hex()


with ApiClient(Configuration(host=sys.argv[1])) as client:
    api = MathematicsApi(client)

    softmax = api.softmax(SoftmaxRequest(
        logits=[0.1, "-Infinity", 1 / 3], temperature=0.7,
        outputs=[SoftmaxOutput.PROBABILITIES, SoftmaxOutput.LOG_PROBABILITIES]))
    print("softmax probabilities", bits(softmax.probabilities))
    print("softmax log_probabilities", bits(softmax.log_probabilities))

    loss = api.loss(LossRequest(
        logits=[0.1, 1.2345678901234567, -2.5], target=1, weight=[0.1, 0.7, 0.3], label_smoothing=0.1,
        reduction=Reduction.SUM))
    print("loss loss", bits(loss.loss))

    gradient = api.gradient(GradientRequest(
        logits=[[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], target=[0, 2], reduction=Reduction.NONE,
        outputs=[GradientOutput.GRADIENT, GradientOutput.LOSS]))
    print("gradient gradient", bits(gradient.gradient))
    print("gradient loss", bits(gradient.loss))

    teacher = api.gradient(GradientRequest(
        logits=[0.1, 0.2, 0.7], target_logits=[-1.5, "-Infinity", 2.25], outputs=[GradientOutput.KL_DIVERGENCE]))
    print("gradient kl_divergence", bits(teacher.kl_divergence))

    check = api.check(CheckRequest(logits=[1, 2], candidate=Candidate(probabilities=[0.26894142, 0.73105858])))
    print("check max_relative_error", bits(check.outputs.probabilities.max_relative_error))

    try:
        api.loss(LossRequest(logits=[1, 2], target=5))
    except UnprocessableEntityException as refusal:
        print("refused", refusal.status, refusal.data.type, refusal.data.errors[0].pointer, refusal.data.detail)
