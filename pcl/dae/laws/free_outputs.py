"""Unknown terms as free trajectories, with no network behind them."""

from __future__ import annotations

import numpy as np

from pcl.support.types import Array


class FreeOutputs:
    """Unknown terms as free trajectories, z = scale ∘ (basis · θ): by default θ has a value a point.

    Used to smooth data before any network is trained. It has no inputs.

    Parameters
    ----------
    n : int, points
    outputs : names
    basis : (n, knots), optional; the identity
    scale : (outputs,), optional; 1
    """

    def __init__(self, n, outputs, basis=None, scale=1.0):
        self.inputs, self.outputs, self.term = (), tuple(outputs), self
        self._basis = np.eye(n) if basis is None else basis
        self.size = self._basis.shape[1] * len(self.outputs)
        m = len(self.outputs)
        self._scale = np.broadcast_to(scale, (m,))
        self._jacobian = np.kron(self._basis, np.diag(self._scale)).reshape(n, m, self.size)

    def at(self, params: Array, a: Array) -> "FreePoint":
        """The trajectories as a law of nothing: a `FreePoint`."""
        z = self._scale * (self._basis @ params.reshape(-1, len(self.outputs)))
        return FreePoint(z, self._jacobian)


class FreePoint:
    """See `LawPoint`; all second derivatives vanish."""

    def __init__(self, value, jacobian):
        self.value, self._jacobian = value, jacobian

    def jacobian(self) -> Array:
        """The basis for every output, (n, m, p)."""
        return self._jacobian

    def input_jacobian(self) -> Array:
        """Of no inputs, (n, m, 0)."""
        return np.zeros((*self.value.shape, 0))

    def curvature(self, adjoint: Array) -> Array:
        """Zero."""
        return np.zeros((self._jacobian.shape[2],) * 2)

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array:
        """Zero."""
        return np.zeros(len(theta_dot))

    def input_curvature(self, adjoint: Array) -> Array:
        """Of no inputs."""
        return np.zeros((len(adjoint), 0, 0))

    def mixed_curvature(self, adjoint: Array) -> Array:
        """Of no inputs."""
        return np.zeros((len(adjoint), 0, self._jacobian.shape[2]))

    def pullback(self, adjoint: Array) -> Array:
        """z̄ by the transposed basis, (p,)."""
        return np.tensordot(adjoint, self._jacobian, 2)
