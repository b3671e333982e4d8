"""``ufm design``: how many centers, at which angle, for whom, decided by which rule, from theory alone."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from tqdm import tqdm

from theory.decision.few_samples import break_even
from theory.multicenter.geometry import minimum_dimension
from ufm.certify.design import (
    CRITERIA,
    RULES,
    Design,
    Setting,
    angles,
    costs,
    estimated_sigma,
    evaluate,
    hard_gain,
    offsets,
    rank,
)
from ufm.commands.flags import PICTURES, SizeFlags, check_file
from ufm.files import store
from ufm.files.arrays import read, read_labels, split
from ufm.files.process import OK, interactive
from ufm.files.text import columns, require_known
from ufm.problems.build import numbers
from ufm.problems.presets import CENTERS, spend


@dataclass
class Command(SizeFlags):
    """Recommend centers, angle, rule of decision and offsets by what theory says of them; nothing is trained.

    Rules: nmc, the nearest mean center; rcr, the nearest classifier vector; gcr, the nearest center. Under the prior of
    the test, nmc with its offsets is the Bayes rule of collapsed features, so that f and theta do not matter to its
    accuracy; they do to speed, dimension, and the other rules. "behind" is what a design costs against the best in what
    you ask for. An asterisk marks designs that none is at least as good as in accuracy, rare, radius, rate and
    dimension, and better in one; all others are dominated, and the table says so.

    This is advice for the collapsed end: features r u_k + sigma g, one r and one sigma for all classes. Networks may be
    far from it: on CIFAR-10-LT (one seed) theta = .7 did not beat .2, and features after batch normalisation decided
    better than raw ones. `ufm measure` says how far your features are.

    Example: ufm design --class-sizes 500,120,30,5

    Example: ufm design --preset cifar100-lt --dim 2300 --for rare

    Example: ufm design --preset cifar10-lt --prior training --sigma 0.25 --rules rcr gcr

    Example: ufm design --features h.npy --labels y.npy --for speed --picture design.png
    """

    features: str | None = None
    """File with features (N, d) as `ufm measure` reads them: sigma is estimated from these and --labels."""
    sigma: float | None = None
    """Noise of test features in each direction, over the norm of their mean, > 0 (default: 1/3; nine of ten right among
    ten classes)."""
    prior: str = "balanced"
    """How often classes come in the test: balanced, training (as the class sizes), or a list "0.5,0.3,0.2"."""
    goal: Annotated[Literal["accuracy", "rare", "robustness", "speed"], tyro.conf.arg(name="for")] = "accuracy"
    """What to rank by: accuracy over the prior; that of the classes with the fewest samples; the least distance to a
    boundary; the collapse rate of the slowest class."""
    dim: int | None = None
    """Feature dimension at hand: designs that need more are left out."""
    f: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """Mean numbers of centers per class to consider."""
    theta: tuple[float, ...] = ()
    """Angles to consider, radians in [0, pi/2] (default: 0.2, 0.8, and those of fastest collapse for each f)."""
    centers: tuple[str, ...] = tuple(CENTERS)
    """Ways to spend the centers: class-aware, apportioned, margins (those of LDAM under RCR), uniform."""
    rules: tuple[str, ...] = RULES
    """Rules of decision to consider: nmc, rcr, gcr."""
    top: int = 8
    """Designs that are shown."""
    picture: Path | None = None
    """Draw all designs into this file, .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout, with all designs."""

    def run(self) -> int:
        """Evaluate, rank, explain."""
        check_file(self.picture, "picture", PICTURES)
        setting = self._setting()
        found = self._designs(setting)
        ranked = rank(found, self.goal)
        if self.picture is not None:
            from figures import style
            from figures.commands.design import design_figure

            style.save_figure(design_figure(ranked, self.goal), self.picture)
        print(store.to_json(plain(ranked, setting)) if self.json else report(ranked, setting, self.goal, self.top))
        return OK

    def _setting(self) -> Setting:
        """What is given. Raises ValueError or OSError."""
        if self.features is not None and self.labels is None:
            raise ValueError("--features needs --labels, the class of each of them")
        if self.features is not None and self.sigma is not None:
            raise ValueError("give one of --features, which sigma is estimated from, and --sigma")
        sizes, sigma = self.sizes(), 1.0 / 3.0 if self.sigma is None else self.sigma
        if self.features is not None and self.labels is not None:
            same = split(self.labels)[0] == split(self.features)[0]
            h = read(self.features, without=[split(self.labels)[1]] if same else ())
            sigma = estimated_sigma(h, read_labels(self.labels))
        return Setting(sizes, prior_of(self.prior, sizes), sigma)

    def _designs(self, setting: Setting) -> list[Design]:
        """All that fit. Raises ValueError where none does."""
        for name, known in (("f", ()), ("centers", CENTERS), ("rules", RULES)):
            if not (values := getattr(self, name)):
                raise ValueError(f"{name} is empty: nothing to choose from")
            for value in values if known else ():
                require_known(value, known, f"{name} {value!r} is unknown")
        if self.top < 1:
            raise ValueError(f"top={self.top} must be at least 1")
        choices: dict[Any, tuple[str, int, float]] = {}
        for way, f in itertools.product(self.centers, self.f):
            for theta in self.theta or angles(f):
                counts = spend(way, setting.sizes, f, theta)
                choices.setdefault((counts, theta if max(counts) > 1 else None), (way, f, theta))
        fitting = [each for (counts, _), each in choices.items() if self.dim is None or _needs(counts) <= self.dim]
        if not fitting:
            least = min(_needs(counts) for counts, _ in choices)
            raise ValueError(f"dim={self.dim} is less than any of these designs needs: the smallest takes {least}")
        bar = tqdm(fitting, unit="design", disable=not interactive())
        found = [design for way, f, theta in bar for design in evaluate(way, f, theta, setting)]
        return [design for design in found if design.rule in self.rules or max(design.centers) == 1]


def _needs(counts: Sequence[int]) -> int:
    return minimum_dimension(counts)


def prior_of(text: str, sizes: Sequence[int]) -> tuple[float, ...]:
    """The prior of ``--prior``. Raises ValueError."""
    if text == "balanced":
        return (1.0 / len(sizes),) * len(sizes)
    if text == "training":
        return tuple(n / sum(sizes) for n in sizes)
    try:
        values = numbers("prior", text, float)
    except ValueError:
        raise ValueError(f"prior={text!r} is neither balanced, training nor a list like 0.5,0.3,0.2") from None
    return tuple(values) if isinstance(values, list) else (values,)


def plain(ranked: Sequence[Design], setting: Setting) -> dict[str, Any]:
    """Plain values of all designs, with what they cost, and the offsets of the first."""
    best, leaders = ranked[0], [min(ranked, key=score) for score in CRITERIA.values()]
    return {
        "sigma": setting.sigma,
        "prior": list(setting.prior),
        "recommended": {**best.to_dict(), "offsets": offsets(best, setting).tolist(), "gain": hard_gain(best, setting)},
        "designs": [{**design.to_dict(), "costs": costs(design, leaders)} for design in ranked],
    }


SHOWN: Mapping[str, Callable[[Design], str]] = {
    "accuracy": lambda design: f"{100 * design.accuracy:.1f}%",
    "rare": lambda design: f"{100 * design.rare:.1f}%",
    "robustness": lambda design: f"{design.radius:.3f} r",
    "speed": lambda design: f"{design.rate:.3g}" if design.rate else "0, algebraic",
    "dim": lambda design: f"{design.dim}",
}
"""How a design's number is written, by criterion."""


def behind(design: Design, ranked: Sequence[Design], name: str) -> str:
    """What a design costs against the best by one criterion."""
    cost = costs(design, ranked)[name]
    if name in ("accuracy", "rare"):
        return f"{100 * cost:.1f} points"
    return (f"{cost:.0f}" if name == "dim" else f"{cost:.3g}") + {
        "robustness": " r",
        "speed": " of rate",
        "dim": " dimensions",
    }[name]


def report(ranked: Sequence[Design], setting: Setting, goal: str, top: int) -> str:
    """For people: what is recommended, what it costs, and the table."""
    best, b = ranked[0], offsets(ranked[0], setting)
    head = ("", "rule", "centers", "f", "theta", *SHOWN, "behind")
    rows = [
        (
            *("*" if design.pareto else "dominated", design.decision, design.allocation, f"{design.f}"),
            *(f"{design.theta:.3g}", *(show(design) for show in SHOWN.values()), behind(design, ranked, goal)),
        )
        for design in ranked[:top]
    ]
    lines = [
        f"For {goal}, with sigma = {setting.sigma:.3g} r: {best}.",
        f"  centers    {brief(best.centers)}",
        f"  offsets    {brief([f'{x:+.3g}' for x in b]) if best.offset else 'none'}",
    ]
    for name in SHOWN:
        leader = rank(ranked, name)[0]
        if round(costs(best, ranked)[name], 4) > 0:
            lines.append(f"  {name:10} {behind(best, ranked, name)} behind {SHOWN[name](leader)} of {leader}")
    return "\n".join([*lines, "", *columns([head, *rows]), "", *remarks(best, setting)])


def remarks(best: Design, setting: Setting) -> list[str]:
    """What the numbers do not say."""
    few = float(break_even(max(setting.sizes), np.sqrt(2.0), setting.noise, best.dim))
    gain = round(100 * hard_gain(best, setting), 1) + 0.0  # not -0
    lines = [f"GCR gains {gain:.1f} points over RCR on features close to no class."]
    if min(setting.sizes) < few:
        lines.append(f"With class means learned from samples, in place of the frame's, classes of < {few:.2g} lose.")
    return [*lines, "All of this is about collapsed features; trained networks may be far from them (see --help)."]


def brief(values: Sequence[Any]) -> str:
    """A few values, or the first and the last."""
    return ", ".join(map(str, values)) if len(values) <= 12 else f"{values[0]} ... {values[-1]}"
