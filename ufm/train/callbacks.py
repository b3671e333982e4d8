"""The same as callbacks of Lightning and of Hugging Face's Trainer, which are imported only when asked for."""

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ufm.train.watched import headline

if TYPE_CHECKING:
    from ufm.train.watching import Watch


class Watching:
    """A :class:`Watch` that begins with the training: only then the network is known.

    Attributes
    ----------
    watch : the watch with the record, None before the training has begun.
    """

    watch: "Watch | None" = None
    _options: dict[str, Any]

    def _begin(self, model: Any, loader: Iterable[Any] | None) -> None:
        """A training goes on with the record that it has."""
        from ufm.train.watching import Watch

        if self.watch is None:
            given = {"loader": loader} | {key: value for key, value in self._options.items() if value is not None}
            self.watch = Watch(model, **given)

    def _count(self) -> dict[str, float]:
        """Count an epoch; the headline where it was measured."""
        if self.watch is None:
            raise RuntimeError("an epoch ends before this callback was told that the training begins")
        measures = self.watch.epoch()
        return {} if measures is None else {f"collapse/{key}": each for key, each in headline(measures).items()}


class OfLightning(Watching):
    """Measures of collapse after training epochs, in Lightning."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Find the layers; the loaders are there now."""
        self._begin(pl_module, trainer.train_dataloader)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Measure, and log the headline."""
        pl_module.log_dict(self._count())


class OfTrainer(Watching):
    """Measures of collapse after training epochs, in Hugging Face's Trainer."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Find the layers."""
        self._begin(given["model"], given.get("train_dataloader"))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Measure, and put the headline into the history."""
        if numbers := self._count():
            state.log_history.append({**numbers, "epoch": state.epoch, "step": state.global_step})


def lightning_callback(loader: Iterable[Any] | None = None, **options: Any) -> Any:
    """A callback for ``lightning.Trainer(callbacks=[...])`` that measures after training epochs.

    Parameters
    ----------
    loader : what is measured on; the training loader if left out.
    options : of :func:`ufm.train.watch`: layer, layers, every, passes, pool, unpack, conventions.

    Its attribute ``watch`` has the record. NC1 to NC4 go to the loggers as collapse/nc1 and so on.

    Raises
    ------
    ValueError : neither lightning nor pytorch_lightning is installed.
    """
    return _made(OfLightning, _module("lightning.pytorch", "pytorch_lightning").Callback, loader, options)


def trainer_callback(loader: Iterable[Any] | None = None, **options: Any) -> Any:
    """A callback for ``transformers.Trainer(callbacks=[...])`` that measures after training epochs.

    Parameters
    ----------
    loader : what is measured on; the training loader if left out. Batches are dicts with "labels".
    options : as for :func:`lightning_callback`.

    Its attribute ``watch`` has the record. NC1 to NC4 go into ``state.log_history``.

    Raises
    ------
    ValueError : transformers is not installed.
    """
    return _made(OfTrainer, _module("transformers").TrainerCallback, loader, options)


def _made(kind: type[Watching], base: Any, loader: Iterable[Any] | None, options: dict[str, Any]) -> Any:
    """A callback that is both; theirs does nothing where ours is not asked."""
    callback: Any = type("CollapseCallback", (kind, base), {"__doc__": kind.__doc__})()
    callback._options = {**options, "loader": loader}
    return callback


def _module(*names: str) -> Any:
    """The first of these modules that is installed."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    package = names[0].partition(".")[0]
    raise ValueError(f"{package} is not installed: pip install {package}")
