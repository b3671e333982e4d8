"""Cells that train a network: each in a process and a folder of its own, resumed where it was stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from ufm.files import store
from ufm.sweep.kinds.base import Kind, Quantity, integer, real, word
from ufm.train.config import Config, Settings
from ufm.train.presets import preset
from ufm.train.run import Run

if TYPE_CHECKING:
    from ufm.tables.grid import Job

RULES = ("own", "rcr", "gcr", "nearest")


class Training(Kind):
    """Real networks; `ufm train` with the fields of its configuration, or changes to a named training."""

    fields = ("preset", *(field.name for field in fields(Settings) if field.name != "seed"))
    quantities: Mapping[str, Quantity] = {
        **{f"accuracy_{rule}": Quantity((), f"test accuracy at the last epoch, rule {rule}") for rule in RULES},
        "class_accuracy": Quantity(("class",), "test accuracy of each class at the last epoch, own rule"),
        "nc": Quantity(("class",), "mean of NC to the method's own target, training images, last epoch"),
        "variability": Quantity(("class",), "mean of 1 - cos(h, w_k) on training images at the last epoch"),
        "time": Quantity(("time",), "measured epochs", "epoch"),
        "nc_curve": Quantity(("time", "class"), "mean of NC to the method's own target, training images"),
        "accuracy_curve": Quantity(("time",), "test accuracy, own rule"),
    }
    group = 1
    parallel = False

    def configuration(self, values: Mapping[str, Any], record: Sequence[str]) -> dict[str, Any]:
        """The configuration of the training."""
        said = {name: _typed(name, value) for name, value in values.items()}
        name = said.pop("preset", None)
        config = Config(**said) if name is None else preset(name, **said)
        return {"training": config.to_dict()}

    def job(self, cell: Mapping[str, Any], folder: Path) -> "Job | None":
        """The training of a cell, which lives in FOLDER/runs; None if it is finished."""
        from ufm.tables.grid import Job

        config = Config.from_dict(cell["training"])
        run = self._home(cell, folder)
        if run.exists and run.finished:
            return None
        path = store.save_json(run.folder.with_suffix(".json"), {"configuration": cell["training"]})
        return Job(config.title, run.folder, ("--config", str(path), "--out", str(run.folder)))

    def _home(self, cell: Mapping[str, Any], folder: Path) -> Run:
        return Run(folder / "runs" / Config.from_dict(cell["training"]).key)

    def answer(self, cell: dict[str, Any], record: Sequence[str], folder: Path) -> dict[str, Any]:
        """Train if that was not done yet, and read what was measured. Raises RuntimeError: why a training failed."""
        from ufm.tables import grid, results

        if (job := self.job(cell, folder)) is not None:
            for _, reason in grid.run_all([job], 1, ["--threads", "1"]):
                if reason is not None:
                    raise RuntimeError(reason)
        run = self._home(cell, folder)
        seen = results.summary(run.folder.name, *run.evidence())
        curves = seen["curves"]
        return {
            **{f"accuracy_{rule}": accuracy for rule, accuracy in seen["accuracy"].items()},
            "class_accuracy": seen["class_accuracy"]["own"],
            "nc": curves["nc"][-1],
            "variability": seen["variability"],
            "time": curves["epoch"],
            "nc_curve": curves["nc"],
            "accuracy_curve": curves["test_accuracy"],
        }


def _typed(name: str, value: Any) -> Any:
    """A value of the type that :class:`ufm.train.config.Settings` wants. Raises ValueError."""
    wanted = get_args(get_type_hints(Settings).get(name, str | None))
    if float in wanted:
        return real(name, value)
    if int in wanted:
        return integer(name, value)
    if bool in wanted:
        if not isinstance(value, bool):
            raise ValueError(f"{name}={value!r} must be true or false")
        return value
    return tuple(word(name, entry) for entry in value) if isinstance(value, list | tuple) else word(name, value)


KIND = Training()
