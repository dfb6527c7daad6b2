"""What the page shows, beside what the service answers."""

import decimal
import json
import math
import random
import re
from decimal import Decimal

from playwright.sync_api import expect

from browser import fetch, number

STATES = ["", "#a=40,0&l=0&i=1", "#a=1000,999,0&l=0", "#a=1000,0,-1000&l=1&i=1", "#a=0,9,1&l=0&i=2&T=0.5&in=Python",
          "#a=-1e17,123456789.5&l=0", "#a=1.7e308,-1.7e308&l=1&i=1", "#a=1e300,2e300&l=0&i=1&T=1e300", "#a=1,2,3,-1,0.5,0.25,4,-3&l=6&i=2&T=2&eta=1&in=R"]

# A formula as an expression of Python: its sides between "=" and "≈", of which those that hold letters are none.
EXPRESSIONS = """formulas => formulas.map(formula => {
  const written = node => {
    const parts = [...node.children].map(written), at = parts.indexOf("log");
    if (at >= 0) return parts.slice(0, at).join("") + `log(${parts.slice(at + 1).join("")})`;
    const text = node.textContent.replace("−", "-").replace("·", "*");
    return { mn: `D("${text}")`, mo: text, mi: text === "e" || text === "log" ? text : "?", mspace: "", msub: "?",
      mfrac: `((${parts[0]})/(${parts[1]}))`, msup: `power(${parts})` }[node.localName] ?? parts.join("");
  };
  return [...formula.children].map(side => written(side).replace(/^[=≈]/, "")).filter(side => !side.includes("?"));
})"""


def evaluated(side):
    """The value of an expression; of powers of e, whose quotients alone are shown, each divided by the first."""
    first = []

    def power(base, exponent):
        if base:
            return base ** exponent
        first.append(exponent)
        return (exponent - first[0]).exp()
    return eval(side, {"D": Decimal, "power": power, "e": None, "log": Decimal.ln})  # noqa: S307


def wide_states():
    """Scores of all sizes and lengths, near each other and far, at all temperatures."""
    chance = random.Random(36)
    for _ in range(24):
        middle = chance.choice([0, 0, 0, 1000, -345.678, 1e6, 123456789.5, 1e9, 1e15, 1e17, -1e17, 3e22])
        T = chance.choice([1, 1, 1, 2.5, 0.1, 1e-3, 1 / 3, 1e-5, 400])
        width = chance.choice([1e-9, 0.01, 1, 3, 10, 40, 300]) * T
        a = [middle + float(f"%.{chance.choice([1, 3, 6, 17])}g" % chance.uniform(-width, width))
             for _ in range(chance.choice([2, 3, 4]))]
        l, i = chance.randrange(len(a)), chance.randrange(len(a))
        yield f"#a={','.join(map(repr, a))}&l={l}&i={i}&T={T!r}"


class Shown:
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

    def check_steps(self):
        """The equations of the steps hold for the numbers that they show, or the steps say why they do not."""
        for fragment, shown, beyond in [
                ("#a=40,0&l=0", ["≈1−4.248·10−18", "≈−log(1−4.248·10−18)",
                                 "(1−4.2484·10−18)−(1−8.4967·10−18)", "−(1−(1−4.248·10−18))"], ""),
                ("#a=9,0&l=1&i=0&T=2", ["≈0.01099", "12·(0−0.010866)", "−12·(0−0.989)"], ""),
                ("#a=0,12&l=0&i=1", ["≈6.144·10−6", "−(0−(1−6.144·10−6))"], ""),
                ("", ["≈0.659", "0.659−0.4343", "−(1−0.659)"], ""),
                ("#a=1000,0,-1000&l=1&i=1", ["≈−∞"], "12456"), ("#a=1000,0,-1000&l=0&i=0", ["≈0"], "1456"),
                ("#a=800,0&l=1", ["≈−log0", "−∞·0"], "1245"),
                ("#a=0,0,700&l=0&i=1", ["≈9.86·10−305", "≈−1.014·10304"], "45")]:
            with self.visit(fragment) as visit:
                pieces = visit.page.locator(".numbers math").all_text_contents()
                self.that(set(shown) <= set(pieces), f"the steps at {fragment!r}: {pieces}, without some of {shown}")
                self.that("agree in every bit" in visit.text("#agreement"), f"nothing agrees at {fragment!r}")
                said = visit.page.locator("#steps .numbers").all_text_contents()
                noted = "".join(str(k) for k, text in enumerate(said, 1) if "too small or too large" in text)
                self.equal(noted, beyond, f"the steps that speak of what doubles hold at {fragment!r}")
                # What is computed from rounded numbers is no equality.
                equal = [piece for piece in pieces if "=" in piece.replace("[l=i]", "")]
                self.equal(len(equal), 1, f"equalities at {fragment!r}: {equal}")

    def check_equations(self):
        """What is computed from the numbers of an equation, as they are shown, has all digits of the result shown."""
        compared, fragments = 0, ["#a=1002,1001,1000.1&l=0", "#a=1000.1,1000&l=0&i=1", "#a=12.3456,12&l=0&i=0"]
        exactly = {"prec": 400, "Emax": decimal.MAX_EMAX, "Emin": decimal.MIN_EMIN, "traps": []}
        for fragment in [*fragments, *STATES, *wide_states()]:
            with self.visit(fragment) as visit, decimal.localcontext(**exactly):
                if "too small or too large for a double" in visit.text("#steps"):
                    continue
                formulas = visit.page.locator(".numbers .formula").evaluate_all(EXPRESSIONS)
                for *sides, shown in filter(None, formulas):
                    lacks = shown.removeprefix("(").startswith('D("1")-')
                    for side in sides:
                        pair = [evaluated(text) for text in (side, shown)]
                        value, result = [1 - number for number in pair] if lacks else pair
                        unit = Decimal(10) ** (result.adjusted() - 3)
                        compared += 1
                        self.that(result and abs(value - result) <= Decimal("0.500001") * unit,
                                  f"{side} = {value:.9g} is shown as {result:.9g} at {fragment}")
        self.that(compared > 120, f"only {compared} equations")

    def check_far_scores(self):
        """Beyond 10 too, sliders stand at their score and move it by little, and the charts show where they are."""
        for score, step in [("1000", 0.1), ("-10.5", 0.1), ("123456789.5", 0.1), ("1e14", 1), ("-1e17", 1e3),
                            ("1e300", 1e286)]:
            with self.visit(f"#a={score},0&l=1&i=0") as visit:
                slider = visit.page.locator("#classes .range").first
                self.equal(float(slider.input_value()), float(score), "where the slider is")
                for key, wanted in [("ArrowLeft", float(score) - step), ("ArrowRight", float(score))]:
                    slider.press(key)
                    visit.rest()
                    spoken = float(slider.get_attribute("aria-valuetext") or "nan")
                    for found in (self.question(visit)["logits"][0], spoken):
                        self.that(abs(found - wanted) < step / 50, f"{found} from {score} after {key}")
                for chart in ("#curve-p", "#curve-loss"):
                    ticks = visit.page.locator(f"{chart} text").all_text_contents()[:3]
                    self.equal(len(set(ticks)), 3, f"ticks {ticks} in {chart} at {score}")
                    cut = visit.page.locator(f"{chart} text").evaluate_all(
                        "all => all.map(one => one.getBBox()).filter(({ x, width }) => x < 0 || x + width > 360).length")
                    self.equal(cut, 0, f"texts that are cut off in {chart} at {score}")
                    self.equal(visit.page.locator(f"{chart} line.push").count(), 1, f"tangents in {chart} at {score}")
                self.equal(visit.errors, [], f"errors at {score}")

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
            visit.page.get_by_role("button", name="Sure and right").click()
            visit.page.get_by_role("button", name="Twenty steps").click()
            expect(visit.page.locator("#traced")).to_contain_text("No score moves")

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
            for given, key, wanted in [("100", "ArrowLeft", "97.7"), ("1e-5", "ArrowRight", "0.0000102")]:
                field.fill(given)
                heat.press(key)
                visit.rest()
                self.equal(field.input_value(), wanted, f"the temperature after {given} and {key}")
            field.fill("0.102")
            field.press("Control+a")
            field.press("-")
            field.press("Tab")
            self.equal(field.input_value(), "0.102", "an unfinished number that was left")

    def check_digits(self):
        """The browser's own ways lose their digits; the service's answers are the measure."""
        with self.visit("#a=40,0&l=0") as visit:
            rows = visit.page.locator("#ways tbody tr").all_text_contents()
            self.that(len(rows) == 3 and rows[0].count("no digit right") == 2 == rows[2].count("exact"), f"{rows}")
            for fragment, loss in [("#a=800,1,0.1&l=0", "NaN"), ("#a=800,1,0.1&l=1", "∞")]:
                with self.visit(fragment) as past:
                    found = past.text("#ways tr:nth-child(1) td:nth-child(2)[data-name]")
                    self.equal(found, loss, f"the textbook's loss at {fragment}")
                    told = "the loss is NaN or infinite" in past.text("section:has(#digits)")
                    self.that(told, "nothing says what overflow gives")
            for points in visit.page.locator("#digits .lossy").all():
                heights = [float(point.split(",")[1]) for point in points.get_attribute("points").split()]
                top, at30, at37 = heights[0], heights[4 * 30], heights[4 * 37]
                self.that(top == min(heights) and at37 == max(heights) > at30, "the fall to 0 at 37")
            covered = visit.page.evaluate("""() => {
              const points = [...document.querySelectorAll("#digits .lossy")].flatMap(line => [...line.points]);
              return [...document.querySelectorAll("#digits text")].filter(text => {
                const { x, y, width, height } = text.getBBox();
                return points.some(at => x <= at.x && at.x <= x + width && y <= at.y && at.y <= y + height);
              }).map(text => text.textContent);
            }""")
            self.equal(covered, [], "texts that lie on a curve")

    def check_own_numbers(self):
        """Pasted numbers go to /check with the scores shown, and what it finds is shown."""
        with self.visit("#a=2,1,0.1&l=0") as visit:
            field, found = visit.page.get_by_label("My numbers"), visit.page.locator("#found")
            for text, kind, words in [
                    ("[0.659, -0.242,\n -0.0986]", "gradient", "of 3 are out of tolerance"),
                    ("[1] -0.3409988611140321  0.24243297070471392\n[3]  0.09856589040931817", "gradient", "They are right"),
                    ("tensor([0.6590, 0.2424, 0.0986], dtype=torch.float64)", "probabilities", "agree with the exact"),
                    ("np.float64(0.4170300162778335)", "loss", "They are right"),
                    ("0,4170", "loss", "a loss is one; decimals stand"),
                    ("loss = 0.4170300162778335", "loss", "They are right"),
                    ('{"loss": 0.4170300162778335}', "loss", "They are right"),
                    ("{'loss': tensor(0.4170300162778335, dtype=torch.float64)}", "loss", "They are right"),
                    ("0.41703f0", "loss", "They are right"), ("1e999", "loss", "1 of 1 is out of tolerance"),
                    ("0.41703001627783355", "loss", "1 step from one double to the next"),
                    ("3-element Vector{Float64}:\n -0.3409988611140321\n  0.24243297070471392\n  0.09856589040931817",
                     "gradient", "They are right. 3 of 3 are exact."),
                    ("Float64[0.6590011388859679, 0.24243297070471392, 0.09856589040931817]", "probabilities",
                     "They are right"),
                    ("Float64Array(3) [ 1, 2, 3 ]", "gradient", "3 of 3 are out of tolerance"),
                    ("<tf.Tensor: shape=(3,), dtype=float64, numpy=\narray([0.6590011388859679, 0.24243297070471392,"
                     " 0.09856589040931817])>", "probabilities", "They are right"),
                    ("<tf.Variable 'Variable:0' shape=(1, 3) dtype=float32, numpy=array([[1., 2., 3.]], dtype=float32)>",
                     "gradient", "3 of 3 are out of tolerance"),
                    ("<tf.Tensor: shape=(), dtype=float64, numpy=0.4170300162778335>", "loss", "They are right"),
                    ("g =\n\n  1x3 single row vector\n\n   -0.3410    0.2424    0.0986\n", "gradient",
                     "3 of 3 are out of tolerance"),
                    ("p =\n\n  1×3 single\n\n    0.6590    0.2424    0.0986\n", "probabilities", "agree with the exact"),
                    (" ", "gradient", "no numbers yet"),
                    ("-0.3409988611140321 0.24243297070471392 0.09856589040931817", "gradient", "They are right"),
                    ("nan; nan; nan", "probabilities", "unexplained"), ("0.6016471363858741", "loss", "log_base"),
                    ("ans =\n\n   1.0e-17 *\n\n   -0.4248    0.4248\n", "gradient", "2 numbers, and there are 3 classes."),
                    ("p =\n\n   1.0e-01 *\n\n    6.590    2.424    0.986\n", "probabilities", "agree with the exact"),
                    ("p[0] = 0.6590\np[1] = 0.2424\np[2]=0.0986", "probabilities", "agree with the exact"),
                    ("0: 0.6590\n1: 0.2424\n2: 0.0986", "probabilities", "agree with the exact"),
                    ("| 0.6590 | 0.2424 | 0.0986 |", "probabilities", "agree with the exact"),
                    ("65.9% 24.2% 9.9%", "probabilities", "“65.9%” is no number; write 0.659 for 65.9%."),
                    ("1, two", "gradient", "“two” is no number"),
                    ("1, 2", "gradient", "2 numbers, and there are 3 classes."),
                    ("0,659 -0,242 -0,099", "gradient", "6 numbers, and there are 3 classes; decimals stand after"),
                    ("0.5,0.2", "loss", "2 numbers, and a loss is one.")]:
                visit.page.locator("#kind").select_option(kind)
                field.fill(text)
                visit.page.get_by_role("button", name="Check them").click()
                expect(found).to_contain_text(words)
            visit.page.locator("#kind").select_option("gradient")
            field.fill("-0.341 0.2424 0.0986")
            visit.page.get_by_role("button", name="Check them").click()
            visit.page.get_by_role("button", name='Check with "atol"').click()
            expect(found).to_contain_text("They are right")
            visit.page.get_by_role("button", name="With the sign turned").click()
            expect(found).to_contain_text("sign: gradient: every number has the opposite sign")
            self.equal(visit.axe(), [], "axe with findings")
            held = []
            visit.page.route("**/check", lambda route: held.append(route))
            with visit.page.expect_request("**/check"):
                visit.page.get_by_role("button", name="A loss in base 2").click()
            visit.page.get_by_role("button", name="Undecided").click()
            visit.rest()
            with visit.page.expect_response("**/check"):
                held[0].continue_()
            visit.page.unroute("**/check")
            visit.page.wait_for_timeout(200)
            self.equal(found.text_content(), "", "what was found of other scores")
            visit.page.get_by_role("button", name="With softmax taken twice").click()
            expect(found).to_contain_text("These scores cannot show this mistake")
            visit.page.get_by_role("button", name="The exact gradient").click()
            expect(found).to_have_text("They are right. 3 of 3 are exact.")

    def check_names(self):
        """The members that the page names are in its request and in the answers; it names all of the derivation's."""
        with self.visit("#a=40,0&l=0&T=2") as visit:
            named = visit.page.locator("header code").all_text_contents()
            body, answer = self.question(visit), json.loads(visit.text("#raw"))
            plain = json.loads(fetch(self.port, "/softmax", {"logits": [40, 0]})[2])
            members = {**body, **answer, **plain}
            self.equal([name for name in named if name not in members], [], "names that are nowhere")
            self.that({"logits", "target", "temperature"} <= set(named), f"{named} are named")
            steps = visit.page.locator("#steps code").all_text_contents()
            self.equal(sorted(steps), sorted(answer["derivation"]), "the names of the steps")
            for heading, name in [("Chain rule", "chain_rule"), ("The slope of the logarithm", "dL_dy_hat_l")]:
                found = visit.page.get_by_role("heading", name=f"{heading} {name}")
                self.that(found.is_visible(), f"no {heading} {name}")
