"""Objectives of models without a frame, written once more like their formulas. Loops on purpose; complex numbers pass.

Nothing of the losses and layouts of the package is used: what a model says is read from its fields alone.
"""

import mpmath
import numpy as np

LOSSES = {
    "ce": lambda x, y: sum(y) * np.log(np.exp(x).sum()) - (y * x).sum(),
    "mse": lambda x, y: 0.5 * ((x - y) ** 2).sum(),
    "bce": lambda x, y: (np.log(1 + np.exp(x)) - y * x).sum(),
    "squared-hinge": lambda x, y: 0.5 * ((1 - y) * positive(1 - (y * x).sum() + x) ** 2).sum(),
    "hinge": lambda x, y: ((1 - y) * positive(1 - (y * x).sum() + x)).sum(),
}


def positive(x):
    """The larger one of x and 0, by its real part."""
    return np.where(np.real(x) > 0, x, 0)


def given(values, count, default):
    """A field with a number for each class or output, or its default."""
    return np.full(count, default) if values is None else np.asarray(values)


def row_loss(model, k, z):
    """omega_k l(delta_j epsilon_k z_j + iota_j, y_k), the loss of a sample of class k with logits z."""
    count, classes = len(z), len(model.class_sizes)
    y = np.array([(1 - model.smoothing) * (j == k) + model.smoothing / count for j in range(count)])
    if model.targets is not None:
        y = np.array(model.targets[k])
    delta, iota = given(model.temperatures, count, 1.0), given(model.shifts, count, 0.0)
    omega, epsilon = given(model.weights, classes, 1.0)[k], given(model.sample_temperatures, classes, 1.0)[k]
    return omega * LOSSES[model.loss](delta * epsilon * z + iota, y)


def mean_loss(model, logits):
    """(1 / N) sum_k n_k l_k, of a row of logits for each class."""
    sizes = model.class_sizes
    return sum(n * row_loss(model, k, z) for k, (n, z) in enumerate(zip(sizes, logits, strict=True))) / sum(sizes)


def squares(x):
    """The sum of squares; not of absolute values, which no complex step sees through."""
    return (x * x).sum()


def bias_decay(model):
    """lam_b, 0 where the bias is free or not there."""
    return 0.0 if isinstance(model.bias, str) else model.bias


def objective(model, weights, features, bias):
    """Of weights (K, d), a feature for each class (m, d), and a bias (K,) or none."""
    logits = features @ weights.T + (bias if len(bias) else 0.0)
    held = sum(n * squares(h) for n, h in zip(model.class_sizes, features, strict=True))
    decay = model.lam_w * squares(weights) + model.lam_h * held + bias_decay(model) * squares(bias)
    return mean_loss(model, logits) + 0.5 * decay


def expanded(group, matrix, inside):
    """A by classes: (M_ab - [a = b] s_a) / sqrt(m_a m_b) everywhere, and s_a on the diagonal."""
    copies = np.bincount(group)
    return np.array(
        [
            [
                (matrix[a, b] - (a == b) * inside[a]) / np.sqrt(copies[a] * copies[b]) + (i == j) * inside[a]
                for j, b in enumerate(group)
            ]
            for i, a in enumerate(group)
        ]
    )


def program(model, group, parts, root):
    """The convex program over factors: A = U V^T of groups of classes, inside them sigma^2, and a bias for each group.

    group : of each class, or None where each stands for itself. root : what A is divided by to be logits, (m,).
    """
    u, v, sigma, b = parts
    copies = np.ones(len(u)) if group is None else np.bincount(group)
    lam = np.sqrt(model.lam_w * model.lam_h)
    inside = lam * ((copies - 1)[: len(sigma)] * sigma**2).sum()
    held = 0.5 * bias_decay(model) * (copies[: len(b)] * b**2).sum()
    return (
        program_loss(model, group, (u @ v.T, sigma**2, b), root) + 0.5 * lam * (squares(u) + squares(v)) + inside + held
    )


def program_loss(model, group, parts, root):
    """Its losses alone, of M, s and the bias."""
    matrix, inside, b = parts
    if group is not None:
        matrix, b = expanded(group, matrix, inside), b[group] if len(b) else b
    return mean_loss(model, (matrix / root).T + (b if len(b) else 0.0))


def deep(model, factors):
    """Of layers W_1 ... W_M and features, in units F_l = sqrt(lam_l / lam) W_l, F_0 = sqrt(lam_h / lam) H D^(1/2)."""
    decays = np.broadcast_to(model.lam_w, (model.layers,))
    lam = (np.prod(decays) * model.lam_h) ** (1 / (model.layers + 1))
    layers = [f / np.sqrt(decay / lam) for f, decay in zip(factors[1:], decays, strict=True)]
    features = (factors[0] / np.sqrt(model.lam_h / lam) / np.sqrt(np.array(model.class_sizes))).T
    held = model.lam_h * sum(n * squares(h) for n, h in zip(model.class_sizes, features, strict=True))
    decay = held + sum(each * squares(w) for each, w in zip(decays, layers, strict=True))
    logits = features.T
    for w in layers:
        logits = w @ logits
    return mean_loss(model, logits.T) + 0.5 * decay


def sphere(model, rows):
    """ln(objective) / tau of rows of any length, K weights and K features: real and imaginary part.

    Losses may be smaller or larger than any number: exponents stay logarithms, and what they become has no end.
    """
    k, tau = model.n_classes, model.temperature
    units = rows / np.sqrt((rows * rows).sum(axis=1))[:, None]
    value = mpmath.mpf(0)
    with mpmath.workdps(40):
        for own, n in enumerate(model.class_sizes):
            others = [tau * ((units[j] - units[own]) * units[k + own]).sum() for j in range(k) if j != own]
            top = max(others, key=np.real)
            total = top + np.log(sum(np.exp(each - top) for each in others))
            foreign = mpmath.exp(mpmath.mpc(total.real, total.imag))
            # ln(1 + x) is x where 1 + x has no digits left
            loss = foreign if abs(foreign) < mpmath.mpf(10) ** -30 else mpmath.log(1 + foreign)
            value += n * loss / sum(model.class_sizes)
        said = mpmath.log(value) / tau
    return said.real, said.imag


def dot_regression(model, features):
    """(1 / 2 s N) sum_k n_k (<w_k, h_k> - t)^2."""
    miss = [(w * h).sum() - model.target for w, h in zip(model.weights, features, strict=True)]
    reach = np.sqrt(model.energy_w * model.energy_h)
    return sum(n * x**2 for n, x in zip(model.class_sizes, miss, strict=True)) / (2 * reach * sum(model.class_sizes))
