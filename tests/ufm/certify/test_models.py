"""`predict` and `certify` of models without a frame and of their flows."""

from dataclasses import replace

import numpy as np
import pytest

import ufm

MODEL = ufm.FeatureModel((20, 5, 2), lam_w=1e-2, lam_h=1e-2)


def test_what_theorems_say_of_a_model():
    said = ufm.predict(MODEL.replace(class_sizes=(9, 9)))
    assert said["ce-balanced"]["value"] == pytest.approx(ufm.minimize(said.problem).value, abs=1e-12)
    assert {"ce-balanced", "ce-imbalanced"} == set(said)
    assert "ce-balanced" in str(said)
    assert len(ufm.predict(MODEL.replace(loss="bce", bias="free"))) == 0
    assert "no theorem" in str(ufm.predict(MODEL.replace(loss="bce", bias="free")))
    with pytest.raises(ValueError, match="theta and lengths are of centers"):
        ufm.predict(MODEL, theta=0.3)


@pytest.mark.parametrize("method", ["means", "full"])
@pytest.mark.parametrize("decays", [(1e-2, 1e-2), (1e-2, 1e-3), (0.0, 0.0)])
def test_flows_hold(method, decays):
    flow = ufm.gradient_flow(
        MODEL.replace(lam_w=decays[0], lam_h=decays[1]), method=method, t_final=300.0, n_times=9, seed=2
    )
    report = ufm.certify(flow)
    assert report.holds
    assert len(report.checks) == 1 + (decays[0] == decays[1]) + (decays[0] > 0)


@pytest.mark.parametrize(
    ("curve", "change"),
    [
        ("value", lambda v: v * np.where(np.arange(len(v)) == 5, 1.1, 1.0)),  # it rises
        ("value", lambda v: v - 1e-3 * np.arange(len(v))),  # below what is proved
        ("drift", lambda d: d + 1e-3),
    ],
)
def test_flows_that_are_wrong_fail(curve, change):
    flow = ufm.gradient_flow(MODEL, t_final=3000.0, n_times=9)
    assert not ufm.certify(replace(flow, curves={**flow.curves, curve: change(flow.curves[curve])})).holds
