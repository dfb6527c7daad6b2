"""Asks a server's /v2 as its clients do, and compares every number with what /softmax and /gradient answer.

    inference.py URL

tritonclient (sync and asyncio) and KServe's InferenceRESTClient, unchanged from PyPI; then the bytes of clients that
are not on PyPI. Numbers are compared bit by bit. The server must know softmax by the name my-softmax too.
"""

import asyncio
import inspect
import json
import socket
import struct
import sys
import urllib.request

import kserve
import ml_dtypes
import numpy as np
import tritonclient.http
import tritonclient.http.aio
import tritonclient.utils

URL = sys.argv[1]
HOST = URL.removeprefix("http://")
LOGITS = np.array([[1.5, -0.25, 3.0], [40.0, 0.0, -np.inf]])
TYPES = {"FP64": np.float64, "FP32": np.float32, "FP16": np.float16, "BF16": ml_dtypes.bfloat16}
NAMES = {"FP64": "float64", "FP32": "float32", "FP16": "float16", "BF16": "bfloat16"}
checks = []


def check(test):
    """Registers a test: a function without arguments, or a coroutine."""
    checks.append(test)
    return test


def service(path, **message):
    """What the service's own JSON answers."""
    request = urllib.request.Request(URL + path, json.dumps(message).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def expected(output, datatype="FP64", logits=LOGITS, **options):
    """The service's own numbers, as an array of the type."""
    rows = [[value if np.isfinite(value) else "-Infinity" for value in row] for row in logits.tolist()]
    answer = service("/softmax", logits=rows, dtype=NAMES[datatype], outputs=[output], **options)[output]
    return np.array(answer, dtype=np.float64).astype(TYPES[datatype])


def same(found, wanted):
    assert found.dtype == wanted.dtype and found.shape == wanted.shape, (found.dtype, found.shape)
    assert found.tobytes() == wanted.tobytes(), (found, wanted)


def triton_input(module, array, datatype, binary=True, name="logits"):
    tensor = module.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array.astype(TYPES.get(datatype, array.dtype)), binary_data=binary)
    return tensor


def triton():
    return tritonclient.http.InferenceServerClient(HOST)


@check
def triton_asks_what_the_server_is():
    client = triton()
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("softmax") and client.is_model_ready("loss", "1") and client.is_model_ready("my-softmax")
    assert not client.is_model_ready("resnet")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("gradient")["inputs"][0]["name"] == "logits"
    assert client.get_model_config("gradient")["max_batch_size"] == 0
    index = client.get_model_repository_index()
    assert {model["name"] for model in index} == {"softmax", "loss", "gradient", "check", "my-softmax"}
    assert {model["state"] for model in index} == {"READY"}


@check
def triton_infers_in_every_type():
    for datatype in TYPES:
        for binary_in in (True, False):
            for binary_out in (True, False):
                if datatype in ("FP16", "BF16") and not (binary_in and binary_out):
                    continue  # the client itself refuses these types in JSON
                answer = triton().infer(
                    "softmax", [triton_input(tritonclient.http, LOGITS, datatype, binary_in)], request_id="7",
                    outputs=[tritonclient.http.InferRequestedOutput(name, binary_data=binary_out)
                             for name in ("log_probabilities", "probabilities", "argmax")])
                assert answer.get_response()["id"] == "7"
                same(answer.as_numpy("probabilities"), expected("probabilities", datatype))
                same(answer.as_numpy("log_probabilities"), expected("log_probabilities", datatype))
                same(answer.as_numpy("argmax"), np.array([2, 0]))


@check
def triton_reads_default_outputs_in_binary():
    same(triton().infer("my-softmax", [triton_input(tritonclient.http, LOGITS, "FP64")]).as_numpy("probabilities"),
         expected("probabilities"))


@check
def triton_sends_parameters_and_other_tensors():
    logits = LOGITS[:, :2]
    target = np.array([1, 0], dtype=np.int64)
    answer = triton().infer(
        "gradient", [triton_input(tritonclient.http, logits, "FP64"), triton_input(tritonclient.http, target, "INT64", name="target")],
        parameters={"temperature": 2.0, "axis": -1, "reduction": "none"}, priority=1, timeout=1_000_000)
    wanted = service("/gradient", logits=logits.tolist(), target=[1, 0], temperature=2, reduction="none")
    same(answer.as_numpy("loss"), np.array(wanted["loss"]))
    same(answer.as_numpy("gradient"), np.array(wanted["gradient"]))


@check
def triton_sends_a_transposed_array():
    same(triton().infer("softmax", [triton_input(tritonclient.http, LOGITS.T, "FP64")], parameters={"axis": 0})
         .as_numpy("probabilities"), expected("probabilities").T.copy())


@check
def triton_classifies():
    order = [[2, 0], [0, 1]]
    values = [[row[index] for index in indices] for row, indices in zip(expected("probabilities").tolist(), order)]
    for binary in (True, False):
        output = tritonclient.http.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)
        answer = triton().infer("softmax", [triton_input(tritonclient.http, LOGITS, "FP64")], outputs=[output])
        texts = [[text.decode() if binary else text for text in row] for row in answer.as_numpy("probabilities")]
        assert [[float(text.split(":")[0]) for text in row] for row in texts] == values, texts
        assert [[int(text.split(":")[1]) for text in row] for row in texts] == order, texts


@check
def triton_shows_errors():
    wrong = np.array([[1.0, np.nan]])
    cases = [("softmax", wrong, {}, "400", "inputs[0].data[1]: logits[0][1] is NaN"),
             ("resnet", LOGITS, {}, "404", "There is no model"),
             ("softmax", LOGITS, {"temprature": 2}, "400", "the nearest is \"temperature\"")]
    for model, array, parameters, status, text in cases:
        try:
            triton().infer(model, [triton_input(tritonclient.http, array, "FP64")], parameters=parameters)
            raise AssertionError(f"{model} was answered")
        except tritonclient.utils.InferenceServerException as error:
            assert error.status() == status and text in error.message(), error


@check
def triton_compresses_and_is_told_not_to():
    try:
        triton().infer("softmax", [triton_input(tritonclient.http, LOGITS, "FP64")], request_compression_algorithm="gzip")
        raise AssertionError("it was answered")
    except tritonclient.utils.InferenceServerException as error:
        assert error.status() == "415" and "Content-Encoding" in error.message(), error
    answer = triton().infer("softmax", [triton_input(tritonclient.http, LOGITS, "FP64")], response_compression_algorithm="gzip")
    same(answer.as_numpy("probabilities"), expected("probabilities"))


@check
async def triton_in_asyncio():
    async with tritonclient.http.aio.InferenceServerClient(HOST) as client:
        assert await client.is_server_ready() and await client.is_model_ready("softmax")
        assert (await client.get_model_metadata("softmax"))["platform"] == "softmaxd"
        await client.get_model_repository_index()
        for binary in (True, False):
            answer = await client.infer("softmax", [triton_input(tritonclient.http.aio, LOGITS, "FP32", binary)])
            same(answer.as_numpy("probabilities"), expected("probabilities", "FP32"))
        try:
            await client.infer("softmax", [triton_input(tritonclient.http.aio, LOGITS, "FP64", name="logit")])
            raise AssertionError("it was answered")
        except tritonclient.utils.InferenceServerException as error:
            assert "the nearest is \"logits\"" in error.message(), error


def kserve_client():
    return kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2"))


def kserve_request(datatype, binary, name="logits", array=LOGITS):
    tensor = kserve.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array.astype(TYPES.get(datatype, array.dtype)), binary_data=binary)
    return tensor


@check
async def kserve_asks_whether_it_is_ready():
    client = kserve_client()
    assert await client.is_server_live(URL) is True
    assert await client.is_server_ready(URL) is True
    assert await client.is_model_ready(URL, "softmax") is True


@check
async def kserve_infers():
    for datatype, binary in [("FP64", True), ("FP32", True), ("FP16", True), ("FP64", False), ("FP32", False)]:
        array = LOGITS if binary else LOGITS[:1]  # in JSON the client writes null for -inf
        request = kserve.InferRequest(
            model_name="softmax", infer_inputs=[kserve_request(datatype, binary, array=array)], request_id="a",
            parameters={"binary_data_output": binary})
        answer = await kserve_client().infer(URL, request, model_name="softmax")
        assert answer.id == "a" and answer.model_name == "softmax"
        same(answer.outputs[0].as_numpy(), expected("probabilities", datatype, array))


@check
async def kserve_mixes_binary_and_json():
    target = np.array([1, 0], dtype=np.int32)
    request = kserve.InferRequest(
        model_name="loss", infer_inputs=[kserve_request("FP64", True, array=LOGITS[:, :2]),
                                         kserve_request("INT32", False, "target", target)])
    answer = await kserve_client().infer(URL, request, model_name="loss")
    same(answer.outputs[0].as_numpy(), np.array(service("/loss", logits=LOGITS[:, :2].tolist(), target=[1, 0])["loss"]))


@check
async def kserves_transformer_sends_two_content_types():
    request = kserve.InferRequest(model_name="softmax", infer_inputs=[kserve_request("FP64", True)])
    answer = await kserve_client().infer(
        URL, request, model_name="softmax", headers={"Content-Type": "application/json"})
    same(answer.outputs[0].as_numpy(), expected("probabilities"))


@check
async def kserve_shows_errors():
    request = kserve.InferRequest(model_name="softmax", infer_inputs=[kserve_request("FP64", True, "logit")])
    try:
        await kserve_client().infer(URL, request, model_name="softmax")
        raise AssertionError("it was answered")
    except Exception as error:
        assert "the nearest is \"logits\"" in str(error), error


def exchange(head, body):
    """The status, the fields and the body that a request's very bytes get."""
    host, port = HOST.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + body)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return lines[0].split()[1], {line.split(":")[0].lower(): line.split(":")[1].strip() for line in lines[1:]}, body


@check
def a_cpp_client_sends_the_headers_length_always():
    text = b'{"id":"","inputs":[{"name":"logits","datatype":"FP64","shape":[2],"data":[40,0]}],' \
        b'"outputs":[{"name":"probabilities","parameters":{"binary_data":true}}]}'
    status, fields, body = exchange(
        f"POST /v2/models/softmax/versions/1/infer HTTP/1.1\nHost: {HOST}\nAccept: */*\nConnection: close\n"
        f"Content-Type: application/json\nInference-Header-Content-Length: {len(text)}\nContent-Length: {len(text)}\n\n", text)
    start = int(fields["inference-header-content-length"])
    assert status == "200" and start % 8 == 0
    assert struct.unpack("<2d", body[start:]) == (1.0, 4.248354255291589e-18)


@check
def errors_of_http_itself_are_the_protocols_too():
    for head, status in [(f"POST /v2/models/softmax/infer HTTP/1.1\nHost: {HOST}\nContent-Length: 999999999999\n\n", "413"),
                         (f"DELETE /v2 HTTP/1.1\nHost: {HOST}\nConnection: close\n\n", "405"),
                         (f"POST /v2/models/softmax/infer HTTP/1.1\nHost: {HOST}\nConnection: close\n\n", "411"),
                         (f"GET /v2 HTTP/1.1\nHost: {HOST}\nX: {'x' * 20000}\n\n", "431"),
                         (f"GET /v2/{'x' * 9000} HTTP/1.1\nHost: {HOST}\n\n", "414"),
                         (f"GET /v2 HTTP/1.1\nHost: {HOST}\n bad\n\n", "400"),
                         (f"GET /v2 HTTP/3.0\nHost: {HOST}\n\n", "505")]:
        found, fields, body = exchange(head, b"")
        assert found == status, (found, status)
        assert fields["content-type"] == "application/json" and list(json.loads(body)) == ["error"], body


@check
def one_models_answer_is_the_next_ones_request():
    def infer(body):
        request = urllib.request.Request(URL + "/v2/models/softmax/infer", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            return response.read()
    scores = b'{"model_name":"resnet","id":"x","outputs":[{"name":"scores","shape":[1,2],"datatype":"FP32","data":[40,0]}]}'
    once = json.loads(infer(scores))
    assert once["id"] == "x" and once["outputs"][0]["data"] == [1.0, 4.248354e-18]
    assert json.loads(infer(infer(scores)))["outputs"][0]["shape"] == [1, 2]


def main():
    for test in checks:
        if inspect.iscoroutinefunction(test):
            asyncio.run(test())
        else:
            test()
        print(f"ok    {test.__name__.replace('_', ' ')}")
    print(f"{len(checks)} tests")


main()
