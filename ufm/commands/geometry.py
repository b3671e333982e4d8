"""``ufm geometry``: where training ends under any convex loss with weight decay, with a proof."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ufm.certify import Without, certify
from ufm.commands.flags import PICTURES, LossFlags, SizeFlags, and_written, check_file
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.files.text import columns
from ufm.minimize.solve import minimize
from ufm.problems.build import read_model
from ufm.problems.deep_model import DeepModel
from ufm.problems.feature_model import FeatureModel, NonnegativeModel
from ufm.problems.file_loss import read_loss

SHOWN = 30
"""At most so many groups of classes are printed."""


@dataclass
class Command(LossFlags, SizeFlags):
    """Find the geometry that training ends in, class by class.

    Norms, margins and angles of weights and class means. Features and weights are free, the loss is convex, both decay:
    the minimum over all of them is found, and a lower bound that proves it. Theorems that speak of the case are held
    against it.

    Example: ufm geometry --class-sizes 500,50,5 --lam-w 5e-4 --lam-h 1e-5

    Example: ufm geometry --n-classes 10 --n-max 5000 --tau 0.01 --loss mse --bias free --json

    Example: ufm geometry --labels labels.npy --loss bce --picture geometry.png

    Example: ufm geometry --class-sizes 50,20,5 --weights inverse --shifts=2,1,0

    Example: ufm geometry --class-sizes 50,20,5 --features nonnegative

    Example: ufm geometry --class-sizes 50,20,5 --loss mine.py::PairwiseLogistic

    Example: ufm geometry --model model.toml

    Classes of equal size share a row. dead: the class has no features; merged: the classes of the row have one mean;
    margin: own logit minus the largest other one. Status 1 if the gap is not closed, a theorem does not hold, or there
    is neither bound nor theorem.
    """

    group = "Class sizes"

    loss: str = "ce"
    """ce, mse, bce, hinge or squared-hinge; or one of your own, FILE.py::NAME (see the how-to on losses)."""
    lam_w: float = 5e-4
    """Weight decay of the classifier, > 0, or of each layer."""
    lam_h: float = 1e-5
    """Weight decay of the features, > 0, of the mean loss: the penalty is lam_h / 2 times the sum over all samples."""
    dim: int | None = None
    """Feature dimension (default: one for each class, as good as any larger one)."""
    features: Literal["free", "nonnegative"] = "free"
    """free, or nonnegative as behind a ReLU: then the best of many starts, with a bound of its own."""
    layers: int = 1
    """Layers of weights above the features: several make a deep linear model, the best of many starts."""
    model: Path | None = None
    """File with a model of any kind in place of all these flags, .toml or .json: bounds on norms, vectors of length 1,
    targets and decays of single layers stand only there. A loss FILE.py::NAME lies beside it, and is run."""
    picture: Path | None = None
    """Where to draw norms, margins and angles: .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Minimise, prove, hold against theorems, draw, print."""
        check_file(self.picture, "picture", PICTURES)
        model = self._model()
        if self.picture is not None and getattr(model, "targets", None) is not None:
            raise ValueError(f"picture={self.picture} is of classes: this model has targets in their place")
        geometry = minimize(model, progress=interactive())
        report = certify(geometry)
        if self.picture is not None:
            from figures import style
            from figures.commands.geometry import geometry_figure

            style.save_figure(geometry_figure(geometry), self.picture)
        if self.json:
            print(store.to_json({**plain(geometry), "report": report.to_dict()}))
        else:
            print(and_written(f"{table(geometry)}\n\n{report}", self.picture))
        return OK if report.holds else FAILS

    def _model(self) -> Any:
        """The model of the file, or of the flags."""
        if self.model is not None:
            for field in fields(self):
                if field.name not in ("model", "picture", "json") and getattr(self, field.name) != field.default:
                    raise ValueError(f"{field.name}={getattr(self, field.name)}: --model says all of the model")
            return read_model(self.model)
        if len(sizes := self.sizes()) < 2:
            raise ValueError(f"class_sizes has one class of {sizes[0]} samples: two are needed")
        said = {"loss": read_loss(self.loss), "lam_w": self.lam_w, "lam_h": self.lam_h, **self.changes(sizes)}
        said |= {} if self.dim is None else {"dim": self.dim}
        if self.layers == 1:
            return (NonnegativeModel if self.features == "nonnegative" else FeatureModel)(sizes, **said)
        if self.features == "nonnegative":
            raise ValueError(f"layers={self.layers} go with --features free")
        return DeepModel(sizes, layers=self.layers, **said)


def plain(geometry: Without) -> dict[str, Any]:
    """The geometry as plain values, a row for each group of equal classes.

    With targets of the user's own a row is one of these, and norms of weights are by output.
    """
    own = getattr(geometry.problem, "targets", None) is None
    columns = {
        "size": geometry.sizes.tolist(),
        "classes": geometry.copies.tolist(),
        **({"w_norm": geometry.weight_norms.tolist()} if own else {}),
        "h_norm": geometry.feature_norms.tolist(),
        **({"margin": geometry.margins.tolist()} if own else {}),
        "alive": geometry.alive.tolist(),
        **({"merged": merged.tolist()} if (merged := getattr(geometry, "merged", None)) is not None else {}),
    }
    rows = zip(*columns.values(), strict=True)
    return {
        "model": heading(geometry.problem),
        "value": geometry.value,
        "bound": geometry.bound if geometry.certificate else None,
        "gap": geometry.gap if geometry.certificate else None,
        "status": geometry.status,
        "rank": geometry.rank,
        "classes": [{**dict(zip(columns, row, strict=True)), "group": number} for number, row in enumerate(rows)],
        **({} if own else {"outputs": [{"w_norm": norm} for norm in geometry.weight_norms.tolist()]}),
        "cosines": geometry.weight_cosines.tolist(),
        "certificate": geometry.certificate.to_json() if geometry.certificate else None,
        "stats": geometry.stats,
    }


def table(geometry: Without) -> str:
    """The same for people; of many groups the first and the last ones."""
    found = plain(geometry)
    titles = {"w_norm": "|w|", "h_norm": "|h|", "margin": "margin"}
    shown = [name for name in titles if name in found["classes"][0]]
    vectors = "h" if "outputs" in found else "w"
    cosines = geometry.feature_cosines if "outputs" in found else geometry.weight_cosines
    lines: list[tuple[str, ...]] = [("size", "classes", *(titles[name] for name in shown), f"cosines of {vectors}", "")]
    for each in found["classes"]:
        row = cosines[each["group"]]
        angles = f"{np.nanmin(row):.4f} to {np.nanmax(row):.4f}" if np.isfinite(row).any() else ""
        numbers = (f"{each[name]:.6g}" for name in shown)
        fate = "dead" if not each["alive"] else "merged" if each.get("merged") else ""
        lines.append((f"{each['size']:g}", f"{each['classes']:g}", *numbers, angles, fate))
    if len(lines) > SHOWN + 1:
        lines = [*lines[: SHOWN // 2 + 1], ("...",) + ("",) * (len(lines[0]) - 1), *lines[-SHOWN // 2 :]]
    return "\n".join([heading(geometry.problem), _proof(geometry), *columns(lines)])


def heading(model: Any) -> str:
    """The loss, how many classes and samples, and the single numbers and words of the model."""
    given = {each.name: getattr(model, each.name) for each in fields(model) if each.name not in ("class_sizes", "loss")}
    said = {name: value for name, value in given.items() if isinstance(value, int | float | str)}
    words = (f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in said.items())
    name = getattr(model, "loss_name", model.loss)
    return ", ".join([name, f"K={model.n_classes}", f"N={model.n_samples}", *words])


def _proof(geometry: Without) -> str:
    """The value, and what is proved of it."""
    value = f"value {geometry.value:.10g}"
    if geometry.certificate is None:
        return f"{value}: {geometry.status}, rank {geometry.rank}"
    return f"{value}, at least {geometry.bound:.10g}: {geometry.status}, gap {geometry.gap:.1e}, rank {geometry.rank}"
