import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from figures.commands.design import design_figure
from tests.readable import require_readable
from ufm.certify.design import CRITERIA, Design, evaluate, rank, tradeoffs
from ufm.commands import main as cli
from ufm.measure import montecarlo, rules
from ufm.problems.frames import dense

SIZES = (200, 60, 20, 6)


def design(capsys, *arguments):
    status = cli.main(["design", *map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.slow
@pytest.mark.parametrize("choice", [("class-aware", 6, 0.3), ("uniform", 3, 0.8), ("apportioned", 4, 0.1)])
def test_a_design_says_what_simulation_finds(choice):
    said = evaluate(*choice, SIZES)
    problem = ufm.Problem(SIZES, said.centers, said.theta, said.dim)
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    directions = dense(frame.mean_directions)
    cosines = [float(directions[k] @ frame.classifier_row(k)) for k in range(4)]
    assert said.angle == pytest.approx(np.degrees(np.arccos(min(cosines))))
    inverse = 1.0 / np.array(SIZES)
    shares = inverse / inverse.sum()
    n = 200_000
    right = montecarlo.accuracy(frame, rules.generalized, shares, n)
    assert said.gain == pytest.approx(float(right.mean) - 0.25, abs=4 * float(right.standard_error))
    if said.rate > 0:  # on the unit sphere the flow's time is the clock's
        flow = ufm.gradient_flow(problem, start=ufm.Start("sphere"), until_nc=1e-100, n_times=2000)
        curves, slopes = np.log(10.0) * flow.class_values("nc_log10_mean"), []
        for curve in curves.T:
            first, *_, last = np.flatnonzero((curve < np.log(1e-60)) & (curve > np.log(1e-100)))
            slopes.append((curve[first] - curve[last]) / (flow.times[last] - flow.times[first]))
        assert min(slopes) == pytest.approx(said.rate, rel=1e-3)


designs = st.builds(
    Design,
    st.sampled_from(["uniform", "class-aware"]),
    st.integers(1, 9),
    st.floats(0, 1.5),
    st.just((1, 2)),
    *(st.integers(0, 3).map(float) for _ in range(3)),
    st.integers(1, 4),
)


@given(st.lists(designs, min_size=1, max_size=12), st.sampled_from([None, *CRITERIA]))
def test_ranking_keeps_all_and_marks_what_nothing_beats(several, by):
    ranked = rank(several, by)
    assert len(ranked) == len(several)
    scores = [[score(d) for score in CRITERIA.values()] for d in ranked]
    for own, d in zip(scores, ranked, strict=True):
        beaten = any(all(a <= b for a, b in zip(o, own, strict=True)) and o != own for o in scores)
        assert d.pareto == (not beaten)
    if by is not None:
        values = [CRITERIA[by](d) for d in ranked]
        assert values == sorted(values)
    assert any(d.pareto for d in ranked)
    assert len(tradeoffs(ranked)) >= 3


def test_uniform_centers_gain_nothing_and_a_single_center_has_no_rate():
    assert evaluate("uniform", 5, 0.3, SIZES).gain == 0.0
    assert evaluate("apportioned", 2, 0.3, SIZES).rate == 0.0
    fastest, _, gain, stuck, *_ = tradeoffs([evaluate("apportioned", 2, 0.3, SIZES)])
    assert fastest == "Fastest: none, some class of each collapses algebraically."
    assert gain.startswith("Largest gain of GCR: apportioned, f = 2, theta = 0.3: +")
    assert "coincide: apportioned, f = 2" in stuck
    assert tradeoffs([evaluate("uniform", 2, 0.3, (5, 5))])[2:] == ["Largest gain of GCR: none."]


def test_the_command_ranks_explains_and_draws(capsys, tmp_path):
    picture = tmp_path / "design.png"
    few = ["--f", "2", "5", "--theta", "0.2", "0.6"]
    status, out, _ = design(capsys, "--class-sizes", "200,60,20,6", *few, "--by", "gain", "--picture", picture)
    assert status == 0
    assert picture.stat().st_size > 5000
    rows = [line for line in out.splitlines() if "°" in line]
    gains = [float(row.split("%")[0].split()[-1]) for row in rows]
    assert gains == sorted(gains, reverse=True)
    assert len(rows) == 12
    assert "Largest gain of GCR: " in out
    _, out, _ = design(capsys, "--class-sizes", "200,60,20,6", *few, "--dim", 20, "--json")
    found = json.loads(out)["designs"]
    assert {d["dim"] for d in found} == {12}
    assert {d["f"] for d in found} == {2}


def test_the_picture_shows_every_design():
    several = rank(
        [evaluate(rule, f, theta, SIZES) for rule in ("uniform", "class-aware") for f in (2, 4) for theta in (0.2, 0.5)]
    )
    figure = design_figure(several)
    rows = np.array(figure.axes).reshape(2, 2)
    for row, value in zip(rows, (lambda d: 100 * d.gain, lambda d: d.rate), strict=True):
        for axis, rule in zip(row, [axis.get_title(loc="left") for axis in rows[0]], strict=True):
            drawn = {tuple(np.round(point, 9)) for part in axis.collections for point in part.get_offsets()}
            assert drawn == {tuple(np.round((d.angle, value(d)), 9)) for d in several if d.rule == rule}
    require_readable(figure)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one of --preset, --class-sizes, --labels and --n-classes is needed"),
        (["--preset", "toy", "--n-classes", "3"], "not --preset and --n-classes"),
        (["--n-classes", "3"], "needs --n-max"),
        (["--class-sizes", "3,2", "--tau", "0.1"], "belongs to --preset or --n-classes"),
        (["--class-sizes", "3,2", "--n-max", "4"], "goes with --n-classes"),
        (["--class-sizes", "3,2", "--rules", "fair"], "centers 'fair' is unknown"),
        (["--class-sizes", "3,2", "--theta", "2.0"], "theta=2.0 is outside [0, pi/2]"),
        (["--class-sizes", "3,2", "--f", "0"], "must be at least 1"),
        (["--class-sizes", "3,2", "--dim", "3"], "the smallest takes 4"),
        (["--class-sizes", "3,2", "--top", "0"], "top=0"),
        (["--class-sizes", "3,2", "--picture", "x.gif"], "must be a file that ends in .png, .pdf or .svg"),
    ],
)
def test_wrong_input(capsys, arguments, message):
    status, out, said = design(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in said
    assert said.count("\n") == 1
