"""Stochastic gradient descent with momentum, by torch's function for it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd


class SGD:
    """What ``torch.optim.SGD`` does, bit for bit, without its class, which loads torch's compiler: that takes longer
    than the first epoch of a small network.

    named_parameters : names and parameters, in order. momentum, weight_decay : each >= 0.

    >>> weight = nn.Parameter(torch.tensor([1.0]))
    >>> descent = SGD([("weight", weight)], momentum=0.5, weight_decay=1.0)
    >>> (weight**2).sum().backward()
    >>> descent.step(0.25)
    >>> weight.item(), descent.momenta["weight"].item()
    (0.25, 3.0)
    """

    def __init__(
        self, named_parameters: Iterable[tuple[str, nn.Parameter]], momentum: float, weight_decay: float
    ) -> None:
        self.parameters = dict(named_parameters)
        self.constants: dict[str, Any] = {"momentum": momentum, "weight_decay": weight_decay, "dampening": 0.0}
        self.constants |= {"nesterov": False, "maximize": False}
        self.momenta: dict[str, Tensor] = {}
        """By name, from the first step on; none if there is no momentum."""

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step of length ``rate`` against the gradients of the parameters, which are taken away from them.

        A parameter without a gradient stays.
        """
        moving = {name: each for name, each in self.parameters.items() if each.grad is not None}
        self.move(moving, rate)
        for each in moving.values():
            each.grad = None

    def move(self, moving: dict[str, nn.Parameter], rate: float) -> None:
        """Change parameters that have gradients, and their momenta."""
        gradients = [each.grad for each in moving.values() if each.grad is not None]
        momenta = [self.momenta.get(name) for name in moving]
        sgd(list(moving.values()), gradients, momenta, lr=rate, **self.constants)
        self.momenta |= {name: each for name, each in zip(moving, momenta, strict=True) if each is not None}
