"""A stored energy ∫ ψ w dx, and the weak form that is its derivative."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.space.form import At


@dataclass(frozen=True)
class Energy:
    """The form whose residual is the derivative of ∫ ψ(u, ∇u, …, x) w dx: ∂ψ/∂u multiplies v, and so on.

    Parameters
    ----------
    density : function of the fields and x -> (q,)
        ψ, pointwise, in TensorFlow; on facets of x and the normal.
    """

    density: Callable[..., Any]

    def __post_init__(self):
        if not callable(self.density):
            raise TypeError(f"density is a {type(self.density).__name__}; expected a function of "
                            f"the fields "
                            "and x.")
        object.__setattr__(self, "__signature__", inspect.signature(self.density))

    def __call__(self, *arguments: Any) -> dict:
        """{field: {quantity: ∂ψ/∂quantity}} of all that ψ asks for."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            fields = [a.watched(tape) for a in arguments if isinstance(a, At)]
            if not fields:
                raise TypeError("an energy density takes the fields and x, such as (u, x), with "
                                "u.value and "
                                "u.gradient; not (u, grad_u, x).")
            rest = arguments[len(fields):]
            psi = _checked(self.density(*fields, *rest), len(rest[0]))
        asked = [(f.name, quantity, z) for f in fields for quantity, z in f.known.items()]
        slopes = tape.gradient(psi, [z for *_, z in asked])
        found: dict = {}
        for (name, quantity, _), slope in zip(asked, slopes):
            if slope is not None:
                found.setdefault(name, {})[quantity] = _where_finite(psi, slope)
        return found


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
