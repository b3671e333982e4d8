r"""NC0, the law of collapse that holds at every step of a training, whatever the network and the images.

Gradients of a cross-entropy by the K logits of a sample add up to 0: with logit adjustment, weights and temperatures of
classes, label smoothing and Mixup too. So do the gradients of the rows :math:`(w_k, b_k)` of the linear classifier, and
what is left of SGD for their sum s is weight decay (Zhao et al. 2026; the recursion is ours): with momentum mu, decay
wd and learning rates eta_t

.. math::
    v_{t+1} = \mu v_t + \mathrm{wd}\, s_t, \qquad s_{t+1} = s_t - \eta_t v_{t+1}, \qquad v_0 = 0,

so that :math:`s_t = a_t s_0` with numbers a_t that follow from the configuration. The order is that of torch's SGD:
decay joins the gradient, that joins the momentum without dampening, and the step is eta_t times the momentum, not
Nesterov's. A gradient that is scaled as a whole before decay joins it, as clipping by the norm does, changes nothing;
decay that is decoupled from the gradient, and steps that are scaled entry by entry, break the law.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufm.train.catalogue import METHODS
from ufm.train.config import Config

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]

QUANTITY = "row_sum"
NAME = "NC0: sum of the classifier's rows, error over rounding"


def factors(config: Config, n_images: int) -> Array:
    """The factors a_t after t = 0, ..., T steps of a training on that many images, (T + 1,)."""
    steps = config.epochs * config.steps_per_epoch(n_images)
    momentum, factor, path = 0.0, 1.0, [1.0]
    for step in range(steps):
        momentum = config.momentum * momentum + config.weight_decay * factor
        factor -= config.rate_of_step(step, n_images) * momentum
        path.append(factor)
    return np.array(path)


def error(data: "xarray.Dataset") -> float:
    """Largest distance of s from the recursion over all records of a training, in units of :func:`rounding`.

    NaN where the record does not have s from the first step on.
    """
    if QUANTITY not in data or data.step.values[0] != 0:
        return np.nan
    config = Config.from_json(data.attrs["configuration"])
    path = factors(config, int(data.class_size.sum()))[data.step.values.astype(int)]
    sums = data.row_sum.values
    missed = np.linalg.norm(sums - path[:, None] * sums[0], axis=1)[1:]
    return float(np.max(missed / rounding(data, config)[1:], initial=0.0))


def rounding(data: "xarray.Dataset", config: Config) -> Array:
    r"""What rounding may add to s until each record of a training, as a length, (n_records,).

    .. math::
        \varepsilon \left[ \sqrt K\, |W|\, t
        + (2 + \tfrac32 \ln K)\, |(h, 1)|\, \frac{\sum_{\tau < t} \eta_\tau}{1 - \mu} \right]

    Each step rounds every entry of the rows W by half of epsilon, and so do training and recursion together all rows
    by :math:`\varepsilon \sum_k |w_k| \le \varepsilon \sqrt K |W|`. A softmax
    :math:`e^{(z_k - \max z) - \ln \sum}` rounds its exponent by :math:`|\ln p_k| + 1` epsilon, and the logarithm by
    :math:`\frac12 (\ln K + 1)`; the entropy is at most ln K, so that the gradients of the logits add up to at most
    :math:`2 + \frac32 \ln K` epsilon in place of 0. That multiplies the feature, and a gradient moves s by
    :math:`\eta / (1 - \mu)` in all. Both can have the same sign at every step. Sums over the batch and momentum round
    to either side: what they add grows like the root of t, and is left out.

    |W| and h are the largest of all records; h is the mean norm of a class.
    """
    n_classes, step = data.sizes["class"], data.step.values
    feature = np.hypot(np.nanmax(data.norm_mean.sel(split="train").values, initial=0.0), 1.0)
    stored = np.sqrt(n_classes) * float(data.row_size.max()) * step
    softmax = (2.0 + 1.5 * np.log(n_classes)) * feature * data.clock.values / (1.0 - config.momentum)
    return float(np.finfo(data.attrs["weights"].removeprefix("torch.")).eps) * (stored + softmax)


def notes(stated: Mapping[str, Any]) -> list[str]:
    """Why nothing was predicted: the method is none that the law speaks of, or the training began before it was."""
    if any(each["quantity"] == QUANTITY for each in stated["predictions"]):
        return []
    exempt = METHODS[stated["method"]].exempt
    return [
        f"NC0: not applicable to {stated['method']}: {exempt}"
        if exempt
        else "NC0: this training began before it was predicted"
    ]
