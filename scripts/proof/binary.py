"""Cases as requests to /v2 with tensors in binary: service.py --narrow FORMAT --binary asks by them.

The logits have the type of the results, so that they are read, and overwritten, where they lie in the body. That is
done with large tensors only: where a case is one row of a softmax, or of losses that are not reduced, the row is sent
as often as that takes, and each of its copies must have the same answer."""
import json
import math
import struct

TYPES = {"float64": "FP64", "float32": "FP32", "float16": "FP16", "bfloat16": "BF16"}
CODES = {"FP64": "d", "FP32": "f", "FP16": "e", "INT64": "q"}
# Twice what the service takes for large.
LARGE = 128 * 1024


def encoded(numbers, datatype):
    if datatype != "BF16":
        return struct.pack(f"<{len(numbers)}{CODES[datatype]}", *numbers)
    return b"".join(struct.pack("<f", number)[2:] for number in numbers)


def decoded(data, datatype):
    if datatype != "BF16":
        return list(struct.unpack(f"<{len(data) // struct.calcsize(CODES[datatype])}{CODES[datatype]}", data))
    return [struct.unpack("<f", b"\0\0" + data[place:place + 2])[0] for place in range(0, len(data), 2)]


def fitted(case):
    """The case with logits of the results' type."""
    datatype = TYPES[case["dtype"]]
    if datatype == "BF16":
        logits = [struct.unpack("<f", struct.pack("<I", rounded_to_bfloat16(x)))[0] for x in case["logits"]]
    else:
        logits = [x if math.isinf(x) else decoded(encoded([x], datatype), datatype)[0] for x in case["logits"]]
    return case | {"logits": logits}


def rounded_to_bfloat16(number):
    """The bits of a number of binary32 whose lower half is zero; any near one will do."""
    return struct.unpack("<I", struct.pack("<f", number))[0] & 0xFFFF0000


def copies(case):
    """How often the case's rows are sent."""
    size = len(case["logits"]) * (2 if case["dtype"] in ("float16", "bfloat16") else 4)
    isolated = case["op"] == "softmax" or case["reduction"] == "none" and "upstream" not in case
    return -(-LARGE // size) if isolated and len(case["shape"]) == 1 and len(case["logits"]) > 64 else 1


def request(case):
    """The path, the body and the header fields of a case."""
    times = copies(case)
    shape = [times, *case["shape"]] if times > 1 else case["shape"]
    batch = shape[:-1]
    datatype = TYPES[case["dtype"]]
    tensors = [("logits", datatype, shape, encoded(case["logits"] * times, datatype))]
    for name, kind in (("target", "INT64"), ("sample_weight", "FP64"), ("upstream", "FP64")):
        if case.get(name) is not None:
            extents = [] if name == "upstream" and case["reduction"] != "none" else batch
            tensors.append((name, kind, extents, encoded(list(case[name]) * times, kind)))
    parameters = {name: case[name] for name in ("temperature", "reduction") if case.get(name) is not None}
    message = {
        "inputs": [{"name": name, "datatype": kind, "shape": extents, "parameters": {"binary_data_size": len(data)}}
                   for name, kind, extents, data in tensors],
        "outputs": [{"name": name} for name in case["want"]], "parameters": parameters | {"binary_data_output": True}}
    head = json.dumps(message).encode()
    model = "softmax" if case["op"] == "softmax" else "gradient"
    body = head + b"".join(data for *_, data in tensors)
    return f"/v2/models/{model}/infer", body, {"Inference-Header-Content-Length": str(len(head))}


def answers(case, fields, data):
    """The answer's numbers by name: of all copies if these are not one and the same."""
    length = int(fields["Inference-Header-Content-Length"])
    start, found, times = length, {}, copies(case)
    for tensor in json.loads(data[:length])["outputs"]:
        end = start + tensor["parameters"]["binary_data_size"]
        part = (end - start) // times
        all_alike = all(data[start + k * part:start + (k + 1) * part] == data[start:start + part] for k in range(times))
        found[tensor["name"]] = decoded(data[start:start + part if all_alike else end], tensor["datatype"])
        start = end
    return found
