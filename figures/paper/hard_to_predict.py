"""Figure 2: hard-to-predict features in three dimensions, and the class that each rule gives them."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from xarray import Dataset

from figures import turning
from figures.recorded import markdown, number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision.hard import rcr_choice
from ufm.certify.predict import predict
from ufm.measure import montecarlo, rules
from ufm.problems.frames import Array, Frame, dense, multi_center_frame
from ufm.problems.problem import MultiCenterProblem, Problem

ABOUT = "hard-to-predict features, and the classes that RCR and GCR give them"
NUMBER = 2
TURNS = True

COLORS = ("C0", "C1")
"""Of the two classes."""

SIDES = {
    "rcr": ("along $w_1$", "along $w_2$", "rest of the middle"),
    "gcr": ("near $w_1^{(1)}$", "near $w_1^{(2)}$", "near $w_2^{(2)}$"),
}


def settings(quick: bool) -> dict[str, Any]:
    """Two classes with one and two centers, so that the centers are three; the cloud; and how many are counted."""
    return {
        "centers": [1, 2],
        "theta": 0.4,
        "noise": 0.2,
        "shown": 300,
        "counted": 20_000 if quick else 1_000_000,
        "seed": 1,
    }


def _problem(said: dict[str, Any]) -> MultiCenterProblem:
    return Problem((1, 1), said["centers"], said["theta"])


def _basis(rows: Array) -> Array:
    """Orthonormal rows that span the same, each as near as can be to the row it stands for (Löwdin)."""
    left, _, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(left @ right)


def onto_classifier(frame: Frame) -> tuple[Array, Array]:
    """Orthonormal rows (3, d), two classifier vectors and the rest of the cloud's middle, and that middle, (d,).

    In their span RCR's decisions between the two classes of the frame are exact.
    """
    classifier = dense(frame.classifier)
    directions = [dense(part) for part in (frame.auxiliary, frame.classifier) if part is not None]
    middle = np.concatenate(directions).mean(axis=0)
    rest = middle - classifier.T @ (classifier @ middle)
    return np.concatenate([classifier, rest[None] / np.linalg.norm(rest)]), middle


def data(quick: bool) -> Dataset:
    r"""Features, vectors and decisions, in two projections of the five dimensions of the frame.

    ``gcr``: onto the span of the three centers. Whatever is left out is orthogonal to them, so that GCR's decisions are
    exact there. ``rcr``: onto the two classifier vectors and the rest of the cloud's middle, where RCR's are.
    """
    said = settings(quick)
    problem = _problem(said)
    frame = multi_center_frame(problem, basis="coordinate")
    centers, classifier = dense(frame.centers), dense(frame.classifier)
    flat, middle = onto_classifier(frame)
    basis = np.stack([flat, _basis(centers)])
    used = [rules.RULES[name] for name in SIDES]
    features = montecarlo.hard_to_predict(frame, said["shown"], said["noise"], np.random.default_rng(said["seed"]))
    found = [
        montecarlo.choice_rates(frame, rule, said["counted"], noise=said["noise"], seed=said["seed"]) for rule in used
    ]
    variables = {
        "features": (("rule", "feature", "axis"), np.einsum("nd,rad->rna", features, basis)),
        "chosen": (("rule", "feature"), np.stack([rule(features, frame) for rule in used])),
        "center": (("rule", "center_of", "axis"), np.einsum("fd,rad->rfa", centers, basis)),
        "classifier": (("rule", "class", "axis"), np.einsum("kd,rad->rka", classifier, basis)),
        "middle": (("rule", "axis"), np.einsum("d,rad->ra", middle, basis)),
        "share": (("rule", "class"), np.stack([each.mean for each in found])),
        "share_error": (("rule", "class"), np.stack([each.standard_error for each in found])),
        "predicted_share": (("rule", "class"), np.stack([rcr_choice(2), predict(problem).frame_choice])),
    }
    owners = np.repeat(np.arange(2), said["centers"])
    return recorded(said, variables, {"rule": list(SIDES), "owner": ("center_of", owners)})


@styled()
def plot(data: Dataset) -> Figure:
    """Left RCR, right GCR: the same features, coloured by the class that they are given to."""
    figure = canvas(TWO_COLUMNS, 3.3)
    for place, (rule, sides) in enumerate(SIDES.items()):
        part = data.sel(rule=rule)
        axis = turning.scene(figure, (1, 2, place + 1), sides, (24, 38))
        axis.set(xlim=(-0.4, 1.1), ylim=(-0.4, 1.1), zlim=(-0.4, 1.1))
        axis.set(xticks=[0, 1], yticks=[0, 1], zticks=[0, 1])
        for k, color in enumerate(COLORS):
            chosen = part.features.values[part.chosen.values == k]
            axis.plot(*chosen.T, ".", color=color, markersize=2.5, alpha=0.6, label=f"given to class {k + 1}")
        for k, color in enumerate(COLORS):
            text = f"$w_{k + 1}$" if rule == "rcr" else ""
            turning.draw_vector(axis, part.classifier.values[k], color, text, linestyle="--")
            for j, center in enumerate(part.center.values[part.owner.values == k]):
                text = f"$w_{j + 1}^{{({k + 1})}}$" if rule == "gcr" else ""
                turning.draw_vector(axis, center, color, text)
        axis.plot(*part.middle.values[:, None], "k+", markersize=7, label="mean of all directions")
        shares = " : ".join(f"{100 * share:.0f} %" for share in part.share.values)
        turning.entitle(axis, f"{rule.upper()} gives {shares}")
    axis.plot([], [], color="0.3", label="center (projected on the left)")
    axis.plot([], [], "--", color="0.3", label="classifier vector (projected on the right)")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def caption(data: Dataset) -> str:
    """What is projected, and the shares of the classes."""
    said = settings_of(data)
    rows = []
    for rule in SIDES:
        part = data.sel(rule=rule).isel({"class": 1})
        share = f"{number(part.share, 4)} ± {number(part.share_error, 1)}"
        rows.append(
            f"{rule.upper()} gives the second class a share of {share}; theory {number(part.predicted_share, 4)}."
        )
    ideal = number(predict(_problem(said)).gcr_choice[1], 4)
    first, second = said["centers"]
    return markdown(
        f"""**Figure 2 of the paper.** Two classes with f = {first} and {second} centers, theta = {said["theta"]:g}:
        five dimensions, of which a picture shows three. Hard-to-predict features are the mean of all directions plus
        Gaussian noise of standard deviation {said["noise"]:g}; {said["shown"]} of them are shown. Left: projected onto
        the two classifier vectors and the rest of the cloud's middle, where the decisions of RCR (nearest classifier
        vector) are exact. Right: projected onto the span of the three centers, where those of GCR (nearest center) are
        exact, since what is left out is orthogonal to all centers; axes are the orthonormal basis nearest to the
        centers.""",
        [*rows, f"Were the centers orthonormal, as proposition 3.1 has it, GCR's share would be f_2/F = {ideal}."],
    )
