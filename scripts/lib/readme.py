#!/usr/bin/env python3
"""Runs the examples of a Markdown file against a live server and compares what they print with what the file says.

    readme.py [--update] URL README.md

An example is a fenced block of `sh` that begins with curl, or of a language in TOOLS; a `json` or `text` block straight
after it is its exact output. Where an example says 127.0.0.1:8080, the given address stands in.
A language whose tool is missing is skipped, and said so. An `offset` in an answer may be any number, since in a head it
depends on the address. A row `| `/path` `body` | text |` is an example too: the text is
the answer's `detail`. --update writes what curl and the rows print now into the file.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

TOOLS = {
    "sh": ("bash", ["bash", "-euo", "pipefail"], "example.sh"),
    "python": ("python3", ["python3"], "example.py"),
    "js": ("node", ["node"], "example.mjs"),
    "go": ("go", ["go", "run"], "example.go"),
    "ruby": ("ruby", ["ruby"], "example.rb"),
    "php": ("php", ["php"], "example.php"),
    "perl": ("perl", ["perl"], "example.pl"),
    "r": ("Rscript", ["Rscript"], "example.R"),
    "lua": ("lua5.4", ["lua5.4"], "example.lua"),
    "tcl": ("tclsh", ["tclsh"], "example.tcl"),
}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n*^```(?:json|text)\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(/\w+)` `(.*)` \|(.*)\|$", re.MULTILINE)


def run(url, language, code):
    """What an example prints, or None when its tool is missing."""
    program, command, file = TOOLS[language]
    if not shutil.which(program):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / file
        path.write_text(code.replace("127.0.0.1:8080", url.removeprefix("http://")), encoding="utf-8")
        done = subprocess.run([*command, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=300)
    return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}exit code {done.returncode}\n"


def detail(url, path, body):
    """The `detail` of the problem that a body gets, as it stands in a table."""
    request = urllib.request.Request(url + path, body.encode(), {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        return json.load(error)["detail"].replace("|", "\\|")
    return "answered"


def examples(url, text):
    """(title, place in the text, what is said there, what is printed) of each example."""
    for match in BLOCK.finditer(text):
        language, code, expected = match.groups()
        if language in TOOLS and (language != "sh" or code.startswith("curl")):
            place = match.span(3) if expected is not None else (match.end(), match.end())
            yield f"{language}: {code.strip().splitlines()[0]}", place, expected, run(url, language, code)
    for match in ROW.finditer(text):
        path, body, said = match.groups()
        yield f"{path} {body}", match.span(3), said.strip(), detail(url, path, body)


def agrees(said, printed):
    """Whether an example prints what the file says, or whether the file says nothing."""
    if said is None:
        return "exit code" not in printed
    said, printed = (re.sub(r'"offset":\d+', '"offset"', text).strip() for text in (said, printed))
    return said == printed


def updated(text, found):
    """The text with what was printed in place of what was said."""
    for title, (start, end), said, printed in sorted(found, key=lambda example: -example[1][0]):
        if printed is None or not title.startswith(("sh:", "/")) or said is not None and agrees(said, printed):
            continue
        if title.startswith("/"):
            text = f"{text[:start]} {printed} {text[end:]}"
        elif said is None:
            kind = "json" if printed.startswith("{") else "text"
            text = f"{text[:end]}\n```{kind}\n{printed.strip()}\n```\n{text[end:]}"
        else:
            text = f"{text[:start]}{printed.strip()}\n{text[end:]}"
    return text


def main():
    update = "--update" in sys.argv
    url, name = [argument for argument in sys.argv[1:] if argument != "--update"]
    path = pathlib.Path(name)
    text = path.read_text(encoding="utf-8")
    found = list(examples(url, text))
    if update:
        path.write_text(updated(text, found), encoding="utf-8")
        return 0
    passed = failed = 0
    for title, _, said, printed in found:
        if printed is None:
            print(f"skipped (its tool is missing) {name}: {title}")
        elif agrees(said, printed):
            passed += 1
            print(f"ok    {name}: {title}")
        else:
            failed += 1
            print(f"FAIL  {name}: {title}\n--- printed\n{printed}\n--- the file says\n{said}")
    print(f"{name}: {passed} examples ran as written, {failed} did not")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
