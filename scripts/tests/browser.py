"""A page in headless Chromium, driven by Playwright, and what stands between it and a server."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import tempfile
import threading

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

# Wide letters: what has room with this font has room with others, and CI's machines have it.
FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@contextlib.contextmanager
def one_font():
    """The environment for a browser that knows no other font."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "fonts.conf"
        file.write_text(f"<fontconfig><dir>{FONTS}</dir><cachedir>{folder}</cachedir></fontconfig>", encoding="utf-8")
        yield {**os.environ, "FONTCONFIG_FILE": str(file)}


def fetch(port, path, body=None, headers=()):
    """(status, fields, text) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    fields = {**({"Content-Type": "application/json"} if body else {}), **dict(headers)}
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, fields)
    response = connection.getresponse()
    return response.status, response.headers, response.read().decode()


def number(text):
    """A number as the page writes it."""
    text = text.strip().replace("−", "-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    return float(text.replace("·10", "e").replace("∞", "inf"))


class Prefix(http.server.ThreadingHTTPServer):
    """A proxy that serves a softmaxd under /some/where/."""
    daemon_threads = True

    def __init__(self, port):
        self.upstream = port
        super().__init__(("127.0.0.1", 0), PrefixHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class PrefixHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        path = self.path.removeprefix("/some/where") if self.path.startswith("/some/where/") else "/outside"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection.request(self.command, path, body or None, dict(self.headers))
        response = connection.getresponse()
        text = response.read()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


class Visit:
    """A page opened in a context of its own. What it prints to the console, and what it asks for, is kept."""

    def __init__(self, browser, port, fragment="", path="/", scheme="light", viewport=DESKTOP, wait=True,
                 forced="none"):
        self.origin = f"http://127.0.0.1:{port}"
        self.context = browser.new_context(color_scheme=scheme, viewport=viewport, reduced_motion="reduce",
                                           forced_colors=forced)
        self.page = self.context.new_page()
        self.errors, self.asked = [], []
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.origin + path + fragment)
        if wait:
            self.rest()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def rest(self):
        """Waits until the picture is the answer to the state."""
        expect(self.page.locator("body:not(.outdated) main[aria-busy=false]")).to_be_attached()
        return self.page

    def text(self, selector):
        return self.page.locator(selector).text_content()

    def numbers(self, selector):
        return [number(text) for text in self.page.locator(selector).all_text_contents()]

    def axe(self):
        return [f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
                for violation in Axe().run(self.page).response["violations"]]


@contextlib.contextmanager
def chromium(own_fonts=False):
    """Debian's Chromium; with the fonts that are installed, or with one alone."""
    # Generous, so that a busy machine does not decide.
    expect.set_options(timeout=60_000)
    with one_font() as environment, sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=sandbox,
                                             env=None if own_fonts else environment)
        yield browser
        browser.close()
