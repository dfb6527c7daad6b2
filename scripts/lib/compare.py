#!/usr/bin/env python3
"""Sends the same requests to two builds of softmaxd and compares their answers byte by byte.

    compare.py PROGRAM OTHER-PROGRAM [CASES]

The requests are the fuzzer's corpus for whole requests and CASES (1,000) random ones from the fixtures' families, with
every option. Needs mpmath (scripts/proof/requirements.txt).
"""

import http.client
import itertools
import json
import pathlib
import re
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "proof"))
import service  # noqa: E402
from daemon import JSON, ROOT, Daemon  # noqa: E402

ENDPOINTS = ("/softmax", "/loss", "/gradient")


def requests(count):
    """(path, body) of each request."""
    # As the fuzz target reads its inputs: the first byte chooses the endpoint.
    with tarfile.open(ROOT / "Fuzz/Corpus/request.tar.xz") as corpus:
        for member in corpus:
            content = corpus.extractfile(member).read()
            if content:
                yield "/check" if content[:1] == b"3" else ENDPOINTS[content[0] % 3], content[1:]
    for _, case in itertools.islice(service.random_cases(1, service.ORDINARY), count):
        path, message = service.body(case)
        yield path, json.dumps(message).encode()


def main():
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000
    faults, answers, numbers = [], 0, 0
    with Daemon(program=sys.argv[1]) as one, \
            Daemon(program=sys.argv[2]) as other:
        connections = [http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=120) for daemon in (one, other)]
        for path, body in requests(count):
            results = []
            for connection in connections:
                connection.request("POST", path, body, JSON)
                response = connection.getresponse()
                results.append((response.status, response.read()))
            answers += 1
            numbers += len(re.findall(rb"[-+.\deE]*\d", results[0][1])) if results[0][0] == 200 else 0
            if results[0] != results[1]:
                faults.append(f"{path} {body[:200]!r}: {results[0]} and {results[1]}")
    print("\n".join(faults[:10]))
    print(f"{answers} answers with {numbers} numbers: {len(faults)} differ")
    return 1 if faults or not numbers else 0


if __name__ == "__main__":
    sys.exit(main())
