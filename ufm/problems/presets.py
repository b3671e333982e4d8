"""Named problems: the data sets of the paper as class sizes, with its f = 20 and theta = 0.2."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from theory.multicenter.centers import apportioned, class_aware, margin_centers
from theory.multicenter.geometry import minimum_dimension
from ufm.files.text import suggestion
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.sizes import long_tailed_sizes

BATCH_SIZE, PENALTY = 128, 6e-4
"""The paper sums over a batch and penalises 6e-4 (|h| - 1)^2; per sample mean that is lam = 128 * 6e-4."""

DECAY = 5e-4
"""The paper's regularisation of P per sample mean; lam_h = DECAY / N in the scaling of P."""


@dataclass(frozen=True)
class Preset:
    """A data set seen through its class sizes."""

    n_classes: int
    n_max: int
    tau: float
    f: int
    dim: int
    """Feature dimension; raised to F + K where that is larger."""
    about: str


PRESETS: dict[str, Preset] = {
    "toy": Preset(4, 100, 0.1, 5, 32, "four classes, done in a blink"),
    "cifar10-lt": Preset(10, 5000, 0.01, 20, 512, "CIFAR-10-LT"),
    "cifar100-lt": Preset(100, 500, 0.01, 20, 2200, "CIFAR-100-LT"),
    "svhn-lt": Preset(10, 1000, 0.01, 20, 512, "SVHN-LT, 1,000 images in the largest class"),
    "stl10-lt": Preset(10, 500, 0.01, 20, 512, "STL-10-LT"),
    "imagenet-lt": Preset(
        1000, 1280, 5 / 1280, 20, 21000, "1,000 classes from 1,280 to 5 (geometric, not the published list)"
    ),
}

CENTERS: dict[str, Callable[[tuple[int, ...], int, float], tuple[int, ...]]] = {
    "class-aware": lambda sizes, f, theta: class_aware(sizes, f),
    "apportioned": lambda sizes, f, theta: apportioned(sizes, f),
    "margins": margin_centers,
    "uniform": lambda sizes, f, theta: (f,) * len(sizes),
}
"""Ways to spend f centers per class: CAL's strategy, its monotone repair, LDAM's margins at theta, and AL."""


def preset(
    name: str,
    *,
    tau: float | None = None,
    loss: Literal["cosine", "mse"] = "cosine",
    centers: str = "class-aware",
    **overrides: Any,
) -> MultiCenterProblem:
    """A named problem.

    Parameters
    ----------
    name : key of :data:`PRESETS`.
    tau : imbalance ratio n_min / n_max in (0, 1]; the preset's own if left out.
    loss : "cosine" with the paper's weights and penalty, or "mse" (P) with its regularisation.
    centers : key of :data:`CENTERS`.
    overrides : any field of :class:`ufm.Problem`.

    Raises
    ------
    ValueError : an unknown name (the nearest is suggested), or values that Problem refuses.

    Examples
    --------
    >>> preset("cifar10-lt").centers
    (2, 3, 4, 5, 7, 11, 17, 28, 46, 77)
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} is unknown{suggestion(name, PRESETS)}")
    chosen = PRESETS[name]
    sizes = long_tailed_sizes(chosen.n_classes, chosen.n_max, chosen.tau if tau is None else tau)
    theta = overrides.get("theta", 0.2)
    counts = spend(centers, sizes, chosen.f, theta)
    weights: Mapping[str, float] = (
        {"lam": BATCH_SIZE * PENALTY} if loss == "cosine" else {"lam_h": DECAY / sum(sizes), "lam_w": DECAY}
    )
    fields: dict[str, Any] = {
        "class_sizes": sizes,
        "centers": counts,
        "theta": theta,
        "dim": max(chosen.dim, minimum_dimension(counts)),
        "loss": loss,
        **weights,
        **overrides,
    }
    return Problem(**fields)


def spend(rule: str, sizes: tuple[int, ...], f: int, theta: float) -> tuple[int, ...]:
    """Centers per class by a named rule. Raises ValueError for an unknown one."""
    if rule not in CENTERS:
        raise ValueError(f"centers {rule!r} is unknown{suggestion(rule, CENTERS)}")
    return CENTERS[rule](sizes, f, theta)
