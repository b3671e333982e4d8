"""Neural collapse to multiple centers on one page: a problem, its flow, the closed form, and a certificate.

Needs numpy and scipy only. Every sample of class k is a free feature h in d dimensions; it sees the f_k unit centers
w_j of its class through the cosine loss, and follows the gradient flow of

    L(h) = beta * sum_j (cos(w_j, h) - 1)^2 + lam * (|h| - 1)^2 .

Where does it end, how fast, and is that the best there is?  Run:  python examples/minimal.py
"""

import sys

import numpy as np
from scipy.integrate import solve_ivp

# 1. The problem: four classes, and the fewer samples a class has, the more centers it gets.
SIZES, CENTERS = np.array([6, 4, 3, 2]), np.array([2, 3, 4, 6])
THETA, BETA, LAM = 0.3, 1.0, 0.5
label = np.repeat(np.arange(len(SIZES)), SIZES)  # the class of each sample
owner = np.repeat(np.arange(len(CENTERS)), CENTERS)  # the class of each center
DIM = CENTERS.sum() + len(CENTERS) + 3  # the frame's, and some more


# 2. A multi-center frame: orthonormal v_j and w_k from one QR, then w_j = cos(theta) v_j + sin(theta) w_k.
def multi_center_frame(rng):
    """Centers (F, d) and classifier (K, d)."""
    rows = np.linalg.qr(rng.standard_normal((DIM, CENTERS.sum() + len(CENTERS))))[0].T
    auxiliary, classifier = np.split(rows, [CENTERS.sum()])
    return np.cos(THETA) * auxiliary + np.sin(THETA) * classifier[owner], classifier


# 3. The loss of every feature and its gradient; the mask lets a feature see the centers of its own class only.
def loss_and_gradient(features, centers):
    """Values (N,) and gradients (N, d)."""
    r = np.linalg.norm(features, axis=1, keepdims=True)
    u = features / r
    cosines = u @ centers.T
    miss = np.where(label[:, None] == owner, cosines - 1, 0)
    turn = miss @ centers - (miss * cosines).sum(1, keepdims=True) * u
    value = BETA * (miss**2).sum(1) + LAM * (r[:, 0] - 1) ** 2
    return value, 2 * BETA / r * turn + 2 * LAM * (r - 1) * u


# 4. The flow dh/dt = -gradient, in all d dimensions. A sample far out turns slowly: its clock runs at 1 / |h|^2.
def flow(features, centers, times):
    """Features (T, N, d) and clocks (T, N) at the given times."""
    shape = features.shape

    def velocity(_, state):
        h = state[: features.size].reshape(shape)
        return np.concatenate([-loss_and_gradient(h, centers)[1].ravel(), 1 / (h**2).sum(1)])

    start = np.concatenate([features.ravel(), np.zeros(len(features))])
    y = solve_ivp(velocity, (0, times[-1]), start, "DOP853", times, rtol=1e-12, atol=1e-14).y.T
    return y[:, : features.size].reshape(-1, *shape), y[:, features.size :]


# 5. The closed form. With c the cosine between a center and the mean of the centers of its class, features end at the
#    unit mean center; NC = |u - mean center|^2 falls like exp(-rate * tau); the class mean is not at its classifier.
def closed_form(f):
    """Value of the loss at the end, exponential rate of collapse, cosine between end and classifier."""
    c = np.sqrt(np.cos(THETA) ** 2 / f + np.sin(THETA) ** 2)
    return {"value": BETA * f * (1 - c) ** 2, "rate": 4 * BETA * f * c * (1 - c), "cosine": np.sin(THETA) / c}


# 6. The certificate. For |u| = 1 and any mu that makes A = W'W + mu I positive definite,
#      |W u - 1|^2 = |W u - 1|^2 + mu (|u|^2 - 1) >= min over all x of the same = f - mu - b' A^-1 b,   b = W' 1,
#    so no feature whatever is below the number on the right. The best mu comes from (W'W + mu) u = b at the end.
def lower_bound(u, centers):
    """A number that the loss of no feature of the class can go below."""
    gram, b = centers.T @ centers, centers.sum(0)
    mu = u @ (b - gram @ u)
    lifted = gram + mu * np.eye(len(gram))
    assert np.linalg.eigvalsh(lifted)[0] > 0
    return BETA * (len(centers) - mu - b @ np.linalg.solve(lifted, b))


# 7. The measured rate: the slope of ln NC over tau, late enough to be straight and early enough to be no rounding.
def slope(nc, clock):
    """Rate of exponential decay of one sample."""
    late = (nc < 1e-7) & (nc > 1e-11)
    return -np.polyfit(clock[late], np.log(nc[late]), 1)[0]


# 8. Both sides, class by class.
def comparison(seed=0):
    """Of each class a list of (quantity, predicted, measured, allowed difference)."""
    rng = np.random.default_rng(seed)
    centers, classifier = multi_center_frame(rng)
    features, clocks = flow(2 * rng.standard_normal((len(label), DIM)), centers, np.linspace(0, 40, 801))
    directions = features / np.linalg.norm(features, axis=2, keepdims=True)
    values, _ = loss_and_gradient(features[-1], centers)
    for k, f in enumerate(CENTERS):
        own, end, expected = np.flatnonzero(label == k), features[-1, label == k], closed_form(f)
        mean = centers[owner == k].mean(0)
        mean /= np.linalg.norm(mean)
        rates = [slope(((directions[:, i] - mean) ** 2).sum(1), clocks[:, i]) for i in own]
        bound = lower_bound(end[0], centers[owner == k])
        yield [
            ("distance from the unit mean center", 0, np.linalg.norm(end - mean, axis=1).max(), 1e-9),
            ("loss", expected["value"], values[own].max(), 1e-12),
            ("loss - lower bound for all features", 0, values[own].max() - bound, 1e-12),
            ("slowest rate of collapse", expected["rate"], min(rates), 1e-4),
            ("cosine to the classifier", expected["cosine"], classifier[k] @ end[0], 1e-9),
        ]


def main():
    """Print the table; 0 if all agree, else 1."""
    agree = True
    for k, rows in enumerate(comparison()):
        print(f"\n{f'class {k}: {SIZES[k]} samples, {CENTERS[k]} centers':<38}   predicted    measured  difference")
        for name, predicted, measured, allowed in rows:
            holds = bool(abs(measured - predicted) <= allowed)
            print(f"  {name:<36}{predicted:12.8f}{measured:12.8f}{measured - predicted:12.0e}{'' if holds else '  NO'}")
            agree = agree and holds
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
