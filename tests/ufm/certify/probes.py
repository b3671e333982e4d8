"""What solvers and flows differentiate, kind by kind: the objective by its definition, and their value and gradient.

A kind of model without probes is a TypeError: the laws of the zoo are for all of them.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import ufm
from tests import oracles
from tests.ufm.certify import by_definition
from ufm.minimize.deep import Layered
from ufm.minimize.factored import Factored
from ufm.minimize.layouts import Whole, layout_of
from ufm.minimize.nonnegative import Masked
from ufm.minimize.projection import Kinds, ProjectedLocal, Regression
from ufm.minimize.sphere import OnSpheres, samples_of
from ufm.minimize.turned import TurnedLocal
from ufm.problems.balanced_flow import BalancedFlow
from ufm.problems.feature_point import Field, Point
from ufm.problems.kinds import CosineProblem, LearnedCosineProblem, LearnedMSEProblem
from ufm.problems.losses import loss_of
from ufm.problems.objective import objective_at
from ufm.problems.state import State, mixing, random_state

STEP = 1e-100
"""Of complex steps: nothing is subtracted."""


class Probe(NamedTuple):
    """A function at a point, twice."""

    x: Any
    """All numbers that move, flat."""
    at: Callable
    """Of x: value and gradient as the package has them."""
    along: Callable
    """Of a direction: value and slope at x, by definition and complex steps."""
    turned: Callable | None = None
    """Of a vector like x and a rotation (d, d): the same after it, where the objective cannot tell."""
    dim: int = 0
    """d."""
    factor: float = 1.0
    """By what rounding is larger than that of the numbers themselves."""


def complex_step(function, x):
    """Value and slope of a function of flat numbers along a direction."""

    def along(direction):
        said = function(x + 1j * STEP * direction)
        return said.real, said.imag / STEP

    return along


def split(x, parts):
    """Pieces of a vector, in the shapes of ``parts``."""
    cuts = np.cumsum([part.size for part in parts])[:-1]
    return [piece.reshape(part.shape) for piece, part in zip(np.split(x, cuts), parts, strict=True)]


def flat(parts):
    """The inverse."""
    return np.concatenate([part.ravel() for part in parts])


@functools.singledispatch
def probes(model, rng):
    """All that is differentiated for a kind of model, at random points."""
    raise TypeError(f"nobody has written down once more what a {type(model).__name__} minimises")


@probes.register
def _(model: ufm.FeatureModel, rng):
    yield of_flow(model, rng)
    yield of_program(model, rng, layout_of(model))


@probes.register
def _(model: BalancedFlow, rng):
    yield of_flow(model.model, rng)


@probes.register
def _(model: ufm.NonnegativeModel, rng):
    yield of_program(model, rng, Whole(model), Masked)


@probes.register
def _(model: ufm.PeeledModel, rng):
    with_decay = model.penalised(0.01)
    yield of_program(with_decay, rng, layout_of(with_decay).unweighted())


def of_flow(model, rng):
    """What the flow moves along, and what the solver that has all samples descends: a feature for each class."""
    field, outputs = Field(model, full=False), model.n_outputs
    bias = rng.standard_normal(0 if model.bias == "none" else outputs)
    parts = rng.standard_normal((outputs, model.dim)), rng.standard_normal((model.n_classes, model.dim)), bias

    def at(x):
        value, slopes = field.at(Point(*split(x, parts)))
        return value, slopes._replace(features=field.counts[:, None] * slopes.features).flat()

    def turned(x, rotation):
        w, h, b = split(x, parts)
        return flat((w @ rotation, h @ rotation, b))

    x = flat(parts)
    along = complex_step(lambda z: by_definition.objective(model, *split(z, parts)), x)
    return Probe(x, at, along, turned, model.dim)


def of_program(model, rng, layout, kind=Factored):
    """What the convex program is solved by, and the one behind a ReLU: factors, and groups of equal classes."""
    (rows, columns), rank = layout.shape, min(model.dim, *layout.shape)
    size, bias = layout.root.max() ** 0.5, 0 if model.bias == "none" else len(layout.copies)
    drawn = [size * rng.standard_normal((count, rank)) for count in (rows, columns)]
    parts = drawn[0], np.abs(drawn[1]), size * rng.standard_normal(len(layout.repeats)), rng.standard_normal(bias)

    def at(x):
        local = kind(layout, model.strength, model.bias_decay, split(x, parts))
        return local.value, local.gradient

    def turned(x, rotation):
        u, v, *rest = split(x, parts)
        return flat((u @ rotation, v @ rotation, *rest))

    root = np.ones(model.n_classes) if np.all(layout.root == 1) else np.sqrt(np.array(model.class_sizes))
    group = layout.group if len(layout.repeats) else None
    along = complex_step(lambda z: by_definition.program(model, group, split(z, parts), root), flat(parts))
    return Probe(flat(parts), at, along, turned, rank)


@probes.register
def _(model: ufm.DeepModel, rng):
    layout, d = Whole(model), model.dim
    shapes = [(d, len(layout.root)), *[(d, d)] * (model.layers - 1), (model.n_outputs, d)]
    parts = [layout.root.max() ** (1 / len(shapes)) / d**0.5 * rng.standard_normal(shape) for shape in shapes]

    def at(x):
        local = Layered(layout, model.strength, split(x, parts))
        return local.value, local.gradient

    def turned(x, rotation):
        first, *inner, last = split(x, parts)
        return flat((rotation.T @ first, *(rotation.T @ each @ rotation for each in inner), last @ rotation))

    along = complex_step(lambda z: by_definition.deep(model, split(z, parts)), flat(parts))
    yield Probe(flat(parts), at, along, turned, d)


@probes.register
def _(model: ufm.SphereModel, rng):
    """At random, where the worst sample is all, and with features at their weights, where losses are next to none."""
    samples, shape = samples_of(model), (2 * model.n_classes, model.dim)
    drawn = rng.standard_normal(shape)
    near = drawn[: model.n_classes]
    for rows in (drawn, np.vstack([near, near + 1e-3 * drawn[model.n_classes :]])):
        units = rows / np.linalg.norm(rows, axis=1)[:, None]

        def at(x):
            local = OnSpheres(samples, model.temperature, x.reshape(shape))
            return local.value, local.gradient

        def along(direction, units=units):
            value, slope = by_definition.sphere(model, units + 1j * STEP * direction.reshape(shape))
            return float(value), float(slope / STEP)

        def turned(x, rotation):
            return (x.reshape(shape) @ rotation).ravel()

        # an exponential is off by as many units in the last place as its exponent is large
        yield Probe(units.ravel(), at, along, turned, model.dim, factor=1.0 + model.temperature)


@probes.register
def _(model: ufm.DotRegressionModel, rng):
    """No solver differentiates it: the multiplier of the bound is what slopes come to."""
    found = ufm.minimize(model)
    pulls = -found.certificate.multiplier * np.array(model.class_sizes) / model.n_samples
    slopes, shape = pulls[:, None] * model.weights, model.weights.shape
    along = complex_step(lambda z: by_definition.dot_regression(model, z.reshape(shape)), found.class_features.ravel())
    yield Probe(found.class_features.ravel(), lambda x: (found.value, slopes.ravel()), along)


@probes.register
def _(problem: CosineProblem, rng):
    frame = ufm.multi_center_frame(problem)
    loss, shape, classes = loss_of(problem, frame), (problem.n_classes, problem.dim), range(problem.n_classes)
    sizes = np.array(problem.class_sizes)

    def at(x):
        values, slopes = loss.value_and_gradient(x.reshape(shape), np.arange(len(sizes)))
        return sizes @ values, (sizes[:, None] * slopes).ravel()

    def objective(z):
        return sum(sizes[k] * oracles.sample_loss(problem, frame, z.reshape(shape)[k], k) for k in classes)

    x = rng.standard_normal(shape).ravel()
    yield Probe(x, at, complex_step(objective, x))


@probes.register
def _(problem: LearnedCosineProblem, rng):
    yield of_frame(problem, random_state(problem, 0, full=False))


@probes.register
def _(problem: LearnedMSEProblem, rng):
    """Rows, norms and features; the same without rotations; and norms alone, the best features given."""
    state = random_state(problem, 0, full=False)
    state = state._replace(norms=rng.standard_normal(problem.n_classes))
    yield of_frame(problem, state)
    rows, objective = np.eye(len(state.rows)), objective_at(problem, state)
    parts = state.norms, rng.standard_normal((len(rows), problem.n_classes))

    def without_rotations(x):
        local = TurnedLocal(objective, *split(x, parts))
        return local.value, local.gradient

    def there(z):
        norms, coordinates = split(z, parts)
        return oracles.learned_objective(problem, State(rows, norms, coordinates.T))

    yield Probe(flat(parts), without_rotations, complex_step(there, flat(parts)))

    def projected(x):
        local = ProjectedLocal(Regression(problem, Kinds.of(problem, x)), x)
        return local.value, local.gradient

    def best(norms):
        owner = np.repeat(np.arange(problem.n_classes), problem.centers)
        centers = norms[owner, None] * mixing(problem).toarray()
        targets = (owner[:, None] == np.arange(problem.n_classes)).astype(float)
        ridge = centers.T @ centers + problem.lam_h * problem.total * np.eye(len(rows))
        return oracles.learned_objective(problem, State(rows, norms, np.linalg.solve(ridge, centers.T @ targets).T))

    yield Probe(state.norms, projected, complex_step(best, state.norms))


def of_frame(problem, state):
    """A learned frame and a feature for each class; norms of the cosine loss are constants, and do not move."""
    moving = np.ones(state.flat().size, dtype=bool)
    if isinstance(problem, CosineProblem):
        moving[state.rows.size : state.rows.size + state.norms.size] = False

    def at(x):
        there = state.flat()
        there[moving] = x
        value, slopes = objective_at(problem, state).value_and_gradient(state.unflat(there))
        return value, slopes.flat()[moving]

    def value(z):
        there = state.flat().astype(complex)
        there[moving] = z
        return oracles.learned_objective(problem, state.unflat(there))

    def turned(x, rotation):
        there = state.flat()
        there[moving] = x
        rows, norms, features = state.unflat(there)
        return State(rows @ rotation, norms, features @ rotation).flat()[moving]

    x = state.flat()[moving]
    return Probe(x, at, complex_step(value, x), turned, state.rows.shape[1])
