"""A law at many points, in blocks of points that are worked on side by side."""

import numpy as np

from pcl.dae.blocks import filled, ordered, total
from pcl.support.types import Array


class LawBlocks:
    """A `TermPoint` of blocks of points, which share nothing but their sums.

    Parameters
    ----------
    at : function piece -> `TermPoint` of its points
    pieces : list of slices of the points
    shape : (n, d, p)
    """

    def __init__(self, at, pieces, shape):
        self._n, self._d, self._p = shape
        self._pieces = pieces
        points = list(ordered(at, pieces))
        self._points = {s.start: point for s, point in zip(pieces, points)}
        self.value = np.concatenate([point.value for point in points])
        self._m = self.value.shape[1]

    def jacobian(self) -> Array:
        """∂z/∂θ (n, m, p)."""
        return self._filled((self._m, self._p), lambda point, s: point.jacobian())

    def input_jacobian(self) -> Array:
        """∂z/∂a (n, m, d)."""
        return self._filled((self._m, self._d), lambda point, s: point.input_jacobian())

    def pullback(self, adjoint: Array) -> Array:
        """z̄ᵀ∂z/∂θ (p,)."""
        return self._total(lambda point, s: point.pullback(adjoint[s]))

    def curvature(self, adjoint: Array) -> Array:
        """Σ ⟨z̄, ∂²z/∂θ²⟩ (p, p)."""
        return self._total(lambda point, s: point.curvature(adjoint[s]))

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array:
        """The same times θ̇ (p,)."""
        return self._total(lambda point, s: point.curvature_product(adjoint[s], theta_dot))

    def input_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a²⟩ (n, d, d) of every point."""
        return self._filled((self._d, self._d), lambda point, s: point.input_curvature(adjoint[s]))

    def mixed_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a∂θ⟩ (n, d, p) of every point."""
        return self._filled((self._d, self._p), lambda point, s: point.mixed_curvature(adjoint[s]))

    def _filled(self, shape, part):
        out = np.empty((self._n, *shape))
        return filled(out, lambda s: part(self._points[s.start], s), self._pieces)

    def _total(self, part):
        return total(lambda s: part(self._points[s.start], s), self._pieces)
