# %% [markdown]
# # First steps: from class sizes to a certificate
#
# You give class sizes, centers, an angle and a loss. The toolkit says which geometry training ends in and how fast each
# class gets there, then simulates the flow without knowing what was said, and holds one against the other, number by
# number. It matters because statements about neural collapse are easy to make and hard to check: here each one comes
# with a measurement that could have refuted it.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

import ufm
from figures.style import STYLE, class_colors
from theory.multicenter import flows, geometry, minimum

plt.style.use([STYLE, {"figure.dpi": 110}])

# %% [markdown]
# ## The problem
#
# The sizes are those of CIFAR-10-LT with imbalance ratio $\tau = n_{\min} / n_{\max} = 0.01$. The paper's class-aware
# strategy gives rare classes more centers: here $f = 20$ per class on average.

# %%
sizes = ufm.long_tailed_sizes(n_classes=10, n_max=5000, tau=0.01)
centers = ufm.class_aware(sizes, f=20)
print("samples n_k:", *sizes)
print("centers f_k:", *centers)
assert sum(centers) == 20 * len(sizes)

# %% [markdown]
# An *unconstrained-feature problem* replaces the network by free features $h_{k,i} \in \mathbb{R}^d$. Class $k$ has
# centers $w_j^{(k)} = \cos\theta\, v_j^{(k)} + \sin\theta\, w_k$, $j = 1, \dots, f_k$, around its classifier vector
# $w_k$; all $v_j^{(k)}$ and $w_k$ are orthonormal. The cosine loss pulls a feature towards all centers of its class:
#
# $$ L(h) = \beta_k \sum_j \big( \langle w_j^{(k)}, h / |h| \rangle - 1 \big)^2 + \lambda\, (|h| - 1)^2 . $$
#
# `beta="weighted"` is the paper's choice $\beta_k = c_k$, the cosine between a center and the mean of the centers.

# %%
problem = ufm.Problem(sizes, centers, theta=0.2, dim=512, loss="cosine", beta="weighted", lam=0.1)
print(f"K = {problem.n_classes} classes, N = {problem.n_samples} samples, F = {problem.n_centers} centers")

# %% [markdown]
# ## What theory says, before anything is simulated
#
# Features end on the unit mean center $\bar w^{(k)} / |\bar w^{(k)}|$. Its cosine to the classifier is $\cos\rho_k$,
# and the neural collapse $NC = |h/|h| - \bar w/|\bar w||^2$ of a sample falls like $e^{-4 \beta f c (1 - c) t}$.

# %%
skew = geometry.classifier_cosine(centers, problem.theta)
rates = flows.nc_rate(centers, problem.theta, problem.weights)
print("class   n_k  f_k  cos rho_k  rate of collapse")
for k, (n, f) in enumerate(zip(sizes, centers, strict=True)):
    print(f"{k + 1:5} {n:5} {f:4} {skew[k]:10.4f} {rates[k]:17.3f}")
assert np.all(np.diff(rates) >= 0), "rarer classes are not predicted to be faster"

# %% [markdown]
# ## The simulation
#
# `gradient_flow` follows $\dot h = -\nabla L$ for all samples, from a Gaussian start in a random frame. It imports none
# of the formulas above (a test walks the imports). It stops when *every* sample has $NC < 10^{-10}$.

# %%
frame = ufm.multi_center_frame(problem, basis="random", seed=0)
trajectory = ufm.gradient_flow(problem, frame=frame, seed=0, until_nc=1e-10, keep="final")
print(f"{trajectory.status} at t = {trajectory.times[-1]:.2f}, largest NC below 1e-10: {trajectory.nc_max < 1e-10}")
assert trajectory.status == "collapsed"
trajectory

# %% [markdown]
# `trajectory.data` is an `xarray.Dataset` with named dimensions. Dark is the class with most samples, light the rarest.

# %%
data = trajectory.data
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
for k, color in enumerate(class_colors(problem.n_classes)):
    label = f"$n$ = {sizes[k]}, $f$ = {centers[k]}" if k in (0, 4, 9) else None
    left.plot(data.time, data.nc_mean[:, k], color=color, label=label)
    right.plot(data.time, data.variability[:, k], color=color)
    right.axhline(1 - skew[k], color=color, linestyle=":", linewidth=0.7)
left.set(yscale="log", ylim=(1e-12, 4), xlabel="flow time $t$", ylabel="NC, mean over the class")
left.set_title("rare classes collapse first", loc="left")
left.legend(fontsize=6)
right.plot([], [], color="0.4", linestyle=":", label=r"predicted, $1 - \cos\rho_k$")
right.set(xlim=(0, 25), xlabel="flow time $t$", ylabel=r"variability, $1 - \cos(h, w_k)$")
right.set_title("features stay away from the classifier", loc="left")
right.legend(fontsize=6)
plt.show()
# %%
reached = [np.interp(10, -np.log10(data.nc_mean[:, k]), data.time) for k in range(10)]
assert np.all(np.diff(reached) <= 0), "a rarer class came later"
assert np.abs(data.variability[-1] - (1 - skew)).max() < 1e-4

# %% [markdown]
# ## The certificate
#
# `certify` looks up every prediction that applies and holds it against the trajectory: one line each, for the worst
# class and time, with a tolerance that follows from the accuracy of the simulation.

# %%
report = ufm.certify(trajectory)
print(report)
assert report.holds

# %% [markdown]
# A certificate is worth something only if it can be refused. Here the same flow is passed off as one with the penalty
# $\lambda = 0.11$ in place of 0.1: the report says which statements are not true of it.

# %%
forged = replace(trajectory, problem=replace(problem, lam=0.11))
refused = ufm.certify(forged)
for check in refused.checks:
    print("ok" if check.holds else "NO", check.name)
assert not refused.holds

# %% [markdown]
# ## The same for a minimiser
#
# `minimize` comes with a lower bound (a dual value), so that its gap is a proof of optimality; and theory knows the
# minimum, $\sum_k n_k \beta_k f_k (1 - c_k)^2$.

# %%
solution = ufm.minimize(problem, seed=0)
predicted = float(np.asarray(sizes) @ minimum.cosine_minimum(centers, problem.theta, problem.weights))
print(f"{solution.status}: value {solution.value:.6f}, predicted {predicted:.6f}")
assert solution.status == "optimal"
assert abs(solution.value - predicted) < 1e-9 * predicted
assert ufm.certify(solution).holds

# %% [markdown]
# ## Your own class sizes
#
# Change the first cell of the problem: `ufm.read_class_sizes("labels.npy")` counts them from a file of labels. Or let
# the command line do all of this:
#
# ```
# ufm verify --class-sizes 500,50,5 --centers 2,5,10 --theta 0.3
# ```
#
# ## Where to go next
#
# - [02-geometry](02-geometry.ipynb): why the variability does not go to 0, in three dimensions.
# - [03-slow-motion](03-slow-motion.ipynb): where the rates come from, and why rare classes are faster.
# - [05-minority-collapse](05-minority-collapse.ipynb): the frame is learned, and rare classes can die.
