"""What a step of training costs: methods and ways to compute it against the usual one, the data path against the step.

Steps are timed in turn, one by one on the same batches, and each is divided by the first one's next to it, so that a
machine that changes its speed changes both; the ratio printed is the median of these.
"""

import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

import ufm
from benchmarks import tables
from ufm.problems.frames import dense
from ufm.train import methods, networks
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.data import Data, load, synthetic
from ufm.train.device import Device
from ufm.train.learner import Learner
from ufm.train.loop import train
from ufm.train.methods import Method
from ufm.train.progress import Progress

STEPS = 40


class AllCenters(Method):
    """AL as it is usually written: products with all F centers, and a mask over those of other classes."""

    def __init__(self, problem: ufm.Problem) -> None:
        super().__init__()
        frame = ufm.multi_center_frame(problem)
        owner = torch.repeat_interleave(torch.arange(problem.n_classes), torch.tensor(problem.centers))
        self.register_buffer("centers", torch.tensor(dense(frame.centers), dtype=torch.float32))
        self.register_buffer("mask", (owner == torch.arange(problem.n_classes)[:, None]).float())
        self.register_buffer("beta", torch.tensor(problem.weights, dtype=torch.float32))
        self.lam = float(problem.lam or 0.0)

    def loss_of(self, features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        length = features.norm(dim=1)
        products = (features / length[:, None]) @ self.centers.T
        misses = ((products - 1.0).square() * self.mask[labels]).sum(1)
        return (self.beta[labels] * misses + self.lam * (length - 1.0).square()).mean()


Step = Callable[[torch.Tensor, torch.Tensor], float]


def stepper(
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    parameters: Iterable[nn.Parameter],
    parts: int = 1,
    **optimizing: bool,
) -> Step:
    """Seconds of a step of SGD, in ``parts``."""
    optimizer = torch.optim.SGD(parameters, 0.01, 0.9, weight_decay=2e-4, **optimizing)

    def step(images: torch.Tensor, labels: torch.Tensor) -> float:
        began = time.perf_counter()
        for part, its_labels in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
            (loss(part, its_labels) / parts).backward()
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - began

    return step


def of_network(network: nn.Module, method: Method) -> Step:
    parameters = [*network.parameters(), *method.parameters()]
    return stepper(lambda images, labels: method.loss(network(images), labels), parameters)


def of_learner(learner: Learner) -> Step:
    second = learner.method.views == 2
    return stepper(
        lambda images, labels: learner(images, labels, labels, 1.0, *([images] if second else [])), learner.parameters()
    )


def in_turn(steps: dict[str, Step], data: Data, head: str) -> list[list[str]]:
    """Every step on every batch, one after the other; ratios over the first."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
    for number in range(STEPS + 3):
        begin = 128 * (number % (len(order) // 128))
        images, labels = next(data.train.stream([order[begin : begin + 128]]))
        for name, step in steps.items():
            took = step(images, labels)
            if number >= 3:  # the first ones pay for everybody's memory
                seconds[name].append(took)
    first = next(iter(seconds))
    rows = [[head, "ms", f"over {first}"]]
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds[first], strict=True))
        rows.append([name, f"{1000 * statistics.median(taken):.1f}", f"{ratio:.3f}"])
    return rows


def ways_to_compute() -> list[list[str]]:
    """CAL on images like CIFAR-10's with the network of its tables: the same step by other means."""
    config = Config(dataset="cifar10", network="convnet", method="CAL", tau=0.01)

    def way(dtype: torch.dtype | None = None, *, compiled: bool = False, **how: Any) -> Step:
        torch.manual_seed(0)
        learner = Learner(config, ufm.long_tailed_sizes(10, 5000, 0.01), 3, 32)
        learner.autocast = dtype
        forward = torch.compile(learner) if compiled else learner
        return stepper(lambda images, labels: forward(images, labels, labels, 1.0), learner.parameters(), **how)

    def with_threads(count: int) -> Step:
        plain = way()

        def step(images: torch.Tensor, labels: torch.Tensor) -> float:
            torch.set_num_threads(count)
            try:
                return plain(images, labels)
            finally:
                torch.set_num_threads(1)

        return step

    steps = {
        "as trained": way(),
        "SGD, fused": way(fused=True),
        "SGD, one tensor at a time": way(foreach=False),
        "two parts of 64": way(parts=2),
        "compiled": way(compiled=True),
        "bfloat16": way(torch.bfloat16),
        "bfloat16, compiled": way(torch.bfloat16, compiled=True),
        "2 threads": with_threads(2),
    }
    return in_turn(steps, synthetic("cifar10", class_sizes=(130,) * 10), "a step of CAL, convnet, 3 x 32 x 32")


def side_by_side() -> list[list[str]]:
    """Steps a second of one training in a process of one thread, and of two of them at a time."""
    command = [sys.executable, "-m", "benchmarks.training", "rate"]

    def rate(count: int) -> float:
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE)) for _ in range(count)]
            return sum(float(each.communicate()[0]) for each in running)

    alone, together = rate(1), rate(2)
    rows = [["trainings of convnet", "images a second", "over one"]]
    for name, found in (("one process", alone), ("two processes side by side", together)):
        rows.append([name, f"{found:.0f}", f"{found / alone:.2f}"])
    return rows


def images_per_second() -> float:
    """Of a training of CAL on images like CIFAR-10's, cropped and flipped, with all that a step does; 2nd epoch on."""
    config = Config(dataset="cifar10", network="convnet", method="CAL", epochs=3, warmup=0, precision="float32")
    data = synthetic("cifar10", class_sizes=(1280,) * 10)
    with tempfile.TemporaryDirectory() as folder:
        record = train(config, data, Path(folder), Device.choose("cpu", threads=1))
    seconds = record.data.training_seconds.values
    return 2 * len(data.train) / float(seconds[-1] - seconds[1])


def at_full_size() -> list[list[str]]:
    """K = 100, f = 20, d = 2,200 for every method, images of 32 x 32, the small CNN."""
    sizes = ufm.long_tailed_sizes(100, 500, 0.01)
    contestants = {name: methods.build(Config(method=name), sizes, 2200) for name in ("CE", "SETF", "P", "AL", "CAL")}
    problem = Config(method="AL").problem(sizes, 2200)
    assert problem is not None
    contestants["AL, all F centers in a dense random basis"] = AllCenters(problem)
    steps = {}
    for name, method in contestants.items():
        torch.manual_seed(0)
        steps[name] = of_network(networks.build("cnn", channels=3, size=32, n_features=2200, expand=True), method)
    return in_turn(steps, synthetic("cifar100", class_sizes=(13,) * 100), "a step, K=100, d=2,200")


def all_methods() -> list[list[str]]:
    """K = 10, each method in the dimension that it needs, images of 28 x 28, the small CNN."""
    sizes = ufm.long_tailed_sizes(10, 1000, 0.01)
    steps = {}
    for name in METHODS:
        torch.manual_seed(0)
        steps[name] = of_learner(Learner(Config(method=name), sizes, 1, 28))
    return in_turn(steps, synthetic("fashion-mnist", class_sizes=(130,) * 10), "a step, K=10")


def data_path() -> list[list[str]]:
    """Fetching a batch of 128 next to a step of CAL on it: digits, and images like CIFAR-10's, as they are trained."""
    rows = [["data path, CAL", "ms per step", "share of the step", "peak memory"]]
    digits = load("mnist5k", tau=0.1), load("mnist5k", tau=0.1, augmentation="crop")
    colour = synthetic("cifar10", class_sizes=(600,) * 10)
    for network, data, name in (
        ("cnn", digits[0], "digits, cnn"),
        ("cnn", digits[1], "digits cropped, cnn"),
        ("convnet", colour, "3 x 32 x 32 cropped and flipped, convnet"),
        ("cnn", colour, "3 x 32 x 32 cropped and flipped, cnn"),
    ):
        config = Config(dataset=data.name, network=network)
        torch.manual_seed(0)
        learner = Learner(config, data.class_sizes, data.channels, data.size)
        step = of_network(learner.network, learner.method)
        progress = Progress(config, len(data.train))
        batches = progress.batches()[: STEPS + 3]
        fetching, stepping = [], []
        began = time.perf_counter()
        for images, labels in data.train.stream(batches, seeds=progress.seeds(len(batches), 0)):
            fetching.append(time.perf_counter() - began)
            stepping.append(step(images, labels))
            began = time.perf_counter()
        fetch, work = statistics.median(fetching[3:]), statistics.median(stepping[3:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows.append([name, f"{1000 * fetch:.2f}", f"{100 * fetch / (fetch + work):.1f} %", f"{peak:.0f} MiB"])
    return rows


TABLES: dict[str, tuple[str, Callable[[], list[list[str]]]]] = {
    "size": ("Methods at full size, small CNN, batches of 128", at_full_size),
    "ways": ("The same step by other means", ways_to_compute),
    "pair": ("Trainings side by side", side_by_side),
    "data": ("Fetching batches of 128", data_path),
    "methods": ("All methods, small CNN, batches of 128", all_methods),
}
SHORT = ("size", "data")


def main(arguments: Sequence[str]) -> None:
    """Measure the tables, or print one number for :func:`side_by_side`."""
    torch.set_num_threads(1)
    if arguments == ["rate"]:
        print(images_per_second())
        return
    parser = tables.parser("training", __doc__, f"only {' and '.join(SHORT)}, which take seconds")
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    asked = parser.parse_args(arguments)
    for name in [asked.only] if asked.only else SHORT if asked.quick else TABLES:
        title, measured = TABLES[name]
        tables.show(f"python -m benchmarks training --only {name}", title, measured(), save=asked.save)


if __name__ == "__main__":
    main(sys.argv[1:])
