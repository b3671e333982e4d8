"""What the commands share: flags that say which problem, and looks at output files before anything is computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ufm.problems import build
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
class ProblemFlags(SizeFlags):
    """Which problem: a preset or a file, changed by single values."""

    problem: Path | None = None
    """File with a problem, .toml or .json."""
    centers: str | None = None
    """Centers per class: class-aware, apportioned, margins or uniform (with --f), one number, or a list "2,3,5"."""
    f: int | None = None
    """Mean number of centers per class for the rules of --centers (20, or the preset's)."""
    theta: float | None = None
    """Angle of the frame, radians in [0, pi/2] (0.2)."""
    dim: int | None = None
    """Feature dimension, at least sum(centers) + classes (that minimum)."""
    loss: Literal["cosine", "mse"] | None = None
    """Cosine loss, or the paper's problem P."""
    frame: Literal["fixed", "learned"] | None = None
    """Fixed multi-center frame, or one that is minimised over (P: with positive --lam-h and --lam-w)."""
    beta: str | None = None
    """Cosine loss: weight per class: "weighted" (cos alpha_k), a number, or a list."""
    lam: float | None = None
    """Cosine loss: weight of the norm penalty, >= 0."""
    lam_h: float | None = None
    """P: weight of the feature norms, >= 0."""
    lam_w: float | None = None
    """P: weight of the classifier norms, >= 0."""

    def given(self) -> bool:
        """Whether any of the flags is set."""
        return any(value is not None for value in self.description().values())

    def build(self) -> MultiCenterProblem:
        """The problem. Raises ValueError or OSError."""
        return build.build(self.description())


def check_folder(folder: Path | None) -> None:
    """Refuse an output folder that is something else, before anything is computed."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"out={folder} exists and is not a folder")


PICTURES = (".png", ".pdf", ".svg")


def check_picture(path: Path | None) -> None:
    """Refuse a file that no picture can be written to, before anything is computed."""
    if path is not None and (path.suffix not in PICTURES or path.is_dir()):
        raise ValueError(f"picture={path} must be a file that ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
