"""Features of a finished training, from its last checkpoint and the images it was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ufm.measure import metrics
from ufm.problems.frames import Frame
from ufm.train import checkpoint
from ufm.train.data import Split, wanted
from ufm.train.learner import Learner
from ufm.train.run import Run

BATCH = 500
"""Images at a time."""


@dataclass(frozen=True)
class Decided:
    """Features of one split, and what the network's own rule makes of them."""

    features: NDArray[np.float64]
    """(N, d): the vectors that collapse."""
    labels: NDArray[np.int64]
    own: NDArray[np.int64]
    """Class by the own rule, (N,)."""


@dataclass(frozen=True)
class Extracted:
    """What a training ended with."""

    train: Decided
    test: Decided
    frame: Frame | None
    """Centers and classifier, of methods that have a frame."""


def extract(run: Run, root: Path | None = None) -> Extracted:
    """Features of all training images, without augmentation, and of all test images, on the CPU.

    Parameters
    ----------
    run : a training with a checkpoint.
    root : folder of the data sets, as for :func:`ufm.train.data.load`.

    Raises
    ------
    ValueError : no training, no checkpoint, or one of another configuration.
    FileNotFoundError : the images are not there.
    DamagedFile : a file is not what was written.
    """
    config = run.config()
    found = checkpoint.latest(run.folder / "checkpoints")
    if found is None:
        raise ValueError(f"{run.folder} has no checkpoint: there is no network")
    data = wanted(config, root)
    learner = Learner(config, data.class_sizes, data.channels, data.size)
    learner.load_state_dict(
        {name.removeprefix("learner."): x for name, x in found.tensors.items() if name.startswith("learner.")}
    )
    train, test = _decided(learner, data.train), _decided(learner, data.test)
    frame = learner.method.frame(metrics.class_means(train.features, train.labels)) if learner.has_frame else None
    return Extracted(train, test, frame)


def _decided(learner: Learner, split: Split) -> Decided:
    vectors, own = [], []
    indices = torch.arange(len(split))
    with learner.evaluating() as decide:
        for images, _ in split.stream(torch.split(indices, BATCH)):
            features = learner.features(images)
            vectors.append(learner.method.geometry(features).double().numpy())
            own.append(decide(features)["own"].numpy())
    return Decided(np.concatenate(vectors), split.labels.numpy(), np.concatenate(own))
