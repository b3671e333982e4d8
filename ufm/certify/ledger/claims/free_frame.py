"""With the frame free among orthonormal ones, every frame is optimal, the value is the same, and frame and features
trained together end in NCMC. Without orthogonality, unit centers and features of all classes on one direction reach
loss 0: that is why the frame is fixed.
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.free_centers import train_free_centers
from ufm.certify.ledger.simulations import COSINE, SEED
from ufm.certify.predict import predict
from ufm.minimize.solve import minimize
from ufm.problems.frames import multi_center_frame
from ufm.simulate.flow import gradient_flow

CLAIM = Claim(
    id="free-frame",
    section="Minimisers",
    latex=r"\min_H L(W, H) = \sum_k n_k \beta_k f_k (1 - c_k)^2 \text{ for every multi-center frame } W",
    hypotheses="Cosine loss.",
    derivations=("cosine_minimum",),
    functions=("theory.multicenter.minimum.cosine_minimum",),
    tests=(
        "tests/ufm/problems/test_losses.py::test_no_value_below_the_proven_minimum",
        "tests/ufm/minimize/test_phase.py::test_training_together_is_certified",
    ),
)


def evidence() -> Evidence:
    values = [minimize(COSINE, frame=multi_center_frame(COSINE, seed=seed)).value for seed in range(4)]
    stated = predict(COSINE).value
    yield compare("minimum on four random orthonormal frames", "trust-region Newton", values, stated, absolute=1e-10)
    small = COSINE.replace(class_sizes=(4, 2), centers=(2, 3), dim=9)
    trained = gradient_flow(small.replace(frame="learned"), t_eval=np.linspace(0.0, 60.0, 7), seed=SEED, method="full")
    stated, how = predict(small).value, "flow of frame and features together"
    yield compare("NC where joint training ends", how, trained.class_values("nc_max")[-1], 0.0, absolute=1e-10)
    yield compare("value there", how, trained.value[-1], stated, absolute=1e-10)
    yield compare("drift off the orthonormal frames", how, trained.curves.frame["defect"], 0.0, absolute=1e-12)
    name = "distance the frame has moved: more than nothing"
    yield compare(name, how, trained.curves.frame["moved"][-1], 1e-3, relation=">=")
    free = train_free_centers(small, common=20.0, n_steps=1000)
    how = "descent over unit centers without orthogonality"
    name = "loss, still falling, over the least loss of orthonormal frames"
    yield compare(name, how, free.value[-1] / stated, 1e-4, relation="<=")
    yield compare("least cosine between features of two classes", how, free.between[1], 0.99, relation=">=")
