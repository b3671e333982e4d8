"""The imbalance ratio is defined as n_max / n_min and used as n_min / n_max everywhere else."""

import numpy as np

from theory.multicenter.geometry import Array
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import LONG_TAIL

CLAIM = Claim(
    id="erratum-9",
    section="Errata",
    verdict="fails",
    source="section 4.1",
    latex=r"\tau = n_{\min} / n_{\max}, \qquad n_k = \lfloor n_{\max} \tau^{(k-1)/(K-1)} \rfloor",
    printed=r"\tau = n_{\max} / n_{\min}",
    hypotheses="Long-tailed sizes.",
    functions=("ufm.problems.sizes.long_tailed_sizes",),
    tests=("tests/ufm/problems/test_problem.py::test_totals_of_the_paper",),
)


def evidence() -> Evidence:
    def tail(tau: float) -> Array:
        return np.floor(5000 * tau ** (np.arange(10) / 9) + 1e-9)

    name = "class sizes of CIFAR-10-LT, tau = n_min / n_max = 0.01"
    yield compare(name, "the sizes used by everyone", LONG_TAIL, tail(0.01), printed=tail(100.0))
