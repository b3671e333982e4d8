# %% [markdown]
# # Collapse in slow motion: exact flows
#
# The gradient flow of the cosine loss in hundreds of dimensions is three numbers per sample and a clock. You will see
# features that start at different norms fall onto one curve once each is read on its own clock, the time of collapse
# predicted sample by sample, and why rare classes are faster. It matters because a rate that is known can be refuted.

# %%
import matplotlib.pyplot as plt
import numpy as np

import ufm
from figures.style import STYLE, class_colors
from theory.multicenter import clock, flows

plt.style.use([STYLE, {"figure.dpi": 110}])

# %% [markdown]
# ## Every sample has its own clock
#
# Write a feature as $h = r u$ with $|u| = 1$. The gradient turns $u$ at a pace proportional to $1/r^2$ and relaxes $r$
# by itself, $r(t) = 1 + (r_0 - 1) e^{-2 \lambda t}$. So the direction knows only its own time
#
# $$ \tau(t) = \int_0^t \frac{ds}{r(s)^2} . $$
#
# Four samples start in the *same* direction, at norms from 0.3 to 3. `method="full"` integrates all $d$ coordinates and
# knows of no clock.

# %%
norms = np.array([0.3, 1.0, 2.0, 3.0])
problem = ufm.Problem(class_sizes=(len(norms),), centers=8, theta=0.2, dim=40, loss="cosine", beta=1.0, lam=0.1)
frame = ufm.multi_center_frame(problem, seed=0)
direction = np.random.default_rng(0).standard_normal(problem.dim)
direction /= np.linalg.norm(direction)
t = np.linspace(0, 12, 241)
flow = ufm.gradient_flow(
    problem, frame=frame, features=norms[:, None] * direction, method="full", t_eval=t, keep="features", rtol=1e-11
)


def collapse(flow, k=0):
    """NC of each sample of class k at each time, (times, samples), from the features themselves."""
    features = flow.features[:, flow.problem.samples(k)]
    unit = features / np.linalg.norm(features, axis=-1, keepdims=True)
    pole = np.asarray(flow.frame.mean_directions)[k]
    return np.sum((unit - pole) ** 2, axis=-1)


nc = collapse(flow)
own = clock.clock(t[:, None], norms, problem.lam)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained", sharey=True)
for i, (r0, color) in enumerate(zip(norms, class_colors(4), strict=True)):
    left.plot(t, nc[:, i], color=color, label=f"$r_0$ = {r0:g}")
    right.plot(own[:, i], nc[:, i], color=color, linewidth=4 - 0.9 * i)
left.set(yscale="log", ylim=(1e-12, 4), xlabel="flow time $t$", ylabel="NC of the sample")
left.set_title("on the wall clock", loc="left")
left.legend(fontsize=6)
right.set(xlim=(0, 12), xlabel=r"the sample's own time $\tau$")
right.set_title("on its own clock: one curve", loc="left")
plt.show()

# %%
grid = np.linspace(0, own[-1].min(), 50)
curves = np.array([np.interp(grid, own[:, i], np.log(nc[:, i])) for i in range(len(norms))])
spread = np.ptp(curves, axis=0).max()
print(f"largest distance of two curves in ln NC on the common clock: below {np.ceil(100 * spread) / 100:.2f}")
assert spread < 0.05  # linear interpolation between 241 records
assert np.all(np.diff(nc, axis=0) <= 1e-12), "a feature moved away from its mean center"
radii = np.linalg.norm(flow.features, axis=-1)
assert np.abs(radii - clock.radius(t[:, None], norms, problem.lam)).max() < 1e-7

# %% [markdown]
# The second assertion is a law of its own: the alignment with the mean center never decreases, sample by sample.
#
# ## Exponential with several centers, algebraic with one
#
# On the sphere, $x = \langle u, \bar w / |\bar w| \rangle$ obeys an equation in which $1 - c$ is the distance of the
# centers from their mean. Near the end
#
# $$ NC \sim e^{-4 \beta f c (1 - c)\, \tau} \quad (c < 1), \qquad NC \sim \frac{1}{2 \beta f \tau} \quad (c = 1). $$
#
# One center ($f = 1$, as in a fixed simplex with dot-regression loss) makes the loss quartic around its minimum. This
# is the flow of four classes with 1, 2, 5 and 20 centers.

# %%
problem = ufm.Problem((40, 40, 40, 40), (1, 2, 5, 20), theta=0.2, dim=64, loss="cosine", beta=1.0, lam=1.0)
times = np.linspace(0, 60, 481)
flow = ufm.gradient_flow(problem, start="sphere", seed=1, t_eval=times, keep="metrics")
mean_nc = flow.class_values("nc_mean")
rates = flows.nc_rate(problem.centers, problem.theta, problem.weights)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
for k, (f, color) in enumerate(zip(problem.centers, class_colors(4), strict=True)):
    left.plot(times, mean_nc[:, k], color=color, label=f"$f$ = {f}")
    right.plot(times[1:], mean_nc[1:, k], color=color)
    if rates[k] > 0:
        late = (mean_nc[:, k] < 1e-3) & (mean_nc[:, k] > 1e-13)
        end = np.flatnonzero(late)[-1]
        line = mean_nc[end, k] * np.exp(-rates[k] * (times - times[end]))
        left.plot(times, line, color=color, linestyle=":", linewidth=0.8)
right.plot(times[1:], flows.algebraic_nc(times[1:], 1, 1.0), color="k", linestyle=":", label=r"$1 / (2 \beta f \tau)$")
left.plot([], [], color="0.4", linestyle=":", label="slope predicted")
left.set(yscale="log", ylim=(1e-14, 4), xlabel=r"time $\tau$ = $t$ (unit norm)", ylabel="NC, mean over the class")
left.set_title("several centers: straight lines", loc="left")
left.legend(fontsize=6)
right.set(xscale="log", yscale="log", xlim=(0.5, 60), ylim=(1e-3, 4), xlabel=r"time $\tau$")
right.set_title("one center: a power of time", loc="left")
right.legend(fontsize=6)
plt.show()

# %%
print("  f   rate measured   predicted")
for k, f in enumerate(problem.centers):
    window = (mean_nc[:, k] < 1e-8) & (mean_nc[:, k] > 1e-14)
    if window.any():
        slope = -np.polyfit(times[window], np.log(mean_nc[window, k]), 1)[0]
        print(f"{f:3} {slope:15.4f} {rates[k]:11.4f}")
        assert abs(slope / rates[k] - 1) < 1e-3
    else:
        local = np.diff(np.log(mean_nc[-120:, k])).sum() / np.diff(np.log(times[-120:])).sum()
        print(f"{f:3}   a power of time: exponent {local:.2f}, predicted -1 in the limit")
        assert rates[k] == 0
        assert abs(local + 1) < 0.1

# %% [markdown]
# ## The time of collapse, sample by sample
#
# The time from one NC to another is a single integral over the alignment (`theory.multicenter.flows.time_to_nc`). It
# needs three numbers of the start: its NC, its norm, and its *tilt*, the ratio of the parts in the differences of the
# centers and outside. Below: Gaussian starts of all norms, integrated in all $d$ coordinates.

# %%
problem = ufm.Problem((30, 30), (3, 12), theta=0.3, dim=30, loss="cosine", beta="weighted", lam=0.1)
frame = ufm.multi_center_frame(problem, seed=2)
times = np.linspace(0, 60, 1201)
flow = ufm.gradient_flow(problem, frame=frame, seed=3, method="full", t_eval=times, keep="features", rtol=1e-10)

TARGET = 1e-6
figure, axis = plt.subplots(figsize=(3.6, 2.8), layout="constrained")
worst = 0.0
for k, color in enumerate(("C0", "C1")):
    centers, f = frame.class_centers(k), problem.centers[k]
    pole = np.asarray(frame.mean_directions)[k]
    start = flow.features[0, problem.samples(k)]
    r0 = np.linalg.norm(start, axis=1)
    unit = start / r0[:, None]
    x = unit @ pole
    differences = np.linalg.svd(centers - centers.mean(axis=0), full_matrices=False)[2][: f - 1]
    y = np.linalg.norm(unit @ differences.T, axis=1)
    z = np.sqrt(1 - x**2 - y**2)
    nc = collapse(flow, k)
    beta = float(problem.weights[k])
    said = [
        flows.time_to_nc(TARGET, 2 - 2 * x[i], r0[i], f, problem.theta, beta, problem.lam, tilt=y[i] / z[i])
        for i in range(len(start))
    ]
    found = [np.interp(-np.log(TARGET), -np.log(nc[:, i]), times) for i in range(len(start))]
    axis.plot(said, found, ".", color=color, markersize=4, label=f"$f$ = {f}")
    worst = max(worst, np.abs(np.array(found) / np.array(said) - 1).max())
limits = axis.get_xlim()
axis.plot(limits, limits, color="0.6", linewidth=0.7, zorder=0)
axis.set(xlabel="time to NC = $10^{-6}$, predicted", ylabel="simulated")
axis.legend(fontsize=6)
plt.show()
assert worst < 1e-4  # linear interpolation between records
print(f"largest relative difference over {problem.n_samples} samples: below 1e-4")

# %% [markdown]
# ## Why rare classes are faster
#
# The rate $4 \beta f c (1 - c)$ grows with every further center, and class-aware centers give more of them to rare
# classes. With the same number for all (AL) every class has the same rate; the number of samples does not enter at all,
# because each sample's loss pulls only its own free feature.

# %%
sizes = ufm.long_tailed_sizes(10, 5000, 0.01)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
ends = {}
for name, counts, style in (("CAL, class-aware", ufm.class_aware(sizes, 20), "o"), ("AL, 20 for all", (20,) * 10, "s")):
    problem = ufm.Problem(sizes, counts, theta=0.2, loss="cosine", beta="weighted", lam=0.1)
    flow = ufm.gradient_flow(problem, seed=0, until_nc=1e-8)
    rates = flows.nc_rate(problem.centers, problem.theta, problem.weights)
    depth = -np.log10(flow.class_values("nc_mean"))
    ends[name] = np.array([np.interp(6, depth[:, k], flow.times) for k in range(10)])
    left.plot(sizes, rates, style + "-", markersize=3, label=name)
    right.plot(sizes, ends[name], style + "-", markersize=3, label=name)
for axis, label in ((left, r"rate $4 \beta f c (1 - c)$, predicted"), (right, "time to NC = $10^{-6}$, simulated")):
    axis.set(xscale="log", xlabel="samples $n_k$ of the class", ylabel=label, ylim=(0, None))
    axis.legend(fontsize=6)
plt.show()

# %%
cal, al = ends["CAL, class-aware"], ends["AL, 20 for all"]
assert np.all(np.diff(cal) < 0), "a rarer class with more centers came later"
assert np.ptp(al) < 0.1 * al.mean(), "classes with equal centers came at different times"
assert cal[-1] < al[-1]
assert cal[0] > al[0]
print(f"rarest class: CAL {cal[-1]:.1f}, AL {al[-1]:.1f}; most frequent class: CAL {cal[0]:.1f}, AL {al[0]:.1f}")

# %% [markdown]
# CAL speeds up the rare classes and pays with the frequent ones. The lag of the start is part of it: a feature in $d$
# dimensions begins almost orthogonal to its mean center, and all classes wait until it has turned.
#
# Real networks share weights between classes, so there the order of classes need not follow these rates: see
# [06-real-network](06-real-network.ipynb), where theory is held against one.
#
# ## Where to go next
#
# - [06-real-network](06-real-network.ipynb): what of this survives in a network.
# - [07-own-loss](07-own-loss.ipynb): the same experiment with a loss of your own.
# - `ufm claims exponential-collapse` and `ufm claims reduced-flow`: the derivations, step by step.
