r"""What a classifier decides, held against theory, on features of a trained network: accuracy, radii, other priors.

Theory speaks of features :math:`z = r_k u_k + \sigma_k g` around their own mean center, g standard normal. Norms and
noises are estimated class by class; accuracies, radii and the effect of offsets follow, and are compared with what the
rules make of the same features. Tolerances are four standard errors of both, counted and estimated.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify.case import ERRORS, FLAT, Case, Said, accuracy_checks
from ufm.certify.estimates import Estimates, collapsed_radius, gaussian_accuracy, predicted_accuracy, standard_errors
from ufm.certify.finding import NAMES, PREMISES, Finding
from ufm.certify.report import Check, Report
from ufm.certify.shifts import of_attacks, of_generalized_attacks, of_label_shift
from ufm.certify.training import NEAR
from ufm.measure.adjusted import ADJUSTMENTS, Adjustment, decisions, lent_cosines
from ufm.measure.arrays import Labels
from ufm.measure.radius import certified_radius
from ufm.measure.rules import RULES, fitting
from ufm.problems.frames import Array, Frame, dense, isotropic, orthogonal, unit

SIZES = (0.05, 0.1, 0.2)
"""Lengths of the attacks, in feature space."""

FOREIGN = (
    "half of the classes or more point away from their mean centers in training: is this the frame of these features, "
    "in its basis and seed?"
)
"""Said of features whose frame is another one, or that have not left their start."""


def _case(train: ArrayLike, train_labels: Labels, test: ArrayLike, test_labels: Labels, frame: Frame) -> Case:
    """Raises ValueError unless all fit, and theory speaks of the frame."""
    if not (unit(frame) and isotropic(frame) and orthogonal(frame)):
        raise ValueError("frame: theory speaks of unit centers, alike within a class and orthogonal between classes")
    sets = (fitting(train, frame.dim), train_labels, fitting(test, frame.dim, "test_features"), test_labels)
    for name, features, labels in (("labels", *sets[:2]), ("test_labels", *sets[2:])):
        if len(features) != len(labels):
            raise ValueError(f"{name}: {len(labels)} of them for {len(features)} features")
        if labels.min() < 0 or labels.max() >= frame.n_classes:
            raise ValueError(f"{name}: classes {labels.min()} to {labels.max()}, the frame has {frame.n_classes}")
    return Case(*sets, frame)


def decide(
    train: ArrayLike,
    train_labels: Labels,
    test: ArrayLike,
    test_labels: Labels,
    frame: Frame,
    *,
    title: str = "features",
    own: Labels | None = None,
    sizes: Sequence[float] = SIZES,
) -> Finding:
    """Hold what rules make of test features against what theory says of features with their norms and noises.

    Parameters
    ----------
    train, test : features (N, d), (M, d).
    train_labels, test_labels : integers 0 .. K - 1.
    frame : unit centers, those of different classes orthogonal.
    title : of the report.
    own : what the network's own rule makes of the test features, (M,).
    sizes : lengths of attacks in feature space.

    Returns
    -------
    Verdicts as of :func:`ufm.certify.training.confirm`: where training features are farther from their mean centers
    than NC = 0.05, what does not hold is not refuted. Accuracy with norms and noises of the *training* features asks
    whether test features are like them.

    Raises
    ------
    ValueError : features or labels that do not fit, a class without a feature, a frame that theory does not speak of.
    """
    case = _case(train, train_labels, test, test_labels, frame)
    learned = Estimates.of(case.train, train_labels, frame)
    found = Estimates.of(case.test, test_labels, frame)
    chosen = {rule: decide(case.test, frame) for rule, decide in RULES.items()}
    measured = {rule: case.by_class(given == case.test_labels) for rule, given in chosen.items()}
    radii = {rule: _radii(case, rule) for rule in RULES}
    said = Said(predicted_accuracy(frame, found.r, found.sigma), standard_errors(frame, found, case.counts))
    shift, of_shift = of_label_shift(case, learned, found, said)
    outcome = [
        *_of_accuracy(case, learned, said, measured),
        *_of_order(case, chosen),
        *_of_radius(case, learned, radii),
        *of_attacks(case, found, said, chosen, sizes),
        *of_generalized_attacks(case, found, said, radii["gcr"][1], sizes),
        *of_shift,
    ]
    checks = tuple(each for each in outcome if isinstance(each, Check))
    far = _distance(case)
    early = "" if far <= NEAR else f"training features are at NC = {far:.2g} from their mean centers, not {NEAR:g}"
    alone = [(split, k) for split, each in (("training", learned), ("test", found)) for k in each.pooled]
    notes = [f"class {k} has one {split} feature: its noise is that of the others" for split, k in alone]
    if 2 * len(_away(learned)) >= frame.n_classes:  # as many as of random directions
        notes.insert(0, FOREIGN)
    notes += [f"class {k}: test features point away from their mean center, r = 0 is taken" for k in _away(found)]
    notes += [each for each in outcome if isinstance(each, str)]
    tables = _tables(case, learned, found, said, measured, radii) | {"shift": shift}
    if own is not None:
        tables["own"] = _both(case, own)
    return Finding(Report(title, checks, tuple(notes), early), tables)


def _tables(
    case: Case,
    learned: Estimates,
    found: Estimates,
    said: Said,
    measured: Mapping[str, Array],
    radii: Mapping[str, tuple[Array, Array]],
) -> dict[str, Any]:
    """Numbers behind the verdicts."""
    frame = case.frame
    return {
        "centers": [int(count) for count in frame.counts],
        "alignment": frame.geometry.alignment,
        "rare": case.rare.tolist(),
        "nc": _distance(case),
        "train": {name: getattr(learned, name) for name in ("r", "sigma", "anisotropy", "leak")},
        "test": {name: getattr(found, name) for name in ("r", "sigma", "anisotropy", "leak")},
        "class_accuracy": measured,
        "predicted_accuracy": said.accuracy,
        "accuracy": _decomposed(case),
        "premises": {rule: _premises(case, rule, measured[rule], said.accuracy[rule]) for rule in FLAT},
        "radius": _median_radii(case, learned, radii),
    }


def _away(found: Estimates) -> list[int]:
    return np.flatnonzero(found.r < 0).tolist()


def _distance(case: Case) -> float:
    """NC of the training features: mean of |z / |z| - u|^2 over a class, in the worst class."""
    lengths = np.linalg.norm(case.train, axis=1)
    along = np.einsum("nd,nd->n", case.train, dense(case.frame.mean_directions)[case.train_labels])
    nc = 2.0 - 2.0 * along / np.where(lengths > 0, lengths, 1.0)
    counts = np.bincount(case.train_labels, minlength=case.frame.n_classes)
    return float(np.max(np.bincount(case.train_labels, nc, case.frame.n_classes) / counts))


def _both(case: Case, given: Labels) -> tuple[float, float]:
    """Accuracy in the mean over the classes, and over the rare third."""
    accuracy = case.by_class(given == case.test_labels)
    return float(accuracy.mean()), float(accuracy[case.rare].mean())


def _decomposed(case: Case) -> dict[str, dict[str, tuple[float, float]]]:
    adjustment = Adjustment.of(case.train)
    sizes = np.bincount(case.train_labels, minlength=case.frame.n_classes).tolist()
    lent = lent_cosines(sizes, case.frame)
    moved = {name: decisions(adjustment.apply(case.test, name), case.frame, lent) for name in ADJUSTMENTS}
    return {name: {rule: _both(case, given) for rule, given in found.items()} for name, found in moved.items()}


def _premises(case: Case, rule: str, measured: Array, stated: Array) -> dict[str, float]:
    """Accuracy in the mean over classes as theory has it, and as it would be with less assumed of test features."""
    given = case.scores[rule], case.test_labels, case.frame.n_classes
    by_fit = (gaussian_accuracy(*given, isotropic=each) for each in (True, False))
    return dict(zip(PREMISES, (float(each.mean()) for each in (measured, stated, *by_fit)), strict=True))


def _of_accuracy(case: Case, learned: Estimates, said: Said, measured: Mapping[str, Array]) -> Iterator[Check | str]:
    source, stated = "theory.decision.accuracy", said.accuracy
    from_training = predicted_accuracy(case.frame, learned.r, learned.sigma)
    for rule in RULES:
        name, allowed = f"{NAMES[rule]}, accuracy", ERRORS * said.errors[rule] + 1.0 / case.counts
        yield from accuracy_checks(name, source, stated[rule], measured[rule], allowed)
        mean = float(np.sqrt(np.sum(allowed**2))) / case.frame.n_classes
        right = measured[rule].mean()
        yield from accuracy_checks(f"{name}, mean over classes", source, stated[rule].mean(), right, mean)
        name = f"{name} as if test features were training features"
        yield from accuracy_checks(name, source, from_training[rule].mean(), right, mean)


def _of_order(case: Case, chosen: Mapping[str, Labels]) -> Iterator[Check]:
    """The nearest mean center is Bayes for one norm and one noise: it is not beaten but by chance."""
    right = {rule: given == case.test_labels for rule, given in chosen.items()}
    for rule in ("rcr", "gcr"):
        gain = case.by_class(right["nearest"]).mean() - case.by_class(right[rule]).mean()
        differ = case.by_class(right["nearest"] != right[rule])
        allowed = ERRORS * float(np.sqrt(np.sum(differ / case.counts))) / case.frame.n_classes
        name = f"nearest mean center minus {NAMES[rule]} >="
        yield Check.compare(name, "S1: Bayes for equal norms and noises", 0.0, gain, absolute=allowed, relation=">=")


def _radii(case: Case, rule: str) -> tuple[Array, Array]:
    """Radii of training and of test features, 0 where the decision is wrong."""
    pairs = ((case.train, case.train_labels), (case.test, case.test_labels))
    found = [(certified_radius(features, case.frame, rule), labels) for features, labels in pairs]
    train, test = (np.where(each.decision == labels, each.radius, 0.0) for each, labels in found)
    return train, test


def _by_class_median(values: Array, labels: Labels, n_classes: int) -> Array:
    return np.array([np.median(values[labels == k]) for k in range(n_classes)])


def _of_radius(case: Case, learned: Estimates, radii: Mapping[str, tuple[Array, Array]]) -> Iterator[Check | str]:
    r"""Radii of training features and at collapse: the least of F leads is :math:`\sigma \sqrt{2 \ln F}` less.

    A note, where noise allows any radius.
    """
    allowed = learned.sigma * (np.sqrt(2.0 * np.log(sum(case.frame.counts))) + 1.0) + 1e-9
    for rule in RULES:
        measured = _by_class_median(radii[rule][0], case.train_labels, case.frame.n_classes)
        stated = collapsed_radius(case.frame, rule, learned.r)
        name = f"{NAMES[rule]}, median radius of training features"
        if np.any(allowed >= stated):
            yield f"{name}: vacuous, the noise of a class is as large as its radius at collapse"
            continue
        means = "class furthest off"
        yield Check.compare(name, "theory.decision.radius", stated, measured, absolute=allowed, means=means)


def _median_radii(
    case: Case, learned: Estimates, radii: Mapping[str, tuple[Array, Array]]
) -> dict[str, dict[str, float]]:
    k = case.frame.n_classes
    return {
        rule: {
            "train": float(np.mean(_by_class_median(train, case.train_labels, k))),
            "test": float(np.mean(_by_class_median(test, case.test_labels, k))),
            "collapse": float(np.mean(collapsed_radius(case.frame, rule, learned.r))),
        }
        for rule, (train, test) in radii.items()
    }
