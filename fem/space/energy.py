"""A stored energy ∫ ψ w dx, and the weak form that is its derivative."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.space.form import At
from pcl.engine import nodes
from pcl.nodes.pointwise_gradient import pointwise_gradient


@dataclass(frozen=True)
class Energy:
    """The form whose residual is the derivative of ∫ ψ(u, ∇u, …, x) w dx: ∂ψ/∂u multiplies v, and so on.

    Parameters
    ----------
    density : function of the fields and x -> (q,)
        ψ, pointwise, in TensorFlow; on facets of x and the normal.

    Raises
    ------
    TypeError
        The density is no function, or one of (u, grad_u, x).
    ValueError
        When called: ψ depends on no field, or is not (q,).

    Examples
    --------
    ψ = |∇u|²/2 − u is the equation −Δu = 1; on (0, 1) with u = 0 at both ends u(½) = ⅛:

    >>> import skfem, tensorflow as tf
    >>> import fem
    >>> V = fem.Space(skfem.MeshLine().refined(2))
    >>> energy = fem.Energy(lambda u, x: 0.5 * tf.reduce_sum(u.gradient ** 2, axis=1) - u.value)
    >>> u = fem.solve_nonlinear(V, energy, dirichlet=0.0)
    >>> round(float(u.numpy().max()), 6)
    0.125
    """

    density: Callable[..., Any]

    def __post_init__(self):
        if not callable(self.density):
            raise TypeError(f"density is a {type(self.density).__name__}; expected a function of "
                            "the fields and x.")
        object.__setattr__(self, "__signature__", inspect.signature(self.density))

    def __call__(self, *arguments: Any) -> dict:
        """{field: {quantity: ∂ψ/∂quantity}} of all that ψ asks for."""
        fields = [a for a in arguments if isinstance(a, At)]
        if not fields:
            raise TypeError("an energy density takes the fields and x, such as (u, x), with u.value and "
                            "u.gradient; not (u, grad_u, x).")
        asked = self._asked(fields, arguments[len(fields):])
        if not asked:
            raise ValueError("the energy density does not depend on the fields; expected one of u.value, "
                             "u.gradient, ….")
        psi, slopes = pointwise_gradient(self._of(arguments, asked), *asked.values())
        found: dict = {}
        for (name, quantity), slope in zip(asked, slopes if len(asked) > 1 else [slopes]):
            found.setdefault(name, {})[quantity] = _where_finite(psi, slope)
        return found

    def _asked(self, fields, rest):
        """{(field, quantity): tensor} of what ψ asks for; its networks leave no trace in the model, the
        quantities do, as sparse products."""
        active = nodes.active()
        with nodes.handler(None):
            _checked(self.density(*(_gathered(f, active) for f in fields), *rest), len(rest[0]))
        return {(f.name, quantity): z for f in fields for quantity, z in f.known.items()}

    def _of(self, arguments, asked):
        """ψ as a function of the quantities."""
        def psi(*z):
            given = dict(zip(asked, z))
            fields = [At(a.name, lambda *key: given[key]) for a in arguments if isinstance(a, At)]
            rest = arguments[len(fields):]
            return _checked(self.density(*fields, *rest), len(rest[0]))
        return psi


def _gathered(field, handler):
    """The field, its quantities computed under the handler."""
    def compute(_, quantity):
        with nodes.handler(handler):
            return getattr(field, quantity)
    return At(field.name, compute)


def _where_finite(psi, slope):
    """The slope, NaN where ψ is not finite: log J of an inverted cell has a slope all the same."""
    finite = tf.reshape(tf.math.is_finite(psi), (-1, *[1] * (len(slope.shape) - 1)))
    return tf.where(finite, slope, tf.constant(float("nan"), tf.float64))


def _checked(psi, q):
    """ψ (q,), refused in another shape."""
    psi = float64_value("the energy density", psi)
    if tuple(psi.shape) != (q,):
        hint = " Drop the last axis with [..., 0]." if tuple(psi.shape) == (q, 1) else ""
        raise ValueError(f"the energy density has shape {tuple(psi.shape)}; expected ({q},), one value a "
                         f"point.{hint}")
    return psi
