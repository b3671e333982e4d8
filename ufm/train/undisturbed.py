"""To look at a network in the midst of its training, and leave all as it was."""

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn


def bare(model: nn.Module) -> nn.Module:
    """The network inside DataParallel, DistributedDataParallel and torch.compile: the same weights, called plainly."""
    inner: Any = model
    while True:
        if isinstance(inner, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = inner.module
        elif hasattr(inner, "_orig_mod"):
            inner = inner._orig_mod
        else:
            found: nn.Module = inner
            return found


def uncompiled() -> contextlib.AbstractContextManager[Any]:
    """Parts of the network that are compiled run without: else they pass by the hooks."""
    if "torch._dynamo" not in sys.modules:  # nothing is compiled, and to ask it would take seconds
        return contextlib.nullcontext()
    return torch.compiler.set_stance("force_eager")


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; each module gets its own mode back, frozen parts too."""
    before = {module: module.training for module in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for module, training in before.items():
            module.training = training


@contextlib.contextmanager
def unchanged(loader: Any) -> Iterator[None]:
    """Give back all random states that going through a loader may change: of torch, numpy, Python, and its own."""
    samplers = [getattr(loader, name, None) for name in ("sampler", "batch_sampler")]
    samplers += [getattr(each, "sampler", None) for each in samplers]
    generators = [getattr(each, "generator", None) for each in (loader, *samplers)]
    own = [(each, each.get_state()) for each in generators if isinstance(each, torch.Generator)]
    before = random.getstate(), np.random.get_state()  # noqa: NPY002  the state that datasets share
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            for generator, state in own:
                generator.set_state(state)
