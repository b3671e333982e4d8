"""What a step of training costs: methods against cross-entropy, and the data path against the step.

Methods are timed in turn, step by step on the same batches, and each step is divided by the step of cross-entropy
next to it, so that a machine that changes its speed changes both; the ratio printed is the median of these.
"""

import resource
import statistics
import time
from collections.abc import Callable, Iterable

import torch
from torch import nn

import ufm
from ufm.problems.frames import dense
from ufm.train import methods, networks
from ufm.train.catalogue import METHODS
from ufm.train.config import Config
from ufm.train.data import Data, load, synthetic
from ufm.train.learner import Learner
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


def stepper(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], parameters: Iterable[nn.Parameter]) -> Step:
    """Seconds of a step of SGD."""
    optimizer = torch.optim.SGD(parameters, 0.01, 0.9, weight_decay=2e-4)

    def step(images: torch.Tensor, labels: torch.Tensor) -> float:
        began = time.perf_counter()
        loss(images, labels).backward()
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
    """Every step on every batch, one after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
    for number in range(STEPS + 3):
        begin = 128 * (number % (len(order) // 128))
        images, labels = next(data.train.stream([order[begin : begin + 128]]))
        for name, step in steps.items():
            took = step(images, labels)
            if number >= 3:  # the first ones pay for everybody's memory
                seconds[name].append(took)
    rows = [[head, "ms", "over CE"]]
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds["CE"], strict=True))
        rows.append([name, f"{1000 * statistics.median(taken):.1f}", f"{ratio:.3f}"])
    return rows


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
    """The small CNN on Fashion-MNIST-LT (digits where that is not installed), batches of 128."""
    config = Config(dataset="fashion-mnist", tau=0.01)
    try:
        data = load("fashion-mnist", tau=0.01)
    except FileNotFoundError:
        data = load("mnist5k", tau=0.1)
    rows = [["data path, small CNN, CAL", "ms per step", "share of the step", "peak memory"]]
    for augmentation in ("none", "crop"):
        data = load(data.name, tau=0.01 if data.name == "fashion-mnist" else 0.1, augmentation=augmentation)
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
        name = f"{data.name}, augmentation {augmentation}"
        rows.append([name, f"{1000 * fetch:.2f}", f"{100 * fetch / (fetch + work):.1f} %", f"{peak:.0f} MiB"])
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import table

    torch.set_num_threads(1)
    for rows in (data_path(), at_full_size(), all_methods()):
        print(f"{table(rows)}\n", flush=True)
