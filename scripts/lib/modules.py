#!/usr/bin/env python3
"""Prints the modules of Sources that some Swift files import, each after those that it depends on.

    swift package dump-package | modules.py FILE …

One line per module: its name, its kind (regular or system), its folder, and the compiler flags for its language
settings. scripts/fuzz compiles Swift files outside the package with these. The flags that choose a processor
(unsafeFlags) are left out: what is compiled so runs on every processor.
"""

import json
import pathlib
import re
import sys

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|typealias|func|var|let)\s+)?(\w+)", re.MULTILINE)


def imports(file):
    """The names of the modules that a Swift file imports."""
    return IMPORT.findall(pathlib.Path(file).read_text(encoding="utf-8"))


def dependencies(target):
    return [next(iter(dependency.values()))[0] for dependency in target["dependencies"]]


def flags(target):
    """The compiler's flags for the settings of a target."""
    result = []
    for setting in target["settings"]:
        (kind, value), = setting["kind"].items()
        if kind == "strictMemorySafety":
            result.append("-strict-memory-safety")
        elif kind == "enableUpcomingFeature":
            result += ["-enable-upcoming-feature", value["_0"]]
        elif kind == "enableExperimentalFeature":
            result += ["-enable-experimental-feature", value["_0"]]
        elif kind != "unsafeFlags":
            sys.exit(f"{target['name']}: {kind} is a setting that scripts/lib/modules.py does not know")
    return result


def main():
    targets = {target["name"]: target for target in json.load(sys.stdin)["targets"]}
    order = []

    def visit(name):
        if name in targets and name not in order:
            for dependency in dependencies(targets[name]):
                visit(dependency)
            order.append(name)

    for file in sys.argv[1:]:
        for name in imports(file):
            visit(name)
    for name in order:
        target = targets[name]
        print(name, target["type"], target.get("path") or f"Sources/{name}", *flags(target))


if __name__ == "__main__":
    main()
