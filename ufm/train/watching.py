"""Collapse of a network in anybody's training loop, layer by layer, without touching the training."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from ufm.files import store
from ufm.files.text import suggestion
from ufm.measure.collector import Collector
from ufm.measure.conventions import Conventions
from ufm.measure.network import Measures
from ufm.measure.second import SecondPass
from ufm.measure.statistics import Statistics
from ufm.train import watched
from ufm.train.batches import call, moved, pooled, unpacked
from ufm.train.undisturbed import bare, evaluating, unchanged, uncompiled

if TYPE_CHECKING:
    import xarray

P = TypeVar("P", Collector, SecondPass)

SCATTER = 4096
"""Features of a dimension up to which a single pass keeps their scatter, d x d numbers."""


class Watch:
    """What :func:`ufm.train.watch` returns: it measures when told to, and holds the record.

    Attributes
    ----------
    layer : the name of the classifier, whose input is the last row of the record.
    layers : names of the modules whose outputs are the rows above it.
    calls : how often :meth:`epoch` was called.
    """

    def __init__(
        self,
        model: nn.Module,
        loader: Iterable[Any] | None = None,
        *,
        layer: str | None = None,
        layers: Sequence[str] = (),
        every: int = 1,
        passes: int = 2,
        pool: bool = False,
        unpack: Callable[[Any], tuple[Any, Any]] | None = None,
        conventions: Conventions | None = None,
    ) -> None:
        """Find the layers. Raises as :func:`ufm.train.watch`."""
        for name, value, allowed in (("every", every, every >= 1), ("passes", passes, passes in (1, 2))):
            if not allowed:
                raise ValueError(f"{name}={value} must be {'1 or 2' if name == 'passes' else 'at least 1'}")
        self.model, self.loader, self.every, self.passes, self.pool = bare(model), loader, every, passes, pool
        self.unpack, self.conventions = unpack or unpacked, conventions
        modules = dict(self.model.named_modules())
        self.layer = _classifier(modules, layer)
        self._head: Any = modules[self.layer]
        self.layers = tuple(layers)
        for name in self.layers:
            _require_module(name, modules, f"layers: {name!r}")
        self._modules = {name: modules[name] for name in self.layers}
        self.calls = 0
        self._rows: dict[int, watched.Row] = {}

    @property
    def names(self) -> list[str]:
        """Rows of the record: the layers, then what the classifier takes in."""
        return [*self.layers, f"input of {self.layer}"]

    @property
    def data(self) -> "xarray.Dataset":
        """The record so far: measures by (epoch, layer) and (epoch, layer, class), and the last layer's geometry."""
        about = {watched.MARK: self.layer, "model": type(self.model).__name__}
        return watched.dataset(self._rows, self.names, range(self._n_classes), about)

    def __str__(self) -> str:
        """A table: the last epoch layer by layer, all epochs of the last layer."""
        return watched.table(self.data)

    def save(self, path: str | Path) -> Path:
        """Write the record as netCDF, for ``ufm confirm`` and :func:`ufm.train.read`."""
        return store.save_classic(self.data, path)

    def epoch(self, loader: Iterable[Any] | None = None) -> Measures | None:
        """Count one more epoch, or step; measure at every ``every``-th. The features before the classifier, or None."""
        self.calls += 1
        return None if self.calls % self.every else self.measure(self.calls, loader)

    def measure(self, epoch: int, loader: Iterable[Any] | None = None) -> Measures:
        """Measure now and put it down as that epoch; 0 is before the first step.

        Raises ValueError for batches or labels that it cannot make sense of, features that are not finite, a layer
        that the network does not call, and a loader that can be gone through only once.
        """
        batches = self._loader(loader)
        with evaluating(self.model):
            first = self._collected(batches)
            measured, last = self._second(first, batches) if self.passes == 2 else self._single(first)
        self._rows[epoch] = watched.row(list(measured.values()), last)
        return measured[self.names[-1]]

    @property
    def _n_classes(self) -> int:
        return len(self._head.weight)

    @property
    def _given(self) -> tuple[Tensor, Tensor | None]:
        bias = self._head.bias
        return self._head.weight.detach().cpu(), None if bias is None else bias.detach().cpu()

    def _loader(self, loader: Iterable[Any] | None) -> Iterable[Any]:
        chosen = self.loader if loader is None else loader
        if chosen is None:
            raise ValueError("which samples? watch(model, loader), or watch.epoch(loader)")
        if self.passes == 2 and isinstance(chosen, Iterator):
            raise ValueError("the loader can be gone through only once: a DataLoader or a list of batches, or passes=1")
        return chosen

    def _collected(self, batches: Iterable[Any]) -> dict[str, Collector]:
        """The first pass."""
        scatter = self.passes == 1 and self._head.weight.shape[1] <= SCATTER
        into = {name: Collector(self._n_classes, scatter=scatter and name == self.names[-1]) for name in self.names}
        return _together(self._through(batches, into))

    def _single(self, first: dict[str, Collector]) -> tuple[dict[str, Measures], Statistics]:
        last, given = self.names[-1], self._given
        measured = {
            name: each.measures(*(given if name == last else ()), conventions=self.conventions)
            for name, each in first.items()
        }
        return measured, first[last].statistics(*given, conventions=self.conventions)

    def _second(self, first: dict[str, Collector], batches: Iterable[Any]) -> tuple[dict[str, Measures], Statistics]:
        last, given = self.names[-1], self._given
        into = {
            name: each.second_pass(*(given if name == last else ()), conventions=self.conventions)
            for name, each in first.items()
        }
        again = _together(self._through(batches, into))
        return {name: each.measures() for name, each in again.items()}, again[last].first

    def _through(self, batches: Iterable[Any], into: dict[str, P]) -> dict[str, P]:
        """All batches through the network, features of each layer into its collector."""
        place = next(self.model.parameters()).device
        host = _apart()
        with unchanged(batches), self._caught() as seen, torch.no_grad(), uncompiled():
            for batch in batches:
                inputs, labels = self.unpack(batch)
                seen.clear()
                call(self.model, moved(inputs, place))
                for name, each in into.items():
                    rows = self._rows_of(name, seen)
                    each.add(rows.cpu() if host else rows, labels)
        return into

    @contextlib.contextmanager
    def _caught(self) -> Iterator[dict[str, Any]]:
        """What layers give and what the classifier takes, by row, while it lasts."""
        seen: dict[str, Any] = {}

        def takes(module: nn.Module, args: Any, kwargs: Any) -> None:
            seen[self.names[-1]] = args[0] if args else next(iter(kwargs.values()))

        def gives(name: str) -> Callable[..., None]:
            return lambda module, args, output: seen.__setitem__(name, output)

        handles = [self._head.register_forward_pre_hook(takes, with_kwargs=True)]
        handles += [module.register_forward_hook(gives(name)) for name, module in self._modules.items()]
        try:
            yield seen
        finally:
            for handle in handles:
                handle.remove()

    def _rows_of(self, name: str, seen: Mapping[str, Any]) -> Tensor:
        """Features (B, d) of a row of the record."""
        if name not in seen:
            hint = ", name the classifier, layer=NAME" if name == self.names[-1] else ""
            raise ValueError(f"{name!r}: the network does not call this layer{hint}")
        values = seen[name][0] if isinstance(seen[name], tuple | list) else seen[name]
        if not isinstance(values, Tensor) or values.ndim < 2:
            what = f"of shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
            raise ValueError(f"{name!r} is {what}: a tensor (B, ...) is needed")
        if name == self.names[-1]:
            if values.ndim > 2:
                raise ValueError(
                    f"{name!r} has shape {tuple(values.shape)}, several vectors a sample: name another layer="
                )
            return values
        return pooled(values) if self.pool else values.flatten(1)


def _classifier(modules: Mapping[str, Any], layer: str | None) -> str:
    """The name of the classifier: the one that is given, or the last linear layer, in the order of definition."""
    if layer is None:
        linear = [name for name, module in modules.items() if isinstance(module, nn.Linear)]
        if not linear:
            raise ValueError("the model has no linear layer: name the classifier, layer=NAME")
        return linear[-1]
    _require_module(layer, modules, f"layer={layer!r}")
    weight = getattr(modules[layer], "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim != 2 or not hasattr(modules[layer], "bias"):
        kind = type(modules[layer]).__name__
        raise ValueError(f"layer={layer!r} is a {kind}: a linear layer with weights (K, d) is needed")
    return layer


def _require_module(name: str, modules: Mapping[str, Any], said: str) -> None:
    """Raise ValueError for what is no module. The whole network is one, but suggested is what has a name."""
    if name not in modules:
        raise ValueError(f"{said} is no module of the model" + suggestion(name, [each for each in modules if each], 3))


def _apart() -> bool:
    """Whether several processes measure together."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _together(own: dict[str, P]) -> dict[str, P]:
    """What all processes have collected, merged in their order, so that each of them has the same bits."""
    if not _apart():
        return own
    everybody: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(everybody, own)
    whole, *others = everybody
    for other in others:
        for name, each in whole.items():
            each.merge(other[name])
    return whole
