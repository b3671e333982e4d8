"""What can be done at the cells of a sweep."""

from collections.abc import Mapping

from ufm.sweep.kinds.base import Answer, Kind, Quantity
from ufm.sweep.kinds.decision import Decision
from ufm.sweep.kinds.flow import Flow
from ufm.sweep.kinds.minimum import Minimum
from ufm.sweep.kinds.training import Training

KINDS: Mapping[str, Kind] = {"flow": Flow(), "minimum": Minimum(), "decision": Decision(), "training": Training()}

__all__ = ["KINDS", "Answer", "Kind", "Quantity"]
