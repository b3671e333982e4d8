"""Every measure of collapse by its definition, in loops over samples, with 50 digits."""

import itertools

import mpmath as mp
import numpy as np

from ufm.measure.conventions import Conventions

DIGITS = 50


def exact(values):
    """Rows of exact numbers of an array."""
    return [[mp.mpf(float(x)) for x in row] for row in np.asarray(values, dtype=np.float64)]


def plus(a, b, factor=1):
    return [x + factor * y for x, y in zip(a, b, strict=True)]


def times(a, factor):
    return [x * factor for x in a]


def dot(a, b):
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def norm(a):
    return mp.sqrt(dot(a, a))


def average(rows, weights=None):
    weights = weights or [mp.mpf(1) / len(rows)] * len(rows)
    return [mp.fsum(w * row[i] for w, row in zip(weights, rows, strict=True)) for i in range(len(rows[0]))]


def mean(numbers):
    return mp.fsum(numbers) / len(numbers)


def std(numbers):
    middle = mean(numbers)
    return mp.sqrt(mean([(x - middle) ** 2 for x in numbers]))


def cosine(a, b):
    return dot(a, b) / (norm(a) * norm(b))


def distance(a, b):
    """Between matrices that are scaled to length 1."""
    a, b = ([x for row in m for x in row] for m in (a, b))
    return norm(plus(times(a, 1 / norm(a)), times(b, 1 / norm(b)), -1))


def gram(rows):
    return [[dot(a, b) for b in rows] for a in rows]


def identity(k):
    return [[mp.mpf(i == j) for j in range(k)] for i in range(k)]


def simplex(k):
    return [[mp.mpf(i == j) - mp.mpf(1) / k for j in range(k)] for i in range(k)]


def outer_mean(rows, weights):
    """sum of w r r^T as a matrix of mpmath."""
    d = len(rows[0])
    return mp.matrix(
        [[mp.fsum(w * r[a] * r[b] for w, r in zip(weights, rows, strict=True)) for b in range(d)] for a in range(d)]
    )


def principal(matrix):
    """Eigenvalues, the largest first, and eigenvectors."""
    sizes, vectors = mp.eigsy(matrix)
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    return [sizes[i] for i in order], [[vectors[a, i] for a in range(matrix.rows)] for i in order]


def effective_rank(sizes):
    parts = [s / mp.fsum(sizes) for s in sizes if s > mp.mpf(10) ** -20]
    return mp.exp(-mp.fsum(p * mp.log(p) for p in parts))


def pairs_of(k):
    return list(itertools.permutations(range(k), 2))


class ByLoops:
    """Measures of a few samples: ``numbers()`` has them by name. Absent classes are left out of lists by class."""

    def __init__(self, features, labels, weights=None, bias=None, ood=None, frame=None, conventions=None):
        self.h, self.y = exact(features), [int(y) for y in labels]
        self.present = sorted(set(self.y))
        self.own = {k: [h for h, y in zip(self.h, self.y, strict=True) if y == k] for k in self.present}
        self.w = None if weights is None else exact(weights)
        self.b = None if weights is None else [mp.mpf(0)] * len(weights) if bias is None else exact([bias])[0]
        self.ood = None if ood is None else exact(ood)
        self.frame, self.conventions = frame, conventions or Conventions()

    def numbers(self):
        with mp.workdps(DIGITS):
            self.prepare()
            found = self.variability() | self.geometry() | self.decisions() | self.bounds()
            if self.w is not None:
                found |= self.classifier()
            if self.ood is not None:
                found |= self.outside()
            if self.frame is not None:
                found |= self.centers()
            return {
                name: np.array(list(map(float, x))) if isinstance(x, list) else float(x) for name, x in found.items()
            }

    def parts(self, choice):
        if choice == "samples":
            return [mp.mpf(len(self.own[k])) / len(self.h) for k in self.present]
        return [mp.mpf(1) / len(self.present)] * len(self.present)

    def prepare(self):
        self.means = [average(self.own[k]) for k in self.present]
        self.between, self.within = self.parts(self.conventions.between), self.parts(self.conventions.within)
        self.middle = average(self.means, self.between)
        self.centered = [plus(m, self.middle, -1) for m in self.means]
        middle = [mp.mpf(0)] * len(self.middle) if self.conventions.means == "raw" else self.middle
        self.compared = [plus(m, middle, -1) for m in self.means]
        self.away = [[plus(h, m, -1) for h in self.own[k]] for k, m in zip(self.present, self.means, strict=True)]
        self.variances = [mean([dot(a, a) for a in rows]) for rows in self.away]

    def variability(self):
        k = len(self.present)
        sizes, vectors = principal(outer_mean(self.centered, self.between))
        kept = [(s, v) for s, v in zip(sizes, vectors, strict=True) if s > mp.mpf(10) ** -30 * sizes[0]]
        assert len(kept) <= k - 1
        each = [mp.fsum(mean([dot(a, v) ** 2 for a in rows]) / s for s, v in kept) / k for rows in self.away]
        power = 2 if self.conventions.cdnv == "squared" else 4
        gap = {(i, j): plus(self.means[i], self.means[j], -1) for i, j in pairs_of(k)}
        cdnv = {(i, j): (self.variances[i] + self.variances[j]) / (2 * norm(g) ** power) for (i, j), g in gap.items()}
        along = {(i, j): mean([dot(a, g) ** 2 for a in self.away[i]]) / norm(g) ** 4 for (i, j), g in gap.items()}

        def of_class(values, i):
            return mean([v for (a, _), v in values.items() if a == i])

        total = dot([mp.mpf(1)] * k, [w * dot(c, c) for w, c in zip(self.between, self.centered, strict=True)])
        roots = [mp.sqrt(s) for s, _ in kept]
        everything = average(self.h)
        spread, _ = principal(
            outer_mean([plus(h, everything, -1) for h in self.h], [mp.mpf(1) / len(self.h)] * len(self.h))
        )
        return {
            "nc1": dot(self.within, each),
            "nc1_of_class": each,
            "nc1_trace_ratio": dot(self.within, self.variances) / total,
            "variance": self.variances,
            "cdnv": mean(list(cdnv.values())),
            "cdnv_of_class": [of_class(cdnv, i) for i in range(k)],
            "directional_cdnv": mean(list(along.values())),
            "directional_cdnv_of_class": [of_class(along, i) for i in range(k)],
            "effective_rank_of_means": effective_rank(roots),
            "effective_rank_of_features": effective_rank([mp.sqrt(s) for s in spread if s > mp.mpf(10) ** -30]),
        }

    def equal(self, rows):
        k = len(rows)
        cosines = [cosine(rows[i], rows[j]) for i, j in pairs_of(k)]
        norms = [norm(row) for row in rows]
        return std(norms) / mean(norms), std(cosines), mean([abs(c + mp.mpf(1) / (k - 1)) for c in cosines])

    def geometry(self):
        k = len(self.present)
        equinorm, equiangle, widest = self.equal(self.compared)
        units = [times(c, 1 / norm(c)) for c in self.compared]
        apart = [norm(plus(units[i], units[j], -1)) for i, j in pairs_of(k)]
        logs = [mp.log(1 / a) for a in apart]
        return {
            "nc2_equinorm": equinorm,
            "nc2_equiangle": equiangle,
            "nc2_max_angle": widest,
            "nc2_etf": distance(gram(self.compared), simplex(k)),
            "nc2_orthogonal": distance(gram(self.means), identity(k)),
            "uniformity_log": mean(logs),
            "uniformity_riesz": mean([1 / a for a in apart]),
            "uniformity_variation": std(logs) / abs(mean(logs)),
            "mean_norm": [norm(c) for c in self.compared],
        }

    def nearest(self, h):
        far = [norm(plus(h, m, -1)) for m in self.means]
        return self.present[far.index(min(far))]

    def decided(self, h):
        scores = [dot(w, h) + b for w, b in zip(self.w, self.b, strict=True)]
        return scores.index(max(scores))

    def decisions(self):
        right = [mean([mp.mpf(self.nearest(h) == k) for h in self.own[k]]) for k in self.present]
        found = {
            "nearest_mean_accuracy": mean([mp.mpf(self.nearest(h) == y) for h, y in zip(self.h, self.y, strict=True)]),
            "nearest_mean_accuracy_of_class": right,
            "feature_norm": [mean([norm(h) for h in self.own[k]]) for k in self.present],
            "zero_features": mean([mp.mpf(not any(h)) for h in self.h]),
        }
        if self.w is None:
            return found
        rows = list(zip(self.h, self.y, strict=True))
        return found | {
            "nc4_agreement": mean([mp.mpf(self.decided(h) == self.nearest(h)) for h in self.h]),
            "accuracy": mean([mp.mpf(self.decided(h) == y) for h, y in rows]),
            "accuracy_of_class": [mean([mp.mpf(self.decided(h) == k) for h in self.own[k]]) for k in self.present],
        }

    def bound(self, line, lead, rivals):
        """Cantelli's, summed over rivals, of each class; a single sample has the variance of the rival, or none."""
        rows = dict(zip(self.present, self.away, strict=True))

        def term(k, j):
            known = next((rows[i] for i in (k, j) if len(rows.get(i, ())) > 1), None)
            if known is None or lead(k, j) <= 0:
                return mp.mpf(1)
            v = mean([dot(a, line(k, j)) ** 2 for a in known])
            return v / (v + lead(k, j) ** 2)

        return [min(mp.mpf(1), mp.fsum(term(k, j) for j in rivals if j != k)) for k in self.present]

    def bounds(self):
        means = dict(zip(self.present, self.means, strict=True))
        shares = [mp.mpf(len(self.own[k])) / len(self.h) for k in self.present]

        def between(k, j):
            return plus(means[k], means[j], -1)

        near = self.bound(between, lambda k, j: dot(between(k, j), between(k, j)) / 2, self.present)
        found = {"nearest_mean_error_bound_of_class": near, "nearest_mean_error_bound": dot(shares, near)}
        if self.w is None:
            return found
        b = self.b or [mp.mpf(0)] * len(self.w)

        def apart(k, j):
            return plus(self.w[k], self.w[j], -1)

        lead = self.bound(apart, lambda k, j: dot(apart(k, j), means[k]) + b[k] - b[j], range(len(self.w)))
        return {**found, "classifier_error_bound_of_class": lead, "classifier_error_bound": dot(shares, lead)}

    def classifier(self):
        k = len(self.present)
        middle = average(self.w) if self.conventions.weights == "centered" else [mp.mpf(0)] * len(self.w[0])
        rows = [plus(self.w[i], middle, -1) for i in self.present]
        equinorm, equiangle, widest = self.equal(rows)
        cosines = [cosine(w, c) for w, c in zip(rows, self.compared, strict=True)]
        ahead = [dot(self.w[i], self.middle) + self.b[i] for i in self.present]
        return {
            "nc0_row_sum": norm(times(average(self.w), len(self.w))) / mp.fsum(norm(w) for w in self.w),
            "bias_collapse": norm(ahead),
            "nc2_weight_equinorm": equinorm,
            "nc2_weight_equiangle": equiangle,
            "nc2_weight_max_angle": widest,
            "nc2_weight_etf": distance(gram(rows), simplex(k)),
            "weight_norm": [norm(w) for w in rows],
            "nc3_duality": distance(rows, self.compared),
            "nc3_product": distance([[dot(w, c) for c in self.compared] for w in rows], simplex(k)),
            "nc3_cosine_of_class": cosines,
            "nc3_cosine": mean(cosines),
            "nc3_uniformity": std(cosines),
            "nc3_variation": std(cosines) / abs(mean(cosines)),
        }

    def outside(self):
        far, middle = average(self.ood), average(self.h)
        cosines = [abs(cosine(m, far)) for m in self.means]
        n = len(self.h)
        n_classes = len(self.w) if self.w is not None else max(self.y) + 1
        _, vectors = principal(outer_mean([plus(h, middle, -1) for h in self.h], [mp.mpf(1) / n] * n))

        def score(h):
            away = plus(h, middle, -1)
            return norm([dot(away, v) for v in vectors[:n_classes]]) / norm(away)

        inside, outside = [score(h) for h in self.h], [score(h) for h in self.ood]
        wins = [mp.mpf(a > b) + mp.mpf(a == b) / 2 for a in inside for b in outside]
        return {"nc5_of_class": cosines, "nc5_orthogonality": mean(cosines), "neco_auroc": mean(wins)}

    def centers(self):
        k, d = self.present, len(self.h[0])
        directions, classifier = exact(self.frame.mean_directions), exact(self.frame.classifier)
        groups = [exact(self.frame.class_centers(i)) for i in range(self.frame.n_classes)]
        rules = {
            "rcr": [[row] for row in classifier],
            "gcr": groups,
            "nearest": [[row] for row in directions],
        }

        def decides(name, h):
            scores = [max(dot(row, h) for row in rows) for rows in rules[name]]
            return scores.index(max(scores))

        directed = {i: [times(h, 1 / norm(h)) for h in self.own[i] if any(h)] for i in k}
        away = {i: [plus(u, directions[i], -1) for u in directed[i]] for i in k}
        nc = {i: [dot(a, a) for a in away[i]] for i in k}
        entries = [x for i in k for a in away[i] for x in a]
        norms = [norm(m) for m in self.means]
        cosines = gram([times(m, 1 / n) for m, n in zip(self.means, norms, strict=True)])
        samples = list(zip(self.h, self.y, strict=True))
        assert d == self.frame.dim
        return {
            "nc_mean": [mean(nc[i]) for i in k],
            "nc_std": [std(nc[i]) for i in k],
            "nc_max": [max(nc[i]) for i in k],
            "entry_mean": mean(entries),
            "entry_std": std(entries),
            "variability": [1 - mean([cosine(u, classifier[i]) for u in directed[i]]) for i in k],
            "self_duality": [cosine(m, directions[i]) for i, m in zip(k, self.means, strict=True)],
            "equinorm": std(norms) / mean(norms),
            "equiangularity": max(abs(c - (a == b)) for a, row in enumerate(cosines) for b, c in enumerate(row)),
            **{
                f"{'nearest_mean_center' if name == 'nearest' else name}_accuracy": mean(
                    [mp.mpf(decides(name, h) == y) for h, y in samples]
                )
                for name in rules
            },
        }
