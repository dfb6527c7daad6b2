"""What scripts/tests/page checks: the page at GET / in headless Chromium, driven by Playwright.

Each check is a function whose name begins with check_ and that says in its docstring what must hold.
"""

import argparse
import itertools
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from browser import DESKTOP, Prefix, Visit, chromium, fetch, number  # noqa: E402
from daemon import Daemon, verdict  # noqa: E402

STATES = ["", "#a=40,0&l=0&i=1", "#a=1000,999,0&l=0", "#a=1000,0,-1000&l=1&i=1", "#a=0,9,1&l=0&i=2&T=0.5&in=Python",
          "#a=1,2,3,-1,0.5,0.25,4,-3&l=6&i=2&T=2&eta=1&in=R"]
PHONE = {"width": 390, "height": 844}


class Suite:
    def __init__(self, browser, port):
        self.browser, self.port, self.faults, self.count = browser, port, [], 0

    def visit(self, *arguments, **options):
        return Visit(self.browser, options.pop("port", self.port), *arguments, **options)

    def that(self, holds, what):
        self.count += 1
        if not holds:
            self.faults.append(what[:1000])

    def equal(self, found, wanted, what):
        self.that(found == wanted, f"{what}: {found!r}, not {wanted!r}")

    def run(self, name):
        try:
            getattr(self, "check_" + name)()
        except (AssertionError, PlaywrightError, OSError, ValueError, KeyError) as error:
            self.faults.append(f"{name}: {type(error).__name__}: {error}"[:1000])

    # What is sent.

    def check_document(self):
        """Browsers get the page, others the text; its policy takes scripts and styles from here alone."""
        browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
        _, fields, document = fetch(self.port, "/", headers=browser)
        self.equal(fields["Content-Type"], "text/html; charset=utf-8", "the page's type")
        self.equal(fields["Vary"], "Accept", "the page's Vary")
        self.that(len(document.encode()) < 64_000, f"the page has {len(document.encode())} bytes")
        policy = fields["Content-Security-Policy"]
        self.that("script-src 'self'" in policy and "style-src 'self'" in policy, policy)
        for path, kind in [("/page.css", "text/css"), ("/page.js", "text/javascript")]:
            _, fields, part = fetch(self.port, path)
            self.equal(fields["Content-Type"], kind + "; charset=utf-8", f"the type of {path}")
            document += part
        self.that("default-src 'none'" in policy and "connect-src 'self'" in policy and "unsafe" not in policy, policy)
        links = [link for link in re.findall(r"(?:src|href)=\"([^\"]*)\"", document) if not link.startswith("data:")]
        self.equal(links, ["page.css", "openapi.yaml", "page.js"], "what the page links to")
        for accept in ({}, {"Accept": "*/*"}):
            _, fields, text = fetch(self.port, "/", headers=accept)
            self.equal(fields["Content-Type"], "text/plain; charset=utf-8", f"the type for {accept}")
            self.that(text.startswith("softmaxd"), "the text does not begin with the program's name")

    def check_silence(self):
        """No error in the console, and no request to anywhere else."""
        for fragment in STATES:
            with self.visit(fragment) as visit:
                visit.rest()
                self.equal(visit.errors, [], f"errors at {fragment!r}")
                self.that(all(url.startswith(visit.origin) for url in visit.asked), f"{visit.asked} at {fragment!r}")

    # What is shown.

    def question(self, visit):
        """The request whose answer the page shows, as its program states it."""
        visit.page.get_by_label("curl", exact=True).check()
        return json.loads(re.search(r"-d '(.*)'", visit.text("#code"), re.S).group(1))

    def check_answers(self):
        """What is shown is what the service answers to the request that the page shows."""
        for fragment in STATES:
            with self.visit(fragment) as visit:
                body = self.question(visit)
                _, _, text = fetch(self.port, "/gradient", body)
                answer = json.loads(text)
                steps, name = answer["derivation"], fragment or "the start"
                self.equal(visit.text("#raw"), text, f"the answer as it came, at {name}")
                self.equal(number(visit.text("#loss")), float(answer["loss"]), f"the loss at {name}")
                for selector, values in [("#classes .p", steps["y_hat"]), ("#classes .g", steps["gradient"])]:
                    shown = visit.numbers(selector)
                    pairs = zip(shown, map(float, values))
                    near = len(shown) == len(values) and all(
                        math.isclose(*pair, rel_tol=5e-3, abs_tol=5e-5) for pair in pairs)
                    self.that(near, f"{selector} at {name}: {shown}, not {values}")
                whole = {"logits": body["logits"], "outputs": ["jacobian"], "temperature": body.get("temperature", 1)}
                jacobian = json.loads(fetch(self.port, "/softmax", whole)[2])["jacobian"]
                cells, flat = visit.numbers("#jacobian tbody td"), [value for row in jacobian for value in row]
                # One or two digits are shown.
                near = len(cells) == len(flat) and all(math.isclose(*pair, rel_tol=0.34) for pair in zip(cells, flat))
                self.that(near, f"the Jacobian at {name}: {cells}, not {flat}")
                self.equal(visit.page.locator(".numbers .formula").count(), 7, f"formulas with numbers at {name}")
                self.that("NaN" not in visit.text("#steps") + visit.text(".triple"), f"NaN is shown at {name}")

    def check_slider(self):
        """A slider moves the picture: the bar, the numbers, the loss."""
        with self.visit() as visit:
            before = visit.text("#loss"), visit.page.locator("#classes .mass").first.get_attribute("width")
            visit.page.get_by_label("Score of class 0", exact=True).press("ArrowRight")
            visit.rest()
            after = visit.text("#loss"), visit.page.locator("#classes .mass").first.get_attribute("width")
            self.that(before[0] != after[0] and before[1] != after[1], f"nothing moved: {before}, {after}")
            answer = json.loads(fetch(self.port, "/loss", {"logits": [2.1, 1, 0.1], "target": 0})[2])
            self.equal(number(after[0]), answer["loss"], "the loss after a step of the slider")

    def check_learning(self):
        """Twenty steps walk just as the service's gradient says."""
        with self.visit("#a=0,3,1&l=0&eta=1") as visit:
            visit.page.get_by_role("button", name="Twenty steps").click()
            expect(visit.page.locator("#trace circle")).to_have_count(21)
            visit.rest()
            scores, losses = [0, 3, 1], []
            for step in range(21):
                answer = json.loads(fetch(self.port, "/gradient", {"logits": scores, "target": 0})[2])
                losses.append(answer["loss"])
                if step < 20:
                    # Four decimals, as many as the page shows.
                    scores = [float(f"{score - slope:.4f}") for score, slope in zip(scores, answer["gradient"])]
            self.equal(self.question(visit)["logits"], scores, "the scores after twenty steps")
            fields = visit.page.locator("#classes .number").all()
            self.equal([float(field.input_value()) for field in fields], scores, "the scores shown")
            self.equal(number(visit.text("#loss")), losses[-1], "the loss after twenty steps")
            self.that(losses == sorted(losses, reverse=True), "the loss does not fall")

    def check_controls(self):
        """Classes come and go, the target changes, presets and the temperature do what they say."""
        with self.visit() as visit:
            page = visit.page
            for _ in range(5):
                page.get_by_role("button", name="Add a class").click()
            visit.rest()
            self.equal(page.locator("#classes .class").count(), 8, "classes at most")
            self.that(page.get_by_role("button", name="Add a class").is_disabled(), "a ninth class can be added")
            page.get_by_label("Class 7 is the true class").check()
            page.get_by_label("Temperature T").fill("2.5")
            visit.rest()
            self.equal(self.question(visit), {"logits": [2, 1, 0.1, 0, 0, 0, 0, 0], "target": 7, "temperature": 2.5,
                                              "outputs": ["loss", "derivation"]}, "the request")
            page.get_by_role("button", name="Remove a class").click()
            visit.rest()
            self.equal(self.question(visit)["target"], 6, "the target after its class has gone")
            page.get_by_role("button", name="Sure and right").click()
            visit.rest()
            self.equal(number(visit.text("#loss")), 4.248354255291589e-18, "the loss of [40, 0]")
            heat, field = page.locator("#heat"), page.get_by_label("Temperature T")
            for key, steps, wanted in [("ArrowRight", 2, "1.05"), ("Home", 1, "0.1"), ("ArrowRight", 1, "0.102")]:
                for _ in range(steps):
                    heat.press(key)
                visit.rest()
                self.equal(field.input_value(), wanted, f"the temperature after {key}")
                self.equal(heat.get_attribute("aria-valuetext"), wanted, "the temperature that is spoken")
            field.press("Control+a")
            field.press("-")
            field.press("Tab")
            self.equal(field.input_value(), "0.102", "an unfinished number that was left")

    def check_digits(self):
        """The browser's own ways lose their digits; the service's answers are the measure."""
        with self.visit("#a=40,0&l=0") as visit:
            rows = visit.page.locator("#ways tbody tr").all_text_contents()
            self.that(len(rows) == 3 and rows[0].count("no digit right") == 2 == rows[2].count("exact"), f"{rows}")
            for points in visit.page.locator("#digits .lossy").all():
                heights = [float(point.split(",")[1]) for point in points.get_attribute("points").split()]
                top, at30, at37 = heights[0], heights[4 * 30], heights[4 * 37]
                self.that(top == min(heights) and at37 == max(heights) > at30, "the fall to 0 at 37")

    def check_own_numbers(self):
        """Pasted numbers go to /check with the scores shown, and what it finds is shown."""
        with self.visit("#a=2,1,0.1&l=0") as visit:
            field, found = visit.page.get_by_label("My numbers"), visit.page.locator("#found")
            for text, kind, words in [
                    ("[0.659, -0.242,\n -0.0986]", "gradient", "of 3 are out of tolerance"),
                    ("[1] -0.3409988611140321  0.24243297070471392\n[3]  0.09856589040931817", "gradient", "They are right"),
                    ("tensor([0.6590, 0.2424, 0.0986], dtype=torch.float64)", "probabilities", "agree with the exact"),
                    ("np.float64(0.4170300162778335)", "loss", "They are right"), ("0,4170", "loss", "a loss is one"),
                    (" ", "gradient", "no numbers yet"),
                    ("-0.3409988611140321 0.24243297070471392 0.09856589040931817", "gradient", "They are right"),
                    ("nan; nan; nan", "probabilities", "unexplained"), ("0.6016471363858741", "loss", "log_base"),
                    ("1, two", "gradient", "“two” is no number"), ("1, 2", "gradient", "2 numbers, and there are 3 classes")]:
                visit.page.locator("#kind").select_option(kind)
                field.fill(text)
                visit.page.get_by_role("button", name="Check them").click()
                expect(found).to_contain_text(words)
            visit.page.get_by_role("button", name="With the sign turned").click()
            expect(found).to_contain_text("sign: gradient: every number has the opposite sign")
            self.equal(visit.axe(), [], "axe with findings")
            visit.page.get_by_role("button", name="Undecided").click()
            visit.rest()
            self.equal(found.text_content(), "", "what was found of other scores")

    # Links, refusals, tokens.

    def check_links(self):
        """The state is in the address; opened elsewhere, it shows the same; a link that cannot be read says so."""
        with self.visit() as visit:
            visit.page.get_by_label("Score of class 2, as a number").fill("-1.25e-3")
            visit.page.get_by_label("Class 1 is the true class").check()
            visit.page.locator("#by").get_by_label("class 2").check()
            visit.page.get_by_label("Python", exact=True).check()
            visit.rest()
            visit.page.wait_for_url(re.compile(r"#a=2,1,-0.00125&l=1&i=2&T=1&eta=0.5&in=Python$"))
            with self.visit("#" + visit.page.url.partition("#")[2]) as other:
                for part in ("#classes", "#steps", "#all", "#jacobian", ".triple", "#ways", "#code", "#loss"):
                    self.equal(other.text(part), visit.text(part), f"{part} of the link")
                other.page.evaluate("location.hash = '#a=3,4&l=1'")
                expect(other.page.locator("#classes .class")).to_have_count(2)
        with self.visit("#a=1,two&l=7&T=3") as visit:
            expect(visit.page.locator("#trouble")).to_contain_text("a and l cannot be read")
            self.equal(self.question(visit)["temperature"], 3, "the rest of the link")

    def check_refusal(self):
        """A refusal is shown with the service's own words, marks its field, and goes when the state is right again."""
        with self.visit() as visit:
            body = {"logits": [2, 1], "target": 0, "temperature": 0}
            detail = json.loads(fetch(self.port, "/gradient", body)[2])["detail"]
            field = visit.page.get_by_label("Temperature T")
            field.fill("0")
            expect(visit.page.locator("#trouble")).to_contain_text(detail)
            self.equal(field.get_attribute("aria-invalid"), "true", "the mark of the field")
            self.equal(visit.axe(), [], "axe at a refusal")
            field.fill("1")
            visit.rest()
            self.that(visit.page.locator("#trouble").is_hidden(), "the refusal stays")
            visit.context.set_offline(True)
            field.fill("2")
            expect(visit.page.locator("#trouble")).to_contain_text("No answer came")
            visit.context.set_offline(False)
            visit.page.get_by_role("button", name="Ask again").click()
            visit.rest()
            self.that(visit.page.locator("#trouble").is_hidden(), "the message stays after an answer")

    def check_coalescing(self):
        """While an answer is awaited, changes gather into one question, and the last state is what is shown."""
        with self.visit() as visit:
            held, asked = [], []
            visit.page.on("request", lambda request: asked.append(request.post_data)
                          if request.url.endswith("/gradient") else None)
            visit.page.route("**/gradient", lambda route: route.continue_() if held else held.append(route))
            field = visit.page.get_by_label("Score of class 0, as a number")
            for value in range(3, 8):
                field.fill(str(value))
            visit.page.get_by_role("button", name="Add a class").click()
            expect(visit.page.locator("#classes .class")).to_have_count(4)
            held[0].continue_()
            visit.rest()
            self.equal([json.loads(body)["logits"] for body in asked], [[3, 1, 0.1], [7, 1, 0.1, 0]], "what was asked")
            self.equal(visit.page.locator("#all tbody tr").count(), 4, "rows in the table")
            self.equal(visit.errors, [], "errors")

    def check_token(self):
        """Where the service asks for a token the page does too, keeps it to itself, and works with it."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("correct-horse-battery\n")
            file.flush()
            with Daemon("--token-file", file.name) as daemon, self.visit(port=daemon.port, wait=False) as visit:
                field = visit.page.get_by_label("Token")
                expect(field).to_be_visible()
                self.equal(visit.axe(), [], "axe at the question for a token")
                field.fill("wrong")
                field.press("Enter")
                expect(visit.page.locator("#trouble")).to_contain_text("The bearer token is wrong")
                visit.page.get_by_label("Token").fill("correct-horse-battery")
                visit.page.get_by_label("Token").press("Enter")
                visit.rest()
                self.equal(number(visit.text("#loss")), 0.4170300162778335, "the loss with a token")
                self.that("$TOKEN" in visit.text("#code"), "the program does not bring the token")
                places = visit.page.evaluate("[document.documentElement.outerHTML, location.href, "
                                             "JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
                self.that(not any("correct-horse" in place for place in places), "the token can be read from the page")

    def check_prefix(self):
        """All works behind a prefix."""
        with Prefix(self.port) as proxy, self.visit(path="/some/where/", port=proxy.server_port) as visit:
            self.equal(visit.errors, [], "errors behind a prefix")
            self.that("/some/where/gradient" in visit.text("#code"), "the program knows nothing of the prefix")
            self.equal(number(visit.text("#loss")), 0.4170300162778335, "the loss behind a prefix")
            proxy.shutdown()

    # For everyone.

    def check_accessibility(self):
        """axe-core finds nothing, and nothing scrolls sideways, in both schemes, on a desktop and on a phone."""
        everywhere = itertools.product(("light", "dark"), (PHONE, DESKTOP), STATES[-1:])
        for scheme, viewport, fragment in [*everywhere, *(("dark", PHONE, fragment) for fragment in STATES[:-1])]:
            with self.visit(fragment, scheme=scheme, viewport=viewport) as visit:
                name = f"{fragment!r}, {scheme}, {viewport['width']} px"
                self.equal(visit.axe(), [], f"axe at {name}")
                width = visit.page.evaluate("document.documentElement.scrollWidth")
                self.that(width <= viewport["width"], f"{width} px wide at {name}")
        with self.visit(scheme="light") as light, self.visit(scheme="dark") as dark:
            question = "getComputedStyle(document.body).backgroundColor"
            self.that(light.page.evaluate(question) != dark.page.evaluate(question), "both schemes look the same")

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
        with self.visit(scheme="dark", viewport={"width": 718, "height": 1000}) as visit:
            visit.page.emulate_media(media="print")
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


def take_picture(browser, port, file):
    """The picture for the README: the head of the page after some steps of learning."""
    with Visit(browser, port, "#a=0,2,1&l=0&eta=1", viewport={"width": 1120, "height": 900}) as visit:
        for _ in range(4):
            visit.page.get_by_role("button", name="One step").click()
            visit.rest()
        visit.page.mouse.move(0, 0)
        visit.page.evaluate("document.activeElement.blur()")
        box = visit.page.locator("#instrument").bounding_box()
        visit.page.screenshot(path=file, clip={"x": 0, "y": 0, "width": 1120, "height": box["y"] + box["height"] + 24})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--picture")
    parser.add_argument("checks", nargs="*", help="names without check_; all if none is given")
    options = parser.parse_args()
    with Daemon() as daemon, chromium(own_fonts=bool(options.picture)) as browser:
        if options.picture:
            take_picture(browser, daemon.port, options.picture)
            return
        suite = Suite(browser, daemon.port)
        names = options.checks or [name.removeprefix("check_") for name in dir(Suite) if name.startswith("check_")]
        for name in names:
            suite.run(name)
    verdict("page", suite.faults, f"{suite.count} things held in {len(names)} checks")


main()
