"""Decisions on test data that are not like training: features that are moved, and other shares of the classes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from theory.decision.accuracy import lead_accuracy
from theory.decision.covariate import attacked_lead, attacked_norm
from theory.decision.shift import log_prior, offset_accuracy
from ufm.certify.case import ERRORS, FLAT, Case, Said, accuracy_checks, allowed_error, largest_errors
from ufm.certify.design import LARGEST_RATIO, SMALLEST_RATIO, climbed_offsets
from ufm.certify.estimates import Estimates, collapsed_radius, generalized_accuracy
from ufm.certify.finding import NAMES
from ufm.certify.report import Check
from ufm.measure.arrays import Labels
from ufm.measure.rules import RULES
from ufm.measure.shifted import attacked, resampled
from ufm.problems.frames import Array


def of_attacks(
    case: Case, found: Estimates, said: Said, chosen: Mapping[str, Labels], sizes: Sequence[float]
) -> Iterator[Check | str]:
    """Accuracy that is left if every test feature that is decided right moves by a length to its nearest boundary."""
    for rule in FLAT:
        radius, right = collapsed_radius(case.frame, rule, found.r), chosen[rule] == case.test_labels
        for size in sizes:
            stated = lead_accuracy(attacked_lead(radius, size, found.sigma), case.frame.n_classes)
            moved = attacked(case.test, case.frame, size, rule)
            measured = case.by_class(right & (RULES[rule](moved, case.frame) == case.test_labels))
            allowed = allowed_error(said.errors[rule], stated, case.counts)
            name = f"{NAMES[rule]}, accuracy under attacks of {size:g}"
            yield from accuracy_checks(name, "theory.decision.covariate", stated.mean(), measured.mean(), allowed)


def of_generalized_attacks(
    case: Case, found: Estimates, said: Said, radii: Array, sizes: Sequence[float]
) -> Iterator[Check | str]:
    """Test features that are right and farther than a length from where GCR decides otherwise, and how many at least.

    Its boundaries are no planes: there is a bound, and radii in place of moves.
    """
    for size in sizes:
        norm = attacked_norm(np.maximum(found.r, 0.0), case.frame.geometry.mean, size)
        promised = generalized_accuracy(case.frame, np.maximum(norm, 0.0), found.sigma)
        stated = np.where(norm > 0.0, promised, 0.0)
        name = f"GCR, accuracy under attacks of {size:g} >="
        allowed = allowed_error(said.errors["gcr"], stated, case.counts)
        if allowed >= stated.mean():
            yield f"{name}: vacuous, the tolerance allows any accuracy"
            continue
        source, left = "theory.decision.covariate", float(case.by_class(radii > size).mean())
        yield Check.compare(name, source, float(stated.mean()), left, absolute=allowed, relation=">=")


def _priors(case: Case) -> dict[str, Array]:
    shares = np.bincount(case.train_labels, minlength=case.frame.n_classes) / len(case.train_labels)
    even = np.full(case.frame.n_classes, 1.0 / case.frame.n_classes)
    back = np.empty_like(shares)
    back[np.argsort(shares)] = np.sort(shares)[::-1]
    return {"training": shares, "balanced": even, "reversed": back}


def _best_offsets(prior: Array, known: Estimates, cosines: Array) -> Array:
    """By norms and noises. A score that is not positive is taken for one that is small beside all others, or beside
    noise.
    """
    mean = known.r * cosines
    largest = max(float(mean.max()), SMALLEST_RATIO * float(known.sigma.max()), np.finfo(float).tiny)
    mean = np.maximum(mean, largest / LARGEST_RATIO)
    return climbed_offsets(prior, log_prior(prior), mean, known.sigma)


def of_label_shift(
    case: Case, learned: Estimates, found: Estimates, said: Said
) -> tuple[list[dict[str, Any]], list[Check | str]]:
    """Accuracy on test features resampled to other priors: plain, with the best offsets by norms and noises of the
    training features, and with those by the test features', which nobody has beforehand.
    """
    rows: list[dict[str, Any]] = []
    checks: list[Check | str] = []
    for rule in FLAT:
        scores = case.scores[rule]
        cosines = case.frame.geometry.alignment if rule == "rcr" else np.ones(case.frame.n_classes)
        for name, prior in _priors(case).items():
            picked = resampled(case.test_labels, prior, seed=0)
            offsets, hindsight = (_best_offsets(prior, each, cosines) for each in (learned, found))
            labels = case.test_labels[picked]
            both = {"": 0.0 * offsets, " with offsets": offsets}
            given = [np.argmax(scores[picked] + b, axis=1) for b in both.values()]
            right = [each == labels for each in given]
            plain, moved = (float(np.mean(each)) for each in right)
            mean = np.maximum(found.r, 0.0) * cosines
            stated = [offset_accuracy(mean, found.sigma, b) for b in both.values()]
            expected, moved_expected = (float(prior @ each) for each in stated)
            for words, each, share in zip(both, stated, (plain, moved), strict=True):
                drawn = 0.25 / len(picked)
                spread = np.sum((prior * largest_errors(said.errors[rule], each, case.counts)) ** 2) + drawn
                title, allowed = f"{NAMES[rule]}{words}, accuracy, prior {name}", ERRORS * float(np.sqrt(spread))
                checks += accuracy_checks(title, "theory.decision.shift", float(prior @ each), share, allowed)
            rows.append(
                {
                    "prior": name,
                    "rule": rule,
                    "accuracy": plain,
                    "predicted": expected,
                    "offsets": moved,
                    "offsets_predicted": moved_expected,
                    "added": offsets - offsets.mean(),  # what is added to them, by class
                    "hindsight": float(np.mean(np.argmax(scores[picked] + hindsight, axis=1) == labels)),
                }
            )
            gain = f"{NAMES[rule]}, offsets of training features, prior {name}: gain >="
            if np.array_equal(*given):
                checks.append(f"{gain}: vacuous, offsets change no decision")
                continue
            allowed = ERRORS * float(np.sqrt(np.mean(right[0] != right[1]) / len(picked)))
            checks.append(
                Check.compare(gain, "theory.decision.shift", 0.0, moved - plain, absolute=allowed, relation=">=")
            )
    return rows, checks
