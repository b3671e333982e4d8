"""``ufm design``: how many centers, at which angle, for whom, decided by which rule, from theory alone."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from theory.decision.few_samples import break_even
from theory.multicenter.centers import exact_margin_centers
from theory.multicenter.geometry import minimum_dimension
from ufm.certify.design import (
    CRITERIA,
    LARGEST_SEARCH,
    RULES,
    SEARCHED,
    Design,
    Setting,
    affordable,
    angles,
    costs,
    decides_as,
    evaluate,
    favouring_rarest,
    hard_gain,
    is_bayes,
    rank,
    refined,
)
from ufm.certify.noise import Noise, estimated_noise
from ufm.commands.flags import PICTURES, SizeFlags, and_written, check_file
from ufm.files import store
from ufm.files.arrays import read, read_labels, split
from ufm.files.bars import tqdm
from ufm.files.process import OK, interactive
from ufm.files.text import columns, require_known
from ufm.problems.build import numbers
from ufm.problems.presets import CENTERS, spend


@dataclass
class Command(SizeFlags):
    """Recommend centers, angle, rule of decision and offsets.

    They are ranked by what theory says of them; nothing is trained.

    Rules: nearest, the nearest mean center; rcr, the nearest classifier vector; gcr, the nearest center. Under the
    prior of the test, nearest with its offsets is the Bayes rule of collapsed features, so that f and theta do not
    matter to its accuracy; they do to speed, dimension, and the other rules. "behind" is what a design costs against
    the best in what you ask for. An asterisk marks designs that none is at least as good as in accuracy, rare, radius,
    speed and dimension, and better in one; all others are dominated, and the table says so.

    Speed is the rate per step at which the slowest class collapses, in units of the step at which the steepest one
    overshoots: more centers make a loss steeper, which a smaller learning rate undoes. With one learning rate for all
    designs it is "rate" in --json instead, which is largest for many centers at the fastest angle.

    The rarest classes alone are decided right by whatever always decides for them. So --for rare recommends nothing
    that costs more accuracy than --give-up; and what it recommends is an offset: under one noise, at any accuracy, the
    nearest mean center with offsets for them has the most of them right, whatever the centers.

    This is advice for the collapsed end: features r u_k + sigma_k g, one r for all classes, whatever the design.
    Networks bear out that GCR loses, and not that the fastest angle, LDAM's margins or more centers gain accuracy: each
    at its own learning rate, none is ahead of CAL by its own rule (`ufm table designs --seeds 10 --against "cnn CAL"`),
    and by RCR the fastest angle loses (the same with `--quantity rcr`). RCR or scores of normalised features decided
    better than the nearest mean center. `ufm measure` says how far your features are.

    Example: ufm design --class-sizes 500,120,30,5

    Example: ufm design --preset cifar100-lt --dim 2300 --for rare --give-up 1

    Example: ufm design --preset cifar10-lt --prior training --sigma 0.25 --rules rcr gcr

    Example: ufm design --features h.npy --labels y.npy --for speed --picture design.png

    Example: ufm design --class-sizes 500,120,30,5 --features test.npy --labels test-labels.npy --prior training
    """

    group = "Class sizes"

    features: str | None = None
    """File with features (N, d) as `ufm measure` reads them, and their --labels: sigma of each class is estimated from
    these; a class with one sample gets the pooled one. Features of training images are less noisy than those that are
    to be decided: take others, and say the sizes of the training by --class-sizes, --preset or --n-classes, for classes
    in the order of their labels (default: the numbers of these features)."""
    sigma: float | None = None
    """Noise of test features in each direction, over the norm of their mean, > 0 (default: 1/3; nine of ten right among
    ten classes)."""
    prior: str = "balanced"
    """How often classes come in the test: balanced, training (as the class sizes), or a list "0.5,0.3,0.2"."""
    goal: Annotated[Literal["accuracy", "rare", "robustness", "speed"], tyro.conf.arg(name="for")] = "accuracy"
    """What to rank by: accuracy over the prior; that of the classes with the fewest samples; the least distance to a
    boundary; how fast the slowest class collapses, each design at a learning rate of its own."""
    give_up: float = 2.0
    """Points of accuracy, against the best, that a design --for rare may cost."""
    most: int | None = None
    """Designs that give a class more centers than that are left out."""
    dim: int | None = None
    """Feature dimension at hand: designs that need more are left out."""
    f: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """Mean numbers of centers per class to consider."""
    theta: tuple[float, ...] = ()
    """Angles to consider, radians in [0, pi/2] (default: 0.2, 0.8, and those of the largest rates for each f)."""
    centers: tuple[str, ...] = tuple(CENTERS)
    """Ways to spend the centers: class-aware, apportioned, margins (those of LDAM under RCR, at angles that have them),
    uniform (the same skew for all, as with an angle per class: RCR is then minimax, whatever the prior of the test)."""
    rules: tuple[str, ...] = RULES
    """Rules of decision to consider: nearest, rcr, gcr."""
    top: int = 8
    """Designs that are shown, besides the best of each other rule."""
    picture: Path | None = None
    """Draw all designs into this file, .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout, with all designs."""

    def run(self) -> int:
        """Evaluate, rank, explain."""
        check_file(self.picture, "picture", PICTURES)
        noise = self._noise()
        setting = self._setting(noise)
        ranked, least = self._ranked(setting)
        if self.picture is not None:
            from figures import style
            from figures.commands.design import design_figure

            style.save_figure(design_figure(ranked, self.goal), self.picture)
        if self.json:
            print(store.to_json(plain(ranked, setting, noise)))
        else:
            print(and_written(report(ranked, setting, self.goal, self.top, least, noise), self.picture))
        return OK

    def _noise(self) -> Noise | None:
        """Of --features, if there are any. Raises ValueError or OSError."""
        if self.features is None:
            return None
        if self.labels is None:
            raise ValueError("--features needs --labels, the class of each of them")
        if self.sigma is not None:
            raise ValueError("give one of --features, which sigma is estimated from, and --sigma")
        same = split(self.labels)[0] == split(self.features)[0]
        h = read(self.features, without=[split(self.labels)[1]] if same else ())
        return estimated_noise(h, read_labels(self.labels))

    def _setting(self, noise: Noise | None) -> Setting:
        """What is given. Raises ValueError or OSError."""
        given = self
        if noise is not None and (self.preset, self.class_sizes, self.n_classes) != (None, None, None):
            given = replace(self, labels=None)  # they are those of the features
        sizes = given.sizes()
        prior = prior_of(self.prior, sizes)
        if noise is None:
            return Setting(sizes, prior, 1.0 / 3.0 if self.sigma is None else self.sigma)
        if len(sizes) != noise.by_class.size:
            raise ValueError(f"--features have {noise.by_class.size} classes, and there are {len(sizes)} class sizes")
        return Setting(sizes, prior, tuple(noise.by_class.tolist()))

    def _ranked(self, setting: Setting) -> tuple[list[Design], float]:
        """Best first, and the accuracy below which designs cost too much; the best with the best of its offsets."""
        found = self._designs(setting)
        by_accuracy = rank(found)
        if self.goal != "rare":
            ranked = rank(found, self.goal)
            return [refined(ranked[0], setting), *ranked[1:]] if self.goal == "accuracy" else ranked, 0.0
        least = by_accuracy[0].accuracy - self.give_up / 100.0
        if nearest := [design for design in by_accuracy if design.rule == "nearest"]:
            found.append(favouring_rarest(nearest[0], setting, least))
        return rank(found, "rare", least), least

    def _designs(self, setting: Setting) -> list[Design]:
        """All that fit. Raises ValueError where none does."""
        for name, known in (("f", ()), ("centers", CENTERS), ("rules", RULES)):
            if not (values := getattr(self, name)):
                raise ValueError(f"--{name} is empty: nothing to choose from")
            for value in values if known else ():
                require_known(value, known, f"{name}={value!r} is unknown")
        if self.top < 1:
            raise ValueError(f"top={self.top} must be at least 1")
        if not 0 <= self.give_up <= 100:
            raise ValueError(f"give_up={self.give_up:g} must be points of accuracy, from 0 to 100")
        fitting = self._fitting(setting.sizes)
        bar = tqdm(fitting, unit="design", disable=not interactive())
        found: dict[Any, Design] = {}
        for way, f, theta in bar:
            for design in evaluate(way, f, theta, setting):
                if design.rule in self.rules:
                    found.setdefault(decides_as(design), design)
        return list(found.values())

    def _fitting(self, sizes: tuple[int, ...]) -> list[tuple[str, int, float]]:
        """Allocation, f and theta of all different centers that are within bounds. Raises ValueError for none."""
        choices: dict[Any, tuple[str, int, float]] = {}
        for way, f in itertools.product(self.centers, self.f):
            for theta in self.theta or angles(f):
                if way == "margins" and f > 1 and min(exact_margin_centers(sizes, f, theta)) < LEAST_SHARE:
                    continue
                counts = spend(way, sizes, f, theta)
                choices.setdefault((counts, theta), (way, f, theta))
        if not choices:
            raise ValueError("no frame has LDAM's margins for these sizes at these angles: take a smaller --theta")
        for name, need in (("dim", minimum_dimension), ("most", max)):
            bound, needs = getattr(self, name), {key: need(key[0]) for key in choices}
            choices = {key: each for key, each in choices.items() if bound is None or needs[key] <= bound}
            if not choices:
                raise ValueError(
                    f"{name}={bound} is less than any of these designs needs: the smallest takes {min(needs.values())}"
                )
        return list(choices.values())


LEAST_SHARE = 0.5
"""Centers that LDAM's margins must give every class before rounding: one in place of fewer is another allocation."""


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


def plain(ranked: Sequence[Design], setting: Setting, noise: Noise | None = None) -> dict[str, Any]:
    """Plain values of all designs, with what they cost, and offsets and accuracies by class of the first."""
    best, leaders = ranked[0], [min(ranked, key=score) for score in CRITERIA.values()]
    return {
        "sigma": float(np.max(setting.sigma)) if noise is None else noise.pooled,
        "sigma_by_class": np.broadcast_to(setting.sigma, len(setting.sizes)).tolist(),
        "prior": list(setting.prior),
        "recommended": {**best.to_dict(), **best.each_class, "gain": hard_gain(best, setting)},
        "designs": [{**design.to_dict(), "costs": costs(design, leaders)} for design in ranked],
    }


SHOWN: Mapping[str, Callable[[Design], str]] = {
    "accuracy": lambda design: f"{100 * design.accuracy:.1f}%",
    "rare": lambda design: f"{100 * design.rare:.1f}%",
    "robustness": lambda design: f"{design.radius:.3f} r",
    "speed": lambda design: f"{design.speed:.3g}" if design.speed else "0, algebraic",
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
        "speed": " a step",
        "dim": " dimensions",
    }[name]


def report(
    ranked: Sequence[Design], setting: Setting, goal: str, top: int, least: float = 0.0, noise: Noise | None = None
) -> str:
    """For people: what is recommended, what it costs, and the table."""
    best = ranked[0]
    head = ("", "rule", "centers", "f", "theta", *SHOWN, "behind")
    rows = [
        (
            *(mark(design, least), design.decision, design.allocation, f"{design.f}"),
            *(f"{design.theta:.3g}", *(show(design) for show in SHOWN.values()), behind(design, ranked, goal)),
        )
        for design in [*ranked[:top], *best_of_rules(ranked, top)]
    ]
    lines = [
        f"For {goal}, with {sigma_said(setting, noise)}: {best}.",
        f"  centers    {brief(best.centers)}",
        f"  offsets    {offsets_said(best, goal, setting)}",
        f"  by class   {brief([f'{100 * x:.1f}%' for x in best.by_class])}",
    ]
    for name in SHOWN:
        leader = rank(ranked, name, least)[0]
        if round(costs(best, [leader])[name], 4) > 0:
            lines.append(f"  {name:10} {behind(best, [leader], name)} behind {SHOWN[name](leader)} of {leader}")
    return "\n".join([*lines, "", *columns([head, *rows]), "", *LEGEND, "", *remarks(ranked, setting, goal, least)])


def best_of_rules(ranked: Sequence[Design], top: int) -> list[Design]:
    """The first design of each rule that is not among the first."""
    first = {design.rule: design for design in reversed(ranked)}
    return [design for design in ranked[top:] if design is first[design.rule]]


LEGEND = (
    "rule: nearest decides for the nearest mean center, rcr for the nearest classifier vector, gcr for the nearest of",
    "all centers.",
    "centers, f, theta: how centers are spent, their mean number per class, the angle of the frame in radians.",
    "accuracy, rare: of test features around collapse, and on the classes with the fewest samples alone; robustness:",
    "how far a feature at its mean center, r long, moves before it is decided wrong; speed: rate per step of a",
    "learning rate of its own at which the slowest class collapses; dim: dimensions that the frame needs; behind: what",
    "you ask for, against the best.",
    "*: no other design is as good in all five and better in one. dominated: one is. too dear: it costs more accuracy",
    "than --give-up.",
)
"""What the columns of the table are."""


def mark(design: Design, least: float) -> str:
    """Whether a design is recommendable: not dominated, and not too dear, or which of both it is."""
    faults = {"too dear": not affordable(design, least), "dominated": not design.pareto}
    return ", ".join(name for name, found in faults.items() if found) or "*"


def sigma_said(setting: Setting, noise: Noise | None) -> str:
    """The noise, and which of it is only pooled."""
    if noise is None:
        return f"sigma = {np.max(setting.sigma):.3g} r"
    text = f"sigma = {noise.by_class.min():.3g} ... {noise.by_class.max():.3g} r by class (pooled: {noise.pooled:.3g} r"
    alone = np.flatnonzero(noise.single)
    return f"{text}; so for {brief(alone.tolist())}, with one sample)" if alone.size else f"{text})"


def offsets_said(best: Design, goal: str, setting: Setting) -> str:
    """The offsets of a design, and whether these or those of the other rows are only the best of some closed forms."""
    if not best.offset:
        return "none"
    text, many = brief([f"{x:+.3g}" for x in best.offsets]), len(best.centers) > SEARCHED
    if is_bayes(best, setting) or not many:
        return text
    if goal != "accuracy" or len(best.centers) > LARGEST_SEARCH:
        return f"{text} (the best of some closed forms, as in all rows: others may have points more)"
    return f"{text} (climbed to; those of the other rows are the best of some closed forms)"


def remarks(ranked: Sequence[Design], setting: Setting, goal: str, least: float) -> list[str]:
    """What the numbers do not say."""
    best, noise = ranked[0], float(setting.noise.max() * np.sqrt(np.mean((setting.noise / setting.noise.max()) ** 2)))
    few = float(break_even(max(setting.sizes), np.sqrt(2.0), noise, best.dim))
    gain = round(100 * hard_gain(best, setting), 1) + 0.0  # not -0
    shown = SHOWN[goal](best)
    ties = sum(affordable(design, least) and SHOWN[goal](design) == shown for design in ranked)
    tied = f"{ties} of {len(ranked)} designs have {shown}: the first is the best of them in the mean of all columns."
    lines = [tied] if ties > 1 else []
    lines.append(f"In this frame GCR would gain {gain:.1f} points over RCR on features around one common point.")
    if least > 0 and not affordable(greedy := max(ranked, key=lambda design: design.rare), least):
        right = f"{100 * greedy.rare:.1f} % of the rarest right and {100 * greedy.accuracy:.1f} % of all"
        lines.append(f"Too dear: {greedy} decides {right}: it takes other classes' samples for them.")
    if min(setting.sizes) < few:
        lost = f"classes of fewer than {few:.2g} would lose to the largest on average."
        lines.append(f"Were class means learned from samples, {lost}")
    of_accuracy = goal in ("accuracy", "rare") and min(setting.sizes) < max(setting.sizes)
    if of_accuracy and max(best.centers) > 1:
        lines += [words for (rule, way), words in CONTRADICTED.items() if (best.rule, best.allocation) == (rule, way)]
    return [*lines, "All of this is about collapsed features; trained networks may be far from them (see --help)."]


CONTRADICTED = {
    ("nearest", "uniform"): (
        "Trainings contradict this: on CIFAR-10-LT, nearest on uniform centers decided 64.1 % right, rcr on\n"
        "class-aware ones 72.3 % (`ufm table cifar10 --where -0.01 --overview`)."
    ),
    ("gcr", "class-aware"): (
        "Trainings contradict this: on CIFAR-10-LT, gcr on class-aware centers decided 62.7 % right, rcr on the same\n"
        "ones 72.3 % (`ufm table cifar10 --where -0.01 --overview`)."
    ),
}
"""Said where one of these rules is recommended on several centers a class, for unequal classes."""


def brief(values: Sequence[Any]) -> str:
    """A few values, or the first and the last."""
    return ", ".join(map(str, values)) if len(values) <= 12 else f"{values[0]} ... {values[-1]}"
