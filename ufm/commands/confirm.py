"""``ufm confirm``: did real networks do what theory said?"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from ufm.certify.report import combine
from ufm.certify.training import compare, confirm
from ufm.files.process import FAILS, OK
from ufm.train.run import Run


@dataclass
class Command:
    """Hold finished trainings against what theory predicted before they began.

    One table per run; with several runs on the same data and seed also which method's rare classes collapse faster.
    Status 1 if a prediction failed. One law must hold to rounding at every step, converged or not: with cross-entropy
    and SGD the rows of the classifier add up to what weight decay leaves of their sum before the first step (NC0).

    Example: ufm confirm runs/train/0123456789abcdef

    Example: ufm confirm runs/cal runs/al runs/setf --json
    """

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Folders that `ufm train` wrote."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Compare, print."""
        if not self.runs:
            raise ValueError("which run? ufm confirm FOLDER...")
        evidence = [Run(folder).evidence() for folder in self.runs]
        pairs = [(record.data, predictions) for record, predictions in evidence]
        reports = [*(confirm(*pair) for pair in pairs), *compare(pairs)]
        whole = reports[0] if len(reports) == 1 else combine("confirm", reports)
        print(whole.to_json() if self.json else "\n\n".join(map(str, [*reports, whole.tally])))
        return OK if whole.holds else FAILS
