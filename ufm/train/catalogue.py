"""The methods by name, and what the rest of the trainer must know of each before any tensor exists."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ufm.files.text import require_known


@dataclass(frozen=True)
class MethodSpec:
    """One method."""

    about: str
    loss: Literal["cosine", "mse"] | None = None
    """Loss on a multi-center frame, and so the problem of the unconstrained-feature model that the method follows."""
    centers: str = "class-aware"
    """Rule of :data:`ufm.problems.presets.CENTERS`."""
    weights: str | None = None
    """Rule of centers whose f_k c_k the weights of a class add up to over its own centers, f_k beta_k; None for the
    paper's beta_k = c_k."""
    hyper: Mapping[str, float] = field(default_factory=dict)
    """Hyperparameters of its own, with their published values."""
    stages: tuple[str, str] | None = None
    """Methods of the first and the second part of the training."""
    trained_as: str | None = None
    """Method whose training it shares: they differ in how a class is read off the features, and in nothing before."""
    simplex: bool = False
    """Whether one direction per class is fixed, up to a rotation, as the vertices of a simplex."""
    no_sum: str = ""
    """Why the sum of the rows of its learned classifier obeys no law of its own (:mod:`ufm.certify.nc0`), if so."""

    @property
    def exempt(self) -> str:
        """Why NC0 does not speak of it; empty for losses whose gradients by the logits always add up to 0."""
        return self.no_sum or ("its classifier is fixed" if self.loss or self.simplex else "")

    @property
    def target(self) -> str:
        """What features collapse to, in words: NC is the distance to it."""
        return (
            "the mean center" if self.loss else "the vertices of the simplex" if self.simplex else "the own class mean"
        )


@dataclass(frozen=True)
class Range:
    """What a hyperparameter may be."""

    lowest: float = 0.0
    highest: float = math.inf
    integer: bool = False
    inside: bool = False
    """Whether the ends are left out."""

    def require(self, name: str, value: float) -> None:
        """Raise ValueError for a value that is outside."""
        at_end = self.inside and value in (self.lowest, self.highest)
        if at_end or not self.lowest <= value <= self.highest or (self.integer and value % 1):
            kind = "an integer" if self.integer else "a number"
            between = f"between {self.lowest:g} and {self.highest:g}" + " and neither" * self.inside
            raise ValueError(f"hyper {name}={value:.15g} must be {kind} {between}")


HYPER: dict[str, Range] = {
    "strength": Range(),
    "margin": Range(),
    "scale": Range(inside=True),
    "beta": Range(0.0, 1.0 - 1e-12),
    "defer": Range(0.0, 1.0),
    "positives": Range(0, 2**20, integer=True),
    "temperature": Range(inside=True),
    "momentum": Range(0.0, 1.0),
    "queue": Range(1, 2**20, integer=True),
    "projection": Range(1, 2**16, integer=True),
    "stage": Range(0.0, 1.0),
    "centers": Range(1, 2**16, integer=True),
    "angle": Range(0.0, math.pi / 2),
}
"""Hyperparameters by name, whatever the method."""


ROTATED = "its classifier is a rotated simplex, whose rows always add up to 0"

METHODS: dict[str, MethodSpec] = {
    "CE": MethodSpec("cross-entropy, learned linear classifier with bias"),
    "CE+LA": MethodSpec(
        "cross-entropy, logit adjustment after training (Menon et al. 2021)", hyper={"strength": 1.0}, trained_as="CE"
    ),
    "LA": MethodSpec("logit-adjusted cross-entropy (Menon et al. 2021)", hyper={"strength": 1.0}),
    "BalancedSoftmax": MethodSpec(
        "Balanced Softmax (Ren et al. 2020): LA of strength 1, ARB with counts of the training set", trained_as="LA"
    ),
    "LDAM-DRW": MethodSpec(
        "margins for rare classes, deferred re-weighting (Cao et al. 2019)",
        hyper={"margin": 0.5, "scale": 30.0, "beta": 0.9999, "defer": 0.8},
        no_sum="it divides rows by their lengths, and only gradients by the quotients add up to 0",
    ),
    "ARB": MethodSpec("attraction-repulsion-balanced loss, counts of the batch (Xie et al. 2023)"),
    "ETF-CE": MethodSpec(
        "cross-entropy with a weight and a temperature per class: in theory a simplex under any imbalance (ours)"
    ),
    "CE-weighted": MethodSpec(
        "cross-entropy with the weight that CAL gives each class (ours)", hyper={"centers": 20, "angle": 0.2}
    ),
    "KCL": MethodSpec(
        "k-positive contrastive learning, then a linear classifier (Kang et al. 2021)",
        hyper={
            "positives": 6,
            "temperature": 0.07,
            "momentum": 0.999,
            "queue": 4096,
            "projection": 128,
            "stage": 0.8,
        },
        no_sum="its classifier is trained in the second stage only",
    ),
    "SETF": MethodSpec("fixed simplex ETF, dot-regression loss (Yang et al. 2022)", simplex=True),
    "RBL": MethodSpec(
        "learned rotation of a fixed simplex, cross-entropy (Gao et al. 2023)", simplex=True, no_sum=ROTATED
    ),
    "RBL+PLA": MethodSpec(
        "RBL with logit adjustment after training",
        hyper={"strength": 1.0},
        trained_as="RBL",
        simplex=True,
        no_sum=ROTATED,
    ),
    "P": MethodSpec("mean squared error on a fixed multi-center frame (the paper's problem P)", "mse"),
    "AL": MethodSpec("cosine loss, the same number of centers for every class", "cosine", "uniform"),
    "AL-weighted": MethodSpec(
        "AL with the weight that CAL gives each class (ours)", "cosine", "uniform", "class-aware"
    ),
    "CAL": MethodSpec("cosine loss, class-aware centers: rare classes get more", "cosine"),
    "CAL-apportioned": MethodSpec("CAL with centers by Huntington-Hill apportionment", "cosine", "apportioned"),
    "CAL-theta": MethodSpec("CAL with an angle per class, so that all classifiers are equally skewed", "cosine"),
    "CAL+LA": MethodSpec(
        "CAL with logit adjustment after training", "cosine", hyper={"strength": 1.0, "scale": 30.0}, trained_as="CAL"
    ),
    "CAL+GCR": MethodSpec("CAL with the generalized classification rule at test time", "cosine", trained_as="CAL"),
    "CE-CAL": MethodSpec(
        "cross-entropy first, CAL later",
        "cosine",
        hyper={"defer": 0.5},
        stages=("CE", "CAL"),
        no_sum="its learned classifier is that of the first stage only",
    ),
    "AL-CAL": MethodSpec("AL first, CAL later", "cosine", hyper={"defer": 0.5}, stages=("AL", "CAL")),
}


def method_spec(name: str) -> MethodSpec:
    """The method of that name. Raises ValueError for an unknown one."""
    require_known(name, METHODS, f"method={name!r} is unknown")
    return METHODS[name]
