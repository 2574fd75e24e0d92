"""Dirichlet conditions u = g on parts of the boundary, gathered into numbers and values."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value, spread
from fem.common.prescribed import Watch, warn_of_prescribed
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.validate import require_finite, whole_numbers

# Two values given for one degree of freedom agree when they differ by rounding only.
_AGREEMENT = 1e-12


@dataclass(frozen=True)
class Dirichlet:
    """u = value on the degrees of freedom meant by `where`.

    Parameters
    ----------
    where : None, name or list of names, predicate, or array of numbers
        As in `Space.boundary_dofs`; an array is taken in the order given.
    value : scalar, (m,) or (m, k), or function of points (m, dim)
        Array or tensor, in the order of the array `where`, else of `Space.boundary_dofs(where)`.
        The k columns belong to k right-hand sides.
    """

    where: Any = None
    value: Any = 0.0


def gather(space, dirichlet, columns=None):
    """(dofs, values): sorted numbers (m,) and values (m,) or (m, columns), array or tensor.

    Nodes without a cell are among them, with value 0.

    Parameters
    ----------
    space : Space
    dirichlet : None, scalar, array or tensor over `space.boundary_dofs()`, function of points,
        dict {where: value}, Dirichlet, or list of Dirichlet
    columns : int, optional
        Number of right-hand sides, when values may be given for each.

    Raises
    ------
    ValueError
        Wrong shape, values not finite, or different values for one degree of freedom. Values that
        are traced cannot be compared, so a number given twice is refused then.
    IndexError
        A number out of range.
    """
    parts = [_part(space, p, columns) for p in _conditions(dirichlet)]
    dofs = np.concatenate([np.zeros(0, dtype=np.int64), *(d for d, _ in parts)])
    if dirichlet is not None and not dofs.size:
        warnings.warn("the Dirichlet condition selects no degree of freedom; it has no effect.",
                      stacklevel=3)
    unused = np.setdiff1d(space.unused_dofs, dofs)
    parts = [*parts, (unused, np.zeros(len(unused)))] if unused.size else parts
    if not parts:
        return dofs, np.zeros(0)
    dofs = np.concatenate([d for d, _ in parts])
    values = _concatenate([v for _, v in parts])
    unique, first, group = np.unique(dofs, return_index=True, return_inverse=True)
    if len(unique) < len(dofs):
        _check_agreement(dofs, first[group], values)
    if np.array_equal(first, np.arange(len(dofs))):
        return unique, values
    if tf.is_tensor(values):
        return unique, LinearMap(selection(first, len(dofs))) @ values
    return unique, values[first]


def observation(space, matrix, dirichlet):
    """The LinearMap of an observation; a warning tells where u is prescribed, here or by a solve."""
    if dirichlet is not None:
        warn_of_prescribed(matrix, gather(space, dirichlet)[0])
    return LinearMap(matrix, watch=Watch(matrix, told=dirichlet is not None))


def _conditions(dirichlet):
    """The condition in any of its forms as a list of `Dirichlet`."""
    if dirichlet is None:
        return []
    if isinstance(dirichlet, Dirichlet):
        return [dirichlet]
    if isinstance(dirichlet, dict):
        return [Dirichlet(where, value) for where, value in dirichlet.items()]
    if isinstance(dirichlet, (list, tuple)) and all(isinstance(d, Dirichlet) for d in dirichlet):
        return list(dirichlet)
    return [Dirichlet(None, dirichlet)]


def _part(space, condition, columns):
    """Numbers (m,) and values (m,) or (m, columns) of one condition."""
    dofs = _numbers(space, condition.where)
    value = condition.value
    if callable(value) and not tf.is_tensor(value):
        value = value(space.dof_points[dofs])
    value = float64_value("the Dirichlet value", value)
    m = len(dofs)
    allowed = [(), (m,)] + ([(m, columns)] if columns is not None else [])
    if tuple(value.shape) not in allowed:
        raise ValueError(f"the Dirichlet value has shape {tuple(value.shape)}; expected "
                         f"{' or '.join(map(str, allowed))}: {m} degrees of freedom are selected, "
                         "in the order of Space.boundary_dofs(where).")
    if not tf.is_tensor(value):
        require_finite("the Dirichlet value", value)
        return dofs, spread(value, m)
    return dofs, spread(guard(value, "the Dirichlet value", locate=_locator(value, dofs)), m)


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
