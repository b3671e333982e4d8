"""A problem from a description: plain values by name, as flags of the command line and descriptions of sweeps give."""

import re
from collections.abc import Callable, Mapping, Sequence
from os.path import isfile
from pathlib import Path
from typing import Any, Literal

from theory.multicenter.geometry import minimum_dimension
from ufm.files.text import json_object, read_text, suggestion, toml_table
from ufm.problems.deep_model import DeepModel
from ufm.problems.dot_regression_model import DotRegressionModel
from ufm.problems.feature_model import FeatureModel
from ufm.problems.file_loss import read_loss
from ufm.problems.peeled_model import PeeledModel
from ufm.problems.presets import CENTERS, PRESETS, preset, spend
from ufm.problems.problem import MultiCenterProblem, Problem
from ufm.problems.sizes import long_tailed_sizes, read_class_sizes
from ufm.problems.sphere_model import SphereModel

SOURCES = ("preset", "problem", "class_sizes", "labels", "n_classes")
"""Where class sizes come from: exactly one of them is given."""

FIELDS = (*SOURCES, "n_max", "tau", "centers", "f", "theta", "dim", "loss", "frame", "beta", "lam", "lam_h", "lam_w")
"""All that a description may hold; None is the same as nothing.

preset : name of a problem. problem : file with one, .toml or .json.
class_sizes : integers, their text "100,50,10", or the name of a file of sizes or labels.
labels : the name of a file of labels; both in the manner of :func:`ufm.read_class_sizes`.
n_classes, n_max, tau : a long tail (tau also of a preset).
centers : a rule of :data:`ufm.problems.presets.CENTERS`, with its mean f; a number, a list, or the text of one.
theta, dim, loss, frame, beta, lam, lam_h, lam_w : fields of :class:`ufm.Problem`.
"""

CHANGES = ("theta", "dim", "frame", "lam", "lam_h", "lam_w")
"""Fields that go into the problem as they are."""

Description = Mapping[str, Any]


def source(given: Description, *names: str) -> str:
    """The one name among ``names`` that says where sizes come from. Raises ValueError if it is not exactly one."""
    named = [name for name in names if given.get(name) is not None]
    if len(named) != 1:
        flags, wrong = ([f"--{name.replace('_', '-')}" for name in each] for each in (names, named))
        not_these = f", not {' and '.join(wrong)}" if wrong else ""
        raise ValueError(f"one of {', '.join(flags[:-1])} and {flags[-1]} is needed{not_these}")
    if given.get("tau") is not None and named[0] not in ("preset", "n_classes"):
        raise ValueError(f"tau={given['tau']} belongs to --preset or --n-classes: other problems have their sizes")
    if given.get("n_max") is not None and given.get("n_classes") is None:
        raise ValueError(f"n_max={given['n_max']} goes with --n-classes")
    return named[0]


def class_sizes(given: Description) -> tuple[int, ...]:
    """The class sizes of a description. Raises ValueError or OSError."""
    if source(given, *(name for name in SOURCES if name != "problem")) == "preset":
        return preset(str(given["preset"]), tau=given.get("tau")).class_sizes
    return _own_sizes(given)


def build(given: Description) -> MultiCenterProblem:
    """The problem of a description. Raises ValueError or OSError.

    Examples
    --------
    >>> build({"n_classes": 3, "n_max": 100, "tau": 0.01, "f": 4}).centers
    (2, 1, 9)
    """
    given = {name: value for name, value in given.items() if value is not None}
    source(given, *SOURCES)
    changes: dict[str, Any] = {name: given[name] for name in CHANGES if name in given}
    if "beta" in given:
        changes["beta"] = "weighted" if given["beta"] == "weighted" else numbers("beta", given["beta"], float)
    loss = given.get("loss") or _implied_loss(given)
    if "preset" in given:
        return _changed(preset(given["preset"], tau=given.get("tau"), loss=loss), given, changes)
    if "problem" in given:
        return _changed(_read(Path(given["problem"])), given, changes)
    sizes = _own_sizes(given)
    theta = changes.setdefault("theta", 0.2)
    return Problem(class_sizes=sizes, centers=centers(given, sizes, theta), loss=loss, **changes)


def centers(given: Description, sizes: tuple[int, ...], theta: float) -> Any:
    """Centers per class of a description, for some class sizes and an angle."""
    rule = given.get("centers")
    if rule is None or (isinstance(rule, str) and not _is_list(rule)):
        if rule is not None and rule not in CENTERS:
            raise ValueError(f"centers={rule!r} is neither integers like 2,3,5 nor a rule{suggestion(rule, CENTERS)}")
        default = PRESETS[given["preset"]].f if given.get("preset") is not None else 20
        return spend(rule or "class-aware", sizes, default if given.get("f") is None else given["f"], theta)
    if given.get("f") is not None:
        raise ValueError(f"f={given['f']} goes with a rule, not with centers={rule}")
    return numbers("centers", rule, int)


def numbers(name: str, value: Any, kind: Any) -> Any:
    """A number or a list of numbers, from themselves or from their text. Raises ValueError."""
    values = value
    if isinstance(value, str):
        try:
            values = [kind(part) for part in re.split(r"\s*,\s*|\s+", value.strip())]
        except ValueError:
            raise ValueError(f"{name}={value!r} is neither a number nor a list of numbers like 2,3,5") from None
    return values[0] if isinstance(values, list | tuple) and len(values) == 1 else values


def _is_list(text: str) -> bool:
    return re.fullmatch(r"[\d\s,.+-]+", text) is not None


def _own_sizes(given: Description) -> tuple[int, ...]:
    if given.get("labels") is not None:
        return read_class_sizes(given["labels"], labels=True)
    sizes = given.get("class_sizes")
    if isinstance(sizes, str):
        if not _is_list(sizes) or isfile(sizes):  # which a long list is too long a name for
            return read_class_sizes(sizes)
        sizes = numbers("class_sizes", sizes, int)
    if sizes is not None:
        return tuple(sizes) if isinstance(sizes, list | tuple) else (sizes,)
    if given.get("n_max") is None:
        raise ValueError(f"n_classes={given['n_classes']} needs --n-max, the size of the largest class")
    tau = given.get("tau")
    return long_tailed_sizes(given["n_classes"], given["n_max"], 1.0 if tau is None else tau)


def _implied_loss(given: Description) -> Literal["cosine", "mse"]:
    """The cosine loss, but P where a learned frame comes with weights that only P has."""
    weighted = "lam_h" in given or "lam_w" in given
    return "mse" if given.get("frame") == "learned" and weighted else "cosine"


def _changed(base: MultiCenterProblem, given: Description, changes: dict[str, Any]) -> MultiCenterProblem:
    values = base.to_dict()
    if given.get("loss", base.loss) != base.loss:
        values = {k: v for k, v in values.items() if k not in ("beta", "lam", "lam_h", "lam_w")} | {
            "loss": given["loss"]
        }
    if "centers" in given or "f" in given:
        theta = changes.get("theta", values.get("theta", 0.2))
        counts = Problem(base.class_sizes, centers(given, base.class_sizes, theta), 0.0).centers
        values |= {"centers": counts, "dim": max(values["dim"], minimum_dimension(counts))}
    return Problem.from_dict({**values, **changes})


def _read(path: Path) -> MultiCenterProblem:
    return _from_file(path, "problem", Problem.from_dict)


def _from_file(path: Path, what: str, make: Callable[[dict[str, Any]], Any]) -> Any:
    if path.suffix not in (".toml", ".json"):
        raise ValueError(f"{path}: a {what} file ends in .toml or .json")
    text = read_text(path)
    try:
        return make(toml_table(text) if path.suffix == ".toml" else json_object(f"a {what}", text))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


OWN_WORDS: Mapping[str, Any] = {
    "layers": DeepModel,
    "temperature": SphereModel,
    "target": DotRegressionModel,
    "energy_w": PeeledModel,
    "energy_h": PeeledModel,
}
"""Keys that only one kind of model without a frame has; a file with none of them holds a FeatureModel."""


def read_model(path: Path) -> FeatureModel | SphereModel | PeeledModel:
    """The model without a frame of a file, of whatever kind, as its ``to_toml`` or ``to_json`` writes it.

    A loss of one's own is FILE.py::NAME, its path from the folder of this file, and is run. Raises ValueError, OSError.
    """
    return _from_file(path, "model", lambda values: model_of(values, path.parent))


def model_of(values: Mapping[str, Any], folder: Path = Path()) -> FeatureModel | SphereModel | PeeledModel:
    """The model without a frame of plain values; a loss FILE.py::NAME lies in ``folder``, and is run.

    Raises ValueError, OSError.

    Examples
    --------
    >>> type(model_of({"class_sizes": [5, 5, 5], "dim": 2, "temperature": 4.0})).__name__
    'SphereModel'
    """
    if "centers" in values:
        raise ValueError("centers: this is a problem with multiple centers, for ufm verify and ufm simulate")
    kinds = [kind for word, kind in OWN_WORDS.items() if word in values]
    loss = {"loss": read_loss(values["loss"], folder)} if isinstance(values.get("loss"), str) else {}
    model: FeatureModel | SphereModel | PeeledModel = (kinds or [FeatureModel])[0].from_dict({**values, **loss})
    return model


def inverse_weights(sizes: Sequence[int]) -> tuple[float, ...]:
    """Weights N / (K n_k) of the classes in the loss."""
    return tuple(sum(sizes) / (len(sizes) * size) for size in sizes)


def by_class(name: str, text: str, count: int) -> tuple[float, ...]:
    """A number for each of ``count`` classes, from the text of one for all, or of a list. Raises ValueError."""
    values = numbers(name, text, float)
    return tuple(values) if isinstance(values, list) else (values,) * count
