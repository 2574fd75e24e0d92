"""A trained law inside a program: its weights fixed, its outputs shifted by slacks or not."""

import numpy as np

from pcl.support.types import Array


class FixedLaw:
    """z = law(a) + size ∘ s, a slack s for each output at each point, or z = law(a) without parameters.

    Parameters
    ----------
    trained : TrainedLaw, as the equations see it (`TrainedLaw.placed`)
    n : int, points
    slack : bool
    size : (outputs,), the unit of the slacks
    """

    def __init__(self, trained, n, slack, size=1.0):
        self._trained, self.inputs, self.outputs = trained, trained.inputs, trained.outputs
        self.term = self
        self.size = n * len(self.outputs) if slack else 0
        self._unit = np.broadcast_to(size, (len(self.outputs),))

    def at(self, params: Array, a: Array) -> "FixedPoint":
        """See `Law.at`."""
        return FixedPoint(self._trained.law.at(self._trained.theta, a), params, self._unit)


class FixedPoint:
    """See `LawPoint`."""

    def __init__(self, point, slack, unit):
        self._point, self._n, self._unit = point, slack.size, unit
        self.value = point.value + unit * slack.reshape(point.value.shape) if slack.size else point.value

    def jacobian(self) -> Array:
        """Of the slacks: diagonal (n, m, n·m), or (n, m, 0)."""
        one = np.eye(self.value.size, self._n).reshape(*self.value.shape, self._n)
        return one * self._unit[:, None]

    def input_jacobian(self) -> Array:
        """∂z/∂a (n, m, d)."""
        return self._point.input_jacobian()

    def curvature(self, adjoint: Array) -> Array:
        """Zero: the slacks enter linearly."""
        return np.zeros((self._n, self._n))

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array:
        """Zero."""
        return np.zeros(len(theta_dot))

    def input_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a²⟩ (n, d, d)."""
        return self._point.input_curvature(adjoint)

    def pullback(self, adjoint: Array) -> Array:
        """z̄ in the unit of the slacks (n·m,), or of no parameters."""
        return (adjoint * self._unit).ravel()[:self._n]

    def mixed_curvature(self, adjoint: Array) -> Array:
        """Zero."""
        return np.zeros((*self._point.input_jacobian().shape[::2], self._n))
