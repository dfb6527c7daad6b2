#!/usr/bin/env python3
"""Names public declarations that have no docstring. Exit code 1 if there are any.

    docstrings.py FILE …

What a protocol of Swift's library asks for has that protocol's docstring.
"""

import pathlib
import re
import sys

WORDS = r"(?:@\w+(?:\([^)]*\))?|final|static|mutating|consuming|indirect)"
DECLARATION = re.compile(rf"\s*(?:{WORDS}\s+)*public\b(?! import| extension)")
ONLY_ATTRIBUTES = re.compile(rf"\s*{WORDS}(?:\s+{WORDS})*\s*")
INHERITED = re.compile(
    r"func (?:==|<|hash\(into)|(?:var|let) (?:startIndex|endIndex|description|rawValue)\b"
    r"|subscript\(\w+: Int\)|init\((?:arrayLiteral|dictionaryLiteral|rawValue)\b")


def main():
    found = 0
    for name in sys.argv[1:]:
        above = ""
        for number, line in enumerate(pathlib.Path(name).read_text(encoding="utf-8").split("\n"), 1):
            is_exempt = not DECLARATION.match(line) or INHERITED.search(line)
            if not is_exempt and not above.lstrip().startswith("///"):
                found += 1
                print(f"{name}:{number}: {line.strip()} has no docstring")
            if not ONLY_ATTRIBUTES.fullmatch(line):
                above = line
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
