"""The picture of a training shows its record and its predictions."""

import numpy as np
import pytest

from figures.commands.train import training_figure
from tests.readable import require_readable
from ufm.commands import main as cli
from ufm.train.run import Run


@pytest.mark.parametrize("method", ["CAL", "CE"])
def test_training_figure(tmp_path, method, capsys):
    smoke = ("train", "--smoke", "--network", "mlp", "--threads", "1", "--method", method, "--out", str(tmp_path))
    assert cli.main(smoke) == 0
    record, said = Run(tmp_path).evidence()
    data = record.data
    figure = training_figure(data, said)
    require_readable(figure)
    collapse, variability, accuracy, gram, _ = figure.axes
    assert [axis.get_xlabel() for axis in (collapse, variability, accuracy)] == ["epoch"] * 3
    assert collapse.get_title(loc="left") == data.attrs["title"]
    assert collapse.get_ylabel() == {"CAL": "NC to the mean center", "CE": "NC to the own class mean"}[method]
    for k in (0, 9):
        line = collapse.lines[k]
        np.testing.assert_array_equal(line.get_xdata(), data.epoch)
        curve = data.nc_mean.sel(split="train").isel({"class": k})
        np.testing.assert_allclose(line.get_ydata(), np.maximum(curve, 1e-12))  # a class of one image is at 0 for CE
    predicted = {each["quantity"]: each["predicted"] for each in said["predictions"]}
    dotted = [
        line.get_ydata()[0] for line in variability.lines if line.get_linestyle() == ":" and len(line.get_ydata())
    ]
    np.testing.assert_allclose(dotted, predicted.get("variability", []))
    assert len(accuracy.lines) == data.sizes["rule"]
    for line, rule in zip(accuracy.lines, data.rule.values, strict=True):
        np.testing.assert_allclose(line.get_ydata(), 100 * data.accuracy.sel(split="test", rule=rule))
    np.testing.assert_array_equal(gram.images[0].get_array(), data.gram.isel(epoch=-1).sel(split="train"))
    assert gram.get_xlim() == (0.5, 10.5)
