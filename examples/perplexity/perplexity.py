#!/usr/bin/env python3
"""The perplexity of a sequence of tokens under a model with a vocabulary of 131,072, and its best guesses for each.

The model counts which word follows which in a short text, and gives the logit log(count + 1e-6) to each of the 131,072
tokens of its vocabulary, nearly all of which never occur: rows as long as a large language model's. The numbers are sent as
bfloat16 would hold them (`input_dtype`), as such models compute them. /loss answers the perplexity, /softmax the five most
probable tokens alone (`top_k`): a few bytes for a row of a megabyte. Python's standard library only.

    python3 examples/perplexity/perplexity.py [--url http://127.0.0.1:8080] [--tokens 24]

The address may stand in SOFTMAXD_URL too. Ends with exit code 1 when the perplexity is not the exponential of the
mean loss, or when the five guesses are not those that counting says.
"""

import argparse
import collections
import http.client
import json
import math
import os
import sys
import urllib.parse

URL = os.environ.get("SOFTMAXD_URL", "http://127.0.0.1:8080")
VOCABULARY = 131_072
TEXT = """
the row is read once and the row is kept . the largest number is found and the largest number is taken away . each number
is raised and each number is added . the sum is kept and the sum is used . what is left of the row is divided by the sum .
each number is rounded once and each number is written . the row is read once and the answer is written .
""".split()


class Service:
    """One kept-alive connection to softmaxd."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=60)

    def post(self, path, message):
        try:
            self.connection.request("POST", path, json.dumps(message), {"Content-Type": "application/json"})
            response = self.connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            sys.exit(f"no softmaxd answers at {self.url} ({error}); start one, or name another with --url")
        if response.status != 200:
            sys.exit(f"{path} answered {response.status}: {answer.get('detail', answer)}")
        return answer


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--url", default=URL)
    arguments.add_argument("--tokens", type=int, default=24)
    options = arguments.parse_args()

    words = sorted(set(TEXT))
    # Anywhere in the vocabulary: here, 1,009 apart.
    token = {word: 1009 * place for place, word in enumerate(words)}
    name = {place: word for word, place in token.items()}
    follows = collections.defaultdict(collections.Counter)
    for word, following in zip(TEXT, TEXT[1:]):
        follows[word][following] += 1

    sequence = TEXT[:options.tokens + 1]
    rows = []
    for word in sequence[:-1]:
        row = [-13.8] * VOCABULARY  # log 1e-6
        for following, count in follows[word].items():
            row[token[following]] = round(math.log(count + 1e-6), 3)
        rows.append(row)
    target = [token[word] for word in sequence[1:]]

    service = Service(options.url)
    common = {"logits": rows, "input_dtype": "bfloat16"}
    answer = service.post("/loss", common | {"target": target, "outputs": ["perplexity", "loss"]})
    losses = service.post("/loss", common | {"target": target, "reduction": "none"})["loss"]
    guesses = service.post("/softmax", common | {"top_k": 5, "dtype": "float32"})

    print("after      came       loss   five best guesses")
    for word, came, loss, places, chances in zip(
            sequence, sequence[1:], losses, guesses["top_indices"], guesses["top_probabilities"]):
        best = ", ".join(f"{name.get(place, '?')} {chance:.3f}" for place, chance in zip(places, chances))
        print(f"{word:10s} {came:10s} {loss:.3f}   {best}")
        # By falling count, the lowest token first among equals; then those that were never seen.
        counted = sorted(follows[word], key=lambda following: (-follows[word][following], token[following]))
        if [name.get(place) for place in places][:len(counted)] != counted[:5]:
            sys.exit(f"after {word!r} these are not the words that follow most often")
    print(f"perplexity {answer['perplexity']:.6f} over {len(target)} tokens; a uniform guess has {VOCABULARY}")
    if not math.isclose(answer["perplexity"], math.exp(sum(losses) / len(losses)), rel_tol=1e-12):
        sys.exit("it is not the exponential of the mean loss")
    return 0 if answer["perplexity"] < VOCABULARY else 1


if __name__ == "__main__":
    sys.exit(main())
