"""Where training of free features under weight decay ends: ``ufm.minimize`` against what people write.

``python -m benchmarks geometry`` (part of ``make bench``; ``--quick``: the small case with budgets of a few seconds).
Every row runs in a process of its own on one thread: the toolkit first, whose bound the others are measured against.
A loop is stopped when its own tolerance is met, when it is within the wanted gap of the bound, or when its budget is
spent; what is ">" another's time did not get to the gap. The rows with cvxpy and pymanopt need
``pip install cvxpy pymanopt``.
"""

import importlib.util
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import ufm
from benchmarks import tables

GAP = 1e-10
"""Value minus bound that counts as solved."""

BUDGET, BRIEF = 30.0, 5.0
"""Seconds that a rival may take, apart from the start of its process; of the small case."""

LAM_W, LAM_H = 5e-4, 1e-5


class Spent(Exception):
    """The gap is reached, or the budget spent."""


@dataclass(frozen=True)
class Target:
    """What a contestant is told: the bound, the rank of the minimum, and the seconds that it has."""

    bound: float = -np.inf
    rank: int = 0
    budget: float = BUDGET


def few() -> ufm.FeatureModel:
    return ufm.FeatureModel((50, 20, 5), lam_w=5e-3, lam_h=1e-4, dim=8)


def ten() -> ufm.FeatureModel:
    return ufm.FeatureModel(ufm.long_tailed_sizes(10, 5000, 0.01), lam_w=LAM_W, lam_h=LAM_H, dim=512)


def hundred() -> ufm.FeatureModel:
    return ufm.FeatureModel(ufm.long_tailed_sizes(100, 500, 0.01), lam_w=LAM_W, lam_h=LAM_H, dim=512)


def distinct() -> ufm.FeatureModel:
    return ufm.FeatureModel(range(1000, 0, -1), lam_w=LAM_W, lam_h=1e-7)


def million() -> ufm.FeatureModel:
    sizes = np.repeat(np.arange(100, 0, -5), 50_000)
    return ufm.FeatureModel(sizes, lam_w=1e-6, lam_h=1e-9)


class Loop:
    """The lowest value seen, and a clock that ends a loop at the gap or the budget."""

    def __init__(self, target: Target) -> None:
        self.target, self.best, self.began = target, np.inf, time.perf_counter()

    def see(self, value: float) -> None:
        self.best = min(self.best, value)
        if self.best <= self.target.bound + GAP:
            raise Spent("at the gap")
        if time.perf_counter() - self.began > self.target.budget:
            raise Spent("budget spent")

    def run(self, work: Callable[[], None]) -> dict[str, Any]:
        """What became of it."""
        ended = "own tolerance"
        try:
            work()
        except Spent as spent:
            ended = str(spent)
        return {"value": self.best, "ended": ended}


def toolkit(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """ufm.minimize"""
    solution = ufm.minimize(model)
    return {"value": solution.value, "bound": solution.bound, "rank": solution.rank, "ended": solution.status}


def descend(model: ufm.FeatureModel, target: Target, **tolerances: float) -> dict[str, Any]:
    """Cross-entropy of all samples with decay, by L-BFGS over weights and every feature."""
    import torch

    torch.manual_seed(0)
    labels = torch.tensor(model.labels)
    weights = (0.1 * torch.randn(model.n_classes, model.dim, dtype=torch.float64)).requires_grad_()
    features = (0.1 * torch.randn(len(labels), model.dim, dtype=torch.float64)).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weights, features], max_iter=10**6, max_eval=10**7, line_search_fn="strong_wolfe", **tolerances
    )
    loop = Loop(target)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(features @ weights.T, labels)
        decay = model.lam_w * weights.square().sum() + model.lam_h * features.square().sum()
        value = loss + 0.5 * decay
        value.backward()
        loop.see(float(value.detach()))
        return value

    return loop.run(lambda: optimiser.step(closure))


def torch_default(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """torch L-BFGS over W and all N features, its own tolerance"""
    return descend(model, target)


def torch_gap(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """the same until the same gap"""
    return descend(model, target, tolerance_grad=0.0, tolerance_change=0.0)


def cvxpy(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """cvxpy, the K x K program with its nuclear norm, default solver"""
    import cvxpy as cp

    n = np.asarray(model.class_sizes, dtype=float)
    k = len(n)
    unknown = cp.Variable((k, k))
    logits = unknown @ np.diag(n**-0.5)
    losses = cp.log_sum_exp(logits, axis=0) - cp.diag(logits)
    program = cp.Problem(cp.Minimize(losses @ (n / n.sum()) + model.strength * cp.normNuc(unknown)))
    program.solve()
    value = objective(model, np.asarray(unknown.value))
    return {"value": value, "ended": f"{program.status}, {program.solver_stats.solver_name}"}


def objective(model: ufm.FeatureModel, matrix: np.ndarray) -> float:
    """Value of the K x K program."""
    n = np.asarray(model.class_sizes, dtype=float)
    logits = matrix / np.sqrt(n)
    top = logits.max(axis=0)
    losses = np.log(np.exp(logits - top).sum(axis=0)) + top - np.diag(logits)
    return float(losses @ n / n.sum() + model.strength * np.linalg.norm(matrix, "nuc"))


def losses_by_torch(model: ufm.FeatureModel) -> Callable[[Any], Any]:
    """The mean cross-entropy of A, as a function that torch can differentiate."""
    import torch

    n = torch.tensor(model.class_sizes, dtype=torch.float64)

    def mean(matrix: Any) -> Any:
        logits = matrix / n.sqrt()
        return (torch.logsumexp(logits, dim=0) - torch.diagonal(logits)) @ (n / n.sum())

    return mean


def on_manifold(manifold: Any, cost: Any, optimiser: Any, start: Any, target: Target) -> dict[str, Any]:
    """What an optimiser of pymanopt makes of a cost of torch, with the clock inside the cost."""
    import pymanopt

    loop = Loop(target)

    @pymanopt.function.pytorch(manifold)
    def watched(*point: Any) -> Any:
        value = cost(*point)
        loop.see(float(value.detach()))
        return value

    problem = pymanopt.Problem(manifold, watched)
    return loop.run(lambda: optimiser.run(problem, initial_point=start))


def fixed_rank(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """pymanopt, A of fixed rank (that of the minimum), conjugate gradients"""
    import pymanopt
    import torch

    k, mean = model.n_classes, losses_by_torch(model)
    manifold = pymanopt.manifolds.FixedRankEmbedded(k, k, target.rank)

    def cost(left: Any, strengths: Any, right: Any) -> Any:
        return mean((left * strengths) @ right) + model.strength * torch.abs(strengths).sum()

    optimiser = pymanopt.optimizers.ConjugateGradient(**patience(target))
    np.random.seed(0)  # noqa: NPY002 - pymanopt draws its start from there
    return on_manifold(manifold, cost, optimiser, None, target)


def factors(model: ufm.FeatureModel, target: Target) -> dict[str, Any]:
    """pymanopt, A = U V^T over its factors, trust regions"""
    import pymanopt

    k, mean = model.n_classes, losses_by_torch(model)
    plane = pymanopt.manifolds.Euclidean(k, k)
    manifold = pymanopt.manifolds.Product([plane, plane])

    def cost(u: Any, v: Any) -> Any:
        return mean(u @ v.T) + 0.5 * model.strength * (u.square().sum() + v.square().sum())

    optimiser = pymanopt.optimizers.TrustRegions(**patience(target))
    np.random.seed(0)  # noqa: NPY002 - pymanopt draws its start from there
    return on_manifold(manifold, cost, optimiser, None, target)


def patience(target: Target) -> dict[str, Any]:
    """Options of pymanopt: tolerances that its other limits do not come before."""
    return {
        "max_iterations": 10**6,
        "max_time": target.budget,
        "min_gradient_norm": 1e-12,
        "min_step_size": 1e-16,
        "verbosity": 0,
    }


NEEDS = {"torch_default": "torch", "torch_gap": "torch", "cvxpy": "cvxpy", "fixed_rank": "pymanopt"}
NEEDS["factors"] = "pymanopt"
RIVALS = list(NEEDS)
MODELS: dict[str, Callable[[], ufm.FeatureModel]] = {
    each.__name__: each for each in (few, ten, hundred, distinct, million)
}
CONTESTANTS: dict[str, Callable[[ufm.FeatureModel, Target], dict[str, Any]]] = {
    each.__name__: each for each in (toolkit, torch_default, torch_gap, cvxpy, fixed_rank, factors)
}
REPEATS = {"few": 3, "ten": 9, "hundred": 5, "million": 3}
CASES = {
    "ten": ("CE, CIFAR-10-LT (K=10, N=12,406, d=512)", RIVALS),
    "hundred": ("CE, CIFAR-100-LT (K=100, N=10,847, d=512)", RIVALS),
    "distinct": ("CE, K=1,000 with the sizes 1, 2, ..., 1,000 (N=500,500)", []),
    "million": ("CE, a million classes in 20 sizes from 5 to 100 (N=52,500,000)", []),
}
QUICK = {"few": ("CE, K=3 (N=75, d=8)", RIVALS)}

START, LIMIT = 20.0, 120.0
"""Seconds that the start of a process and the first call may take before it is killed, and those of the toolkit."""


def contest(model: str, contestant: str, target: Target) -> dict[str, Any]:
    """Run one row here: the median of several runs where they are short, with the time of the processor."""
    asked, ran = MODELS[model](), CONTESTANTS[contestant]
    ran(few(), Target(rank=2, budget=0.1))  # what is imported and compiled at the first call
    repeats = REPEATS.get(model, 1) if contestant == "toolkit" else 1
    walls, processor, said = [], [], {}
    for _ in range(repeats):
        began, busy = time.perf_counter(), time.process_time()
        said = ran(asked, target)
        walls.append(time.perf_counter() - began)
        processor.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    timed = {"seconds": statistics.median(walls), "processor": statistics.median(processor)}
    return {**said, **timed, "mib": peak}


def measure(model: str, contestant: str, target: Target) -> dict[str, Any]:
    """One row in a fresh process, which is killed if it does not notice that its budget is spent."""
    needed = NEEDS.get(contestant)
    if needed and importlib.util.find_spec(needed) is None:
        return {"ended": f"not installed: pip install {needed}"}
    command = [sys.executable, "-m", "benchmarks.geometry", model, contestant, json.dumps(vars(target))]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **one_thread}
    ) as run:
        alarm = threading.Timer(target.budget + START, run.kill)
        alarm.start()
        said, complaint = run.communicate()
        alarm.cancel()
    if run.returncode == -signal.SIGKILL:
        return {"seconds": time.perf_counter() - began, "ended": "killed after its budget, without a value"}
    if run.returncode:
        return {"ended": f"failed: {complaint.decode().strip().splitlines()[-1]}"}
    return json.loads(said)


def row(contestant: str, said: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """A line of the table. A ratio has a ">" in front where the gap was not reached in that time."""
    figures = {"seconds": "{:.3g}", "processor": "{:.3g}", "mib": "{:.0f} MiB"}
    seconds, processor, mib = (form.format(said[name]) if name in said else "" for name, form in figures.items())
    excess = said.get("value", np.inf) - ours.get("bound", 0.0)
    kind = "processor" if "processor" in said and "processor" in ours else "seconds"
    ratio = f"{'' if excess <= GAP else '> '}{said[kind] / ours[kind]:.3g}" if kind in said and "bound" in ours else ""
    shown = f"{excess:.0e}" if np.isfinite(excess) else ""
    return [CONTESTANTS[contestant].__doc__ or "", seconds, processor, ratio, mib, shown, said["ended"]]


def contests(cases: dict[str, tuple[str, list[str]]], budget: float, flags: str = "", *, save: bool = False) -> None:
    """Run, print and keep tables; ``flags`` is what else their commands say."""
    for model, (title, rivals) in cases.items():
        ours = measure(model, "toolkit", Target(budget=LIMIT))
        rows = [["", "seconds", "processor", "ratio", "peak memory", "value - bound", "ended"]]
        rows.append(row("toolkit", ours, ours))
        for rival in rivals if "bound" in ours else []:
            print(f"... {model}, {rival}", file=sys.stderr)
            rows.append(row(rival, measure(model, rival, Target(ours["bound"], ours["rank"], budget)), ours))
        command = f"python -m benchmarks geometry --only {model}{flags}"
        tables.show(command, f"{title}, rank {ours.get('rank', 'unknown')}", rows, save=save)


def main(arguments: list[str]) -> None:
    parser = tables.parser("geometry", __doc__, "three classes, budgets of five seconds")
    parser.add_argument("--only", metavar="CASE", choices=MODELS, help=f"one of {', '.join(MODELS)}")
    parser.add_argument("--budget", type=float, help=f"seconds of each rival; {BUDGET:g}, and {BRIEF:g} with --quick")
    asked = parser.parse_args(arguments)
    cases = {asked.only: (QUICK | CASES)[asked.only]} if asked.only else QUICK if asked.quick else CASES
    flags = (" --quick" if asked.quick else "") + (f" --budget {asked.budget:g}" if asked.budget else "")
    contests(cases, asked.budget or (BRIEF if asked.quick else BUDGET), flags, save=asked.save)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in MODELS:
        print(json.dumps(contest(sys.argv[1], sys.argv[2], Target(**json.loads(sys.argv[3])))))
    else:
        main(sys.argv[1:])
