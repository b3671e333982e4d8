"""What the roofline counts for each verb: bytes and operations that its work needs at the least, by formula."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import ufm
from benchmarks import tables
from theory.decision import scores
from ufm.certify import cosine
from ufm.certify.design import Setting, evaluate
from ufm.minimize.balanced import Balanced
from ufm.minimize.factored import Factored
from ufm.minimize.phase import Axis, phase_diagram
from ufm.problems.presets import CENTERS
from ufm.problems.start import Start
from ufm.simulate import reduced
from ufm.simulate.flow import RTOL
from ufm.simulate.modes import Eigenspaces
from ufm.simulate.series import ORDER
from ufm.sweep.description import Sweep
from ufm.sweep.kinds import KINDS
from ufm.train.config import Config
from ufm.train.descent import SGD
from ufm.train.learner import Learner

NC = 1e-10


@dataclass(frozen=True)
class Need:
    """What the work needs at the least."""

    bytes: float
    operations: float


Job = tuple[Callable[[], Any], Callable[[Any], Need]]
"""What is timed, and what it needs, given what it returned."""


def long_tail(tiny: bool) -> tuple[int, ...]:
    """The class sizes of CIFAR-100-LT, or two."""
    return (20, 5) if tiny else ufm.long_tailed_sizes(100, 500, 0.01)


# A step of the series of order p: coefficient k has four sums of products of series (P V, G^2, B^2, G B), two of k
# terms and two of k / 2, at two operations a term: sum_k 6 k = 3 p (p - 1). Two logistic functions of about 20
# operations each begin it; 2 p operations sum it up at its end, and at every record.
def of_steps(steps: float) -> float:
    return steps * (3.0 * ORDER * (ORDER - 1) + 2.0 * ORDER + 40.0)


def gradient_flow(*, tiny: bool) -> Job:
    """gradient_flow, reduced, CIFAR-100-LT"""
    sizes = long_tail(tiny)
    problem = ufm.Problem(sizes, 3 if tiny else ufm.class_aware(sizes, 20), 0.2, lam=0.1)
    frame = ufm.multi_center_frame(problem, basis="coordinate")

    def need(flow: Any) -> Need:
        records = problem.n_samples * len(flow.times)  # written, and read to be summed by class
        return Need(16.0 * records, of_steps(flow.stats["evaluations"]) + 2.0 * ORDER * records)

    return partial(ufm.gradient_flow, problem, frame=frame, until_nc=NC, workers=1), need


# A record of a sample is two products of the squares of its m coordinates with what is left of each, and about 30
# operations for its norm, NC, cosine and loss. Coordinates are drawn with about 20 operations each.
def modes(*, tiny: bool) -> Job:
    """gradient_flow, exact, P (lam_h = 1e-5), CIFAR-100-LT"""
    sizes = long_tail(tiny)
    problem = ufm.Problem(sizes, 3 if tiny else ufm.class_aware(sizes, 20), 0.2, loss="mse", lam_h=1e-5)
    frame = ufm.multi_center_frame(problem, basis="coordinate")

    def need(flow: Any) -> Need:
        coordinates, records = Eigenspaces(problem, frame).values.size + 3, problem.n_samples * len(flow.times)
        drawn = problem.n_samples * coordinates
        return Need(8.0 * drawn + 16.0 * records, 20.0 * drawn + (4.0 * coordinates + 30.0) * records)

    return partial(ufm.gradient_flow, problem, frame=frame, until_nc=NC, workers=1), need


# An evaluation of one feature: products with its f centers, there and back; norm, direction and penalty at six
# operations a coordinate; and the sums of DOP853, of 6 slopes in the mean and of all 12 for the error of each step.
def of_evaluations(evaluations: float, f: float, d: float) -> float:
    return evaluations * d * (4.0 * f + 6.0 + 12.0 + 4.0)


def full(*, tiny: bool) -> Job:
    """gradient_flow, full, K=10, f=20, d=256, N=1,236"""
    sizes, f, d = ((20, 5), 3, 16) if tiny else (ufm.long_tailed_sizes(10, 500, 0.01), 20, 256)
    problem = ufm.Problem(sizes, f, 0.2, d, lam=0.1)

    def need(flow: Any) -> Need:
        features = 8.0 * problem.n_samples * d
        return Need(features * (1 + len(flow.times)), of_evaluations(flow.stats["evaluations"], f, d))

    return partial(ufm.gradient_flow, problem, method="full", until_nc=NC, workers=1), need


# The largest part by far: four samples once more in all coordinates. Everything else reads the records once.
def certify(*, tiny: bool) -> Job:
    """certify a trajectory, CIFAR-100-LT"""
    run, _ = gradient_flow(tiny=tiny)
    flow = run()

    def need(_: Any) -> Need:
        flown = []

        def watch(problem: ufm.Problem, **options: Any) -> Any:
            flown.append(ufm.gradient_flow(problem, **options))
            return flown[-1]

        with mock.patch.object(cosine, "gradient_flow", watch):
            ufm.certify(flow)
        slow = [each for each in flown if each.stats["method"] == "full"]
        operations = [
            of_evaluations(each.stats["evaluations"], float(np.mean(each.problem.centers)), each.problem.dim)
            for each in slow
        ]
        return Need(flow.data.nbytes, sum(operations))

    return partial(ufm.certify, flow), need


# A product with the Hessian is four products of G x G matrices at a matrix, six of R x C x r over factors. A point is a
# singular value decomposition (22 G^3; Golub and Van Loan, section 8.6) at a matrix, three products over factors.
def minimize(*, tiny: bool) -> Job:
    """minimize a FeatureModel, CE, K=100"""
    sizes = (50, 20, 5) if tiny else ufm.long_tailed_sizes(100, 500, 0.01)
    model = ufm.FeatureModel(sizes, lam_w=5e-4, lam_h=1e-5, dim=512)

    def factors(local: Factored) -> float:
        return 2.0 * np.prod(local.layout.shape) * local.parts[0].shape[1]

    def need(solution: Any) -> Need:
        total = 0.0
        counts = (
            (Balanced, "hessian", lambda local: 8.0 * len(local.strengths) ** 3),
            (Balanced, "move", lambda local: 22.0 * len(local.strengths) ** 3),
            (Factored, "hessian", lambda local: 6.0 * factors(local)),
            (Factored, "move", lambda local: 3.0 * factors(local)),
        )
        for kind, verb, operations in counts:  # what is called is counted in runs of their own, which are not timed
            original = getattr(kind, verb)
            with mock.patch.object(kind, verb, autospec=True, side_effect=original) as watched:
                ufm.minimize(model)
            total += sum(operations(call.args[0]) for call in watched.call_args_list)
        return Need(8.0 * solution.problem.n_classes**2, total)

    return partial(ufm.minimize, model), need


def learned_problem(tiny: bool, lam_w: float = 1e-3, lam_h: float = 1e-6) -> ufm.Problem:
    sizes = (20, 10, 5) if tiny else ufm.long_tailed_sizes(100, 500, 0.01)
    centers, dim = (2, 16) if tiny else (20, 2200)
    return ufm.Problem(sizes, centers, 0.2, dim, loss="mse", lam_h=lam_h, lam_w=lam_w, frame="learned")


# Variable projection: about 20 operations for each class and eigenvalue at a point or in a product. The answer is the
# norms and the features (K, d), written once, with each of their numbers a sum over f centers.
def of_projection(problem: ufm.Problem, turns: float) -> Need:
    entries = sum(problem.centers)
    features = problem.n_classes * problem.dim
    return Need(8.0 * features, 20.0 * entries * turns + 2.0 * entries)


def learned(*, tiny: bool) -> Job:
    """minimize P, learned frame, K=100, d=2,200"""
    problem = learned_problem(tiny)
    return partial(ufm.minimize, problem), lambda found: of_projection(
        problem, found.stats["iterations"] + found.stats["products"]
    )


def phase(*, tiny: bool) -> Job:
    """phase diagram of P, 4 x 4 points, K=100"""
    values = np.geomspace(1e-6, 1e-3, 2 if tiny else 4)
    sides = Axis("lam_w", "w", "w", values), Axis("lam_h", "h", "h", values)

    def at(lam_w: float, lam_h: float) -> ufm.Problem:
        return learned_problem(tiny, lam_w, lam_h)

    def need(diagram: Any) -> Need:
        points = [problem for row in diagram.problems for problem in row]
        stats = [ufm.minimize(problem).stats for problem in points]
        each = [
            of_projection(problem, said["iterations"] + said["products"])
            for problem, said in zip(points, stats, strict=True)
        ]
        norms = 24.0 * sum(problem.n_classes for problem in points)  # three numbers a class are what a diagram keeps
        return Need(norms, sum(one.operations for one in each))

    return partial(phase_diagram, at, *sides), need


# Two passes over the float32 file; products with the K - 1 directions of the means, of what comes of it with K means,
# and with K weights.
def measure(*, tiny: bool) -> Job:
    """measure, 50,000 x 512 float32, K=100"""
    n, d, k = (300, 8, 3) if tiny else (50_000, 512, 100)
    rng = np.random.default_rng(0)
    means, labels = rng.standard_normal((k, d)), rng.integers(k, size=n)
    features = (means[labels] + rng.standard_normal((n, d))).astype(np.float32)
    operations = 2.0 * n * (d * (k - 1) + (k - 1) * k + d * k)
    return partial(ufm.measure, features, labels, means), lambda _: Need(2.0 * features.nbytes, operations)


# Scores by all centers. GCR's distances need the leads of the own class sorted and summed, about 30 operations each.
def radii(*, tiny: bool) -> Job:
    """radii of GCR, 10,000 features, K=100, F=2,000"""
    sizes = long_tail(tiny)
    n, f = (30, 3) if tiny else (10_000, 20)
    frame = ufm.multi_center_frame(ufm.Problem(sizes, f, 0.2, lam=0.1), basis="random", seed=0)
    features = np.random.default_rng(0).standard_normal((n, frame.dim))
    operations = 2.0 * n * f * len(sizes) * frame.dim + 30.0 * n * f
    return partial(ufm.certified_radius, features, frame, "gcr"), lambda _: Need(8.0 * features.size, operations)


# The best of f centers at N scores: the normal distribution function from both sides, at about 25 operations, for each
# of V values of its largest part, and products (G, V) x (V, N) with the shares of these for G numbers f.
def design(*, tiny: bool) -> Job:
    """designs of 100 classes, f=20, four ways to spend the centers"""
    sizes, f = long_tail(tiny), 3 if tiny else 20
    setting = Setting(sizes, (1.0 / len(sizes),) * len(sizes), 1.0 / 3.0)

    def run() -> Any:
        return [evaluate(allocation, f, 0.2, setting) for allocation in CENTERS]

    def need(_: Any) -> Need:
        best = mock.patch.object(scores.Best, "distribution", autospec=True, side_effect=scores.Best.distribution)
        with best as asked, mock.patch.object(scores, "ndtr", side_effect=scores.ndtr) as tables_of:
            run()
        kinds = np.repeat([call.args[0].f.size for call in asked.call_args_list], 2)
        entries = np.array([call.args[0].size for call in tables_of.call_args_list])
        return Need(8.0 * len(sizes) * len(CENTERS), float(np.sum((25.0 + 2.0 * kinds) * entries)))

    return run, need


# What convolutions and products of one step take, forwards and backwards, as torch counts them. A float32 number is
# half of one of ours: two of them at a time.
def training(*, tiny: bool) -> Job:
    """a step of CAL, convnet, 128 images of 3 x 32 x 32, float32"""
    config = Config(method="CAL", network="convnet", f=3 if tiny else 20)
    learner = Learner(config, (20, 5) if tiny else ufm.long_tailed_sizes(10, 5000, 0.01), 3, 32)
    labels = torch.arange(128) % learner.n_classes
    images = torch.randn(128, 3, 32, 32)
    descent = SGD(learner.named_parameters(), 0.9, 2e-4)

    def run() -> None:
        learner(images, labels, labels, 1.0).backward()
        descent.step(0.01)

    def need(_: Any) -> Need:
        with FlopCounterMode(display=False) as counted:
            run()
        weights = sum(each.numel() for each in learner.parameters())
        return Need(4.0 * (images.numel() + 4.0 * weights), 0.5 * counted.get_total_flops())

    return run, need


CELLS = """
kind = "flow"
record = ["collapse_time"]
seeds = {seeds}
[base]
n_classes = {classes}
n_max = {most}
tau = {tau}
f = 20
[axes]
theta = [0.2]
scale = [0.1]
"""


def sweep(*, tiny: bool) -> Job:
    """16 cells of a sweep, K=10, N=1,236"""
    given = (
        {"seeds": 2, "classes": 2, "most": 20, "tau": 0.1}
        if tiny
        else {"seeds": 16, "classes": 10, "most": 500, "tau": 0.01}
    )
    made = Sweep.from_toml(CELLS.format(**given))
    cells = [cell.configuration for cell in made.cells]

    def need(_: Any) -> Need:
        steps = samples = 0
        for cell in cells:
            problem = ufm.Problem.from_dict(cell["problem"])
            frame = ufm.multi_center_frame(problem, basis="coordinate")
            for batch in reduced.batches(problem, frame, None, Start("gaussian", 0.1), cell["seed"]):
                _, work = batch.samples.collapse_times(NC, RTOL)
                steps, samples = steps + work.evaluations, samples + problem.n_samples
        # three coordinates and a time a sample, drawn with about 20 operations each
        return Need(32.0 * samples, of_steps(steps) + 80.0 * samples)

    return partial(KINDS["flow"].run, cells, ("collapse_time",), tables.ROOT), need


# Ten numbers a class, each a formula of about ten operations.
def predict(*, tiny: bool) -> Job:
    """predict, minimum and rates, K=100"""
    sizes = long_tail(tiny)
    problem = ufm.Problem(sizes, 3, 0.2, lam=0.1)

    def run() -> Any:
        said = ufm.predict(problem)
        return said.minimum, said.feature_norm, said.value, said.rate, said.variability

    return run, lambda _: Need(80.0 * len(sizes), 100.0 * len(sizes))


@dataclass(frozen=True)
class Verb:
    job: Callable[..., Job]
    why: str
    """What keeps it from the roof, said where it is far."""


VERBS = {
    "gradient_flow": Verb(gradient_flow, "recurrences of 12 terms and exponentials run below the rate of products"),
    "modes": Verb(
        modes,
        "chi variables are drawn by rejection, and numbers pass through memory between square roots and quotients",
    ),
    "full": Verb(full, "the sums of DOP853 are passes over memory, and Python between them"),
    "certify": Verb(
        certify, "the slow flow is DOP853 in Python over four short vectors; theory's quadratures are Python's too"
    ),
    "minimize": Verb(minimize, "matrices of fewer than a hundred rows: passes over them weigh as much as products"),
    "learned": Verb(learned, "value and gradient of P are checked at the end, in all rows and coordinates"),
    "measure": Verb(measure, "conversion to float64, sums by class and argmin are passes of their own"),
    "phase": Verb(phase, "each point is checked as a minimum is: value and gradient of P in all rows and coordinates"),
    "radii": Verb(radii, "leads are sorted by class, in arrays of few rows"),
    "design": Verb(
        design,
        "hundreds of numpy calls on short arrays: splines, offsets, and accuracies of the rules with one score a class",
    ),
    "training": Verb(training, "normalisation and activations are passes over memory"),
    "sweep": Verb(sweep, "recurrences as in gradient_flow, and starts drawn class by class in short numpy calls"),
    "predict": Verb(predict, "calls of Python and numpy on arrays of a hundred numbers"),
}
