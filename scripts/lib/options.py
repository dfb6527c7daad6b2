#!/usr/bin/env python3
"""Compares `softmaxd --help`, on standard input, with docs/operations.md: every option, with the same default.

What a number may be, which --help prints after the default, is printed there alone.

    softmaxd --help | options.py docs/operations.md
"""

import pathlib
import re
import sys


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    # A row of a table: the flag, then its default.
    rows = re.findall(r"^\| `(--[\w-]+)` \| ([^|]*?) \|", text, re.MULTILINE)
    # Where a flag heads another table too, its first row counts.
    written = dict(reversed(rows))
    faults, count = [], 0
    for flag, rest in re.findall(r"^  (--[\w-]+)(.*)$", sys.stdin.read(), re.MULTILINE):
        count += 1
        default = re.search(r"\[([^\];]*)(?:; [^\]]*)?\]$", rest)
        if not default:
            if flag not in text:
                faults.append(f"{flag} is not described")
        elif written.get(flag) != default.group(1):
            faults.append(f"{flag} has the default {default.group(1)}, and {written.get(flag, 'no row')} is written")
    print("\n".join(faults) if faults else f"{sys.argv[1]}: {count} options, as softmaxd has them")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main())
