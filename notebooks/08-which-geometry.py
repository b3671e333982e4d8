# %% [markdown]
# # Which geometry does my loss end in?
#
# You choose class sizes, a loss and two weight decays; you get the norms, margins and angles that training ends in, the
# decay at which classes merge or die, and a proof that no features and weights do better. It matters because it takes
# milliseconds, and because some remedies against imbalance turn out to hit the classes that they do not mean.
#
# The model is the last layer of a network: features $h_i$ are free, as if the layers below could do anything, and
#
# $$ \frac1N \sum_i \ell(W h_i, y_i) + \frac{\lambda_W}{2} |W|_F^2 + \frac{\lambda_H}{2} |H|_F^2 $$
#
# is minimised over features and weights together.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.special import expit

import ufm
from figures.style import STYLE, class_colors, draw_cosines
from ufm.problems.logits import Local

plt.style.use([STYLE, {"figure.dpi": 110}])

# %% [markdown]
# ## Your choice
#
# Nine classes of three sizes, and three losses. Change them: everything below follows, except for the thresholds, which
# are those of cross-entropy and of squared loss.

# %%
SIZES = (500,) * 3 + (50,) * 3 + (5,) * 3
LOSSES = ("ce", "mse", "squared-hinge")
LAM_W, LAM_H = 5e-4, 1e-5

K, N, n = len(SIZES), sum(SIZES), np.array(SIZES)
COLORS = class_colors(3)

# %% [markdown]
# ## Three losses side by side
#
# `minimize` solves a convex program in the logits of the class means, and returns a lower bound with it: the gap
# between the two is what could be gained at most. Classes of equal size share all their numbers.

# %%
found = {loss: ufm.minimize(ufm.FeatureModel(SIZES, lam_w=LAM_W, lam_h=LAM_H, loss=loss)) for loss in LOSSES}
print("loss             n   |w|    |h|   margin")
for loss, geometry in found.items():
    for k in np.unique(geometry.group):
        numbers = (geometry.weight_norms[k], geometry.feature_norms[k], geometry.margins[k])
        size = n[geometry.group == k][0]
        print(f"{loss:14} {size:4}", "".join(f"{number:7.3f}" for number in numbers))
    print(f"{'':14} {geometry.status}: gap below 1e-10: {geometry.gap < 1e-10}")
    assert geometry.status == "optimal"
    assert geometry.gap < 1e-10


# %%
def cosines(gram):
    """Of a Gram matrix."""
    norms = np.sqrt(np.diag(gram))
    return gram / np.outer(norms, norms)


def show(geometries):
    """A row for each: norms, margins, and cosines between weights and between class means."""
    figure, axes = plt.subplots(len(geometries), 4, figsize=(7.4, 1.75 * len(geometries)), layout="constrained")
    place = np.arange(1, K + 1)
    for row, (name, each) in zip(axes, geometries.items(), strict=True):
        row[0].plot(place, each.weight_norms[each.group], "o-", markersize=3, label="$|w_k|$")
        row[0].plot(place, each.feature_norms[each.group], "s-", markersize=3, label="$|h_k|$")
        row[0].set(ylabel=name, ylim=(0, None))
        row[1].plot(place, each.margins[each.group], "o-", markersize=3, color="C2")
        for axis in row[:2]:
            axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        image = draw_cosines(row[2], cosines(each.weight_gram))
        draw_cosines(row[3], cosines(each.feature_gram))
    for axis, title in zip(axes[0], ("norms", "margins", "cosines of $w$", "cosines of $h$"), strict=True):
        axis.set_title(title, loc="left")
    for axis in axes[-1]:
        axis.set_xlabel("class")
    axes[0, 0].legend(fontsize=6)
    figure.colorbar(image, ax=axes, ticks=[-1, 0, 1], shrink=0.5)
    plt.show()


show(found)

# %% [markdown]
# Squared loss makes classes orthogonal, whatever their sizes. The other two bend: cross-entropy gives rare classes
# longer features and smaller margins, and pushes frequent weights further apart than rare ones.
#
# The theorems of the zoo know some of this in closed form. `certify` holds those that speak of a case against it: the
# solver knows none of them.

# %%
report = ufm.certify(found["mse"])
print("\n".join(str(report).splitlines()[:8]))
assert report.holds

# %% [markdown]
# ## The decay at which classes merge, or die
#
# Only $\lambda = \sqrt{\lambda_W \lambda_H}$ counts. Under cross-entropy, classes of $n$ samples each get one common
# mean, and are lost to one another, from
#
# $$ \lambda = \sqrt{n} / N $$
#
# on. Under squared loss the same number says when a class dies: its weight and its features are 0.

# %%
decays = np.geomspace(3e-4, 8e-2, 45)
thresholds = np.sqrt([5, 50, 500]) / N


def sweep(loss, **changes):
    """Minimisers at all decays."""
    models = [ufm.FeatureModel(SIZES, lam_w=lam, lam_h=lam, loss=loss, **changes) for lam in decays]
    minima = [ufm.minimize(model) for model in models]
    assert all(each.status == "optimal" for each in minima)
    return minima


def draw(axis, curves, where, title, label):
    """A curve for each size, from the largest; thresholds dotted."""
    for curve, threshold, color, size in zip(curves.T, where, COLORS, (500, 50, 5), strict=True):
        axis.plot(decays, curve, ".-", markersize=3, color=color, label=f"$n$ = {size}")
        axis.axvline(threshold, color=color, linestyle=":", linewidth=0.9)
    axis.set(xscale="log", xlabel=r"$\lambda$", ylabel=label)
    axis.set_title(title, loc="left")


def apart(minima):
    """How far the class means of equal classes are apart, |h_j - h_k|, (decays, groups)."""
    distances = []
    for each in minima:
        gram = each.feature_gram
        distances.append([gram[k, k] + gram[k + 1, k + 1] - 2 * gram[k, k + 1] for k in (0, 3, 6)])
    return np.sqrt(np.maximum(distances, 0.0))


ce, mse = sweep("ce"), sweep("mse")
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
draw(left, apart(ce), thresholds[::-1], "cross-entropy: classes merge", "distance of equal classes' means")
draw(right, np.array([each.weight_norms for each in mse]), thresholds[::-1], "squared loss: classes die", "$|w_k|$")
left.legend(fontsize=6)
plt.show()
merged, alive = np.array([each.merged for each in ce]), np.array([each.alive for each in mse])
dead_or_merged = decays[:, None] >= thresholds[::-1]
assert np.array_equal(merged, dead_or_merged), "classes merge against theory"
assert np.array_equal(~alive, dead_or_merged), "classes die against theory"
print("merged under cross-entropy, and dead under squared loss, just where theory says:", len(decays), "decays")

# %% [markdown]
# ## The phase diagram
#
# Decay against imbalance: six classes, three of 100 samples and three of $n$. At every point a minimisation of
# cross-entropy; the line is $\lambda = \sqrt{n} / N$.

# %%
rare = np.unique(np.geomspace(1, 100, 14).astype(int))[:-1]  # with equal sizes all classes would be one group
strengths = np.geomspace(1e-3, 4e-2, 16)


def two_sizes(m, lam):
    """Three classes of 100 samples and three of m."""
    return ufm.FeatureModel((100,) * 3 + (int(m),) * 3, lam_w=lam, lam_h=lam)


phase = np.array([[ufm.minimize(two_sizes(m, lam)).merged[1] for lam in strengths] for m in rare])
figure, axis = plt.subplots(figsize=(4.2, 2.9), layout="constrained")
across, up = np.meshgrid(strengths, rare)
axis.plot(across[~phase], up[~phase], "o", markersize=4, color=COLORS[0], label="three rare classes")
axis.plot(across[phase], up[phase], "o", markersize=4, color=COLORS[2], label="merged into one")
fine = np.geomspace(1, 100, 200)
axis.plot(np.sqrt(fine) / (300 + 3 * fine), fine, color="0.3", linewidth=0.9, label="theory")
axis.set(xscale="log", yscale="log", xlabel=r"$\lambda$", ylabel="samples of a rare class")
axis.legend(fontsize=6, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
assert np.array_equal(phase, across >= np.sqrt(up) / (300 + 3 * up))

# %% [markdown]
# ## What inverse-frequency weights do
#
# Weights $\omega_k = N / (K n_k)$ give every class the same share of the loss. A common remedy; the threshold becomes
# $\omega_k \sqrt{n_k} / N = 1 / (K \sqrt{n_k})$, and the order turns round: now the *majority* goes first.

# %%
weights = N / (K * n)
weighted = sweep("ce", weights=tuple(weights))
turned = 1 / (K * np.sqrt([500, 50, 5]))
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained", sharey=True)
draw(left, apart(ce) * np.sqrt([500, 50, 5]), thresholds[::-1], "as it stands", r"distance of means, times $\sqrt{n}$")
draw(right, apart(weighted) * np.sqrt([500, 50, 5]), turned, "inverse-frequency weights", "")
left.legend(fontsize=6)
plt.show()
lost = np.array([each.merged for each in weighted])
assert np.array_equal(lost, decays[:, None] >= turned), "classes merge against theory"
print("decays at which classes of 500, 50 and 5 samples are lost to one another:")
for name, gone in {"as it stands": merged, "inverse weights": lost}.items():
    print(f"  {name:16}", "  ".join(f"{decays[each.argmax()]:.4f}" for each in gone.T))
assert np.all(np.diff(merged.argmax(axis=0)) < 0)
assert np.all(np.diff(lost.argmax(axis=0)) > 0), "the majority does not go first"

# %% [markdown]
# `ufm zoo ce-imbalanced` has the theorem and both sides of each threshold.
#
# ## A loss with an exact simplex
#
# Weights alone overdo it. With logits of class $k$ times $\epsilon_k = \sqrt{n_k / \bar n}$ besides, $\bar n$ the mean
# class size, the imbalance cancels: weights are a simplex equiangular tight frame, all of one length, at every decay
# (`ufm zoo rebalanced-ce`).

# %%
rebalanced = ufm.FeatureModel(
    SIZES, lam_w=LAM_W, lam_h=LAM_H, weights=tuple(weights), sample_temperatures=tuple(np.sqrt(n / n.mean()))
)
simplex = ufm.minimize(rebalanced)
show(
    {
        "as it stands": found[LOSSES[0]],
        "weights": ufm.minimize(rebalanced.replace(sample_temperatures=None)),
        "rebalanced": simplex,
    }
)
off = cosines(simplex.weight_gram)[~np.eye(K, dtype=bool)]
print(f"cosines of weights {off.min():.6f} to {off.max():.6f}; a simplex has {-1 / (K - 1):.6f}")
print(f"|h_k| sqrt(n_k) is the same for all: {np.ptp(simplex.feature_norms * np.sqrt([500, 50, 5])) < 1e-6}")
assert np.abs(off + 1 / (K - 1)).max() < 1e-6
assert np.ptp(simplex.weight_norms) < 1e-6
assert ufm.certify(simplex).holds

# %% [markdown]
# In return, features and margins of rare classes are larger. A simplex of weights is not yet a better classifier: that
# is a question for a network.
#
# ## A loss of your own
#
# No theorem knows this one: for every wrong class, how far it comes near the right one, $\sum_{j \ne y} \ln(1 +
# e^{x_j - x_y})$. A loss gives values, slopes and, along a direction, the change of slopes. Column j stands for
# `counts[:, j]` outputs that have the same logit, since classes of equal size have.


# %%
class PairwiseLogistic:
    """Convex, and at least 0: what the bound needs."""

    exchangeable = True  # no wrong class is special

    def at(self, logits, targets, counts):
        """Values (B,), slopes (B, p), and their change along a direction."""
        others = counts * (1 - targets)
        gaps = logits - (targets * logits).sum(axis=1, keepdims=True)
        p = expit(gaps)

        def with_own(slopes):
            """What the wrong logits are pushed down by pulls the own one up."""
            return slopes - targets * slopes.sum(axis=1, keepdims=True)

        def bend(v):
            return with_own(others * p * (1 - p) * (v - (targets * v).sum(axis=1, keepdims=True)))

        return Local((others * np.logaddexp(0, gaps)).sum(axis=1), with_own(others * p), bend)


own = ufm.FeatureModel(SIZES, lam_w=LAM_W, lam_h=LAM_H, loss=PairwiseLogistic())
mine = ufm.minimize(own)
show({"ce": found[LOSSES[0]], "my own": mine})
print(f"{mine.status}: gap below 1e-10: {mine.gap < 1e-10}")
assert mine.status == "optimal"
assert mine.gap < 1e-10
mine

# %% [markdown]
# ## Trust nobody
#
# The certificate is a line of text: a few numbers, and what they prove. A stranger who has the loss and the model
# computes the bound again, without the solver.

# %%
line = mine.certificate.to_json()
received = ufm.Certificate.from_json(line)
stranger = ufm.FeatureModel(SIZES, lam_w=LAM_W, lam_h=LAM_H, loss=PairwiseLogistic())
again = ufm.verify(received, stranger)
print(f"{len(line)} characters, a multiplier of shape {received.multiplier.shape}: {received.statement[:60]}...")
print(f"no features and weights are below {again:.10f}; reached: {mine.value:.10f}")
assert mine.value - again < 1e-10

# %% [markdown]
# Any multiplier proves *some* bound; a wrong one proves less. So an error, or a lie, can only be found out. And a
# certificate of another model is refused.

# %%
rng = np.random.default_rng(0)
spoiled = ufm.Certificate(
    received.statement,
    received.multiplier + 0.1 * rng.standard_normal(received.multiplier.shape),
    received.bound,
    received.problem,
)
print(f"spoiled: {ufm.verify(spoiled, stranger):.6f}, less than {again:.6f}")
assert ufm.verify(spoiled, stranger) < again
try:
    ufm.verify(received, stranger.replace(lam_h=2 * LAM_H))
except ValueError as error:
    print(error)
else:
    raise AssertionError("a certificate of another model was accepted")

# %% [markdown]
# ## Where to go next
#
# - `ufm geometry --class-sizes 500,50,5 --loss ce` answers from the command line, `ufm zoo` lists the theorems.
# - [05-minority-collapse](05-minority-collapse.ipynb): the same question for learned frames with several centers.
# - [07-own-loss](07-own-loss.ipynb): the flow of a loss of your own, from PyTorch.
# - `ufm.NonnegativeModel`, `ufm.PeeledModel`, `ufm.DeepModel` and `ufm.SphereModel`: features behind a ReLU, bounded
#   norms, several layers, unit length. "Ask where training ends" in the documentation has an example of each.
