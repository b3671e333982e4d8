"""``ufm decide``: do the decisions of a network follow from norm and noise of its features?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro

from ufm.certify.decided import SIZES, decide
from ufm.certify.finding import Finding
from ufm.certify.report import combine
from ufm.commands.flags import check_file
from ufm.files import store
from ufm.files.arrays import read, read_labels
from ufm.files.process import FAILS, OK
from ufm.measure.arrays import Classes, vectors
from ufm.problems.build import build
from ufm.problems.frames import Frame, multi_center_frame
from ufm.train.run import Run

FILES = ("features", "labels", "test_features", "test_labels", "frame")
"""What takes the place of a training, all of them."""


@dataclass
class Command:
    """Hold decisions on trained features against theory, rule by rule.

    Accuracy, radii and label shift are held against it. Theory has features of class k around their own mean center,
    with one norm and one isotropic noise: both are estimated on training and on test features. Then: accuracy of each
    rule; accuracy on centered, scaled and normalised features (which part of a rule does what); certified radii;
    accuracy under attacks and other priors; offsets for these, from training features. Status 1 if a prediction fails.
    What fails for features far from collapse is not refuted.

    Example: ufm decide runs/cifar10/cal/seed0 --json

    Example: ufm decide runs/cal/seed0 runs/al/seed0

    Example: ufm decide runs/cal/seed* --json > mine.json (then: ufm decide --kept mine.json --show verdicts)

    Example: ufm decide --features h.npy --labels y.npy --test-features t.npy --test-labels u.npy --frame problem.toml
    """

    group = "A network"

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Folders that `ufm train` wrote, of methods with a frame; the images must be there."""
    data: Path | None = None
    """Folder of these images (default: $NCMC_DATA, or ./data)."""
    features: str | None = None
    """File with training features (N, d), read as `ufm measure` does."""
    labels: str | None = None
    """File with their N labels."""
    test_features: str | None = None
    """File with test features (M, d)."""
    test_labels: str | None = None
    """File with their M labels, of the same classes."""
    frame: Path | None = None
    """File with the problem whose frame the features belong to, .toml or .json."""
    basis: Literal["random", "coordinate"] = "random"
    """Basis of that frame."""
    seed: int = 0
    """Seed of a random basis."""
    eps: tuple[float, ...] = SIZES
    """Lengths of attacks, in feature space."""
    save: Path | None = None
    """Keep features and labels of one training in this file, .npz."""
    json: bool = False
    """One JSON object on stdout, with all tables."""
    kept: str | None = None
    """Show what --json wrote into this file, in place of a training: by kind of training (named by method and what most
    kinds do not share), over seeds. Without an ending it is the name of a committed one: decisions (CIFAR-10-LT),
    decisions-plain (the same without crops, trained to the end) or decisions-designs (Fashion-MNIST-LT)."""
    show: Literal["accuracy", "premises", "estimates", "verdicts"] | None = None
    """Of kept decisions: accuracy by rule (the default); what it would be if features were as theory has them, or
    nearly; norms and noises; or how many trainings each prediction held in, and how far off it was."""

    def run(self) -> int:
        """Read, hold against theory, print."""
        given = [name for name in FILES if getattr(self, name) is not None]
        if self.kept is not None:
            if self.runs or given or self.json or self.data is not None:
                raise ValueError("--kept shows what was found before: it takes neither trainings nor --data nor --json")
            from ufm.tables.decided import shown

            print(shown(self.kept, self.show or "accuracy"))
            return OK
        if self.show is not None:
            raise ValueError(f"--show {self.show} is of what --kept names")
        if bool(self.runs) == bool(given):
            raise ValueError(
                "which features? either runs, ufm decide FOLDER..., or --features and all that goes with it"
            )
        if self.data is not None and not self.runs:
            raise ValueError(f"data={self.data} is where the images of a training are: files have their features")
        if files := [run for run in self.runs if run.is_file()]:
            raise ValueError(f"{files[0]} is a file and no folder of a training: features are given by --features")
        if given and "frame" not in given:
            raise ValueError(
                "--frame is missing: theory speaks of one; without it ufm.certified_radius has radii, "
                "ufm measure accuracies"
            )
        if lacking := [name for name in FILES if given and name not in given]:
            raise ValueError(
                f"--{lacking[0].replace('_', '-')} is missing: files take the place of a training only all together"
            )
        if bad := [size for size in self.eps if not 0 < size < np.inf]:
            raise ValueError(f"eps={bad[0]} must be positive and finite")
        check_file(self.save, "save")
        if self.save is not None and len(self.runs) != 1:
            raise ValueError(f"save={self.save} keeps the features of one training: {len(self.runs)} are given")
        found = list(self._of_runs()) if self.runs else [self._of_files()]
        whole = combine("decide", [each.report for each in found])
        if self.json:
            print(store.to_json({"decisions": [each.to_dict() for each in found]}))
        else:
            print("\n\n".join(map(str, [*found, whole.tally])))
        return OK if whole.holds else FAILS

    def _of_runs(self) -> Iterator[Finding]:
        for folder in self.runs:
            Run(folder).evidence()  # refuses what is not finished
        from ufm.train.extract import extract

        for folder in self.runs:
            config = Run(folder).config()
            ends = extract(Run(folder), self.data)
            if ends.frame is None:
                raise ValueError(
                    f"{folder} was trained by {config.method}, which has no frame: no rule decides by centers"
                )
            train, test = ends.train, ends.test
            if self.save is not None:
                _keep(
                    self.save,
                    features=train.features,
                    labels=train.labels,
                    train_own=train.own,
                    test_features=test.features,
                    test_labels=test.labels,
                    test_own=test.own,
                )
            design = f"{config.centers} centers, f {config.f:g}, theta {config.theta:g}, lr {config.lr:g}"
            arrays = (train.features, train.labels, test.features, test.labels)
            yield decide(*arrays, ends.frame, title=f"{config.title}, {design}", own=test.own, sizes=self.eps)

    def _of_files(self) -> Finding:
        frame = self._frame()
        labels, test_labels = read_labels(self.labels or ""), read_labels(self.test_labels or "")
        classes = Classes.found(labels)
        if len(classes) != frame.n_classes:
            raise ValueError(f"labels: {len(classes)} classes occur, the frame has {frame.n_classes}")
        train = vectors("features", read(self.features or ""), 2)
        test = vectors("test_features", read(self.test_features or ""), 2)
        codes = classes.codes(labels)
        try:
            test_codes = classes.codes(test_labels)
        except ValueError as error:
            raise ValueError(f"test_labels: {error}") from None
        return decide(train, codes, test, test_codes, frame, title=str(self.features), sizes=self.eps)

    def _frame(self) -> Frame:
        return multi_center_frame(build({"problem": str(self.frame)}), basis=self.basis, seed=self.seed)


def _keep(path: Path, **arrays: Any) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    store.write_atomically(path, write)
