"""Pages in a real browser."""

import html
import json
import re

import numpy as np
import pytest

from tests import chromium
from theory.decision.accuracy import class_accuracies
from theory.multicenter.geometry import center_cosine
from ufm.certify.explored import explored
from ufm.pages import explore, found, write
from ufm.pages.content import Plots, Section, Table
from ufm.problems.presets import spend

pytestmark = chromium.IN_A_BROWSER


@pytest.fixture(scope="module")
def browser():
    with chromium.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(every, tmp_path_factory):
    """A page of all kinds, and the sections that it was made from."""
    sections = [section for path in every.values() for section in found.sections(path)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(write.page("Two runs", sections), encoding="utf-8")
    return path, sections


def groups(sections):
    return [part for section in sections for part in section.parts if isinstance(part, Plots)]


def plots(sections):
    return [plot for part in groups(sections) for plot in part.plots]


def same(seen, wanted, what):
    """Whether a page shows what Python gave it, numbers to the six digits that are stored."""
    wanted = np.asarray(wanted)
    if wanted.dtype.kind in "US":
        assert [html.unescape(each) for each in seen] == wanted.ravel().tolist(), what
    else:
        numbers = np.array(seen, dtype=np.float64)  # None where there is no number
        np.testing.assert_allclose(numbers, wanted.ravel(), rtol=1e-6, atol=1e-7, err_msg=what)


def shown_by(part):
    """Of each plot of a part, its traces where the sliders stand at first."""
    return [(plot, plot.at(**part.start)) for plot in part.plots]


@pytest.mark.parametrize("width", [400, 1600])
def test_all_is_drawn_and_nothing_complains_or_is_cut(browser, report, width):
    path, sections = report
    browser.open(path, width)
    there = [each for part in groups(sections) for each in shown_by(part)]
    assert browser.ask("$$('.plot').length") == len(there)
    for number, (plot, traces) in enumerate(there):
        if width < 1600 and plot.turns and any(before.turns for before, _ in there[:number]):
            continue  # one scene is as wide as another, and takes long without a graphics card
        browser.draw(number)
        assert browser.ask("$$('.plot')[arguments[0]].querySelector('svg, canvas') !== null", number)
        assert browser.cut(f"$$('.plot')[{number}]") == [], plot.title
        for trace, given in enumerate(traces if width == 1600 else ()):
            for name in set("xyz") & given.keys():
                same(browser.values(number, trace, name), given[name], f"{plot.title}, {name}")
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.too_wide() == []
    assert browser.complaints() == []


def test_nothing_is_fetched(browser, report):
    path, _ = report
    browser.driver.get_log("performance")
    browser.open(path)
    browser.draw(0)
    sent = [json.loads(each["message"])["message"] for each in browser.driver.get_log("performance")]
    asked = [each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [f"file://{path}"]


def moved_everything(browser, sections, choice_of):
    """Set all sliders to a choice, and hold what each plot shows against what Python gave it for that."""
    number = 0
    for place, part in enumerate(groups(sections)):
        choice = {slider.name: choice_of(slider) for slider in part.sliders}
        identity = browser.ask("$$('.plots')[arguments[0]].id", place)
        for name, value in choice.items():
            browser.choose(name, value, f"#{identity}")
        for plot in part.plots:
            browser.draw(number)
            for move in plot.moves:
                wanted = move.values[tuple(choice[name] for name in move.sliders)]
                same(browser.values(number, move.trace, move.name), wanted, f"{plot.title}: {move.name} at {choice}")
            number += 1


def test_sliders_choose_what_python_computed(browser, report):
    path, sections = report
    browser.open(path)
    moved_everything(browser, sections, lambda slider: (slider.start + len(slider.values) // 2) % len(slider.values))
    assert browser.complaints() == []


def test_sliders_of_frames_move_curves_to_what_theory_says(browser, tmp_path):
    """Before a plot is drawn and after, by hand at each place: accuracies and rates against theory, one by one."""
    values = explored((60, 20, 5), ("class-aware", "uniform"), (2, 4), (0.2, 0.7), (2.0, 5.0))
    sections = explore.sections(values)
    path = tmp_path / "explore.html"
    path.write_text(write.page("Explore", sections), encoding="utf-8")
    browser.open(path)
    titles = [plot.title for plot in plots(sections)]
    rate, accuracy = titles.index("Rate of collapse"), titles.index("Accuracy of each class")
    for way, f, theta, ratio in ((0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 1, 0), (0, 1, 1, 1)):
        for name, value in {"allocation": way, "f": f, "theta": theta, "ratio": ratio}.items():
            browser.choose(name, value)
        counts = spend(("class-aware", "uniform")[way], (60, 20, 5), (2, 4)[f], (0.2, 0.7)[theta])
        angle, signal = (0.2, 0.7)[theta], (2.0, 5.0)[ratio]
        browser.draw(rate)
        c = center_cosine(counts, angle)
        same(browser.values(rate, 0, "y"), 4.0 * c * np.array(counts) * c * (1.0 - c), "rate")
        browser.draw(accuracy)
        for trace, wanted in enumerate(class_accuracies(counts, angle, signal)):
            np.testing.assert_allclose(browser.values(accuracy, trace, "y"), 100.0 * wanted, rtol=0, atol=100.0 * 1e-5)
    moved_everything(browser, sections, lambda slider: 1)
    assert browser.complaints() == []


def test_checks_are_filtered(browser, report):
    path, sections = report
    browser.open(path)
    rows = [" ".join(row) for row in sections[0].parts[0].rows]

    def shown():
        return browser.ask("$('.table').querySelectorAll('tbody tr:not([hidden])').length")

    assert shown() == len(rows)
    for words in ("rate", "gap dual", "nothing at all"):
        browser.ask(
            "(() => { const each = $('.filter input'); each.value = arguments[0];"
            " each.dispatchEvent(new Event('input', {bubbles: true})); })()",
            words,
        )
        assert shown() == sum(all(word in row.lower() for word in words.split()) for row in rows)
    assert browser.ask("$('.filter output').textContent") == f"0 of {len(rows)} shown, 0 of these hold"


def luminance(color):
    parts = np.array([float(part) for part in re.findall(r"[\d.]+", color)[:3]]) / 255.0
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, two):
    dark, light = sorted((luminance(one), luminance(two)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_words_can_be_read_by_day_and_by_night(browser, report, dark):
    """At least 4.5 to 1, as WCAG 2.2 (1.4.3) asks of text; on paper and in plots."""
    path, _ = report
    browser.open(path, dark=dark)
    browser.draw(0)
    page = browser.ask("getComputedStyle(document.body).backgroundColor")
    assert (luminance(page) < 0.05) == dark
    words = browser.ask(
        "$$('h1, h2, h3, p, td, th, a:not(.skip), label, summary, output, caption, small')"
        ".map((e) => [getComputedStyle(e).color, e.tagName])"
    )
    assert {tag: color for color, tag in words if contrast(color, page) < 4.5} == {}
    marks = browser.ask("$$('.plot svg text').map((e) => getComputedStyle(e).fill)")
    assert marks
    assert min(contrast(color, page) for color in marks) >= 4.5


def test_it_is_there_at_once(browser, report):
    """Two seconds, of a processor: what others do on this machine meanwhile does not count."""
    path, _ = report
    browser.driver.execute_cdp_cmd("Performance.disable", {})
    browser.driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    browser.open(path)
    metrics = {
        each["name"]: each["value"] for each in browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    }
    assert 0.0 < metrics["TaskDuration"] < 2.0


def test_a_name_that_is_a_script_is_a_name(browser, tmp_path):
    evil = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">{{ 7 * 7 }}"
    table = Table(evil, (evil,), ((evil,),), ("ok",))
    path = tmp_path / "evil.html"
    path.write_text(write.page(evil, [Section(evil, (evil,), (table,), evil)]), encoding="utf-8")
    browser.open(path)
    assert browser.ask("document.title") == evil
    assert browser.ask("$('h2').textContent") == evil
    assert browser.ask("$('td:not(.mark)').textContent") == evil
    assert browser.ask("$$('img').length") == 0


def test_hands_on_a_keyboard_reach_everything(browser, report):
    """What can be used is a control with a name; plots say what they show; scenes turn by buttons."""
    path, sections = report
    browser.open(path)
    scene = next(i for i, plot in enumerate(plots(sections)) if plot.turns)
    browser.draw(scene)
    assert (
        browser.ask("$$('input, select, button').filter((e) => !(e.labels?.length || e.textContent.trim())).length")
        == 0
    )
    said = browser.ask("$$('.plot').map((e) => [e.getAttribute('role'), e.getAttribute('aria-label')])")
    assert said == [["img", f"{plot.title}. {plot.said}"] for plot in plots(sections)]
    assert browser.ask("['header', 'main', 'nav', 'footer'].every((each) => $$(each).length === 1)")
    eye = f"(() => {{ const e = $$('.plot')[{scene}]._fullLayout.scene.camera.eye; return [e.x, e.y, e.z]; }})()"
    before = np.array(browser.ask(eye))
    browser.reach(f"$$('figure')[{scene}].querySelector('[data-turn]')")
    browser.press("ENTER")
    browser.wait(f"Math.abs({eye}[0] - arguments[0]) > 0.1", before[0])
    after = np.array(browser.ask(eye))
    assert np.linalg.norm(after) == pytest.approx(np.linalg.norm(before), rel=1e-9)
    assert np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0]) == pytest.approx(-np.pi / 8)


def test_keys_move_a_slider(browser, report):
    path, _ = report
    browser.open(path)
    slider = "$('main input[type=range]')"
    browser.reach(slider)
    before = int(browser.ask(f"{slider}.value"))
    browser.press("ARROW_LEFT" if before else "ARROW_RIGHT")
    assert int(browser.ask(f"{slider}.value")) == (before - 1 if before else 1)
    assert browser.ask(f"{slider}.getAttribute('aria-valuetext')") == browser.ask(
        f"{slider}.parentElement.querySelector('output').textContent"
    )


def test_words_that_are_cut_are_found(browser, tmp_path):
    path = tmp_path / "cut.html"
    words = '<text x="5" y="20">whole</text><text x="60" y="20">beyond the edge</text><text x="5" y="2">above</text>'
    hidden = '<text x="90" y="20" display="none">hidden</text>'
    path.write_text(
        f'<svg width="100" height="40">{words}<svg x="-50">{words[:33]}</svg>{hidden}</svg>', encoding="utf-8"
    )
    assert browser.open(path).cut() == ["beyond the edge", "above", "whole"]
