"""``ufm measure``: every measure of neural collapse of the features of any network, from files of any kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ufm.certify.grams import predicted_grams
from ufm.commands.flags import PICTURES, and_written, check_file, check_folder
from ufm.files import store
from ufm.files.arrays import read, read_labels, split
from ufm.files.epochs import ROLES, epochs
from ufm.files.process import OK, interactive
from ufm.files.text import columns, read_text, require_known
from ufm.measure.arrays import Classes
from ufm.measure.conventions import CHOICES, Conventions
from ufm.measure.grams import Grams
from ufm.measure.metric import known
from ufm.measure.network import Measures, measure
from ufm.measure.regression import measure_regression
from ufm.problems.build import build, read_model
from ufm.problems.frames import Frame, multi_center_frame

if TYPE_CHECKING:
    import xarray

WRITTEN = ("measures.json", "measures.csv", "classes.csv", "measures.nc", "measures.png")
"""Files of --out."""


OF_TARGETS = ("features", "targets", "weights", "bias", "json", "basis")
"""Flags that go with real targets."""


@dataclass
class Command:
    """Measure neural collapse of any network.

    From its features and labels, and all else that there is of it.

    Example: ufm measure --features h.npy --labels y.npy --weights w.npy --bias b.npy

    Example: ufm measure --features all.npz::h --labels all.npz::y --picture collapse.png

    Example: ufm measure --features h.pt --labels y.txt --weights model.pt::fc.weight --bias model.pt::fc.bias --json

    Example: ufm measure --features table.csv --labels table.csv::label

    Example: ufm measure --features h.npy --labels y.npy --weights w.npy --against seli model.toml

    Example: ufm measure --features RUN --out collapse

    Example: ufm measure --features h.npy --targets y.npy --weights w.npy

    Example: ufm measure --list

    Files: .npy, .npz, .safetensors, .pt, .pth, .csv, .parquet; FILE::NAME is one of several arrays of a file, or a
    column, and parts of a nested state dict are joined by dots. A file with a single array needs no NAME. Pickled
    objects are not read. .npy is mapped into memory: its size does not matter.

    A folder has a file for each epoch, whose name ends in the number: epoch-0010.npz, .safetensors or .pt with arrays
    features, labels, weights, bias, ood; or one array a file, features-0010.npy, labels-0010.npy. What the files lack
    is taken from the flags, the same for all epochs.
    """

    group = "A network"

    features: str | None = None
    """File with the features (N, d), or a folder of epochs."""
    labels: str | None = None
    """File with N labels: integers, words, or one-hot (N, K); .txt has one a line."""
    targets: str | None = None
    """File with real targets (N, n) in place of labels: then neural regression collapse, NRC1 to NRC3."""
    weights: str | None = None
    """File with the weights of the last layer, (K, d)."""
    bias: str | None = None
    """File with its bias, (K,)."""
    ood: str | None = None
    """File with features (M, d) of data of no class, for NC5 and NECO."""
    classes: str | None = None
    """Number of classes, or a file with their names, one a line, in the order of the weights."""
    frame: Path | None = None
    """File with a problem with multiple centers, .toml or .json: features are held against the centers of its frame."""
    basis: Literal["random", "coordinate"] = "random"
    """Basis of the frame."""
    seed: int = 0
    """Seed of a random basis."""
    against: tuple[str, ...] = ()
    """What angles and lengths of class means and weights are held against besides a simplex: seli (the simplex-encoded
    labels of these class sizes), or a file with a model without a frame, .toml or .json, whose minimum is found."""
    scatter: bool = False
    """Also the effective rank of the features, which takes d x d numbers."""
    convention: tuple[str, ...] = ()
    """Where papers differ: between=classes or samples, within=samples or classes, cdnv=squared or quartic,
    means=centered or raw and weights=raw or centered in NC2 and NC3."""
    picture: Path | None = None
    """Where to draw NC1 to NC5, cosines and spectrum: .png, .pdf or .svg."""
    out: Path | None = None
    """Folder for all numbers, as JSON, CSV and netCDF, and the picture; a single measurement is epoch 0 there."""
    list: bool = False
    """Say what every measure is: formula, source, range and value at collapse."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Read, measure, draw, write, print."""
        if self.list:
            print(store.to_json({"measures": listed()}) if self.json else catalogue())
            return OK
        if self.targets is not None:
            return self._of_targets()
        check_file(self.picture, "picture", PICTURES)
        if self.out is not None:
            check_folder(self.out, *WRITTEN)
        found = {epoch: self._measured(data, epoch) for epoch, data in self._data().items()}
        require_same_classes(found)
        if self.picture is not None:
            draw(found, self.picture)
        if self.out is not None:
            write(found, self.out)
        print(store.to_json(plain(found)) if self.json else and_written(table(found), self.picture, self.out))
        return OK

    def _of_targets(self) -> int:
        """Measures of a network that meets numbers."""
        with_labels = [field.name for field in fields(self) if field.name not in OF_TARGETS]
        if given := [name for name in with_labels if getattr(self, name)]:
            raise ValueError(f"--{given[0]} goes with --labels, not with --targets")
        if self.features is None or Path(self.features).is_dir():
            raise ValueError(f"features={self.features}: --targets go with one file of features")
        last = (None if place is None else read(place) for place in (self.weights, self.bias))
        found = measure_regression(read(self.features), read(str(self.targets)), *last).to_dict()
        left_out = found.pop("left_out")
        said = {name: value for name, value in found.items() if value is not None}
        if self.json:
            print(store.to_json({"metrics": said, "classes": [], "conventions": {}, "left_out": left_out}))
        else:
            rows = [(name, f"{value:.6g}") for name, value in said.items()]
            print(
                "\n".join(
                    [*columns([("measure", "value"), *rows]), *(f"without {k}: {v}" for k, v in left_out.items())]
                )
            )
        return OK

    def _data(self) -> Mapping[int, Mapping[str, Callable[[], Any]]]:
        """What reads each array, by epoch."""
        if self.features is None:
            raise ValueError("--features is needed, with --labels: files of arrays, or a folder of epochs")
        flags = {role: place for role in ROLES if (place := getattr(self, role)) is not None}
        readers = {role: partial(read_labels if role == "labels" else read, place) for role, place in flags.items()}
        if Path(self.features).is_dir():
            readers.pop("features")
            return {epoch: {**readers, **data} for epoch, data in epochs(Path(self.features)).items()}
        if self.labels is None:
            raise ValueError(f"--labels is needed beside --features={self.features}: the class of each row")
        used = [split(place) for role, place in flags.items() if role != "features"]
        table = split(self.features)[0]
        readers["features"] = partial(read, self.features, without=[name for path, name in used if path == table])
        return {0: readers}

    def _measured(self, data: Mapping[str, Callable[[], Any]], epoch: int) -> Measures:
        if lacking := [role for role in ("features", "labels") if role not in data]:
            raise ValueError(f"there are no {lacking[0]} of epoch {epoch}: --{lacking[0]}, or a file in the folder")
        found = measure(
            **{role: reader() for role, reader in data.items()},
            classes=self._classes(),
            frame=self._frame(),
            grams=self._grams(data),
            scatter=self.scatter,
            conventions=conventions(self.convention),
            progress=interactive(),
        )
        if np.count_nonzero(found.counts) == 1:
            only = found.classes[int(np.argmax(found.counts))]
            raise ValueError(f"all labels are {only!r}: collapse is between classes, two are needed")
        return found

    def _grams(self, data: Mapping[str, Callable[[], Any]]) -> dict[str, Grams]:
        """What geometry is held against, by name."""
        found: dict[str, Any] = {Path(name).stem: read_model(Path(name)) for name in self.against if name != "seli"}
        if "seli" in self.against:
            found["seli"] = self._sizes(data)
        return {name: predicted_grams(each) for name, each in found.items()}

    def _sizes(self, data: Mapping[str, Callable[[], Any]]) -> tuple[int, ...]:
        """Samples of each class."""
        labels, classes = data["labels"](), self._classes()
        n_rows = len(data["weights"]()) if "weights" in data else None
        named = Classes.found(labels, n_rows) if classes is None else Classes.of(classes)
        return tuple(np.bincount(named.codes(labels), minlength=len(named)).tolist())

    def _classes(self) -> int | Sequence[str] | None:
        if self.classes is None or self.classes.isdecimal():
            return self.classes and int(self.classes)
        names = [line.strip() for line in read_text(self.classes).splitlines() if line.strip()]
        if not names:
            raise ValueError(f"{self.classes}: no name of a class in it")
        return names

    def _frame(self) -> Frame | None:
        if self.frame is None:
            return None
        return multi_center_frame(build({"problem": str(self.frame)}), basis=self.basis, seed=self.seed)


def conventions(words: Sequence[str]) -> Conventions:
    """Choices from words NAME=CHOICE. Raises ValueError."""
    said = dict(word.partition("=")[::2] for word in words)
    for name in said:
        require_known(name, CHOICES, f"convention={name!r} is unknown")
    return Conventions(**said)


def require_same_classes(found: Mapping[int, Measures]) -> None:
    """Raise ValueError where epochs have different classes: their curves would not be of the same thing."""
    first = next(iter(found))
    for epoch, measures in found.items():
        if measures.classes != found[first].classes:
            counts = f"{len(found[first].classes)} and {len(measures.classes)}"
            raise ValueError(f"epochs {first} and {epoch} have {counts} classes, or other ones: --classes says which")


def plain(found: Mapping[int, Measures]) -> dict[str, Any]:
    """Plain values of the last epoch, and the numbers of all where there are several."""
    last = max(found)
    curves = [{"epoch": epoch, "metrics": dict(measures.metrics)} for epoch, measures in found.items()]
    return {**found[last].to_dict(), **({"epoch": last, "epochs": curves} if len(found) > 1 else {})}


CURVES = ("nc1", "nc2_equinorm", "nc2_equiangle", "nc3_duality", "nc4_agreement", "nc5_orthogonality", "accuracy")
"""Measures that stand in the table of epochs."""


def table(found: Mapping[int, Measures]) -> str:
    """For people: these by epoch where there are several, and all of the last one."""
    last = found[max(found)]
    lines = [str(last)]
    reasons: dict[str, list[str]] = {}
    for name, reason in last.left_out.items():
        reasons.setdefault(re.sub(r"\((\w+)\)$", r"(--\1)", reason), []).append(name)
    if reasons:
        lines += ["", *(f"without {', '.join(names)}: {reason}" for reason, names in reasons.items())]
    if len(found) > 1:
        shown = [name for name in CURVES if name in last.metrics]
        numbers = {n: [each.metrics.get(name, np.nan) for name in shown] for n, each in found.items()}
        rows = [(f"{epoch}", *(f"{number:.4g}" for number in row)) for epoch, row in numbers.items()]
        lines = [*columns([("epoch", *shown), *rows]), "", f"Epoch {max(found)}: {lines[0]}", *lines[1:]]
    return "\n".join(lines)


def dataset(found: Mapping[int, Measures]) -> "xarray.Dataset":
    """Numbers along epochs, those by class along these too, the spectrum along its directions; and of the last epoch
    what pairs of classes have, and scores of data of no class.
    """
    import xarray

    every, last = list(found.values()), found[max(found)]
    longest = max(len(each.spectrum) for each in every)
    spectrum = [np.pad(each.spectrum, (0, longest - len(each.spectrum)), constant_values=np.nan) for each in every]
    absent, names = np.full(len(last.classes), np.nan), [str(name) for name in last.classes]
    single = dict.fromkeys(name for each in every for name in each.metrics)
    by_class = dict.fromkeys(name for each in every for name in each.by_class)
    return xarray.Dataset(
        {
            **{name: ("epoch", [each.metrics.get(name, np.nan) for each in every]) for name in single},
            **{name: (("epoch", "class"), [each.by_class.get(name, absent) for each in every]) for name in by_class},
            "samples": (("epoch", "class"), [each.counts for each in every]),
            "spectrum": (("epoch", "direction"), spectrum),
            **{name: (("class", "other"), _of_pairs(last, name)) for name in PAIRS if getattr(last, name) is not None},
            **({} if last.neco_scores is None else {"neco_scores": ("ood_sample", last.neco_scores)}),
        },
        coords={"epoch": list(found), "class": names, "other": names},
        attrs=asdict(last.conventions),
    )


PAIRS = ("mean_cosines", "weight_cosines", "cdnv_pairs")
"""What a measurement has of each pair of classes with samples."""


def _of_pairs(measures: Measures, name: str) -> NDArray[np.float64]:
    """The same of all classes, (K, K), NaN for those without a sample."""
    there = np.flatnonzero(measures.counts)
    full = np.full((len(measures.counts),) * 2, np.nan)
    full[np.ix_(there, there)] = getattr(measures, name)
    return full


def write(found: Mapping[int, Measures], folder: Path) -> None:
    """The files :data:`WRITTEN`."""
    data = dataset(found)
    by_class = [name for name in data.data_vars if data[name].dims == ("epoch", "class")]
    single = [name for name in data.data_vars if data[name].dims == ("epoch",)]
    store.save_json(folder / "measures.json", plain(found))
    store.save_text(folder / "measures.csv", data[single].to_dataframe()[single].to_csv(lineterminator="\n"))
    store.save_text(folder / "classes.csv", data[by_class].to_dataframe()[by_class].to_csv(lineterminator="\n"))
    store.save(data, folder / "measures.nc")
    draw(found, folder / "measures.png")


def draw(found: Mapping[int, Measures], path: Path) -> None:
    """The picture."""
    from figures import style
    from figures.commands.measure import measures_figure

    style.save_figure(measures_figure(found), path)


def listed() -> list[dict[str, Any]]:
    """What every measure is, as plain values."""
    return [
        {
            **{"name": name, "formula": one_line(each.formula), "source": each.source, "range": each.bounds},
            **{"collapse": each.collapse, "by_class": each.by_class},
        }
        for name, each in known().items()
    ]


def one_line(formula: str) -> str:
    """A formula of a docstring on one line, in TeX."""
    text = re.sub(r":math:`([^`]*)`", r"\1", formula.replace(".. math::", ""))
    return " ".join(text.split())


def catalogue() -> str:
    """The same for people: a line with name, range, value at collapse and source, and one with the formula."""
    heads = [("measure", "range", "at collapse", "source")]
    heads += [(each["name"], each["range"], each["collapse"], each["source"]) for each in listed()]
    first, *lines = columns(heads)
    said = (f"{line}\n    {each['formula']}" for line, each in zip(lines, listed(), strict=True))
    return "\n".join([first, *said])
