"""The companion trainer: real networks that confirm or refute what theory predicts; and hooks into other trainings."""

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ufm.train.callbacks import lightning_callback, trainer_callback
from ufm.train.watched import read

if TYPE_CHECKING:
    from ufm.measure.conventions import Conventions
    from ufm.train.watching import Watch

__all__ = ["lightning_callback", "read", "require_packages", "trainer_callback", "watch"]


def require_packages(*names: str) -> None:
    """Raise ValueError if a package is missing that training needs; to plan and to read trainings, none is."""
    wanted = names or ("torch", "torchvision", "safetensors")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"training needs {', '.join(missing)}: pip install {' '.join(missing)}")


def watch(
    model: Any,
    loader: Iterable[Any] | None = None,
    *,
    layer: str | None = None,
    layers: Sequence[str] = (),
    every: int = 1,
    passes: int = 2,
    pool: bool = False,
    unpack: Callable[[Any], tuple[Any, Any]] | None = None,
    conventions: "Conventions | None" = None,
) -> "Watch":
    """Watch the collapse of a network in your own training loop: call ``epoch()`` of what you get after each epoch.

    The network is measured in evaluation mode, without gradients, and hooked into only meanwhile. Modes and random
    states are given back: the training takes the same steps, bit by bit, as without.

    Parameters
    ----------
    model : any torch.nn.Module; wrapped for several devices, or compiled, too: it is measured without the wrapping.
    loader : what is measured on, each time from the beginning: a DataLoader or a list of batches (inputs, labels), or
        dicts with "labels", whose other entries the network takes by name. It may shuffle.
    layer : name of the classifier, as in ``model.named_modules()``; the linear layer that is defined last if left out.
        Its input (B, d) are the features, its weights (K, d) and bias (K,) those of the measures, labels 0 .. K - 1.
    layers : names of modules below, whose outputs are measured too: where does collapse begin?
    every : ``epoch()`` measures at every so many calls. To count steps, call it after each step.
    passes : 2, or 1 for half the time: then there are no decisions, and below the classifier no NC1 but its ratio of
        traces.
    pool : whether maps (B, C, height, width) count by their means over places, sequences (B, T, d) by their means over
        T; otherwise everything is flattened, which takes memory by K numbers for each of it.
    unpack : from a batch to (inputs, labels) where batches are of another kind; inputs that are a tuple or a dict are
        several arguments.
    conventions : where papers differ.

    Under torch.distributed every process measures its own batches and all get the measures of all of them: each process
    must call. A loader with persistent workers goes on with their random states: give one of its own for measuring.

    Returns
    -------
    :class:`ufm.train.watching.Watch`: ``epoch()``, ``measure(epoch)``, ``data`` (xarray, by epoch, layer and class),
    ``save(path)``, and a table if printed.

    Raises
    ------
    ValueError : no linear layer, an unknown name of a layer (with the nearest ones), torch is not installed.

    Example
    -------
    >>> import torch, ufm.train
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> batches = [(torch.randn(30, 2), torch.arange(30) % 3)]
    >>> watch = ufm.train.watch(network, batches, layers=["0"])
    >>> measures = watch.epoch()
    >>> watch.names, dict(watch.data.sizes) == {"epoch": 1, "layer": 2, "class": 3, "other_class": 3}
    (['0', 'input of 2'], True)
    """
    require_packages("torch")
    from ufm.train.watching import Watch

    return Watch(
        model,
        loader,
        layer=layer,
        layers=layers,
        every=every,
        passes=passes,
        pool=pool,
        unpack=unpack,
        conventions=conventions,
    )
