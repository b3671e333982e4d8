"""What the commands share: flags that say which problem, exit statuses, and small manners."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from theory.geometry import minimum_dimension
from ufm.presets import PRESETS, preset, spend
from ufm.problem import Problem
from ufm.sizes import long_tailed_sizes, read_class_sizes

OK, FAILS, INTERRUPTED = 0, 1, 130


@dataclass
class SizeFlags:
    """Which class sizes: a preset's, a list, a file, or a long tail."""

    preset: str | None = None
    """Named problem; `ufm presets` lists them."""
    class_sizes: str | None = None
    """Samples per class: "100,50,10", or a file of sizes or labels (.npy, .csv, .txt)."""
    n_classes: int | None = None
    """Long-tailed sizes instead: number of classes, with --n-max and --tau."""
    n_max: int | None = None
    """Size of the largest class, for --n-classes."""
    tau: float | None = None
    """Imbalance ratio n_min / n_max of a preset or of --n-classes, in (0, 1]."""

    def source(self, *names: str) -> str:
        """The one flag among ``names`` that says where sizes come from. Raises ValueError if it is not one."""
        said = [name for name in names if getattr(self, name) is not None]
        if len(said) != 1:
            flags = ["--" + name.replace("_", "-") for name in names]
            wrong = f", not {' and '.join(said)}" if said else ""
            raise ValueError(f"one of {', '.join(flags[:-1])} and {flags[-1]} is needed{wrong}")
        if self.tau is not None and said[0] not in ("preset", "n_classes"):
            raise ValueError(f"tau={self.tau} belongs to --preset or --n-classes: other problems have their sizes")
        if self.n_max is not None and self.n_classes is None:
            raise ValueError(f"n_max={self.n_max} goes with --n-classes")
        return said[0]

    def sizes(self) -> tuple[int, ...]:
        """The class sizes. Raises ValueError or OSError."""
        if self.source("preset", "class_sizes", "n_classes") == "preset":
            return preset(str(self.preset), tau=self.tau).class_sizes
        return self._own_sizes()

    def _own_sizes(self) -> tuple[int, ...]:
        if self.class_sizes is not None:
            return _sizes(self.class_sizes)
        assert self.n_classes is not None
        if self.n_max is None:
            raise ValueError(f"n_classes={self.n_classes} needs --n-max, the size of the largest class")
        return long_tailed_sizes(self.n_classes, self.n_max, 1.0 if self.tau is None else self.tau)


@dataclass
class ProblemFlags(SizeFlags):
    """Which problem: a preset or a file, changed by single values."""

    problem: Path | None = None
    """File with a problem, .toml or .json."""
    centers: str | None = None
    """Centers per class: class-aware, apportioned or uniform (with --f), one number, or a list "2,3,5"."""
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
        return any(getattr(self, name) is not None for name in ProblemFlags.__dataclass_fields__)

    def build(self) -> Problem:
        """The problem. Raises ValueError or OSError."""
        self.source("preset", "problem", "class_sizes", "n_classes")
        changes = {name: getattr(self, name) for name in ("theta", "dim", "frame", "lam", "lam_h", "lam_w")}
        changes = {name: value for name, value in changes.items() if value is not None}
        if self.beta is not None:
            changes["beta"] = "weighted" if self.beta == "weighted" else _numbers("beta", self.beta, float)
        if self.preset is not None:
            base = preset(self.preset, tau=self.tau, loss=self.loss or self._implied_loss())
            return self._changed(base, changes)
        if self.problem is not None:
            return self._changed(_read_problem(self.problem), changes)
        sizes = self._own_sizes()
        centers = self.centers_of(sizes)
        return Problem(
            **{
                "class_sizes": sizes,
                "centers": centers,
                "theta": 0.2,
                "loss": self.loss or self._implied_loss(),
                **changes,
            }
        )

    def _implied_loss(self) -> Literal["cosine", "mse"]:
        """The cosine loss, but P where a learned frame comes with weights that only P has."""
        weighted = self.lam_h is not None or self.lam_w is not None
        return "mse" if self.frame == "learned" and weighted else "cosine"

    def _changed(self, base: Problem, changes: dict[str, Any]) -> Problem:
        values = base.to_dict()
        if self.loss is not None and self.loss != base.loss:
            values = {k: v for k, v in values.items() if k not in ("beta", "lam", "lam_h", "lam_w")}
            values["loss"] = self.loss
        if self.centers is not None or self.f is not None:
            values["centers"] = self.centers_of(base.class_sizes)
            counts = Problem(base.class_sizes, values["centers"], 0.0).centers
            values["dim"] = max(values["dim"], minimum_dimension(counts))
        return Problem.from_dict({**values, **changes})

    def centers_of(self, sizes: tuple[int, ...]) -> Any:
        """Centers per class by the flags, for some class sizes."""
        text = self.centers or "class-aware"
        if re.fullmatch(r"[\d\s,.+-]+", text):
            if self.f is not None:
                raise ValueError(f"f={self.f} goes with a rule, not with centers={text}")
            return _numbers("centers", text, int)
        default = PRESETS[self.preset].f if self.preset is not None else 20
        return spend(text, sizes, default if self.f is None else self.f)


def _numbers(name: str, text: str, kind: Any) -> Any:
    """One number, or a list of numbers."""
    try:
        values = [kind(part) for part in text.replace(" ", "").split(",")]
    except ValueError:
        raise ValueError(f"{name}={text!r} is neither a number nor a list of numbers like 2,3,5") from None
    return values if len(values) > 1 else values[0]


def _sizes(text: str) -> tuple[int, ...]:
    if re.fullmatch(r"[\d\s,.+-]+", text) and not Path(text).exists():
        values = _numbers("class_sizes", text, int)
        return tuple(values) if isinstance(values, list) else (values,)
    return read_class_sizes(text)


def _read_problem(path: Path) -> Problem:
    text = path.read_text()
    if path.suffix not in (".toml", ".json"):
        raise ValueError(f"{path}: a problem file ends in .toml or .json")
    try:
        return Problem.from_toml(text) if path.suffix == ".toml" else Problem.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def check_folder(folder: Path | None) -> None:
    """Refuse an output folder that is something else, before anything is computed."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"out={folder} exists and is not a folder")


PICTURES = (".png", ".pdf", ".svg")


def check_picture(path: Path | None) -> None:
    """Refuse a file that no picture can be written to, before anything is computed."""
    if path is not None and (path.suffix not in PICTURES or path.is_dir()):
        raise ValueError(f"picture={path} must be a file that ends in {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")


def interactive() -> bool:
    """Whether somebody watches the progress bars."""
    return sys.stderr.isatty()
