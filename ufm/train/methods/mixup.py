"""Mixup, for every method with a loss."""

import numpy as np
import torch
from torch import Tensor

from ufm.train.methods.base import Method


class Mixup:
    r"""Mixup (Zhang et al. 2018): images and losses of two samples, mixed in one share per batch.

    :math:`\ell \sim \mathrm{Beta}(a, a)`; images :math:`\ell x_a + (1 - \ell) x_b`, loss
    :math:`\ell L(h, y_a) + (1 - \ell) L(h, y_b)`, b a permutation of the batch. Works for every method with a loss.
    """

    def __init__(self, alpha: float) -> None:
        """Keep a; 0 mixes nothing."""
        self.alpha = alpha

    def __call__(self, images: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor, float]:
        """Mixed images (B, ...), the second labels (B,), and the share of the first; a function of ``seed``."""
        if self.alpha == 0:
            return images, labels, 1.0
        rng = np.random.default_rng(seed)
        share = float(rng.beta(self.alpha, self.alpha))
        other = torch.as_tensor(rng.permutation(len(labels)), device=labels.device)
        return torch.lerp(images[other], images, share), labels[other], share

    @staticmethod
    def loss(method: Method, features: Tensor, labels: Tensor, others: Tensor, share: float) -> Tensor:
        """See the class."""
        vectors = method.prepare(features)
        loss = method.loss_of(vectors, labels)
        return loss if share == 1.0 else share * loss + (1.0 - share) * method.loss_of(vectors, others)
