#!/usr/bin/env python3
"""Prints a Makefile that compiles programs of one Swift file outside the package, and the modules that they import.

    swift package dump-package | modules.py FOLDER FILE … -- COMMAND …

The programs get their files' names, in FOLDER, where the modules lie as well. COMMAND compiles. A file whose first line
is "// with: FILE …" is compiled with those files. The flags that choose a processor (unsafeFlags) are left out: what is
compiled so runs on every processor.
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


def sources(file):
    """A program's files."""
    path = pathlib.Path(file)
    first = path.open(encoding="utf-8").readline()
    return [str(path), *(first.split()[2:] if first.startswith("// with: ") else [])]


def main():
    folder, *rest = sys.argv[1:]
    programs, command = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    targets = {target["name"]: target for target in json.load(sys.stdin)["targets"]}
    paths = {name: target.get("path") or f"Sources/{name}" for name, target in targets.items()}
    system = {name for name, target in targets.items() if target["type"] == "system"}
    # Modules in C, each of one file.
    c_files = {name: file for name, path in paths.items() for file in pathlib.Path(path).glob("*.c")}
    headers = {name: paths[name] for name in system} | {name: f"{paths[name]}/include" for name in c_files}
    needed = {}

    def visit(name):
        """Everything that a module needs, itself included."""
        if name not in targets:
            return set()
        if name not in needed:
            needed[name] = {name}.union(*map(visit, dependencies(targets[name])))
        return needed[name]

    def objects(modules):
        return [f"{folder}/{name}.o" for name in sorted(modules - system)]

    def rule(product, prerequisites, *arguments):
        print(f"{product}: {' '.join(prerequisites)}\n\t{' '.join([*command, *arguments])}\n")

    modules = {file: set().union(*(visit(name) for part in sources(file) for name in imports(part))) for file in programs}
    for name in sorted(set().union(*modules.values())):
        command += ["-I", headers[name]] if name in headers else []
    print("all:", *(f"{folder}/{pathlib.Path(file).stem}" for file in programs), "\n")
    for file, needs in modules.items():
        product = f"{folder}/{pathlib.Path(file).stem}"
        rule(product, [*sources(file), *objects(needs)], "-module-name", "Program", "$^", "-o", "$@")
    for name in sorted(set().union(*modules.values()) - system):
        if file := c_files.get(name):
            print(f"{folder}/{name}.o: {file}\n\tclang -std=c23 -c $< -I {headers[name]} -o $@\n")
            continue
        files = sorted(str(file) for file in pathlib.Path(paths[name]).rglob("*.swift"))
        others = objects(needed[name] - {name})
        rule(f"{folder}/{name}.o", [*files, *others], *flags(targets[name]), "-wmo", "-package-name", "softmaxd",
             "-module-name", name, *files, "-emit-module", "-emit-module-path", f"{folder}/{name}.swiftmodule",
             "-c", "-o", "$@")


if __name__ == "__main__":
    main()
