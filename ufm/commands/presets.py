"""``ufm presets``: named problems, named trainings, methods."""

from dataclasses import dataclass

from ufm.files import store
from ufm.files.process import OK
from ufm.problems.presets import PRESETS, preset
from ufm.train import presets as train_presets
from ufm.train.catalogue import METHODS


@dataclass
class Command:
    """List the named problems, or the named trainings.

    Example: ufm presets --tau 0.1

    Example: ufm presets --train

    Example: ufm presets --methods
    """

    tau: float | None = None
    """Imbalance ratio n_min / n_max, in (0, 1]; each preset's own if left out."""
    train: bool = False
    """List trainings: the cells of the paper's tables and figures, and what runs on a laptop."""
    methods: bool = False
    """List the methods of training, with their hyperparameters."""
    json: bool = False
    """One JSON object on stdout."""

    def run(self) -> int:
        """Print a table."""
        if self.methods or self.train:
            if self.tau is not None or (self.methods and self.train):
                raise ValueError("one thing at a time: problems (with --tau), --train or --methods")
            return self._methods() if self.methods else self._trainings()
        problems = {name: preset(name, tau=self.tau) for name in PRESETS}
        if self.json:
            print(store.to_json({"presets": {name: problem.to_dict() for name, problem in problems.items()}}))
            return OK
        print(f"{'name':12} {'K':>5} {'N':>7} {'n_max':>6} {'n_min':>6} {'F':>6} {'d':>6}  about")
        for name, p in problems.items():
            sizes = f"{max(p.class_sizes):6} {min(p.class_sizes):6}"
            print(f"{name:12} {p.n_classes:5} {p.n_samples:7} {sizes} {p.n_centers:6} {p.dim:6}  {PRESETS[name].about}")
        return OK

    def _trainings(self) -> int:
        trainings = {name: train_presets.preset(name) for name in train_presets.PRESETS}
        lines = [f"{name:{max(map(len, trainings))}}  {c.title}" for name, c in trainings.items()]
        plain = {"trainings": {name: c.to_dict() for name, c in trainings.items()}}
        print(store.to_json(plain) if self.json else "\n".join(lines))
        return OK

    def _methods(self) -> int:
        if self.json:
            kept = ("about", "hyper", "trained_as")
            plain = {name: {each: getattr(method, each) for each in kept} for name, method in METHODS.items()}
            print(store.to_json({"methods": plain}))
            return OK
        width = max(map(len, METHODS))
        for name, method in METHODS.items():
            shared = f" [same training as {method.trained_as}]" if method.trained_as else ""
            print(f"{name:{width}}  {method.about}{shared}")
            if method.hyper:
                print(f"{'':{width}}  --hyper {' '.join(f'{k}={v:g}' for k, v in method.hyper.items())}")
        return OK
