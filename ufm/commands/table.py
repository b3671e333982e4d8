"""``ufm table``: the tables of the paper and our own, from what was run."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ufm.commands.flags import PICTURES, check_file, check_folder
from ufm.files import store
from ufm.files.process import FAILS, OK, interactive
from ufm.tables import grid, results, tables
from ufm.tables.grid import Cell, missing, run_all
from ufm.tables.results import Result
from ufm.train import presets


@dataclass
class Command:
    """Show a table of trainings; run what is missing.

    Cells are mean and standard deviation over seeds.

    Tables 1 to 7 are the paper's; "cifar10", "cifar100", "fashion", "offline" (19 methods), "angles" (f and theta),
    "designs" (choices of centers), "plain" (CIFAR-10 without crops, until training ends), "collapse" (figures 4 and 5)
    and "scan" (learning rates on validation images) are ours and run on a laptop's CPU. They train on different numbers
    of images, and are not compared with each other. Numbers are read from --results and from finished runs below
    --runs; cells without any say "not run". One training is run for all methods that share it (`ufm presets --methods`
    says which): CE answers for CE+LA.

    Example: ufm table 2

    Example: ufm table fashion --against "cnn CE"

    Example: ufm table fashion --quantity gcr

    Example: ufm table offline --ranks

    Example: ufm table cifar10 --quantity medium --against "convnet CE"

    Example: ufm table cifar10 --where -0.01 --overview

    Example: ufm table scan --seeds 1 --where cifar10-

    Example: ufm table angles --correlate

    Example: ufm table fashion --run --jobs 2 (and again after Ctrl-C: goes on where it stopped)

    Example: ufm table 2 --run --where cifar100 --device cuda
    """

    group = "A network"

    name: tyro.conf.Positional[str]
    """Table of the paper, 1 to 7, or one of ours: cifar10, cifar100, fashion, offline, angles, designs, collapse or
    scan."""
    quantity: tables.Quantity = "own"
    """Test accuracy at the last epoch by the method's own rule, RCR, GCR or nearest mean center; best: at the best
    epoch (chosen on the test set, as some papers do); rare: of the rarest third of the classes; many, medium, few: of
    classes with more than 100, with 20 to 100, with fewer than 20 training images; training: on training images."""
    overview: bool = False
    """All of these but best, next to each other."""
    verdicts: bool = False
    """How often each prediction made before a training held, by row, and orders that follow from theory (of rules, of
    methods), instead of accuracies. What does not hold in a training that has not converged is not refuted."""
    ranks: bool = False
    """Rows by their mean rank over columns, with Friedman's test that they do not differ."""
    correlate: bool = False
    """Which of theory's numbers goes along with accuracy: rank correlations over cells, 95 % intervals by bootstrap."""
    against: str | None = None
    """Row that the others are compared with: differences over common seeds, p-values of paired t-tests with Holm's
    correction for the rows of a column."""
    format: Literal["markdown", "latex", "csv"] = "markdown"
    """How the table is written."""
    execute: Annotated[bool, tyro.conf.arg(name="run")] = False
    """Run what neither --results nor --runs has, or what was interrupted."""
    where: str = ""
    """Only cells whose name contains this."""
    seeds: int = 3
    """Seeds per cell: 0, 1, ..."""
    jobs: int = 1
    """Trainings at a time, each with one CPU thread if there are several."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    data: Path | None = None
    """Folder of the data sets (default: $NCMC_DATA, or ./data)."""
    runs: Path = Path("runs")
    """Folder of the runs: RUNS/NAME/seedS."""
    results: Path | None = None
    """File of results to read, and to add to with --save (default: results/NAME.json; where there is none, the
    results that come with the package are read)."""
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
        table = tables.table_name(self.name)
        names = [name for name in presets.cells(table) if self.where in name]
        as_usual = self.json or self.against is not None or self.format != "markdown"
        if self.verdicts + self.correlate + self.ranks + self.overview + as_usual > 1:
            raise ValueError(
                "--verdicts, --overview, --correlate and --ranks are tables of their own, in markdown: one at a time"
            )
        if not names:
            raise ValueError(f"where={self.where!r} is in no name of {table}")
        path = self.results or results.place(table)
        self._check_files(table)
        if self.execute:
            self._run(table, self._without_result(names, self._known(path, table)[0]))
        known, left_out = self._known(path, table)
        if self.save:
            results.save(self._written(table), known)
        failed = grid.failures(table, self._without_result(names, known), self.runs)
        if self.picture is not None:
            from figures import style
            from figures.commands.table import comparison_figure

            style.save_figure(comparison_figure([r for r in known if r["name"] in names]), self.picture)
        print(self._text(names, known, failed))
        if not any(result["name"] in names for result in known):
            print(f"ufm: nothing is known of it in {path} or below {self.runs}; --run trains it", file=sys.stderr)
        for name, reason in failed.items():
            print(f"failed: {name}, {reason}", file=sys.stderr)
        for folder, why in left_out.items():
            print(f"left out: {folder}: {why}", file=sys.stderr)
        return FAILS if failed else OK

    def _written(self, table: str) -> Path:
        """Where --save puts results: never among those of the package."""
        return self.results or Path("results") / f"{table}.json"

    def _check_files(self, table: str) -> None:
        """Refuse what cannot be read or written, before anything is run."""
        check_file(self.picture, "picture", PICTURES)
        if self.save:
            check_file(self._written(table), "results")
        elif self.results is not None and not self.results.is_file():
            raise ValueError(f"results={self.results} is no file: --save makes one")
        if self.execute:
            check_folder(self.runs, flag="runs")

    def _text(self, names: list[str], known: list[Result], failed: dict[str, str]) -> str:
        """The table that is asked for."""
        from ufm.tables import compare, writers  # with pandas, which takes its time to start

        if self.verdicts:
            made = [compare.verdicts(names, known), compare.foretold(names, known)]
            return "\n\n".join(writers.markdown(each) for each in made if len(each))
        if self.correlate:
            return writers.markdown(compare.correlations(names, known))
        if self.overview:
            every = tables.overview(names, known, self.seeds, failed)
            return writers.written(every, "accuracy, %", self.format) + self._remark(names, known)
        found = tables.entries(names, known, self.quantity, self.seeds, failed)
        if self.ranks:
            ranked, compared = compare.ranks(found)
            return f"{writers.markdown(ranked)}\n\nTest accuracy, {self.quantity}. {compared}"
        shown = found if self.against is None else compare.differences(found, self.against)
        if self.json:
            return store.to_json({"cells": [cell.to_dict() for cell in shown]})
        minus = "" if self.against is None else f" minus {self.against}"
        images = "validation" if names[0].startswith("scan/") else "test"
        what = "training accuracy, %, own" if self.quantity == "training" else f"{images} accuracy, %, {self.quantity}"
        text = writers.written(shown, f"{what}{minus}", self.format)
        if self.format == "markdown":
            text += self._remark(names, known)
        return text

    def _remark(self, names: list[str], known: list[Result]) -> str:
        """What p-values are of; or which rows were not trained to the end."""
        if self.against is not None:
            return "\n\np: two-sided paired t-test over common seeds, Holm's correction for the rows of a column."
        rows = tables.unfinished(names, known)
        if not rows:
            return ""
        below = f"own-rule training accuracy below {100 * tables.TO_THE_END:g} % in a seed"
        return f"\n\nNot trained to the end, {below}: {', '.join(rows)}."

    def _known(self, path: Path, table: str) -> tuple[list[Result], dict[Path, str]]:
        """Results of the file and of finished runs; which runs were left out and why."""
        new, left_out = results.collect(self.runs, table)
        return results.current(results.merge(results.load(path), new)), left_out

    def _without_result(self, names: list[str], known: list[Result]) -> list[Cell]:
        done = {Cell(result["name"], result["configuration"]["seed"]) for result in known}
        wanted = [Cell(name, seed) for seed in range(self.seeds) for name in names]
        return [cell for cell in wanted if cell not in done]

    def _run(self, table: str, lacking: list[Cell]) -> None:
        from ufm.files.bars import tqdm

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: the trainings end with this command
        cells = missing(grid.trainings(table, lacking, self.runs), self.runs)
        flags = ["--device", self.device, *(["--threads", "1"] if self.jobs > 1 else [])]
        flags += [] if self.data is None else ["--data", str(self.data)]
        with tqdm(total=len(cells), unit="run", disable=not interactive()) as bar:
            for job, reason in run_all([cell.job(self.runs) for cell in cells], self.jobs, flags):
                bar.update()
                if reason is not None:
                    tqdm.write(f"ufm: {job.label} failed: {reason}", file=sys.stderr)
