"""The page for everyone: screens, schemes, keyboards, paper, and the programs to take along."""

import itertools
import re
import shutil
import subprocess
import sys

from browser import DESKTOP, PHONE, number
from page_shown import STATES


class Everyone:
    def check_accessibility(self):
        """axe-core finds nothing, and nothing scrolls sideways, in both schemes, on a desktop and on a phone."""
        everywhere = itertools.product(("light", "dark"), (PHONE, DESKTOP), STATES[-1:])
        for scheme, viewport, fragment in [*everywhere, *(("dark", PHONE, fragment) for fragment in STATES[:-1])]:
            with self.visit(fragment, scheme=scheme, viewport=viewport) as visit:
                name = f"{fragment!r}, {scheme}, {viewport['width']} px"
                self.equal(visit.axe(), [], f"axe at {name}")
                width = visit.page.evaluate("document.documentElement.scrollWidth")
                self.that(width <= viewport["width"], f"{width} px wide at {name}")
        with self.visit(viewport=PHONE) as visit:
            for words in ("True class", "Score"):
                self.that(visit.page.locator(".class.head", has_text=words).get_by_text(words).is_visible(),
                          f"on a phone no label says {words}")
        with self.visit(scheme="light") as light, self.visit(scheme="dark") as dark:
            question = "getComputedStyle(document.body).backgroundColor"
            self.that(light.page.evaluate(question) != dark.page.evaluate(question), "both schemes look the same")

    def check_without_scripts(self):
        """Without JavaScript the six steps stand there in words, and no control that does nothing."""
        context = self.browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{self.port}/")
        steps = [step.is_visible() for step in page.locator("#steps .words").all()]
        self.equal(steps, [True] * 6, "which of the six steps are shown")
        controls = [part for part in page.locator("button, input, select, textarea, #here").all() if part.is_visible()]
        self.equal(len(controls), 0, "controls that are shown")
        self.that("docs/api.md" in page.locator("noscript").inner_text(), "it names no other place")
        context.close()

    def check_formulas(self):
        """Where a formula is broken, its lines stand apart."""
        for viewport, fragment in itertools.product((PHONE, DESKTOP), ("#a=1002,1001,1000.1&l=0", *STATES)):
            with self.visit(fragment, viewport=viewport) as visit:
                gaps = visit.page.locator(".formula").evaluate_all("""formulas => formulas.flatMap(({ children }) => {
                  const boxes = [...children].map(piece => piece.getBoundingClientRect());
                  return boxes.slice(1).flatMap(({ left, top }, k) =>
                    left < boxes[k].right ? [top - boxes[k].bottom] : []);
                })""")
                name = f"{fragment!r}, {viewport['width']} px"
                self.that(all(gap >= 6 for gap in gaps), f"lines {gaps} px apart at {name}")

    def check_widths(self):
        """No table is cut off on a screen, no loss breaks within its number, and what scrolls has a name."""
        many = "#a=1,2,3,-1,0.5,0.25,4,-3&l=6&i=2&T=2"
        for width, fragment in itertools.product((1000, 1100, 1280), ("", many, "#a=1002,1001,1000.1&l=0")):
            with self.visit(fragment, viewport={"width": width, "height": 900}) as visit:
                cut = visit.page.locator("#derivation .scroll").evaluate_all(
                    "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)")
                self.equal(cut, [], f"tables cut off at {fragment!r}, {width} px")
        for fragment in ("", "#a=40,0&l=0", "#a=1002,1001,1000.1&l=0", "#a=-1e17,123456789.5&l=0"):
            with self.visit(fragment, viewport={"width": 320, "height": 700}) as visit:
                lines = visit.page.evaluate("(() => { const range = document.createRange(); "
                                            "range.selectNodeContents(document.getElementById('loss')); "
                                            "return range.getClientRects().length; })()")
                self.equal(lines, 1, f"lines of the loss at {fragment!r}")
        with self.visit("#a=1002.25,1001,1000.1&l=0&T=2.5") as visit:
            unnamed = "all => all.filter(one => (one.scrollWidth > one.clientWidth) !== " \
                      "(one.tabIndex === 0 && one.role === 'group' && Boolean(one.ariaLabel))).length"
            for width in (1280, 320, 1280):
                visit.page.set_viewport_size({"width": width, "height": 900})
                visit.page.wait_for_timeout(100)
                formulas = visit.page.locator(".formula")
                self.equal(formulas.evaluate_all(unnamed), 0, f"formulas that scroll without a name at {width} px")

    def check_forced_colours(self):
        """Where the system chooses the colours, the keys of the legends and the Jacobian's shades can be told apart."""
        for scheme in ("light", "dark"):
            with self.visit(scheme=scheme, forced="active") as visit:
                shades = visit.page.locator(".key:not(.target), #jacobian .step-4").evaluate_all(
                    "all => all.map(one => getComputedStyle(one).backgroundColor)")
                self.equal(len(set(shades)), 4, f"shades, {scheme}: {shades}")

    def check_keyboard(self):
        """The tabulator reaches every control, in the order of the page, and a focused control is outlined."""
        with self.visit() as visit:
            reached = []
            for _ in range(60):
                visit.page.keyboard.press("Tab")
                place = visit.page.evaluate("(({ tagName, outerHTML }, style) => [tagName, outerHTML.slice(0, 60), "
                                            "style])(document.activeElement, "
                                            "getComputedStyle(document.activeElement).outlineStyle)")
                if place[0] == "BODY":
                    break
                reached.append(place)
            # A group of radio buttons is one stop.
            controls = visit.page.locator("input:not([type=radio]):enabled, button:enabled, select, textarea, a, summary, "
                                          "#instrument [tabindex], .scroll, #code").count()
            radios = len(set(visit.page.locator("input[type=radio]").evaluate_all("all => all.map(one => one.name)")))
            self.equal(len(reached), controls + radios, f"controls reached ({reached})")
            self.that(all(place[2] != "none" for place in reached), "a focused control has no outline")

    def check_print(self):
        """On paper: no control that cannot be used, nothing cut off, and no dark background."""
        fragment, viewport = "#a=1002,1001,1000.1&l=0&T=2.5", {"width": 718, "height": 1000}
        with self.visit(fragment, scheme="dark", viewport=viewport) as visit:
            visit.page.emulate_media(media="print")
            cut = visit.page.locator(".formula").evaluate_all("all => all.filter(one => one.scrollWidth > one.clientWidth)")
            self.equal(len(cut), 0, "formulas cut off on paper")
            buttons = visit.page.locator("button, summary, input[type=range]").filter(visible=True)
            self.equal(buttons.count(), 0, "buttons and sliders on paper")
            width = visit.page.evaluate("document.documentElement.scrollWidth")
            self.that(width <= 718, f"{width} px wide on paper")
            colour = visit.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')")
            self.equal(colour, "#fff", "the paper")

    def check_programs(self):
        """The programs shown run as they stand, and print what the page shows."""
        runners = {"curl": ["bash", "-s"], "Python": [sys.executable, "-"], "R": ["Rscript", "-"],
                   "JavaScript": ["node", "--input-type=module", "-"]}
        with self.visit("#a=40,0&l=0&T=2") as visit:
            loss = number(visit.text("#loss"))
            for language, command in runners.items():
                visit.page.get_by_label(language, exact=True).check()
                program = visit.text("#code")
                if not shutil.which(command[0]) or (language == "R" and not has_httr2()):
                    continue
                done = subprocess.run(command, input=program, capture_output=True, text=True, timeout=60)
                found = re.search(r"\d\.\d+e-\d+", done.stdout)
                self.that(found and float(found.group()) == loss, f"{language} prints {done.stdout!r} {done.stderr!r}")


def has_httr2():
    return subprocess.run(["Rscript", "-e", "library(httr2)"], capture_output=True).returncode == 0
