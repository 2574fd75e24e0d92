"""States that are given new values where an element begins: x₀ = g(a), a the arguments before it.

    a = (x', x, y, z, p) at the end of the element before   (a jump, x⁺ = g(x⁻, p)),
    a with p alone of effect, at the start                  (a start that follows from parameters)

Both are functions of one element's unknowns, a = S A u, so that they need no unknowns of their own.
"""

from dataclasses import dataclass, replace

import numpy as np

from pcl.dae.program.pointwise import Pointwise


@dataclass(frozen=True, eq=False)
class Leap:
    """One function g at the beginnings of m elements.

    Attributes
    ----------
    pointwise : Pointwise, whose k rows are g, or a `steady.Steady`
    states : int (k,), numbers of the states that get these values
    elements : int (m,), the elements that begin with them
    inputs, times : (m, n_u), (m,), u and t to the left of the jump, or at the start
    first : bool, whether these are starts of trajectories
    """

    pointwise: Pointwise
    states: np.ndarray
    elements: np.ndarray
    inputs: np.ndarray
    times: np.ndarray
    first: bool = False

    def at(self, chosen):
        """That of some of its elements, chosen by a mask (m,)."""
        return replace(self, elements=self.elements[chosen], inputs=self.inputs[chosen],
                       times=self.times[chosen])

    @property
    def source(self):
        """The elements (m,) of whose unknowns g is a function."""
        return self.elements if self.first else self.elements - 1

    def values(self, stack, u):
        """g (m, k) at the unknowns u (E, width) of the `Elements` of the program."""
        return self.pointwise.residual(self._arguments(stack, u), self.inputs, self.times)

    def slopes(self, stack, u):
        """∂g/∂u (m, k, width)."""
        J = self.pointwise.jacobian(self._arguments(stack, u), self.inputs, self.times)
        return self._scaled(stack, J) @ stack.arguments_at(self.first)

    def curvature(self, stack, u, lam):
        """Σ_i λ_i ∂²g_i/∂u² (m, width, width) for λ (m, k)."""
        H = self.pointwise.hessian(self._arguments(stack, u), self.inputs, self.times, lam)
        H = self._scaled(stack, self._scaled(stack, H).transpose(0, 2, 1))
        A = stack.arguments_at(self.first)
        return A.T @ H @ A

    def _arguments(self, stack, u):
        return self._scaled(stack, (u[self.source] @ stack.arguments_at(self.first).T)[:, None])[:, 0]

    def _scaled(self, stack, J):
        """Columns of x' in (m, r, n_a) by 1/h, in place."""
        J[:, :, stack.arguments.derivatives] /= stack.lengths[self.source, None, None]
        return J
