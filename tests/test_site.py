"""The site of `make docs`: it builds without a warning, is whole without a network, and a browser shows it right."""

import html
import importlib.util
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest

from tests import chromium

ROOT = pathlib.Path(__file__).parents[1]
PHONE, SCREEN = 400, 1200

pytestmark = [pytest.mark.slow, pytest.mark.site]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of pages, and what Sphinx said of them."""
    for package in ("sphinx", "furo", "myst_nb", "sphinx-mathjax-offline", "torch"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[train,docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E", "-t", "quick"]
    command += ["-d", str(folder / "cache"), "docs", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return folder / "html", done


def test_the_site_builds_without_a_warning(site):
    folder, done = site
    assert done.returncode == 0, done.stderr[-4000:]
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    generated = {f"generated/{name}.html" for name in ("theory", "zoo", "claims", "gallery", "reference/ufm")}
    notebooks = {f"generated/notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {"index.html", *generated, *notebooks} <= made


LOADED = re.compile(r'<(?:script|link|img)\b[^>]*\s(?:src|href)="(?:https?:)?//')
"""What a page would fetch from the network."""


def test_no_link_is_dead_and_nothing_comes_from_the_network(site):
    pages = {path: path.read_text() for path in site[0].rglob("*.html")}
    assert not [path for path, text in pages.items() if LOADED.search(text)]
    anchors = {path: {*re.findall(r' id="([^"]+)"', text)} for path, text in pages.items()}
    assert not [link for path, text in pages.items() for link in dead_links(path, text, anchors)]


def dead_links(path, text, anchors):
    """Links of a page to files or anchors of the site that are not there."""
    for link in {*map(html.unescape, re.findall(r'\s(?:href|src)="([^"]+)"', text))}:
        place, _, anchor = link.partition("#")
        if re.match(r"https?:|mailto:|data:", link):
            continue
        target = (path.parent / urllib.parse.unquote(place.partition("?")[0])).resolve() if place else path
        if not target.exists() or (anchor and urllib.parse.unquote(anchor) not in anchors.get(target, ())):
            yield f"{path.name}: {link}"


@pytest.fixture(scope="module")
def browser():
    with chromium.browser() as opened:
        yield opened.driver


SET = "const done = arguments[0]; window.MathJax ? MathJax.startup.promise.then(() => done()) : done()"
"""Done when all formulas of a page are set."""

FAULTS = """
const page = document.documentElement, all = (selector) => [...document.querySelectorAll(selector)];
return [
  ...all('mjx-merror').map((each) => 'not a formula: ' + each.dataset.mjxError),
  ...all('.math').filter((each) => !each.querySelector('mjx-container')).map((each) => 'not set: ' + each.innerText),
  ...all('div.math').filter((each) => each.scrollHeight > each.clientHeight
     && getComputedStyle(each).overflowY !== 'hidden').map((each) => 'arrows: ' + each.innerText),
  ...(page.scrollWidth > page.clientWidth ? [`${page.scrollWidth} wide on a screen of ${page.clientWidth}`] : []),
]
"""


def faults(browser, path, width):
    """What is wrong with a page on a screen of this width."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())
    browser.execute_async_script(SET)
    console = [entry["message"] for entry in browser.get_log("browser")]
    return [f"{path.name}: {fault}" for fault in [*browser.execute_script(FAULTS), *console]]


class TestInABrowser:
    pytestmark = chromium.IN_A_BROWSER

    def test_every_page_is_set_and_fits_on_a_phone(self, site, browser):
        pages = sorted(site[0].rglob("*.html"))
        assert not [fault for path in pages for fault in faults(browser, path, PHONE)]

    def test_the_mean_center_has_its_bar(self, site, browser):
        assert faults(browser, site[0] / "generated" / "theory.html", SCREEN) == []
        formula = "document.querySelector('#center-cosine div.math mjx-container')"
        over = f"{formula}.querySelector('mjx-assistive-mml mover')"
        assert browser.execute_script(f"return [...{over}.children].map((each) => each.textContent)") == ["w", "¯"]
        bar, letter = (
            browser.execute_script(
                f"const r = {formula}.querySelector('mjx-math mjx-mover {part}').getBoundingClientRect();"
                "return [r.left, r.right, r.top, r.bottom]"
            )
            for part in ("mjx-over mjx-c", "mjx-base mjx-c")
        )
        assert bar[1] > bar[0]
        assert letter[0] <= (bar[0] + bar[1]) / 2 <= letter[1]
        assert bar[2] < letter[2]

    def test_faults_are_found(self, tmp_path, browser):
        broken = r"""<script>window.MathJax = %s</script><script defer src="%s"></script>
    <div class="math" style="overflow: auto; height: 1em">\[ \frac{1}{\frac{1}{2}} \]</div>
    <div class="math">\[ \nosuchcommand{x} \]</div><div style="width: 900px">wide</div><img src="gone.png">"""
        spec = importlib.util.spec_from_file_location("formulas", ROOT / "docs" / "_ext" / "formulas.py")
        formulas = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(formulas)
        settings = str(formulas.SETTINGS).replace("False", "false")
        path = tmp_path / "broken.html"
        path.write_text(broken % (settings, (formulas.origin() / formulas.SCRIPT).as_uri()))
        found = "\n".join(faults(browser, path, PHONE))
        for said in ("not a formula: Undefined control sequence", "arrows: ", "wide on a screen of ", "gone.png"):
            assert said in found
