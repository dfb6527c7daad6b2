#!/usr/bin/env python3
"""Names functions, initialisers and subscripts with four or more unlabelled parameters. Exit code 1 if there are any.

    parameters.py FILE …

A call with four arguments and no labels cannot be read without the declaration.
"""

import pathlib
import re
import sys

MOST = 3
DECLARATION = re.compile(r"\b(?:func\s+(?:\w+|[^\s\w(]+)|init[?!]?|subscript)\s*(?:<[^(]*>)?\s*\(")


def parameters(text, start):
    """The parts between the commas of the parameter list that opens just before `start`."""
    depth, parts, part = 1, [], ""
    for index in range(start, len(text)):
        character = text[index]
        if character in "([{<":
            depth += 1
        elif character in ")]}" or (character == ">" and text[index - 1] != "-"):
            depth -= 1
        if depth == 0:
            break
        if character == "," and depth == 1:
            parts.append(part)
            part = ""
        else:
            part += character
    return parts + [part]


def main():
    found = 0
    for name in sys.argv[1:]:
        text = re.sub(r"//[^\n]*", lambda comment: " " * len(comment[0]), pathlib.Path(name).read_text(encoding="utf-8"))
        for declaration in DECLARATION.finditer(text):
            is_subscript = declaration[0].startswith("subscript")
            unlabelled = 0
            for parameter in parameters(text, declaration.end()):
                words = re.sub(r"@\w+(\([^)]*\))?", "", parameter).split(":")[0].split()
                unlabelled += bool(words) and (words[0] == "_" or (is_subscript and len(words) == 1))
            if unlabelled > MOST:
                found += 1
                line = text.count("\n", 0, declaration.start()) + 1
                print(f"{name}:{line}: {declaration[0].strip(' (')} has {unlabelled} unlabelled parameters")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
