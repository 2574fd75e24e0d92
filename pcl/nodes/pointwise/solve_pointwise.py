"""z with f_k(z_k, θ) = 0 at every point k as a node of the model."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pcl import factor
from pcl.engine import nodes
from pcl.engine.record import Record
from pcl.engine.trace import trace
from pcl.nodes.equation.newton import Newton
from pcl.nodes.pointwise.call import PointwiseEquation
from pcl.support.types import ArrayLike, Tensor


def solve_pointwise(equation: Callable[[Tensor], Tensor], start: ArrayLike | Tensor, *,
                    tolerance: float = Newton.tolerance, atol: float = Newton.atol,
                    maxiter: int = Newton.maxiter) -> Tensor:
    """z (q, m) with equation(z) = 0, row k of it an equation for row k of z alone.

        Z_k ż_k = −f_a ȧ,    Z_k = ∂f_k/∂z_k (m, m)

    For laws that a point states implicitly: return mappings, equations of state, chemical equilibria. It
    may stand anywhere in a model, also inside `solve_nonlinear` and `scan`, and depend on their unknowns.

    Parameters
    ----------
    equation : function of a tensor (q, m) -> tensor (q, m)
        Of networks and pointwise TensorFlow; it may close over parameters and tensors with q rows.
    start : array or tensor (q, m), or (q,)
        First iterate. The solution is not differentiated with respect to it.
    tolerance, atol, maxiter
        See `pcl.nodes.pointwise.newton.newton`: each point is damped, and has converged, by itself.

    Returns
    -------
    z : tensor of the shape of start

    Raises
    ------
    ValueError
        Another shape; the equation of a row depends on another row.
    NotConverged, SingularMatrix
        When evaluated, with the number of a point; at a trial point of an optimizer it stands for a loss
        of +inf.

    Notes
    -----
    Outside a `Problem` tapes differentiate it three times.

    Examples
    --------
    z e^z = a at three points, Lambert's W:

    >>> import numpy as np, scipy.special, tensorflow as tf, pcl
    >>> a = np.array([[0.5], [1.0], [2.0]])
    >>> z = pcl.solve_pointwise(lambda z: z * tf.exp(z) - a, np.ones((3, 1)))
    >>> z.numpy()[:, 0].round(6)
    array([0.351734, 0.567143, 0.852606])
    >>> scipy.special.lambertw(a[:, 0]).real.round(6)
    array([0.351734, 0.567143, 0.852606])
    """
    settings = Newton(tolerance, atol, maxiter)
    start = nodes.as_input("start", start)
    if len(start.shape) not in (1, 2) or 0 in start.shape:
        raise ValueError(f"start has shape {tuple(start.shape)}; expected (q, m), or (q,) for one "
                         "unknown a point.")
    if len(start.shape) == 1:
        start = start[:, None]
        return _solved(lambda z: _column(equation(z[:, 0])), start, settings)[:, 0]
    return _solved(equation, start, settings)


def _column(residual):
    """A vector as a column; anything else as it is, to be refused."""
    return residual[:, None] if tf.is_tensor(residual) and residual.shape.rank == 1 else residual


def _solved(equation, start, settings):
    z = nodes.record(PointwiseEquation(equation, start, settings))
    return _eagerly(equation, start, settings) if z is None else z


def _eagerly(equation, start, settings):
    """The solution outside a Problem, connected to what the equation closes over."""
    if not tf.executing_eagerly():
        raise ValueError("solve_pointwise is called inside a tf.function outside a pcl.Problem; call it "
                         "eagerly, or state the model as a Problem.")
    start = np.array(start, dtype=np.float64)
    program = trace(lambda _: nodes.record(PointwiseEquation(equation, start, settings)), {"unused": ()},
                    lambda z: (tf.reduce_sum(z), None))
    record = Record(program, [np.zeros(())], factor.FactorCache())
    z = tf.constant(record.values[program.calls[-1].output])
    if not nodes.is_watched():
        return z
    for _ in range(2):  # m Newton steps from the solution have its first 2^m − 1 derivatives
        z = z - tf.linalg.solve(_jacobians(equation, z), equation(z)[..., None])[..., 0]
    return z


def _jacobians(equation, z):
    """∂f_k/∂z_k, (q, m, m): row j of every block is the gradient of Σ_k f_kj."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        sums = tf.unstack(tf.reduce_sum(equation(z), axis=0))
    rows = [tape.gradient(s, z) for s in sums]
    rows = [tf.zeros_like(z) if row is None else tf.convert_to_tensor(row) for row in rows]
    return tf.stack(rows, axis=1)
