"""What theory says of each kind of problem: statements about its end, its value and its speed, with their sources.

This is the only place where problems with multiple centers meet closed forms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.decision import generalisation, hard, radius
from theory.multicenter import clock, flows, geometry, minimum, sharing
from ufm.certify.report import Check
from ufm.files.text import columns
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem, LearnedMSEProblem, MSEProblem
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.start import Start

P = TypeVar("P", bound=MultiCenterProblem)


@dataclass(frozen=True, eq=False)
class Prediction(Generic[P]):
    """What theory says of a problem with a multi-center frame; arrays have one entry per class, (K,).

    Attributes
    ----------
    problem : what it is about.
    theta : angle of each class, radians, (K,).
    lengths : length of the centers of each class, (K,).
    """

    sources: ClassVar[Mapping[str, str]] = {
        "direction_nc": "NCMC, theorem 3.3",
        "center_cosine": "definition 3.2, theory.multicenter.geometry",
        "classifier_cosine": "definition 3.2, theory.multicenter.geometry",
        "variability": "definition 3.2, theory.multicenter.geometry",
        "class_cosine": "theorem 3.3, NCMC",
    }
    """Where each statement stands, by its name; these are the columns of the table that is printed."""

    problem: P
    theta: Array
    lengths: Array

    direction_nc: ClassVar[float] = 0.0
    """NC at the end: features lie on their mean centers."""
    class_cosine: ClassVar[float] = 0.0
    """Cosine between the means of two classes at the end."""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """f_k."""
        return np.asarray(self.problem.centers)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """n_k."""
        return np.asarray(self.problem.class_sizes)

    @cached_property
    def center_cosine(self) -> Array:
        """c_k, between a center and the mean center of its class."""
        return geometry.center_cosine(self.counts, self.theta)

    @cached_property
    def center_gap(self) -> Array:
        """1 - c_k, 0 exactly where the centers of a class coincide."""
        return geometry.center_gap(self.counts, self.theta)

    @cached_property
    def classifier_cosine(self) -> Array:
        """cos rho_k, between mean center and classifier vector."""
        return geometry.classifier_cosine(self.counts, self.theta)

    @property
    def variability(self) -> Array:
        """1 - cos rho_k, between a collapsed feature and its classifier vector."""
        return 1.0 - self.classifier_cosine

    @cached_property
    def radii(self) -> dict[str, Array]:
        """How far a collapsed feature of norm 1 can be moved before its class changes, by rule of decision, (K,) each.

        See :mod:`theory.decision.radius`.
        """
        return {
            "nearest": np.full(self.problem.n_classes, radius.nmc_radius()),
            "rcr": radius.rcr_radius(self.counts, self.theta),
            "gcr": radius.gcr_radius(self.counts, self.theta),
        }

    @property
    def margin_sum(self) -> float:
        """What the margins of the frame under RCR make of the bound on the mean error; smaller is better."""
        return float(generalisation.margin_sum(self.classifier_cosine, self.sizes))

    @cached_property
    def gcr_choice(self) -> Array:
        """Probability that GCR gives a hard-to-predict feature to each class, centers orthonormal (Prop. 3.1)."""
        return hard.gcr_choice(self.counts)

    @cached_property
    def frame_choice(self) -> Array:
        """The same in the problem's own frame (:func:`theory.decision.hard.frame_choice`), which has one angle."""
        if np.ptp(self.theta) > 0.0:
            raise ValueError(f"theta={self.theta} differs between classes: the choice is known for frames of one angle")
        return hard.frame_choice(self.counts, float(self.theta[0]))

    def gain(self, shares: ArrayLike) -> float:
        """What GCR gains over RCR on hard-to-predict features with these shares (K,) of the classes, Prop. 3.1."""
        return hard.gcr_accuracy(self.counts, shares) - 1.0 / self.problem.n_classes

    def frame_gain(self, shares: ArrayLike) -> float:
        """The same in the problem's own frame."""
        return float(self.frame_choice @ np.asarray(shares)) - 1.0 / self.problem.n_classes

    def check(
        self, statement: str, name: str, measured: ArrayLike, *, absolute: ArrayLike = 0.0, relative: float = 0.0
    ) -> Check:
        """A statement of :attr:`sources` held against what was measured, under a name that says where."""
        stated, source = getattr(self, statement), self.sources[statement]
        return Check.compare(name, source, stated, measured, absolute=absolute, relative=relative)

    def to_dict(self) -> dict[str, Any]:
        """Plain values of all statements, with their sources."""
        return {
            name: {"value": np.asarray(getattr(self, name)).tolist(), "source": source}
            for name, source in self.sources.items()
        }

    def __str__(self) -> str:
        """A table: one row per statement, the smallest and the largest value over the classes."""
        rows = [("", "smallest", "largest", "source")]
        for name, source in self.sources.items():
            values = np.asarray(getattr(self, name), dtype=np.float64)
            rows.append((name, f"{values.min():.6g}", f"{values.max():.6g}", source))
        return "\n".join(columns(rows))


@dataclass(frozen=True, eq=False)
class CosinePrediction(Prediction[CosineProblem]):
    """The cosine loss, fixed frame."""

    sources: ClassVar[Mapping[str, str]] = {
        **Prediction.sources,
        "feature_norm": "theorem of theory.multicenter.minimum",
        "minimum": "theory.multicenter.minimum.cosine_minimum",
        "value": "theory.multicenter.minimum.cosine_minimum",
        "rate": "theory.multicenter.flows.nc_rate",
        "algebraic_slope": "theory.multicenter.flows.algebraic_nc",
    }

    @cached_property
    def weights(self) -> Array:
        """beta_k; where it is cos alpha_k, at the angle of the class."""
        return self.center_cosine if self.problem.beta == "weighted" else self.problem.weights

    @property
    def feature_norm(self) -> Array:
        """1 (free for lam = 0)."""
        return np.ones(self.problem.n_classes)

    @cached_property
    def minimum(self) -> Array:
        """Smallest loss of one feature."""
        return minimum.cosine_minimum(self.counts, self.theta, self.weights)

    @property
    def value(self) -> float:
        """Smallest objective."""
        return float(self.sizes @ self.minimum)

    @cached_property
    def rate(self) -> Array:
        """Rate of exponential collapse in clock time; 0 where it is algebraic."""
        return flows.nc_rate(self.counts, self.theta, self.weights)

    @property
    def shared_rate(self) -> Array:
        """The rates per step, which all classes of a network share (:mod:`theory.multicenter.sharing`)."""
        return sharing.shared_rate(self.counts, self.theta, self.weights)

    @property
    def algebraic_slope(self) -> Array:
        """1 / (NC tau) for large clock time where the centers of the class coincide."""
        return 1.0 / flows.algebraic_nc(1.0, self.counts, self.weights)

    @property
    def tilt_rate(self) -> Array:
        """Rate in clock time at which (y / z)^2, the odds of the part in the differences of centers, fall."""
        return 4.0 * self.weights * geometry.squared_cosine(self.theta)

    @property
    def stiffness(self) -> float:
        """Largest curvature at the minimum: it limits the steps of explicit methods."""
        curvatures = minimum.cosine_curvatures(self.counts, self.theta, self.weights, self.problem.lam)
        return max(float(np.max(part)) for part in curvatures)

    def radius(self, t: ArrayLike, r0: ArrayLike) -> Array:
        """Feature norm after flow time ``t`` from ``r0``."""
        return clock.radius(t, r0, self.problem.lam)

    def clock(self, t: ArrayLike, r0: ArrayLike) -> Array:
        """A sample's own time after flow time ``t``."""
        return clock.clock(t, r0, self.problem.lam)

    def norm_penalty(self, t: float, spread: float) -> float:
        """What is left of the penalty of all features at time ``t``, from the sum of (r - 1)^2 at the start."""
        return float(flows.norm_penalty(t, spread, self.problem.lam))

    def time_to_nc(self, nc: float, nc0: float, r0: float, k: int, *, tilt: float, opposite: float) -> float:
        """Flow time of a sample of class ``k`` from ``nc0`` to ``nc`` (:func:`theory.multicenter.flows.time_to_nc`)."""
        theta, beta = float(self.theta[k]), float(self.weights[k])
        f = self.problem.centers[k]
        return flows.time_to_nc(nc, nc0, r0, f, theta, beta, self.problem.lam, tilt=tilt, opposite=opposite)

    def typical_start(self, start: Start) -> tuple[float, float, Array]:
        r"""Norm, 4 - NC and tilt y/z (one per class) of a typical start.

        Isotropic directions in d dimensions are orthogonal to the mean center (NC = 2), and split between the f - 1
        differences of centers and the other d - f directions as the numbers of these.
        """
        dim = self.problem.dim
        norm = start.scale * (np.sqrt(dim) if start.kind == "gaussian" else 1.0)
        opposite = 2.0
        if start.kind == "antipode":  # cos = -1 / sqrt(1 + offset^2), without the cancellation in 2 + 2 cos
            length = np.hypot(1.0, start.offset)
            opposite = 2.0 * start.offset**2 / (length * (length + 1.0))
        return float(norm), float(opposite), np.sqrt((self.counts - 1.0) / (dim - self.counts))

    def typical_time(self, start: Start, nc: float) -> Array:
        """Flow time in which a typical sample of each class collapses to ``nc``."""
        norm, opposite, tilts = self.typical_start(start)
        nc0, lam = max(4.0 - opposite, nc), self.problem.lam

        @cache  # classes that are alike take the same time
        def time(f: int, theta: float, beta: float, tilt: float) -> float:
            return flows.time_to_nc(nc, nc0, norm, f, theta, beta, lam, tilt=tilt, opposite=opposite)

        classes = (self.problem.centers, *(each.tolist() for each in (self.theta, self.weights, tilts)))
        return np.array([time(*alike) for alike in zip(*classes, strict=True)])

    def typical_rate(self, start: Start) -> Array:
        """Rate of exponential collapse in flow time: norms go to 1, or stay what they are for ``lam = 0``."""
        return self.rate if self.problem.lam else self.rate / self.typical_start(start)[0] ** 2


@dataclass(frozen=True, eq=False)
class MSEPrediction(Prediction[MSEProblem]):
    """P, fixed frame."""

    sources: ClassVar[Mapping[str, str]] = {
        **Prediction.sources,
        "feature_norm": "corollary 3.7",
        "minimum": "corollary 3.7",
        "value": "corollary 3.7",
        "mean_rate": "theory.multicenter.flows.mse_rates",
        "difference_rate": "theory.multicenter.flows.mse_rates",
        "null_rate": "theory.multicenter.flows.mse_rates",
    }

    @cached_property
    def feature_norm(self) -> Array:
        """Norm of the minimiser."""
        p = self.problem
        return minimum.mse_feature_norm(self.counts, self.theta, p.total, p.lam_h, self.lengths)

    @cached_property
    def minimum(self) -> Array:
        """Smallest loss of one feature."""
        return minimum.mse_minimum(self.counts, self.theta, self.problem.total, self.problem.lam_h, self.lengths)

    @property
    def constant(self) -> float:
        """The penalty of the fixed classifier."""
        return 0.5 * self.problem.lam_w * float(np.sum(self.lengths**2))

    @property
    def value(self) -> float:
        """Smallest objective."""
        return float(self.sizes @ self.minimum) + self.constant

    @cached_property
    def _rates(self) -> flows.Modes:
        return flows.mse_rates(self.counts, self.theta, self.problem.total, self.problem.lam_h, self.lengths)

    @property
    def mean_rate(self) -> Array:
        """Rate of decay along the mean center of each class."""
        return self._rates.mean

    @property
    def difference_rate(self) -> Array:
        """Rate of decay on the differences of the centers of each class."""
        return self._rates.difference

    @property
    def null_rate(self) -> float:
        """Rate of decay on what no center sees: lam_h."""
        return float(self._rates.null)

    def nc_with_residue(self, residue: Array, labels: NDArray[np.int64]) -> Array:
        """NC at the end of samples whose null-space part of that length never decays (lam_h = 0)."""
        return flows.nc_with_residue(self.feature_norm[labels], residue)


@dataclass(frozen=True, eq=False)
class LearnedMSEPrediction(Prediction[LearnedMSEProblem]):
    """P, learned frame: theorems 3.3 and 3.4, corrected; a class lives, or dies alone."""

    sources: ClassVar[Mapping[str, str]] = {
        **Prediction.sources,
        "living": "theory.multicenter.minimum.alive_threshold",
        "clearance": "theory.multicenter.minimum.alive_threshold",
        "square_norm": "theorems 3.3, 3.4, theory.multicenter.minimum",
        "feature_norm": "theorems 3.3, 3.4, theory.multicenter.minimum",
        "minimum": "theory.multicenter.minimum.learned_minimum",
        "value": "theory.multicenter.minimum.learned_minimum",
    }

    @cached_property
    def _own(self) -> dict[str, Any]:
        p = self.problem
        weights = {"lam_h": p.lam_h, "lam_w": p.lam_w}
        return {"f": self.counts, "theta": self.theta, "n": self.sizes, "total": p.total, **weights}

    @cached_property
    def clearance(self) -> Array:
        """By what factor each class clears its threshold: above 1 it lives. It falls as 1 / sqrt(lam_w lam_h)."""
        p = self.problem
        return self.center_cosine / minimum.alive_threshold(self.counts, self.sizes, p.total, p.lam_h, p.lam_w)

    @property
    def living(self) -> NDArray[np.bool_]:
        """Whether each class lives."""
        return self.clearance > 1.0

    @cached_property
    def square_norm(self) -> Array:
        """:math:`|w_k|^2`; 0 for classes that die."""
        return minimum.learned_square_norm(**self._own)

    @property
    def natural_square_norm(self) -> Array:
        """What it would be without its threshold: the scale by which to judge differences."""
        return minimum.natural_square_norm(self.counts, self.theta, self.sizes, self.problem.lam_h, self.problem.lam_w)

    @cached_property
    def feature_norm(self) -> Array:
        """:math:`|h_k|`."""
        return minimum.learned_feature_norm(**self._own)

    @property
    def natural_feature_norm(self) -> Array:
        """The same without its threshold."""
        p = self.problem
        return minimum.balanced_feature_norm(self.natural_square_norm, self.sizes, p.lam_h, p.lam_w)

    @cached_property
    def minimum(self) -> Array:
        """Share of each class in the minimum."""
        return minimum.learned_minimum(**self._own)

    @property
    def value(self) -> float:
        """Smallest objective."""
        return float(self.minimum.sum())

    @property
    def threshold(self) -> Array:
        """The cosine c above which a class lives."""
        return self.center_cosine / self.clearance

    def projected(self, square_norms: ArrayLike) -> Array:
        """Share of each class in P, minimised over features only, at :math:`|w_k|^2` (..., K)."""
        return minimum.projected_value(square_norms, **self._own)
