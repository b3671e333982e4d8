"""``ufm table``: the tables of the paper and our own, from what was run."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ufm import store
from ufm.flags import FAILS, OK, interactive
from ufm.train import results, tables
from ufm.train.grid import Cell, missing, run_all


@dataclass
class Table:
    """Show a table of trainings, mean and standard deviation over seeds; run what is missing.

    table1, table2, table4, table5 and table6 are the paper's; fashion is ours and runs on a laptop's CPU. Numbers are
    read from --results and from finished runs below --runs; cells without any say "not run".

    Example: ufm table fashion

    Example: ufm table fashion --quantity gcr

    Example: ufm table fashion --run --jobs 2 (and again after Ctrl-C: goes on where it stopped)

    Example: ufm table table2 --run --where cifar100 --device cuda
    """

    name: tyro.conf.Positional[str]
    """Name of the table."""
    quantity: Literal["own", "rcr", "gcr", "nearest", "best", "rare"] = "own"
    """Test accuracy at the last epoch by the method's own rule, RCR, GCR or nearest mean center; best: at the best
    epoch (chosen on the test set, as some papers do); rare: of the rarest third of the classes."""
    execute: Annotated[bool, tyro.conf.arg(name="run")] = False
    """Run what is missing, or was interrupted."""
    where: str = ""
    """Only cells whose name contains this."""
    seeds: int = 3
    """Seeds per cell: 0, 1, ..."""
    jobs: int = 1
    """Trainings at a time, each with one CPU thread if there are several."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    runs: Path = Path("runs")
    """Folder of the runs: RUNS/NAME/seedS."""
    results: Path | None = None
    """File of results to read, and to add to with --save (results/NAME.json)."""
    save: bool = False
    """Write what is known of this table to --results."""
    picture: Path | None = None
    """Draw collapse and accuracy of the methods into this file, .png, .pdf or .svg."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Run what is missing, print the table."""
        for name in ("seeds", "jobs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")
        wanted = [name for name in tables.cells(self.name) if self.where in name]
        if not wanted:
            raise ValueError(f"where={self.where!r} is in no name of {self.name}")
        failures = self._run(wanted) if self.execute else {}
        path = self.results or Path("results") / f"{self.name}.json"
        known = results.load(path)
        known = results.merge(known, results.collect(self.runs, self.name))
        if self.save:
            results.save(path, known)
        found = [entry for entry in tables.entries(self.name, known, self.quantity) if self.where in entry.name]
        if self.picture is not None:
            from figures import comparison, style

            drawn = {entry.name for entry in found}
            style.save_figure(comparison.comparison_figure([r for r in known if r["name"] in drawn]), self.picture)
        if self.json:
            print(store.to_json({"cells": [entry.to_dict() for entry in found]}))
        else:
            print(tables.markdown(found, f"test accuracy, %, {self.quantity}"))
            for cell, reason in failures.items():
                print(f"failed: {cell}: {reason}")
        return FAILS if failures else OK

    def _run(self, names: list[str]) -> dict[Cell, str]:
        """Reasons of the cells that failed."""
        from tqdm import tqdm

        cells = missing([Cell(name, seed) for seed in range(self.seeds) for name in names], self.runs)
        flags = ["--device", self.device, *(["--threads", "1"] if self.jobs > 1 else [])]
        failures = {}
        with tqdm(total=len(cells), unit="run", disable=not interactive()) as bar:
            for cell, reason in run_all(cells, self.runs, self.jobs, flags):
                bar.update()
                if reason is not None:
                    failures[cell] = reason
                    print(f"ufm: {cell} failed: {reason}", file=sys.stderr)
        return failures
