"""Every check has teeth: three of its tolerances off, it fails and it alone; with a third of one, everything holds.

The tolerances are written down here once more, in the unit of what is put off. What is put off is what was simulated or
measured, never what is predicted.
"""

import copy
import functools
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import ufm
from ufm.certify import cosine, ends, mse, slow
from ufm.measure import metrics
from ufm.minimize.phase import Axis, model_diagram, phase_diagram
from ufm.minimize.solution import Solution
from ufm.problems.frames import dense
from ufm.simulate.modes import Modes
from ufm.simulate.reduced import Batch, Samples

COSINE = ufm.Problem((3, 2), (2, 3), 0.3, 9)
COINCIDING = ufm.Problem((3, 2), (2, 3), np.pi / 2, 9)
P = ufm.Problem((3, 2), (2, 3), 0.3, 9, loss="mse", lam_h=0.02, lam_w=0.02)
FORGETFUL = P.replace(lam_h=0.0)
LEARNED = P.replace(frame="learned")
FRAME = ufm.multi_center_frame(COSINE)


class Tooth(NamedTuple):
    """How far the data of a check may be off, in what unit, and how to put them off by that."""

    tolerance: float
    damage: Any
    """Of a subject, by a number, with pytest's ``monkeypatch``."""
    also: tuple[str, ...] = ()
    """Checks that cannot hold where this one fails."""


# Damage: functions of a subject (of which everything may be changed), a number and pytest's monkeypatch.


def recorded(name, row, change):
    """A record of the first class: ``change(old, x)``."""

    def damage(t, x, patch):
        t.curves.sums[name][row, 0] = change(t.curves.sums[name][row, 0], x)

    return damage


def wrapped(owner, name, change):
    """What a function of the simulation returns: ``change(returned, x)``."""

    def damage(subject, x, patch):
        right = getattr(owner, name)
        patch.setattr(owner, name, lambda *given, **named: change(right(*given, **named), x))

    return damage


def put(name, change=lambda old, x: old + x):
    """An attribute of the subject."""

    def damage(subject, x, patch):
        subject.__dict__[name] = change(getattr(subject, name), x)

    return damage


def other(name, *place):
    """A flag of the subject turned over."""

    def damage(subject, x, patch):
        flags = getattr(subject, name).copy()
        flags[place] ^= True
        subject.__dict__[name] = flags

    return damage


def loss(value=0.0, slope=0.0, still=0.0, constant=0.0):
    """The loss that is simulated, with shares of x in its parts."""

    def wrong(right, x):
        def value_and_gradient(features, labels):
            values, gradients = right.value_and_gradient(features, labels)
            return values * (1.0 + value * x), gradients * (1.0 + slope * x) + still * x * metrics.unit_rows(features)

        return SimpleNamespace(constant=right.constant * (1.0 + constant * x), value_and_gradient=value_and_gradient)

    return wrapped(slow, "loss_of", wrong)


def cosines(rows):
    """Between so many vectors."""
    return wrapped(metrics, "gram", lambda gram, x: gram + x * (1.0 - np.eye(len(gram))) * (len(gram) == rows))


def rising(t, x, patch):
    before, now = t.value[-3:-1]
    t.curves.sums["value"][-2, 0] += before - now + x * abs(t.value[0])


def faster(t, x, patch):
    t.curves.sums["nc_log10"] *= 1.0 + x


def lower(t, x, patch):
    t.curves.sums["nc_log10"][-1] += np.log10(1.0 + x) * np.array(t.problem.class_sizes)


def tilted(t, x, patch):
    t.final[:3] += x * np.linalg.norm(t.final[:3], axis=1, keepdims=True) * t.frame.direction(1)


def pushed(t, x, patch):
    """Along the own mean centers, in parts of the longer of start and end."""
    lengths = [np.linalg.norm(features, axis=1) for features in (t.initial, t.final)]
    t.final[:] += x * np.maximum(*lengths)[:, None] * dense(t.frame.mean_directions)[t.problem.labels]


def shortened(t, x, patch):
    """The part that the centers see."""
    t.final[:] -= x * dense(t.frame.mean_directions)[t.problem.labels]


def remembered(t, x, patch):
    t.final[:] += x * slow.null_part(t.frame, t.final)


def in_three_coordinates(t, x, patch):
    right = cosine.gradient_flow

    def wrong(problem, **options):
        found = right(problem, **options)
        found.features[:] *= 1.0 + x * (options["method"] == "reduced")
        return found

    patch.setattr(cosine, "gradient_flow", wrong)


def nearer(snapshots, x):
    return ((j, snapshot._replace(nc=snapshot.nc * (1.0 + x))) for j, snapshot in snapshots)


def claimed(solution, x, patch):
    """Another bound than the multiplier proves."""
    stored = solution.certificate
    solution.__dict__["certificate"] = type(stored)(
        stored.statement, stored.multiplier, stored.bound - x, stored.problem
    )


def proved(solution, x, patch):
    """A multiplier that proves less."""
    claimed(solution, x, patch)
    wrapped(ends, "verify", lambda bound, x: bound - x)(solution, x, patch)


def longer(solution, x, patch):
    solution.class_features[0] *= 1.0 + x


def outside(name):
    """The first row of features turned out of everything that the frame spans, to an NC of x."""

    def damage(solution, x, patch):
        rows = getattr(solution, name)
        spanned = np.concatenate([dense(solution.frame.centers), dense(solution.frame.classifier)])
        rows[0] += np.sqrt(x) * np.linalg.norm(rows[0]) * np.linalg.svd(spanned)[2][-1]

    return damage


def classifier(solution, x, patch):
    right = solution.norms
    patch.setattr(Solution, "norms", property(lambda self: right * np.sqrt(1.0 + x)))


def trained_classifier(t, x, patch):
    norms = t.curves.frame["norm"]
    norms[-1, 0] = np.sqrt(norms[-1, 0] ** 2 + x * ufm.predict(t.problem).natural_square_norm[0])


def phase_classifier(diagram, x, patch):
    diagram.square_norms[0, 0, 0] += x * ufm.predict(diagram.problems[0][0]).natural_square_norm[0]


def off_the_manifold(t, x, patch):
    t.curves.frame["defect"][3] = x


def too_low(t, x, patch):
    t.curves.sums["value"][-1, 0] -= t.value[-1] - ufm.predict(t.problem).value + x


def squares(name):
    """Squared norms, where Gram matrices and what lives stay as they are."""

    def damage(geometry, x, patch):
        for kept in ("weight_gram", "feature_gram", "alive"):
            getattr(geometry, kept)
        own, gram = getattr(geometry, name)
        geometry.__dict__[name] = own + x, gram

    return damage


# Teeth, by the names of checks up to the first comma.

GRADIENT = "gradient = derivative of the definition"
VARIABILITY = "variability = 1 - cos rho"
CLASS_COSINE = "cosine between class means"
LIVING = "classes that live or die against theory"
EXPM = "flow = matrix exponential"
GAP = "gap to the dual bound"

TURNED = recorded("cosine", -1, lambda old, x: old - 3.0 * x)  # the first class has three samples
LARGEST = recorded("nc_max", -1, lambda old, x: x)
END_VALUE = recorded("value", -1, lambda old, x: old - x)

DEFINED = {
    "loss = its definition": Tooth(1e-9, loss(value=1.0)),
    GRADIENT: Tooth(3e-9, loss(slope=1.0)),  # 1e-9 of a length, of which a direction sees about a third
}
CONSTANT = {"constant part of the objective": Tooth(1e-9, loss(constant=1.0))}
OFFSET = {"constant part of the value": Tooth(1e-12, put("offset", lambda old, x: old * (1.0 + x)))}
ENERGY = {"largest rise of the objective": Tooth(1e-12, rising)}
RATE = {"rate of collapse": Tooth(1e-3, faster)}
EXACT = {"exact = full": Tooth(1e-8, wrapped(Modes, "at", lambda state, x: state * (1.0 + x)))}
EXPONENTIAL = {EXPM: Tooth(1e-9, pushed)}


def still(tolerance):
    """Where gradients are small, in parts of a unit vector along the feature."""
    return {GRADIENT: Tooth(tolerance, loss(still=1.0))}


def at_end(until_nc):
    root = 3.0 * np.sqrt(until_nc)
    return {"direction: largest NC at the end": Tooth(until_nc, LARGEST), VARIABILITY: Tooth(root, TURNED)}


def means_at_end(until_nc):
    return {CLASS_COSINE: Tooth(3.0 * np.sqrt(until_nc), tilted)}


def value_at_end(tolerance):
    return {"value at the end": Tooth(tolerance, END_VALUE)}


COSINE_FLOW = {
    "mean norm at all times": Tooth(1e-7, recorded("norm", 5, lambda old, x: old * (1.0 + x))),
    "reduced = full": Tooth(1e-7, in_three_coordinates),
    "time to NC = 1e-10": Tooth(
        1e-6, wrapped(Samples, "collapse_times", lambda said, x: (said[0] * (1.0 + x), said[1]))
    ),
    "NC at that time": Tooth(1e-5, wrapped(Batch, "states_at", nearer)),
    **DEFINED,
    **ENERGY,
}
P_RECORDS = {
    **DEFINED,
    **CONSTANT,
    **OFFSET,
    **at_end(1e-10),
    **value_at_end(1.1e-7),
    "norm at the end": Tooth(3e-5, recorded("norm", -1, lambda old, x: old * (1.0 + x))),
}
MINIMISER = {
    **DEFINED,
    GAP: Tooth(1e-9, proved),
    "bound": Tooth(1e-12, claimed),
    CLASS_COSINE: Tooth(1e-5, cosines(2)),
    VARIABILITY: Tooth(1e-5, wrapped(metrics, "variability", lambda said, x: said + x)),
}
FIXED_MINIMISER = {
    **MINIMISER,
    "direction: NC of the minimiser": Tooth(1e-10, wrapped(metrics, "collapse", lambda said, x: said + x)),
    "norm of the minimiser": Tooth(1e-6, longer),
    "value": Tooth(1e-9, put("value"), also=(GAP,)),
}
LEARNED_MINIMISER = {
    **MINIMISER,
    **still(3e-14),
    **CONSTANT,
    "value: P - phi(u*)": Tooth(1e-12, put("value")),
    LIVING: Tooth(0.0, other("living", 0)),
    "|w_k|^2": Tooth(2e-8, classifier),
    "|h_k|": Tooth(1e-5, longer),
    "frame: cosines between its rows": Tooth(1e-10, cosines(7)),
    "direction: NC of the class means": Tooth(1e-10, outside("class_features")),
}
TRAINED = {
    **DEFINED,
    **ENERGY,
    "drift off the manifold": Tooth(1e-12, off_the_manifold),
    "value below the minimum": Tooth(1e-12, too_low),
}


def model_teeth(scale, size):
    """Of a model of this value at 0, whose largest numbers are about so large."""
    return {
        GAP: Tooth(1e-9 * scale, proved),
        "bound": Tooth(1e-12 * scale, claimed),
        "value": Tooth(1e-9 * scale, put("value"), also=(GAP,)),
        "logits": Tooth(1e-6 * size, put("class_logits")),
        "weight squares": Tooth(1e-6 * size, squares("_weights")),
        "feature squares": Tooth(1e-6 * size, squares("_features")),
    }


NOTHING_LEARNED = Tooth(0.0, put("rank", lambda old, x: 0))


def flow(problem, **options):
    return lambda: ufm.gradient_flow(problem, **{"frame": FRAME, "seed": 1, "keep": "final", **options})


def descent(problem, **options):
    return lambda: ufm.gradient_descent(problem, keep="final", **options)


def training(problem, t_final):
    return lambda: ufm.gradient_flow(problem, t_final=t_final, frame_rate=1.0, n_times=9)


def model(**fields):
    return lambda: ufm.minimize(ufm.FeatureModel((7, 7, 7), lam_w=2e-2, lam_h=3e-3, **fields))


def remembering():
    """Long features nearly in the span of their own centers: the null space keeps what does not lie in it."""
    rng = np.random.default_rng(0)
    spans = [rng.standard_normal((n, f)) @ dense(FRAME.class_centers(k)) for k, (n, f) in enumerate([(3, 2), (2, 3)])]
    features = 1000.0 * np.concatenate(spans) + rng.standard_normal((5, 9))
    return flow(FORGETFUL, features=features, t_final=1e4)()


def grid():
    axes = (Axis(name, name, name, np.array([0.01, 0.3])) for name in ("lam_h", "lam_w"))
    return phase_diagram(lambda lam_h, lam_w: LEARNED.replace(lam_h=lam_h, lam_w=lam_w), *axes)


def phases_of_a_loss():
    axes = Axis("ratio", "r", "r", np.ones(1)), Axis("lam", "lam", "lam", np.array([1e-3, 1e-2]))
    return model_diagram(lambda _, lam: ufm.FeatureModel((90, 90, 9, 9), lam_w=lam, lam_h=lam), *axes)


def all_dead(diagram, x, patch):
    diagram.rank[0, 0] = 0


UNSETTLED = {  # what is left of 1000 at the end is more of the direction than of the feature
    EXPM: Tooth(1e-9, pushed, also=("NC without regularisation",)),
    "null-space part of the start stays": Tooth(2e-9, remembered),
    "NC without regularisation": Tooth(1e-8, shortened),
}
ENDS = {**at_end(1e-10), **means_at_end(1e-10)}
QUICK = {
    "cosine": (flow(COSINE), {**COSINE_FLOW, **RATE, **ENDS, **value_at_end(1.6e-9)}),
    "descent": (descent(COSINE, step_size=0.2, n_steps=500), {**DEFINED, **ENDS}),
    "P": (flow(P), {**P_RECORDS, **EXACT, **EXPONENTIAL, **ENERGY, **RATE, CLASS_COSINE: Tooth(3e-5, cosines(2))}),
    "descent of P": (descent(P, step_size=1.0, n_steps=5000), {**P_RECORDS, **means_at_end(1e-10)}),
    "P that remembers": (remembering, {**DEFINED, **CONSTANT, **OFFSET, **ENERGY, **EXACT, **UNSETTLED}),
    "minimiser": (lambda: ufm.minimize(COSINE), {**FIXED_MINIMISER, **still(6e-14)}),
    "minimiser of P": (lambda: ufm.minimize(P), {**FIXED_MINIMISER, **CONSTANT, **still(3e-14)}),
    "learned": (lambda: ufm.minimize(LEARNED), LEARNED_MINIMISER),
    "learned, every sample": (
        lambda: ufm.minimize(LEARNED, method="full"),
        {**LEARNED_MINIMISER, "direction: NC of every sample": Tooth(1e-8, outside("samples"))},
    ),
    "training": (
        training(COSINE.replace(frame="learned", lam=0.3), 30.0),
        {**TRAINED, **still(6e-14), **at_end(1e-6)},
    ),
    "training of P": (
        training(LEARNED, 600.0),
        {**TRAINED, **CONSTANT, **still(3e-14), "|w_k|^2": Tooth(1e-3, trained_classifier)},
    ),
    "phase diagram": (
        grid,
        {
            LIVING: Tooth(0.0, other("living", 0, 0, 0)),
            "|w_k|^2": Tooth(1e-7, phase_classifier),
            "points without a certificate": Tooth(0.0, other("optimal", 0, 0)),
        },
    ),
    "phase diagram of a loss": (
        phases_of_a_loss,
        {
            "points without a certificate": Tooth(0.0, other("optimal", 0, 0)),
            "classes that merge or not against theory": Tooth(0.0, other("merged", 0, 0, 0)),
            "points where all is dead or not against theory": Tooth(0.0, all_dead),
        },
    ),
    "model": (
        model(),
        {
            **model_teeth(1.1, 2.6),
            "alive": Tooth(0.0, other("alive", 0)),
            "merged": Tooth(0.0, other("merged", 0)),
            "learns": NOTHING_LEARNED,
        },
    ),
    "model with a bias": (
        model(loss="mse", bias="free"),
        {
            **model_teeth(0.5, 0.6),
            "bias": Tooth(3e-7, put("bias")),
            "learns": NOTHING_LEARNED,
            "weight gram": Tooth(6e-7, put("weight_gram")),
            "feature gram": Tooth(6e-7, put("feature_gram")),
        },
    ),
}
LATE = {  # a random part is left where the norms are long gone
    EXPM: Tooth(1e-7, pushed, also=("NC without regularisation",)),
    "null-space part of the start stays": Tooth(1e-9, remembered),
    "NC without regularisation": Tooth(1e-8, shortened),
}
LENGTHY = {
    "metrics": (flow(COSINE, keep="metrics"), {**COSINE_FLOW, **RATE, **at_end(1e-10), **value_at_end(1.6e-9)}),
    "metrics of P": (flow(P, keep="metrics"), {**P_RECORDS, **EXACT, **ENERGY, **RATE}),
    "span": (flow(COSINE, method="span"), {**COSINE_FLOW, **RATE, **ENDS, **value_at_end(1.6e-9)}),
    "full": (flow(COSINE, method="full"), {**COSINE_FLOW, **RATE, **ENDS, **value_at_end(1.6e-9)}),
    "features": (flow(COSINE, keep="features"), {**COSINE_FLOW, **RATE, **ENDS, **value_at_end(1.6e-9)}),
    "coarse": (
        flow(COSINE, until_nc=1e-6),
        {**COSINE_FLOW, **RATE, **at_end(1e-6), **means_at_end(1e-6), **value_at_end(8e-6)},
    ),
    "beyond the last digit": (
        flow(COSINE, until_nc=1e-100),
        {
            **COSINE_FLOW,
            **RATE,
            **at_end(1e-100),
            **value_at_end(8e-10),
            VARIABILITY: Tooth(3e-13, TURNED),
            CLASS_COSINE: Tooth(3e-13, tilted),
        },
    ),
    "coinciding centers": (
        flow(COINCIDING, frame=None),
        {**COSINE_FLOW, **ENDS, **value_at_end(1.2e-9), "1 / (NC tau)": Tooth(1e-3, lower)},
    ),
    "next to the antipode": (
        flow(COSINE, start=ufm.Start("antipode", offset=1e-5)),
        {
            **COSINE_FLOW,
            **still(2e-13),
            **RATE,
            **ENDS,
            **value_at_end(1.6e-9),
            "reduced = full": Tooth(1e-4, in_three_coordinates),
        },
    ),
    "P for ever": (
        flow(FORGETFUL, t_final=1e9, n_times=3),
        {**DEFINED, **CONSTANT, **OFFSET, **ENERGY, **EXACT, **LATE},
    ),
}
SUBJECTS = QUICK | LENGTHY


@pytest.fixture(scope="module")
def made():
    """Subjects, and what slow means find of them, each once."""
    return functools.cache(lambda name: SUBJECTS[name][0]()), {}


def names(checks):
    return {check.name.split(",")[0] for check in checks}


def marked(name, *rest):
    return pytest.param(name, *rest, marks=[pytest.mark.slow] if name in LENGTHY else [])


@pytest.mark.parametrize("name", [marked(name) for name in SUBJECTS])
def test_a_third_of_every_tolerance_is_allowed(name, made, monkeypatch):
    subject, teeth = copy.deepcopy(made[0](name)), SUBJECTS[name][1]
    for tooth in teeth.values():
        if tooth.tolerance and not tooth.also:
            tooth.damage(subject, tooth.tolerance / 3.0, monkeypatch)
    report = ufm.certify(subject)
    assert report.holds, str(report)
    assert names(report.checks) == set(teeth)


SLOW_MEANS = {
    "_reduction_check": (cosine, {"reduced = full"}),
    "_time_checks": (cosine, {"time to NC = 1e-10", "NC at that time"}),
    "_exact_check": (mse, {"exact = full"}),
}
"""Checks that simulate again from the first features alone, by function: the same ones, whatever happens to records."""


@pytest.mark.parametrize(
    ("name", "check"), [marked(name, check) for name, (_, teeth) in SUBJECTS.items() for check in teeth]
)
def test_three_tolerances_fail_a_check_and_no_other(name, check, made, monkeypatch):
    subject, tooth = copy.deepcopy(made[0](name)), SUBJECTS[name][1][check]
    for function, (module, own) in SLOW_MEANS.items():
        if check not in own:
            monkeypatch.setattr(module, function, once(made[1], (name, function), getattr(module, function)))
    tooth.damage(subject, 3.0 * tooth.tolerance or 1.0, monkeypatch)
    report = ufm.certify(subject)
    assert names(each for each in report.checks if not each.holds) == {check, *tooth.also}, str(report)


def once(known, key, function):
    """The checks that were made the first time."""

    def checks(*given):
        if key not in known:
            known[key] = tuple(function(*given))
        return iter(known[key])

    return checks


def failing(report):
    return names(check for check in report.checks if not check.holds)


def test_a_class_that_dies_for_another_is_two_mistakes():
    solution = ufm.minimize(ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned"))
    assert solution.living.tolist() == [True, True, False]
    solution.__dict__["living"] = np.array([True, False, True])
    assert LIVING in failing(ufm.certify(solution))


@pytest.mark.parametrize(("name", "check"), [("gram", CLASS_COSINE), ("variability", VARIABILITY)])
def test_a_class_whose_centers_coincide_lends_its_tolerance_to_no_other(name, check, monkeypatch):
    """The first class has one center, and its loss is quartic; the others are held to what theirs is."""
    solution = ufm.minimize(ufm.Problem((3, 2, 2), (1, 3, 4), 0.3, 12))
    assert ufm.certify(solution).holds
    put_off = np.array([0.0, 3e-5, 3e-5])
    wrapped(metrics, name, lambda said, x: said + (put_off if said.ndim == 1 else np.outer(put_off, put_off > 0)))(
        solution, 1.0, monkeypatch
    )
    assert failing(ufm.certify(solution)) == {check}


@pytest.mark.parametrize(("off", "fails"), [(3e-14, set()), (3e-13, {"loss = its definition"})])
def test_a_loss_of_nothing_is_known_to_its_rounding(off, fails, monkeypatch):
    def wrong(right, x):
        def value_and_gradient(features, labels):
            values, gradients = right.value_and_gradient(features, labels)
            return values + x, gradients

        return SimpleNamespace(constant=right.constant, value_and_gradient=value_and_gradient)

    solution = ufm.minimize(COINCIDING)
    wrapped(slow, "loss_of", wrong)(solution, off, monkeypatch)
    assert failing(ufm.certify(solution)) == fails


@pytest.mark.parametrize(("off", "fails"), [(3e-10, set()), (3e-9, {"logits"})])
def test_numbers_of_a_model_that_is_dead_are_nearly_0(off, fails, monkeypatch):
    solution = ufm.minimize(ufm.FeatureModel((7, 7, 7), lam_w=5.0, lam_h=5.0))
    assert not solution.alive.any()
    put("class_logits")(solution, off, monkeypatch)
    assert failing(ufm.certify(solution)) == fails
