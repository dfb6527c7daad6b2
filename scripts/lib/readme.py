#!/usr/bin/env python3
"""Runs the examples of a Markdown file against a live server and compares what they print with what the file says.

    readme.py URL README.md

An example is a fenced block of `sh` that begins with curl, or of a language in TOOLS; a `json` or `text` block straight
after it is its exact output. Where an example says http://127.0.0.1:8080, the given URL stands in.
A language whose tool is missing is skipped, and said so.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

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


def main():
    url, name = sys.argv[1], sys.argv[2]
    text = pathlib.Path(name).read_text(encoding="utf-8")
    passed = failed = 0
    for language, code, expected in BLOCK.findall(text):
        if language not in TOOLS or (language == "sh" and not code.startswith("curl")):
            continue
        program, command, file = TOOLS[language]
        title = f"{name}: {language}: {code.strip().splitlines()[0]}"
        if not shutil.which(program):
            print(f"skipped ({program} is missing) {title}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / file
            path.write_text(code.replace("http://127.0.0.1:8080", url), encoding="utf-8")
            run = subprocess.run([*command, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 timeout=300)
        if run.returncode == 0 and (not expected or run.stdout.strip() == expected.strip()):
            passed += 1
            print(f"ok    {title}")
        else:
            failed += 1
            print(f"FAIL  {title}\n--- exit code {run.returncode}, printed\n{run.stdout}{run.stderr}"
                  f"--- the file says\n{expected}")
    print(f"{name}: {passed} examples ran as written, {failed} did not")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
