"""Claims on gradient flows: what the cosine loss and P do in time. None of this is in the paper."""

from collections.abc import Iterator, Mapping
from typing import Any

import mpmath
import numpy as np

from theory.multicenter import clock, flows
from theory.multicenter import minimum as minimizers
from ufm.certify.ledger.claim import Evidence, Finding, Laboratory, compare

SPHERE: dict[str, Any] = {
    "class_sizes": (3, 3, 3),
    "centers": (2, 4, 7),
    "theta": 0.4,
    "dim": 24,
    "beta": 1.0,
    "lam": 0.3,
}
SINGLE: dict[str, Any] = {"class_sizes": (4,), "centers": (1,), "theta": 0.4, "dim": 8, "beta": 1.0, "lam": 0.0}
RIDGE: dict[str, Any] = {
    "class_sizes": (6, 4, 2),
    "centers": (1, 3, 5),
    "theta": 0.3,
    "dim": 20,
    "loss": "mse",
    "lam_h": 0.02,
}
FULL = "flow in 24 dimensions"


def by_sample(values: Any) -> Any:
    """Numbers of classes, repeated for each of their samples in :data:`SPHERE`."""
    return np.repeat(np.asarray(values, dtype=float), SPHERE["class_sizes"])


def _clock(lab: Laboratory) -> Iterator[Finding]:
    times = np.linspace(0.0, 6.0, 13)
    path = lab.flow(SPHERE, times, scale=2.0)
    r0 = path.r[0]
    stated = clock.radius(times[:, None], r0, SPHERE["lam"])
    yield compare("norm at 13 times", FULL, path.r, stated, relative=1e-9)
    with mpmath.workdps(30):
        for start in (0.2, 1.0, 9.0):
            exact = mpmath.quad(
                lambda s, r0=start: 1 / (1 + (r0 - 1) * mpmath.exp(-mpmath.mpf("0.6") * s)) ** 2, [0, 1, 6]
            )
            stated = clock.clock(6.0, start, 0.3)
            yield compare(
                f"clock at t = 6, r0 = {start}", "mpmath quadrature of 1/r^2", float(exact), stated, relative=1e-13
            )
    still = clock.clock(6.0, 3.0, 0.0)
    yield compare("clock without a penalty: t / r0^2", "limit", still, 6.0 / 9.0, relative=1e-15)


def _field(lab: Laboratory) -> Iterator[Finding]:
    step, moments = 1e-4, np.array([0.1, 0.4, 1.0])
    times = (moments[:, None] + step * np.array([-1.0, 0.0, 1.0])).ravel()
    path = lab.flow({**SPHERE, "lam": 0.0}, times)
    before, now, after = (np.array([path.x[i::3], path.y[i::3], path.z[i::3]]) for i in range(3))
    x, y, z = now
    velocity = flows.reduced_field(x, y, z, by_sample(SPHERE["centers"]), SPHERE["theta"], 1.0)
    found = (after - before) / (2.0 * step)
    for name, measured, stated in zip("xyz", found, velocity, strict=True):
        name = f"d{name}/dt at three times"
        yield compare(name, f"{FULL}, central differences", measured, stated / path.r[0] ** 2, tolerance=2e-6)


def _conserved(lab: Laboratory) -> Iterator[Finding]:
    times = np.linspace(0.0, 3.0, 7)
    path = lab.flow(SPHERE, times)
    yield compare("by how much the two directions turn, 1 - cosine", FULL, path.turn, 0.0, tolerance=1e-9)
    tau = clock.clock(times[:, None], path.r[0], SPHERE["lam"])
    stated = path.y[0] / path.z[0] * np.exp(-2.0 * np.cos(SPHERE["theta"]) ** 2 * tau)
    yield compare("y / z at seven times", FULL, path.y / path.z, stated, relative=1e-6)
    yield compare("x^2 + y^2 + z^2", FULL, path.x**2 + path.y**2 + path.z**2, 1.0, tolerance=1e-12)
    for momentum in (0.0, 0.9):
        defect = lab.descent_defect(SPHERE, momentum=momentum)
        yield compare(
            f"descent with momentum {momentum}: 24 dimensions against three",
            "50 steps of each",
            defect,
            0.0,
            tolerance=1e-12,
        )


def _monotone(lab: Laboratory) -> Iterator[Finding]:
    for start, scale in (("gaussian", 1.0), ("antipode", 1.0)):
        path = lab.flow({**SPHERE, "lam": 0.1}, np.linspace(0.0, 20.0, 201), scale=scale, start=start)
        fall = float(np.diff(path.x, axis=0).min())
        yield compare(f"largest fall of the alignment, {start} start", FULL, fall, 0.0, relation=">=", tolerance=1e-10)
    x = np.linspace(-1.0, 1.0, 401)[:, None, None]
    share = np.linspace(0.0, 1.0, 21)[:, None]
    worst = np.inf
    for f in (1, 2, 5, 50):
        for theta in (0.0, 0.2, 1.0, np.pi / 2):
            side = np.sqrt(1.0 - x**2)
            velocity = flows.reduced_field(x, side * np.sqrt(share), side * np.sqrt(1.0 - share), f, theta, 1.0).x
            worst = min(worst, float(velocity.min()))
    yield compare(
        "smallest dx/dt over the sphere, f in 1..50", "grid of 8,421 points", worst, 0.0, relation=">=", tolerance=1e-12
    )


def _clock_by_quadrature(nc: float, nc0: float, f: int, theta: float) -> float:
    """Integral of dx / x' over x = 1 - e^w, for y = 0: x' = 2 f c (1 - x^2)(1 - c x)."""
    c = mpmath.sqrt(mpmath.cos(theta) ** 2 / f + mpmath.sin(theta) ** 2)

    def integrand(w: mpmath.mpf) -> mpmath.mpf:
        beyond = mpmath.exp(w)
        return 1 / (2 * f * c * (2 - beyond) * (1 - c + c * beyond))

    ends = (mpmath.log(mpmath.mpf(value) / 2) for value in (nc, nc0))
    return float(mpmath.quad(integrand, mpmath.linspace(*ends, 9)))


def _time(lab: Laboratory) -> Iterator[Finding]:
    for f, theta, nc0, nc in ((5, 0.3, 1.9, 1e-8), (2, 1.2, 3.5, 1e-3), (1, 0.3, 1.0, 1e-2)):
        with mpmath.workdps(30):
            exact = _clock_by_quadrature(nc, nc0, f, theta)
        name = f"clock time from NC {nc0} to {nc}, f={f}, theta={theta}"
        stated = flows.clock_to_nc(nc, nc0, f, theta, 1.0)
        yield compare(name, "mpmath quadrature of 1 / x'", exact, stated, relative=1e-12)
    times = np.linspace(0.0, 8.0, 9)
    path = lab.flow(SPHERE, times)
    own = {"theta": SPHERE["theta"], "beta": 1.0, "lam": SPHERE["lam"]}
    counts, tilts = by_sample(SPHERE["centers"]).astype(int), path.y[0] / path.z[0]
    samples = zip(path.nc[-1], path.nc[0], path.r[0], counts, tilts, strict=True)
    predicted = [flows.time_to_nc(nc, nc0, r0, f, **own, tilt=tilt) for nc, nc0, r0, f, tilt in samples]
    name = "time at which samples have the NC that they have at t = 8"
    yield compare(name, FULL, times[-1], predicted, tolerance=1e-5)


def _exponential(lab: Laboratory) -> Iterator[Finding]:
    times = np.linspace(0.0, 14.0, 57)
    path = lab.flow({**SPHERE, "lam": 0.0}, times, scale=0.2)
    tau = times[:, None] / path.r[0] ** 2
    slope = -2.0 * np.diff(np.log(path.z), axis=0) / np.diff(tau, axis=0)
    stated = flows.nc_rate(by_sample(SPHERE["centers"]), SPHERE["theta"], 1.0)
    late = (path.nc[:-1] < 1e-6) & (path.nc[1:] > 1e-14)
    yield compare(
        "rate of collapse while 1e-14 < NC < 1e-6",
        FULL,
        slope[late],
        np.broadcast_to(stated, late.shape)[late],
        relative=1e-4,
    )
    many = np.array([100, 1000, 10_000])
    limit = 4.0 * np.sin(0.3) * (1.0 - np.sin(0.3))
    yield compare(
        "rate / (beta f) for f = 10,000: 4 sin(theta) (1 - sin(theta))",
        "evaluated",
        flows.nc_rate(many, 0.3, 1.0)[-1] / many[-1],
        limit,
        relative=1e-3,
    )
    f = np.arange(2, 60)
    peak = flows.nc_rate(f[:, None], np.linspace(0.0, np.pi / 2, 2001), 1.0).max(axis=1) / f
    reach = f >= 4  # c = 1/2 needs 1/sqrt(f) <= 1/2
    yield compare("largest rate / (beta f) over theta, f >= 4", "grid of 2,001 angles", peak[reach], 1.0, relative=1e-5)
    few = 4.0 * (np.sqrt(f[~reach]) - 1.0) / f[~reach]
    yield compare("the same for f = 2 and 3, at theta = 0", "grid of 2,001 angles", peak[~reach], few, relative=1e-12)
    rise = np.diff(flows.nc_rate(np.arange(1, 200)[:, None], np.linspace(0.0, 1.5, 31), 1.0), axis=0).min()
    yield compare("smallest rise of the rate with one more center", "f to 200, 31 angles", rise, 0.0, relation=">=")


def _algebraic(lab: Laboratory) -> Iterator[Finding]:
    times = np.array([0.0, 1e2, 1e3, 1e4])
    path = lab.flow(SINGLE, times)
    tau = times[-1] / path.r[0] ** 2
    yield compare("NC tau beta f at late times", "flow in 8 dimensions", path.nc[-1] * tau, 0.5, relative=5e-3)
    exact = np.array(
        [flows.clock_to_nc(float(a), float(b), 1, 0.4, 1.0) for a, b in zip(path.nc[-1], path.nc[0], strict=True)]
    )
    yield compare("clock time to reach it", "flow in 8 dimensions", tau, exact, relative=1e-5)
    several = lab.flow({**SINGLE, "centers": (4,)}, [0.0, 100.0])
    yield compare(
        "NC with four centers at t = 100, over NC with one",
        "flow in 8 dimensions",
        several.nc[-1] / path.nc[1],
        1e-5,
        relation="<=",
    )
    yield compare("rate of exponential collapse with one center", "formula", flows.nc_rate(1, 0.4, 1.0), 0.0)


def _mse(lab: Laboratory) -> Iterator[Finding]:
    times = np.array([0.0, 5.0, 20.0, 80.0])
    path = lab.flow({**RIDGE, "class_sizes": (3,), "centers": (4,), "dim": 9}, times)
    s, lam = 12, RIDGE["lam_h"]
    start = flows.Coordinates(path.x[0] * path.r[0], path.y[0] * path.r[0], path.z[0] * path.r[0])
    stated = flows.mse_flow(times[:, None], start, 4, RIDGE["theta"], s, lam)
    for name, found, exact in zip(
        ("mean center", "differences", "null space"), (path.x, path.y, path.z), stated, strict=True
    ):
        yield compare(
            f"coordinate along the {name} at four times",
            "flow in 9 dimensions",
            found * path.r,
            np.abs(exact) if name != "mean center" else exact,
            tolerance=1e-8,
        )
    rng = np.random.default_rng(2)
    q, _ = np.linalg.qr(rng.standard_normal((9, 5)))
    w = np.cos(0.3) * q.T[:4] + np.sin(0.3) * q.T[4]
    found = np.linalg.eigvalsh(w.T @ w / s + lam * np.eye(9))
    rates = flows.mse_rates(4, 0.3, s, lam)
    yield compare(
        "rates of the flow",
        "eigenvalues of W^T W / S + lam_H I",
        found,
        np.repeat([rates.null, rates.difference, rates.mean], [5, 3, 1]),
        relative=1e-11,
    )


def _memory(lab: Laboratory) -> Iterator[Finding]:
    problem = {**RIDGE, "lam_h": 0.0}
    nc, residue = lab.null_space_memory(problem)
    counts = np.repeat(problem["centers"], problem["class_sizes"])
    s = int(np.dot(problem["centers"], problem["class_sizes"]))
    norm = minimizers.mse_feature_norm(counts, problem["theta"], s, 0.0)
    yield compare(
        "final NC without regularisation",
        "matrix exponential at t = 1e6, null part by least squares",
        nc,
        flows.nc_with_residue(norm, residue),
        tolerance=1e-9,
    )
    yield compare("smallest of them: no NCMC", "as before", nc.min(), 0.1, relation=">=")
    nc, _ = lab.null_space_memory(RIDGE)
    yield compare("final NC with lam_H = 0.02", "matrix exponential at t = 1e6", nc, 0.0, tolerance=1e-12)


EVIDENCE: Mapping[str, Evidence] = {
    "radius-and-clock": _clock,
    "reduced-flow": _field,
    "conserved-directions": _conserved,
    "alignment-monotone": _monotone,
    "time-to-collapse": _time,
    "exponential-collapse": _exponential,
    "algebraic-collapse": _algebraic,
    "mse-flow": _mse,
    "null-space-memory": _memory,
}
