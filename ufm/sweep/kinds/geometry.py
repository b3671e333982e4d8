"""Cells that minimise a loss of logits over free weights and features: value, rank, and which classes merge or die."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ufm.certify.phases import Saying, phases
from ufm.minimize.convex import require_convex
from ufm.minimize.layouts import layout_of
from ufm.minimize.solve import minimize
from ufm.problems import build
from ufm.problems.feature_model import FeatureModel
from ufm.problems.file_loss import FileLoss, read_loss
from ufm.sweep.kinds.base import Kind, Quantity, integer, real, word

SIZES = ("preset", "class_sizes", "labels", "n_classes", "n_max", "tau")
NUMBERS = ("lam_w", "lam_h", "smoothing")
BY_CLASS = ("weights", "temperatures", "sample_temperatures", "shifts")

PREDICTED = {
    "predicted_merged": Quantity(("class",), "1 if a theorem says that the class merges; NaN where none speaks of it"),
    "predicted_rank": Quantity((), "the rank by a theorem; NaN where none speaks of it"),
}


class GeometryKind(Kind):
    """Minimisers of :class:`ufm.FeatureModel`."""

    fields = (*SIZES, "loss", "bias", "dim", "lam", *NUMBERS, *BY_CLASS)
    quantities: Mapping[str, Quantity] = {
        "value": Quantity((), "objective"),
        "gap": Quantity((), "objective minus its proven lower bound"),
        "certified": Quantity((), "1 if the gap is closed, else 0"),
        "rank": Quantity((), "dimensions that features and weights fill"),
        "merged": Quantity(("class",), "1 if the class has the mean of those like it in all numbers, else 0"),
        "alive": Quantity(("class",), "1 if the mean of the class is not 0, else 0"),
        "weight_norm": Quantity(("class",), "length of the weights of the class"),
        "feature_norm": Quantity(("class",), "length of the mean of the class"),
        "margin": Quantity(("class",), "own logit minus the largest other one"),
        **PREDICTED,
    }

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """The model, with the digest of the file of its loss if it has one. No start is drawn: seeds change nothing."""
        model = _model(values)
        if not isinstance(model.loss, FileLoss):
            return {"model": model.to_dict()}
        _require_convex(model.replace(lam_w=1.0, lam_h=1.0))
        return {"model": model.to_dict(), **model.loss.identity}

    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Minimise."""
        model = _of_cell(cell)
        found = minimize(model)
        by_class = {
            "merged": found.merged,
            "alive": found.alive,
            "weight_norm": found.weight_norms,
            "feature_norm": found.feature_norms,
            "margin": found.margins,
        }
        answer: dict[str, Any] = {name: each[found.group] for name, each in by_class.items()}
        answer |= {"value": found.value, "gap": found.gap, "rank": found.rank, "certified": found.status == "optimal"}
        if any(name in PREDICTED for name in record):
            answer |= _predicted(phases(model), model.n_classes)
        return answer


@lru_cache(maxsize=1024)
def _require_convex(model: FeatureModel) -> None:
    """Raise ValueError for a loss that no decay makes a convex program: before the first cell, not in each."""
    require_convex(layout_of(model), model)


def _of_cell(cell: Mapping[str, Any]) -> FeatureModel:
    """The model of a configuration. Raises ValueError where the file of its loss is another one by now."""
    loss = read_loss(cell["model"]["loss"])
    if isinstance(loss, FileLoss) and loss.digest != cell["digest"]:
        raise ValueError(f"loss={loss} was changed since the sweep began")
    return FeatureModel.from_dict({**cell["model"], "loss": loss})


def _predicted(said: Mapping[Saying, Any], count: int) -> dict[str, Any]:
    """What theorems say, in the shapes of the quantities."""
    known = {saying.name: value for saying, value in said.items()}
    return {
        "predicted_merged": known.get("merged", [float("nan")] * count),
        "predicted_rank": known.get("rank", float("nan")),
    }


def _model(values: Mapping[str, Any]) -> FeatureModel:
    """The model of a cell's values; lam stands for lam_w = lam_h. Raises ValueError, OSError."""
    said: dict[str, Any] = {name: real(name, values[name]) for name in NUMBERS if name in values}
    if "lam" in values:
        if said.keys() & {"lam_w", "lam_h"}:
            raise ValueError("lam is lam_w = lam_h: give it or these")
        said |= dict.fromkeys(("lam_w", "lam_h"), real("lam", values["lam"]))
    for name in ("lam_w", "lam_h"):
        if name not in said:
            raise ValueError(f"{name} is missing")
    sizes = build.class_sizes({name: _size(name, values[name]) for name in SIZES if name in values})
    said |= {name: _by_class(name, values[name], sizes) for name in BY_CLASS if name in values}
    said |= {"dim": integer("dim", values["dim"])} if "dim" in values else {}
    bias = values.get("bias", "none")
    said["bias"] = bias if isinstance(bias, str) else real("bias", bias)
    model = FeatureModel(sizes, loss=read_loss(word("loss", values.get("loss", "ce"))), **said)
    model.require_decay()
    return model


def _size(name: str, value: Any) -> Any:
    if name in ("preset", "labels"):
        return word(name, value)
    if name == "tau":
        return real(name, value)
    if name == "class_sizes" and isinstance(value, list | tuple):
        return [integer(name, each) for each in value]
    return value if name == "class_sizes" and isinstance(value, str) else integer(name, value)


def _by_class(name: str, value: Any, sizes: Sequence[int]) -> tuple[float, ...]:
    if name == "weights" and isinstance(value, str):
        if value != "inverse":
            raise ValueError(f"weights={value!r} is unknown: numbers, or 'inverse'")
        return build.inverse_weights(sizes)
    if isinstance(value, list | tuple):
        return tuple(real(name, each) for each in value)
    return (real(name, value),) * len(sizes)


KIND = GeometryKind()
