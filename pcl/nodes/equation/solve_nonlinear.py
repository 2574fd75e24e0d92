"""u with r(u, θ) = 0 as a node of the model."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pcl import factor
from pcl.engine import nodes
from pcl.engine.record import Record
from pcl.engine.trace import trace
from pcl.nodes.equation.call import Equation
from pcl.nodes.equation.newton import Newton
from pcl.support.types import ArrayLike, Tensor

# Outside a Problem, systems up to this size are differentiable to third order by dense algebra.
DENSE = 500


def solve_nonlinear(equation: Callable[[Tensor], Tensor], start: ArrayLike | Tensor, *,
                    tolerance: float = Newton.tolerance, atol: float = Newton.atol,
                    maxiter: int = Newton.maxiter, load_steps: int = Newton.load_steps,
                    solver: str = Newton.solver, warm_start: bool = Newton.warm_start,
                    name_null: Callable[[np.ndarray], str | None] | None = None) -> Tensor:
    """u with equation(u) = 0, by damped Newton's method; derivatives by the implicit rule.

        r_u u̇ = −r_θ θ̇,      r_uᵀ μ = ū

    The equation is an ordinary function of u made of networks, sparse products, constant maps and
    pointwise TensorFlow; it may close over parameters. Its Jacobian is composed from theirs.

    Parameters
    ----------
    equation : function of a tensor (n,) -> tensor (n,), the residual
    start : array or tensor (n,)
        First iterate. The solution is not differentiated with respect to it.
    tolerance, atol, maxiter, load_steps, solver, warm_start, name_null
        See `pcl.nodes.equation.newton.Newton`.

    Returns
    -------
    u : tensor (n,)

    Raises
    ------
    NotConverged
        When evaluated; at a trial point of an optimizer it stands for a loss of +inf.

    Notes
    -----
    Outside a `Problem`, gradients by TensorFlow tapes are exact; second derivatives up to 500
    unknowns, beyond which asking for them is an error.

    Examples
    --------
    u² = θ, so that du/dθ = 1/2u and d²u/dθ² = −1/4u³:

    >>> import pcl
    >>> def root(t):
    ...     return pcl.solve_nonlinear(lambda u: u**2 - t["q"], [1.0])[0]
    >>> problem = pcl.Problem(root, {"q": [4.0]})
    >>> round(problem.value([4.0]), 6), problem.gradient([4.0]), problem.hessian([4.0])
    (2.0, array([0.25]), array([[-0.03125]]))
    """
    settings = Newton(tolerance, atol, maxiter, load_steps, solver, warm_start, name_null)
    u = nodes.record(Equation(equation, start, settings))
    return _solve_eagerly(equation, start, settings) if u is None else u


def _solve_eagerly(equation, start, settings):
    """The solution outside a Problem, connected to what the equation closes over."""
    if not tf.executing_eagerly():
        raise ValueError("solve_nonlinear is called inside a tf.function outside a pcl.Problem; call it "
                         "eagerly, or state the model as a Problem.")
    u, jacobian_factor = _solution(equation, start, settings)
    if not nodes.is_watched():
        return u
    if u.shape[0] > DENSE:
        return u - _frozen_solve(jacobian_factor, False)(equation(u))
    for _ in range(2):  # m Newton steps from the solution have its first 2^m − 1 derivatives
        u = u - tf.linalg.solve(_dense_jacobian(equation, u), equation(u)[:, None])[:, 0]
    return u


def _solution(equation, start, settings):
    """The solution as a constant, and the factor of the Jacobian there."""
    start = np.array(start, dtype=np.float64)
    program = trace(lambda _: nodes.record(Equation(equation, start, settings)),
                    {"unused": ()}, lambda u: (tf.reduce_sum(u), None))
    record = Record(program, [np.zeros(())], factor.FactorCache())
    call, point = program.calls[-1], record.points[-1]
    return tf.constant(record.values[call.output]), point.factor


def _dense_jacobian(equation, u):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(u)
        r = equation(u)
        entries = tf.unstack(r)
    rows = [tape.gradient(entry, u) for entry in entries]
    return tf.stack([tf.zeros_like(u) if row is None else tf.convert_to_tensor(row) for row in rows])


def _frozen_solve(jacobian_factor, transpose):
    """x ↦ A⁻¹x with A constant; its gradient may not be differentiated, A depending on more."""
    @tf.custom_gradient
    def operation(x):
        def gradient(bar):
            return _refuse_second(_frozen_solve(jacobian_factor, not transpose)(bar))
        return tf.constant(jacobian_factor.solve(x.numpy(), transpose)), gradient
    return operation


@tf.custom_gradient
def _refuse_second(x):
    def gradient(_):
        raise ValueError(f"second derivatives of a nonlinear solve with more than {DENSE} unknowns "
                         "outside a pcl.Problem; state the model as a Problem and use its hessian.")
    return tf.identity(x), gradient
