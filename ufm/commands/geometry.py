"""``ufm geometry``: where training ends under any convex loss with weight decay, with a proof."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ufm.certify import certify
from ufm.commands.flags import PICTURES, SizeFlags, check_file
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.text import columns
from ufm.minimize.geometry import Geometry
from ufm.minimize.solve import minimize
from ufm.problems.feature_model import FeatureModel, NonnegativeModel

SHOWN = 30
"""At most so many groups of classes are printed."""


@dataclass
class Command(SizeFlags):
    """Find the geometry that training ends in: norms, margins and angles of weights and class means, class by class.

    Features and weights are free, the loss is convex, both decay: the minimum over all of them is found, and a lower
    bound that proves it. Theorems that speak of the case are held against it.

    Example: ufm geometry --class-sizes 500,50,5 --lam-w 5e-4 --lam-h 1e-5

    Example: ufm geometry --n-classes 10 --n-max 5000 --tau 0.01 --loss mse --bias free --json

    Example: ufm geometry --labels labels.npy --loss bce --picture geometry.png

    Example: ufm geometry --class-sizes 50,20,5 --features nonnegative

    Classes of equal size share a row. alive: the class has features at all; margin: own logit minus the largest other
    one. Status 1 if the gap is not closed, or a theorem does not hold.
    """

    loss: str = "ce"
    """ce, mse, bce, hinge or squared-hinge."""
    lam_w: float = 5e-4
    """Weight decay of the classifier, > 0."""
    lam_h: float = 1e-5
    """Weight decay of the features, > 0, of the mean loss: the penalty is lam_h / 2 times the sum over all samples."""
    bias: str = "none"
    """none, free, or the weight of its decay."""
    dim: int | None = None
    """Feature dimension (default: one for each class, as good as any larger one)."""
    features: Literal["free", "nonnegative"] = "free"
    """free, or nonnegative as behind a ReLU: then the best of many starts, with a bound of its own."""
    smoothing: float = 0.0
    """Label smoothing, in [0, 1)."""
    picture: Path | None = None
    """Where to draw norms, margins and angles: .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Minimise, prove, hold against theorems, draw, print."""
        check_file(self.picture, "picture", PICTURES)
        dim: dict[str, Any] = {} if self.dim is None else {"dim": self.dim}
        bias = self.bias if self.bias in ("none", "free") else _number(self.bias)
        kind = NonnegativeModel if self.features == "nonnegative" else FeatureModel
        given: dict[str, Any] = {"lam_w": self.lam_w, "lam_h": self.lam_h, "smoothing": self.smoothing, **dim}
        model = kind(self.sizes(), loss=self.loss, bias=bias, **given)
        geometry = minimize(model, progress=interactive())
        report = certify(geometry)
        if self.picture is not None:
            from figures import style
            from figures.commands.geometry import geometry_figure

            style.save_figure(geometry_figure(geometry), self.picture)
        if self.json:
            print(store.to_json({**plain(geometry), "report": report.to_dict()}))
        else:
            print(f"{table(geometry)}\n\n{report}")
        return OK if report.holds else FAILS


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"bias={text!r} is unknown: 'none', 'free', or the weight of its decay") from None


def plain(geometry: Geometry) -> dict[str, Any]:
    """The geometry as plain values, a row for each group of equal classes."""
    layout = geometry.layout
    rows = zip(
        layout.sizes.tolist(),
        layout.copies.tolist(),
        geometry.weight_norms.tolist(),
        geometry.feature_norms.tolist(),
        geometry.margins.tolist(),
        geometry.alive.tolist(),
        strict=True,
    )
    names = ("size", "classes", "w_norm", "h_norm", "margin", "alive")
    return {
        "value": geometry.value,
        "bound": geometry.bound,
        "gap": geometry.gap,
        "status": geometry.status,
        "rank": geometry.rank,
        "classes": [{**dict(zip(names, row, strict=True)), "group": number} for number, row in enumerate(rows)],
        "cosines": geometry.weight_cosines.tolist(),
        "certificate": geometry.certificate.to_json(),
        "stats": geometry.stats,
    }


def table(geometry: Geometry) -> str:
    """The same for people; of many groups the first and the last ones."""
    found = plain(geometry)
    lines: list[tuple[str, ...]] = [("size", "classes", "|w|", "|h|", "margin", "cosines of w", "")]
    for each in found["classes"]:
        row = geometry.weight_cosines[each["group"]]
        angles = f"{np.nanmin(row):.4f} to {np.nanmax(row):.4f}" if np.isfinite(row).any() else ""
        numbers = (f"{each[name]:.6g}" for name in ("w_norm", "h_norm", "margin"))
        lines.append((f"{each['size']:g}", f"{each['classes']:g}", *numbers, angles, "" if each["alive"] else "dead"))
    if len(lines) > SHOWN + 1:
        lines = [*lines[: SHOWN // 2 + 1], ("...",) + ("",) * 6, *lines[-SHOWN // 2 :]]
    model, status = geometry.problem, geometry.status
    head = f"{model.loss}, K={model.n_classes}, N={model.n_samples}, lam_w={model.lam_w:g}, lam_h={model.lam_h:g}"
    proof = f"value {geometry.value:.10g}, at least {geometry.bound:.10g}: {status}, gap {geometry.gap:.1e}"
    return "\n".join([f"{head}, bias {model.bias}", proof, *columns(lines)])
