"""A program from TensorFlow functions: f(x) and c(x) with exact dense derivatives in float64."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pcl.interior_point.program import checked_bounds
from pcl.support.types import Array, ArrayLike, Tensor

_VECTOR = tf.TensorSpec((None,), tf.float64)
_SCALAR = tf.TensorSpec((), tf.float64)


class TensorFlowProgram:
    """minimise f(x), c_lower ≤ c(x) ≤ c_upper, x_lower ≤ x ≤ x_upper.

    Parameters
    ----------
    objective : function of a float64 tensor (n,), returning a scalar tensor
    n : int
    constraints : function of a float64 tensor (n,), returning a tensor (m,), optional
    c_lower, c_upper : (m,) arrays, needed with `constraints`; equal entries state an equation
    x_lower, x_upper : (n,) arrays, optional
    row_names, variable_names : sequences of str, optional

    Raises
    ------
    ValueError
        Bounds no number satisfies or of a wrong shape; constraints without their bounds.

    Notes
    -----
    Reverse mode for the gradient and rows of J, reverse over reverse for W: n sweeps, vectorised.

    Examples
    --------
    The point of the circle x² + y² = 2 with the least x + y, which is (−1, −1):

    >>> import tensorflow as tf, pcl
    >>> program = pcl.interior_point.TensorFlowProgram(
    ...     tf.reduce_sum, 2, lambda x: tf.reduce_sum(x**2, keepdims=True), c_lower=[2.0], c_upper=[2.0])
    >>> program.objective([1.0, 2.0]), program.jacobian([1.0, 2.0])
    (3.0, array([[2., 4.]]))
    >>> pcl.interior_point.solve(program, [-1.5, 0.5]).x.round(6)
    array([-1., -1.])
    """

    def __init__(self, objective: Callable[[Tensor], Tensor], n: int,
                 constraints: Callable[[Tensor], Tensor] | None = None, *,
                 c_lower: Sequence[float] | Array = (), c_upper: Sequence[float] | Array = (),
                 x_lower: ArrayLike | None = None, x_upper: ArrayLike | None = None,
                 row_names: Sequence[str] | None = None, variable_names: Sequence[str] | None = None):
        self.n, self.m = int(n), len(c_lower)
        self._names = row_names, variable_names
        if (constraints is None) != (self.m == 0):
            raise ValueError(f"constraints is {constraints!r} with {self.m} entries in c_lower; expected "
                             "both or neither.")
        self.x_lower, self.x_upper = checked_bounds(
            "x", np.full(n, -np.inf) if x_lower is None else x_lower,
            np.full(n, np.inf) if x_upper is None else x_upper, self.n, self.variable_name)
        self.c_lower, self.c_upper = checked_bounds("c", c_lower, c_upper, self.m, self.row_name)
        self._compile(objective, constraints or (lambda x: x[:0]))

    def _compile(self, objective, constraints):
        def lagrangian(x, lam, sigma):
            return sigma * objective(x) + tf.tensordot(lam, constraints(x), 1)

        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = objective(x)
            return tape.gradient(y, x, unconnected_gradients="zero")

        def jacobian(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = constraints(x)
            return tape.jacobian(y, x, unconnected_gradients="zero")

        def hessian(x, lam, sigma):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = lagrangian(x, lam, sigma)
                g = inner.gradient(y, x, unconnected_gradients="zero")
            return outer.jacobian(g, x, unconnected_gradients="zero")

        self._f = tf.function(objective, input_signature=[_VECTOR])
        self._c = tf.function(constraints, input_signature=[_VECTOR])
        self._g, self._J = (tf.function(f, input_signature=[_VECTOR]) for f in (gradient, jacobian))
        self._W = tf.function(hessian, input_signature=[_VECTOR, _VECTOR, _SCALAR])

    def objective(self, x: Array) -> float:
        """f(x)."""
        return float(self._f(x))

    def gradient(self, x: Array) -> Array:
        """∇f(x), (n,)."""
        return self._g(x).numpy()

    def constraints(self, x: Array) -> Array:
        """c(x), (m,)."""
        return self._c(x).numpy()

    def jacobian(self, x: Array) -> Array:
        """J(x), (m, n)."""
        return self._J(x).numpy() if self.m else np.zeros((0, self.n))

    def hessian(self, x: Array, lam: Array, sigma: float) -> Array:
        """σ ∇²f(x) + Σ λ_j ∇²c_j(x), symmetric (n, n), with λ = `lam` (m,) and σ = `sigma`."""
        W = self._W(x, lam, np.float64(sigma)).numpy()
        return 0.5 * (W + W.T)

    def row_name(self, j: int) -> str:
        """The name given, or c[j]."""
        return self._names[0][j] if self._names[0] is not None else f"c[{j}]"

    def variable_name(self, i: int) -> str:
        """The name given, or x[i]."""
        return self._names[1][i] if self._names[1] is not None else f"x[{i}]"
