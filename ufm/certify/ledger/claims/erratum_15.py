"""Features wider than f K are necessary and not enough: that much space holds the centers, and a frame takes (f + 1) K
dimensions with its classifier, as definition 3.2 has it. On CIFAR-100 with f = 20 those are 2,100, more than ResNet-50
(2,048) and DenseNet-150 with growth 12 (510) have: without the further linear layer, of which the paper speaks for
ImageNet and for its plots of collapse only, these networks hold 19 and 4 centers a class.
"""

import numpy as np
from scipy import optimize

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-15",
    section="Errata",
    verdict="fails",
    source="appendix F.1, width of the features",
    latex=r"d \ge (f + 1) K, \qquad \min_{X \in \mathbb{R}^{(F + K) \times d}} |X X^\top - I|_F^2 = F + K - d",
    printed=r"d > f K",
    hypotheses="0 < theta < pi/2. What is printed holds for the centers without their classifier.",
    functions=("theory.multicenter.geometry.minimum_dimension",),
    tests=("tests/ufm/problems/test_frames.py::test_frames_are_what_the_definition_says",),
)

CLASSES, RESNET50 = 100, 2048


def densenet_width(growth: int) -> int:
    """Features of a DenseNet-BC of 3 blocks of 24 layers, each of which halves the channels of the one before."""
    channels = 2 * growth
    for block in range(3):
        channels = (channels // 2 if block else channels) + 24 * growth
    return channels


def ranks(f: int) -> tuple[int, int]:
    """Dimensions that the centers of 100 classes span, and those with the classifier; classes are orthogonal."""
    frame = frame_by_hand((f,), 0.2, f + 1)
    both = np.concatenate([frame.centers, frame.classifier])
    return CLASSES * int(np.linalg.matrix_rank(frame.centers)), CLASSES * int(np.linalg.matrix_rank(both))


def least_defect(vectors: int, dim: int) -> float:
    """Smallest |X X' - I|^2 over all matrices X of that many rows, by descent from 3 random starts."""
    identity = np.eye(vectors)

    def defect(x: np.ndarray) -> tuple[float, np.ndarray]:
        rows = x.reshape(vectors, dim)
        off = rows @ rows.T - identity
        return float(np.sum(off**2)), (4.0 * off @ rows).ravel()

    starts = np.random.default_rng(4).standard_normal((3, vectors * dim))
    return min(float(optimize.minimize(defect, x, jac=True, options={"gtol": 1e-9}).fun) for x in starts)


def evidence() -> Evidence:
    centers, both = ranks(20)
    how, needed = "ranks of explicit vectors, class by class", geometry.minimum_dimension([20] * CLASSES)
    yield compare("dimensions of a frame, CIFAR-100, f=20", how, both, needed, printed=20 * CLASSES)
    yield compare("dimensions of its centers alone", how, centers, 20 * CLASSES)
    widths = {"ResNet-50": RESNET50, "DenseNet-150, growth 12": densenet_width(12)}
    for name, width in widths.items():
        yield compare(f"width of {name}: below that", "counted layer by layer", width, needed - 1, relation="<=")
        most = max(f for f in range(1, 30) if ranks(f)[1] <= width)
        yield compare(f"most centers a class that fit into {name}", how, most, width // CLASSES - 1)
    how = "descent over all matrices, f=2, K=3, from 3 starts"
    for dim in (7, 8, 9):
        name = f"least |X X' - I|^2 of 9 vectors in {dim} dimensions, f K = 6"
        printed = 0.0 if dim < 9 else None
        yield compare(name, how, least_defect(9, dim), 9.0 - dim, absolute=1e-9, printed=printed)
