import numpy as np
import pytest

from ufm.measure.rules import RULES
from ufm.train.extract import extract
from ufm.train.run import Run


@pytest.fixture
def run(tmp_path, command):
    """A training of one epoch on the embedded digits."""
    settings = ("--epochs", 1, "--network", "mlp", "--f", 3, "--n-max", 60, "--threads", 1)
    assert command("train", *settings, "--out", tmp_path / "run")[0] in (0, 1)
    return Run(tmp_path / "run")


@pytest.mark.slow
def test_features_decide_as_the_record_says(run, tmp_path):
    found, data = extract(run), run.record().data
    for split, each in (("train", found.train), ("test", found.test)):
        decided = {"own": each.own, **{name: rule(each.features, found.frame) for name, rule in RULES.items()}}
        for name, classes in decided.items():  # but for two samples on a boundary, which other batches round otherwise
            share = np.mean(classes == each.labels)
            assert float(data.accuracy.sel(split=split, rule=name)[-1]) == pytest.approx(share, abs=2.5 / len(classes))
    (run.folder / "checkpoints").rename(tmp_path / "away")
    with pytest.raises(ValueError, match="no checkpoint: there is no network"):
        extract(run)
