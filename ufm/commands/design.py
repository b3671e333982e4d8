"""``ufm design``: how many centers, at which angle, for whom, from theory alone."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from theory.multicenter.geometry import minimum_dimension
from ufm.certify.design import evaluate, rank, tradeoffs
from ufm.commands.flags import PICTURES, SizeFlags, check_file
from ufm.files import store
from ufm.files.process import OK, interactive
from ufm.problems.presets import CENTERS, spend


@dataclass
class Command(SizeFlags):
    """Rank numbers of centers, angles and rules by what theory says of them; nothing is simulated or trained.

    For each design: collapse rate of the slowest class, largest angle between classifier and mean center, gain of GCR
    over RCR on hard-to-predict features (of class k in proportion to 1 / n_k), dimension needed. An asterisk marks
    designs that no other one beats in all four. (How far accuracy of real networks follows these numbers is another
    question: `ufm table angles --correlate`.)

    Example: ufm design --class-sizes 500,120,30,5

    Example: ufm design --preset cifar100-lt --dim 2048 --by gain

    Example: ufm design --n-classes 10 --n-max 500 --tau 0.01 --f 5 10 20 --theta 0.2 0.5 --picture design.png
    """

    dim: int | None = None
    """Feature dimension at hand: designs that need more are left out."""
    f: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    """Mean numbers of centers per class to consider."""
    theta: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
    """Angles to consider, radians in [0, pi/2]."""
    rules: tuple[str, ...] = tuple(CENTERS)
    """Ways to spend the centers: class-aware, apportioned, margins (those of LDAM under RCR), uniform."""
    by: Literal["rate", "angle", "gain", "dim"] | None = None
    """What to rank by (default: the mean of the ranks in all four)."""
    top: int = 12
    """Designs that are shown."""
    picture: Path | None = None
    """Draw all designs into this file, .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout, with all designs."""

    def run(self) -> int:
        """Evaluate, rank, explain."""
        sizes = self.sizes()
        check_file(self.picture, "picture", PICTURES)
        for name in ("f", "theta", "rules"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty: nothing to choose from")
        if self.top < 1:
            raise ValueError(f"top={self.top} must be at least 1")
        choices = list(dict.fromkeys(itertools.product(self.rules, self.f, self.theta)))
        needed = {choice: minimum_dimension(spend(choice[0], sizes, *choice[1:])) for choice in choices}
        choices = [choice for choice in choices if self.dim is None or needed[choice] <= self.dim]
        if not choices:
            least = min(needed.values())
            raise ValueError(f"dim={self.dim} is less than any of these designs needs: the smallest takes {least}")
        bar = tqdm(choices, unit="design", disable=not interactive())
        fitting = [evaluate(rule, f, theta, sizes) for rule, f, theta in bar]
        ranked = rank(fitting, self.by)
        if self.picture is not None:
            from figures import style
            from figures.commands.design import design_figure

            style.save_figure(design_figure(ranked), self.picture)
        if self.json:
            print(store.to_json({"designs": [design.to_dict() for design in ranked]}))
            return OK
        print(f"  {'rule':12} {'f':>3} {'theta':>6} {'rate':>9} {'angle':>7} {'gain':>7} {'dim':>6}  centers")
        for design in ranked[: self.top]:
            print(
                f"{'*' if design.pareto else ' '} {design.rule:12} {design.f:3} {design.theta:6.3g} {design.rate:9.3g} "
                f"{design.angle:6.1f}° {100 * design.gain:+6.1f}% {design.dim:6}  {_brief(design.centers)}"
            )
        print("\n" + "\n".join(tradeoffs(fitting)))
        return OK


def _brief(centers: tuple[int, ...]) -> str:
    return ",".join(map(str, centers)) if len(centers) <= 12 else f"{centers[0]} ... {centers[-1]}"
