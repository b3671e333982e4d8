"""What ``ufm train`` left: checks, collapse and accuracy over epochs, and cosines between class means."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ufm.files.text import json_object, read_text
from ufm.pages import runs
from ufm.pages.content import Part, Plots, Section
from ufm.pages.draw import by_class, matrices
from ufm.pages.geometry import times
from ufm.pages.lines import over
from ufm.train.catalogue import METHODS
from ufm.train.record import Record
from ufm.train.run import Run

FOLDER = "config.json"

GRAMS = {"gram": "Cosines between class means", "class_gram": "Cosines between features of the smallest class"}
MATRICES = 12
"""At most so many epochs have a matrix."""


def of_folder(folder: Path) -> Iterator[Section]:
    """A training, finished or not."""
    run = Run(folder)
    run.config()  # the record says as much, but a folder that is damaged is not shown
    record, said = run.record(), run.predictions()
    report = folder / "report.json"
    checks = json_object(str(report), read_text(report)) if report.exists() else None
    about = (record.sentence(), *(runs.notes(checks) if checks else ("The training is not finished.",)))
    parts: list[Part] = [runs.checks(checks)] if checks else []
    yield Section(record.data.attrs["title"], about, [*parts, *_parts(record, said)], str(folder))


def _parts(record: Record, said: dict[str, Any]) -> Iterator[Part]:
    data = record.data
    predicted = {each["quantity"]: each["predicted"] for each in said["predictions"]}
    train, sizes = data.sel(split="train"), data.class_size.values.tolist()
    about = [f"class {k}: {n} training images" for k, n in enumerate(sizes, start=1)]
    epochs = ("epoch", data.epoch.values)
    nc = np.maximum(train.nc_mean.values, 1e-12)
    target = f"Of training images, to {METHODS[record.config.method].target}."
    words = "1 - cosine of feature and classifier vector, training images; dotted: where theory says it ends."
    yield Plots(
        (
            by_class("Collapse", target, epochs, ("NC", nc), about, type="log"),
            by_class(
                *("Variability", words, epochs, ("variability", train.variability.values), about),
                limits=predicted.get("variability"),
            ),
            *over(100.0 * data.accuracy.sel(split="test"), "epoch", "rule", "test accuracy, %").plots,
        )
    )
    for name, title in GRAMS.items():
        if name in data:
            yield _grams(train[name], title)


def _grams(values: Any, title: str) -> Plots:
    """Matrices of some epochs, at first that of the last, without the rows that are there for larger ones."""
    some = np.unique(np.linspace(0, values.sizes["epoch"] - 1, MATRICES).round().astype(int))
    shown = values.values[some].astype(np.float64)
    used = int(np.isfinite(shown).any(axis=(0, 2)).sum())
    about, last = "Training images. Red is 1, white 0, blue -1.", len(some) - 1
    plot = matrices(title, about, "", shown[:, :used, :used], "epoch", last)
    return Plots((plot,), (times("epoch", values.epoch.values[some], "Epoch", last),))
