"""The training loop: read it top to bottom.

Everything random in a step (order, augmentation, Mixup, dropout) is a function of the seed and the step's number, and
so is the learning rate. A checkpoint therefore needs only weights, momentum and a few sums, and a run that was killed
and resumed is the run that was not, bit for bit (same machine, device and number of threads).
"""

import contextlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from ufm.files.bars import tqdm
from ufm.files.store import DamagedFile
from ufm.train import checkpoint, measure
from ufm.train.checkpoint import Checkpoint
from ufm.train.config import Config
from ufm.train.data import Data
from ufm.train.descent import SGD
from ufm.train.device import Device
from ufm.train.learner import Learner
from ufm.train.methods import mixup
from ufm.train.progress import Diverged, Progress
from ufm.train.record import Record


class Stopped(Exception):
    """A signal arrived; the state is saved."""


@dataclass(frozen=True)
class Options:
    """What does not decide the result."""

    checkpoint_every: int = 5
    """Epochs between two checkpoints."""
    compile: bool = False
    """Compile the network with torch.compile."""
    progress: bool = False
    """Show a bar on stderr."""
    watch: Callable[[Record], None] | None = None
    """Called after every measurement."""


def train(
    config: Config,
    data: Data,
    folder: Path,
    device: Device,
    options: Options | None = None,
    *,
    about: dict[str, Any] | None = None,
    resume: bool = False,
) -> Record:
    """Train, measure and record; ``folder`` receives metrics.nc, a row per measured epoch, and checkpoints/.

    ``about`` are further plain facts for the attributes of the record; ``resume`` goes on from the last intact
    checkpoint, if there is one.

    Raises
    ------
    ValueError : what :func:`check` finds.
    Diverged : a loss, a weight or a feature is not finite; says where. The last good checkpoint stays.
    ChildProcessError : a process that reads images is gone.
    Stopped : SIGINT or SIGTERM arrived; the step was finished and everything saved.
    DamagedFile : ``resume``, and all checkpoints are damaged. A damaged record begins anew, with a warning.
    """
    training = Training(config, data, folder, device, options or Options(), about or {})
    if resume:
        training.restore()
    try:
        with _signals() as caught, training.bar() as bar:
            while training.goes_on():
                training.epoch(caught, bar)
    except RuntimeError as error:  # torch raises it wherever the training is at that moment
        if not str(error).startswith("DataLoader worker"):
            raise
        lost = "a process that reads images was ended, by a signal or for lack of memory"
        raise ChildProcessError(f"{lost}; go on with: ufm train --resume {folder}") from None
    return training.record


class Training:
    """A training under way: what learns, from which images, how far it is, and what was measured of it."""

    def __init__(
        self, config: Config, data: Data, folder: Path, device: Device, options: Options, about: Mapping[str, Any]
    ) -> None:
        self.config, self.folder, self.device, self.options = config, folder, device, options
        torch.manual_seed(config.seed)
        self.learner = Learner(config, data.class_sizes, data.channels, data.size)
        self.learner.to(device.place)
        self.learner.autocast = device.autocast(config)
        self.descent = SGD(self.learner.named_parameters(), config.momentum, config.weight_decay)
        self.images, test = data.train.to(device.place), data.test.to(device.place)
        dim = self.learner.network.dim
        self.samples = {
            "train": measure.Sample.choose(self.images, data.n_classes, dim, everything=False),
            "test": measure.Sample.choose(test, data.n_classes, dim, everything=True),
        }
        self.progress = Progress(config, len(data.train))
        self.progress.require_batches(device.world)
        weights, name = torch.get_default_dtype(), type(self.descent).__name__
        facts = {"dim": dim, "arithmetic": str(self.learner.autocast or weights), "weights": str(weights)}
        facts |= {"optimizer": name}
        self.record = Record.start(config, data.class_sizes, {**about, **facts, **device.describe()})

    @cached_property
    def forward(self) -> Any:
        """The learner over all processes, compiled if that is wanted; from the first step on."""
        wrapped = self.device.wrap(self.learner, staged=self.learner.method.staged)
        return torch.compile(wrapped) if self.options.compile else wrapped

    def goes_on(self) -> bool:
        """Measure and save between two epochs, as far as that is due; whether there is an epoch to come."""
        progress = self.progress
        self.learner.method.begin(progress.share)
        if not progress.at_boundary:
            return True
        done = progress.step == progress.total
        due = done or progress.epoch % self.config.measure_every == 0
        if due and progress.epoch not in self.record.epochs:
            self.observe()
        progress.begin_epoch()
        if done or progress.epoch % self.options.checkpoint_every == 0:
            self.save()
        return not done

    def epoch(self, caught: Sequence[int], bar: Any) -> None:
        """Every step that is left of an epoch, until there are signals ``caught``. Raises Diverged, Stopped."""
        progress, began, stop = self.progress, time.perf_counter(), False
        for batch in self.batches():
            self.step(*batch)
            self._show(bar)
            if progress.step % self.device.check_every and not progress.at_boundary:
                continue
            progress.read(self.device.average)
            if stop := self.device.agree(bool(caught)):
                break
        progress.seconds += time.perf_counter() - began
        if stop:
            self.save()
            number, all_ = min(progress.epoch + 1, self.config.epochs), self.config.epochs
            raise Stopped(f"stopped in epoch {number} of {all_}, step {progress.step} of {progress.total}")

    def batches(self) -> Iterator[tuple[list[Tensor], Tensor, int, Tensor]]:
        """What :meth:`step` takes of every batch that is left of an epoch, as far as it is for this process."""
        device, whole = self.device, self.progress.batches()
        parts = [batch[device.rank :: device.world] for batch in whole]
        seeds = [self.progress.seeds(len(parts), device.rank, view) for view in range(self.learner.method.views)]
        streams = [self.images.stream(parts, seeds=each) for each in seeds]
        for *seen, seed, batch in zip(*streams, seeds[0], whole, strict=True):
            yield [images for images, _ in seen], seen[0][1], seed, self.images.labels[batch]

    def step(self, views: Sequence[Tensor], labels: Tensor, seed: int, whole: Tensor) -> None:
        """One step of the descent.

        views : images (B, C, size, size), once or, for methods that compare two views, twice.
        labels : (B,). seed : of everything random in the step.
        whole : labels of the whole batch, over all processes, whose gradients are averaged.
        """
        torch.manual_seed(seed)
        self.learner.method.begin(self.progress.share)
        self.learner.method.whole = whole
        images, *second = views
        mixed, others, share = mixup(images, labels, self.config.mixup, seed)
        inputs = (mixed, labels, others, *second)
        parts, size = self.config.accumulate, len(whole) / self.device.world
        rate, loss = self.progress.rate(self.progress.step), _backward(self.forward, inputs, share, parts, size)
        self.progress.advance(loss)
        self.descent.step(rate)

    def observe(self) -> None:
        """Measure what the learner does with the samples, and record it."""
        if self.device.is_main:
            began = time.perf_counter()
            try:
                seen = {
                    name: measure.evaluate(self.learner, each, self.config.batch_size)
                    for name, each in self.samples.items()
                }
            except Diverged as diverged:
                raise Diverged(f"{diverged} {self.progress.after()}") from None
            took = time.perf_counter() - began
            numbers = {**self.progress.numbers(), "measuring_seconds": took}
            self.record.add(self.progress.epoch, numbers, seen, measure.row_sum(self.learner))
            self.record.save_if_cheap(self.folder / "metrics.nc")
            if self.options.watch is not None:
                self.options.watch(self.record)
        self.device.wait()

    def save(self) -> None:
        """Write down all that the training can go on from. Raises Diverged if a weight is not finite."""
        if self.device.is_main:
            state = self.snapshot()
            self.record.save(self.folder / "metrics.nc")  # first: a checkpoint without its record could not go on
            checkpoint.save(self.folder / "checkpoints", state)
        self.device.wait()

    def snapshot(self) -> Checkpoint:
        """Weights, momentum and progress. Raises Diverged if a weight is not finite."""
        tensors = {f"learner.{name}": value for name, value in self.learner.state_dict().items()}
        tensors |= {f"momentum.{name}": momentum for name, momentum in self.descent.momenta.items()}
        for name, value in tensors.items():
            if value.is_floating_point() and not bool(torch.isfinite(value).all()):
                raise Diverged(f"{name} is not finite {self.progress.after()}")
        return Checkpoint(self.progress.step, tensors, {**self.progress.to_dict(), "configuration": self.config.key})

    def restore(self) -> None:
        """Go on from the last intact checkpoint, and from what was recorded up to it, if there is one.

        Raises DamagedFile, or ValueError if checkpoint or record are of another configuration.
        """
        found = checkpoint.latest(self.folder / "checkpoints")
        if found is None:
            return
        if found.state.pop("configuration", key := self.config.key) != key:
            raise ValueError(f"{self.folder}: the checkpoint is of another configuration than config.json")
        try:
            self.learner.load_state_dict(_below("learner.", found.tensors))
        except RuntimeError as error:
            raise ValueError(f"{self.folder}: the checkpoint does not fit the network: {error}") from None
        momenta = _below("momentum.", found.tensors)
        self.descent.momenta = {name: momentum.to(self.device.place) for name, momentum in momenta.items()}
        self.progress.restore(found.state)
        try:
            self.record = Record.load(self.folder / "metrics.nc")
        except DamagedFile as damage:
            warnings.warn(f"{damage}; the record begins anew at epoch {self.progress.epoch}", stacklevel=2)
            return
        if other := self.config.differences(self.record.config):
            raise ValueError(f"{self.folder} was trained with other settings: {', '.join(other)}")
        self.record.forget_after(self.progress.epoch)

    def bar(self) -> Any:
        """A bar of the steps on stderr, if that is wanted."""
        shown = self.options.progress and self.device.is_main
        return tqdm(total=self.progress.total, initial=self.progress.step, unit="step", disable=not shown)

    def _show(self, bar: Any) -> None:
        bar.update()
        if not bar.disable and self.progress.step % SHOW_EVERY == 0:  # other processes have nothing to show
            last = self.record.headline()
            numbers = {"test accuracy": f"{last['test_accuracy']:.3f}", "mean NC": f"{last['nc']:.2g}"}
            bar.set_postfix({"loss": f"{self.progress.loss:.4g}", **numbers}, refresh=False)


def check(config: Config, data: Data, device: Device) -> None:
    """Raise ValueError for what :func:`train` cannot do: a network unknown or too narrow, batches too small."""
    learner = Learner(config, data.class_sizes, data.channels, data.size)
    if config.accumulate > 1 and not learner.method.divisible:
        method = config.method
        raise ValueError(
            f"accumulate={config.accumulate} is not for method={method}: its loss is that of a whole batch"
        )
    Progress(config, len(data.train)).require_batches(device.world)


SHOW_EVERY = 10
"""Steps between two changes of the bar's numbers."""


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those whose names begin so, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _backward(forward: Any, inputs: Sequence[Tensor], share: float, parts: int, size: float) -> Tensor:
    """Gradients of the summed loss over ``size``, the batch's images per process, in ``parts``; returns that loss.

    inputs : images, labels, labels of the images that are mixed in, and the second view where there is one.
    """
    total = torch.zeros((), device=inputs[0].device)
    pieces = zip(*(each.tensor_split(parts) for each in inputs), strict=True)
    for number, (images, labels, others, *second) in enumerate(pieces, start=1):
        parallel = isinstance(forward, nn.parallel.DistributedDataParallel)
        with forward.no_sync() if parallel and number < parts else contextlib.nullcontext():  # exchange once a step
            loss = forward(images, labels, others, share, *second) * (len(labels) / size)
            loss.backward()
        total += loss.detach()
    return total


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a second one is the system's again."""
    caught: list[int] = []
    main = threading.current_thread() is threading.main_thread()  # no other may touch them
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM) if main}

    def restore_handlers() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        restore_handlers()

    for each in before:
        signal.signal(each, note)
    try:
        yield caught
    finally:
        restore_handlers()
