"""``ufm confirm``: did real networks do what theory said?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from ufm.certify import watched
from ufm.certify.report import Report, combine
from ufm.certify.training import compare, confirm
from ufm.files.process import FAILS, OK
from ufm.problems.build import read_model
from ufm.train import read
from ufm.train.run import Run


@dataclass
class Command:
    """Hold trainings against what theory predicted before they began.

    One table per run; with several runs on the same data and seed also which method's rare classes collapse faster.
    Status 1 if one does not hold, also where a training has not converged, which refutes nothing. One law must hold to
    rounding at every step, converged or not: with cross-entropy and SGD the rows of the classifier add up to what
    weight decay leaves of their sum before the first step (NC0).

    Example: ufm confirm runs/train/0123456789abcdef

    Example: ufm confirm runs/cal runs/al runs/setf --json

    The record of any other network, as ufm.train.watch writes it, is held against the minimum of a model without a
    frame, the one that `ufm geometry` finds: angles and norms of classifier and class means, and NC0.

    Example: ufm confirm record.nc --model model.toml
    """

    group = "A network"

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders that `ufm train` wrote; with --model, records of ufm.train.watch."""
    model: Path | None = None
    """File with a model, .toml or .json: class sizes, loss and decays, as for `ufm geometry --model`."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Compare, print."""
        if not self.runs:
            raise ValueError("which run? ufm confirm FOLDER...")
        reports = self._of_runs() if self.model is None else self._of_records(read_model(self.model))
        whole = reports[0] if len(reports) == 1 else combine("confirm", reports)
        print(whole.to_json() if self.json else "\n\n".join(map(str, [*reports, whole.tally])))
        return OK if whole.holds else FAILS

    def _of_runs(self) -> list[Report]:
        for path in self.runs:
            if path.is_file():
                raise ValueError(f"{path} is a file: a record of ufm.train.watch goes with --model model.toml")
        evidence = [Run(folder).evidence() for folder in self.runs]
        pairs = [(record.data, predictions) for record, predictions in evidence]
        return [*(confirm(*pair) for pair in pairs), *compare(pairs)]

    def _of_records(self, model: Any) -> list[Report]:
        return [watched.confirm(read(path), model) for path in self.runs]
