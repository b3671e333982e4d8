"""What is certified in the tests of teeth, and how far the data of each of its checks may be off.

The tolerances are written down here once more, in the unit of what is put off.
"""

import numpy as np

import ufm
from tests.ufm.certify.damage import (
    Tooth,
    claimed,
    classifier,
    cosines,
    faster,
    in_three_coordinates,
    longer,
    loss,
    lower,
    nearer,
    off_the_manifold,
    other,
    outside,
    phase_classifier,
    proved,
    pushed,
    put,
    recorded,
    remembered,
    rising,
    shortened,
    squares,
    tilted,
    too_low,
    trained_classifier,
    wrapped,
)
from ufm.measure import metrics
from ufm.minimize.phase import Axis, model_diagram, phase_diagram
from ufm.problems.frames import dense
from ufm.simulate.modes import Modes
from ufm.simulate.reduced import Batch, Samples

COSINE = ufm.Problem((3, 2), (2, 3), 0.3, 9)
COINCIDING = ufm.Problem((3, 2), (2, 3), np.pi / 2, 9)
P = ufm.Problem((3, 2), (2, 3), 0.3, 9, loss="mse", lam_h=0.02, lam_w=0.02)
FORGETFUL = P.replace(lam_h=0.0)
LEARNED = P.replace(frame="learned")
FRAME = ufm.multi_center_frame(COSINE)


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
