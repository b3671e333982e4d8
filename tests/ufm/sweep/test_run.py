import json

import numpy as np
import pytest
import xarray

import ufm
from tests.ufm.sweep.running import SMALL, answered, contents
from ufm.files import store
from ufm.sweep.description import Sweep
from ufm.sweep.execute import run
from ufm.sweep.folder import Folder

pytestmark = pytest.mark.slow


def test_results_have_the_axes_as_dimensions_and_every_cell_is_its_own_flow(described, tmp_path):
    _, sweep, _ = described(SMALL)
    data = store.load(tmp_path / "undisturbed" / "results.nc").to_dataset()
    assert dict(data.sizes) == {"theta": 2, "scale": 3, "seed": 2, "class": 2, "time": 33}
    assert Sweep.from_dict(json.loads(data.attrs["sweep"])) == sweep
    assert json.loads(data.attrs["missing"]) == {}
    assert data.collapse_time.attrs["units"] == "flow time"
    problem = ufm.Problem((12, 3), ufm.class_aware((12, 3), 2), 0.4)
    flow = ufm.gradient_flow(problem, start=ufm.Start("gaussian", 2.0), seed=1, n_times=33)
    own = data.sel(theta=0.4, scale=2.0, seed=1)
    np.testing.assert_array_equal(own.nc_curve, flow.class_values("nc_mean"))
    np.testing.assert_array_equal(own.time, flow.times)
    assert float(own.value) == flow.value[-1]
    assert float(own.collapse_time.max()) == pytest.approx(flow.times[-1] / 1.01, rel=1e-6)


def rewritten(out, kept):
    """Write these lines in place of those that are there."""
    (out / "cells.jsonl").write_bytes(b"".join(kept))


def one_by_one(sweep, out):
    """The answers of a folder with a line for each cell, in the order of the sweep, and these lines."""
    folder = Folder(out)
    answers, _ = folder.answers(sweep)
    folder.answered.unlink()
    with folder.journal(sweep) as journal:
        for cell in sweep.cells:
            folder.put(journal, [cell], [answers[cell.key]])
    return folder.answered.read_bytes().splitlines(keepends=True)


def test_an_answer_is_found_by_the_hash_of_its_configuration_and_says_what_that_is(described, tmp_path):
    _, sweep, _ = described(SMALL)
    blocks = [json.loads(content) for content in contents(tmp_path / "undisturbed")]
    found = {
        key: block["shared"] | own for block in blocks for key, own in zip(block["keys"], block["own"], strict=True)
    }
    assert found == {cell.key: cell.configuration for cell in sweep.cells}
    assert len(blocks) < len(sweep.cells)
    assert "flow" not in blocks[0]["shared"] or "flow" not in blocks[0]["own"][0]


def test_a_folder_from_before_there_were_blocks_is_read(described, tmp_path):
    _, sweep, expected = described(SMALL)
    out, folder = tmp_path / "undisturbed", Folder(tmp_path / "undisturbed")
    answers, _ = folder.answers(sweep)
    folder.answered.unlink()
    for cell in sweep.cells:  # as these files were written
        quantities = sweep.does.quantities
        variables = {n: (quantities[n].dims, v, None, {"_FillValue": None}) for n, v in answers[cell.key].items()}
        about = {"configuration": store.to_json(cell.configuration)}
        store.save_classic(xarray.Dataset(variables, attrs=about), out / "cells" / f"{cell.key}.nc")
    assert run(sweep, out, workers=1).ran == 0
    assert folder.results.read_bytes() == expected
    victim = out / "cells" / f"{sweep.cells[3].key}.nc"
    victim.write_bytes(victim.read_bytes()[:100])
    outcome = run(sweep, out, workers=1)
    assert (outcome.ran, outcome.damaged) == (1, [str(victim)])
    assert folder.results.read_bytes() == expected
    assert run(sweep, out, workers=1).damaged == []


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_file(described, tmp_path, workers):
    _, sweep, expected = described(SMALL)
    outcome = run(sweep, tmp_path / "many", workers=workers)
    assert (outcome.ran, outcome.failed) == (12, {})
    assert (tmp_path / "many" / "results.nc").read_bytes() == expected


def test_what_is_done_is_not_done_again_and_watchers_are_told(described, tmp_path):
    _, sweep, expected = described(SMALL)
    out = tmp_path / "undisturbed"
    kept = one_by_one(sweep, out)[4:]
    rewritten(out, kept)
    seen = []
    assert run(sweep, out, workers=1, watch=lambda *pair: seen.append(pair)).ran == 4
    assert seen == [(8, 12), *((n, 12) for n in range(9, 13))]
    assert (out / "cells.jsonl").read_bytes().startswith(b"".join(kept))
    assert answered(out) == 12
    assert (out / "results.nc").read_bytes() == expected


def test_damaged_lines_are_computed_again(described, tmp_path, command):
    path, sweep, expected = described(SMALL)
    out = tmp_path / "undisturbed"
    flipped, cut, _, *whole, torn = one_by_one(sweep, out)
    middle = len(flipped) // 2
    flipped = flipped[:middle] + bytes([flipped[middle] ^ 1]) + flipped[middle + 1 :]
    rewritten(out, [whole[0], flipped, cut[:100] + b"\n", b"\n", *whole[1:], torn[:-1]])
    status, out_text, said = command("sweep", path, "--out", out, "--workers", 1)
    assert status == 0
    assert said.count("was damaged: computed again") == 3  # what a kill leaves of a last line is no damage
    assert f"line 2 of {out / 'cells.jsonl'} was damaged" in said
    assert "4 of them new" in out_text
    assert (out / "results.nc").read_bytes() == expected
    assert None not in contents(out)
    assert command("sweep", path, "--out", out, "--workers", 1)[2] == ""


def test_left_overs_of_a_kill_are_swept_away(described, tmp_path):
    _, sweep, _ = described(SMALL)
    left = tmp_path / "undisturbed" / ".cells.jsonl.0123456789abcdef.jsonl"
    left.write_bytes(b"half a file")
    run(sweep, tmp_path / "undisturbed", workers=1)
    assert not left.exists()


def test_a_cell_that_raises_takes_nobody_along(described, tmp_path, monkeypatch):
    _, sweep, expected = described(SMALL)
    from ufm.sweep.kinds.flow import Flow

    own = Flow.run

    def sour(self, cells, record, folder):
        if any(cell["flow"]["scale"] == 0.5 and cell["seed"] == 1 for cell in cells):
            raise MemoryError("too large\nby far")
        return own(self, cells, record, folder)

    monkeypatch.setattr(Flow, "run", sour)
    outcome = run(sweep, tmp_path / "out", workers=1)
    assert outcome.failed == {
        f"theta={theta}, scale=0.5, seed=1": "MemoryError: too large by far" for theta in (0.2, 0.4)
    }
    assert outcome.ran == 10
    monkeypatch.undo()
    assert run(sweep, tmp_path / "out", workers=1).ran == 2
    assert (tmp_path / "out" / "results.nc").read_bytes() == expected


def test_a_folder_has_room_for_one_process(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    with Folder(tmp_path / "undisturbed").alone():
        refused("another process is sweeping in", "sweep", path, "--out", tmp_path / "undisturbed")


def test_wrong_input_touches_nothing(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    other = tmp_path / "other.toml"
    other.write_text(SMALL.replace("0.4", "0.5"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("mine")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    for arguments, message in (
        ([other, "--out", tmp_path / "undisturbed"], "belongs to another sweep: axes differ"),
        ([path, "--out", foreign], "holds other files and no sweep"),
        ([path, "--out", foreign / "letter.txt"], "exists and is not a folder"),
        ([path, "--out", tmp_path / "new", "--max-cells", "11"], "has 12 cells, more than --max-cells=11"),
        ([path, "--out", tmp_path / "new", "--workers", "0"], "must be at least 1"),
        ([path, "--out", tmp_path / "undisturbed", "--no-resume"], "has cells already"),
        (["nowhere.toml"], "nowhere.toml"),
        ([path, "--quantity", "value"], "go with --show"),
        ([path, "--show", tmp_path / "undisturbed"], "one thing at a time"),
        (["--show", foreign], "is not the folder of a sweep"),
        (["--show", tmp_path / "undisturbed", "--select", "scale"], "is not NAME=VALUE"),
        (["--show", tmp_path / "undisturbed", "--quantity", "rate"], "is not recorded"),
        (["--fields", "flows"], "did you mean 'flow'"),
        (["--dry-run"], "go with FILE"),
        ([path, "--picture", "x.gif"], "must be a file that ends in .png, .pdf or .svg"),
        (["--show", tmp_path / "undisturbed", "--select", "f=2", "f=3"], "names an axis more than once"),
        (["--show", tmp_path / "undisturbed", "--select", "theta=99"], "there are 0.2 to 0.4"),
        (["--show", tmp_path / "undisturbed", "--select", "theta=abc"], "is not a number"),
        (["--show", tmp_path / "undisturbed", "--select", "class=abc"], "is not a number of a class"),
        (["--show", tmp_path / "undisturbed", "--quantity", "value", "--x", "seed"], "has no axis 'seed'"),
    ):
        refused(message, "sweep", *arguments)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_damaged_description_is_named(described, tmp_path, refused):
    path, _, _ = described(SMALL)
    (tmp_path / "undisturbed" / "sweep.json").write_text('{"kind": "flow"}')
    refused("sweep.json is damaged", "sweep", path, "--out", tmp_path / "undisturbed")


def test_a_dry_run_counts_estimates_and_writes_nothing(described, tmp_path, command):
    path, sweep, _ = described(SMALL)
    status, out, _ = command("sweep", path, "--out", tmp_path / "new", "--dry-run")
    assert status == 0
    assert "12 cells (2 x 3 x 2: theta, scale, seed), 0 done; about" in out
    assert not (tmp_path / "new").exists()
    _, out, _ = command("sweep", path, "--out", tmp_path / "undisturbed", "--dry-run", "--json")
    assert json.loads(out) == {"cells": 12, "done": 12, "seconds": None, "bytes": None}
    (tmp_path / "undisturbed" / "results.nc").unlink()
    rewritten(tmp_path / "undisturbed", one_by_one(sweep, tmp_path / "undisturbed")[1:])
    _, out, _ = command("sweep", path, "--out", tmp_path / "undisturbed", "--dry-run", "--json")
    said = json.loads(out)
    assert said["done"] == 11
    assert 0 < said["seconds"] < 60
    assert said["bytes"] > 1e7


def test_lists_teach(command):
    _, out, _ = command("sweep")
    assert out.splitlines()[0].startswith("collapse-time")
    _, out, _ = command("sweep", "--json")
    assert set(json.loads(out)["sweeps"]) >= {"collapse-time", "gcr-gain", "null-space", "phase"}
    _, out, _ = command("sweep", "--fields", "training")
    assert "weight_decay" in out
    assert "accuracy_gcr" in out
