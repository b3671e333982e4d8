"""Tables of kept decisions, against loops over what was kept."""

import json
import re

import numpy as np
import pytest

import ufm
from tests.ufm.certify.test_decided import features
from ufm.certify.decided import decide
from ufm.problems.frames import multi_center_frame
from ufm.tables.decided import SHOWN, kinds, read


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Two kinds of training with two seeds each; the second is far from collapse."""
    frame = multi_center_frame(ufm.Problem((300, 200, 100, 60, 30, 10), (2, 3, 4, 5, 6, 8), 0.4))
    found = []
    for seed in (0, 1):
        for method, sigma in (("CAL", 0.03), ("P", 0.4)):
            train = features(frame, seed=2 * seed, n=60, r=1.0, sigma=sigma)
            test, labels = features(frame, seed=2 * seed + 1, n=60, r=0.8, sigma=0.3)
            title = f"{method} on cifar10, tau 0.01, convnet, seed {seed}, class-aware centers, f 20, lr {sigma}"
            found.append(decide(*train, test, labels, frame, title=title, own=labels).to_dict())
    path = tmp_path_factory.mktemp("kept") / "mine.json"
    path.write_text(json.dumps({"decisions": found}))
    return path, found


def cell(table, row, column):
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*(?:e-?\d+)?", table.loc[row, column])]


def test_trainings_that_differ_in_their_seed_are_one_kind(kept):
    _, found = kept
    assert {kind: len(each) for kind, each in kinds(found).items()} == {"CAL, lr 0.03": 2, "P, lr 0.4": 2}
    assert {kind: len(each) for kind, each in kinds(found[:1]).items()} == {
        "CAL, cifar10, tau 0.01, convnet, class-aware centers, f 20, lr 0.03": 1
    }


def named(*titles):
    return [*kinds([{"title": title} for title in titles])]


def test_what_most_kinds_share_is_left_out_unless_that_makes_two_of_one():
    long = [f"{each}, lr 0.2" for each in ("CAL on c, seed 0, f 5", "CAL on c, seed 1, f 20", "AL on c, seed 0, f 20")]
    assert named(*long) == ["CAL, f 5", "CAL", "AL"]
    assert named("CAL on c", "CAL on c, f 5", "AL on c, f 5", "P on c, f 5") == [
        *("CAL", "CAL, f 5", "AL, f 5", "P, f 5")
    ]


def test_tables_are_means_and_counts_over_seeds(kept):
    path, found = kept
    decisions = read(str(path))
    shown = {name: make(decisions) for name, make in SHOWN.items()}
    for i, kind in enumerate(("CAL, lr 0.03", "P, lr 0.4")):
        tables = [each["tables"] for each in found[i::2]]
        for column, rule in (("RCR", "rcr"), ("GCR", "gcr"), ("nearest mean center", "nearest")):
            mean = [sum(t["accuracy"]["none"][rule][j] for t in tables) / 2 for j in (0, 1)]
            np.testing.assert_allclose(cell(shown["accuracy"], kind, column), 100 * np.array(mean), atol=0.051)
        assert cell(shown["accuracy"], kind, "own rule") == [100.0, 100.0]
        ends = [t["nc"] for t in tables]
        assert cell(shown["estimates"], kind, "NC, worst class") == pytest.approx([min(ends), max(ends)], rel=0.051)
        thirds = [np.mean([t["test"]["r"][k] for t in tables for k in third]) for third in ((0, 1), (4, 5))]
        np.testing.assert_allclose(cell(shown["estimates"], kind, "r, test"), thirds, rtol=0.006)
        measured = sum(t["premises"]["rcr"]["measured"] for t in tables) / 2
        assert cell(shown["premises"], f"{kind}: RCR", "measured") == [pytest.approx(100 * measured, abs=0.051)]


def test_what_does_not_hold_before_collapse_is_not_refuted(kept):
    _, found = kept
    table = SHOWN["verdicts"](found)
    assert table.index.name == "4 trainings"
    early = [bool(each.get("not_converged")) for each in found]
    assert early == [False, True, False, True]
    for name in table.index:
        checks = [
            (check["holds"], is_early)
            for each, is_early in zip(found, early, strict=True)
            for check in each["checks"]
            if check["name"] == name
        ]
        held, refuted, waiting = (int(table.loc[name, column]) for column in ("held", "refuted", "not converged"))
        assert held == sum(holds for holds, _ in checks)
        assert waiting == sum(not holds and is_early for holds, is_early in checks)
        assert refuted == len(checks) - held - waiting


def test_from_the_command_line(kept, tmp_path, command, refused):
    path, _ = kept
    for what in SHOWN:
        status, out, _ = command("decide", "--kept", path, "--show", what)
        assert status == 0
        assert out.count("\n| ") >= 2
    assert command("decide", "--kept", "decisions")[0] == 0
    refused("--show verdicts is of what --kept names", "decide", tmp_path, "--show", "verdicts")
    kept_before = json.loads(path.read_text())
    for each in kept_before["decisions"]:
        del each["tables"]["premises"]
    (tmp_path / "before.json").write_text(json.dumps(kept_before))
    refused("did not know of 'premises'", "decide", "--kept", tmp_path / "before.json", "--show", "premises")
    for more in (("--json",), ("--data", tmp_path), (tmp_path,)):
        refused("neither trainings nor --data nor --json", "decide", "--kept", path, *more)
    refused("no.json", "decide", "--kept", tmp_path / "no.json")
    (tmp_path / "other.json").write_text('{"results": []}')
    refused("keeps no decisions", "decide", "--kept", tmp_path / "other.json")
    (tmp_path / "broken.json").write_text('{"results":')
    refused("broken.json: not valid JSON", "decide", "--kept", tmp_path / "broken.json")


@pytest.mark.parametrize(
    ("name", "held", "message"),
    [
        ("sweep.toml", b'sweep = "grid"\n', "sweep.toml: not valid JSON"),
        ("h.npy", b"\x93NUMPY\xff", "h.npy is not a text file in UTF-8"),
        ("list.json", b"[1]", "list.json: what it keeps is a JSON object"),
        ("number.json", b'{"decisions": 5}', "number.json keeps no decisions"),
        ("numbers.json", b'{"decisions": [1]}', "numbers.json keeps no decisions"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path, refused, name, held, message):
    (tmp_path / name).write_bytes(held)
    refused(message, "decide", "--kept", tmp_path / name)


def test_a_folder_is_named_and_a_byte_order_mark_is_no_error(kept, tmp_path, command, refused):
    path, _ = kept
    (tmp_path / "folder.json").mkdir()
    refused("folder.json is not a file", "decide", "--kept", tmp_path / "folder.json")
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert command("decide", "--kept", tmp_path / "marked.json")[1] == command("decide", "--kept", path)[1]
