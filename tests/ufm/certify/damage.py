"""Ways to put off what was simulated or measured, never what is predicted, by a number."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import ufm
from ufm.certify import bounds, cosine, slow
from ufm.measure import metrics
from ufm.minimize.solution import Solution
from ufm.problems.frames import dense


class Tooth(NamedTuple):
    """How far the data of a check may be off, in what unit, and how to put them off by that."""

    tolerance: float
    damage: Any
    """Of a subject, by a number, with pytest's ``monkeypatch``."""
    also: tuple[str, ...] = ()
    """Checks that cannot hold where this one fails."""


# Damage: functions of a subject (of which everything may be changed), a number and pytest's monkeypatch.


def recorded(name, row, change):
    """A record of the first class: ``change(old, x)``."""

    def damage(t, x, patch):
        t.curves.sums[name][row, 0] = change(t.curves.sums[name][row, 0], x)

    return damage


def wrapped(owner, name, change):
    """What a function of the simulation returns: ``change(returned, x)``."""

    def damage(subject, x, patch):
        right = getattr(owner, name)
        patch.setattr(owner, name, lambda *given, **named: change(right(*given, **named), x))

    return damage


def put(name, change=lambda old, x: old + x):
    """An attribute of the subject."""

    def damage(subject, x, patch):
        subject.__dict__[name] = change(getattr(subject, name), x)

    return damage


def other(name, *place):
    """A flag of the subject turned over."""

    def damage(subject, x, patch):
        flags = getattr(subject, name).copy()
        flags[place] ^= True
        subject.__dict__[name] = flags

    return damage


def loss(value=0.0, slope=0.0, still=0.0, constant=0.0):
    """The loss that is simulated, with shares of x in its parts."""

    def wrong(right, x):
        def value_and_gradient(features, labels):
            values, gradients = right.value_and_gradient(features, labels)
            return values * (1.0 + value * x), gradients * (1.0 + slope * x) + still * x * metrics.unit_rows(features)

        return SimpleNamespace(constant=right.constant * (1.0 + constant * x), value_and_gradient=value_and_gradient)

    return wrapped(slow, "loss_of", wrong)


def cosines(rows):
    """Between so many vectors."""
    return wrapped(metrics, "gram", lambda gram, x: gram + x * (1.0 - np.eye(len(gram))) * (len(gram) == rows))


def rising(t, x, patch):
    before, now = t.value[-3:-1]
    t.curves.sums["value"][-2, 0] += before - now + x * abs(t.value[0])


def faster(t, x, patch):
    t.curves.sums["nc_log10"] *= 1.0 + x


def lower(t, x, patch):
    t.curves.sums["nc_log10"][-1] += np.log10(1.0 + x) * np.array(t.problem.class_sizes)


def tilted(t, x, patch):
    t.final[:3] += x * np.linalg.norm(t.final[:3], axis=1, keepdims=True) * t.frame.direction(1)


def pushed(t, x, patch):
    """Along the own mean centers, in parts of the longer of start and end."""
    lengths = [np.linalg.norm(features, axis=1) for features in (t.initial, t.final)]
    t.final[:] += x * np.maximum(*lengths)[:, None] * dense(t.frame.mean_directions)[t.problem.labels]


def shortened(t, x, patch):
    """The part that the centers see."""
    t.final[:] -= x * dense(t.frame.mean_directions)[t.problem.labels]


def remembered(t, x, patch):
    t.final[:] += x * slow.null_part(t.frame, t.final)


def in_three_coordinates(t, x, patch):
    right = cosine.gradient_flow

    def wrong(problem, **options):
        found = right(problem, **options)
        found.features[:] *= 1.0 + x * (options["method"] == "reduced")
        return found

    patch.setattr(cosine, "gradient_flow", wrong)


def nearer(snapshots, x):
    return ((j, snapshot._replace(nc=snapshot.nc * (1.0 + x))) for j, snapshot in snapshots)


def claimed(solution, x, patch):
    """Another bound than the multiplier proves."""
    stored = solution.certificate
    solution.__dict__["certificate"] = type(stored)(
        stored.statement, stored.multiplier, stored.bound - x, stored.problem
    )


def proved(solution, x, patch):
    """A multiplier that proves less."""
    claimed(solution, x, patch)
    wrapped(bounds, "verify", lambda bound, x: bound - x)(solution, x, patch)


def longer(solution, x, patch):
    solution.class_features[0] *= 1.0 + x


def outside(name):
    """The first row of features turned out of everything that the frame spans, to an NC of x."""

    def damage(solution, x, patch):
        rows = getattr(solution, name)
        spanned = np.concatenate([dense(solution.frame.centers), dense(solution.frame.classifier)])
        rows[0] += np.sqrt(x) * np.linalg.norm(rows[0]) * np.linalg.svd(spanned)[2][-1]

    return damage


def classifier(solution, x, patch):
    right = solution.norms
    patch.setattr(Solution, "norms", property(lambda self: right * np.sqrt(1.0 + x)))


def trained_classifier(t, x, patch):
    norms = t.curves.frame["norm"]
    norms[-1, 0] = np.sqrt(norms[-1, 0] ** 2 + x * ufm.predict(t.problem).natural_square_norm[0])


def phase_classifier(diagram, x, patch):
    diagram.square_norms[0, 0, 0] += x * ufm.predict(diagram.problems[0][0]).natural_square_norm[0]


def off_the_manifold(t, x, patch):
    t.curves.frame["defect"][3] = x


def too_low(t, x, patch):
    t.curves.sums["value"][-1, 0] -= t.value[-1] - ufm.predict(t.problem).value + x


def squares(name):
    """Squared norms, where Gram matrices and what lives stay as they are."""

    def damage(geometry, x, patch):
        for kept in ("weight_gram", "feature_gram", "alive"):
            getattr(geometry, kept)
        own, gram = getattr(geometry, name)
        geometry.__dict__[name] = own + x, gram

    return damage
