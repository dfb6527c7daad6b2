"""generate.py [--only FAMILY ...] [--check] DIRECTORY    write one fixture file a family

Deterministic: the same seed gives the same bytes. --check compares with what is there instead of writing."""
import argparse
import pathlib
import random
import sys
import time

import midpoint_families  # noqa: F401 (its families join the others)
import option_families  # noqa: F401
import cases
import families
from rounding import Undecided, ZeroNormaliser


def generated(name, seed):
    rng = random.Random(f"{seed} {name}")
    parts, values = [], 0
    for case in families.FAMILIES[name](rng):
        families.fit_weights(case)
        try:
            case = cases.answered(case)
        except (ZeroNormaliser, Undecided):
            continue  # refused by the service, or a tie that no precision decides
        values += sum(len(x) for x in case["want"].values())
        parts.append(cases.text(case, f"{name}/{len(parts)}"))
    header = f"# softmaxd fixtures, family {name}, seed {seed}: {len(parts)} cases, {values} values. Made by scripts/proof/fixtures.\n"
    return header + "\n" + "\n".join(parts), len(parts), values


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directory", type=pathlib.Path)
    options.add_argument("--only", nargs="+", choices=sorted(families.FAMILIES), default=list(families.FAMILIES))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--check", action="store_true")
    given, differing, total = options.parse_args(), [], 0
    given.directory.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        began = time.monotonic()
        text, count, values = generated(name, given.seed)
        total += values
        path = given.directory / f"{name}.txt"
        if not given.check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            differing.append(name)
        print(f"{name:18s} {count:5d} cases {values:8d} values {len(text) / 1024:7.0f} KiB {time.monotonic() - began:6.1f} s", flush=True)
    print(f"{total} values" + (f"; different: {' '.join(differing)}" if differing else ""))
    sys.exit(bool(differing))


if __name__ == "__main__":
    main()
