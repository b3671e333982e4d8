"""Results of finished trainings as plain numbers, small enough to be committed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ufm.certify.training import confirm
from ufm.files import store
from ufm.files.bars import tqdm
from ufm.files.process import interactive
from ufm.train.config import Config
from ufm.train.presets import PRESETS, preset, sharing
from ufm.train.record import Record
from ufm.train.run import Run

Result = dict[str, Any]


def summary(name: str, record: Record, predictions: Mapping[str, Any]) -> Result:
    """What tables and curves need of one finished training: its record, and what was predicted.

    Returns
    -------
    Plain values: ``name``, ``configuration``, ``class_sizes``, ``accuracy`` (test, last epoch, by rule), ``best``
    (the largest test accuracy by the own rule at any measured epoch: chosen on the test set, and so not a result),
    ``training_accuracy`` (own rule, last epoch), ``group_accuracy`` (test, own rule: many, medium, few),
    ``class_accuracy`` (test, by rule and class), ``curves`` (by measured epoch: ``epoch``, ``clock``, ``nc`` by class
    on training images, ``test_accuracy``), ``variability`` (training, by class), ``checks`` (against the predictions)
    and ``machine`` (its ``arithmetic`` is that of the network: bf16 where the device is faster with it).
    """
    data = record.data
    last, rules = data.isel(epoch=-1), [str(rule) for rule in data.rule.values]
    test, training = last.sel(split="test"), data.sel(split="train")
    own = data.accuracy.sel(split="test", rule="own")
    return {
        "name": name,
        "configuration": record.config.to_dict(),
        "class_sizes": [int(n) for n in data.class_size],
        "accuracy": {rule: _rounded(test.accuracy.sel(rule=rule)) for rule in rules},
        "best": {"accuracy": _rounded(own.max()), "epoch": record.epochs[int(np.argmax(own.values))]},
        "training_accuracy": _rounded(training.isel(epoch=-1).accuracy.sel(rule="own")),
        "group_accuracy": {
            str(group): _rounded(test.group_accuracy.sel(rule="own", group=group)) for group in data.group.values
        },
        "class_accuracy": {rule: _rounded(test.class_accuracy.sel(rule=rule)) for rule in rules},
        "curves": {
            "epoch": record.epochs,
            "clock": _rounded(data.clock),
            "nc": _rounded(training.nc_mean),
            "test_accuracy": _rounded(own),
        },
        "variability": _rounded(training.variability.isel(epoch=-1)),
        "checks": confirm(data, predictions).to_dict()["checks"],
        "machine": {key: data.attrs[key] for key in ("device", "arithmetic", "threads", "processes", "torch")}
        | {"training_seconds": round(float(last.training_seconds), 1)},
    }


def _rounded(values: Any) -> Any:
    """Five significant digits, as plain numbers."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim:
        return [_rounded(each) for each in array]
    return float(f"{array:.5g}")


def collect(root: Path, table: str) -> tuple[list[Result], dict[Path, str]]:
    """Summaries of the finished trainings of a table, laid out as ROOT/TABLE/CELL/seedS.

    The second answer are folders that were left out though something is finished there: damaged, a smoke test, or a
    training with other settings than those of its name. A training also answers for the cells that share it, under
    their names and with its own as ``trained_as``.
    """
    own, shared, left_out = [], [], {}
    trained_as = sharing(table)
    paths = sorted((root / table).glob("*/seed*/config.json"))
    for path in tqdm(paths, "reading", unit="run", leave=False, delay=1.0, disable=not interactive()):
        run, name = Run(path.parent), path.parent.parent.relative_to(root).as_posix()
        try:
            if (evidence := run.outcome()) is None:
                continue
            record, predictions = evidence
            config = record.config
            if run.smoke:
                raise ValueError("a smoke test")
            if other := preset(name, seed=config.seed).differences(config):
                raise ValueError(f"the table wants other settings: {', '.join(other)}")
            own.append(summary(name, record.of(config), predictions))
            for answered in (each for each, base in trained_as.items() if base == name != each):
                wanted = preset(answered, seed=config.seed)
                if record.answers(wanted):
                    shared.append({**summary(answered, record.of(wanted), predictions), "trained_as": name})
        except ValueError as error:
            left_out[run.folder] = str(error)
    return merge(shared, own), left_out  # a run of its own says more


def current(results: Iterable[Result]) -> list[Result]:
    """Those whose settings are what their name stands for today; others are of an earlier table."""
    return [
        result
        for result in results
        if result["name"] in PRESETS
        and preset(result["name"], seed=result["configuration"]["seed"]) == Config.from_dict(result["configuration"])
    ]


def merge(old: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """Both, by name and seed; the new one where both have a result."""
    merged = {_key(result): result for result in (*old, *new)}
    return [merged[key] for key in sorted(merged)]


def _key(result: Mapping[str, Any]) -> tuple[str, int]:
    return result["name"], result["configuration"]["seed"]


def save(path: Path, results: Iterable[Result]) -> Path:
    """Write JSON, one training a line so that differences can be read."""
    results = list(results)
    lines = ",\n".join(store.to_json(result) for result in results)
    digest = store.sealed({"results": results})[store.SEAL]
    return store.save_text(path, f'{{"{store.SEAL}": "{digest}", "results": [\n{lines}\n]}}\n')


def place(table: str) -> Path:
    """File of the results of a table: in the working folder, or where that has none, among those of the package."""
    here = Path("results") / f"{table}.json"
    ours = Path(__file__).parents[2] / here
    return ours if ours.exists() and not here.exists() else here


def load(path: Path) -> list[Result]:
    """Read what :func:`save` wrote; nothing if there is no such file. Raises DamagedFile."""
    if not path.exists():
        return []
    try:
        results = store.unsealed(path)["results"]
        for result in results:
            Config.from_dict(result["configuration"])
            float(result["accuracy"]["own"])
    except store.DamagedFile:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise store.DamagedFile(f"{path} does not hold results of trainings: {error}") from None
    return list(results)
