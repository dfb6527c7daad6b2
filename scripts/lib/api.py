#!/usr/bin/env python3
"""Checks that docs/api.md, and docs/open-inference.md for /v2, show all that a running softmaxd and openapi.yaml have.

    api.py URL docs/api.md

Each path, each member of a request and each output is shown; each type of problem has a section with its status, and
no other has one.
"""

import json
import pathlib
import re
import sys
import urllib.error
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


def problem_status(url, name):
    try:
        with urllib.request.urlopen(f"{url}/problems/{name}") as response:
            return json.load(response)["status"]
    except urllib.error.HTTPError:
        return None


def main():
    url, name = sys.argv[1:]
    text = pathlib.Path(name).read_text(encoding="utf-8")
    text += (ROOT / "docs/open-inference.md").read_text(encoding="utf-8")
    contract = (ROOT / "openapi.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(contract)
    # Under /v2, each path of a model is there with its version too, and the first with a slash at its end.
    paths = {"/v2" if path == "/v2/" else path.replace("/versions/{version}", "") for path in document["paths"]}
    faults = [f"{path} is not shown" for path in sorted(paths)
              if f" {path}`" not in text and f" {path}\n" not in text]
    schemas = document["components"]["schemas"]
    for schema in (name for name in schemas if re.fullmatch(r"\w+(Request|Response)", name)):
        faults += [f"{schema}'s {member} is not shown" for member in schemas[schema].get("properties", {})
                   if f'"{member}"' not in text]
    sections = dict(re.findall(r"^### ([a-z-]+) \((\d+)\)$", text, re.MULTILINE))
    for problem in sorted(set(re.findall(r"/problems/([a-z-]+)", contract)) | set(sections)):
        status, said = problem_status(url, problem), sections.get(problem)
        if status is None or said != str(status):
            faults.append(f"{problem} has the status {status}, and {said or 'no section'} is written")
    print("\n".join(faults) if faults else f"{name}: all paths, members and {len(sections)} types of problem")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
