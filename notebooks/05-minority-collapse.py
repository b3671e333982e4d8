# %% [markdown]
# # Minority collapse and its thresholds
#
# If the frame is trained together with the features, rare classes can die: their classifier vector and features shrink
# to 0 while the others are fine. You will see at which weights and at which imbalance that happens, one class at a
# time, each at a threshold in closed form, and that more centers keep a rare class alive. It matters because the
# paper's theorem 3.4 has it as all or nothing.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import ufm
from figures.style import STYLE, class_colors
from theory.multicenter import geometry, minimum
from ufm.minimize.phase import Axis, phase_diagram

plt.style.use([STYLE, {"figure.dpi": 110}])
COLORS = class_colors(3)

# %% [markdown]
# ## Three classes, one of them rare
#
# Problem P is a mean squared error with two penalties, now over features, directions *and* lengths of the frame:
#
# $$ P = \frac{1}{2S} |W H - Y|_F^2 + \frac{\lambda_W}{2} |W_0|_F^2 + \frac{\lambda_H}{2} |H|_F^2 ,
# \qquad S = \sum_k f_k n_k . $$
#
# `minimize` finds the minimum by variable projection in a Riemannian trust region and proves it with a dual bound: the
# gap.

# %%
problem = ufm.Problem((100, 10, 1), centers=1, theta=0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")


def of_theory(problem):
    """Arguments of theory's functions on learned frames, class by class."""
    weights = {"lam_h": problem.lam_h, "lam_w": problem.lam_w}
    sizes, counts = np.array(problem.class_sizes), np.array(problem.centers)
    return {"f": counts, "n": sizes, "total": problem.total, **weights}


solution = ufm.minimize(problem, seed=0)
predicted = minimum.learned_square_norm(theta=problem.theta, **of_theory(problem))
lengths = np.linalg.norm(solution.class_features, axis=1)
print("class   n   |w|^2 found  predicted   |h| found   lives")
for k, n in enumerate(problem.class_sizes):
    print(
        f"{k + 1:5} {n:3} {solution.norms[k] ** 2:13.4f} {predicted[k]:10.4f} {lengths[k]:11.4f}   {solution.living[k]}"
    )
print(f"{solution.status}: gap below 1e-9: {solution.gap < 1e-9}, P = {solution.value:.4f}")
assert solution.status == "optimal"
assert solution.living.tolist() == [True, True, False]
assert np.abs(solution.norms**2 - predicted).max() < 1e-6

# %% [markdown]
# Class $k$ lives if and only if
#
# $$ c_k > \frac{S}{f_k} \sqrt{\frac{\lambda_W \lambda_H}{n_k}} . $$
#
# The right side grows as $n_k$ falls: with equal numbers of centers the rarest class dies first. The theorem's
# condition is the same; its "otherwise everything is 0" is not.
#
# ## Watching a class die
#
# The same problem as a training: the Riemannian gradient flow of frame, lengths and features, from a random start.

# %%
flow = ufm.gradient_flow(problem, t_eval=np.append(0, np.geomspace(0.3, 3000, 90)), seed=0, frame_rate=1.0)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.6), layout="constrained")
for k, color in enumerate(COLORS):
    label = f"$n$ = {problem.class_sizes[k]}"
    left.plot(flow.times[1:], flow.class_values("classifier_norm")[1:, k], color=color, label=label)
    right.plot(flow.times[1:], flow.class_values("norm_mean")[1:, k], color=color)
    left.axhline(np.sqrt(predicted[k]), color=color, linestyle=":", linewidth=0.8)
    norm = minimum.learned_feature_norm(theta=problem.theta, **of_theory(problem))[k]
    right.axhline(norm, color=color, linestyle=":", linewidth=0.8)
left.plot([], [], color="0.4", linestyle=":", label="minimum, predicted")
left.set(xscale="log", xlabel="flow time $t$", ylabel="length $|w_k|$ of the classifier")
right.set(xscale="log", xlabel="flow time $t$", ylabel="norm $|h_k|$ of the features")
left.legend(fontsize=6)
plt.show()
assert np.all(np.diff(flow.value) <= 1e-12)
assert np.abs(flow.class_values("classifier_norm")[-1, :2] - np.sqrt(predicted[:2])).max() < 1e-3
assert flow.class_values("classifier_norm")[-1, 2] < 1e-3

# %% [markdown]
# ## The phase diagram
#
# One minimisation at every point of a grid of weights, and theory's three thresholds, which are lines $\lambda_W
# \lambda_H = n_k (c_k f_k / S)^2$.

# %%
weights = np.geomspace(2e-3, 0.5, 13)
lam_w, lam_h = (
    Axis(name, symbol, symbol, weights) for name, symbol in (("lam_w", r"$\lambda_W$"), ("lam_h", r"$\lambda_H$"))
)
diagram = phase_diagram(lambda w, h: replace(problem, lam_w=w, lam_h=h), lam_w, lam_h)
assert diagram.optimal.all()

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), layout="constrained")
across, up = np.meshgrid(weights, weights)
alive = diagram.living.sum(axis=-1)
for count, color in zip(range(4), class_colors(4), strict=True):
    left.plot(across[alive == count], up[alive == count], "o", markersize=4, color=color, label=f"{count}")
cosine = geometry.center_cosine(1, problem.theta)
for n in problem.class_sizes:
    product = n * (cosine / problem.total) ** 2
    left.plot(weights, product / weights, color="0.3", linewidth=0.8)
left.set(xscale="log", yscale="log", xlabel=r"$\lambda_H$", ylabel=r"$\lambda_W$", ylim=(1.5e-3, 0.7))
left.set_title("living classes (lines: theory)", loc="left")
left.legend(fontsize=6, title="alive", title_fontsize=6, loc="center left", bbox_to_anchor=(1, 0.5))

row = 6
fine = np.geomspace(weights[0], weights[-1], 300)
for k, color in enumerate(COLORS):
    curve = [
        minimum.learned_square_norm(theta=problem.theta, **of_theory(replace(problem, lam_w=weights[row], lam_h=h)))[k]
        for h in fine
    ]
    right.plot(fine, curve, color=color, linewidth=0.9)
    found = diagram.square_norms[row, :, k]
    right.plot(weights, found, ".", color=color, markersize=5, label=f"$n$ = {problem.class_sizes[k]}")
right.set(xscale="log", xlabel=r"$\lambda_H$", ylabel="$|w_k|^2$")
right.set_title(rf"along $\lambda_W$ = {weights[row]:.2g}", loc="left")
right.legend(fontsize=6)
plt.show()

# %%
threshold = np.array(
    [[minimum.alive_threshold(**of_theory(replace(problem, lam_w=w, lam_h=h))) for h in weights] for w in weights]
)
assert np.array_equal(diagram.living, cosine > threshold), "a class lives or dies against theory"
print("classes alive, number of grid points:", {int(count): int((alive == count).sum()) for count in range(4)})

# %% [markdown]
# ## Why one at a time: P splits
#
# Minimised over features, P depends on the squared lengths $u_k = |w_k|^2$ alone, and each has a term of its own,
# strictly convex: $\min_H P = \sum_k \varphi_k(u_k)$. So there are no spurious minima, and nothing ties the fate of one
# class to another. A class is dead when its term already rises at $u_k = 0$.

# %%
u = np.append(0, np.geomspace(1e-3, 60, 400))
figure, axis = plt.subplots(figsize=(3.8, 2.7), layout="constrained")
for k, color in enumerate(COLORS):
    own = {name: value[k] if name in ("f", "n") else value for name, value in of_theory(problem).items()}
    share = minimum.projected_value(u, theta=problem.theta, **own)
    axis.plot(u, share / share[0], color=color, label=f"$n$ = {problem.class_sizes[k]}")
    found = solution.norms[k] ** 2
    axis.plot(
        found, minimum.projected_value(found, theta=problem.theta, **own) / share[0], "o", color=color, markersize=4
    )
    slope = np.diff(share)[0]
    assert (slope < 0) == solution.living[k]
axis.set_xscale("symlog", linthresh=0.1)
axis.set(
    xlabel="squared length $u = |w_k|^2$", ylabel=r"$\varphi_k(u) / \varphi_k(0)$", ylim=(0, 2.2), xlim=(-0.005, 60)
)
axis.legend(fontsize=6, title="dots: simulated", title_fontsize=6)
plt.show()

# %%
values = [ufm.minimize(problem, seed=seed, method="full").value for seed in range(5)]
print(f"five random starts with one feature per sample: P = {min(values):.6f} to {max(values):.6f}")
assert np.ptp(values) < 1e-9

# %% [markdown]
# ## Imbalance alone kills
#
# Fixed weights, growing imbalance: at $\tau = 1$ all three classes live. (Lines: theory, for sizes between integers;
# dots: minimised.)

# %%
LAM = 3.5e-4
ratios = np.geomspace(0.002, 1, 12)


def tailed(tau):
    """Three classes, 1,000 samples in the largest."""
    sizes = ufm.long_tailed_sizes(3, 1000, tau)
    return ufm.Problem(sizes, centers=1, theta=0.3, loss="mse", lam_h=LAM, lam_w=LAM * 100, frame="learned")


found = np.array([ufm.minimize(tailed(tau)).norms ** 2 for tau in ratios])
fine = np.geomspace(ratios[0], 1, 300)
n = 1000 * fine[:, None] ** (np.arange(3) / 2)
said = minimum.learned_square_norm(1, 0.3, n, n.sum(axis=1, keepdims=True), LAM, LAM * 100)
figure, axis = plt.subplots(figsize=(3.8, 2.7), layout="constrained")
for k, color in enumerate(COLORS):
    axis.plot(fine, said[:, k], color=color, linewidth=0.9)
    axis.plot(ratios, found[:, k], "o", markersize=3.5, color=color, label=("most frequent", "middle", "rarest")[k])
axis.set(xscale="log", xlabel=r"imbalance ratio $\tau = n_{\min} / n_{\max}$", ylabel="$|w_k|^2$")
axis.legend(fontsize=6, title="class", title_fontsize=6)
plt.show()
exact = [minimum.learned_square_norm(theta=0.3, **of_theory(tailed(tau))) for tau in ratios]
assert np.abs(found - exact).max() < 1e-5
assert np.all(found[-1] > 0.1), "the balanced classes do not all live"
assert found[0, 2] < 1e-6, "the rarest class survives"
assert found[0, 0] > 0.1

# %% [markdown]
# ## More centers keep a rare class alive
#
# A center more lowers $c_k$ a little and the threshold a lot, as long as the class's share $f_k n_k$ of $S$ is at most
# one half. Class 3 of the first problem, with more and more centers:

# %%
counts = np.arange(1, 13)
problems = [
    ufm.Problem((100, 10, 1), (1, 1, int(f)), 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned") for f in counts
]
lives = np.array([ufm.minimize(each, seed=0).living[2] for each in problems])
cosines = geometry.center_cosine(counts, 0.3)
needed = np.array([minimum.alive_threshold(**of_theory(each))[2] for each in problems])
figure, axis = plt.subplots(figsize=(3.8, 2.7), layout="constrained")
axis.plot(counts, needed, color="C3", label="threshold")
axis.plot(counts, cosines, color="0.3", label="$c_3$")
axis.plot(counts[lives], cosines[lives], "o", color="0.3", markersize=5, label="lives, simulated")
axis.plot(counts[~lives], cosines[~lives], "o", color="0.3", markersize=5, markerfacecolor="w", label="dies, simulated")
axis.set(xlabel="centers $f_3$ of the rarest class", ylabel="cosine", ylim=(0, 2))
axis.legend(fontsize=6)
plt.show()
print(f"centers that the class with one sample needs to live: {counts[lives].min()}")
assert np.array_equal(lives, cosines > needed)
assert lives.any()
assert not lives[0]

# %% [markdown]
# ## Where to go next
#
# - `ufm phase --class-sizes 100,10,1 --centers 1` draws the phase diagram from the command line, with a certificate;
#   `--axes tau` puts the imbalance ratio on an axis.
# - [04-errata](04-errata.ipynb): the other corrections. `ufm claims minority-collapse` has the derivation.
# - [06-real-network](06-real-network.ipynb): the frame is fixed there, so that no class can die.
