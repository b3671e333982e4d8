"""How noisy features are: sigma over r, pooled over classes and of each class, for predictions of decisions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.multicenter.geometry import Array
from ufm.measure.arrays import Classes, vectors


@dataclass(frozen=True)
class Noise:
    """sigma over r of features.

    Attributes
    ----------
    pooled : one number for all classes.
    by_class : of each class in their order, (K,); where a class has one sample, the pooled one.
    single : which classes have one sample, (K,).
    """

    pooled: float
    by_class: Array
    single: NDArray[np.bool_]


def estimated_noise(features: ArrayLike, labels: ArrayLike) -> Noise:
    r"""sigma over r of features: the noise in the span of class means, over half the squared distance between these.

    .. math:: \hat\sigma_k^2 = \frac{\sum_{i \in k} |P (h_i - \mu_k)|^2}{(n_k - 1)(K - 1)}, \qquad
              \hat\sigma^2 = \frac{\sum_i |P (h_i - \mu_{k_i})|^2}{(N - K)(K - 1)}, \qquad
              \hat r^2 = \frac12 \operatorname{mean}_{k < j}
              \Big[ |\mu_k - \mu_j|^2 - s \Big(\frac1{n_k} + \frac1{n_j}\Big) \Big], \quad
              s = \frac{\sum_i |h_i - \mu_{k_i}|^2}{N - K}

    P projects onto the span of the differences of means, in which decisions are made. A class with n samples has its
    own sigma to a relative error of :math:`1 / \sqrt{2 (n - 1)(K - 1)}`; with one it has none, and gets the pooled one.

    Parameters
    ----------
    features : (N, d).
    labels : (N,), or one-hot.

    Raises
    ------
    ValueError : features or labels that are not as above; one class only; a sample per class only; means that are no
        farther apart than noise would put them; no noise at all.
    """
    classes = Classes.found(labels)
    codes, h = classes.codes(labels), vectors("features", features, 2)
    if len(h) != len(codes):
        raise ValueError(f"{len(codes)} labels for {len(h)} features: one for each is needed")
    n = np.bincount(codes, minlength=len(classes))
    codes, n = np.unique(codes, return_inverse=True)[1], n[n > 0]
    if n.size < 2 or len(h) == n.size:
        raise ValueError(f"{len(h)} features of {n.size} classes: sigma takes two classes, and two samples of one")
    means = np.stack([h[codes == k].mean(axis=0) for k in range(n.size)])
    centred = means - means.mean(axis=0)
    residual = h - means[codes]
    apart = 2.0 * np.sum(centred**2) / (n.size - 1) - 2.0 * np.sum(residual**2) / (len(h) - n.size) * np.mean(1 / n)
    if not apart > 0:
        raise ValueError("class means of the features are no farther apart than noise puts them: r is unknown")
    span = np.linalg.svd(centred, full_matrices=False)[2][: n.size - 1]
    spread = np.bincount(codes, weights=np.sum((residual @ span.T) ** 2, axis=1)) / len(span)
    pooled = spread.sum() / (len(h) - n.size)
    if not pooled > 0:
        raise ValueError("features of a class are all the same: they have no noise that decisions depend on")
    own = np.where(n > 1, spread / np.maximum(n - 1, 1), pooled)
    own = np.maximum(own, 1e-12 * pooled)  # of a class whose samples are all the same
    return Noise(float(np.sqrt(2.0 * pooled / apart)), np.sqrt(2.0 * own / apart), n == 1)
