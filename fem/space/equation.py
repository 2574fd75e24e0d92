"""The equation of a solve: a form on the cells and forms on parts of the boundary, added."""

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.space.form import At, Form, positional, takes_pair


class Equation:
    """R(u) of several forms on one space.

    Parameters
    ----------
    forms : list of Form
    """

    def __init__(self, forms):
        self._forms = forms

    def residual(self, u):
        """R (n,)."""
        return _sum([form.residual(u) for form in self._forms])

    def free(self, elimination, g):
        """z ↦ Pᵀ R(P z + g), g (n,) or None."""
        offsets = [_offset(form, g) for form in self._forms]

        def residual(z):
            return _sum([form.residual(z, elimination, offset)
                         for form, offset in zip(self._forms, offsets)])
        return residual


class OfColumns:
    """R(u) of a pair (f0, f1) in one scalar field or several columns, u (n,) or (n, k).

    Parameters
    ----------
    weak_form : WeakForm
    form : function (u, grad_u, x) -> (f0, f1)
    """

    def __init__(self, weak_form, form):
        self._weak_form, self._form = weak_form, form

    def residual(self, u):
        """R of the shape of u."""
        return self._weak_form.residual(self._form, u)

    def free(self, elimination, g):
        """z ↦ Pᵀ R(P z + g), with u flattened row by row."""
        gather, scatter = self._weak_form.restricted(elimination)
        shaped = None if g is None else (tf.reshape if tf.is_tensor(g) else np.reshape)(
            g, self._weak_form.shape)
        fixed = None if g is None else self._weak_form.gather @ shaped

        def residual(z):
            at = gather @ z
            return scatter @ self._weak_form.density(self._form, at if fixed is None else at + fixed)
        return residual


class Sum:
    """R₁ + R₂ + …"""

    def __init__(self, parts):
        self._parts = parts

    def residual(self, u):
        """R."""
        return _sum([p.residual(u) for p in self._parts])

    def free(self, elimination, g):
        """z ↦ Pᵀ R(P z + g)."""
        parts = [p.free(elimination, g) for p in self._parts]
        return lambda z: _sum([p(z) for p in parts])


def equation_of(space, form, boundary, shape):
    """The equation of a form and of {where: form} on the boundary, for u of this shape.

    Raises
    ------
    TypeError, ValueError
    """
    if not callable(form):
        raise TypeError(f"form is a {type(form).__name__}; expected a function (u, grad_u, x) -> "
                        f"(f0, f1), "
                        f"or {Form.signature(space, space.cells)} -> {{field: {{quantity: density}}}}.")
    field = next(iter(space.fields.values()))
    if len(space.fields) == 1 and not field.shape and takes_pair(space, form):
        inside = OfColumns(space.weak_form(shape), form)
    elif len(shape) == 2:
        raise ValueError(f"u has shape {shape}; columns are for a pair (f0, f1) on a scalar space, "
                         f"expected ({space.n},).")
    else:
        inside = Equation([Form(space, space.cells, form)])
    if not boundary:
        return inside
    if len(shape) == 2:
        raise ValueError("forms on the boundary are for u (n,); use fem.vector for several components.")
    return Sum([inside, Equation(space.boundary_forms(boundary))])


def depends(form):
    """Whether a form asks for any quantity of its fields."""
    asked = []

    def compute(field, quantity):
        asked.append(quantity)
        return tf.zeros(form.points.shape(field, quantity), tf.float64)
    form.densities(compute, guarded=False)
    return bool(asked)


def functional_density(space, points, j, u):
    """j(u, p, …, x) at points, (q,)."""
    if not callable(j):
        raise TypeError(f"j is a {type(j).__name__}; expected a function of "
                        f"{Form.signature(space, points)}.")
    expected = Form.signature(space, points)
    low, high = positional(j)
    if not low <= expected.count(",") + 1 <= high:
        raise TypeError(f"j takes {low} arguments; expected {expected}.")
    fields = [At(name, lambda f, quantity: points.gather(f, quantity) @ u) for name in space.fields]
    normal = [] if points.normals is None else [points.normals]
    density = float64_value("j", j(*fields, points.points, *normal))
    q = len(points.weights)
    if tuple(density.shape) not in [(), (q,)]:
        raise ValueError(f"j has shape {tuple(density.shape)}; expected ({q},), one value a point.")
    density = density if len(density.shape) else density * np.ones(q)
    return density if tf.is_tensor(density) else tf.constant(density)


def _offset(form, g):
    """What g adds to each quantity, computed once; None without g."""
    if g is None:
        return None
    known: dict = {}

    def offset(field, quantity):
        if (field, quantity) not in known:
            known[field, quantity] = form.points.gather(field, quantity) @ g
        return known[field, quantity]
    return offset


def _sum(parts):
    return sum(parts[1:], parts[0])
