# %% [markdown]
# # Why features skew from the classifier: geometry you can turn
#
# With several centers per class, collapsed features do not point along their classifier vector: they keep an angle
# $\rho$ to it. This notebook draws one class with two centers, which fits into three dimensions exactly, lets you turn
# the scene and the angle $\theta$, and shows a flow that runs past the classifier to the mean center. It matters
# because a curve of "distance to the classifier" that levels off above 0 is then no failure to collapse: it is the
# geometry.

# %%
import matplotlib.pyplot as plt
import numpy as np

import ufm
from figures.style import STYLE, class_colors
from theory.multicenter import geometry
from ufm.problems.losses import CosineLoss

plt.style.use([STYLE, {"figure.dpi": 110}])

THETA = 0.35  # radians, between 0 (centers orthogonal to the classifier) and pi/2 (all on it): change me
TURN = 70  # degrees, where you stand: change me

# %% [markdown]
# ## One class, two centers, three dimensions
#
# The auxiliary vectors $v_1, v_2$ and the classifier $w$ are orthonormal. Centers lean by the angle $\theta$ from the
# auxiliary vectors towards the classifier, $w_j = \cos\theta\, v_j + \sin\theta\, w$, and $\bar w$ is their mean.


# %%
def one_class(theta):
    """A problem and its frame: v_1, v_2 and w are the axes of space."""
    problem = ufm.Problem(class_sizes=(14,), centers=2, theta=theta, dim=3, loss="cosine", beta=1.0, lam=0.5)
    return problem, ufm.multi_center_frame(problem, basis="coordinate")


def vectors(frame):
    """Centers (2, 3), unit mean center (3,), classifier (3,) as plain arrays."""
    parts = frame.centers, frame.mean_directions, frame.classifier
    centers, mean, classifier = (part.toarray() for part in parts)
    return centers, mean[0], classifier[0]


def draw(axis, frame, turn, *, height=22):
    """Arrows of a frame on the unit sphere, seen from an angle."""
    centers, mean, classifier = vectors(frame)
    u, v = np.mgrid[0 : 2 * np.pi : 25j, 0 : np.pi : 13j]
    axis.plot_wireframe(np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v), color="0.88", linewidth=0.3)
    labelled = [(c, "C0", f"$w_{j}$") for j, c in enumerate(centers, 1)]
    labelled += [(mean, "C3", r"$\bar w/|\bar w|$"), (classifier, "0.2", "$w$")]
    for vector, color, name in labelled:
        axis.quiver(0, 0, 0, *vector, color=color, arrow_length_ratio=0.1, linewidth=1.6)
        axis.text(*(1.17 * vector), name, color=color, fontsize=8, ha="center")
    across = np.linspace(0, 1, 20)[:, None]
    arc = (1 - across) * classifier + across * mean
    axis.plot(*(0.6 * arc / np.linalg.norm(arc, axis=1, keepdims=True)).T, color="C3", linewidth=0.8)
    axis.view_init(height, turn)
    axis.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8))
    axis.set_box_aspect((1, 1, 1), zoom=1.15)
    axis.set_axis_off()


figure, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), subplot_kw={"projection": "3d"}, layout="constrained")
for axis, turn in zip(axes, (TURN, TURN + 30, TURN + 60), strict=True):
    draw(axis, one_class(THETA)[1], turn)
    axis.set_title(f"$\\theta$ = {THETA:g}, seen from {turn}°", fontsize=8, y=-0.1)
plt.show()

# %% [markdown]
# The arc is the angle $\rho$ between the mean center and the classifier. Averaging does not shorten what the centers
# have in common, their share $\sin\theta$ of $w$; it shortens what they do not, $\cos\theta\, v_j$, by $\sqrt{f}$.
# Hence
#
# $$ c = |\bar w| = \sqrt{\cos^2\theta / f + \sin^2\theta}, \qquad \cos\rho = \sin\theta / c . $$
#
# Turn $\theta$ up and the three arrows close like an umbrella around the classifier.

# %%
figure, axes = plt.subplots(1, 4, figsize=(7.2, 2.1), subplot_kw={"projection": "3d"}, layout="constrained")
for axis, theta in zip(axes, (0.0, 0.35, 0.8, 1.3), strict=True):
    frame = one_class(theta)[1]
    draw(axis, frame, TURN)
    centers, mean, classifier = vectors(frame)
    rho = np.degrees(np.arccos(np.clip(mean @ classifier, -1, 1)))
    axis.set_title(f"$\\theta$ = {theta:g}, $\\rho$ = {rho:.0f}°", fontsize=8, y=-0.12)
    assert np.isclose(np.cos(np.radians(rho)), geometry.classifier_cosine(2, theta), atol=1e-12)
    assert np.allclose(centers @ mean, geometry.center_cosine(2, theta)), "the mean is not equally far from its centers"
plt.show()

# %% [markdown]
# ## The loss has its minimum on the mean, not on the classifier
#
# Each center pulls; where the pulls balance is the mean. Below, the sphere is coloured by the cosine loss (dark: low),
# and the lines are gradient flows of 14 features in all three coordinates, from points spread over the sphere.

# %%
problem, frame = one_class(THETA)
centers, mean, classifier = vectors(frame)
n = problem.n_samples
height = 1 - 2 * (np.arange(n) + 0.5) / n  # a spiral of equal areas
around = np.pi * (1 + np.sqrt(5)) * np.arange(n)
ring = np.sqrt(1 - height**2)
starts = np.column_stack([ring * np.cos(around), ring * np.sin(around), height])
flow = ufm.gradient_flow(
    problem, frame=frame, features=starts, method="full", t_final=40.0, n_times=801, keep="features"
)
assert flow.status == "collapsed"

u, v = np.mgrid[0 : 2 * np.pi : 61j, 0 : np.pi : 31j]
sphere = np.stack([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)], axis=-1)
values = CosineLoss(problem, frame).value_and_gradient(sphere.reshape(-1, 3), 0)[0].reshape(u.shape)

figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), subplot_kw={"projection": "3d"}, layout="constrained")
bands = np.floor(15.99 * (values - values.min()) / np.ptp(values)) / 16
colors = plt.get_cmap("Blues_r")(0.15 + 0.8 * bands)
for axis, turn in zip(axes, (TURN - 25, TURN + 65), strict=True):
    seen = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn)), np.tan(np.radians(22))])
    axis.plot_surface(
        *np.moveaxis(sphere, -1, 0), facecolors=colors, rstride=1, cstride=1, shade=False, antialiased=False, zorder=0
    )
    axis.computed_zorder = False
    for path in np.moveaxis(flow.features, 1, 0):
        front = path @ seen > 0
        axis.plot(*np.where(front[:, None], 1.01 * path, np.nan).T, color="C1", linewidth=1.0, zorder=2)
    for point, color, marker, name in ((mean, "C3", "*", "mean center"), (classifier, "k", "^", "classifier")):
        axis.plot(*(1.02 * point[:, None]), marker, color=color, markersize=8, label=name, linestyle="", zorder=3)
    axis.plot(*(1.02 * centers.T), "o", color="C2", markersize=5, label="centers", linestyle="", zorder=3)
    axis.view_init(22, turn)
    axis.set_box_aspect((1, 1, 1), zoom=1.3)
    axis.set_axis_off()
    axis.set_title(f"seen from {turn}°", fontsize=8)
axes[1].legend(fontsize=6, loc="lower right")
plt.show()

# %%
ends = flow.final / np.linalg.norm(flow.final, axis=1, keepdims=True)
print(f"farthest end from the mean center:   {np.linalg.norm(ends - mean, axis=1).max():.4f}")
print(f"nearest end to the classifier:       {np.linalg.norm(ends - classifier, axis=1).min():.4f}")
print(
    f"loss at the mean center {values.min():.3f} or less, at the classifier "
    f"{CosineLoss(problem, frame).value_and_gradient(classifier[None], 0)[0][0]:.3f}"
)
assert np.abs(ends - mean).max() < 1e-4
assert np.isclose(flow.class_values("variability")[-1, 0], 1 - geometry.classifier_cosine(2, THETA), atol=1e-6)

# %% [markdown]
# ## More centers, less skew
#
# For more centers the picture needs more dimensions, the formula does not. Lines: theory; dots: angles measured from
# the vectors of frames in random bases.

# %%
angles, counts = np.linspace(0, np.pi / 2, 200), (1, 2, 5, 20, 80)
figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.7), layout="constrained")
for f, color in zip(counts, class_colors(len(counts)), strict=True):
    left.plot(angles, np.degrees(np.arccos(geometry.classifier_cosine(f, angles))), color=color, label=f"$f$ = {f}")
    for theta in (0.05, 0.2, 0.5, 1.0, 1.4):
        single = ufm.Problem((1,), f, theta)
        measured = ufm.multi_center_frame(single, seed=f).geometry.alignment[0]
        left.plot(theta, np.degrees(np.arccos(measured)), ".", color=color, markersize=5)
        assert abs(measured - geometry.classifier_cosine(f, theta)) < 1e-12
left.axvline(0.2, color="0.8", linewidth=0.8, zorder=0)
left.set(xlabel=r"angle $\theta$ of the frame, radians", ylabel=r"skew $\rho$, degrees", ylim=(0, 91))
left.set_title("skew of collapsed features", loc="left")
left.legend(fontsize=6)

sizes = ufm.long_tailed_sizes(10, 5000, 0.01)
aware = np.array(ufm.class_aware(sizes, f=20))
same = geometry.equal_skew_angles(aware, aware.mean(), 0.2)
classes = np.arange(1, 11)
shared = np.degrees(np.arccos(geometry.classifier_cosine(aware, 0.2)))
own = np.degrees(np.arccos(geometry.classifier_cosine(aware, same)))
right.plot(classes, shared, "o-", markersize=3, label=r"one $\theta$ = 0.2 for all")
right.plot(classes, own, "s-", markersize=3, label=r"$\theta_k$ of equal skew")
right.set(xlabel="class, from frequent to rare", ylabel=r"skew $\rho_k$, degrees", ylim=(0, 91), xticks=classes)
right.set_title("CIFAR-10-LT, class-aware centers", loc="left")
right.legend(fontsize=6)
plt.show()

# %% [markdown]
# Left: the grey line is the paper's $\theta = 0.2$. Right: class-aware centers skew frequent classes (few centers)
# most. An angle per class, $\tan\theta_k = \sqrt{f / f_k} \tan\theta$, makes all skews equal.

# %%
assert np.all(np.diff(shared) <= 0), "more centers did not reduce the skew"
assert np.ptp(own) < 1e-9

# %% [markdown]
# ## Does the skew cost accuracy?
#
# Not at collapse: $\langle w_k, \bar w^{(k)} \rangle = \sin\theta > 0$ for the own class and 0 for every other. The
# regular rule $\arg\max_k \langle w_k, h \rangle$ decides by the shadow on the classifier, however short.

# %%
full = ufm.Problem(sizes, aware, theta=0.2)
frame = ufm.multi_center_frame(full, basis="coordinate")
scores = (frame.mean_centers @ frame.classifier.T).toarray()
assert np.allclose(scores, np.sin(0.2) * np.eye(10), atol=1e-12)
others = np.abs(scores - np.diag(np.diag(scores))).max()
print(f"score of the own class {scores[0, 0]:.4f} = sin(0.2), largest of another class {others:.1f}")

# %% [markdown]
# ## Where to go next
#
# - [03-slow-motion](03-slow-motion.ipynb): how fast features arrive at the mean center.
# - [04-errata](04-errata.ipynb): the paper's appendix prints a $\cos\rho$ that can exceed 1.
# - `ufm claims remark-3.6` has the statement with its derivation; `theory.multicenter.geometry` has the formulas.
