# %% [markdown]
# # Where does collapse begin?
#
# You take a network of your own and your own training loop; two lines more, and you see how far each layer has
# collapsed, epoch by epoch, and whether the last layer ends in the geometry that theory predicts for your loss and your
# class sizes. It matters because theory looks at the last layer only: it says where that ends, and not how the layers
# below get there.
#
# This notebook needs PyTorch: `pip install torch`. It trains for a few seconds on one core.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import ufm
from figures.style import STYLE, class_colors, draw_cosines
from ufm.train import watch

plt.style.use([STYLE, {"figure.dpi": 110}])
torch.manual_seed(0)
torch.set_num_threads(1)

SIZES = (120, 120, 30, 30)  # change me: samples of each class
LAM_W, LAM_H = 5e-3, 5e-5  # decay of the classifier, and of the features
EPOCHS = 1500

# %% [markdown]
# ## Four arms of a spiral
#
# Two frequent classes and two rare ones, in the plane. No straight line tells them apart: the layers have work to do.

# %%
K, N = len(SIZES), sum(SIZES)
COLORS = class_colors(K)
labels = torch.repeat_interleave(torch.arange(K), torch.tensor(SIZES))
radius = torch.cat([torch.linspace(0.15, 1.0, size) for size in SIZES])
angle = 2 * np.pi * labels / K + 3.5 * radius + 0.06 * torch.randn(N)
points = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)

figure, axis = plt.subplots(figsize=(2.6, 2.4), layout="constrained")
for k, size in enumerate(SIZES):
    axis.plot(*points[labels == k].T, ".", markersize=3, color=COLORS[k], label=f"class {k + 1}, {size} samples")
axis.set(xticks=[], yticks=[], aspect="equal")
axis.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# ## What theory says, before the first step
#
# The model of the last layer has free features $h_i$, as if the layers below could do anything:
#
# $$ \frac1N \sum_i \ell(W h_i, y_i) + \frac{\lambda_W}{2} |W|_F^2 + \frac{\lambda_H}{2} |H|_F^2 . $$
#
# The minimum is what `ufm geometry` finds on the command line. With these class sizes it is no simplex: rows of the
# classifier are wide apart for the two frequent classes, and nearly orthogonal for the two rare ones.

# %%
model = ufm.FeatureModel(SIZES, lam_w=LAM_W, lam_h=LAM_H)
end = ufm.minimize(model)
print(f"{end.status}; |w| {end.weight_norms.round(3)}, |h| {end.feature_norms.round(3)} of frequent and rare classes")
frequent, rare = np.diag(end.weight_cosines)
print(
    f"cosines of rows: {frequent:.3f} of the frequent classes, {rare:.3f} of the rare ones; simplex {-1 / (K - 1):.3f}"
)
assert end.status == "optimal"

# %% [markdown]
# ## Training, with two lines more
#
# The loop is an ordinary one, the loss is that of the formula; the classifier, whose decay is weak, takes larger steps.
# `watch` finds the classifier by itself, the linear layer that comes last; `layers` names what else is to be looked at.
# It measures in evaluation mode, gives back all modes and random states, and changes no bit of the training.

# %%
blocks = [nn.Sequential(nn.Linear(width, 64), nn.ReLU()) for width in (2, 64, 64, 64)]
network = nn.Sequential(*blocks, nn.Linear(64, 8), nn.Linear(8, K, bias=False))
LAYERS = ["0", "1", "2", "3"]
watcher = watch(network, [(points, labels)], layers=LAYERS, every=100)  # the first line
watcher.measure(0)

rates = [{"params": network[:-1].parameters()}, {"params": network[-1].parameters(), "lr": 1e-2}]
steps = torch.optim.Adam(rates, lr=2e-3)
falling = torch.optim.lr_scheduler.LambdaLR(steps, lambda epoch: min(1.0, 2 - 2 * epoch / EPOCHS))
for _ in range(EPOCHS):
    features = network[:-1](points)
    decays = LAM_W / 2 * network[-1].weight.square().sum() + LAM_H / 2 * features.square().sum()
    loss = nn.functional.cross_entropy(network[-1](features), labels) + decays
    steps.zero_grad()
    loss.backward()
    steps.step()
    falling.step()
    watcher.epoch()  # the second line

record = watcher.data
print(watcher)
print(f"\nloss {loss.item():.4f}; no features and weights have less than {end.bound:.4f}")
assert loss.item() >= end.bound

# %% [markdown]
# ## Where does collapse begin?
#
# At the end, and it spreads downwards. NC1 is the spread within classes over that between them. After the first hundred
# steps it is smaller with every layer; the first layers, which see the tangled spiral, never collapse. The same for the
# nearest class mean: how many samples are closest to the mean of their own class.

# %%
some = record.sel(epoch=[0, 100, 300, EPOCHS])
shades = plt.get_cmap("viridis")(np.linspace(0.9, 0, some.sizes["epoch"]))
names = [*(f"layer {name}" for name in LAYERS), "last"]
figure, axes = plt.subplots(1, 2, figsize=(7.0, 2.4), layout="constrained")
for axis, name, title in zip(
    axes, ("nc1", "nearest_mean_accuracy"), ("NC1", "nearest class mean is the own one"), strict=True
):
    for row, shade in zip(some[name], shades, strict=True):
        axis.plot(names, row, "o-", markersize=3, color=shade, label=f"epoch {int(row.epoch)}")
    axis.set_title(title, loc="left")
axes[0].set_yscale("log")
axes[1].legend(fontsize=6)
plt.show()
final = record.nc1.sel(epoch=EPOCHS).values
assert np.all(np.diff(final[1:]) < 0)
assert final[-1] < 0.01 < 0.1 < final[0]

# %% [markdown]
# ## Does the last layer end where theory says?
#
# `certify` holds the record against the model: angles and norms of the classifier's rows and of the class means, and
# NC0, the sum of these rows. From the command line that is `watcher.save("record.nc")` and
# `ufm confirm record.nc --model model.toml`.

# %%
report = ufm.certify(record, model)
print(report)
assert report.holds


# %%
def cosines(gram):
    """Of a Gram matrix."""
    lengths = np.sqrt(np.diag(gram))
    return gram / np.outer(lengths, lengths)


last = record.sel(epoch=EPOCHS)
pairs = {"$w$": (end.weight_gram, last.weight_gram.values), "$h$": (end.feature_gram, last.mean_gram.values)}
figure, axes = plt.subplots(1, 5, figsize=(7.6, 1.9), layout="constrained")
for i, (name, grams) in enumerate(pairs.items()):
    for j, (gram, whose) in enumerate(zip(grams, ("theory", "network"), strict=True)):
        image = draw_cosines(axes[2 * i + j], cosines(gram))
        axes[2 * i + j].set_title(f"cosines of {name}, {whose}", loc="left", fontsize=6)
    sizes = [np.sqrt(np.diag(gram)) for gram in grams]
    axes[4].plot(*sizes, "os"[i], markersize=4, label=f"norms of {name}")
axes[4].axline((2, 2), slope=1, color="0.5", linewidth=0.8)
axes[4].set(xlabel="theory", ylabel="network")
axes[4].legend(fontsize=6)
figure.colorbar(image, ax=axes[:4], ticks=[-1, 0, 1], shrink=0.6)
plt.show()

# %% [markdown]
# ## Could it have failed?
#
# A prediction that nothing could refute is none. Held against the wrong model, of equal class sizes or of another loss,
# the same record refutes it. And a training that was stopped early refutes nothing: it has not converged.

# %%
wrong = {
    "equal class sizes": model.replace(class_sizes=(N // K,) * K),
    "squared loss": model.replace(loss="mse"),
}
for name, each in wrong.items():
    verdict = ufm.certify(record, each)
    missed = [check.name for check in verdict.checks if not check.holds]
    print(f"{name}: {verdict.tally}; not {', '.join(missed)}")
    assert missed
    assert not verdict.early
stopped = ufm.certify(record.sel(epoch=slice(0, 100)), model)
print(f"stopped after 100 epochs: {stopped.tally}\n  {stopped.early}")
assert stopped.early

# %% [markdown]
# ## Where to go next
#
# - `docs/howto/measure-hooks.md`: the same in your loop, in Lightning, in Hugging Face's Trainer, on several devices.
# - `08-which-geometry`: what `ufm geometry` knows of other losses and other class sizes.
# - `06-real-network`: networks that the toolkit trains itself, with predictions written down before the first step.
