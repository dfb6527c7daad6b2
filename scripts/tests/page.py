"""What scripts/tests/page checks: the page at GET / in headless Chromium, driven by Playwright.

Each check is a function whose name begins with check_ and that says in its docstring what must hold.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from browser import Prefix, Visit, chromium, fetch, number  # noqa: E402
from daemon import Daemon, verdict  # noqa: E402
from page_everyone import Everyone  # noqa: E402
from page_shown import STATES, Shown  # noqa: E402


class Suite(Shown, Everyone):
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
        for fragment, said in [("#logits=1,2&target=1", "logits and target cannot be read"), ("#h-check", ""),
                               ("#a=3%2c4%2C5&l=1", "")]:
            with self.visit(fragment) as visit:
                visit.rest()
                self.that(said in visit.text("#trouble") and visit.page.locator("#trouble").is_hidden() == (not said),
                          f"said of {fragment}: {visit.text('#trouble')!r}")
                self.that("%2c" not in fragment or self.question(visit)["logits"] == [3, 4, 5], f"read of {fragment}")

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
