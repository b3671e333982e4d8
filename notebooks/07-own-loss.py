# %% [markdown]
# # Bring your own loss
#
# Any PyTorch function of features and labels becomes a loss of the unconstrained-feature model: you check its gradient,
# follow its flow, and see whether and how fast its features collapse, next to the built-in losses. It matters because
# this takes seconds and tells whether a loss can lead to neural collapse to multiple centers at all, before a network
# is trained.
#
# This notebook needs PyTorch: `pip install torch`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import ufm
from figures.style import STYLE
from theory.multicenter import flows, geometry
from ufm.problems.losses import CosineLoss

plt.style.use([STYLE, {"figure.dpi": 110}])
torch.set_num_threads(1)  # the arrays are small

# %% [markdown]
# ## The stage
#
# Three classes with 8 centers each. The frame is fixed; features are free and start on the unit sphere.

# %%
problem = ufm.Problem((10, 10, 10), centers=8, theta=0.3, dim=40, loss="cosine", beta=1.0, lam=0.5)
frame = ufm.multi_center_frame(problem, seed=0)
W = torch.tensor(frame.centers).reshape(3, 8, problem.dim)  # centers by class
M = torch.tensor(frame.mean_directions)  # unit mean centers
C = torch.tensor(frame.classifier)


def unit(h):
    """Directions of features (n, d)."""
    return h / h.norm(dim=1, keepdim=True)


def norm_penalty(h):
    """The same for every loss here, so that they differ in the direction only."""
    return problem.lam * (h.norm(dim=1) - 1) ** 2


# %% [markdown]
# ## First, a loss whose answer is known
#
# A `TorchLoss` gets features $(n, d)$ in float64 and labels $(n,)$, and returns one number per sample; the gradient
# comes from autograd. The built-in cosine loss, written again, must give the built-in values, gradients and flow.


# %%
def cosine(h, y):
    """Sum over the centers of the class of (cos - 1)^2."""
    return ((torch.einsum("nd,nfd->nf", unit(h), W[y]) - 1) ** 2).sum(dim=1) + norm_penalty(h)


rng = np.random.default_rng(0)
sample = rng.standard_normal((5, problem.dim))
ours, built_in = ufm.TorchLoss(cosine), CosineLoss(problem, frame)
for k in range(3):
    for mine, theirs in zip(ours.value_and_gradient(sample, k), built_in.value_and_gradient(sample, k), strict=True):
        assert np.allclose(mine, theirs, rtol=1e-12, atol=1e-14)

times = np.linspace(0, 30, 121)
options = {"frame": frame, "start": "sphere", "seed": 1, "t_eval": times, "keep": "final"}
mine = ufm.gradient_flow(problem, loss=ours, **options)
theirs = ufm.gradient_flow(problem, **options)
print(f"methods: {mine.stats['method']} (own loss), {theirs.stats['method']} (built in)")
print(f"largest difference of any final feature below 1e-6: {np.abs(mine.final - theirs.final).max() < 1e-6}")
assert np.abs(mine.final - theirs.final).max() < 1e-6

# %% [markdown]
# The flow of the own loss was integrated in all $d$ coordinates, that of the built-in one in three numbers per sample.
#
# ## Three losses of your own
#
# - *linear*: $\sum_j (1 - \cos(h, w_j))$, the same pull without the square;
# - *to the mean*: $f\, (1 - \cos(h, \bar w))^2$, one center in place of eight;
# - *cross-entropy* of the classifier's logits $s \cos(h, w_k)$, $s = 2$, with no centers at all.


# %%
def linear(h, y):
    """Sum over the centers of the class of 1 - cos."""
    return (1 - torch.einsum("nd,nfd->nf", unit(h), W[y])).sum(dim=1) + norm_penalty(h)


def to_the_mean(h, y):
    """Eight times (1 - cos)^2 to the mean center."""
    return 8 * (1 - (unit(h) * M[y]).sum(dim=1)) ** 2 + norm_penalty(h)


def cross_entropy(h, y):
    """Of scaled cosines with the classifier; reduction="none" keeps one number per sample."""
    return torch.nn.functional.cross_entropy(2 * unit(h) @ C.T, y, reduction="none") + norm_penalty(h)


losses = {"linear": linear, "to the mean": to_the_mean, "cross-entropy": cross_entropy}

# %% [markdown]
# ## Check the gradient
#
# Autograd is exact for what you wrote. Central differences tell whether you wrote a function that a flow can follow:
# smooth, one number per sample, each of its own sample only.

# %%
step = 1e-6
for name, function in losses.items():
    loss = ufm.TorchLoss(function)
    values, gradient = loss.value_and_gradient(sample, 1)
    shift = step * rng.standard_normal(sample.shape)
    change = (loss.value_and_gradient(sample + shift, 1)[0] - loss.value_and_gradient(sample - shift, 1)[0]) / 2
    error = np.abs(change - (gradient * shift).sum(axis=1)).max() / step
    alone = loss.value_and_gradient(sample[:1], 1)[0]
    separate = bool(np.isclose(alone[0], values[0], rtol=1e-12))
    print(f"{name:14} gradient agrees with differences: {error < 1e-6}, sample by sample: {separate}")
    assert error < 1e-6
    assert separate

# %% [markdown]
# ## Follow the flow

# %%
flow = {"cosine, built in": theirs}
for name, function in losses.items():
    flow[name] = ufm.gradient_flow(problem, loss=ufm.TorchLoss(function), **options)

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
for number, (name, each) in enumerate(flow.items()):
    style = {"color": f"C{number}", "label": name}
    left.plot(times, each.class_values("nc_mean")[:, 0], **style)
    right.plot(times, each.class_values("variability")[:, 0], **style)
skew = 1 - float(geometry.classifier_cosine(8, problem.theta))
right.axhline(skew, color="0.4", linestyle=":", label=r"$1 - \cos\rho$")
left.set(yscale="log", xlim=(0, 12), ylim=(1e-13, 6), xlabel="flow time $t$", ylabel="NC to the mean center, class 1")
right.set(xlim=(0, 10), xlabel="flow time $t$", ylabel=r"variability, $1 - \cos(h, w_k)$")
left.legend(fontsize=6, loc="lower right")
right.legend(fontsize=6)
plt.show()

# %% [markdown]
# ## Read it
#
# Two losses collapse exponentially, at rates that a two-line calculation gives. Near the mean center, $NC = 2 - 2x$
# with $x = \cos(h, \bar w)$. The linear loss is $f (1 - c x)$, so $\dot x = f c (1 - x^2)$ and $NC \sim e^{-2 f c\,
# t}$. The built-in loss has $e^{-4 f c (1 - c)\, t}$ (`theory.multicenter.flows.nc_rate`).

# %%
c = float(geometry.center_cosine(8, problem.theta))
stated = {"cosine, built in": float(flows.nc_rate(8, problem.theta, 1.0)), "linear": 2 * 8 * c}
for name, rate in stated.items():
    nc = flow[name].class_values("nc_mean")[:, 0]
    window = (nc < 1e-4) & (nc > 1e-12)
    found = -np.polyfit(times[window], np.log(nc[window]), 1)[0]
    print(f"{name:17} rate {found:.3f}, calculated {rate:.3f}")
    assert abs(found / rate - 1) < 0.01

# %% [markdown]
# *To the mean* has the same minimum and a quartic bottom: $NC \sim 1 / (2 f t)$, a power of time, as for every loss
# with a single center. It never gets far, although nothing is wrong with its geometry.

# %%
tail = flow["to the mean"].class_values("nc_mean")[-1, 0] * 2 * 8 * times[-1]
print(f"to the mean: NC times 2 f t at the end {tail:.2f}, calculated 1 in the limit")
assert abs(tail - 1) < 0.05

# %% [markdown]
# *Cross-entropy* collapses as well, to another place: to its classifier, pushed away from those of the other classes.
# That is the vertex of a simplex, $(w_k - \frac1K \sum_l w_l)$ up to length, with the variability $1 - \sqrt{(K -
# 1)/K}$ of ordinary neural collapse with orthogonal classifiers. Its NC to the mean center stays large: nothing in it
# looks at the centers.

# %%
end = flow["cross-entropy"]
directions = end.final / np.linalg.norm(end.final, axis=1, keepdims=True)
vertices = (C - C.mean(dim=0)).numpy()
vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
away = np.abs(directions - vertices[problem.labels]).max()
simplex = end.class_values("variability")[-1]
print(f"cross-entropy: on the vertices within 1e-3: {away < 1e-3}, variability {simplex[0]:.3f}")
print(f"NC to the mean center: {end.class_values('nc_mean')[-1, 0]:.2f}")
assert away < 1e-3
assert np.allclose(simplex, 1 - np.sqrt(2 / 3), atol=1e-4)
assert end.class_values("nc_mean")[-1].min() > 0.5

# %% [markdown]
# ## What the certificate says
#
# Nothing, and it says so: theory has no prediction for a loss that it does not know.

# %%
try:
    ufm.certify(flow["linear"])
except ValueError as error:
    print(error)
else:
    raise AssertionError("a loss without a prediction was certified")

# %% [markdown]
# ## Where to go next
#
# - [03-slow-motion](03-slow-motion.ipynb): where exponential and algebraic collapse come from.
# - [06-real-network](06-real-network.ipynb): train a network. A new method is a class in `ufm/train/methods`;
#   CONTRIBUTING.md says what a change has to bring.
# - The docstring of `ufm.TorchLoss` has the rules: one number per sample, never a mean over the batch.
