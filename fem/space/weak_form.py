"""Equations in weak form, ∫ f₀·v + f₁·∇v w dx = 0, with pointwise functions f₀ and f₁."""

import functools

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.coefficient import float64_value
from pcl.engine import nodes
from pcl.engine.glue.probe import ROW_ENTRIES
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.caches import Bounded
from pcl.support.validate import require_finite

# Partitions whose maps a weak form keeps.
KEPT = 16


class WeakForm:
    """R = Tᵀ f(Z u, x): the constant maps of weak forms in k fields on one space.

        Z    u (n, k) ↦ (u, ∇u) at quadrature points, (q, k, 1 + dim)
        Tᵀ   (f₀, f₁), (q, k, 1 + dim) ↦ ∫ f₀ φ_i + f₁·∇φ_i w dx, (n, k)

    Both have the pattern of the mesh and are built once; what changes from evaluation to evaluation
    is the pointwise f and its derivatives, blocks of k (1 + dim) squared at each point.

    Parameters
    ----------
    space : Space
    shape : (n,) or (n, k), the shape of u
    """

    def __init__(self, space, shape):
        self.space, self.shape = space, shape
        self.q, self.trailing = len(space.quadrature_points), shape[1:]
        self.width = 1 + space.dim
        self._restricted = Bounded(KEPT)

    @functools.cached_property
    def gather(self):
        """Z."""
        return LinearMap(self._rows, (self.shape, (self.q, *self.trailing, self.width)))

    @functools.cached_property
    def scatter(self):
        """Tᵀ."""
        weights = np.repeat(self.space.quadrature_weights, self._rows.shape[0] // self.q)
        return LinearMap((sp.diags_array(weights) @ self._rows).T, self.gather.shapes[::-1])

    @functools.cached_property
    def _rows(self):
        """Rows (point, field, value or direction), columns (degree of freedom, field)."""
        space, k = self.space, int(np.prod(self.trailing))
        stacked = sp.vstack([space.value_map.matrix, space.gradient_map.matrix], format="csr")
        point = np.arange(self.q)[:, None]
        order = np.hstack([point, self.q + point * space.dim + np.arange(space.dim)])
        both = sp.kron(stacked[order.ravel()], sp.eye_array(k), format="csr")
        rows = np.arange(both.shape[0]).reshape(self.q, self.width, k)
        return both[rows.transpose(0, 2, 1).ravel()]

    def residual(self, form, u):
        """R (n,) or (n, k), see `Space.residual`."""
        return self.scatter @ self.density(form, self.gather @ u)

    def density(self, form, z):
        """f(z, x), (q, k, 1 + dim), refused where it is not finite."""
        f0, f1 = self._densities(form(z[..., 0], z[..., 1:], self.space.quadrature_points))
        density = tf.concat([f0[..., None], f1], axis=-1)
        return guard(density, "the weak form", locate=self._place)

    def restricted(self, elimination):
        """(Z P, Pᵀ Tᵀ), the maps from and to the free unknowns of an `Elimination` of (n·k,); kept."""
        return self._restricted.kept(elimination.key, lambda: self._maps_of(elimination))

    def _maps_of(self, elimination):
        P, shapes = elimination.put.matrix, (elimination.free.shape, self.gather.shapes[1])
        return (LinearMap(self.gather.matrix @ P, shapes),
                LinearMap(P.T @ self.scatter.matrix, shapes[::-1]))

    def _densities(self, returned):
        """(f0, f1) of what a form returns, as arrays or tensors (q, …) and (q, …, dim)."""
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            given = (f"{len(returned)} values" if isinstance(returned, (tuple, list))
                     else f"a {type(returned).__name__}")
            raise TypeError(f"form returns {given}; expected the pair (f0, f1) of ∫ f0·v + f1·∇v, one "
                            "of which may be None for zero.")
        f0, f1 = returned
        if f0 is None and f1 is None:
            raise ValueError("form returns (None, None); expected f0 or f1 of ∫ f0·v + f1·∇v.")
        one, vector = (self.q, *self.trailing), (self.q, *self.trailing, self.space.dim)
        return (_density("f0", f0, one, [(), one], "one value a point, or a scalar"),
                _density("f1", f1, vector, [vector], "one vector a point"))

    def _place(self, entry):
        """Says where an entry of (f0, f1) lies."""
        point = entry // (int(np.prod(self.trailing)) * self.width)
        name = "f1" if entry % self.width else "f0"
        return f"{name} in cell {point // self.space.points_per_cell}"


def _density(name, value, full, allowed, meaning):
    """f0 or f1 of the full shape; None is zero, nothing but a scalar f0 is broadcast."""
    if value is None:
        return np.zeros(full)
    value = float64_value(name, value)
    shape = tuple(value.shape)
    if shape not in allowed:
        hint = " Drop the last axis with [..., 0]." if shape == (*full, 1) else ""
        raise ValueError(f"{name} of the form has shape {shape}; expected {full}, {meaning}.{hint}")
    if not tf.is_tensor(value):
        require_finite(name, value)
    return value if shape else value * np.ones(full)


def check_state(space, name, u):
    """Refuse what is no state (n,) or (n, k) of a few fields, float64.

    Raises
    ------
    TypeError, ValueError
    """
    u = nodes.as_input(name, u)
    shape, limit = tuple(u.shape), ROW_ENTRIES // (1 + space.dim)
    if len(shape) not in (1, 2) or shape[0] != space.n or 0 in shape:
        raise ValueError(f"{name} has shape {shape}; expected ({space.n},), or ({space.n}, k) for k "
                         "fields.")
    if len(shape) == 2 and shape[1] > limit:
        raise ValueError(f"{name} has {shape[1]} fields; expected at most {limit} in {space.dim}-D.")
    return u
