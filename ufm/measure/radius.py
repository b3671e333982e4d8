r"""How far a feature can be moved before a rule decides otherwise, in the Euclidean norm.

RCR and NMC decide by half-spaces: the radius is the least lead over the distance of two rows,

.. math:: R(z) = \min_{j \ne k} \frac{\langle w_k - w_j, z \rangle + b_k - b_j}{|w_k - w_j|} .

GCR gives z to class k until a center v of another class beats *all* centers :math:`w_1, \dots, w_f` of k, which happens
on a polyhedral cone: the radius is the least distance to the cones
:math:`\{x : \langle v - w_i, x \rangle \ge 0 \text{ for all } i\}`. With Gram matrix B of the rows :math:`v - w_i` and
leads :math:`g_i = \langle w_i - v, z \rangle`, the distance is :math:`\sqrt{\lambda^\top B \lambda}` at the minimum of
:math:`\frac12 \lambda^\top B \lambda - g^\top \lambda` over :math:`\lambda \ge 0` (Moreau's decomposition).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from ufm.files.text import require_known
from ufm.measure.rules import RULES, Classes, batches, fitting
from ufm.problems.frames import Array, Frame, Matrix, dense, isotropic, orthogonal, real_array


class Radii(NamedTuple):
    """How robust decisions are, feature by feature; arrays (N,)."""

    decision: Classes
    """Class that the rule decides for."""
    rival: Classes
    """Class that it decides for at the nearest boundary; -1 where there is no other class."""
    radius: Array
    """Certified: no feature closer than that is decided otherwise. Infinite where none is at all."""
    upper: Array
    """A boundary lies at that distance. The same as ``radius`` where that is exact; infinite where none was found."""


def certified_radius(
    features: ArrayLike,
    classifier: Frame | ArrayLike,
    rule: str = "rcr",
    *,
    bias: ArrayLike | None = None,
    exact: bool = True,
) -> Radii:
    """Radius of the ball around each feature on which a rule decides the same; a tie counts as another decision.

    It is exact for RCR and nearest means. For GCR it is exact in closed form where the frame is as the paper has it
    (centers of different classes orthogonal, those of a class alike), and for any other frame by quadratic programs of
    the size of f, about half a millisecond a feature; without ``exact``, bounds from a single center of the own class.

    Parameters
    ----------
    features : (N, d).
    classifier : a frame, or rows (K, d): classifier vectors for "rcr", class means for "nearest".
    rule : "rcr"; "nearest", the largest product with the mean directions of a frame, or the smallest distance to the
        class means; "gcr", which needs a frame.
    bias : (K,), added to the scores of "rcr".
    exact : solve GCR's quadratic programs where there is no closed form.

    Raises
    ------
    ValueError : an unknown rule, a rule without the frame or with a bias it does not have, shapes that do not fit,
        NaN or infinity.

    Examples
    --------
    >>> found = certified_radius([[3.0, 1.0]], np.eye(2))
    >>> found.decision, found.radius.round(3)
    (array([0]), array([1.414]))
    """
    require_known(rule, RULES, f"rule={rule!r} is unknown")
    if bias is not None and rule != "rcr":
        raise ValueError(f"bias: rule={rule!r} has none, rcr has")
    if rule == "gcr":
        if not isinstance(classifier, Frame):
            raise ValueError("rule='gcr' decides by the centers of a frame: a frame is needed, not rows (K, d)")
        return _generalized(fitting(features, classifier.dim), classifier, exact)
    scale = 0
    if rule == "nearest" and not isinstance(classifier, Frame):  # class means about 1 long, so that squares are numbers
        classifier = real_array("classifier", classifier)
        scale = int(np.frexp(np.max(np.abs(classifier), initial=0.0))[1])
        classifier = np.ldexp(classifier, -scale)
    rows, offsets = half_spaces(classifier, rule, bias)
    with np.errstate(over="ignore"):  # features of no such length are refused
        z = np.ldexp(fitting(features, rows.shape[1]), -scale)
    found = _flat(z, rows, offsets)
    return found._replace(radius=np.ldexp(found.radius, scale), upper=np.ldexp(found.upper, scale))


def half_spaces(classifier: Frame | ArrayLike, rule: str, bias: ArrayLike | None = None) -> tuple[Matrix, Array]:
    """Rows (K, d) and offsets (K,) whose scores "rcr" or "nearest" compares."""
    if isinstance(classifier, Frame):
        rows = classifier.classifier if rule == "rcr" else classifier.mean_directions
        offsets = np.zeros(len(classifier.counts))
    else:
        rows = real_array("classifier", classifier)
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise ValueError(f"classifier of shape {rows.shape} must be finite rows (K, d), at least one")
        # the nearest mean is that of the largest <mean, z> - |mean|^2 / 2
        offsets = -0.5 * np.einsum("kd,kd->k", rows, rows) if rule == "nearest" else np.zeros(len(rows))
    if bias is not None:
        given = real_array("bias", bias)
        if given.shape != offsets.shape or not np.isfinite(given).all():
            raise ValueError(f"bias of shape {given.shape} must be K={offsets.size} finite numbers")
        offsets = offsets + given
    return rows, offsets


def lengths(vectors: Array) -> Array:
    """Of rows of any size: squares of numbers below 1e-162 are 0, and a length of 0 would be an infinite radius."""
    scale = np.frexp(np.max(np.abs(vectors), axis=1, initial=0.0))[1]
    return np.ldexp(np.linalg.norm(np.ldexp(vectors, -scale[:, None]), axis=1), scale)


def _flat(z: Array, rows: Matrix, offsets: Array) -> Radii:
    full = dense(rows)
    gaps = np.array([lengths(full - row) for row in full])
    found = _empty(len(z))
    for part, scores in batches(z, rows):
        scores += offsets
        own = np.argmax(scores, axis=1)
        each = np.arange(len(own))
        lead = scores[each, own][:, None] - scores
        apart = gaps[own]
        far = np.divide(lead, apart, out=np.where(lead > 0, np.inf, 0.0), where=apart > 0)
        far[each, own] = np.inf
        _keep(found, part, own, far)
    return found


def _empty(n: int) -> Radii:
    classes = np.full(n, -1, dtype=np.int64)
    return Radii(classes, classes.copy(), np.full(n, np.inf), np.full(n, np.inf))


def _keep(found: Radii, part: slice | NDArray[np.int64], own: Classes, far: Array) -> None:
    """Set down exact distances (n, K) to what is decided for each class."""
    rival = np.argmin(far, axis=1)
    least = np.min(far, axis=1)
    found.decision[part] = own
    found.rival[part] = np.where(np.isfinite(least), rival, -1)
    found.radius[part] = found.upper[part] = least


def _generalized(z: Array, frame: Frame, exact: bool) -> Radii:
    found = _empty(len(z))
    scale = np.frexp(np.max(np.abs(z), axis=1, initial=0.0))[1]  # features about 1 long, so that squares are numbers
    z = np.ldexp(z, -scale[:, None])
    structured = isotropic(frame) and orthogonal(frame)
    cones = None if structured else _Cones(frame)
    for part, scores in batches(z, frame.centers):
        best = np.maximum.reduceat(scores, frame.offsets[:-1], axis=1)
        for k, rows in _by_class(np.argmax(best, axis=1)):
            where = rows + part.start
            found.decision[where] = k
            if frame.n_classes == 1:
                continue
            if cones is None:
                own = scores[rows, frame.offsets[k] : frame.offsets[k + 1]]
                _keep(found, where, np.full(len(rows), k), _structured(frame, k, own, best[rows]))
            else:
                cones.measure(found, where, k, scores[rows], exact)
    return found._replace(radius=np.ldexp(found.radius, scale), upper=np.ldexp(found.upper, scale))


def _by_class(own: Classes) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for k in np.unique(own).tolist():
        yield k, np.flatnonzero(own == k)


def _structured(frame: Frame, k: int, own: Array, best: Array) -> Array:
    r"""Distances (n, K) from features of class k with scores ``own`` (n, f) and ``best`` (n, K), exactly.

    Centers of the class have the Gram matrix :math:`p I + q 1 1^\top`, and a rival center of squared length s is
    orthogonal to them. Then :math:`B = p I + (q + s) 1 1^\top`, and with :math:`\Lambda = \sum_i \lambda_i`

    .. math:: \lambda_i = \frac{(g_i - (q + s) \Lambda)_+}{p}, \qquad
        \Lambda = \max_m \frac{g_{(1)} + \dots + g_{(m)}}{p + m (q + s)}, \qquad
        R^2 = (q + s) \Lambda^2 + \sum_i \frac{(g_i - (q + s) \Lambda)_+^2}{p}

    over the m largest leads. The distance falls with the rival's score: of centers of one length the best one counts.
    """
    geometry = frame.geometry
    p = float(geometry.spread[k])
    q = float(geometry.mean[k]) ** 2 - p / frame.counts[k]
    far = np.full(best.shape, np.inf)
    lengths = geometry.length**2
    others = np.arange(frame.n_classes) != k
    kinds = np.log(lengths).round(9)  # alike to a share of 1e-9, as the frame is orthogonal
    for kind in np.unique(kinds[others]):
        alike = np.flatnonzero(others & (kinds == kind))
        rival = alike[np.argmax(best[:, alike], axis=1)]
        each = np.arange(len(rival))
        leads = -np.sort(-own, axis=1) - best[each, rival][:, None]
        both = (q + lengths[rival])[:, None]
        number = np.arange(1, leads.shape[1] + 1)
        total = np.max(np.cumsum(leads, axis=1) / (p + number * both), axis=1)[:, None]
        square = both[:, 0] * total[:, 0] ** 2
        if p > 0:
            square += np.sum(np.maximum(leads - both * total, 0.0) ** 2, axis=1) / p
        far[each, rival] = np.sqrt(square)
    return far


class _Cones:
    """Distances to the cones of any frame, from its Gram matrix and scores alone."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.gram = dense(frame.centers @ frame.centers.T)
        self.squares = np.diag(self.gram)

    def measure(self, found: Radii, where: NDArray[np.int64], k: int, scores: Array, exact: bool) -> None:
        """Set down what is found of features of class k with scores (n, F)."""
        mine = self.frame.owner == k
        own, others = np.flatnonzero(mine), np.flatnonzero(~mine)
        first = own[np.argmax(scores[:, own], axis=1)]
        leads = np.take_along_axis(scores, first[:, None], axis=1) - scores[:, others]
        squares = self.squares[first][:, None] + self.squares[others] - 2.0 * self.gram[np.ix_(first, others)]
        # a distance between centers that is rounded up makes the bound smaller, and so leaves it true
        squares += 1e-14 * (self.squares[first][:, None] + self.squares[others])
        lower = leads / np.sqrt(np.maximum(squares, np.finfo(float).tiny))
        for row, at in enumerate(where):
            if exact:
                bound, upper, rival = self._solved(scores[row], own, others, lower[row])
            else:
                nearest = int(np.argmin(lower[row]))
                bound, rival = float(lower[row, nearest]), int(others[nearest])
                upper = self._straight(scores[row], own, int(first[row]), rival)
            found.radius[at], found.upper[at], found.rival[at] = bound, upper, self.frame.owner[rival]

    def _solved(
        self, scores: Array, own: NDArray[np.int64], others: NDArray[np.int64], lower: Array
    ) -> tuple[float, float, int]:
        """The nearest cone: cones are measured in the order of their lower bounds, until none can be nearer."""
        least, rival = np.inf, int(others[0])
        for at in np.argsort(lower):
            if lower[at] >= least:
                break
            distance = self._distance(scores, own, int(others[at]))
            if distance < least:
                least, rival = distance, int(others[at])
        return least, least, rival

    def _distance(self, scores: Array, own: NDArray[np.int64], rival: int) -> float:
        r"""Of one cone. With :math:`B = R^\top R` it is a problem of nonnegative least squares."""
        cross = self.gram[rival, own]
        gram = self.gram[np.ix_(own, own)] - cross[:, None] - cross + self.squares[rival]
        sizes, axes = np.linalg.eigh(gram)
        kept = sizes > 1e-13 * sizes[-1]
        root = np.sqrt(sizes[kept])[:, None] * axes.T[kept]
        leads = scores[own] - scores[rival]
        target = axes.T[kept] @ leads / np.sqrt(sizes[kept])
        return float(np.linalg.norm(root @ nnls(root, target)[0]))

    def _straight(self, scores: Array, own: NDArray[np.int64], first: int, rival: int) -> float:
        """How far along the line from the best own center to the rival one all own centers are beaten, if they are."""
        line = np.sqrt(self.squares[first] + self.squares[rival] - 2.0 * self.gram[first, rival])
        gains = self.gram[rival, rival] - self.gram[rival, first] - self.gram[own, rival] + self.gram[own, first]
        leads = scores[own] - scores[rival]
        ahead = leads > 0
        if np.any(gains[ahead] <= 0):
            return np.inf
        way = float(np.max(leads[ahead] / gains[ahead], initial=0.0))
        overtaken = ~ahead & (leads > way * gains)  # by centers that were behind, and gain on the rival along the line
        return np.inf if np.any(overtaken) else float(line * way)
