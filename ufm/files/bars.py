"""Progress bars, in a terminal and in a notebook: ``tqdm``."""

import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # a notebook without widgets has bars of text
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
