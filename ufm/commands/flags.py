"""What the commands share: flags that say which problem, and looks at output files before anything is computed."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ufm.problems import build
from ufm.problems.feature_model import BIASES
from ufm.problems.problem import MultiCenterProblem


@dataclass
class SizeFlags:
    """Which class sizes: a preset's, a list, a file, or a long tail."""

    preset: str | None = None
    """Named problem; `ufm presets` lists them."""
    class_sizes: str | None = None
    """Samples per class: "100,50,10", or a file of them (.npy, .csv, .txt; FILE::COLUMN of a table)."""
    labels: str | None = None
    """File with the label of every sample instead; also "path label" a line."""
    n_classes: int | None = None
    """Long-tailed sizes instead: number of classes, with --n-max and --tau."""
    n_max: int | None = None
    """Size of the largest class, for --n-classes."""
    tau: float | None = None
    """Imbalance ratio n_min / n_max of a preset or of --n-classes, in (0, 1]."""

    def description(self) -> dict[str, Any]:
        """The flags that describe a problem, and their values."""
        return {name: getattr(self, name) for name in build.FIELDS if hasattr(self, name)}

    def sizes(self) -> tuple[int, ...]:
        """The class sizes. Raises ValueError or OSError."""
        return build.class_sizes(self.description())


@dataclass
class LossFlags:
    """How a loss of logits is changed, and its bias: fields of :class:`ufm.FeatureModel`, which see."""

    bias: str = "none"
    """none, free, or the weight of its decay."""
    smoothing: float = 0.0
    """Label smoothing, in [0, 1)."""
    weights: str | None = None
    """Weight > 0 of each class in the loss: "1,2,5", or inverse, N / (K n_k)."""
    temperatures: str | None = None
    """Factor > 0 of each output (CDT): "1,1,0.5", or one for all."""
    sample_temperatures: str | None = None
    """Factor > 0 of all outputs for samples of each class (LDT)."""
    shifts: str | None = None
    """What is added to each output (logit adjustment): --shifts=-1,0,2."""

    def changes(self, sizes: Sequence[int]) -> dict[str, Any]:
        """What they say of a model with these class sizes, by field. Raises ValueError."""
        said: dict[str, Any] = {"bias": self.bias, "smoothing": self.smoothing}
        if self.bias not in BIASES:
            try:
                said["bias"] = float(self.bias)
            except ValueError:
                raise ValueError(f"bias={self.bias!r} is unknown: 'none', 'free', or the weight of its decay") from None
        if self.weights == "inverse":
            said["weights"] = build.inverse_weights(sizes)
        for name in ("weights", "temperatures", "sample_temperatures", "shifts"):
            if (text := getattr(self, name)) is not None and name not in said:
                said[name] = build.by_class(name, text, len(sizes))
        return said


@dataclass
class ProblemFlags(SizeFlags):
    """Which problem: a preset or a file, changed by single values; both have their own in place of the defaults."""

    problem: Path | None = None
    """File with a problem, .toml or .json."""
    centers: str | None = None
    """Centers per class: class-aware (the paper's: more for rare classes), apportioned (the same, rounded so that no
    rarer class has fewer), margins (those of LDAM under RCR) or uniform (AL), with --f; one number; or a list "2,3,5"
    (default: class-aware)."""
    f: int | None = None
    """Mean number of centers per class for the rules of --centers (default: 20, or the preset's)."""
    theta: float | None = None
    """Angle of the frame, radians in [0, pi/2] (default: 0.2)."""
    dim: int | None = None
    """Feature dimension, at least sum(centers) + classes (default: that minimum)."""
    loss: Literal["cosine", "mse"] | None = None
    """Cosine loss, or the paper's problem P (default: cosine)."""
    frame: Literal["fixed", "learned"] | None = None
    """Fixed multi-center frame, or one that is minimised over: P with positive --lam-h and --lam-w (default: fixed)."""
    beta: str | None = None
    """Cosine loss: weight per class: "weighted" (cos alpha_k), a number, or a list (default: weighted)."""
    lam: float | None = None
    """Cosine loss: weight of the norm penalty, >= 0 (default: 0.1)."""
    lam_h: float | None = None
    """P: weight of the feature norms, >= 0 (default: 0)."""
    lam_w: float | None = None
    """P: weight of the classifier norms, >= 0 (default: 0)."""

    def given(self) -> bool:
        """Whether any of the flags is set."""
        return any(value is not None for value in self.description().values())

    def build(self) -> MultiCenterProblem:
        """The problem. Raises ValueError or OSError."""
        return build.build(self.description())


def check_folder(folder: Path, *names: str, flag: str = "out") -> None:
    """Refuse a folder that cannot be written to, or a file there that a folder is in the way of.

    Nothing is left behind: this is asked before anything is computed. Raises ValueError.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise ValueError(f"{flag}={there} exists and is not a folder")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ValueError(f"{flag}={folder} cannot be written to: {error.strerror}") from None
    for path in (folder / name for name in names):
        if path.is_dir():
            raise ValueError(f"{flag}={folder} has a folder in it where a file is to be written: {path}")


def and_written(text: str, *paths: Path | None) -> str:
    """The text, and below it where files are that were written, if any."""
    return "\n\n".join([text, *(f"written to {path}" for path in paths if path is not None)])


def check_file(path: Path | None, flag: str, endings: tuple[str, ...] = ()) -> None:
    """Refuse a file that cannot be written, before anything is computed. Raises ValueError."""
    if path is None:
        return
    if endings and path.suffix not in endings:
        allowed = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        raise ValueError(f"{flag}={path} must be a file that ends in {allowed}")
    check_folder(path.parent, path.name, flag=flag)


PICTURES = (".png", ".pdf", ".svg")
