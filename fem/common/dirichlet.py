"""Dirichlet conditions u = g on parts of the boundary, gathered into numbers and values."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.coefficient import float64_value, spread
from fem.common.prescribed import Watch, warn_of_prescribed
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.validate import require_finite, whole_numbers

# Two values given for one degree of freedom agree when they differ by rounding only.
_AGREEMENT = 1e-12
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Dirichlet:
    """u = value on the degrees of freedom meant by `where`.

    Parameters
    ----------
    where : None, name or list of names, predicate, or array of numbers
        As in `Space.boundary_dofs`; an array is taken in the order given.
    value : scalar, (m,) or (m, k), or function of points (m, dim)
        Array or tensor, in the order of the array `where`, else of `Space.boundary_dofs(where)`.
        The k columns belong to k right-hand sides. Of a vector field also (components,), or a function
        that returns (m, components). Fields whose unknowns are no values at points (Raviart–Thomas,
        Nédélec, Argyris, …) take the projection onto their traces of what is given: a scalar, a function
        of points, or (qb,) at `Space.boundary_points(where)`.
    field : str, optional
        Which field; needed where the space has several.
    component : int, 'normal', 'tangential' or 'normal derivative', optional
        Part of a vector: u_c, u·n or u·t (in 3-D both tangential directions); ∂u/∂n of plate elements.
        Without one it is all of the value; u·n of H(div), u·t of H(curl) elements.
    """

    where: Any = None
    value: Any = 0.0
    field: str | None = None
    component: int | str | None = None


@dataclass(frozen=True)
class Prescribed:
    """E u = values: rows of single unknowns given by their numbers, or a sparse matrix of rows."""

    numbers: Any
    values: Any
    matrix: Any = None
    column: int | None = None       # the only column meant, where u has several


def gather(space, dirichlet, columns=None):
    """(dofs, values): sorted numbers (m,) and values (m,) or (m, columns), array or tensor.

    Nodes without a cell are among them, with value 0.

    Parameters
    ----------
    space : Space
    dirichlet : None, scalar, array or tensor over `space.boundary_dofs()`, function of points,
        dict {where: value}, {field: any of these}, Dirichlet, or list of Dirichlet
    columns : int, optional
        Number of right-hand sides, when values may be given for each.

    Raises
    ------
    ValueError
        Wrong shape, values not finite, or different values for one degree of freedom. Values that
        are traced cannot be compared, so a number given twice is refused then. A condition that ties
        several unknowns.
    IndexError
        A number out of range.
    """
    parts = _parts(space, dirichlet, columns)
    if any(p.matrix is not None for p in parts):
        raise ValueError("a Dirichlet condition here ties several unknowns together (a normal or "
                         "tangential part on a slanted side); only fem.solve and "
                         "fem.solve_nonlinear take "
                         "it.")
    dofs = np.concatenate([_NONE, *(p.numbers for p in parts)])
    if dirichlet is not None and not len(np.setdiff1d(dofs, space.unused_dofs)):
        warnings.warn("the Dirichlet condition selects no degree of freedom; it has no effect.",
                      stacklevel=3)
    return _once(dofs, _concatenate([p.values for p in parts])) if parts else (dofs, np.zeros(0))


def gather_rows(space, dirichlet, columns=None):
    """(E, h) of all that is prescribed, E u = h, for u (n,), or (n, columns) flattened row by row.

    Single unknowns are compared with each other as in `gather`; what ties several follows.
    """
    parts = _parts(space, dirichlet, columns)
    if columns is not None:
        parts = [_flattened(part, columns) for part in parts]
    n = space.n * (columns or 1)
    single = [p for p in parts if p.matrix is None]
    tied = [p for p in parts if p.matrix is not None]
    dofs, values = _once(np.concatenate([_NONE, *(p.numbers for p in single)]),
                         _concatenate([np.zeros(0), *(p.values for p in single)]))
    if dirichlet is not None and not tied and len(dofs) == len(space.unused_dofs) * (columns or 1):
        _warn_of_nothing()
    rows = sp.vstack([selection(dofs, n), *(p.matrix for p in tied)], format="csr")
    return rows, _concatenate([values, *(p.values for p in tied)])


def _warn_of_nothing():
    warnings.warn("the Dirichlet condition selects no degree of freedom; it has no effect.",
                  stacklevel=5)


def _once(dofs, values):
    """Every number once, sorted, with its value."""
    unique, first, group = np.unique(dofs, return_index=True, return_inverse=True)
    if len(unique) < len(dofs):
        _check_agreement(dofs, first[group], values)
    if np.array_equal(first, np.arange(len(dofs))):
        return unique, values
    if tf.is_tensor(values):
        return unique, LinearMap(selection(first, len(dofs))) @ values
    return unique, values[first]


def _parts(space, dirichlet, columns):
    """The `Prescribed` of every condition, and of nodes without a cell."""
    conditions = _conditions(dirichlet, space)
    others, parts = space.projections(conditions) if columns is None else (conditions, [])
    parts = [*(_part(space, c, columns) for c in others), *parts]
    known = np.concatenate([_NONE, *(p.numbers for p in parts if p.matrix is None)])
    unused = np.setdiff1d(space.unused_dofs, known)
    return [*parts, Prescribed(unused, np.zeros(len(unused)))] if unused.size else parts


def _flattened(part, k):
    """A condition on u (n,) as one on (n, k) flattened: on all columns, or on `part.column`."""
    chosen = np.arange(k) if part.column is None else np.array([part.column])
    values = part.values
    if len(values.shape) == 1:
        values = values[:, None] * np.ones((1, len(chosen)))
    values = tf.reshape(values, [-1]) if tf.is_tensor(values) else values.ravel()
    return Prescribed((part.numbers[:, None] * k + chosen).ravel(), values)


def observation(space, matrix, dirichlet, shape=()):
    """The LinearMap of an observation; a warning tells where u is prescribed, here or by a solve."""
    if dirichlet is not None:
        warn_of_prescribed(matrix, gather(space, dirichlet)[0])
    m, n = matrix.shape
    shapes = ((n,), (m // int(np.prod(shape)), *shape)) if shape else None
    return LinearMap(matrix, shapes, watch=Watch(matrix, told=dirichlet is not None))


def _conditions(dirichlet, space):
    """The condition in any of its forms as a list of `Dirichlet`."""
    if dirichlet is None:
        return []
    if isinstance(dirichlet, Dirichlet):
        return [dirichlet]
    if isinstance(dirichlet, dict):
        return [c for where, value in dirichlet.items() for c in _entry(where, value, space)]
    if isinstance(dirichlet, (list, tuple)) and all(isinstance(d, Dirichlet) for d in dirichlet):
        return list(dirichlet)
    return [Dirichlet(None, dirichlet)]


def _entry(key, value, space):
    """The conditions of one entry {where: value} or {field: conditions}."""
    if not (isinstance(key, str) and key in space.field_names):
        if isinstance(value, dict):
            raise ValueError(f"dirichlet has the key {key!r} with conditions of its own; expected the "
                             f"name of a field there: {', '.join(space.field_names)}.")
        return [Dirichlet(key, value)]
    return [replace(c, field=key) for c in _conditions(value, space)]


def _part(space, condition, columns):
    """The `Prescribed` (m,), with values (m,) or (m, columns), of one condition."""
    special = space.prescribed(condition, columns)
    if special is not None:
        return special
    dofs = _numbers(space, condition.where)
    value = condition.value
    if callable(value) and not tf.is_tensor(value):
        value = value(space.dof_points[dofs])
    values = condition_values(value, dofs, columns)
    return Prescribed(dofs, values, column=_column(condition, columns))


def _column(condition, columns):
    """The column meant by `component`, where u has columns."""
    if condition.component is None:
        return None
    if columns is None or condition.component not in range(columns):
        has = f"u has {columns} columns." if columns else "the unknown is scalar; leave it out."
        raise ValueError(f"component is {condition.component!r}, but {has}")
    return condition.component


def condition_values(value, dofs, columns=None):
    """Values (m,) or (m, columns) for the degrees of freedom, checked, and guarded when they are
    traced."""
    value = float64_value("the Dirichlet value", value)
    m = len(dofs)
    allowed = [(), (m,)] + ([(m, columns)] if columns is not None else [])
    if tuple(value.shape) not in allowed:
        raise ValueError(f"the Dirichlet value has shape {tuple(value.shape)}; expected "
                         f"{' or '.join(map(str, allowed))}: {m} degrees of freedom are selected, "
                         "in the order of Space.boundary_dofs(where).")
    if not tf.is_tensor(value):
        require_finite("the Dirichlet value", value)
        return spread(value, m)
    return spread(guard(value, "the Dirichlet value", locate=_locator(value, dofs)), m)


def _locator(value, dofs):
    """Names the degree of freedom of entry i of values (m,) or (m, k); None for a scalar."""
    if not len(value.shape):
        return None
    columns = int(np.prod(value.shape[1:]))
    return lambda i: f"degree of freedom {dofs[i // columns]}"


def _numbers(space, where):
    """Numbers meant by `where`; an array keeps its order, which is the order of its values."""
    named = isinstance(where, str) or (isinstance(where, (list, tuple)) and len(where)
                                       and isinstance(where[0], str))
    if where is None or callable(where) or named:
        return space.boundary_dofs(where)
    return whole_numbers("where (degrees of freedom)", where, space.n)


def _concatenate(values):
    """Values of all parts below each other; (m,) becomes (m, k) where another part has columns."""
    width = max(len(v.shape) for v in values)
    if width == 2:
        k = max(v.shape[1] for v in values if len(v.shape) == 2)
        values = [v if len(v.shape) == 2 else v[:, None] * np.ones((1, k)) for v in values]
    if any(tf.is_tensor(v) for v in values):
        return values[0] if len(values) == 1 else tf.concat(values, axis=0)
    return np.concatenate(values)


def _check_agreement(dofs, first, values):
    """Every value must equal the first one given for its degree of freedom."""
    again = np.flatnonzero(first != np.arange(len(dofs)))
    if tf.is_tensor(values) and not hasattr(values, "numpy"):
        raise ValueError(f"degree of freedom {dofs[again[0]]} has two Dirichlet values, which "
                         "cannot be compared while the model is traced. Give each number once, for "
                         "example by a predicate, or one value for a list of names.")
    known = np.asarray(values).reshape(len(dofs), -1)
    gap = np.abs(known - known[first]).max(axis=1)
    bad = np.flatnonzero(~(gap <= _AGREEMENT * np.abs(known).max()))
    if bad.size:
        k = bad[0]
        raise ValueError(f"degree of freedom {dofs[k]} has two different Dirichlet values, "
                         f"{known[first[k], 0]:.8g} and {known[k, 0]:.8g}. Give each number once, "
                         "for example by a predicate that leaves out the corner.")
