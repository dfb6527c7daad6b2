#!/usr/bin/env python3
"""Writes Sources/Kernels/ExponentialTable.swift and prints the other constants of the vector kernels.

Every constant is the binary64 nearest to a real number computed here to 400 bits with mpmath.
usage: python3 scripts/kernel-constants.py > Sources/Kernels/ExponentialTable.swift
       python3 scripts/kernel-constants.py --others
"""
import math
import sys

from mpmath import mp, mpf, log

mp.prec = 400


def nearest(x):
    """The binary64 nearest to x (mpmath rounds to nearest even at 53 bits)."""
    with mp.workprec(53):
        return float(+x)


def truncated(x, bits):
    """x rounded to `bits` significant bits, exact in binary64."""
    with mp.workprec(bits):
        return float(+x)


def hexadecimal(x):
    mantissa, exponent = x.hex().split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0")
        mantissa = mantissa + "0" if mantissa.endswith(".") else mantissa
    return f"{mantissa}p{int(exponent)}"


def pair(x):
    high = nearest(x)
    return high, nearest(x - mpf(high))


def table():
    print("""/// 2^(j/256) for j in 0..<256 as pairs: entry 2j is the binary64 nearest to it, entry 2j + 1 the binary64
/// nearest to the rest, so that their sum is within 2^-106 of it, relatively.
/// Made by scripts/kernel-constants.py.
public let exponentialTable: [Double] = [""")
    for j in range(256):
        high, low = pair(mpf(2) ** (mpf(j) / 256))
        print(f"  {hexadecimal(high)}, {hexadecimal(low)},")
    print("]")


def others():
    step = log(mpf(2)) / 256
    first = truncated(step, 34)
    second = truncated(step - mpf(first), 34)
    third = nearest(step - mpf(first) - mpf(second))
    print("steps per unit", hexadecimal(nearest(1 / step)))
    for name, value in [("first", first), ("second", second), ("third", third)]:
        print("step", name, hexadecimal(value), "≈ 2^%.2f" % math.log2(abs(value)))
    for n in (6, 24, 120, 720, 5040):
        print(f"1/{n}", hexadecimal(nearest(mpf(1) / n)))
    high, low = pair(log(mpf(2)))
    print("log 2", hexadecimal(high), hexadecimal(low))
    for n in range(3, 17):
        high, low = pair(mpf(1) / n)
        print(f"1/{n}", hexadecimal(high), hexadecimal(low))


if __name__ == "__main__":
    others() if "--others" in sys.argv else table()
