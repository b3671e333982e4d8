"""Debian's chromium, driven by selenium: a page as people see it."""

import contextlib
import importlib.util
import shutil
import time

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
LACKING = [
    name
    for name, there in (
        ("chromium", CHROMIUM),
        ("chromium-driver", DRIVER),
        ("selenium", importlib.util.find_spec("selenium")),
    )
    if not there
]
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(bool(LACKING), reason=f"needs {', '.join(LACKING)}: make browser"),
]
"""Marks of tests that open pages."""

FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader")
FLAGS += ("--enable-unsafe-swiftshader", "--hide-scrollbars")


class Browser:
    """A page in chromium. Whatever is asked for is asked of the page's own JavaScript; keys are those of a keyboard."""

    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))

    def open(self, path, width=1600, dark=False):
        """Load a file, as on a screen of this width."""
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(f"file://{path}")
        return self

    def ask(self, code, *arguments):
        """The value of an expression, in which $ is querySelector and $$ all that fit, as an array."""
        tools = "const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)];"
        return self.driver.execute_script(f"{tools} return {code}", *arguments)

    def wait(self, code, *arguments, seconds=60.0):
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not self.ask(code, *arguments):
            assert time.monotonic() < end, f"never: {code}"
            time.sleep(0.05)

    def draw(self, number):
        """Scroll to a plot of the page and wait until it is drawn; of its place, for further questions."""
        self.ask("$$('.plot')[arguments[0]].scrollIntoView({block: 'center'})", number)
        self.wait("!!$$('.plot')[arguments[0]]._fullData", number)

    def values(self, number, trace, name):
        """What a plot shows now: a property of a trace, numbers or words, row after row."""
        path = "".join(f"?.{part}" for part in name.split("."))
        rows = f"Array.from($$('.plot')[arguments[0]]._fullData[arguments[1]]{path} ?? [])"
        flat = "each?.length !== undefined && typeof each !== 'string' ? Array.from(each) : [each]"
        return self.ask(f"{rows}.flatMap((each) => {flat}).map((x) => Number.isNaN(x) ? null : x)", number, trace)

    def choose(self, name, value, part="main"):
        """Set a slider or a list, as a hand would."""
        self.ask(
            "(() => { const each = $(`${arguments[2]} [name='${arguments[0]}']`); each.value = arguments[1];"
            " each.dispatchEvent(new Event('input', {bubbles: true})); })()",
            name,
            value,
            part,
        )

    def press(self, key):
        """A key, on whatever has the focus: by its name in selenium, such as TAB."""
        from selenium.webdriver import ActionChains, Keys

        ActionChains(self.driver).send_keys(getattr(Keys, key)).perform()

    def reach(self, element, most=500):
        """Press Tab until an element has the focus; it is an expression, as of :meth:`ask`."""
        for _ in range(most):
            self.press("TAB")
            if self.ask(f"document.activeElement === {element}"):
                return
        raise AssertionError(f"Tab does not reach {element}")

    def complaints(self):
        """What the console says that is not about speed."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" or "Content Security" in entry["message"]
        ]

    def cut(self, root="document"):
        """Words of drawings below an element that reach beyond their drawing, by more than a pixel."""
        return self.ask(
            f"[...({root}).querySelectorAll('svg text')].filter((e) => {{"
            " if (!e.textContent.trim() || !e.getClientRects().length) return false;"
            " let svg = e.ownerSVGElement; while (svg.ownerSVGElement) svg = svg.ownerSVGElement;"
            " const word = e.getBoundingClientRect(), all = svg.getBoundingClientRect();"
            " return word.left < all.left - 1 || word.right > all.right + 1"
            " || word.top < all.top - 1 || word.bottom > all.bottom + 1; }).map((e) => e.textContent)"
        )

    def too_wide(self):
        """Elements that stick out of the page sideways and are in no box that scrolls; :meth:`cut` sees drawings."""
        return self.ask(
            "(() => { const width = document.documentElement.clientWidth;"
            " const boxed = (e) => e && (getComputedStyle(e).overflowX !== 'visible' || boxed(e.parentElement));"
            " const out = (e) => e.getClientRects().length && e.getBoundingClientRect().right > width + 1;"
            " return $$('main *, header *, nav *').filter((e) => out(e) && !e.closest('.hidden, thead, svg')"
            " && !boxed(e.parentElement)).map((e) => e.outerHTML.slice(0, 80)); })()"
        )


@contextlib.contextmanager
def browser():
    """A browser that ends with the context."""
    opened = Browser()
    try:
        yield opened
    finally:
        opened.driver.quit()
