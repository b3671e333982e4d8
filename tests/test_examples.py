"""The example that imports nothing of ours says what we say, and would notice if it were wrong."""

import ast
import pathlib
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest

import ufm
from theory.multicenter.flows import nc_rate
from theory.multicenter.geometry import classifier_cosine
from theory.multicenter.minimum import cosine_minimum

MINIMAL = pathlib.Path(__file__).parents[1] / "examples" / "minimal.py"
ROW = re.compile(r"^  (\S.*?) +(-?[\d.]+) +(-?[\d.]+) +(-?\d+e[-+]\d+)$", re.M)


@pytest.fixture
def minimal():
    return runpy.run_path(str(MINIMAL))


def test_it_uses_nothing_of_ours_and_fits_on_a_page():
    names = [node for node in ast.walk(ast.parse(MINIMAL.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in names}
    assert modules == {"sys", "numpy", "scipy.integrate"}
    assert len(MINIMAL.read_text().splitlines()) < 130


def test_as_a_process_it_prints_what_theory_and_simulation_say(minimal):
    done = subprocess.run([sys.executable, str(MINIMAL)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    counts, theta = minimal["CENTERS"], minimal["THETA"]
    table = {}
    for name, predicted, measured, _ in ROW.findall(done.stdout):
        table.setdefault(name, []).append((float(predicted), float(measured)))
    theirs = {
        "distance from the unit mean center": np.zeros(len(counts)),
        "loss": cosine_minimum(counts, theta, minimal["BETA"]),
        "loss - lower bound for all features": np.zeros(len(counts)),
        "slowest rate of collapse": nc_rate(counts, theta, minimal["BETA"]),
        "cosine to the classifier": classifier_cosine(counts, theta),
    }
    assert table.keys() == theirs.keys()
    for name, expected in theirs.items():
        predicted, measured = np.array(table[name]).T
        np.testing.assert_allclose(predicted, expected, rtol=0, atol=0.6e-8)  # eight decimals are printed
        np.testing.assert_allclose(measured, expected, rtol=0, atol=1e-4 if "rate" in name else 1e-8)


def test_it_and_the_library_solve_the_same_problem(minimal):
    problem = ufm.Problem(
        tuple(minimal["SIZES"]),
        tuple(minimal["CENTERS"]),
        minimal["THETA"],
        int(minimal["DIM"]),
        beta=minimal["BETA"],
        lam=minimal["LAM"],
    )
    rng = np.random.default_rng(3)
    centers, classifier = minimal["multi_center_frame"](rng)
    frame = ufm.Frame(problem.centers, centers, classifier)
    features, times = rng.standard_normal((problem.n_samples, problem.dim)), np.linspace(0.0, 3.0, 4)
    theirs, _ = minimal["flow"](features, centers, times)
    ours = ufm.gradient_flow(problem, frame=frame, features=features, t_eval=times, method="full", keep="features")
    np.testing.assert_allclose(ours.features, theirs, rtol=0, atol=1e-7)
    solution = ufm.minimize(problem, frame=frame)
    for k, feature in enumerate(solution.class_features):
        bound = minimal["lower_bound"](feature, centers[minimal["owner"] == k])
        value = minimal["closed_form"](problem.centers[k])["value"]
        assert bound <= value + 1e-14
        assert bound == pytest.approx(value, abs=1e-12)


def test_agreement_is_printed_as_status_0(minimal, capsys):
    assert minimal["main"]() == 0
    assert "  NO" not in capsys.readouterr().out


@pytest.mark.parametrize("wrong", ["value", "rate", "cosine"])
def test_a_wrong_formula_is_noticed_and_named(minimal, capsys, wrong):
    right = minimal["closed_form"]
    minimal["main"].__globals__["closed_form"] = lambda f: right(f) | {wrong: 1.0001 * right(f)[wrong]}
    assert minimal["main"]() == 1
    failed = {line.split("  ")[1] for line in capsys.readouterr().out.splitlines() if line.endswith("  NO")}
    (name,) = failed
    assert {"value": "loss", "rate": "slowest rate of collapse", "cosine": "cosine to the classifier"}[wrong] == name


def test_the_bound_holds_at_any_feature_and_is_exact_at_the_end_only(minimal):
    rng = np.random.default_rng(1)
    centers, _ = minimal["multi_center_frame"](rng)
    own, least = centers[minimal["owner"] == 3], minimal["closed_form"](6)["value"]
    end = own.mean(0) / np.linalg.norm(own.mean(0))
    assert minimal["lower_bound"](end, own) == pytest.approx(least, abs=1e-13)
    for _ in range(20):
        u = end + 0.5 * rng.standard_normal(len(end)) / np.sqrt(len(end))
        u /= np.linalg.norm(u)
        assert minimal["lower_bound"](u, own) < least - 1e-9 < least < ((own @ u - 1) ** 2).sum()
