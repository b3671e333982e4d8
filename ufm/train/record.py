"""What a training leaves behind: one Dataset, a row per measured epoch."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.files import store
from ufm.measure.rules import RULES
from ufm.train.catalogue import METHODS
from ufm.train.config import Config

if TYPE_CHECKING:
    import xarray

SPLITS = ("train", "test")

SHOWN = 50
"""Rows of a Gram matrix that are kept."""

MANY, FEW = 100, 20
"""A class with more training images than MANY has many, with fewer than FEW few; the others are medium."""

GROUPS = ("many", "medium", "few")

PER_EPOCH = {
    "loss": "mean training loss of the epoch (NaN before training)",
    "step": "optimiser steps so far",
    "rate": "learning rate of the last step",
    "clock": "sum of the learning rates of all steps: time of the gradient flow that training follows",
    "training_seconds": "seconds spent in steps so far",
    "measuring_seconds": "seconds that the measurement took",
}
PER_SPLIT = {
    "entry_mean": "mean of the entries of h/|h| - wbar/|wbar| (paper, section 5)",
    "entry_std": "standard deviation of these entries",
    "nc1": "within-class over between-class variability, tr(Sigma_W pinv(Sigma_B)) / K",
    "equinorm": "spread of the norms of the class means, standard deviation over mean",
    "equiangularity": "largest entry of the Gram matrix of class means minus the identity",
    "nearest_mean_agreement": "share of decisions that agree with the nearest class mean",
    "without_direction": "features of norm 0, which no measure of direction counts",
}
PER_CLASS = {
    "nc_mean": "mean over the class of NC = |h/|h| - wbar/|wbar||^2, in [0, 4]",
    "nc_std": "standard deviation of NC",
    "nc_max": "largest NC",
    "variability": "mean of 1 - cos(h, w_k); 1 - cos(rho_k) at collapse",
    "norm_mean": "mean feature norm",
    "self_duality": "cosine of the class mean to the mean center",
}


ROWS = {
    "row_sum": "sum of the rows of the classifier, their bias at the end: what NC0 is a law of",
    "row_size": "root of the sum of the squares of their entries",
}
"""Of methods with a learned linear classifier on whose logits the gradients add up to 0."""

GRAMS = {
    "gram": ("mean", "cosines between class means (paper, figure 6)"),
    "class_gram": ("image", "cosines between features of the smallest class (paper, figure 7)"),
}


def groups(class_sizes: Sequence[int]) -> NDArray[np.int64]:
    """Group of each class, as an index into GROUPS."""
    sizes = np.asarray(class_sizes)
    return np.where(sizes > MANY, 0, np.where(sizes >= FEW, 1, 2))


ACCURACY = "share of images classified right: all test images, the training images that are measured"

NEEDED = (
    *("epoch", "split", "rule", "class_size", "class_group", "rate", "clock", "accuracy", "class_accuracy"),
    *("nc_mean", "variability", "norm_mean", "equiangularity"),
)
"""What every record has: its axes, and what is held against theory."""

TIMING = ("training_seconds", "measuring_seconds")
"""What differs between two runs of one configuration."""


@dataclass
class Record:
    """The measurements of one training, as they come."""

    data: "xarray.Dataset"
    _unsaved: bool = True
    _saved: float = -math.inf
    _took: float = 0.0

    @classmethod
    def start(cls, config: Config, class_sizes: Sequence[int], about: Mapping[str, Any]) -> "Record":
        """Nothing measured yet; ``about`` are further plain facts of the run, kept in the attributes."""
        import xarray

        of_frames = RULES if METHODS[config.method].loss is not None else ()
        rules = ["own", *of_frames, *(variant.method for variant in config.variants())]
        coordinates: dict[str, Any] = {
            "epoch": np.empty(0, dtype=np.int64),
            "split": list(SPLITS),
            "rule": rules,
            "group": list(GROUPS),
            "class_size": ("class", np.asarray(class_sizes), {"units": "training images"}),
            "class_group": ("class", groups(class_sizes)),
        }
        attributes = {
            "configuration": store.to_json(config.to_dict()),
            "variants": store.to_json([variant.to_dict() for variant in config.variants()]),
            "title": config.title,
            **about,
        }
        return cls(xarray.Dataset(coords=coordinates, attrs=attributes))

    @property
    def epochs(self) -> list[int]:
        """Epochs that are measured, ascending."""
        return [int(epoch) for epoch in self.data.epoch]

    def add(
        self,
        epoch: int,
        numbers: Mapping[str, float],
        measured: Mapping[str, Mapping[str, Any]],
        summed: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Append an epoch.

        numbers : by PER_EPOCH. measured : by split, what :func:`ufm.train.measure.evaluate` returns. summed : by
        ROWS, or nothing; a record that began without goes on without.
        """
        import xarray

        variables: dict[str, Any] = {
            name: ("epoch", [numbers[name]], {"long_name": text}) for name, text in PER_EPOCH.items()
        }
        n_classes = self.data.sizes["class"]
        for names, shape, dims in ((PER_SPLIT, (), ()), (PER_CLASS, (n_classes,), ("class",))):
            for name, text in names.items():
                rows = [np.broadcast_to(measured[split].get(name, np.nan), shape) for split in SPLITS]
                variables[name] = (("epoch", "split", *dims), np.stack(rows)[None], {"long_name": text})
        variables |= self._accuracy(measured)
        for name, (dim, meaning) in GRAMS.items():
            grams = np.stack([_padded(measured[split].get(name, np.empty((0, 0)))) for split in SPLITS]).astype(
                np.float32
            )
            variables[name] = (("epoch", "split", dim, f"other_{dim}"), grams[None], {"long_name": meaning})
        if summed and not (self.epochs and "row_sum" not in self.data):
            variables["row_sum"] = (("epoch", "entry"), summed["row_sum"][None], {"long_name": ROWS["row_sum"]})
            variables["row_size"] = ("epoch", [summed["row_size"]], {"long_name": ROWS["row_size"]})
        row = xarray.Dataset(variables, coords={**self.data.coords, "epoch": [epoch]})
        attributes = self.data.attrs
        self.data = xarray.concat([self.data, row], "epoch", data_vars="minimal") if self.epochs else row
        self.data.attrs = attributes
        self._unsaved = True

    def _accuracy(self, measured: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        group = self.data.class_group.values
        hits = np.array([[measured[split]["hits"][rule] for rule in self.data.rule.values] for split in SPLITS])
        counts = np.array([measured[split]["counts"] for split in SPLITS])[:, None]
        inside = group == np.arange(len(GROUPS))[:, None]  # (group, class)
        with np.errstate(invalid="ignore"):  # a group without classes, a class without test images: NaN
            by_class = hits / counts
            by_group = (hits @ inside.T) / (counts @ inside.T)
        overall = hits.sum(axis=2) / counts.sum(axis=2)
        return {
            "accuracy": (("epoch", "split", "rule"), overall[None], {"long_name": ACCURACY}),
            "class_accuracy": (("epoch", "split", "rule", "class"), by_class[None]),
            "group_accuracy": (("epoch", "split", "rule", "group"), by_group[None]),
        }

    def forget_after(self, epoch: int) -> None:
        """Drop what was measured after ``epoch``: a resumed run measures it again."""
        self.data = self.data.sel(epoch=self.data.epoch <= epoch)
        self._unsaved = True

    def headline(self) -> dict[str, float]:
        """The numbers that people watch: loss, training NC (mean over classes), test accuracy by the own rule."""
        last = self.data.isel(epoch=-1)
        return {
            "loss": float(last.loss),
            "nc": float(last.nc_mean.sel(split="train").mean()),
            "train_accuracy": float(last.accuracy.sel(split="train", rule="own")),
            "test_accuracy": float(last.accuracy.sel(split="test", rule="own")),
        }

    def sentence(self, *names: str) -> str:
        """The headline in words, or some of it, without what is not known: nothing has a loss before the first step."""
        target = METHODS[self.config.method].target
        words = {"nc": f"NC to {target} (mean over classes, training images)"}
        known = {name: value for name, value in self.headline().items() if not math.isnan(value)}
        chosen = [name for name in known if not names or name in names]
        return ", ".join(f"{words.get(name, name.replace('_', ' '))} {known[name]:.4g}" for name in chosen)

    def accuracies(self) -> dict[str, float]:
        """Last test accuracy by rule."""
        last = self.data.accuracy.isel(epoch=-1).sel(split="test")
        return {str(rule): float(last.sel(rule=rule)) for rule in last.rule.values}

    def save(self, path: Path) -> Path:
        """Write netCDF 3, atomically; nothing if nothing was added since the last time."""
        if not self._unsaved:
            return path
        began = time.perf_counter()
        store.save_classic(self.data, path)
        self._unsaved = False
        self._saved, self._took = time.perf_counter(), time.perf_counter() - began
        return path

    def save_if_cheap(self, path: Path) -> None:
        """Write unless that would take more than 5 % of the time: for those who watch, not for safety."""
        if time.perf_counter() - self._saved >= 20 * self._took:
            self.save(path)

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read what :meth:`save` wrote. Raises FileNotFoundError, DamagedFile."""
        return cls(store.load_having(path, NEEDED, ("configuration", "title")))

    @property
    def config(self) -> Config:
        """The configuration that made it."""
        return Config.from_json(self.data.attrs["configuration"])

    def answers(self, config: Config) -> bool:
        """Whether it says what a training of that configuration would: it is the own one, or that of a variant."""
        variants = json.loads(self.data.attrs.get("variants", "[]"))  # as they were then
        return config == self.config or any(Config.from_dict(values) == config for values in variants)

    def of(self, config: Config) -> "Record":
        """The record of a variant, whose decisions are those of the own rule there, or of the configuration itself.

        Either way the decisions of other variants are left out. Raises ValueError if it does not answer for that.
        """
        if not self.answers(config):
            raise ValueError(f"{self.config.title}: its record says nothing of {config.title}")
        own = "own" if config == self.config else config.method
        names = [own, *(str(rule) for rule in self.data.rule.values if rule in RULES)]
        data = self.data.sel(rule=names).assign_coords(rule=["own", *names[1:]])
        return Record(data.assign_attrs(configuration=store.to_json(config.to_dict()), title=config.title))


def _padded(gram: np.ndarray) -> np.ndarray:
    """A Gram matrix as (SHOWN, SHOWN), NaN where there are fewer rows."""
    return np.pad(gram, (0, SHOWN - len(gram)), constant_values=np.nan)
