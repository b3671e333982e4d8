"""Curves for TensorBoard."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path


def writer(folder: Path) -> Callable[[int, Mapping[str, float]], None]:
    """A function that adds the numbers of an epoch to the curves in ``folder``.

    Raises ValueError if tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError("--tensorboard needs tensorboard: pip install tensorboard") from None
    curves = SummaryWriter(str(folder))

    def add(epoch: int, numbers: Mapping[str, float]) -> None:
        for name, value in numbers.items():
            if not math.isnan(value):  # before the first step there is no loss
                curves.add_scalar(name, value, epoch)
        curves.flush()

    return add
