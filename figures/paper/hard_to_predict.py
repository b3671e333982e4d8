"""Figure 2: hard-to-predict features in three dimensions, and the class that each rule gives them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from figures import turning
from figures.recorded import number, recorded, settings_of
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision import frame_choice, gcr_choice, rcr_choice
from ufm.measure import montecarlo, rules
from ufm.problems.frames import Array, Frame, dense, multi_center_frame
from ufm.problems.problem import Problem

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

ABOUT = "hard-to-predict features, and the classes that RCR and GCR give them"
NUMBER = 2
TURNS = True

COLORS = ("C0", "C1")
"""Of the two classes."""


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


def _frame(said: dict[str, Any]) -> Frame:
    return multi_center_frame(Problem((1, 1), said["centers"], said["theta"]), basis="coordinate")


def _basis(rows: Array) -> Array:
    """Orthonormal rows that span the same, each as near as can be to the row it stands for (Löwdin)."""
    left, _, right = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(left @ right)


def data(quick: bool) -> "xarray.Dataset":
    r"""Features, vectors and decisions, in two projections of the five dimensions of the frame.

    ``gcr``: onto the span of the three centers. Whatever is left out is orthogonal to them, so that GCR's decisions are
    exact there. ``rcr``: onto the two classifier vectors and the rest of the cloud's middle, where RCR's are.
    """
    said = settings(quick)
    frame = _frame(said)
    centers, classifier = dense(frame.centers), dense(frame.classifier)
    assert frame.auxiliary is not None
    middle = np.concatenate([dense(frame.auxiliary), classifier]).mean(axis=0)
    rest = middle - classifier.T @ (classifier @ middle)
    bases = {"rcr": np.concatenate([classifier, rest[None] / np.linalg.norm(rest)]), "gcr": _basis(centers)}
    rng = np.random.default_rng(said["seed"])
    features = montecarlo.hard_to_predict(frame, said["shown"], said["noise"], rng)
    measured = {
        name: montecarlo.choice_rates(frame, rules.RULES[name], said["counted"], noise=said["noise"], seed=said["seed"])
        for name in bases
    }
    predicted = {"rcr": rcr_choice(2), "gcr": frame_choice(said["centers"], said["theta"])}
    basis = np.stack([*bases.values()])
    variables = {
        "features": (("rule", "feature", "axis"), np.einsum("nd,rad->rna", features, basis)),
        "chosen": (("rule", "feature"), np.stack([rules.RULES[name](features, frame) for name in bases])),
        "center": (("rule", "center_of", "axis"), np.einsum("fd,rad->rfa", centers, basis)),
        "classifier": (("rule", "class", "axis"), np.einsum("kd,rad->rka", classifier, basis)),
        "middle": (("rule", "axis"), np.einsum("d,rad->ra", middle, basis)),
        "share": (("rule", "class"), np.stack([measured[name].mean for name in bases])),
        "share_error": (("rule", "class"), np.stack([measured[name].standard_error for name in bases])),
        "predicted_share": (("rule", "class"), np.stack([predicted[name] for name in bases])),
    }
    owners = np.repeat(np.arange(2), said["centers"])
    return recorded(said, variables, {"rule": list(bases), "owner": ("center_of", owners)})


def plot(data: "xarray.Dataset") -> "Figure":
    """Left RCR, right GCR: the same features, coloured by the class that they are given to."""
    with styled():
        figure = canvas(TWO_COLUMNS, 3.3)
        axes = []
        for place, rule in enumerate(data.rule.values):
            part = data.sel(rule=rule)
            names = (
                ("along $w_1$", "along $w_2$", "rest of the middle")
                if rule == "rcr"
                else ("near $w_1^{(1)}$", "near $w_1^{(2)}$", "near $w_2^{(2)}$")
            )
            axis = turning.scene(figure, (1, 2, place + 1), names, (24, 38))
            axis.set(xlim=(-0.4, 1.1), ylim=(-0.4, 1.1), zlim=(-0.4, 1.1))
            for side in (axis.xaxis, axis.yaxis, axis.zaxis):
                side.set_ticks([0, 1])
            for k, color in enumerate(COLORS):
                chosen = part.features.values[part.chosen.values == k]
                axis.plot(*chosen.T, ".", color=color, markersize=2.5, alpha=0.6, label=f"given to class {k + 1}")
                text = f"$w_{k + 1}$" if rule == "rcr" else ""
                turning.draw_vector(axis, part.classifier.values[k], color, text, linestyle="--")
            for j, owner in enumerate(part.owner.values):
                within = j - int(np.flatnonzero(part.owner.values == owner)[0])
                text = f"$w_{within + 1}^{{({owner + 1})}}$" if rule == "gcr" else ""
                turning.draw_vector(axis, part.center.values[j], COLORS[owner], text)
            axis.plot(*part.middle.values[:, None], "k+", markersize=7, label="mean of all directions")
            shares = " : ".join(f"{100 * share:.0f} %" for share in part.share.values)
            turning.entitle(axis, f"{rule.upper()} gives {shares}")
            axes.append(axis)
        axes[0].plot([], [], color="0.3", label="center (projected on the left)")
        axes[0].plot([], [], "--", color="0.3", label="classifier vector (projected on the right)")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure


def caption(data: "xarray.Dataset") -> str:
    """What is projected, and the shares of the classes."""
    said = settings_of(data)
    rows = []
    for rule in data.rule.values:
        part = data.sel(rule=rule)
        shares = f"{number(part.share[1], 4)} ± {number(part.share_error[1], 1)}"
        rows.append(
            f"- {rule.upper()} gives the second class a share of {shares}; theory {number(part.predicted_share[1], 4)}."
        )
    ideal = float(gcr_choice(said["centers"])[1])
    return (
        f"**Figure 2 of the paper.** Two classes with f = {said['centers'][0]} and {said['centers'][1]} centers, theta "
        "= "
        f"{said['theta']:g}: five dimensions, of which a picture shows three. Hard-to-predict features are the mean of "
        f"all directions plus Gaussian noise of standard deviation {said['noise']:g}; {said['shown']} of them are "
        "shown. "
        "Left: projected onto the two classifier vectors and the rest of the cloud's middle, where the decisions of "
        "RCR "
        "(nearest classifier vector) are exact. Right: projected onto the span of the three centers, where those of "
        "GCR "
        "(nearest center) are exact, since what is left out is orthogonal to all centers; axes are the orthonormal "
        "basis nearest to the centers.\n\n" + "\n".join(rows) + "\n"
        f"- Were the centers orthonormal, as proposition 3.1 has it, GCR's share would be f_2/F = {number(ideal, 4)}."
    )
