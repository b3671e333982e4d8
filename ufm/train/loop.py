"""The training loop: read it top to bottom.

Everything random in a step (order, augmentation, Mixup, dropout) is a function of the seed and the step's number, and
so is the learning rate. A checkpoint therefore needs only weights, momentum and a few sums, and a run that was killed
and resumed is the run that was not, bit for bit (same machine, device and number of threads).
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ufm.train import checkpoint, measure
from ufm.train.checkpoint import Checkpoint
from ufm.train.config import Config
from ufm.train.data import Data
from ufm.train.device import Device
from ufm.train.learner import Learner
from ufm.train.methods import Mixup
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

    Parameters
    ----------
    config : what to train.
    data : its images.
    folder : where the results go.
    device : where to compute.
    options : checkpoints, compilation, progress.
    about : further plain facts for the attributes of the record.
    resume : go on from the last intact checkpoint, if there is one.

    Raises
    ------
    ValueError : what :func:`check` finds.
    Diverged : a loss, a weight or a feature is not finite; says where. The last good checkpoint stays.
    Stopped : SIGINT or SIGTERM arrived; the step was finished and everything saved.
    DamagedFile : ``resume``, and what there is to go on from is damaged.
    """
    options = options or Options()
    torch.manual_seed(config.seed)
    learner = Learner(config, data.class_sizes, data.channels, data.size)
    learner.to(device.place)
    learner.autocast = device.autocast(config)
    optimizer = torch.optim.SGD(learner.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay)
    images_in, images_out = data.train.to(device.place), data.test.to(device.place)
    samples = {
        "train": measure.Sample.choose(images_in, data.n_classes, learner.network.dim, everything=False),
        "test": measure.Sample.choose(images_out, data.n_classes, learner.network.dim, everything=True),
    }
    progress = Progress(config, len(data.train))
    progress.require_batches_of(2 * config.accumulate * device.world)
    facts = {"dim": learner.network.dim, "arithmetic": str(learner.autocast or torch.float32)}
    record = Record.start(config, data.class_sizes, {**(about or {}), **facts, **device.describe()})
    if resume:
        record = restore(folder, learner, optimizer, progress) or record
    wrapped = device.wrap(learner, staged=learner.method.staged)
    forward = torch.compile(wrapped) if options.compile else wrapped
    mixup = Mixup(config.mixup)

    def observe() -> None:
        if device.is_main:
            began = time.perf_counter()
            try:
                seen = {name: measure.evaluate(learner, each, config.batch_size) for name, each in samples.items()}
            except Diverged as diverged:
                raise Diverged(f"{diverged} {progress.after()}") from None
            took = time.perf_counter() - began
            record.add(progress.epoch, {**progress.numbers(), "measuring_seconds": took}, seen)
            record.save_if_cheap(folder / "metrics.nc")
            if options.watch is not None:
                options.watch(record)
        device.wait()

    def save() -> None:
        if device.is_main:
            state = snapshot(learner, optimizer, progress)
            record.save(folder / "metrics.nc")  # first: a checkpoint without the record up to it could not go on
            checkpoint.save(folder / "checkpoints", state)
        device.wait()

    with _signals() as caught, _bar(progress, options.progress and device.is_main) as bar:
        while True:
            learner.method.begin(progress.share)
            if progress.at_boundary:
                done = progress.step == progress.total
                due = done or progress.epoch % config.measure_every == 0
                if due and progress.epoch not in record.epochs:
                    observe()
                progress.begin_epoch()
                if done or progress.epoch % options.checkpoint_every == 0:
                    save()
                if done:
                    return record
            whole = progress.batches()
            batches = [batch[device.rank :: device.world] for batch in whole]
            seeds = progress.seeds(len(batches), device.rank)
            began = time.perf_counter()
            views = [images_in.stream(batches, seeds=seeds)]
            if learner.method.views == 2:
                views.append(images_in.stream(batches, seeds=progress.seeds(len(batches), device.rank, view=1)))
            for *seen, seed, batch in zip(*views, seeds, whole, strict=True):
                (images, labels), second = seen[0], [view for view, _ in seen[1:]]
                torch.manual_seed(seed)
                learner.method.begin(progress.share)
                optimizer.param_groups[0]["lr"] = progress.rate
                mixed, others, share = mixup(images, labels, seed)
                size = len(batch) / device.world  # gradients are averaged over processes
                inputs = (mixed, labels, others, *second)
                progress.advance(_backward(forward, inputs, share, config.accumulate, size))
                optimizer.step()
                optimizer.zero_grad()
                bar.update()
                if not bar.disable and progress.step % SHOW_EVERY == 0:  # other processes have nothing to show
                    bar.set_postfix({"loss": f"{progress.loss:.4g}", **_shown(record)}, refresh=False)
                if progress.step % device.check_every and not progress.at_boundary:
                    continue
                progress.read(device.average)
                if device.agree(bool(caught)):
                    progress.seconds += time.perf_counter() - began
                    save()
                    raise Stopped(f"stopped in {progress.where()}")
            progress.seconds += time.perf_counter() - began


def check(config: Config, data: Data, device: Device) -> None:
    """Raise ValueError for what :func:`train` cannot do: a network unknown or too narrow, batches too small."""
    Learner(config, data.class_sizes, data.channels, data.size)
    Progress(config, len(data.train)).require_batches_of(2 * config.accumulate * device.world)


SHOW_EVERY = 10
"""Steps between two changes of the bar's numbers."""


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


def snapshot(learner: Learner, optimizer: torch.optim.SGD, progress: Progress) -> Checkpoint:
    """Everything that a run goes on from. Raises Diverged if a weight is not finite."""
    tensors = {f"learner.{name}": value for name, value in learner.state_dict().items()}
    for name, parameter in learner.named_parameters():
        momentum = optimizer.state[parameter].get("momentum_buffer") if parameter in optimizer.state else None
        if momentum is not None:
            tensors[f"momentum.{name}"] = momentum
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise Diverged(f"{name} is not finite {progress.after()}")
    return Checkpoint(progress.step, tensors, progress.to_dict())


def restore(folder: Path, learner: Learner, optimizer: torch.optim.SGD, progress: Progress) -> Record | None:
    """Go on from the last intact checkpoint; None if there is none. Returns what was recorded up to it.

    Raises DamagedFile, or ValueError if the checkpoint is of another network.
    """
    found = checkpoint.latest(folder / "checkpoints")
    if found is None:
        return None
    weights = {name.removeprefix("learner."): v for name, v in found.tensors.items() if name.startswith("learner.")}
    try:
        learner.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{folder}: the checkpoint does not fit the network: {error}") from None
    for name, parameter in learner.named_parameters():
        momentum = found.tensors.get(f"momentum.{name}")
        if momentum is not None:
            optimizer.state[parameter]["momentum_buffer"] = momentum.to(parameter.device)
    progress.restore(found.state)
    record = Record.load(folder / "metrics.nc")
    record.forget_after(progress.epoch)
    return record


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them; a second one is the system's again."""
    caught: list[int] = []
    before: dict[int, Any] = {}

    def restore_handlers() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        restore_handlers()

    if threading.current_thread() is threading.main_thread():  # no other may touch them
        for each in (signal.SIGINT, signal.SIGTERM):
            before[each] = signal.signal(each, note)
    try:
        yield caught
    finally:
        restore_handlers()


def _bar(progress: Progress, shown: bool) -> Any:
    return tqdm(total=progress.total, initial=progress.step, unit="step", disable=not shown)


def _shown(record: Record) -> dict[str, str]:
    numbers = record.headline()
    return {"test accuracy": f"{numbers['test_accuracy']:.3f}", "NC": f"{numbers['nc']:.2g}"}
