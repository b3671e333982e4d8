# %% [markdown]
# # Why GCR loses, and what would win
#
# The paper decides by the nearest *center* (GCR). Our trainings say that this is worse than the plain classifier (RCR),
# most of all on rare classes. Here you see why that had to come, which rule theory would put first, where networks do
# not follow theory, and what repairs them: nothing is trained, it takes seconds.
#
# The model is short. A feature of class k lies around the mean of its centers, $z = r\,u_k + \sigma g$ with Gaussian
# noise g, and a rule gives it to the class of the nearest center (GCR), classifier vector (RCR) or mean center.

# %%
import matplotlib.pyplot as plt
import numpy as np

from figures.style import STYLE
from theory.decision.accuracy import gcr_accuracy, nmc_accuracy, rcr_accuracy
from theory.decision.few_samples import break_even, confusion
from theory.decision.radius import gcr_radius, nmc_radius, rcr_radius
from theory.decision.shift import best_offsets, offset_accuracy
from ufm.problems.sizes import long_tailed_sizes
from ufm.tables.decided import kinds, read

plt.style.use([STYLE, {"figure.dpi": 110}])

# %% [markdown]
# ## Centers are far from their mean
#
# With many centers each of them points away from the mean of all, where the features are. The nearest single center is
# then hardly nearer than a center of another class. GCR's robust radius (how far a feature can be pushed before the
# class changes) falls with every further center, and its accuracy with it (at theta = 0.7 down to 13 centers, and
# from there up a little). RCR's rise. The nearest mean center does not care, and is the
# best of all rules here: it is Bayes.

# %%
K, RATIO = 10, 4.0
f = np.array([1, 2, 4, 8, 16, 32])
fig, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
for theta, dashes in ((0.2, "-"), (0.7, "--")):
    axes[0].plot(f, 100 * rcr_accuracy(f, theta, RATIO, K), f"C1{dashes}", label=f"RCR, theta {theta}")
    axes[0].plot(f, 100 * gcr_accuracy(f, theta, RATIO, K), f"C2{dashes}", label=f"GCR, theta {theta}")
    axes[1].plot(f, rcr_radius(f, theta), f"C1{dashes}")
    axes[1].plot(f, gcr_radius(f, theta), f"C2{dashes}")
axes[0].axhline(100 * float(nmc_accuracy(RATIO, K)), color="C0", label="nearest mean center")
axes[1].axhline(float(nmc_radius()), color="C0")
axes[0].set(xscale="log", xlabel="centers per class", ylabel="accuracy (%)", ylim=(0, 103))
axes[1].set(xscale="log", xlabel="centers per class", ylabel="radius over norm", ylim=(0, 0.75))
for axis in axes:
    axis.set_xticks(f, [str(count) for count in f])
    axis.minorticks_off()
axes[0].legend(fontsize=6, loc="lower right")
plt.show()
print(f"radius at f = 20, theta = 0.2: GCR {float(gcr_radius(20, 0.2)):.3f}, RCR {float(rcr_radius(20, 0.2)):.3f}")
assert gcr_radius(20, 0.2) < rcr_radius(20, 0.2) < nmc_radius()

# %% [markdown]
# ## When the test has other shares of the classes
#
# The nearest mean center has the same accuracy for every class, and so under every prior. RCR with uneven numbers of
# centers leans to the classes with many: good if the test is full of them, bad if it is not. Knowing the test prior,
# offsets on the scores help both.

# %%
sizes = np.array(long_tailed_sizes(10, 5000, 0.01))
centers = np.maximum(1, np.round(200 * (1 / sizes) / np.sum(1 / sizes)))
skews = np.asarray(rcr_radius(centers, 0.2) / nmc_radius())
shares = np.linspace(-1.0, 1.0, 9)  # -1: rare classes are the frequent ones in the test, 1: the training prior
curves = {"nearest mean center": [], "the same, offsets": [], "RCR": [], "RCR, offsets": []}
for power in shares:
    prior = sizes**power / np.sum(sizes**power)
    for name, mean in (("nearest mean center", np.full(K, 2.5)), ("RCR", 2.5 * skews)):
        curves[name].append(prior @ offset_accuracy(mean, 1.0, np.zeros(K)))
        other = "the same, offsets" if name[0] == "n" else "RCR, offsets"
        curves[other].append(prior @ offset_accuracy(mean, 1.0, best_offsets(prior, mean, 1.0)))
fig, axis = plt.subplots(figsize=(4.5, 2.6), layout="constrained")
for (name, curve), look in zip(curves.items(), ("C0-", "C0--", "C1-", "C1--"), strict=True):
    axis.plot(shares, 100 * np.array(curve), look, label=name)
axis.set(xlabel="test prior: reversed (-1), balanced (0), as in training (1)", ylabel="accuracy (%)")
axis.legend(fontsize=6)
plt.show()
assert np.ptp(curves["nearest mean center"]) < 1e-9
assert np.all(np.array(curves["the same, offsets"]) >= np.array(curves["RCR, offsets"]) - 1e-9)

# %% [markdown]
# ## What a fixed frame buys
#
# Without a frame the mean of a class is learned from its samples. The learned mean of a rare class is off by
# $\sigma^2 d / n$, and in many dimensions its own features are then nearer to the well known mean of a frequent class.
# Below a number of samples most of them are lost. Taking that bias off repairs most of it, and with a fixed frame no
# mean is learned at all.

# %%
D, DIM = 3.0, 200
n = np.array([1, 2, 5, 10, 20, 50, 100, 500])
fig, axis = plt.subplots(figsize=(4.5, 2.6), layout="constrained")
axis.plot(n, 100 * (1 - confusion(n, 5000, D, 1.0, DIM)), "C3o-", label="learned mean")
axis.plot(n, 100 * (1 - confusion(n, 5000, D, 1.0, DIM, corrected=True)), "C3s--", label="bias taken off")
axis.axhline(100 * (1 - float(confusion(10**9, 10**9, D, 1.0, DIM))), color="C0", label="mean known: a fixed frame")
limit = float(break_even(5000, D, 1.0, DIM))
axis.axvline(limit, color="0.6", linewidth=0.8)
axis.set(xscale="log", xlabel="samples of the rare class", ylabel="accuracy against a frequent class (%)")
axis.legend(fontsize=6, loc="lower right")
plt.show()
print(f"below {limit:.0f} samples more than half of the rare class is lost")
assert confusion(2, 5000, D, 1.0, DIM) > 0.9 > 0.5 > confusion(2, 5000, D, 1.0, DIM, corrected=True)

# %% [markdown]
# ## And networks?
#
# Trainings on CIFAR-10-LT, three seeds of each kind, every rule on the same test features. GCR loses, as theory says.
# But where skews differ the nearest mean center is not first: RCR beats it. (AL's classes have one skew, and so have
# those of CAL with an angle per class: two rules are then one.) The reason is in the features. On *test* images the
# norm along the own mean center falls from frequent to rare classes, and theory of one norm does not know that. RCR's
# skew, larger for rare classes, makes up for half of it; dividing each coordinate by its spread (half of batch
# normalisation) does it all, and then the rules hardly differ.

# %%
networks = {name: [each["tables"] for each in seeds] for name, seeds in kinds(read("decisions")).items()}
print(f"test accuracy, %     {'own':>6}  {'':11}{'none':>7}{'centered':>10}{'scaled':>8}{'normalised':>12}")
for name, seeds in networks.items():
    for rule in ("nearest", "rcr", "gcr"):
        hows = ("none", "centered", "scaled", "normalised")
        row = [100 * np.mean([t["accuracy"][how][rule][0] for t in seeds]) for how in hows]
        own = 100 * np.mean([t["own"][0] for t in seeds])
        head = f"{name:20} {own:6.1f}" if rule == "nearest" else f"{'':27}"
        print(f"{head}  {rule:11}{row[0]:7.1f}{row[1]:10.1f}{row[2]:8.1f}{row[3]:12.1f}")

# %%
fig, axis = plt.subplots(figsize=(4.5, 2.6), layout="constrained")
for color, method in (("C0", "CAL"), ("C1", "AL")):
    name = next(name for name in networks if name.split(",")[0] == method)
    for split, look in (("train", "--"), ("test", "-")):
        r = np.mean([t[split]["r"] for t in networks[name]], axis=0)
        axis.plot(range(1, K + 1), r, color + look, label=f"{method}, {split}")
axis.set(xlabel="class (1: most samples)", ylabel="mean product with own mean center", ylim=(0, None))
axis.legend(fontsize=6)
plt.show()
for name, seeds in networks.items():
    for t in seeds:
        none, normalised = (t["accuracy"][how] for how in ("none", "normalised"))
        gcr, nearest, rcr = (none[rule][0] for rule in ("gcr", "nearest", "rcr"))
        one_skew = name.startswith(("AL", "CAL-theta"))
        assert abs(rcr - nearest) < 5e-4 if one_skew else gcr < nearest < rcr
        assert np.ptp([normalised[rule][0] for rule in ("nearest", "rcr", "gcr")]) < 0.02

# %% [markdown]
# So what would win? Of what was tried here: normalised features, and then any rule; more centers only through their
# skew, which normalisation makes superfluous. Three seeds, and features far from collapse: an answer, no proof.
#
# ## Where to go next
#
# - `ufm decide RUN` does all this for a training of yours, `ufm design` chooses f and theta from theory alone.
# - "Real networks" in the documentation has the numbers with their commands.
# - [06-real-network](06-real-network.ipynb): a training held against predictions that were written down before it.
