"""Problems that several claims are examined on. All are small, so that every means of finding out is affordable."""

from ufm.problems.kinds import CosineProblem, LearnedMSEProblem, MSEProblem

FRAME = CosineProblem((1, 1, 1), (1, 4, 9), 0.35)
"""One sample a class, for what depends on the frame alone."""

COSINE = CosineProblem((1, 1, 1), (2, 4, 7), 0.4, dim=24, beta=1.0, lam=0.5)
"""One sample a class under the cosine loss, for what depends on the landscape of a class."""

SPHERE = CosineProblem((3, 3, 3), (2, 4, 7), 0.4, dim=24, beta=1.0, lam=0.3)
"""Flows of the cosine loss, which take place on the sphere."""

SPHERE_FLOW = "flow in 24 dimensions"
"""How its flows are found."""

RIDGE = MSEProblem((6, 4, 2), (1, 3, 5), 0.3, dim=20, lam_h=0.02)
"""P with a fixed frame."""

BALANCED = LearnedMSEProblem((6, 6, 6), (3, 3, 3), 0.3, lam_h=1e-2, lam_w=1e-2)
"""P with a learned frame, all classes alike and alive."""

PARTIAL = LearnedMSEProblem((100, 10, 1), (1, 1, 1), 0.3, lam_h=2e-2, lam_w=3e-2)
"""P with a learned frame, and a class too rare to live."""

ORTHONORMAL = CosineProblem((1, 1, 1, 1), (1, 2, 4, 5), 0.0)
"""Directions that are all orthonormal, as proposition 3.1 has them."""

SHARES = (0.1, 0.15, 0.25, 0.5)
"""Probabilities of its classes."""

PAIR = CosineProblem((1, 1, 1), (5, 1, 2), 0.6)
"""Two classes of which one has five centers and the other one, and a third."""

NOISE = 0.1
"""Standard deviation around :data:`PAIR`: the paper's s = 0.01 is the variance."""

LONG_TAIL = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
"""Class sizes of CIFAR-10-LT, imbalance ratio 0.01."""
