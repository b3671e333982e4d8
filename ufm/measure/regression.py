"""Neural regression collapse: features and last layer of a network that meets numbers."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import array_api_compat
import numpy as np

from ufm.measure.arrays import Native, Runs, host, native, require_sized, runs, vectors
from ufm.measure.moments import Moments
from ufm.problems.frames import Array


@dataclass(frozen=True)
class RegressionMeasures:
    r"""NRC1-3 of Andriopoulos et al. (2024), each 0 at collapse. With :math:`u_i` the unit vector of
    :math:`h_i - \bar h`, n targets and their covariance :math:`\Sigma`,

    .. math:: \mathrm{NRC1} = \frac1N \sum_i |u_i - V V^\top u_i|^2 , \quad
              \mathrm{NRC2} = \frac1N \sum_i |u_i - Q Q^\top u_i|^2 , \quad
              \mathrm{NRC3} = \inf_{0 < \gamma < \lambda_{\min}(\Sigma)} \Big| \frac{W W^\top}{|W W^\top|_F} -
              \frac{\Sigma^{1/2} - \gamma^{1/2} I}{|\Sigma^{1/2} - \gamma^{1/2} I|_F} \Big|_F^2 .

    Attributes
    ----------
    nrc1 : in [0, 1]: features lie in the span of their n first principal directions V.
    nrc2 : in [0, 1]: features lie in the span Q of the rows of W.
    nrc3 : in [0, 4]: the Gram matrix of the weights is the root of the covariance, shifted.
    gamma : where that infimum is attained, or approached.
    mse : mean of |W h + b - y|^2.
    samples : N.
    no_direction : features that are the mean of all, which NRC1 and NRC2 leave out.
    left_out : the reason for each measure that is None.
    """

    nrc1: float | None
    nrc2: float | None
    nrc3: float | None
    gamma: float | None
    mse: float | None
    samples: int
    no_direction: int
    left_out: dict[str, str] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def measure_regression(features: Any, targets: Any, weights: Any = None, bias: Any = None) -> RegressionMeasures:
    """Collapse of a network that was trained to meet real targets.

    Parameters
    ----------
    features : (N, d), of any library and device, as :func:`ufm.measure` takes them; chunk by chunk, in float64.
    targets : (N, n) or (N,) numbers.
    weights, bias : the last layer, (n, d) and (n,).

    Raises
    ------
    ValueError : shapes that do not match, NaN or infinity (with the row).

    Example
    -------
    >>> import numpy as np, ufm
    >>> targets = np.random.default_rng(0).normal(size=(50, 2))
    >>> weights = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 2)))[0].T
    >>> measures = ufm.measure_regression(targets @ weights, targets, weights)
    >>> abs(round(measures.nrc1, 12)), abs(round(measures.nrc2, 12)), abs(round(measures.mse, 12))
    (0.0, 0.0, 0.0)
    """
    given, wanted = native("features", features, 2), _targets(targets)
    if len(wanted) != given.shape[0]:
        raise ValueError(f"features {tuple(given.shape)} and targets {wanted.shape} do not match")
    if not len(wanted):
        raise ValueError("no features: nothing to measure")
    rows, shift = _last_layer(weights, bias, wanted.shape[1], given.shape[1])
    space = array_api_compat.array_namespace(given)
    origin = space.astype(given[0], space.float64)
    require_sized("features[0]", float(space.max(space.abs(origin))))
    moments = Moments(1, scatter=True)
    for each in _chunks(given, origin):
        moments.add(each, each.rows)
    look = _Look(origin, moments, wanted.shape[1], rows, shift)
    for each in _chunks(given, origin):
        look.add(each, wanted)
    nrc3, gamma = (None, None) if rows is None or not rows.any() else _duality(rows @ rows.T, _covariance(wanted))
    return look.measures(nrc3, gamma)


class _Look:
    """The second look: how far features are from the two spans, and from their targets."""

    def __init__(self, origin: Native, moments: Moments, n: int, rows: Array | None, shift: Array) -> None:
        self.mean, self.n_samples = moments.means[0], int(moments.counts[0])
        self.spans = {"nrc1": _principal(host(moments.scatter), n)}
        self.rows, self.shift = rows, shift
        if rows is not None:
            self.spans["nrc2"] = _row_space(rows)
            self.shift = shift + rows @ host(origin)
        self.far = dict.fromkeys(self.spans, 0.0)
        self.directed, self.misses = 0, 0.0

    def add(self, each: Runs, wanted: Array) -> None:
        """A chunk of the features minus the origin, and all targets."""
        space, place = array_api_compat.array_namespace(each.rows), array_api_compat.device(each.rows)
        away = each.rows - self.mean
        squares = host(space.vecdot(away, away))
        there = squares > 0.0
        self.directed += int(np.count_nonzero(there))
        for name, span in self.spans.items():
            basis = space.asarray(span, device=place)
            rest = away - (away @ basis.T) @ basis
            self.far[name] += float(np.sum(host(space.vecdot(rest, rest))[there] / squares[there]))
        if self.rows is not None:
            met = host(each.rows @ space.asarray(self.rows.T, device=place)) + self.shift
            self.misses += float(np.sum((met - wanted[each.index]) ** 2))

    def measures(self, nrc3: float | None, gamma: float | None) -> RegressionMeasures:
        """What both looks say."""
        means = {name: far / self.directed if self.directed else None for name, far in self.far.items()}
        found = {"nrc1": means["nrc1"], "nrc2": means.get("nrc2"), "nrc3": nrc3, "gamma": gamma}
        found["mse"] = None if self.rows is None else self.misses / self.n_samples
        same = "all features are the same: none has a direction"
        missing = "it needs weights" if self.rows is None else "weights are 0"
        reasons = {name: same if name in means else missing for name, value in found.items() if value is None}
        return RegressionMeasures(
            **found, samples=self.n_samples, no_direction=self.n_samples - self.directed, left_out=reasons
        )


def _chunks(features: Native, origin: Native) -> Iterator[Runs]:
    return runs(features, np.zeros(features.shape[0], dtype=np.int64), origin, features.shape[1])


def _targets(targets: Any) -> Array:
    single = getattr(targets, "ndim", None) == 1 or (isinstance(targets, list) and np.ndim(targets) == 1)
    return vectors("targets", targets, 1)[:, None] if single else vectors("targets", targets, 2)


def _last_layer(weights: Any, bias: Any, n: int, dim: int) -> tuple[Array | None, Array]:
    if weights is None:
        if bias is not None:
            raise ValueError("a bias goes with weights: these are missing")
        return None, np.zeros(n)
    rows = vectors("weights", weights, 2)
    if rows.shape != (n, dim):
        hint = ": transposed?" if rows.shape == (dim, n) else ""
        raise ValueError(f"weights of shape {rows.shape} do not fit {n} targets of features (N, {dim}){hint}")
    shift = np.zeros(n) if bias is None else vectors("bias", bias, 1)
    if shift.shape != (n,):
        raise ValueError(f"bias of shape {shift.shape} does not fit {n} targets")
    return rows, shift


def _principal(scatter: Array, n: int) -> Array:
    """The first n principal directions (n, d), fewer where there are fewer."""
    sizes, directions = np.linalg.eigh(scatter)
    kept = sizes[-n:] > len(sizes) * np.finfo(float).eps * sizes[-1]
    return np.ascontiguousarray(directions.T[-n:][kept])


def _row_space(rows: Array) -> Array:
    """An orthonormal basis (r, d) of what the rows span."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    basis: Array = directions[sizes > max(rows.shape) * np.finfo(float).eps * sizes[0]]
    return basis


def _covariance(wanted: Array) -> Array:
    away = wanted - wanted.mean(axis=0)
    covariance: Array = away.T @ away / len(wanted)
    return covariance


def _duality(gram: Array, covariance: Array) -> tuple[float, float]:
    r"""NRC3 and its gamma. With :math:`A = W W^\top`, :math:`S = \Sigma^{1/2}` and :math:`g = \gamma^{1/2}` the cosine
    of A and :math:`S - g I` is stationary only at

    .. math:: g = \frac{\operatorname{tr} A \operatorname{tr} S^2 - \langle A, S \rangle \operatorname{tr} S}
                       {\operatorname{tr} A \operatorname{tr} S - n \langle A, S \rangle} ,

    so the infimum is there or at an end.
    """
    sizes, directions = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(sizes, 0.0))
    root, trace = (directions * roots) @ directions.T, np.trace(gram)
    product = np.sum(gram * root)
    below = trace * roots.sum() - len(roots) * product
    stationary = (trace * np.sum(roots**2) - product * roots.sum()) / below if below else 0.0
    tried = {0.0, float(roots[0]), float(np.clip(stationary, 0.0, roots[0]))}
    found = [(_apart(gram, root - g * np.eye(len(root))), g**2) for g in sorted(tried)]
    return min(found)


def _apart(gram: Array, shifted: Array) -> float:
    size = np.linalg.norm(shifted)
    return float(np.sum((gram / np.linalg.norm(gram) - shifted / size) ** 2)) if size else np.inf
