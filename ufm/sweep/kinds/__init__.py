"""What can be done at the cells of a sweep: each file of this folder with a ``KIND`` is one, by the file's name."""

import sys
from collections.abc import Mapping

from ufm.files.folder import modules_in
from ufm.sweep.kinds.base import Answer, Kind, Quantity

KINDS: Mapping[str, Kind] = {
    name: module.KIND for name, module in modules_in(sys.modules[__name__]).items() if hasattr(module, "KIND")
}

__all__ = ["KINDS", "Answer", "Kind", "Quantity"]
