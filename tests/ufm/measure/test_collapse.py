"""At exact collapse each measure has the value that it documents, and everywhere it keeps to its bounds."""

import re

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.parsing import sympy_parser as parser

import ufm
from tests import strategies
from ufm.measure.metric import known

TURNED = (*parser.standard_transformations, parser.implicit_multiplication_application)
FRAMED = {name for name, each in known().items() if each.define.__module__.endswith("ncmc_centers")}


def number(text, **values):
    """The value of a formula as the table of measures writes it."""
    return float(parser.parse_expr(text, transformations=TURNED, local_dict={"inf": sympy.oo}).subs(values))


def etf(n_classes, d, seed=0):
    """Rows of a simplex ETF in a random position."""
    rows = np.eye(n_classes) - 1 / n_classes
    return rows @ strategies.rotation(d, seed)[:n_classes]


def at(name, n_classes):
    """The documented value; None for all alike."""
    text = known()[name].collapse
    return None if text == "all alike" else number(text, K=n_classes)


def check(name, value, expected, absolute):
    if expected is None:
        np.testing.assert_allclose(value, value[0], rtol=absolute, err_msg=name)
    else:
        np.testing.assert_allclose(value, expected, atol=absolute, err_msg=name)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("common", [0.0, 1e6])
def test_of_a_simplex_with_dual_weights(n_classes, common):
    d = n_classes + 3
    means, labels = etf(n_classes, d), np.arange(4 * n_classes) % n_classes
    aside = strategies.rotation(d, 0)[n_classes:]
    shift = common * aside[1]
    ood = 5.0 * aside[0] + 0.1 * aside[2] * np.arange(3)[:, None]
    result = ufm.measure((means + shift)[labels], labels, means, -means @ shift, ood=ood + shift)
    assert set(result) == set(known()) - FRAMED
    for name in set(result):
        uncentered = name in ("nc2_orthogonal", "nc5_orthogonality", "nc5_of_class", "feature_norm")
        if not (common and uncentered):  # these see the common mean, as they say
            check(name, result[name], at(name, n_classes), 1e-12 + 1e-15 * common)  # the rounding of the features


def test_of_an_orthogonal_frame_behind_relu():
    labels = np.arange(15) % 5
    means = strategies.rotation(8, 1)[:5]
    result = ufm.measure(means[labels], labels, means - means.mean(axis=0))
    assert result.nc2_orthogonal == pytest.approx(0.0, abs=1e-14)
    for name in ("nc1", "nc2_equinorm", "nc2_equiangle", "nc2_max_angle", "nc2_etf", "nc3_duality", "nc0_row_sum"):
        assert result[name] == pytest.approx(0.0, abs=1e-14), name


@given(problem=strategies.problems(theta=st.floats(0.05, 1.4), min_classes=2))
def test_of_the_minimum_in_a_frame(problem):
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    features = ufm.minimize(problem, frame=frame).features
    features /= np.linalg.norm(features, axis=1, keepdims=True)  # lengths of classes differ at the minimum of P
    result = ufm.measure(features, problem.labels, frame=frame)
    assert set(result) >= FRAMED
    for name in FRAMED - {"variability"}:
        absolute = 1e-8  # the root of what a minimum is worth, and of what is 0 to rounding
        centers = ("rcr_accuracy", "gcr_accuracy")  # decided by the frame, not by collapse, where f is large
        if name not in centers:
            check(name, result[name], at(name, problem.n_classes), absolute)
    np.testing.assert_allclose(result.variability, 1 - ufm.predict(problem).classifier_cosine, atol=1e-12)


@st.composite
def anything(draw):
    """Features of all kinds, with weights and outside data, and their number of classes and dimensions."""
    n_classes, d = draw(st.integers(2, 5)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(strategies.seeds))
    labels = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=draw(st.integers(0, 20)))])
    spread = 10.0 ** draw(st.integers(-8, 2))
    features = rng.normal(size=(n_classes, d))[labels] + spread * rng.normal(size=(len(labels), d))
    if draw(st.booleans()):
        features = np.maximum(features, 0.0)
    return features, labels, rng.normal(size=(n_classes, d)), rng.normal(size=(4, d))


@given(anything())
def test_within_bounds(drawn):
    features, labels, weights, ood = drawn
    result = ufm.measure(features, labels, weights, ood=ood)
    for name in result:
        low, high = re.fullmatch(r"[\[(](.*), (.*)[\])]", known()[name].bounds).groups()
        values = np.atleast_1d(result[name])
        assert np.all(np.isfinite(values)), name
        assert np.all(values >= number(low, K=weights.shape[0], d=features.shape[1]) - 1e-12), name
        assert np.all(values <= number(high, K=weights.shape[0], d=features.shape[1]) + 1e-12), name
