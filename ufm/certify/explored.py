"""What theory says over a grid of designs, for a page on which sliders choose among them: computed here, once."""

import functools
import itertools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.decision import radius, together
from theory.multicenter.flows import clock_to_nc, nc_rate
from theory.multicenter.geometry import Array, center_cosine, classifier_cosine
from theory.multicenter.sharing import shared_rate
from ufm.certify.design import RULES
from ufm.files import memory
from ufm.files.bars import tqdm
from ufm.problems.presets import spend

if TYPE_CHECKING:
    import xarray

START, END, LEVELS = 2.0, 1e-10, 25
"""NC of a feature that knows nothing of its class, NC at which collapse is taken to be over, and levels in between."""

BY_DESIGN = ("allocation", "f", "theta")


def explored(
    sizes: Sequence[int],
    allocations: Sequence[str],
    f: Sequence[int],
    theta: Sequence[float],
    ratio: Sequence[float],
    *,
    progress: bool = False,
) -> "xarray.Dataset":
    """Centers, angles, rates, collapse, radii and accuracies of every design.

    Parameters
    ----------
    sizes : n_k of K classes.
    allocations : ways to spend the centers, keys of :data:`ufm.problems.presets.CENTERS`.
    f : mean numbers of centers per class.
    theta : angles of the frame, radians.
    ratio : r / sigma of test features, > 0: the norm of their mean over the noise in each direction.
    progress : show a bar.

    Returns
    -------
    A Dataset with dimensions allocation, f, theta and, where they matter, class, level (of NC), rule and ratio:
    ``centers``; ``angle`` of mean center and classifier vector, degrees; ``rate`` of collapse and ``clock``, the time
    to each level from NC = 2 without a part in the differences of centers, both in clock time with weights
    cos alpha_k; ``speed``, the rate per step of the slowest class, as `ufm design` has it; ``radius``,
    the least distance from a mean center to a boundary over r; ``accuracy`` on collapsed test features of each class.

    Raises
    ------
    ValueError : numbers out of range, or more than a week of work.
    """
    import xarray

    designs = list(itertools.product(enumerate(allocations), enumerate(f), enumerate(theta)))
    shape = (len(allocations), len(f), len(theta))
    found: dict[str, Any] = {}
    for count, ((a, way), (i, mean), (j, angle)) in enumerate(tqdm(designs, unit="design", disable=not progress)):
        values = _design(np.asarray(spend(way, tuple(sizes), mean, angle)), angle, ratio)
        for name, (dims, value) in values.items():
            found.setdefault(name, ((*BY_DESIGN, *dims), np.empty((*shape, *np.shape(value)))))[1][a, i, j] = value
        if count == 0:
            _announce(len(designs), sizes, allocations[0], f[len(f) // 2], theta[len(theta) // 2], ratio)
    coordinates = {"allocation": list(allocations), "f": list(f), "theta": list(theta), "ratio": list(ratio)}
    by_class = {"class_size": ("class", np.asarray(sizes))}
    return xarray.Dataset(found, {**coordinates, **by_class, "rule": list(RULES), "level": levels()})


def levels() -> Array:
    """NC at which the clock is read, from :data:`START` down to :data:`END`."""
    return np.geomspace(START, END, LEVELS)


def _announce(count: int, sizes: Sequence[int], way: str, mean: int, angle: float, ratio: Sequence[float]) -> None:
    """Say how long it will take, by one of middle f and theta: costs rise with f."""
    began = time.perf_counter()
    _design(np.asarray(spend(way, tuple(sizes), mean, angle)), angle, ratio)
    memory.require_time(
        count * (time.perf_counter() - began), f"a page of {count} designs", "take fewer --f or --theta"
    )


def _design(centers: Any, theta: float, ratio: Sequence[float]) -> dict[str, tuple[tuple[str, ...], Array]]:
    """All numbers of one design, with their further dimensions; classes with equally many centers are computed once."""
    counts, place, copies = np.unique(centers, return_inverse=True, return_counts=True)
    skew = classifier_cosine(counts, theta)
    weights = center_cosine(counts, theta)
    clocks = np.array([_clock(int(n), theta, float(beta)) for n, beta in zip(counts, weights, strict=True)])
    accuracy = np.array([_accuracies(counts, theta, 1.0 / each, copies.astype(np.float64)) for each in ratio])
    reach = (np.atleast_1d(radius.nmc_radius()), radius.rcr_radius(counts, theta), radius.gcr_radius(counts, theta))
    return {
        "centers": (("class",), centers),
        "angle": (("class",), np.degrees(np.arccos(np.minimum(skew, 1.0)))[place]),
        "rate": (("class",), nc_rate(counts, theta, weights)[place]),
        "speed": ((), shared_rate(counts, theta, weights).min()),
        "clock": (("class", "level"), clocks[place]),
        "radius": (("rule",), np.array([each.min() for each in reach])),
        "accuracy": (("ratio", "rule", "class"), accuracy[:, :, place]),
    }


@functools.lru_cache(10_000)
def _clock(count: int, theta: float, beta: float) -> Array:
    """Clock time to each of :func:`levels`, (LEVELS,)."""
    return np.array([clock_to_nc(level, START, count, theta, beta) for level in levels()])


def _accuracies(counts: Array, theta: float, noise: float, copies: Array) -> Array:
    """Of each rule on each kind of class, (3, G), without offsets."""
    none = np.zeros(counts.size)
    linear = [
        together.offset_accuracies(mean, noise, none, copies)
        for mean in (np.ones(counts.size), classifier_cosine(counts, theta))
    ]
    return np.stack([*linear, together.gcr_accuracies(counts, theta, 1.0 / noise, copies)])
