"""Objectives of a learned frame against loops and complex steps; states and what is refused as one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from ufm.minimize.local import LearnedLocal
from ufm.problems import stiefel
from ufm.problems.objective import objective_at
from ufm.problems.state import frame_of, random_state, to_span, validated_state

small = {"max_classes": 3, "max_size": 3, "max_centers": 3}


def states_of(problem, seed, full):
    """A random state with random norms where they are free."""
    state = random_state(problem, seed, full=full)
    if problem.loss == "cosine":
        return state
    return state._replace(norms=np.random.default_rng(seed).standard_normal(problem.n_classes))


@settings(max_examples=25)
@given(strategies.learned_problems(**small), strategies.seeds, st.booleans())
def test_value_gradient_and_hessian_product(problem, seed, full):
    state = states_of(problem, seed, full)
    direction = state.unflat(np.random.default_rng((seed, 1)).standard_normal(state.flat().size))
    if problem.loss == "cosine":  # norms are constants
        direction = direction._replace(norms=np.zeros(problem.n_classes))
    objective = objective_at(problem, state)
    value, gradient = objective.value_and_gradient(state)
    assert value == pytest.approx(oracles.learned_objective(problem, state), rel=1e-12)

    def free(x):
        return np.concatenate([x[: state.rows.size], x[state.rows.size :][problem.n_classes :]])

    part = (lambda x: x) if problem.loss == "mse" else free
    expected = oracles.learned_gradient(problem, state)
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(part(gradient.flat()), part(expected), atol=1e-12 * scale)
    step = 1e-5
    up, down = (
        oracles.learned_gradient(problem, state.unflat(state.flat() + t * direction.flat())) for t in (step, -step)
    )
    product = objective.hessian_product(state, direction).flat()
    scale = max(1.0, np.abs(product).max() * 10)
    np.testing.assert_allclose(part(product), part((up - down) / (2 * step)), atol=1e-5 * scale)


def test_blocks_and_factored_gradients_change_nothing(monkeypatch):
    problem = ufm.Problem((4, 3), (9, 7), 0.3, loss="mse", lam_h=0.01, lam_w=0.01, frame="learned")
    state = states_of(problem, 0, full=True)
    direction = state.unflat(np.random.default_rng(1).standard_normal(state.flat().size))
    seen = []
    for rows, few in ((100, 1000), (3, 1000), (100, 1), (3, 8), (3, 1)):
        monkeypatch.setattr("ufm.problems.objective.ROWS", rows)
        monkeypatch.setattr("ufm.problems.stiefel.FEW", few)
        local = LearnedLocal(objective_at(problem, state), state)
        seen.append(np.concatenate([[local.value], local.gradient, local.hessian(direction.flat())]))
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], atol=1e-13)


@given(strategies.learned_problems(), strategies.seeds)
def test_one_row_per_class_is_the_collapsed_case_of_one_per_sample(problem, seed):
    means = states_of(problem, seed, full=False)
    full = means._replace(features=np.repeat(means.features, problem.class_sizes, axis=0))
    (value, gradient), (same, each) = (objective_at(problem, s).value_and_gradient(s) for s in (means, full))
    assert value == pytest.approx(same, rel=1e-11)
    np.testing.assert_allclose(gradient.rows, each.rows, atol=1e-10)
    np.testing.assert_allclose(gradient.norms, each.norms, atol=1e-10)
    summed = np.add.reduceat(each.features, problem.offsets[:-1], axis=0)
    np.testing.assert_allclose(gradient.features, summed, atol=1e-10)


@given(strategies.learned_problems(loss="mse"), strategies.seeds)
def test_deviations_within_a_class_only_cost(problem, seed):
    full = states_of(problem, seed, full=True)
    means = validated_state(problem, full)
    assert (
        objective_at(problem, means).value_and_gradient(means)[0]
        <= objective_at(problem, full).value_and_gradient(full)[0] + 1e-12
    )


@given(strategies.learned_problems(), strategies.seeds)
def test_a_rotation_of_everything_changes_nothing(problem, seed):
    state = states_of(problem, seed, full=False)
    turned = state.times(strategies.rotation(problem.dim, seed))
    value = objective_at(problem, state).value_and_gradient(state)[0]
    assert objective_at(problem, turned).value_and_gradient(turned)[0] == pytest.approx(value, rel=1e-11)


@given(strategies.learned_problems(spare=20), strategies.seeds)
def test_the_span_holds_the_whole_problem(problem, seed):
    state = states_of(problem, seed, full=False)
    inside, basis = to_span(state)
    for part, lifted in zip(state, inside.times(basis), strict=True):
        np.testing.assert_allclose(lifted, part, atol=1e-12)
    here, there = (objective_at(problem, s).value_and_gradient(s) for s in (state, inside))
    assert there[0] == pytest.approx(here[0], rel=1e-12)
    for part, lifted in zip(here[1], there[1].times(basis), strict=True):
        np.testing.assert_allclose(lifted, part, atol=1e-10)


@given(strategies.learned_problems(**small), strategies.seeds)
def test_preconditioner_is_symmetric_positive_and_keeps_tangents(problem, seed):
    state = states_of(problem, seed, full=False)
    local, rng = LearnedLocal(objective_at(problem, state), state), np.random.default_rng(seed)

    def tangent():
        v = state.unflat(rng.standard_normal(state.flat().size))
        return v._replace(rows=stiefel.tangent(state.rows, v.rows)).flat()

    u, v = tangent(), tangent()
    pu, pv = local.precondition(u), local.precondition(v)
    assert u @ pu > 0
    assert u @ pv == pytest.approx(v @ pu, rel=1e-9, abs=1e-9 * np.linalg.norm(pu) * np.linalg.norm(v))
    rows = state.unflat(pu).rows
    np.testing.assert_allclose(
        stiefel.symmetric(rows @ state.rows.T), 0, atol=1e-12 * max(1.0, float(np.abs(rows).max()))
    )


@given(strategies.learned_problems(loss="mse", **small), strategies.seeds)
def test_negative_norms_are_rows_turned_around(problem, seed):
    state = states_of(problem, seed, full=False)
    frame = frame_of(problem, state)
    np.testing.assert_allclose(np.linalg.norm(frame.classifier, axis=1), np.abs(state.norms), atol=1e-14)
    expected = oracles.centers_by_definition(problem, frame.auxiliary, frame.classifier)
    np.testing.assert_allclose(frame.centers, expected, atol=1e-14)


def good(problem, **change):
    return random_state(problem, 0)._replace(**change)


P = ufm.Problem((4, 3), 2, 0.3, dim=8, loss="mse", lam_h=0.01, lam_w=0.01, frame="learned")
COSINE = ufm.Problem((4, 3), 2, 0.3, dim=8, frame="learned")


@pytest.mark.parametrize(
    ("problem", "start", "message"),
    [
        (P, good(P)[:2], "start has 2 parts"),
        (P, good(P, rows=np.eye(5, 8)), r"start.rows has shape \(5, 8\): \(6, 8\) is needed"),
        (P, good(P, norms=np.ones(3)), r"start.norms has shape \(3,\)"),
        (P, good(P, features=np.ones((3, 8))), r"start.features has shape \(3, 8\): \(2, 8\) or \(7, 8\)"),
        (P, good(P, features=np.full((2, 8), np.nan)), "start.features contains NaN"),
        (P, good(P, rows=1.1 * np.eye(6, 8)), "start.rows are not orthonormal: .* is 0.21"),
        (P, good(P, rows=np.ones((6, 8))), "start.rows have rank 1 < 6"),
        (P, good(P, norms=np.array([1j, 1])), "start.norms of dtype complex128"),
        (COSINE, good(COSINE, norms=np.array([2.0, 1.0])), "must be 1"),
        (COSINE, good(COSINE, features=np.zeros((2, 8))), "row of 0"),
    ],
)
def test_starts_refused(problem, start, message):
    for call in (ufm.minimize, lambda p, start: ufm.gradient_flow(p, t_eval=1.0, start=start)):
        with pytest.raises(ValueError, match=message):
            call(problem, start=start)


def test_options_refused():
    fixed = COSINE.replace(frame="fixed")
    for problem, options, message in (
        (fixed, {"method": "full"}, "this problem has frame='fixed'"),
        (fixed, {"start": good(COSINE)}, "this problem has frame='fixed'"),
        (COSINE, {"frame": ufm.multi_center_frame(COSINE)}, "makes it an unknown"),
        (COSINE, {"method": "projected"}, "it is for loss='mse'"),
        (P, {"method": "mean"}, "did you mean 'means'"),
    ):
        with pytest.raises(ValueError, match=message):
            ufm.minimize(problem, **options)
    frame, features = ufm.multi_center_frame(COSINE), np.ones((COSINE.n_samples, COSINE.dim))
    for verb, more in ((ufm.gradient_flow, {"t_final": 1.0}), (ufm.gradient_descent, {"step_size": 0.1})):
        for fixed_one in ({"frame": frame}, {"features": features}):
            with pytest.raises(ValueError, match="the frame of this problem is learned"):
                verb(COSINE, **more, **fixed_one)
    with pytest.raises(ValueError, match="t_eval or t_final is needed"):
        ufm.gradient_flow(COSINE)
    with pytest.raises(ValueError, match="a learned frame starts at random"):
        ufm.gradient_flow(COSINE, t_final=1.0, start="antipode")
    with pytest.raises(ValueError, match="initial features are given as features"):
        ufm.gradient_flow(fixed, start=features)
