"""Checks that need nothing but a minimiser and its certificate."""

from collections.abc import Iterator

import numpy as np

from ufm.certify.report import Check
from ufm.minimize.certificate import Proven, verify
from ufm.minimize.full import FullGeometry
from ufm.minimize.learned import CLOSED


def bound_checks(solution: Proven, scale: float = 1.0) -> Iterator[Check]:
    """The gap is closed, and the stored multiplier proves the bound, computed again from the problem.

    Nothing is checked of a solution of which nothing is proved.
    """
    if solution.certificate is None:
        return
    yield Check.compare("gap to the dual bound", "duality", 0.0, solution.gap, absolute=CLOSED * scale)
    try:
        again = verify(solution.certificate, solution.problem, frame=solution.frame)
    except ValueError:  # the proof is one of something else
        again = np.nan
    name = "bound, computed again from its multiplier"
    yield Check.compare(name, "ufm.verify", solution.bound, again, absolute=1e-12 * scale)


def full_checks(found: FullGeometry) -> Iterator[Check]:
    r"""Collapse, and balance of weights and features, of all samples: what both cost is at most the gap.

    Factors a b of the logits whose squares cost g more than the nuclear norm have :math:`|a - U b^\top|^2 \le 2 g` with
    its polar factor U, so :math:`|a^\top a - b b^\top| \le (|a| + |b|) |a - U b^\top|`, up to g: at most
    :math:`\sqrt{8 g}` times the root of what they cost. By convexity the slope along the bias is a root as well.
    """
    closed, source = CLOSED * found.scale, "ufm.minimize.full"
    yield Check.compare("collapse: cost of scatter within classes", source, 0.0, found.scatter, absolute=closed)
    yield Check.compare("balance: cost above the nuclear norm", source, 0.0, found.excess, absolute=closed)
    root = float(np.sqrt(8.0 * closed * found.scale))
    yield Check.compare("balance: lam_W W'W - lam_H HH'", source, 0.0, found.imbalance, absolute=root)
    yield Check.compare("slope along the bias", source, 0.0, found.bias_slope, absolute=float(np.sqrt(2.0 * closed)))
