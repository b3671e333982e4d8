"""What decides the result of a training: validated, named, and without torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from theory.multicenter.geometry import center_cosine, equal_skew_angles
from ufm.files.store import config_key
from ufm.files.text import json_object, known_as, require_known, suggestion
from ufm.problems.presets import BATCH_SIZE, CENTERS, DECAY, PENALTY, spend
from ufm.problems.problem import MultiCenterProblem, Problem, Sizes, integers, nonnegative
from ufm.train.catalogue import HYPER, METHODS, method_spec


@dataclass(frozen=True)
class Settings:
    """What is asked of a training; None where nothing is given, and the default in brackets holds."""

    dataset: str | None = None
    """mnist5k, fashion-mnist, cifar10, cifar100, svhn, stl10, imagenet, imagenet-lt, or own/NAME for one's own images:
    `ufm data` says what is here (default: mnist5k)."""
    tau: float | None = None
    """Imbalance ratio n_min / n_max of the training set, in (0, 1] (default: 0.1)."""
    n_max: int | None = None
    """Images in the largest class (default: all that the data set has)."""
    validation: int | None = None
    """Test on that many images of each class, held out of the training images: for choosing other values
    (default: none)."""
    augmentation: str | None = None
    """crop-flip, crop, imagenet or none (default: what is usual for the data set)."""
    method: str | None = None
    """Method (default: CAL); `ufm presets --methods` lists them."""
    hyper: tuple[str, ...] | None = None
    """Hyperparameters of the method, "name=value"; `ufm presets --methods` lists them with their published values."""
    f: int | None = None
    """P, AL, CAL: mean number of centers per class (default: 20)."""
    theta: float | None = None
    """P, AL, CAL: angle of the frame, radians in [0, pi/2] (default: 0.2)."""
    centers: str | None = None
    """P, AL, CAL: class-aware, apportioned, margins (LDAM's) or uniform (default: uniform for AL and
    AL-weighted, class-aware for P and CAL)."""
    basis: Literal["coordinate", "random"] | None = None
    """P, AL, CAL: basis of the frame; a learned last layer can turn one into the other (default: coordinate)."""
    penalty: float | None = None
    """AL, CAL: weight of (|h| - 1)^2 per sample of a batch sum (default: 6e-4). P: weight of |h|^2 / 2
    (default: 5e-4)."""
    mixup: float | None = None
    """Mixup: parameter of the Beta distribution of the shares; 0 leaves it out (default: 0)."""
    network: str | None = None
    """cnn, mlp, lenet, convnet, resnet8, resnet20, resnet32, resnet50, densenet40, densenet150 or
    vgg11 (default: cnn)."""
    expand: bool | None = None
    """Extra linear layer to the dimension that the method needs (default: only where the network is narrower)."""
    normalise: Literal["none", "unit", "unit-batch"] | None = None
    """What is done to features before the method sees them: h / |h|, or BN(h / |h|) without learned scale
    (default: none)."""
    epochs: int | None = None
    """Passes through the training set (default: 20)."""
    batch_size: int | None = None
    """Images in a step, over all devices; an epoch is cut into batches of at most that, as equal as possible
    (default: 128)."""
    accumulate: int | None = None
    """Parts of a batch that are computed one after the other, to save memory (default: 1)."""
    lr: float | None = None
    """Largest learning rate of SGD (default: 0.1)."""
    momentum: float | None = None
    """Momentum of SGD, in [0, 1) (default: 0.9)."""
    weight_decay: float | None = None
    """Weight decay of SGD (default: 2e-4)."""
    schedule: Literal["step", "cosine", "constant"] | None = None
    """step: falls at 80 % and at 90 % of the epochs (default: step)."""
    drop: float | None = None
    """What a step multiplies the learning rate by, in (0, 1] (default: 0.1)."""
    warmup: float | None = None
    """Share of the epochs over which the learning rate rises linearly (default: 0.025)."""
    precision: Literal["auto", "float32", "bf16"] | None = None
    """Arithmetic of the network; auto is bf16 where the device is faster with it (default: auto)."""
    seed: int | None = None
    """Seed of subset, initial weights, order and augmentation (default: 0)."""
    measure_every: int | None = None
    """Epochs between two measurements; the first and the last are always measured (default: 1)."""

    def __post_init__(self) -> None:
        """A method in any case is the method."""
        object.__setattr__(self, "method", known_as(self.method, METHODS))  # the class is frozen

    def given(self) -> dict[str, Any]:
        """What is given, as plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(Settings)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Config(Settings):
    """One training, by the values that decide its result: :class:`Settings`, completed and validated.

    What has no meaning for the method, or follows from the data, stays None. Immutable and hashable.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> Config(method="CAL").problem((400, 126, 40)).centers
    (6, 13, 41)
    """

    dataset: str = "mnist5k"
    tau: float = 0.1
    method: str = "CAL"
    mixup: float = 0.0
    network: str = "cnn"
    normalise: Literal["none", "unit", "unit-batch"] = "none"
    epochs: int = 20
    batch_size: int = BATCH_SIZE
    accumulate: int = 1
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 2e-4
    schedule: Literal["step", "cosine", "constant"] = "step"
    drop: float = 0.1
    warmup: float = 5 / 200
    precision: Literal["auto", "float32", "bf16"] = "auto"
    seed: int = 0
    measure_every: int = 1

    def __post_init__(self) -> None:
        """Replace every field by its canonical value, or refuse it."""

        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)  # the class is frozen

        super().__post_init__()
        put("hyper", self._canonical_hyper())
        for name, default in self._frame_defaults().items():
            if getattr(self, name) is None:
                put(name, default)
            elif default is None:
                raise ValueError(f"{name}={getattr(self, name)} has no meaning for method={self.method}")
        spec = METHODS[self.method]
        if self.expand and spec.loss is None and not spec.simplex:
            raise ValueError(f"expand=True has no meaning for method={self.method}: it works in any dimension")
        if self.mixup and self.method == "KCL":
            raise ValueError(f"mixup={self.mixup} has no meaning for method=KCL, which has no loss of one view")
        if self.normalise != "none" and self.method == "KCL":
            raise ValueError(f"normalise={self.normalise} has no meaning for method=KCL, which normalises projections")
        for name in ("epochs", "batch_size", "accumulate", "measure_every", "f", "n_max", "validation"):
            if getattr(self, name) is not None:
                put(name, integers(name, [getattr(self, name)])[0])
        for name in ("tau", "theta", "penalty", "mixup", "lr", "momentum", "weight_decay", "warmup", "drop"):
            if getattr(self, name) is not None:
                put(name, nonnegative(name, getattr(self, name)))
        for name, (allowed, what) in self._limits().items():
            if not allowed:
                raise ValueError(f"{name}={getattr(self, name)} must be {what}")
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in known:
                raise ValueError(f"{name}={value!r} is unknown{suggestion(str(value), known)}")

    def _canonical_hyper(self) -> tuple[str, ...] | None:
        """All hyperparameters of the method, in its own order; None if it has none."""
        known = dict(method_spec(self.method).hyper)
        for given in self.hyper or ():
            name, equals, text = str(given).partition("=")
            if name not in known:
                allowed = suggestion(name, known) if known else ": it has none"
                raise ValueError(f"hyper={given!r} is no hyperparameter of method={self.method}{allowed}")
            try:
                known[name] = nonnegative(f"hyper {name}", text if equals else None)
            except ValueError as error:
                raise ValueError(f"{error}; write {name}=VALUE") from None
            HYPER[name].require(name, known[name])
        return tuple(f"{name}={value:.15g}" for name, value in known.items()) or None

    @property
    def hyperparameters(self) -> dict[str, float]:
        """Hyperparameters of the method by name."""
        return {name: float(value) for name, value in (text.split("=") for text in self.hyper or ())}

    def stages(self) -> tuple["Config", "Config"]:
        """Configurations of the two parts of a deferred method. Raises ValueError for another."""
        stages = METHODS[self.method].stages
        if stages is None:
            raise ValueError(f"method={self.method} is one method from beginning to end")

        def alone(name: str) -> Config:
            framed = METHODS[name].loss is not None
            dropped: dict[str, Any] = dict.fromkeys(("centers",) if framed else (*FRAME_FIELDS, "expand"))
            return replace(self, method=name, hyper=None, **dropped)

        return alone(stages[0]), alone(stages[1])

    @property
    def published(self) -> bool:
        """Whether the hyperparameters of the method have their published values."""
        return self == replace(self, hyper=None)

    def trained_as(self) -> "Config | None":
        """Configuration whose training this one shares; None if it has one of its own."""
        base = METHODS[self.method].trained_as
        return replace(self, method=base, hyper=None) if base is not None and self.published else None

    def variants(self) -> tuple["Config", ...]:
        """Configurations that share this one's training: its features answer for their methods too."""
        sharing = [name for name, spec in METHODS.items() if spec.trained_as == self.method and self.published]
        return tuple(replace(self, method=name, hyper=None) for name in sharing)

    def angles(self, class_sizes: Sizes) -> tuple[float, ...] | None:
        """Angle of each class's frame where the method gives each its own; None where all have theta."""
        problem = self.problem(class_sizes)
        if self.method != "CAL-theta" or problem is None:
            return None
        return tuple(equal_skew_angles(problem.centers, problem.n_centers / problem.n_classes, problem.theta))

    def _frame_defaults(self) -> dict[str, Any]:
        """Values of the fields that only methods with a multi-center frame have; None where there is no frame."""
        spec = method_spec(self.method)
        if spec.loss is None:
            return dict.fromkeys(FRAME_FIELDS)
        weight = PENALTY if spec.loss == "cosine" else DECAY
        return {"f": 20, "theta": 0.2, "centers": spec.centers, "basis": "coordinate", "penalty": weight}

    def _limits(self) -> dict[str, tuple[bool, str]]:
        least = 2 * self.accumulate
        parts = f"in each of accumulate={self.accumulate} parts" if self.accumulate > 1 else "for its statistics"
        return {
            "tau": (0 < self.tau <= 1, "in (0, 1]: it is n_min / n_max"),
            "lr": (self.lr > 0, "positive"),
            "momentum": (self.momentum < 1, "in [0, 1)"),
            "drop": (0 < self.drop <= 1, "in (0, 1]"),
            "warmup": (self.warmup <= 1, "in [0, 1]"),
            "theta": (self.theta is None or self.theta <= math.pi / 2, "radians in [0, pi/2]"),
            "batch_size": (self.batch_size >= least, f"at least {least}: batch normalisation needs two images {parts}"),
            "seed": (isinstance(self.seed, int) and 0 <= self.seed < 2**31, "an integer in [0, 2**31)"),
        }

    def problem(self, class_sizes: Sizes, dim: int | None = None) -> MultiCenterProblem | None:
        """The unconstrained-feature problem that the method puts in place of the network; None for CE and SETF."""
        spec = METHODS[self.method]
        if spec.loss is None:
            return None
        own: Any = self  # no field of a frame is None
        cosine, sizes = spec.loss == "cosine", tuple(class_sizes)
        weight = {"lam": self.batch_size * own.penalty} if cosine else {"lam_h": own.penalty / sum(sizes)}
        centers = spend(own.centers, sizes, own.f, own.theta)
        if spec.weights is not None:
            f = spend(spec.weights, sizes, own.f, own.theta)
            weight["beta"] = (center_cosine(f, own.theta) * f / centers).tolist()
        return Problem(sizes, centers, own.theta, dim, loss=spec.loss, **weight)

    def rate(self, epoch: float) -> float:
        """Learning rate at a time in epochs, in [0, epochs]; a step takes that of its middle."""
        share = epoch / self.epochs
        if share < self.warmup:
            return self.lr * share / self.warmup
        if self.schedule == "cosine":
            return self.lr * 0.5 * (1.0 + math.cos(math.pi * share))
        drops = sum(share >= milestone for milestone in MILESTONES) if self.schedule == "step" else 0
        return self.lr * self.drop**drops

    def steps_per_epoch(self, n_images: int) -> int:
        """Batches that an epoch over that many images is cut into."""
        return math.ceil(n_images / self.batch_size)

    def rate_of_step(self, step: int, n_images: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.rate((step + 0.5) / self.steps_per_epoch(n_images))

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what has no meaning is left out."""
        return self.given()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`. Raises ValueError for unknown keys."""
        known = [field.name for field in fields(Settings)]
        for key in values:
            require_known(key, known, f"unknown key {key!r}")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of JSON of :meth:`to_dict`. Raises ValueError for anything else."""
        return cls.from_dict(json_object("a configuration", text))

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name this configuration on disk."""
        return config_key(self.to_dict())

    @property
    def title(self) -> str:
        """What it is, for people: "CAL on mnist5k, tau 0.1, cnn, seed 0"."""
        mixed = " with Mixup" if self.mixup else ""
        where = f"{self.method}{mixed} on {self.dataset}, tau {self.tau:g}{self.cropped}"
        return f"{where}, {self.network}, seed {self.seed}"

    @property
    def cropped(self) -> str:
        """What images are cut to, for people, where it is not the usual: ", no crops"."""
        return {None: "", "none": ", no crops"}.get(self.augmentation, f", {self.augmentation}")

    def differences(self, other: "Config") -> list[str]:
        """Fields that differ, as "name: ours, not theirs"."""
        pairs = ((field.name, getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return [f"{name} is {ours}, not {theirs}" for name, ours, theirs in pairs if ours != theirs]


FRAME_FIELDS = ("f", "theta", "centers", "basis", "penalty")
"""What only methods with a multi-center frame have."""

CHOICES: dict[str, tuple[str, ...]] = {
    "normalise": ("none", "unit", "unit-batch"),
    "schedule": ("step", "cosine", "constant"),
    "precision": ("auto", "float32", "bf16"),
    "basis": ("coordinate", "random"),
    "centers": tuple(CENTERS),
}

MILESTONES = (160 / 200, 180 / 200)
"""Shares of the epochs after which the learning rate falls."""
