#!/usr/bin/env python3
"""Checks that files import what Package.swift lets their module call, and that documents draw these arrows.

    swift package dump-package | arrows.py [DOCUMENT …]

The compiler's own check (--explicit-target-dependency-import-check) lets a module through that comes with another
one, and every system module; this one does not.
"""

import json
import pathlib
import re
import sys

from modules import dependencies, imports

# The system modules that each module of Sources may import; none where it is not listed. SoftmaxService takes from
# Glibc what people's own code computes with, exp and log, which /check tries again.
IO = {"Glibc", "Dispatch", "Synchronization"}
SYSTEM = {"Allocation": {"Glibc"}, "Softmax": {"Synchronization"}, "HTTPServer": IO, "SoftmaxService": {"Glibc"},
          "softmaxd": IO}
# What tests and benchmarks may.
OUTSIDE = IO | {"Testing", "Foundation"}


def imports_of(folder):
    """For each module that the folder's files import, one file that does."""
    found = {}
    for file in sorted(folder.rglob("*.swift")):
        for module in imports(file):
            found.setdefault(module, file)
    return found


def folder_of(target):
    folder = "Tests" if target["type"] == "test" else "Sources"
    return pathlib.Path(target.get("path") or f"{folder}/{target['name']}")


def is_of_sources(target):
    return folder_of(target).parts[0] == "Sources"


def imported(targets):
    """What the files of each module import and may not, and what the modules of Sources declare and do not import."""
    faults = []
    for target in targets:
        name, declared = target["name"], set(dependencies(target))
        found = imports_of(folder_of(target))
        system = SYSTEM.get(name, set()) if is_of_sources(target) else OUTSIDE
        for module, file in sorted(found.items()):
            if module not in declared | system | {name, "Swift"}:
                faults.append(f"{file}: imports {module}, which {name} does not declare or may not use")
        for arrow in sorted(declared - set(found) if is_of_sources(target) else ()):
            faults.append(f"Package.swift: {name} -> {arrow} is declared and never imported")
    return faults


def drawing(lines):
    """The arrows (from, to) of lines such as `A ──→ B, C` and `│ ├──→ D`: a branch starts at the name above it."""
    arrows = set()
    for number, line in enumerate(lines):
        for arrow in re.finditer(r"([├└]?)─+→ *(\w+(?:, \w+)*)", line):
            if arrow[1]:
                column, row = arrow.start(), number - 1
                while row > 0 and lines[row][column:column + 1] in ("│", "├"):
                    row -= 1
                sources = [name[0] for name in re.finditer(r"\w+", lines[row]) if name.start() <= column < name.end()]
            else:
                sources = re.findall(r"\w+", re.search(r"[\w, ]*$", line[:arrow.start()])[0])
            arrows |= {(source, target) for source in sources or ["nothing"] for target in arrow[2].split(", ")}
    return arrows


def drawn(document, targets):
    """What the document's drawings, indented or fenced, have too much and too little."""
    arrows = drawing(pathlib.Path(document).read_text(encoding="utf-8").splitlines())
    plan = {(target["name"], arrow) for target in targets if is_of_sources(target) for arrow in dependencies(target)}
    return ([f"{document}: {a} -> {b} is drawn and not in Package.swift" for a, b in sorted(arrows - plan)]
            + [f"{document}: {a} -> {b} is in Package.swift and not drawn" for a, b in sorted(plan - arrows)])


def main():
    targets = [target for target in json.load(sys.stdin)["targets"] if target["type"] != "system"]
    faults = imported(targets)
    for document in sys.argv[1:]:
        faults += drawn(document, targets)
    print("\n".join(faults) if faults else "arrows: as in Package.swift")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
