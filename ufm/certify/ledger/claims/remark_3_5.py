"""The optimality of the auxiliary vectors V is controlled by the centers: P sees V through them alone. Every V of a
multi-center frame is as good as any other, for given norms; at the minimum features see all auxiliary vectors of their
class alike and none of another.
"""

import numpy as np

from ufm.certify.ledger.by_hand import frame_by_hand, ridge_features
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import BALANCED, SEED
from ufm.certify.predict import predict
from ufm.minimize.solve import minimize
from ufm.problems.frames import dense

CLAIM = Claim(
    id="remark-3.5",
    section="Minimisers",
    verdict="holds",
    source="remark 3.5",
    latex=r"""
        v_j^{(k)} = \frac{w_j^{(k)} - \sin\theta\, w_k}{\cos\theta}, \qquad \langle v_j^{(k)}, h_l \rangle =
        \delta_{kl} \frac{\cos\theta}{f_k c_k} |w_k| |h_k|, \qquad \min_H P \text{ the same for every } V
    """,
    hypotheses="Learned frame, theta < pi/2, living classes.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.projected_value",),
    tests=("tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",),
)


def value_on(seed: int) -> float:
    """P, minimised over features by their normal equations, on a random frame that has the norms of the minimum."""
    problem, end = BALANCED, predict(BALANCED)
    frame = frame_by_hand(problem.centers, problem.theta, problem.dim, seed=seed)
    w = np.sqrt(end.square_norm)[frame.owner, None] * frame.centers
    penalty, fit = (np.sum(part**2, axis=1) for part in ridge_features(w, frame.owner, problem.lam_h * problem.total))
    own = fit / (2 * problem.total) + 0.5 * problem.lam_h * penalty
    return float(problem.class_sizes @ own + 0.5 * problem.lam_w * np.sum(end.square_norm))


def evidence() -> Evidence:
    end, solution = predict(BALANCED), minimize(BALANCED, seed=SEED, method="full")
    values = [value_on(seed) for seed in range(4)]
    yield compare("min P on four random V", "normal equations", values, end.value, relative=1e-12)
    owner = np.repeat(np.arange(BALANCED.n_classes), BALANCED.centers)
    classifier = dense(solution.frame.classifier)
    v = (dense(solution.frame.centers) - np.sin(BALANCED.theta) * classifier[owner]) / np.cos(BALANCED.theta)
    size = np.sqrt(end.square_norm) * end.feature_norm * np.cos(BALANCED.theta) / (3 * end.center_cosine)
    stated = np.where(owner[:, None] == np.arange(BALANCED.n_classes), size, 0.0)
    name = "products of features with all auxiliary vectors: alike in a class, 0 elsewhere"
    yield compare(name, "trust region", v @ solution.class_features.T, stated, absolute=1e-5)
    yield compare("value there", "trust region", solution.value, end.value, absolute=1e-9)
