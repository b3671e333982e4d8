"""NC0: what holds of the classifier alone, and of its bias."""

import numpy as np

from ufm.measure.metric import LeftOut, metric
from ufm.measure.statistics import Statistics


@metric(source="proved for cross-entropy with weight decay: ufm zoo nc0", bounds="[0, 1]", collapse="0")
def nc0_row_sum(s: Statistics) -> float:
    r""":math:`|\sum_k w_k| / \sum_k |w_k|`, over all K rows, absent classes too."""
    rows = s.full_classifier
    if not rows.any():
        raise LeftOut("weights are 0")
    return float(np.linalg.norm(rows.sum(axis=0)) / np.linalg.norm(rows, axis=1).sum())


@metric(source="Zhu et al. 2021", bounds="[0, inf)", collapse="0")
def bias_collapse(s: Statistics) -> float:
    r""":math:`|W \mu_G + b|`: the bias undoes the global mean, and no class has a logit ahead."""
    return float(np.linalg.norm(s.scores[s.present] + s.classifier @ s.global_mean))
