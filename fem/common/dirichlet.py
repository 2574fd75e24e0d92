"""Dirichlet conditions u = g on parts of the boundary, gathered into numbers and values."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.agreement import concatenated, each_once
from fem.common.coefficient import float64_value, spread
from fem.common.places import is_names
from fem.common.prescribed import Watch, warn_of_prescribed
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.nearest import nearest
from pcl.support.validate import require_finite, whole_numbers

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
        of points, or (qb,) at `Space.boundary_points(where)`. The value of Morley elements is that at
        vertices.
    field : str, optional
        Which field; needed where the space has several.
    component : int, 'normal', 'tangential' or 'normal derivative', optional
        Part of a vector: u_c, u·n or u·t (in 3-D both tangential directions); ∂u/∂n of plate elements.
        Without one it is all of the value; u·n of H(div), u·t of H(curl) elements.

    Raises
    ------
    ValueError, TypeError, IndexError
        By what takes it (`fem.solve`, …): wrong shapes, values not finite or in contradiction to each
        other, names of no boundary or field, numbers out of range.

    Examples
    --------
    A plate held on the left, pulled by 0.1 on the right, where it may slide:

    >>> import numpy as np
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
    >>> held = fem.Dirichlet("left", 0.0)
    >>> pulled = fem.Dirichlet("right", 0.1, component=0)
    >>> def elastic(u, x):
    ...     return {"u": {"gradient": 2.0 * fem.sym(u.gradient)}}
    >>> u = fem.solve(V.matrix(elastic), np.zeros(V.n), [held, pulled])
    >>> (V.observe([[0.5, 0.5]], component=0) @ u).numpy().round(3).tolist()
    [0.05]
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
    by: str = ""                    # which condition says so, in words


@dataclass(frozen=True)
class Gathered:
    """All that Dirichlet conditions say: u[numbers] = values, and matrix u = tied values.

    Attributes
    ----------
    numbers : (m,), each once, sorted; those of nodes without a cell are among them, with value 0
    values : (m,) or (m, columns), array or tensor
    matrix, tied : sparse (k, n) and its values, or None
    """

    numbers: Any
    values: Any
    matrix: Any = None
    tied: Any = None


def gather(space, dirichlet, columns=None):
    """(dofs, values): sorted numbers (m,) and values (m,) or (m, columns), array or tensor.

    Parameters
    ----------
    space : Space or Grid
    dirichlet : None, scalar, array or tensor over `space.boundary_dofs()`, function of points,
        dict {where: value}, {field: any of these}, Dirichlet, or list of Dirichlet
    columns : int, optional
        Number of right-hand sides, when values may be given for each.

    Raises
    ------
    ValueError
        Wrong shape, values not finite, different values for one degree of freedom (when evaluated, if
        they are traced). A condition that ties several unknowns.
    IndexError
        A number out of range.
    """
    found = gather_all(space, dirichlet, columns, stacklevel=4)
    if found.matrix is not None:
        raise ValueError("a Dirichlet condition here ties several unknowns together (a normal or "
                         "tangential part on a slanted side); only fem.solve, fem.solve_nonlinear and "
                         "fem.march take it.")
    return found.numbers, found.values


def gather_all(space, dirichlet, columns=None, fields=False, stacklevel=5):
    """The `Gathered` of conditions on u (n,) with `columns` right-hand sides.

    With `fields` the columns are those of u (n, columns), which is then flattened row by row.
    """
    parts = _parts(space, dirichlet, columns, fields)
    if fields and columns is not None:
        parts = [_flattened(part, columns) for part in parts]
    single = [p for p in parts if p.matrix is None]
    tied = [p for p in parts if p.matrix is not None]
    if dirichlet is not None and not tied and not any(len(p.numbers) for p in single if p.by):
        warnings.warn("the Dirichlet condition selects no degree of freedom; it has no effect.",
                      stacklevel=stacklevel)
    dofs = np.concatenate([_NONE, *(p.numbers for p in single)])
    values = concatenated([p.values for p in single]) if single else np.zeros(0)
    by = [(p.by, len(p.numbers)) for p in single]
    rows = None if not tied else sp.vstack([p.matrix for p in tied], format="csr")
    numbers, values = each_once(dofs, values, by)
    return Gathered(numbers, values, rows, concatenated([p.values for p in tied]) if tied else None)


def _parts(space, dirichlet, columns, fields):
    """The `Prescribed` of every condition, and of nodes without a cell."""
    conditions = _conditions(dirichlet, space)
    others, projected = space.projections(conditions) if columns is None else (conditions, [])
    parts = [*(replace(_part(space, c, columns, fields), by=_words(c)) for c in others),
             *(replace(p, by=p.by or "a Dirichlet condition") for p in projected)]
    known = np.concatenate([_NONE, *(p.numbers for p in parts if p.matrix is None)])
    unused = np.setdiff1d(space.unused_dofs, known)
    return [*parts, Prescribed(unused, np.zeros(len(unused)))] if unused.size else parts


def _words(condition):
    """Which condition it is."""
    where = condition.where
    at = ("the whole boundary" if where is None else "a predicate" if callable(where)
          else ", ".join(map(repr, [where] if isinstance(where, str) else where)) if is_names(where)
          else "given numbers")
    of = "" if condition.field is None else f" of {condition.field}"
    part = "" if condition.component is None else f" (component {condition.component!r})"
    return f"at {at}{of}{part}"


def _flattened(part, k):
    """A condition on u (n,) as one on (n, k) flattened: on all columns, or on `part.column`."""
    chosen = np.arange(k) if part.column is None else np.array([part.column])
    values = part.values
    if len(values.shape) == 1:
        values = values[:, None] * np.ones((1, len(chosen)))
    values = tf.reshape(values, [-1]) if tf.is_tensor(values) else values.ravel()
    return replace(part, numbers=(part.numbers[:, None] * k + chosen).ravel(), values=values)


def observation(space, matrix, dirichlet, shape=()):
    """The LinearMap of an observation; a warning tells where u is prescribed, here or by a solve."""
    if dirichlet is not None:
        warn_of_prescribed(matrix, gather(space, dirichlet)[0])
    m, n = matrix.shape
    shapes = ((n,), (m // int(np.prod(shape)), *shape)) if shape else None
    return LinearMap(matrix, shapes, watch=Watch(matrix, told=dirichlet is not None))


def _conditions(dirichlet, space, of_field=False):
    """The condition in any of its forms as a list of `Dirichlet`; `of_field` says it is one field's."""
    if dirichlet is None:
        return []
    if isinstance(dirichlet, Dirichlet):
        return [dirichlet]
    if isinstance(dirichlet, dict):
        return [c for where, value in dirichlet.items() for c in _entry(where, value, space, of_field)]
    if isinstance(dirichlet, (list, tuple)) and all(isinstance(d, Dirichlet) for d in dirichlet):
        return list(dirichlet)
    return [Dirichlet(None, dirichlet)]


def _entry(key, value, space, of_field):
    """The conditions of one entry {where: value} or {field: conditions}."""
    if not (isinstance(key, str) and key in space.field_names):
        near = nearest(key, space.field_names)
        if isinstance(value, dict):
            raise ValueError(f"dirichlet has the key {key!r} with conditions of its own; expected the "
                             f"name of a field there: {', '.join(space.field_names)}.{near}")
        if isinstance(key, str) and len(space.field_names) > 1 and not of_field:
            raise ValueError(f"dirichlet has the key {key!r}, which is no field; the space has "
                             f"{', '.join(map(repr, space.field_names))}.{near} Parts of the boundary "
                             f"are given for each field, {{{space.field_names[0]!r}: {{{key!r}: …}}}}.")
        return [Dirichlet(key, value)]
    return [replace(c, field=key) for c in _conditions(value, space, of_field=True)]


def _part(space, condition, columns, fields):
    """The `Prescribed` (m,), with values (m,) or (m, columns), of one condition."""
    special = space.prescribed(condition, columns if fields else None)
    if special is not None:
        return special
    dofs = _numbers(space, condition.where)
    value = condition.value
    if callable(value) and not tf.is_tensor(value):
        value = value(space.dof_points[dofs])
    values = condition_values(value, dofs, columns)
    return Prescribed(dofs, values, column=_column(condition, columns if fields else None))


def _column(condition, columns):
    """The column meant by `component`, where u has columns."""
    if condition.component is None:
        return None
    if columns is None or condition.component not in range(columns):
        has = f"u has {columns} columns." if columns else "the unknown is scalar; leave it out."
        raise ValueError(f"component is {condition.component!r}, but {has}")
    return condition.component


def condition_values(value, dofs, columns=None, also=()):
    """Values (m,) or (m, columns) for the degrees of freedom, checked, and guarded when they are traced.

    `also` are shapes that would have been taken before.
    """
    value = float64_value("the Dirichlet value", value)
    m = len(dofs)
    allowed = [(), (m,)] + ([(m, columns)] if columns is not None else [])
    if tuple(value.shape) not in allowed:
        expected = [*dict.fromkeys([*allowed, *also])]
        raise ValueError(f"the Dirichlet value has shape {tuple(value.shape)}; expected "
                         f"{' or '.join(map(str, expected))}: {m} degrees of freedom are selected, "
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
    if where is None or callable(where) or is_names(where):
        return space.boundary_dofs(where)
    return whole_numbers("where (degrees of freedom)", where, space.n)
