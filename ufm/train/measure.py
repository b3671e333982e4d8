"""Collapse and accuracy of a network, on training and test images."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ufm.measure import metrics
from ufm.measure.network import measure
from ufm.measure.rules import RULES
from ufm.problems.frames import Frame, dense
from ufm.train.data import Split
from ufm.train.learner import Learner
from ufm.train.progress import Diverged
from ufm.train.record import PER_CLASS as RECORDED_BY_CLASS
from ufm.train.record import PER_SPLIT, SHOWN

PER_CLASS = 500
"""Images of a class whose features are measured (accuracy uses all test images and these training images)."""

RECORDED = {name: name for name in (*PER_SPLIT, *RECORDED_BY_CLASS) if name != "without_direction"} | {
    "norm_mean": "feature_norm",
    "nearest_mean_agreement": "nc4_agreement",
}
"""What records have of collapse, and what :func:`ufm.measure` calls it."""

NUMBERS = 1 << 27
"""Features are measured in float64: at most this many numbers (1 GiB), with fewer images per class if need be."""


@dataclass(frozen=True)
class Sample:
    """Images of a split that are looked at: ``indices`` for accuracy, and of those ``measured`` for collapse."""

    split: Split
    indices: torch.Tensor
    measured: NDArray[np.bool_]

    @classmethod
    def choose(cls, split: Split, n_classes: int, dim: int, *, everything: bool) -> "Sample":
        """The first PER_CLASS images of each class are measured; the others count for accuracy if ``everything``."""
        labels = split.labels.numpy()
        limit = max(1, min(PER_CLASS, NUMBERS // (n_classes * dim)))
        measured = np.zeros(len(labels), dtype=bool)
        for k in range(n_classes):
            measured[np.flatnonzero(labels == k)[:limit]] = True
        chosen = np.arange(len(labels)) if everything else np.flatnonzero(measured)
        return cls(split, torch.from_numpy(chosen), measured[chosen])


def evaluate(learner: Learner, sample: Sample, batch_size: int) -> dict[str, Any]:
    """Everything that one epoch records of one split.

    Returns
    -------
    A dict of numbers and arrays: ``hits`` by rule (K,), ``counts`` (K,), ``without_direction``, and, unless a class has
    no feature with a direction, the measures in :data:`RECORDED` and the Gram matrices ``gram`` of class means and
    ``class_gram`` of features of the smallest class.

    Raises
    ------
    Diverged : a feature is not finite.
    """
    n_classes = learner.n_classes
    labels = sample.split.labels[sample.indices].numpy()
    decided: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
    kept: list[NDArray[np.float32]] = []
    masks = torch.split(torch.from_numpy(sample.measured), batch_size)
    stream = sample.split.stream(torch.split(sample.indices, batch_size))
    with learner.evaluating() as decide:
        for (images, _), mask in zip(stream, masks, strict=True):
            features = learner.features(images)
            vectors = learner.method.geometry(features).float().cpu().numpy()
            if not np.isfinite(vectors).all():
                raise Diverged("features are not finite")
            for name, classes in decide(features).items():
                decided[name].append(classes.cpu().numpy())
            if learner.has_frame:
                frame = learner.method.frame(np.empty(0))
                for name, rule in RULES.items():
                    decided[name].append(rule(vectors, frame))
            kept.append(vectors[mask.numpy()])
    hits = {
        name: np.bincount(labels[np.concatenate(answers) == labels], minlength=n_classes)
        for name, answers in decided.items()
    }
    counts = np.bincount(labels, minlength=n_classes)
    return {"hits": hits, "counts": counts, **_collapse(learner, np.concatenate(kept), labels[sample.measured])}


def row_sum(learner: Learner) -> dict[str, Any]:
    """What NC0 is a law of, by :data:`ufm.train.record.ROWS`; nothing for methods that it does not speak of."""
    if not learner.has_sum:
        return {}
    rows = learner.method.classifier_rows().detach().cpu().double()
    return {"row_sum": rows.sum(0).numpy(), "row_size": rows.norm().item()}


def _collapse(learner: Learner, features: NDArray[Any], labels: NDArray[np.int64]) -> Mapping[str, Any]:
    directed = np.linalg.norm(features, axis=1) > 0
    features, labels = features[directed].astype(np.float64), labels[directed]
    present = np.bincount(labels, minlength=learner.n_classes)
    without = int(np.count_nonzero(~directed))
    if present.min() == 0:
        return {"without_direction": without}
    means = metrics.class_means(features, labels)
    frame: Frame = learner.method.frame(means)
    measured = measure(features, labels, dense(frame.classifier), frame=frame)
    shown = np.linspace(0, len(means) - 1, min(SHOWN, len(means))).round().astype(int)
    smallest = features[labels == learner.smallest][:SHOWN]
    return {
        "without_direction": without,
        **{name: measured.get(measure_name, np.nan) for name, measure_name in RECORDED.items()},
        "gram": metrics.gram(means[shown]),
        "class_gram": metrics.gram(smallest),
    }
