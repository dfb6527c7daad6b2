"""digits.py URL OUTPUT.svg    the correct digits of a loss and its gradient, against how confident the model is

Two classes, logits [gap, 0], target 0: the true loss is log1p(e^-gap), the gradient at the target -1 / (1 + e^gap). The
digits are -log10 of the relative error, 16 where the answer is the nearest binary64. Each peer answers in binary64, by
its fused cross-entropy and its own differentiation (peers.py); the truth comes from mpmath."""
import math
import sys
import urllib.parse

import mpmath

import peers

GAPS = [k / 2 for k in range(0, 121)]
PANELS = [("loss", "loss"), ("gradient", "gradient at the target")]
WIDTH, HEIGHT, LEFT, TOP, GAP = 320, 180, 44, 40, 70


def truth(output, gap):
    with mpmath.workprec(400):
        e = mpmath.exp(-mpmath.mpf(gap))
        return mpmath.log1p(e) if output == "loss" else -e / (1 + e)


def digits(value, output, gap):
    exact = truth(output, gap)
    with mpmath.workprec(400):
        if float(exact) == value:
            return 16.0
        error = abs(mpmath.mpf(value) / exact - 1)
    return max(0.0, min(16.0, -float(mpmath.log10(error)))) if math.isfinite(value) else 0.0


def curves(url):
    names = {"softmaxd": peers.softmaxd(urllib.parse.urlsplit(url))[1]}
    for name in ("PyTorch", "JAX", "textbook (NumPy)"):
        try:
            names[name] = peers.PEERS[name]()[1]
        except ImportError as error:
            print(f"left out: {error}")
    found = {name: {output: [] for output, _ in PANELS} for name in names}
    for name, answer in names.items():
        for gap in GAPS:
            values = answer([float(gap), 0.0], 0)
            for output, _ in PANELS:
                found[name][output].append(digits(float(values[output][0]), output, gap))
    return found


def panel(found, output, title, left):
    x = lambda gap: left + gap / GAPS[-1] * WIDTH
    y = lambda count: TOP + HEIGHT - count / 16 * HEIGHT
    lines = [f'<text class="title" x="{left}" y="{TOP - 14}">{title}</text>']
    for count in (0, 4, 8, 12, 16):
        lines.append(f'<path class="grid" d="M{left} {y(count):.1f}h{WIDTH}"/>'
                     f'<text class="tick end" x="{left - 6}" y="{y(count) + 4:.1f}">{count}</text>')
    for gap in (0, 20, 40, 60):
        lines.append(f'<text class="tick middle" x="{x(gap):.1f}" y="{TOP + HEIGHT + 16}">{gap}</text>')
    for place, (name, outputs) in enumerate(found.items()):
        points = " ".join(f"{x(gap):.1f},{y(count):.1f}" for gap, count in zip(GAPS, outputs[output]))
        lines.append(f'<polyline class="line c{place}" points="{points}"/>')
    return lines


def svg(found):
    total = 2 * WIDTH + LEFT + GAP + 10
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT + TOP + 66}" role="img" '
             'aria-label="Correct digits of the loss and of the gradient against the gap between two logits">',
             "<style>text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:13px}.end{text-anchor:end}"
             ".middle{text-anchor:middle}.grid{stroke:#8884;fill:none}.line{fill:none;stroke-width:2}"
             ".c0{stroke:#0a7d4f;stroke-width:3}.c1{stroke:#d9480f}.c2{stroke:#7048e8;stroke-dasharray:7 3}"
             ".c3{stroke:#868e96;stroke-dasharray:2 3}"
             "@media(prefers-color-scheme:dark){text{fill:#ddd}.c0{stroke:#38d996}.c1{stroke:#ff8a50}.c2{stroke:#b197fc}}"
             "</style>"]
    for place, (output, title) in enumerate(PANELS):
        lines += panel(found, output, f"Correct digits of the {title}", LEFT + place * (WIDTH + GAP))
    lines.append(f'<text class="middle" x="{total / 2:.0f}" y="{TOP + HEIGHT + 34}">'
                 "gap between the target's logit and the other</text>")
    for place, name in enumerate(found):
        left = LEFT + place * 165
        lines.append(f'<path class="line c{place}" d="M{left} {TOP + HEIGHT + 54}h26"/>'
                     f'<text x="{left + 32}" y="{TOP + HEIGHT + 58}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


found = curves(sys.argv[1])
with open(sys.argv[2], "w", encoding="utf-8") as file:
    file.write(svg(found))
for name, outputs in found.items():
    for output, counts in outputs.items():
        lost = next((gap for gap, count in zip(GAPS, counts) if count == 0), None)
        print(f"{name}, {output}: least digits {min(counts):.1f}" + (f"; none from a gap of {lost}" if lost is not None else ""))
