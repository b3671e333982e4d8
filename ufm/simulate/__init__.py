"""What happens in time: gradient flows and descents, of fixed and of learned frames.

It may use :mod:`ufm.problems` and :mod:`ufm.files`; of theory only definitions. It knows no prediction.
"""

from ufm.simulate import feature_flow, flow

__all__ = ["feature_flow", "flow"]
"""What registers flows: whoever loads any of the room has all of them."""
