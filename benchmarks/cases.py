"""The contestants. Each is a function that returns its largest NC, its seconds and, where it says, its error."""

import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import ufm
from theory.decision.accuracy import gcr_accuracy, nmc_accuracy, rcr_accuracy
from theory.multicenter.geometry import center_cosine, classifier_cosine
from ufm.certify import certify
from ufm.certify.predict import predict
from ufm.minimize.phase import Axis, phase_diagram
from ufm.problems.start import Start
from ufm.simulate import reduced
from ufm.simulate.flow import RTOL
from ufm.simulate.method import Work

NC = 1e-10


def small() -> ufm.Problem:
    return ufm.Problem(ufm.long_tailed_sizes(10, 500, 0.01), 20, 0.2, 256, lam=0.1)


def large() -> ufm.Problem:
    return ufm.Problem(ufm.long_tailed_sizes(10, 5000, 0.01), 20, 0.2, 512, lam=0.1)


def cifar100() -> ufm.Problem:
    sizes = ufm.long_tailed_sizes(100, 500, 0.01)
    return ufm.Problem(sizes, ufm.class_aware(sizes, 20), 0.2, 2200, lam=0.1)


def start_of(problem: ufm.Problem) -> tuple[ufm.Frame, np.ndarray]:
    frame = ufm.multi_center_frame(problem)
    return frame, np.random.default_rng(0).standard_normal((problem.n_samples, problem.dim))


def timed(function: Callable[[], float], repeats: int) -> tuple[float, float]:
    """Largest NC and median seconds; a single run is not warmed up."""
    if repeats > 1:
        function()
    seconds, nc = [], 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        nc = function()
        seconds.append(time.perf_counter() - began)
    return nc, statistics.median(seconds)


def autograd_loop(problem: ufm.Problem, repeats: int) -> dict[str, float]:
    """Gradient descent the way it is usually written, with the best of a few step sizes."""
    import torch

    frame, features = start_of(problem)
    centers = torch.tensor(frame.centers).reshape(problem.n_classes, -1, problem.dim)
    means = torch.nn.functional.normalize(centers.mean(dim=1), dim=1)
    weights, labels = torch.tensor(problem.weights), torch.tensor(problem.labels)
    slices = [problem.samples(k) for k in range(problem.n_classes)]

    def run(step: float, most: int = 2000) -> tuple[float, int]:
        h = torch.tensor(features, requires_grad=True)
        nc = torch.tensor(4.0)
        for i in range(most):
            r = h.norm(dim=1, keepdim=True)
            u = h / r
            loss = problem.lam * ((r - 1) ** 2).sum()
            for k, rows in enumerate(slices):
                loss = loss + weights[k] * ((u[rows] @ centers[k].T - 1) ** 2).sum()
            (gradient,) = torch.autograd.grad(loss, h)
            with torch.no_grad():
                h -= step * gradient
                if i % 10 == 9:
                    nc = ((torch.nn.functional.normalize(h, dim=1) - means[labels]) ** 2).sum(dim=1).max()
                    if nc < NC:
                        break
        return float(nc), i

    best = _best_step()
    nc, seconds = timed(lambda: run(best)[0], repeats)
    return {"nc_max": nc, "seconds": seconds}


def _best_step() -> float:
    """Steps are counted in flow time, so the best step of the small problem is that of the large one."""
    frame, features = start_of(small())
    sizes = {}
    for step in (0.5, 1.0, 2.0, 3.0, 4.0, 5.0):
        t = ufm.gradient_descent(small(), frame=frame, features=features, step_size=step, n_steps=2000)
        sizes[step] = t.stats["steps"] if t.status == "collapsed" else 10**6
    return min(sizes, key=lambda s: sizes[s])


def of_method(problem: ufm.Problem, method: str, repeats: int) -> dict[str, float]:
    """A flow of the toolkit, from given features."""
    frame, features = start_of(problem)
    _ = frame.geometry
    nc, seconds = timed(
        lambda: ufm.gradient_flow(problem, frame=frame, features=features, method=method, until_nc=NC).nc_max, repeats
    )
    return {"nc_max": nc, "seconds": seconds}


def scipy_whole_state(problem: ufm.Problem, repeats: int) -> dict[str, float]:
    """solve_ivp(DOP853) on the state as one vector: the flow the way it is usually written."""
    from scipy.integrate import solve_ivp

    from figures.loops import velocity

    frame, features = start_of(problem)
    field, shape = velocity(problem, frame), features.shape
    means = frame.mean_directions[problem.labels]

    def worst(y: np.ndarray) -> float:
        h = y.reshape(shape)
        away = h / np.linalg.norm(h, axis=1, keepdims=True) - means
        return float(np.einsum("nd,nd->n", away, away).max())

    def collapsed(_: float, y: np.ndarray) -> float:
        return worst(y) - NC

    collapsed.terminal = True  # type: ignore[attr-defined]

    def run() -> float:
        done = solve_ivp(field, (0, 1e4), features.ravel(), method="DOP853", rtol=1e-9, atol=1e-11, events=collapsed)
        return worst(done.y[:, -1])

    nc, seconds = timed(run, repeats)
    return {"nc_max": nc, "seconds": seconds}


def autograd_small() -> dict[str, float]:
    """torch autograd gradient descent (not a flow), best step"""
    return autograd_loop(small(), 3)


def scipy_small() -> dict[str, float]:
    """scipy DOP853 on the whole state"""
    return scipy_whole_state(small(), 3)


def full_small() -> dict[str, float]:
    """full: DOP853 class by class, error bounded per sample"""
    return of_method(small(), "full", 3)


def span_small() -> dict[str, float]:
    """span: centers of the class and the start"""
    return of_method(small(), "span", 3)


def reduced_small() -> dict[str, float]:
    """reduced: three coordinates"""
    return of_method(small(), "reduced", 7)


def autograd_large() -> dict[str, float]:
    """torch autograd gradient descent (not a flow), best step"""
    return autograd_loop(large(), 1)


def scipy_large() -> dict[str, float]:
    """scipy DOP853 on the whole state"""
    return scipy_whole_state(large(), 1)


def span_large() -> dict[str, float]:
    """span: centers of the class and the start"""
    return of_method(large(), "span", 1)


def reduced_large() -> dict[str, float]:
    """reduced: three coordinates"""
    return of_method(large(), "reduced", 5)


def reduced_cifar100() -> dict[str, float]:
    """reduced, CIFAR-100-LT (K=100, d=2,200, N=10,847), Gaussian start"""
    problem = cifar100()
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    _ = frame.geometry
    nc, seconds = timed(lambda: ufm.gradient_flow(problem, frame=frame, until_nc=NC).nc_max, 9)
    return {"nc_max": nc, "seconds": seconds, "error": trajectory_error(problem)}


def trajectory_error(problem: ufm.Problem) -> float:
    """Largest distance of any unit feature at any recorded time from a run at the tightest tolerance."""
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    times, worst = ufm.gradient_flow(problem, until_nc=NC).times, 0.0
    for batch in reduced.batches(problem, frame, None, Start(), 0):
        runs = [batch.states_at(times, rtol, Work()) for rtol in (RTOL, 1e-13)]
        for (_, one), (_, other) in zip(*runs, strict=True):
            worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(one[:3], other[:3], strict=True)))
    return worst


def reduced_imagenet() -> dict[str, float]:
    """reduced, ImageNet-LT-like (K=1,000, d=21,000, N=115,846), sampled start"""
    return imagenet(lam=0.1)


def imagenet(**loss: Any) -> dict[str, float]:
    sizes = list(ufm.long_tailed_sizes(1000, 549, 0.0091))
    sizes[0] += 115_846 - sum(sizes)
    return flown(ufm.Problem(sizes, ufm.class_aware(sizes, 20), 0.2, 21_000, **loss))


def flown(problem: ufm.Problem, **options: Any) -> dict[str, float]:
    """One flow of the toolkit's choice."""
    nc, seconds = timed(lambda: ufm.gradient_flow(problem, until_nc=NC, **options).nc_max, 1)
    return {"nc_max": nc, "seconds": seconds}


def exact_imagenet() -> dict[str, float]:
    """exact, P (lam_H = 1e-5), the same classes, sampled start"""
    return imagenet(loss="mse", lam_h=1e-5)


def reduced_ten_million() -> dict[str, float]:
    """reduced, ten million samples (K=10, f=20, d=256), 17 records"""
    return flown(ufm.Problem((1_000_000,) * 10, 20, 0.2, 256, lam=0.1), n_times=17)


def learned(n_classes: int, n_max: int, dim: int) -> ufm.Problem:
    sizes = ufm.long_tailed_sizes(n_classes, n_max, 0.01)
    return ufm.Problem(sizes, 20, 0.2, dim, loss="mse", lam_h=1e-6, lam_w=1e-3, frame="learned")


def excess(problem: ufm.Problem, value: float) -> float:
    """P above its minimum in closed form."""
    return abs(value - predict(problem).value)


def learned_by(problem: ufm.Problem, method: str, repeats: int) -> dict[str, float]:
    gap, seconds = timed(lambda: excess(problem, ufm.minimize(problem, method=method).value), repeats)  # type: ignore[arg-type]
    return {"error": gap, "seconds": seconds}


def learned_torch() -> dict[str, float]:
    """torch: orthogonal parametrization, one feature per class, L-BFGS, at most 500 steps"""
    import torch

    problem = learned(10, 5000, 256)
    frames, n_classes, dim = problem.n_centers, problem.n_classes, problem.dim
    owner = torch.repeat_interleave(torch.arange(n_classes), torch.tensor(problem.centers))
    targets = torch.nn.functional.one_hot(owner, n_classes).double().T
    sizes, total = torch.tensor(problem.class_sizes, dtype=torch.float64), problem.total
    lam_h, lam_w = float(problem.lam_h or 0), float(problem.lam_w or 0)

    def run() -> float:
        torch.manual_seed(0)
        layer = torch.nn.Linear(dim, frames + n_classes, bias=False, dtype=torch.float64)
        torch.nn.utils.parametrizations.orthogonal(layer)
        norms = torch.ones(n_classes, dtype=torch.float64, requires_grad=True)
        features = torch.randn(n_classes, dim, dtype=torch.float64).requires_grad_()
        optimiser = torch.optim.LBFGS(
            [*layer.parameters(), norms, features],
            max_iter=500,
            tolerance_grad=1e-12,
            tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )

        def objective() -> torch.Tensor:
            rows = layer.weight
            unit = math.cos(problem.theta) * rows[:frames] + math.sin(problem.theta) * rows[frames:][owner]
            miss = features @ (norms[owner, None] * unit).T - targets
            fit = (sizes @ miss.square().sum(1)) / (2 * total)
            return fit + 0.5 * lam_w * norms.square().sum() + 0.5 * lam_h * (sizes @ features.square().sum(1))

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            value = objective()
            value.backward()
            return value

        optimiser.step(closure)
        return excess(problem, float(objective()))

    gap, seconds = timed(run, 1)
    return {"error": gap, "seconds": seconds}


def learned_full() -> dict[str, float]:
    """trust region, one feature per sample (N=12,406)"""
    return learned_by(learned(10, 5000, 256), "full", 1)


def learned_means() -> dict[str, float]:
    """trust region, one feature per class"""
    return learned_by(learned(10, 5000, 256), "means", 1)


def learned_projected() -> dict[str, float]:
    """variable projection"""
    return learned_by(learned(10, 5000, 256), "projected", 3)


def learned_means_100() -> dict[str, float]:
    """trust region, one feature per class, K=100, d=2,200, N=10,847"""
    return learned_by(learned(100, 500, 2200), "means", 1)


def learned_projected_100() -> dict[str, float]:
    """variable projection, K=100, d=2,200, N=10,847"""
    return learned_by(learned(100, 500, 2200), "projected", 1)


def in_kinds(size: int, **options: Any) -> ufm.Problem:
    """A hundred thousand classes in fifty kinds, the largest of so many samples."""
    sizes = ufm.long_tailed_sizes(50, size, 0.01)
    every, centers = (np.repeat(each, 2000).tolist() for each in (sizes, ufm.class_aware(sizes, 4)))
    return ufm.Problem(every, centers, 0.2, **options)


def kinds_of_p() -> ufm.Problem:
    return in_kinds(500, loss="mse", lam_h=1e-7, lam_w=1e-7, frame="learned")


def kinds_learned() -> dict[str, float]:
    """minimum of P with a learned frame, with its certificate"""
    return learned_by(kinds_of_p(), "projected", 3)


def kinds_phase() -> dict[str, float]:
    """a point of a phase diagram, certified"""
    problem = kinds_of_p()
    axes = Axis("lam_w", "", "", np.ones(1)), Axis("lam_h", "", "", np.ones(1))
    return {"seconds": timed(lambda: float(not certify(phase_diagram(lambda *_: problem, *axes)).holds), 3)[1]}


def kinds_exact() -> dict[str, float]:
    """flow of P (lam_H = 1e-8), N=2.7 million"""
    return flown(in_kinds(125, loss="mse", lam_h=1e-8))


def kinds_reduced() -> dict[str, float]:
    """flow of the cosine loss, the same samples"""
    return flown(in_kinds(125))


MILLION = 1_000_000


def angles_loop() -> dict[str, float]:
    """a Python loop over math functions"""
    rng = np.random.default_rng(0)
    counts, thetas = rng.integers(1, 100, MILLION).tolist(), rng.uniform(0.0, 1.5, MILLION).tolist()

    def run() -> float:
        total = 0.0
        for f, theta in zip(counts, thetas, strict=True):
            c = math.sqrt(math.cos(theta) ** 2 / f + math.sin(theta) ** 2)
            total += c + math.sin(theta) / c
        return total

    return {"seconds": timed(run, 3)[1]}


def angles_arrays() -> dict[str, float]:
    """theory.multicenter.geometry on arrays"""
    rng = np.random.default_rng(0)
    counts, thetas = rng.integers(1, 100, MILLION), rng.uniform(0.0, 1.5, MILLION)

    def run() -> float:
        return float(np.sum(center_cosine(counts, thetas) + classifier_cosine(counts, thetas)))

    return {"seconds": timed(run, 7)[1]}


def decided_grid() -> dict[str, float]:
    """accuracy of three rules, 100 x 100 values of f and theta, K = 100"""
    f, theta = np.arange(1, 101)[:, None], np.linspace(0.0, np.pi / 2.0, 100)

    def run() -> float:
        rules = (nmc_accuracy(4.0, 100), rcr_accuracy(f, theta, 4.0, 100), gcr_accuracy(f, theta, 4.0, 100))
        return float(sum(each.sum() for each in rules))

    return {"seconds": timed(run, 3)[1]}


def decided_radii() -> dict[str, float]:
    """radii of GCR, 10,000 features, K = 100, F = 2,000"""
    from benchmarks.verbs import radii  # and torch: memory that other cases do without

    run = radii(tiny=False)[0]
    return {"seconds": timed(lambda: float(run().radius.max()), 3)[1]}


if __name__ == "__main__":
    result = globals()[sys.argv[1]]()
    result["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))
