#!/usr/bin/env python3
"""Wraps the comments of Swift files that are longer than 120 columns, which swift format leaves alone.

    wrap.py FILE …

Only the paragraph or list item with the long line is filled again. Tables and code in comments stay as they are.
"""

import pathlib
import re
import sys

WIDTH = 120
COMMENT = re.compile(r"(?P<lead>\s*//[/!]?)(?P<space> *)(?P<text>.*)")
ITEM = re.compile(r"(?:[-*]|\d+\.) ")
# A line that begins something new, or that is not prose.
APART = re.compile(r"(?:[-*]|\d+\.) |[|#`]|$")


def filled(first, others, words):
    """The words in lines that begin with `first` and then with `others`."""
    lines, line = [], first
    for word in words:
        if len(line.rstrip()) > len(others.rstrip()) and len(line) + len(word) > WIDTH:
            lines.append(line.rstrip())
            line = others
        line += word + " "
    return lines + [line.rstrip()]


def wrapped(lines):
    result, index = [], 0
    while index < len(lines):
        comment = COMMENT.fullmatch(lines[index])
        is_prose = comment and len(comment["space"]) < 5 and not re.match(r"[|`]", comment["text"])
        if len(lines[index]) <= WIDTH or not is_prose:
            result.append(lines[index])
            index += 1
            continue
        item = ITEM.match(comment["text"])
        space = (comment["space"] or " ") + " " * (item.end() if item else 0)
        words = comment["text"].split()
        index += 1
        while index < len(lines):
            more = COMMENT.fullmatch(lines[index])
            if not more or more["lead"] != comment["lead"] or more["space"] != space or APART.match(more["text"]):
                break
            words += more["text"].split()
            index += 1
        result += filled(comment["lead"] + comment["space"], comment["lead"] + space, words)
    return result


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        text = path.read_text(encoding="utf-8")
        after = "\n".join(wrapped(text.split("\n")))
        if after != text:
            path.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    main()
