"""Lower bounds that a stranger can check: a number, the multiplier that proves it, and the statement that is proved.

Weak duality makes a bound of *any* multiplier, so nothing has to be believed of the solver that found it:
:func:`verify` takes multiplier and problem and computes the bound again. Each kind of problem has its :class:`Bound`;
a theorem that brings its own registers it with :func:`bound_of`.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from scipy import linalg

from theory.multicenter.geometry import center_cosine, class_gram
from ufm.files.face import Face, Shown
from ufm.files.text import json_object
from ufm.problems.frames import Array, Frame, Matrix, fitting_frame, row_products
from ufm.problems.kinds import CosineProblem, LearnedCosineProblem, LearnedMSEProblem, MSEProblem
from ufm.problems.losses import Ridge, Squares
from ufm.problems.problem import Problem, require_problem

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Certificate:
    """A lower bound with its proof.

    Attributes
    ----------
    statement : what is proved, and by which inequality.
    multiplier : the dual variable; its shape is that of the statement.
    bound : the number that the objective cannot go below.
    problem : key of the problem it is about (:attr:`ufm.Problem.key`).
    """

    statement: str
    multiplier: Array
    bound: float
    problem: str

    def to_json(self) -> str:
        """One line of JSON; numbers to the last digit."""
        return json.dumps({**vars(self), "multiplier": self.multiplier.tolist()})

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """Inverse of :meth:`to_json`. Raises ValueError."""
        values: Mapping[str, Any] = json_object("a certificate", text)
        if values.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"a certificate has {', '.join(cls.__dataclass_fields__)}, not {', '.join(values)}")
        try:
            multiplier, bound = np.asarray(values["multiplier"], dtype=np.float64), float(values["bound"])
        except (TypeError, ValueError):
            raise ValueError("multiplier and bound of a certificate are numbers") from None
        return cls(str(values["statement"]), multiplier, bound, str(values["problem"]))


class Proven(Face):
    """What a minimiser and its certificate say together: mixed into what minimisations leave behind."""

    value: float
    certificate: Certificate | None
    problem: Any
    frame: Any

    @property
    def bound(self) -> float:
        """A number that the objective cannot go below: that of the certificate, or -inf where nothing is proved."""
        return -np.inf if self.certificate is None else self.certificate.bound

    @property
    def gap(self) -> float:
        """value - bound, >= 0 up to rounding: an upper bound on what could still be gained."""
        return self.value - self.bound

    @cached_property
    def data(self) -> "xarray.Dataset":
        """Norms and cosines as an xarray Dataset along ``group``, of equal classes, with value and bound."""
        import xarray

        me = cast(Any, self)
        classes = getattr(self.problem, "targets", None) is None
        side, other = ("group", "other_group") if classes else ("output", "other_output")
        row, other_row = ("group", "other_group") if classes else ("row", "other_row")
        return xarray.Dataset(
            {
                "weight_norm": (side, me.weight_norms),
                "weight_cosine": ((side, other), me.weight_cosines),
                "feature_norm": (row, me.feature_norms),
                "feature_cosine": ((row, other_row), me.feature_cosines),
                "alive": (row, me.alive.astype(np.int8)),
                "class_size": (row, me.sizes),
                "classes": (row, me.copies),
                "value": ((), self.value),
                "bound": ((), self.bound),
            },
            attrs={"status": me.status},
        )

    def shown(self) -> Shown:
        """Loss, value and bound; norms of each class, or of groups of equal ones."""
        problem, me = self.problem, cast(Any, self)
        bound = f", at least {self.bound:.6g}" if self.certificate is not None else ""
        head = f"{getattr(problem, 'loss_name', problem.loss)}, value {self.value:.6g}{bound}: {me.status}"
        if getattr(problem, "targets", None) is not None:  # outputs and rows, no classes
            norms = {"|w| of each output": me.weight_norms, "|h| of each row": me.feature_norms}
            return Shown(head, [("numbers",)], norms)
        columns = (me.sizes, me.copies, me.weight_norms, me.feature_norms, me.alive)
        rows = [
            (f"{size:g}", f"{copies:g}", f"{w:.6g}", f"{h:.6g}", "alive" if alive else "dead")
            for size, copies, w, h, alive in zip(*columns, strict=True)
        ]
        curves = {"|w|": me.weight_norms, "|h|": me.feature_norms}
        return Shown(head, [("samples", "classes", "|w|", "|h|", ""), *rows], curves)


class Bound(Protocol):
    """A lower bound for one kind of problem."""

    statement: str

    def multiplier(self, frame: Frame, features: Matrix) -> Array:
        """The dual variable that belongs to a candidate: a frame and one feature a class, (K, d)."""
        ...

    def value(self, multiplier: Array, frame: Frame | None) -> float:
        """The bound that a multiplier proves, for a given fixed frame or for that of the problem.

        Raises ValueError for a multiplier of another shape, or one that proves nothing.
        """
        ...


@functools.singledispatch
def bound_of(problem: Problem) -> Any:
    """The bound for a kind of problem. Raises TypeError where none is known."""
    raise TypeError(f"no lower bound is known for a {type(problem).__name__}")


def certify_bound(problem: Problem, frame: Frame, features: Matrix) -> Certificate:
    """The certificate at a candidate: any frame and one feature a class, (K, d); the better they are, the tighter."""
    bound = bound_of(problem)
    multiplier = bound.multiplier(frame, features)
    return Certificate(bound.statement, multiplier, bound.value(multiplier, frame), problem.key)


def verify(certificate: Certificate, problem: Problem, *, frame: Frame | None = None) -> float:
    """The bound that the certificate's multiplier proves, computed again from multiplier and problem alone.

    Parameters
    ----------
    certificate : from ``certificate`` of a :class:`ufm.Solution`, or read from a file.
    problem : what it is about.
    frame : the fixed frame, if it was another one than the problem's own.

    Returns
    -------
    A number that the objective cannot go below; compare it with ``certificate.bound``, and with any value reached.

    Raises
    ------
    ValueError : a certificate of another problem, or a multiplier that has not the right shape or proves nothing.

    Examples
    --------
    >>> import ufm
    >>> problem = ufm.Problem(class_sizes=(30, 10), centers=(2, 6), theta=0.2)
    >>> solution = ufm.minimize(problem)
    >>> bool(solution.value - verify(solution.certificate, problem) < 1e-9)
    True
    """
    if not isinstance(certificate, Certificate):
        raise TypeError(f"certificate is a ufm.Certificate, not of type {type(certificate).__name__}")
    require_problem(problem, Problem)
    if certificate.problem != problem.key:
        raise ValueError(f"the certificate is about problem {certificate.problem}, not {problem.key}")
    return bound_of(problem).value(np.asarray(certificate.multiplier, dtype=np.float64), frame)


def _shaped(multiplier: Array, *shapes: tuple[int, ...]) -> Array:
    if multiplier.shape not in shapes or not np.all(np.isfinite(multiplier)):
        raise ValueError(f"a multiplier is finite numbers of shape {' or '.join(map(str, shapes))}")
    return multiplier


class SphereBound:
    r"""The cosine loss of every feature: :math:`\min_{|u| = 1} |W u - 1|^2` over the whole space, class by class.

    For any :math:`\mu \ge 0`

    .. math:: \min_{|u| = 1} |W u - 1|^2 \ge \min_u |W u - 1|^2 + \mu (|u|^2 - 1)
        = f - \mu - 1^\top G (G + \mu I)^{-1} 1 , \qquad G = W W^\top .

    Stationarity, :math:`(W^\top W + \mu I) u = W^\top 1`, gives the multiplier of a feature. The bound depends on the
    frame through the Gram matrices of its classes only: that of a learned frame holds for all frames of these angles.
    """

    statement = "sum_k n_k beta_k (f_k - mu_k - 1' G_k (G_k + mu_k)^-1 1), G_k the Gram matrix of class k, any mu >= 0"

    def __init__(self, problem: CosineProblem) -> None:
        """Keep the problem."""
        self.problem = problem

    def multiplier(self, frame: Frame, features: Array) -> Array:
        """mu of every class, (K,)."""
        mu = np.empty(len(features))
        for k, feature in enumerate(features):
            along = np.asarray(frame.class_centers(k) @ (feature / np.linalg.norm(feature)))
            mu[k] = max(float(along.sum() - along @ along), 0.0)
        return mu

    def value(self, multiplier: Array, frame: Frame | None) -> float:
        """Raises ValueError for a negative multiplier."""
        mu = _shaped(multiplier, (self.problem.n_classes,))
        if mu.min() < 0.0:
            raise ValueError(f"a negative multiplier, {mu.min():g}, proves nothing")
        if isinstance(self.problem, LearnedCosineProblem):
            frame = None  # all of them
        elif frame is not None:
            frame = fitting_frame(self.problem, frame)
        least = np.empty(len(mu))
        for k, f in enumerate(self.problem.centers):
            centers = None if frame is None else frame.occupied(k)[0]
            gram = class_gram(f, self.problem.theta) if centers is None else centers @ centers.T
            least[k] = self.of_gram(gram, float(mu[k]))
        return float(np.asarray(self.problem.class_sizes) * self.problem.weights @ least)

    @staticmethod
    def of_gram(gram: Array, mu: float) -> float:
        """The bound for one class with the Gram matrix (f, f) of its centers."""
        eigenvalues, vectors = linalg.eigh(gram)
        shares = vectors.sum(axis=0) ** 2
        kept = eigenvalues > len(gram) * np.finfo(float).eps * eigenvalues[-1]
        return float(len(gram) - mu - np.sum(shares[kept] * eigenvalues[kept] / (eigenvalues[kept] + mu)))


class RidgeBound:
    r"""P with a fixed frame: the Fenchel dual of a regularised least-squares problem for each class.

    .. math:: \min_h \frac{|W h - y_k|^2}{2 S} + \frac{\lambda_H}{2} |h|^2
        \ge \langle \nu, y_k \rangle - \frac{S}{2} |\nu|^2 - \frac{|W^\top \nu|^2}{2 \lambda_H}

    for any :math:`\nu`, best at the residual :math:`(y_k - W h) / S` of the minimiser. Where :math:`\lambda_H = 0` only
    :math:`\nu` with :math:`W^\top \nu = 0` prove anything; 0 is taken, which is tight where the targets can be met.
    """

    statement = (
        "lam_w |W0|^2 / 2 + sum_k n_k (nu_k y_k - S |nu_k|^2 / 2 - |W' nu_k|^2 / (2 lam_h)), any nu_k; given for the "
        "own centers of each class, 0 elsewhere (F,), or for all centers (K, F)"
    )

    def __init__(self, problem: MSEProblem) -> None:
        """Keep the problem, and the two convex parts of its loss."""
        self.problem, self.fit, self.penalty = problem, Squares(problem.total), Ridge(problem.lam_h)

    def multiplier(self, frame: Frame, features: Array) -> Array:
        """nu of every class on its own centers, (F,); on all centers, (K, F), where classes are not orthogonal."""
        if self.problem.lam_h == 0.0:
            return np.zeros(self.problem.n_centers)
        own = np.concatenate([np.asarray(frame.class_centers(k) @ h) for k, h in enumerate(features)])
        foreign = max(
            float(np.abs(_outputs(frame, h)[frame.owner != k]).max(initial=0.0)) for k, h in enumerate(features)
        )
        if foreign < 1e-13:
            return (1.0 - own) / self.problem.total
        targets = frame.owner == np.arange(frame.n_classes)[:, None]
        return (targets - np.array([_outputs(frame, h) for h in features])) / self.problem.total

    def value(self, multiplier: Array, frame: Frame | None) -> float:
        """Raises ValueError for a multiplier that proves nothing: with lam_h = 0 all but those that no feature sees."""
        problem, frame = self.problem, fitting_frame(self.problem, frame)
        nu = _shaped(multiplier, (problem.n_centers,), (problem.n_classes, problem.n_centers))
        least = 0.5 * problem.lam_w * float((frame.classifier * frame.classifier).sum())
        for k, n in enumerate(problem.class_sizes):
            own = slice(int(frame.offsets[k]), int(frame.offsets[k + 1]))
            if nu.ndim == 1:
                slopes, targets = nu[None, own], np.ones((1, problem.centers[k]))
                pull = np.asarray(slopes @ frame.class_centers(k))
            else:
                slopes, targets = nu[k : k + 1], np.zeros((1, problem.n_centers))
                targets[0, own] = 1.0
                pull = np.asarray(slopes @ frame.centers)
            least -= n * float((self.fit.conjugate(-slopes, targets) + self.penalty.conjugate(pull))[0])
        if not np.isfinite(least):
            raise ValueError(f"with lam_h={problem.lam_h:g} the bound of this multiplier is {least}: it proves nothing")
        return least


def _outputs(frame: Frame, feature: Array) -> Array:
    return np.asarray(frame.centers @ feature)


class LearnedMSEBound:
    r"""P with a learned frame, whatever frame, norms and features are.

    Let :math:`z_i = |w_k| \langle \bar a_k, h_i \rangle` be the mean output of sample i at the centers of its class,
    where :math:`|\bar a_k| = c_k` in every frame. Its own centers cost at least :math:`f_k (z_i - 1)^2`, by convexity,
    and foreign ones at least 0. By the inequalities of means and of Cauchy and Schwarz

    .. math::
        \frac{\lambda_W}{2} |w_k|^2 + \frac{\lambda_H}{2} \sum_i |h_i|^2
            \ge \sqrt{\lambda_W \lambda_H}\, |w_k| \Big( \sum_i |h_i|^2 \Big)^{1/2} \ge \kappa_k |z|, \qquad
        \kappa_k = \sqrt{\lambda_W \lambda_H} / c_k ,

    and what is left, :math:`\frac{f_k}{2 S} |z - 1|^2 + \kappa_k |z|`, is convex in z. Its dual value at
    :math:`\nu = t 1`, any t with :math:`|\nu| \le \kappa_k`, is :math:`n_k t - S n_k t^2 / (2 f_k)`. At the minimum
    :math:`t = f_k (1 - z) / S`.
    """

    statement = "sum_k n_k t_k - S n_k t_k^2 / (2 f_k), any |t_k| <= sqrt(lam_w lam_h / n_k) / c_k"

    def __init__(self, problem: LearnedMSEProblem) -> None:
        """Keep sizes, centers, and how large a multiplier may be."""
        self.problem = problem
        self.n, self.f = (np.asarray(v, dtype=np.float64) for v in (problem.class_sizes, problem.centers))
        self.limit = np.sqrt(problem.lam_w * problem.lam_h / self.n) / center_cosine(self.f, problem.theta)

    def multiplier(self, frame: Frame, features: Matrix) -> Array:
        """t of every class, (K,)."""
        fit = row_products(frame.mean_centers, features)
        return np.clip(self.f * (1.0 - fit) / self.problem.total, -self.limit, self.limit)

    def value(self, multiplier: Array, frame: Frame | None) -> float:
        """Raises ValueError for a multiplier that is larger than allowed."""
        t = _shaped(multiplier, (self.problem.n_classes,))
        if np.any(np.abs(t) > self.limit):
            k = int(np.argmax(np.abs(t) / self.limit))
            raise ValueError(f"multiplier {t[k]:g} of class {k} is larger than {self.limit[k]:g}: it proves nothing")
        return float(np.sum(self.n * t - 0.5 * self.problem.total * self.n * t**2 / self.f))


bound_of.register(CosineProblem, SphereBound)
bound_of.register(MSEProblem, RidgeBound)
bound_of.register(LearnedMSEProblem, LearnedMSEBound)
