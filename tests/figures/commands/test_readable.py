"""Pictures of commands can be read: labels, ticks, legends and marks."""

import itertools

import numpy as np
import pytest
import xarray

import ufm
from figures import style
from figures.commands import design, geometry, phase, simulate, sweep, table
from tests.figures.commands import test_table
from tests.readable import require_readable
from ufm.certify.design import Setting, evaluate, rank
from ufm.minimize.phase import Axis, model_diagram, model_grid, phase_diagram
from ufm.sweep.description import Sweep
from ufm.sweep.picture import Picture
from ufm.train.presets import PRESETS

pytestmark = pytest.mark.slow


def flow(**changes):
    given = {"class_sizes": (8, 4, 2), "centers": (2, 3, 9), "theta": 0.2, "dim": 30, **changes}
    return ufm.gradient_flow(ufm.Problem(**given), seed=1, until_nc=1e-8, keep="final")


def many(sizes, f=5, **changes):
    return flow(class_sizes=sizes, centers=ufm.class_aware(sizes, f), dim=None, **changes)


RUNS = {
    "cosine": lambda: {"cosine loss": flow()},
    "P": lambda: {"P": flow(loss="mse", lam_h=0.01)},
    "fast": lambda: {"CAL": flow(beta=40.0), "fast": flow(centers=(1, 2, 40), theta=1.2, dim=50)},
    "slow": lambda: {"slow": ufm.gradient_flow(ufm.Problem((8, 4), (2, 3), 1.5, 30), t_final=50.0, keep="final")},
    "small rates": lambda: {"small rates": flow(beta=2e-4)},
    "many": lambda: {"many": many(ufm.long_tailed_sizes(40, 60, 0.05), 10)},
}


@pytest.mark.parametrize("name", RUNS)
def test_flows(name):
    runs = RUNS[name]()
    for draw in (simulate.collapse_figure, simulate.geometry_figure):
        require_readable(draw(runs))


SIZES = [(500, 5), (500, 50, 5), (5, 500, 50, 50, 500), tuple(range(300, 12, -1))]


@pytest.mark.parametrize(("loss", "sizes"), [*(("ce", sizes) for sizes in SIZES), ("mse", SIZES[1]), ("bce", SIZES[1])])
def test_minima_of_losses_of_logits(sizes, loss):
    model = ufm.FeatureModel(sizes, loss=loss, lam_w=5e-4, lam_h=1e-5)
    require_readable(geometry.geometry_figure(ufm.minimize(model)))


def test_living_classes():
    def at(w, h):
        return ufm.Problem((100, 10, 1), (1, 1, 1), 0.3, loss="mse", frame="learned", lam_w=w, lam_h=h)

    axes = [Axis(name, name, name, np.geomspace(0.003, 3, 6)) for name in ("lam_w", "lam_h")]
    require_readable(phase.phase_figure(phase_diagram(at, *axes)))


@pytest.mark.parametrize(
    ("axes", "loss", "sizes"),
    [
        *((axes, "ce", (500, 500, 50, 50)) for axes in ("lam", "lam,tau", "lam,ratio")),
        ("lam,tau", "mse", (500, 200, 50, 9)),
        ("lam", "bce", (40, 9)),
    ],
)
def test_phases_of_losses(axes, loss, sizes):
    def model_of(sizes, lam_w, lam_h):
        return ufm.FeatureModel(sizes, loss=loss, lam_w=lam_w, lam_h=lam_h)

    require_readable(phase.model_phase_figure(model_diagram(*model_grid(model_of, sizes, axes, 5))))


RULES = ("uniform", "class-aware", "margins", "apportioned")


@pytest.mark.parametrize(("tau", "rules"), [(1.0, RULES), (0.01, RULES), (0.01, RULES[:1]), (0.1, RULES[1:3])])
def test_designs(tau, rules):
    sizes = ufm.long_tailed_sizes(10, 500, tau)
    grid = itertools.product(rules, (1, 2, 5, 10, 20, 40), (0.05, 0.3, 0.8))
    setting = Setting(sizes, (0.1,) * 10, 0.3)
    require_readable(design.design_figure(rank([d for each in grid for d in evaluate(*each, setting)])))


FASHION = [name for name in PRESETS if name.startswith("fashion/")]


@pytest.mark.parametrize("names", [FASHION, ["fashion/cal-0.1"]], ids=len)
def test_tables(names):
    require_readable(table.comparison_figure([test_table.result(name, seed) for name in names for seed in range(2)]))


MANY = Sweep.from_mapping(
    {
        "kind": "flow",
        "record": ["nc_mean", "value", "nc_curve", "time"],
        "base": {"n_classes": 40, "n_max": 100, "tau": 0.1},
        "axes": {"f": [2, 3], "theta": [0.1, 0.2, 0.3], "scale": [0.5, 1.0]},
        "seeds": 2,
    }
)


@pytest.fixture(scope="module")
def swept():
    rng = np.random.default_rng(0)
    shape = (*MANY.shape, 40)
    variables = {
        "nc_mean": ((*MANY.dims, "class"), rng.uniform(1, 2, shape)),
        "value": (MANY.dims, rng.uniform(1, 2, MANY.shape)),
        "nc_curve": ((*MANY.dims, "time", "class"), rng.uniform(1e-6, 1, (*MANY.shape, 5, 40))),
        "time": ((*MANY.dims, "time"), np.broadcast_to(np.arange(5.0), (*MANY.shape, 5))),
    }
    return xarray.Dataset(variables, coords={axis.name: [v[0] for v in axis.values] for axis in MANY.axes})


PICTURES = [
    (Picture(), [r"angle $\theta$ = 0.2 (of 3)", "start size = 1 (of 2)"], "class (10 of 40)"),
    (Picture("nc_mean", lines="theta"), ["start size = 1 (of 2)", "class 40 of 40"], r"angle $\theta$"),
    (
        Picture("nc_curve", select={"f": 2}),
        ["centers, mean $f$ = 2", r"angle $\theta$ = 0.2 (of 3)", "start size = 1 (of 2)"],
        "class (10 of 40)",
    ),
    (
        Picture("nc_mean", x="class", y="f", select={"scale": 0.5}),
        [r"angle $\theta$ = 0.2 (of 3)", "start size = 0.5"],
        None,
    ),
    (Picture("value", x="f", y="theta", panels="scale"), ["start size = 0.5"], None),
    (Picture("value", x="theta", y="f", panels="scale"), ["start size = 0.5"], None),
    (Picture("value", panels="scale"), ["start size = 0.5"], r"angle $\theta$"),
]


@pytest.mark.parametrize(("picture", "fixed", "title"), PICTURES)
def test_sweeps_say_what_they_leave_out(swept, picture, fixed, title):
    figure = sweep.sweep_figure(swept, MANY, picture)
    require_readable(figure)
    assert figure.get_size_inches()[0] <= style.TWO_COLUMNS + 1e-9
    assert figure.axes[0].get_title(loc="left") == ", ".join(fixed)
    legends = [axis.get_legend() for axis in figure.axes if axis.get_legend()]
    assert [legend.get_title().get_text() for legend in legends] == [title] * (title is not None)
