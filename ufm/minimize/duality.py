"""Lower bounds that hold for every feature (and every learned frame): dual values at whatever a solver has found."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from theory.multicenter.geometry import center_cosine
from ufm.problems.frames import Array
from ufm.problems.problem import Problem


def sphere_bound(h: Array, centers: Array) -> float:
    r"""Dual value of :math:`\min_{|u| = 1} |W u - 1|^2` over the whole space, at the multiplier of feature ``h`` (m,).

    :math:`\max_{\mu \ge 0} f - \mu - b^\top (G + \mu I)^{-1} b` with :math:`G = W^\top W` and :math:`b = W^\top 1`;
    ``centers`` is (f, m). Every frame of these angles is a rotation of this one, so the bound holds for all of them.
    """
    u = h / np.linalg.norm(h)
    gram, b = centers.T @ centers, centers.sum(axis=0)
    eigenvalues, vectors = linalg.eigh(gram)
    # Stationarity (G + mu) u = b gives the multiplier. The dual needs G + mu >= 0 on the whole space, where G has
    # the eigenvalue 0 besides those of the span: so mu >= 0.
    mu = max(float(u @ (b - gram @ u)), 0.0)
    weights = (vectors.T @ b) ** 2
    return float(len(centers) - mu - np.sum(weights / (eigenvalues + mu)))


def learned_mse_bound(problem: Problem, fit: ArrayLike) -> float:
    r"""A number that P with a learned frame cannot go below, whatever frame, norms and features are.

    Let :math:`z_i = |w_k| \langle \bar a_k, h_i \rangle` be the mean output of sample i at the centers of its class,
    where :math:`|\bar a_k| = c_k` in every frame. Its own centers cost at least :math:`f_k (z_i - 1)^2`, by convexity,
    and foreign ones at least 0. By the inequalities of means and of Cauchy and Schwarz

    .. math::
        \frac{\lambda_W}{2} |w_k|^2 + \frac{\lambda_H}{2} \sum_i |h_i|^2
            \ge \sqrt{\lambda_W \lambda_H}\, |w_k| \Big( \sum_i |h_i|^2 \Big)^{1/2} \ge \kappa_k |z|, \qquad
        \kappa_k = \sqrt{\lambda_W \lambda_H} / c_k ,

    and what is left, :math:`\frac{f_k}{2 S} |z - 1|^2 + \kappa_k |z|`, is convex in z. Its dual value at
    :math:`\nu = t 1`, any t with :math:`|\nu| \le \kappa_k`, is :math:`n_k t - S n_k t^2 / (2 f_k)`.

    Parameters
    ----------
    fit : (K,), the mean z of each class of a candidate; :math:`t = f_k (1 - z) / S`, clipped to the allowed range, is
        best at the minimum.
    """
    n, f = np.asarray(problem.class_sizes, dtype=np.float64), np.asarray(problem.centers, dtype=np.float64)
    weight = np.sqrt(float(problem.lam_w or 0.0) * float(problem.lam_h or 0.0))
    limit = weight / center_cosine(f, problem.theta) / np.sqrt(n)
    t = np.clip(f * (1.0 - np.asarray(fit)) / problem.total, -limit, limit)
    return float(np.sum(n * t - 0.5 * problem.total * n * t**2 / f))
