#!/usr/bin/env python3
"""Checks the house's arrows: what Package.swift declares against the plan, and what each file imports against both.

The compiler's own check (--explicit-target-dependency-import-check) lets a module through that comes with another
one, and every system module; this one does not. Reads `swift package dump-package` on its standard input.
"""

import json
import pathlib
import sys

from modules import dependencies, imports

# The plan: for each room the rooms that it may call, and the system modules that it may import.
IO = {"Glibc", "Dispatch", "Synchronization"}
HOUSE = {
    "Kernels": (set(), set()),
    "KernelsV3": ({"Kernels"}, set()),
    "KernelsV4": ({"Kernels"}, set()),
    "SoftmaxCore": ({"Kernels", "KernelsV3", "KernelsV4"}, set()),
    "NumericJSON": ({"Kernels", "KernelsV3", "KernelsV4"}, set()),
    "HTTPCore": (set(), set()),
    "HTTPTransport": ({"HTTPCore", "CLinux"}, IO),
    "OpenAPIDocument": (set(), set()),
    "SoftmaxAPI": ({"SoftmaxCore", "NumericJSON", "HTTPCore", "OpenAPIDocument", "Kernels"}, set()),
    "softmaxd": ({"SoftmaxAPI", "HTTPTransport", "HTTPCore", "Kernels", "CLinux"}, IO),
}
# Tests, benchmarks and fuzz targets stand outside the house: they may use any room that they declare.
OUTSIDE = IO | {"Testing", "Foundation"}

def imports_of(folder):
    """For each module that the folder's files import, one file that does."""
    found = {}
    for file in sorted(folder.rglob("*.swift")):
        for module in imports(file):
            found.setdefault(module, file)
    return found


def main():
    faults = []
    for target in json.load(sys.stdin)["targets"]:
        name = target["name"]
        if target["type"] == "system":
            continue
        folder = "Tests" if target["type"] == "test" else "Sources"
        path = pathlib.Path(target.get("path") or f"{folder}/{name}")
        declared = set(dependencies(target))
        rooms, system = HOUSE.get(name, (declared, OUTSIDE))
        if path.parts[0] == "Sources" and name not in HOUSE:
            faults.append(f"Package.swift: {name} has no place in the house (scripts/lib/arrows.py)")
        for arrow in sorted(declared - rooms):
            faults.append(f"Package.swift: {name} -> {arrow} is not an arrow of the house")
        found = imports_of(path)
        for module, file in sorted(found.items()):
            if module not in declared | system | {name, "Swift"}:
                faults.append(f"{file}: imports {module}, which {name} does not declare or may not use")
        if name in HOUSE:
            for arrow in sorted(declared - set(found)):
                faults.append(f"Package.swift: {name} -> {arrow} is declared and never imported")
    print("\n".join(faults) if faults else "arrows: as in the house")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
