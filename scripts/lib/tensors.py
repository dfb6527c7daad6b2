"""Gradients of tensors in binary beside the same as JSON, Starlette with NumPy, and Boost.Beast with plain loops.

scripts/bench tensors prints a table: for each shape and server the median of interleaved rounds. The rivals get raw
bytes and answer raw bytes, and are not exact; Benchmarks/Rivals holds them.
"""

import array
import json
import multiprocessing
import os
import socket
import statistics
import time

import rivals
from daemon import Daemon

CORES = os.cpu_count()


def inputs(rows, classes, code):
    """Logits as a normal distribution's and targets, always the same."""
    state, logits = 1, array.array(code)
    for _ in range(rows * classes):
        # The middle of a linear congruential generator's numbers, four at a time: near enough to normal.
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        sum_of_parts = (state & 0xFFFF) + (state >> 16 & 0xFFFF) + (state >> 32 & 0xFFFF) + (state >> 48)
        logits.append((sum_of_parts - 131070) / 16384)
    return logits, array.array("q", [row % classes for row in range(rows)])


def gradient(logits, target):
    """A gradient in binary either way, of a matrix and its targets as arrays: path, body, header fields."""
    tensors = [{"name": name, "shape": shape, "datatype": datatype,
                "parameters": {"binary_data_size": numbers.itemsize * len(numbers)}}
               for name, shape, datatype, numbers in (
                   ("logits", [len(target), len(logits) // len(target)], f"FP{8 * logits.itemsize}", logits),
                   ("target", [len(target)], "INT64", target))]
    head = json.dumps({"inputs": tensors, "parameters": {"binary_data_output": True}}).encode()
    head += b" " * (-len(head) % 8)
    body = head + logits.tobytes() + target.tobytes()
    return "/v2/models/gradient/infer", body, {"Inference-Header-Content-Length": len(head)}


def requests(rows, classes, code):
    """Each form's path, body and header fields."""
    logits, target = inputs(rows, classes, code)
    bits = 8 * logits.itemsize
    texts = [("%.9g" if code == "f" else "%.17g") % logit for logit in logits]
    matrix = ",".join("[" + ",".join(texts[row * classes:(row + 1) * classes]) + "]" for row in range(rows))
    message = f'{{"logits":[{matrix}],"target":{target.tolist()},"input_dtype":"float{bits}","dtype":"float{bits}"}}'
    return {
        "binary": gradient(logits, target),
        "json": ("/gradient", message.encode(), {"Content-Type": "application/json"}),
        "raw": (f"/float{bits}/{rows}/{classes}", logits.tobytes() + target.tobytes(),
                {"Content-Type": "application/octet-stream"}),
    }


def exchange(connection, message, buffer):
    """Sends a request whole and reads the answer; its length, which must be that of a 200."""
    for part in message:
        connection.sendall(part)
    view, count, size = memoryview(buffer), 0, None
    while size is None or count < size:
        got = connection.recv_into(view[count:])
        count += got
        end = buffer.find(b"\r\n\r\n", 0, min(count, 4096))
        if size is None and end >= 0:
            head = bytes(buffer[:end]).decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:])
            if " 200 " not in head[0] + " ":
                raise OSError(bytes(buffer[:count])[:1000])
            size = end + 4 + int(fields["content-length"])
        if not got:
            raise OSError("the server closed the connection")
    return size


def client(port, request, seconds, ready, counts):
    """One connection, one request after the other; each that is begun is ended and counted."""
    path, body, fields = request
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode()
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(3 * len(body) + 4096)
    exchange(connection, (head, body), buffer)
    ready.wait()  # for the others
    ready.wait()  # for the clock
    count, start = 0, time.monotonic()
    while count == 0 or time.monotonic() - start < seconds:
        exchange(connection, (head, body), buffer)
        count += 1
    counts.put(count)


def measure(server, request, seconds):
    ready, counts = multiprocessing.Barrier(CORES + 1), multiprocessing.Queue()
    clients = [multiprocessing.Process(target=client, args=(server.port, request, seconds, ready, counts))
               for _ in range(CORES)]
    for process in clients:
        process.start()
    ready.wait()
    cpu, start = server.cpu_seconds(), time.monotonic()
    ready.wait()
    count = sum(counts.get(timeout=120) for _ in clients)
    end = time.monotonic()
    for process in clients:
        process.join()
    return {"cpu": (server.cpu_seconds() - cpu) * 1e3 / count, "rate": count / (end - start)}


def table(rounds, seconds):
    servers = {"softmaxd": Daemon("--max-body", str(256 << 20)), "Beast": rivals.beast("tensors", "-ffast-math"),
               "Starlette": rivals.starlette()}
    forms = [("softmaxd, binary", "softmaxd", "binary"), ("softmaxd, JSON", "softmaxd", "json"),
             ("Starlette, NumPy", "Starlette", "raw"), ("Beast, plain loops", "Beast", "raw")]
    print(f"{'tensor':20} {'server':20} {'requests/s':>11} {'CPU ms/req':>11} {'GB/s':>7} {'CPU / softmaxd':>15}")
    for rows, classes, code in [(64, 1_000, "d"), (64, 131_072, "f")]:
        made = requests(rows, classes, code)
        tensor = f"{rows} x {classes:,} {'FP32' if code == 'f' else 'FP64'}"
        size = array.array(code).itemsize * rows * classes
        found = {form: [] for form, *_ in forms}
        for _ in range(rounds):
            for form, server, kind in forms:
                found[form].append(measure(servers[server], made[kind], seconds))
        middle = {form: {key: statistics.median(run[key] for run in runs) for key in ("cpu", "rate")}
                  for form, runs in found.items()}
        for form, figures in middle.items():
            print(f"{tensor:20} {form:20} {figures['rate']:11,.1f} {figures['cpu']:11.2f} "
                  f"{2 * size * figures['rate'] / 1e9:7.2f} {figures['cpu'] / middle[forms[0][0]]['cpu']:15.2f}",
                  flush=True)
    for server in servers.values():
        server.stop()
