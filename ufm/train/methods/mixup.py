"""Mixup, for every method with a loss."""

import numpy as np
import torch
from torch import Tensor


def mixup(images: Tensor, labels: Tensor, alpha: float, seed: int) -> tuple[Tensor, Tensor, float]:
    r"""Mixup (Zhang et al. 2018): images of two samples, mixed in one share per batch; a function of ``seed``.

    :math:`\ell \sim \mathrm{Beta}(a, a)`; images :math:`\ell x_a + (1 - \ell) x_b`, b a permutation of the batch.
    Returns these (B, ...), the labels (B,) of b, and the share, for :meth:`Method.loss`; a = 0 mixes nothing.
    """
    if alpha == 0:
        return images, labels, 1.0
    rng = np.random.default_rng(seed)
    share = float(rng.beta(alpha, alpha))
    other = torch.as_tensor(rng.permutation(len(labels)), device=labels.device)
    return torch.lerp(images[other], images, share), labels[other], share
