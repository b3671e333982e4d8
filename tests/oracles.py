"""Slow, dense, obvious versions of what the package does fast. Loops on purpose."""

from types import SimpleNamespace

import numpy as np
from scipy import linalg


def dense(matrix):
    """An ndarray of a dense or sparse matrix."""
    return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)


def centers_by_definition(problem, auxiliary, classifier):
    """w_j = cos(theta) v_j + sin(theta) w_k, one row at a time."""
    rows, j = [], 0
    for k, count in enumerate(problem.centers):
        for _ in range(count):
            rows.append(np.cos(problem.theta) * auxiliary[j] + np.sin(problem.theta) * classifier[k])
            j += 1
    return np.array(rows)


def class_rows(problem, matrix, k):
    """Rows of F x anything that belong to class k."""
    first = sum(problem.centers[:k])
    return dense(matrix)[first : first + problem.centers[k]]


def mean_direction(problem, frame, k):
    """Unit mean center of class k."""
    mean = class_rows(problem, frame.centers, k).mean(axis=0)
    return mean / np.linalg.norm(mean)


def sample_loss(problem, frame, h, k):
    """Loss of one feature, written like its formula; complex h allowed, for complex-step derivatives."""
    if problem.loss == "cosine":
        r = np.sqrt(np.sum(h * h))
        total = sum((np.sum(w * h) / r - 1.0) ** 2 for w in class_rows(problem, frame.centers, k))
        return problem.weights[k] * total + problem.lam * (r - 1.0) ** 2
    y = np.zeros(problem.n_centers)
    y[sum(problem.centers[:k]) : sum(problem.centers[: k + 1])] = 1.0
    miss = dense(frame.centers) @ h - y
    return np.sum(miss * miss) / (2 * problem.total) + 0.5 * problem.lam_h * np.sum(h * h)


def gradient(problem, frame, h, k, step=1e-30):
    """Gradient of one feature's loss by the complex step."""
    result = np.empty(h.size)
    for i in range(h.size):
        moved = h.astype(complex)
        moved[i] += 1j * step
        result[i] = np.imag(sample_loss(problem, frame, moved, k)) / step
    return result


def objective(problem, frame, features):
    """Sum of all losses and the constant part."""
    total = sum(sample_loss(problem, frame, h, k) for h, k in zip(features, problem.labels, strict=True))
    return total + 0.5 * (getattr(problem, "lam_w", 0.0)) * np.sum(dense(frame.classifier) ** 2)


def descend(problem, frame, features, step, n_steps, momentum=0.0):
    """Heavy-ball gradient descent with complex-step gradients."""
    h, v = features.copy(), np.zeros_like(features)
    for _ in range(n_steps):
        g = np.array([gradient(problem, frame, x, k) for x, k in zip(h, problem.labels, strict=True)])
        v = momentum * v - step * g
        h = h + v
    return h


def mse_flow(problem, frame, features, time):
    """Flow of P by the matrix exponential in d + 1 dimensions: no minimiser is needed, so lam_h = 0 is no exception."""
    w = dense(frame.centers)
    result = []
    for h, k in zip(features, problem.labels, strict=True):
        y = np.zeros(problem.n_centers)
        y[sum(problem.centers[:k]) : sum(problem.centers[: k + 1])] = 1.0
        field = np.zeros((h.size + 1, h.size + 1))
        field[:-1, :-1] = -(w.T @ w / problem.total + problem.lam_h * np.eye(h.size))
        field[:-1, -1] = w.T @ y / problem.total
        result.append((linalg.expm(time * field) @ np.append(h, 1.0))[:-1])
    return np.array(result)


def collapse(problem, frame, features):
    """NC of every sample."""
    return np.array(
        [
            np.sum((h / np.linalg.norm(h) - mean_direction(problem, frame, k)) ** 2)
            for h, k in zip(features, problem.labels, strict=True)
        ]
    )


def by_class(problem, values, statistic):
    """A statistic of each class's values."""
    return np.array([statistic(values[problem.labels == k]) for k in range(problem.n_classes)])


def learned_objective(problem, state):
    """Objective of a frame, norms and features, one row per class or sample; complex states allowed."""
    rows, norms, features = state
    owner = np.repeat(np.arange(problem.n_classes), problem.centers)
    v, w0 = norms[owner, None] * rows[: problem.n_centers], norms[:, None] * rows[problem.n_centers :]
    frame = SimpleNamespace(centers=centers_by_definition(problem, v, w0))
    one_each = len(features) == problem.n_classes
    labels = range(problem.n_classes) if one_each else problem.labels
    weights = problem.class_sizes if one_each else np.ones(problem.n_samples)
    value = sum(n * sample_loss(problem, frame, h, k) for n, h, k in zip(weights, features, labels, strict=True))
    return value + 0.5 * (getattr(problem, "lam_w", 0.0)) * np.sum(norms**2)


def learned_gradient(problem, state, step=1e-30):
    """Its Euclidean gradient, flat, by the complex step."""
    x = state.flat()
    result = np.empty(x.size)
    for i in range(x.size):
        moved = x.astype(complex)
        moved[i] += 1j * step
        result[i] = np.imag(learned_objective(problem, state.unflat(moved))) / step
    return result
