"""Derivatives of a network one order higher, along one direction of its inputs."""

import numpy as np

# The largest entry of εv, up to a factor of two: its square is lost beside 1, and what is multiplied by
# it stays far from the smallest numbers.
_STEP = 2.0 ** -200


def step(v):
    """ε for a direction v: a power of two, so that no digit is lost by it."""
    largest = np.abs(v).max(initial=0.0)
    return _STEP if largest == 0.0 else _STEP / 2.0 ** np.floor(np.log2(largest))


class Along:
    """d/dε of what a network gives at the points x + εv, v (q, d): `NetworkPoint.along`.

    Each method takes what that of `NetworkPoint` takes, and returns the derivative of what that returns.
    All of them are the imaginary parts at x + iεv divided by ε, which is no difference but the rule
    (a + iεȧ)(b + iεḃ) = ab + iε(ȧb + aḃ): exact to rounding.

    Source: W. Squire, G. Trapp, Using complex variables to estimate derivatives of real functions, SIAM
    Review 40 (1998) 110–112; here φ itself is extended by φ + iεφ'ż (see `pcl.networks.activations`).
    """

    def __init__(self, displaced, epsilon):
        self._at, self._epsilon = displaced, epsilon            # at x + iεv
        self.size, self.shape = displaced.size, displaced.shape

    def pullback(self, adjoint, inputs=False, params=True):
        return tuple(self._derivative(bar) for bar in self._at.pullback(adjoint, inputs, params))

    def pushforward(self, params_dot=None, x_dot=None, keep=False):
        return self._derivative(self._at.pushforward(params_dot, x_dot, keep))

    def jacobian_rows(self, start, stop):
        return self._derivative(self._at.jacobian_rows(start, stop))

    def input_jacobian(self):
        return self._derivative(self._at.input_jacobian())

    def curvature(self, adjoint):
        return self._at.curvature(adjoint) / self._epsilon      # it sums imaginary parts alone

    def curvature_product(self, adjoint, params_dot=None, x_dot=None, adjoint_dot=None, inputs=True):
        return tuple(self._derivative(bar) for bar
                     in self._at.curvature_product(adjoint, params_dot, x_dot, adjoint_dot, inputs))

    def input_curvature(self, adjoint):
        return self._derivative(self._at.input_curvature(adjoint))

    def mixed_curvature_rows(self, adjoint, start, stop):
        return self._derivative(self._at.mixed_curvature_rows(adjoint, start, stop))

    def _derivative(self, a):
        return None if a is None else a.imag / self._epsilon
