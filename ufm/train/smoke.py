"""Does a training run end to end? The same configuration, a few batches of synthetic images."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ufm.problems.sizes import long_tailed_sizes
from ufm.train.config import Config

if TYPE_CHECKING:
    from ufm.train.data import Data

N_CLASSES = 10
"""Data sets with more classes are cut down to that: their frames and their images would take minutes."""


def shortened(config: Config) -> Config:
    """The same training, an epoch long, in small batches."""
    return replace(
        config, epochs=1, measure_every=1, batch_size=min(config.batch_size, 8 * config.accumulate), n_max=None
    )


def synthetic_data(config: Config) -> "Data":
    """A few batches of synthetic images of the shape of the data set."""
    from ufm.train.data import DATASETS, synthetic

    name = config.dataset if config.dataset in DATASETS else "cifar10"  # own images may be of any shape
    sizes = long_tailed_sizes(min(DATASETS[name].n_classes, N_CLASSES), 4, max(config.tau, 0.25))
    return synthetic(name, class_sizes=sizes, n_test_per_class=1, seed=config.seed)
