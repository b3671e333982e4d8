"""KCL: features from contrast of two views, then a linear classifier on top of them."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ufm.train.methods.base import constant, wide
from ufm.train.methods.linear import CrossEntropy


class KPositiveContrast(CrossEntropy):
    r"""KCL (Kang et al. 2021), with a momentum network and a queue (He et al. 2020).

    Until the share ``stage`` of the training, with q the projection of one view, :math:`k_0` that of the other view by
    the momentum network, and :math:`k_1, \dots, k_Q` a queue of earlier ones,

    .. math::
        L = -\frac{1}{1 + |P|} \sum_{i \in \{0\} \cup P} \ln \frac{e^{\langle q, k_i \rangle / T}}
        {\sum_{j=0}^Q e^{\langle q, k_j \rangle / T}},

    P being ``positives`` entries of the queue of the same class, drawn at random, or all there are: every class is
    pulled together by equally many. Then the network stands still and a linear classifier is trained on its features by
    cross-entropy with classes weighted 1 / n_k, which stands for drawing them evenly. Until then the own rule guesses.
    """

    views = 2
    staged = True
    divisible = False  # the queue and the momentum network move on once a step

    def __init__(
        self,
        dim: int,
        class_sizes: Sequence[int],
        positives: float = 6,
        temperature: float = 0.07,
        momentum: float = 0.999,
        queue: float = 4096,
        projection: float = 128,
        stage: float = 0.8,
    ) -> None:
        # Drawn before the classifier: a seed stands for the weights that it has always stood for.
        head = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, int(projection)))
        super().__init__(dim, class_sizes)
        self.projection = head
        self.positives, self.temperature, self.momentum, self.defer = int(positives), temperature, momentum, stage
        self.queue: Tensor = nn.Buffer(functional.normalize(torch.randn(int(queue), int(projection)), dim=1))
        self.queue_labels: Tensor = nn.Buffer(torch.full((int(queue),), -1))  # no class: nobody's positive
        self.position: Tensor = nn.Buffer(torch.zeros((), dtype=torch.int64))
        rarity = 1.0 / np.asarray(class_sizes, dtype=np.float64)
        self.weights = constant(rarity / np.mean(rarity))

    def attach(self, network: nn.Module) -> None:
        """Copy network and projection: the copy follows slowly, and has no gradient."""
        self._fast = (network,)  # in a tuple, so that it is not a part of this module too
        self.slow = copy.deepcopy(nn.Sequential(network, self.projection)).requires_grad_(False)

    def loss_of_views(
        self, features: Callable[[Tensor], Tensor], images: Tensor, second: Tensor, labels: Tensor
    ) -> Tensor:
        """Mean loss of a batch, (B, C, size, size) twice, by the stage that the training is in."""
        (network,) = self._fast
        if self.late:
            network.eval()  # its statistics stand still too
            with torch.no_grad():
                fixed = features(images)
            return self.weighted(self.logits(fixed), labels, self.weights)
        queries = functional.normalize(wide(self.projection(features(images))), dim=1)
        with torch.no_grad():
            self._follow(network)
            keys = functional.normalize(wide(self.slow(second)), dim=1)
        loss = self.contrast(queries, keys, labels)
        with torch.no_grad():
            places = (self.position + torch.arange(len(keys), device=keys.device)) % len(self.queue)
            self.queue[places], self.queue_labels[places] = keys, labels
            self.position += len(keys)
        return loss

    def contrast(self, queries: Tensor, keys: Tensor, labels: Tensor) -> Tensor:
        """The loss of the class, in the mean over queries (B, m) with keys (B, m) of unit length."""
        own = (queries * keys).sum(1, keepdim=True)
        earlier = self.queue.clone()  # it moves on before the gradient is taken
        logits = torch.cat([own, queries @ earlier.T], 1) / self.temperature
        same = self.queue_labels == labels[:, None]
        drawn = torch.where(same, torch.rand_like(queries[:, :1].expand(-1, len(self.queue))), -1.0)
        best, where = drawn.topk(min(self.positives, len(self.queue)), 1)
        chosen = torch.cat([torch.ones_like(own), (best >= 0).to(own.dtype)], 1)
        log_share = logits.log_softmax(1).gather(1, torch.cat([torch.zeros_like(where[:, :1]), where + 1], 1))
        return -((chosen * log_share).sum(1) / chosen.sum(1)).mean()

    def _follow(self, network: nn.Module) -> None:
        """Move the copy's parameters by 1 - momentum towards those that are trained."""
        ours: list[Tensor] = [*network.parameters(), *self.projection.parameters()]
        torch._foreach_lerp_([*self.slow.parameters()], ours, 1.0 - self.momentum)
