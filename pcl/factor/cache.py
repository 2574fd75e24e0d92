"""Factorisations shared by content, and counted."""

import contextvars

from pcl.factor.checked import factorise
from pcl.factor.watch import Watch
from pcl.support.arrays import digest
from pcl.support.caches import Bounded
from pcl.support.context import having


# Patterns of which it is kept how their matrices were judged.
WATCHED = 32


class Factor:
    """A⁻¹ as a value: `F.solve(b)` and `F.solve(b, transpose=True)`.

    Solves are counted in `counts.back_substitutions`, one a right-hand side; `entries` estimates the
    multiplications of one, `nbytes` is the memory held.
    """

    def __init__(self, backend, n, counts):
        self._backend, self.n, self._counts = backend, n, counts
        self.nbytes, self.entries = backend.nbytes, backend.entries

    def solve(self, b, transpose=False):
        self._counts.back_substitutions += 1 if b.ndim == 1 else b.shape[1]
        return self._backend.solve(b, transpose)


class Counts:
    """Numbers of factorisations and of back-substitutions (right-hand sides) so far."""

    def __init__(self):
        self.factorisations = 0
        self.back_substitutions = 0

    def __repr__(self):
        return (f"Counts(factorisations={self.factorisations}, "
                f"back_substitutions={self.back_substitutions})")


class FactorCache:
    """Factorisations by content: one a matrix.

    Between evaluations the factors of the last one are kept, so that matrices which do not
    change are not factorised again, as long as they hold at most `budget` bytes together. Within one,
    the latest factors are kept up to twice the budget, and up to twice the `capacity` if there is one:
    a march through many matrices does not hold them all.

    Attributes
    ----------
    counts : Counts
    solutions : dict
        Of equations that start from their last solution: {call: the last one found}.
    nearby : dict
        Of equations: {call: the last factor made in this evaluation}.
    """

    def __init__(self, budget=256_000_000, capacity=None):
        self.counts, self.solutions, self.nearby = Counts(), {}, {}
        self.budget, self.capacity = budget, capacity
        self._recent, self._older, self._recent_bytes = {}, {}, 0
        self._watches = Bounded(WATCHED)

    def new_evaluation(self):
        """Keep what the last evaluation used, within the budget; forget what it did not."""
        self._older = self._recent if self._recent_bytes <= self.budget else {}
        self._recent, self._recent_bytes, self.nearby = {}, 0, {}

    def get(self, matrix, solver, pattern_key=None, data_key=None):
        """The factor of a CSC array; the keys, equal for equal contents, save reading it again."""
        pattern_key = pattern_key or (matrix.shape, digest(matrix.indices, matrix.indptr))
        key = pattern_key, solver, data_key or digest(matrix.data)
        factor = self._recent.get(key)
        if factor is None:
            if len(self._recent) == self.capacity or self._recent_bytes > self.budget:
                self._older, self._recent, self._recent_bytes = self._recent, {}, 0
            factor = self._recent[key] = self._older.get(key) or self._new(matrix, solver, pattern_key)
            self._recent_bytes += factor.nbytes
        return factor

    def _new(self, matrix, solver, pattern_key):
        watch = self._watches.kept((pattern_key, solver), lambda: Watch(matrix))
        backend = factorise(matrix, solver, watch)
        self.counts.factorisations += 1
        return Factor(backend, matrix.shape[0], self.counts)


# Outside a Problem: the last few matrices, so that a gradient finds the factor of its state.
_cache = contextvars.ContextVar("pcl_factor_cache", default=FactorCache(capacity=8))


def cached(matrix, solver, pattern_key=None, data_key=None):
    """The factor of a CSC array from the cache in use."""
    return _cache.get().get(matrix, solver, pattern_key, data_key)


def in_use():
    """The cache in use."""
    return _cache.get()


def using(cache):
    """Share factorisations through `cache` inside the block."""
    return having(_cache, cache)
