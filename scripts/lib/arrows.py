#!/usr/bin/env python3
"""Checks which module may call which: what Package.swift declares, what each file imports, and what the documents draw.

    swift package dump-package | arrows.py [DOCUMENT …]

The compiler's own check (--explicit-target-dependency-import-check) lets a module through that comes with another
one, and every system module; this one does not.
"""

import json
import pathlib
import re
import sys

from modules import dependencies, imports

# The plan: for each module the modules that it may call, and the system modules that it may import. SoftmaxService
# takes from Glibc what people's own code computes with, exp and log, which /check tries again.
IO = {"Glibc", "Dispatch", "Synchronization"}
PLAN = {
    "Allocation": ({"CLinux"}, {"Glibc"}),
    "VectorKernels": ({"CVector"}, set()),
    "VectorKernelsV3": ({"VectorKernels"}, set()),
    "VectorKernelsV4": ({"VectorKernels"}, set()),
    "KernelDispatch": ({"VectorKernels", "VectorKernelsV3", "VectorKernelsV4"}, set()),
    "Softmax": ({"VectorKernels", "KernelDispatch", "Allocation"}, {"Synchronization"}),
    "NumericJSON": ({"VectorKernels", "KernelDispatch", "Allocation"}, set()),
    "HTTP": ({"Allocation"}, set()),
    "HTTPServer": ({"HTTP", "CLinux"}, IO),
    "EmbeddedResources": (set(), set()),
    "SoftmaxService": ({"Softmax", "NumericJSON", "HTTP", "EmbeddedResources", "VectorKernels"}, {"Glibc"}),
    "softmaxd": ({"SoftmaxService", "HTTPServer", "HTTP", "VectorKernels", "Allocation", "CLinux"}, IO),
}
# Tests, benchmarks and fuzz targets are not in the plan: they may use any module that they declare.
OUTSIDE = IO | {"Testing", "Foundation"}


def imports_of(folder):
    """For each module that the folder's files import, one file that does."""
    found = {}
    for file in sorted(folder.rglob("*.swift")):
        for module in imports(file):
            found.setdefault(module, file)
    return found


def declared_and_imported(package):
    faults = []
    for target in package["targets"]:
        name = target["name"]
        if target["type"] == "system":
            continue
        folder = "Tests" if target["type"] == "test" else "Sources"
        path = pathlib.Path(target.get("path") or f"{folder}/{name}")
        declared = set(dependencies(target))
        modules, system = PLAN.get(name, (declared, OUTSIDE))
        if path.parts[0] == "Sources" and name not in PLAN:
            faults.append(f"Package.swift: {name} is not in the plan (scripts/lib/arrows.py)")
        for arrow in sorted(declared - modules):
            faults.append(f"Package.swift: {name} -> {arrow} is not an arrow of the plan")
        found = imports_of(path)
        for module, file in sorted(found.items()):
            if module not in declared | system | {name, "Swift"}:
                faults.append(f"{file}: imports {module}, which {name} does not declare or may not use")
        if name in PLAN:
            for arrow in sorted(declared - set(found)):
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


def drawn(document):
    """What the document's drawings, indented or fenced, have too much and too little."""
    lines = pathlib.Path(document).read_text(encoding="utf-8").splitlines()
    arrows = drawing(lines)
    plan = {(name, target) for name, (modules, _) in PLAN.items() for target in modules}
    return ([f"{document}: {a} -> {b} is drawn and not in the plan" for a, b in sorted(arrows - plan)]
            + [f"{document}: {a} -> {b} is in the plan and not drawn" for a, b in sorted(plan - arrows)])


def main():
    faults = declared_and_imported(json.load(sys.stdin))
    for document in sys.argv[1:]:
        faults += drawn(document)
    print("\n".join(faults) if faults else "arrows: as planned")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
