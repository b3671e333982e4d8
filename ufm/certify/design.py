"""What theory says of designs before anything is trained: how many centers, at which angle, for whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ufm.certify.predict import predict
from ufm.problems.kinds import CosineProblem
from ufm.problems.presets import spend


@dataclass(frozen=True)
class Design:
    """Centers and angle for some class sizes, and what follows.

    Attributes
    ----------
    rule, f, theta : how centers are spent, their mean number per class, the angle in radians.
    centers : per class, (K,).
    rate : collapse rate of the slowest class, per clock time (:func:`theory.multicenter.flows.nc_rate`, weights
        cos alpha_k); 0 if some class collapses algebraically.
    angle : largest angle between a classifier vector and the mean center of its class, degrees.
    gain : what GCR gains over RCR on hard-to-predict features that come from class k in proportion to 1 / n_k, in this
        frame (:func:`theory.decision.hard.frame_choice`).
    dim : dimension that the frame needs.
    pareto : whether no other design is at least as good in all four and better in one.
    """

    rule: str
    f: int
    theta: float
    centers: tuple[int, ...]
    rate: float
    angle: float
    gain: float
    dim: int
    pareto: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "centers": list(self.centers)}


CRITERIA: Mapping[str, Callable[[Design], float]] = {
    "rate": lambda design: -design.rate,
    "angle": lambda design: design.angle,
    "gain": lambda design: -design.gain,
    "dim": lambda design: float(design.dim),
}
"""What a design is judged by, each as a number that should be small."""


def evaluate(rule: str, f: int, theta: float, class_sizes: tuple[int, ...]) -> Design:
    """One design. Raises ValueError for an unknown rule, or numbers out of range."""
    problem = CosineProblem(class_sizes, spend(rule, class_sizes, f, theta), theta)
    end = predict(problem)
    inverse = 1.0 / np.asarray(class_sizes, dtype=np.float64)
    return Design(
        rule,
        f,
        theta,
        problem.centers,
        rate=float(end.rate.min()),
        angle=float(np.degrees(np.arccos(end.classifier_cosine).max())),
        gain=round(end.frame_gain(inverse / inverse.sum()), 12) + 0.0,
        dim=problem.dim,
    )


def rank(designs: Sequence[Design], by: str | None = None) -> list[Design]:
    """Best first, with the Pareto-optimal ones marked.

    by : a key of :data:`CRITERIA`; without one, by the mean of the ranks in all four (ties share the mean rank).
    """
    from scipy.stats import rankdata

    scores = np.array([[score(design) for score in CRITERIA.values()] for design in designs]).reshape(-1, len(CRITERIA))
    scores = np.round(scores, 12)  # equal centers by different rules are equally good
    ranks = np.apply_along_axis(rankdata, 0, scores) if designs else scores
    chosen = ranks.mean(axis=1) if by is None else ranks[:, list(CRITERIA).index(by)]
    marked = []
    for design, own in zip(designs, scores, strict=True):
        better = np.all(scores <= own, axis=1) & np.any(scores < own, axis=1)
        marked.append(replace(design, pareto=not better.any()))
    return [marked[i] for i in np.lexsort((ranks.mean(axis=1), chosen))]


def tradeoffs(designs: Sequence[Design]) -> list[str]:
    """What is paid for what among these designs, in sentences with their numbers."""
    best = {name: min(designs, key=score) for name, score in CRITERIA.items()}

    def shown(design: Design) -> str:
        return f"{design.rule}, f = {design.f}, theta = {design.theta:g}"

    fast, close, large = best["rate"], best["angle"], best["gain"]
    lines = [
        f"Fastest: {shown(fast)}: rate {fast.rate:.3g} of the slowest class, in {fast.dim} dimensions."
        if fast.rate > 0.0
        else "Fastest: none, some class of each collapses algebraically.",
        f"Closest to its classifier: {shown(close)}: {close.angle:.1f} degrees, gain {100 * close.gain:+.1f} points.",
        f"Largest gain of GCR: {shown(large)}: {100 * large.gain:+.1f} points, at {large.angle:.1f} degrees."
        if large.gain > 0.0
        else "Largest gain of GCR: none.",
    ]
    if stuck := list(dict.fromkeys(shown(design) for design in designs if design.rate == 0.0)):
        more = f" and {len(stuck) - 3} more" if len(stuck) > 3 else ""
        lines.append(f"Some class collapses algebraically, as its centers coincide: {'; '.join(stuck[:3])}{more}.")
    if any(design.gain for design in designs):
        lines.append(
            "Centers given to rare classes raise the gain; the classes they are taken from collapse more slowly and "
            "turn away from their classifiers (cos rho grows with sqrt(f_k) tan theta). A larger theta turns all of "
            "them back, and costs gain. Every center costs a dimension."
        )
    return lines
