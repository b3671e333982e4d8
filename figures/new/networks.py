"""Theory's predictions against real networks: the committed results of ``ufm table fashion``."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from xarray import Dataset

from figures.recorded import having, markdown, number, recorded
from figures.style import TWO_COLUMNS, canvas, styled
from theory.decision.hard import gcr_gain
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction
from ufm.tables import results
from ufm.train.config import Config

ABOUT = "theory against real networks, from committed results"

SHOWN = ("AL", "CAL", "P")
"""Those with several centers, of which theory says something class by class."""


def _results() -> list[results.Result]:
    return results.load(results.place("fashion"))


def settings(quick: bool) -> dict[str, Any]:
    """Which trainings: their names and seeds. They are what they are, quick or not."""
    own = [each for each in results.current(_results()) if each["configuration"]["method"] in SHOWN]
    return {"trainings": sorted([each["name"], each["configuration"]["seed"], each["accuracy"]["own"]] for each in own)}


def data(quick: bool) -> Dataset:
    """By training and class: variability, NC and the gain of GCR, measured and predicted."""
    said = settings(quick)
    own = {(each["name"], each["configuration"]["seed"]): each for each in _results()}
    trainings = [own[name, seed] for name, seed, _ in said["trainings"]]
    problems = [Config.from_dict(each["configuration"]).problem(tuple(each["class_sizes"])) for each in trainings]
    ends: list[Any] = [predict(problem) for problem in problems if problem is not None]  # those of SHOWN have one
    columns = {
        "variability": [each["variability"] for each in trainings],
        "predicted_variability": [each.variability for each in ends],
        "nc": [each["curves"]["nc"][-1] for each in trainings],
        "predicted_rate": [
            each.rate if isinstance(each, CosinePrediction) else np.full_like(each.theta, np.nan) for each in ends
        ],
        "gain": [np.subtract(each["class_accuracy"]["gcr"], each["class_accuracy"]["rcr"]) for each in trainings],
        "predicted_gain": [gcr_gain(each.counts) for each in ends],
        "centers": [each.counts for each in ends],
    }
    variables = {name: (("training", "class"), np.array(rows)) for name, rows in columns.items()}
    methods = [each["configuration"]["method"] for each in trainings]
    return recorded(said, variables, {"method": ("training", methods)})


def correlations(data: Dataset) -> Any:
    """Spearman's correlation over classes of predicted rate and -ln NC, for each training whose rates differ."""
    pairs = zip(data.predicted_rate.values, data.nc.values, strict=True)
    return np.array([stats.spearmanr(rate, -np.log(nc)).statistic for rate, nc in pairs if np.ptp(rate) > 0])


@styled()
def plot(data: Dataset) -> Figure:
    """Variability against theory; NC at the end over predicted rate; gain of GCR over the number of centers."""
    figure = canvas(TWO_COLUMNS, 2.7)
    variability, speed, gain = figure.subplots(1, 3)
    for place, method in enumerate(SHOWN):
        points = having(data, "method", method).stack(point=("training", "class"))
        look = {"linestyle": "", "marker": "o^s"[place], "markersize": 3, "alpha": 0.6, "color": f"C{place}"}
        variability.plot(points.predicted_variability, points.variability, label=method, **look)
        if method == "CAL":
            speed.plot(points.predicted_rate, points.nc, **look)
            gain.plot(points.centers, 100 * points.gain, **look)
            law = points.isel(point=np.argsort(points.centers.values))
            label = "hard-to-predict features, Prop. 3.1"
            gain.plot(law.centers, 100 * law.predicted_gain, color="k", label=label)
    ends = [float(data.predicted_variability.min()) - 0.05, float(data.predicted_variability.max()) + 0.05]
    variability.plot(ends, ends, color="0.5", linewidth=0.7, label="equal")
    variability.set(xlabel=r"predicted, $1 - \cos\rho$", ylabel="variability, training images")
    variability.set_title("where collapse ends")
    speed.set(yscale="log", xlabel="predicted rate (1 / flow time)", ylabel="NC at the last epoch")
    speed.set_title("how fast (CAL)")
    gain.axhline(0.0, color="0.6", linewidth=0.6)
    gain.set(xscale="log", xlabel="centers of the class $f$", ylabel="GCR minus RCR, test (points)")
    gain.set_xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
    gain.minorticks_off()
    gain.set_title("what GCR gains (CAL)")
    known = [axis.get_legend_handles_labels() for axis in (variability, gain)]
    handles, labels = ([*first, *second] for first, second in zip(*known, strict=True))
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    return figure


def caption(data: Dataset) -> str:
    """What was trained; medians and correlations."""
    rows = []
    for method in SHOWN:
        part = having(data, "method", method)
        off = np.abs(part.variability - part.predicted_variability).values
        rows.append(
            f"{method}, variability: median distance from theory {number(np.median(off), 2)}, largest "
            f"{number(off.max(), 2)} ({part.sizes['training']} trainings)."
        )
    found = correlations(data)
    rare = 100 * having(data, "method", "CAL").gain.values[:, -3:].mean(axis=1)
    return markdown(
        f"""**Theory against real networks.** {data.sizes["training"]} trainings on Fashion-MNIST-LT from
        results/fashion.json (`ufm table fashion`), small CNN, one point per class and training. Left: variability at
        the end, predicted from the angles of the frame. Middle: NC at the end over the predicted rate of collapse; if
        the rate decided, NC would fall from left to right. Right: what GCR gains on test images over the number of
        centers, and what proposition 3.1 says of features that are hard to predict.""",
        [
            *rows,
            f"CAL, rank correlation of predicted rate and -ln NC within a training: {number(found.min(), 2)} to "
            f"{number(found.max(), 2)}, mean {number(found.mean(), 2)}; theory wants 1.",
            f"CAL, GCR minus RCR on the three rarest classes: {number(rare.min(), 2)} to {number(rare.max(), 2)} "
            "points; the proposition wants more than 0.",
        ],
    )
