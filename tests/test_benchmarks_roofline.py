"""The roofline: every verb is counted and timed, and a row that is far says why."""

import json

import numpy as np
import pytest

import ufm
from benchmarks import roofline, tables, verbs
from benchmarks.roofline import Machine
from benchmarks.verbs import VERBS, Need


def test_the_time_needed_is_that_of_the_narrower_of_the_two():
    machine = Machine(bandwidth=10.0, rate=100.0)
    assert machine.needs(Need(bytes=20.0, operations=100.0)) == 2.0
    assert machine.needs(Need(bytes=20.0, operations=300.0)) == 3.0


def test_a_row_says_why_only_where_it_is_far():
    machine = Machine(bandwidth=1e9, rate=1e10)
    said = {"bytes": 1e6, "operations": 1e6}
    rows = {"measure": {**said, "processor": 0.0199}, "sweep": {**said, "processor": 0.0202}}
    head, near, far = roofline.lines_of(rows, machine)
    assert head[1:6] == ["MB", "million operations", "ms needed", "ms taken", "ratio"]
    assert near[1:] == ["1", "1", "1", "19.9", "19.9", ""]
    assert far[1:] == ["1", "1", "1", "20.2", "20.2", VERBS["sweep"].why]


def test_calls_are_repeated_until_they_took_long_enough(monkeypatch):
    clock = iter([0.0, 3.0, 3.0, 4.0, 4.0, 6.0])
    monkeypatch.setattr(roofline.time, "process_time", lambda: next(clock))
    assert roofline.fastest(lambda: "said", 6.0) == (1.0, "said")
    assert next(clock, None) is None


def test_the_machine_is_measured():
    machine = roofline.machine(tiny=True)
    assert machine.bandwidth > 0.0 < machine.rate


@pytest.mark.slow  # the first flow of a process loads what is compiled
@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_needs_and_takes_time(name):
    said = roofline.measured(name, tiny=True)
    assert min(said["processor"], said["bytes"], said["operations"]) > 0.0
    assert VERBS[name].job.__doc__
    assert VERBS[name].why


def test_what_measuring_needs_is_three_products_and_two_readings():
    run, need = verbs.measure(tiny=True)
    n, d, k = 300, 8, 3
    assert need(None) == Need(2 * 4 * n * d, 2 * n * (d * (k - 1) + (k - 1) * k + d * k))
    assert np.isfinite(run().nc1)


def test_products_of_a_minimum_are_counted_at_their_sizes():
    run, need = verbs.minimize(tiny=True)
    solution = run()
    rows = columns = rank = 3
    products, points = solution.stats["products"], solution.stats["iterations"]
    assert isinstance(solution.problem, ufm.FeatureModel)
    assert need(solution) == Need(8 * 9, (12 * products + 6 * points) * rows * columns * rank)


def test_what_radii_need_is_a_product_with_all_centers():
    run, need = verbs.radii(tiny=True)
    n, centers, dim = 30, 6, 8
    assert run().radius.shape == (n,)
    assert need(None) == Need(8 * n * dim, 2 * n * centers * dim + 30 * n * 3)


@pytest.mark.slow
def test_a_step_of_a_network_is_counted_as_a_slow_count_has_it():
    """Six convolutions of 3 x 3 and a linear layer, each twice more backwards, but the first one once."""
    _, need = verbs.training(tiny=True)
    sides = {(3, 32): 16, (32, 32): 16, (32, 64): 8, (64, 64): 8, (64, 128): 4, (128, 128): 4}
    forwards = [9 * narrow * wide * side**2 for (narrow, wide), side in sides.items()]
    assert need(None).operations == pytest.approx(128 * (3 * sum(forwards) - forwards[0]), rel=2e-3)  # the linear layer


def test_rows_become_a_table_that_is_kept(tmp_path, monkeypatch, capsys):
    def row(name, *, tiny):
        machine = {"bandwidth": 1e9, "rate": 1e10}
        return machine if name == "machine" else {"processor": 1.0, "bytes": 1e6, "operations": 1e6}

    monkeypatch.setattr(roofline, "in_a_process", row)
    monkeypatch.setattr(tables, "KEPT", tmp_path / "speed.json")
    roofline.main(["--save", "--quick"])
    (table,) = tables.load(tmp_path / "speed.json").values()
    assert table.command == "python -m benchmarks roofline --quick"
    assert table.title.endswith("tiny sizes in place of those named, copies at 1 GB/s, products at 10 GFLOP/s")
    assert len(table.rows) == 1 + len(VERBS)
    assert table.title in capsys.readouterr().out


@pytest.mark.slow
def test_a_row_comes_from_a_process_of_its_own():
    said = roofline.in_a_process("predict", tiny=True)
    assert set(json.loads(json.dumps(said))) == {"processor", "bytes", "operations"}
