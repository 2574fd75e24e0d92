"""Dirichlet conditions on fields whose unknowns are no values at points: projections onto traces.

All conditions on such a field say together that its traces τ u are closest to what is given:

    minimise  Σ_c ∫_Γ_c h²ᵐ |τ_c u − g_c|² ds,    m = 1 for a normal derivative, else 0

with h the size of the facets. Together, because parts of the boundary share unknowns, and because the
value and the normal derivative of a plate element do (∇u at a corner). Combinations of the unknowns of
one vertex, edge or facet that have no trace (second derivatives of an Argyris element on a slanted side)
stay free.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import splu

from fem.common.coefficient import float64_value
from fem.common.dirichlet import Prescribed
from fem.space.boundary import select_facets
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.support.arrays import scaled_rows, selection
from pcl.support.validate import require_finite

# A function has no trace when that is this small against the function inside of the cells.
_NO_TRACE = 1e-7
# Combinations of the unknowns of one vertex have no trace below this part of the largest one.
_NO_COMBINATION = 1e-10
# Conditions contradict each other when together they are met so many times worse than each alone.
_WORSE = 100.0
_ROUNDING = 1e-9


class Trace(NamedTuple):
    """One condition, √ds hᵐ τ u = √ds hᵐ g at the points of Γ, with one row or several a point."""

    rows: sp.csr_array          # (qb · entries, n), scaled
    given: Any                  # (qb · entries,), scaled
    facets: np.ndarray


def projected(space, field, conditions):
    """The `Prescribed` of all conditions [(condition, part)] on a field.

    Raises
    ------
    ValueError
        A value of a wrong shape; values that contradict each other; a trace of unknowns inside.
    """
    traces = [_trace(space, field, *c) for c in conditions]
    dofs = np.unique(np.concatenate([field.facet_dofs(t.facets) for t in traces]))
    B = sp.csr_array(sp.vstack([t.rows for t in traces], format="csc")[:, dofs])
    free, fixed = _combinations(B, field.entity[dofs - field.start])
    T = sp.csr_array(B @ free)
    gram = sp.csr_array(T.T @ T)
    values = _solved(gram, T, [t.given for t in traces])
    if len(traces) > 1 and not tf.is_tensor(values):
        missed = T @ values - np.concatenate([t.given for t in traces])
        _check_agreement(field, traces, missed)
    return _as_rows(sp.csr_array(fixed @ selection(dofs, space.n)), values)


def _solved(gram, T, given):
    """The minimiser, array or tensor."""
    if any(map(tf.is_tensor, given)):
        return solve(SparseMatrix.from_scipy(gram), LinearMap(T.T) @ tf.concat(given, 0))
    g = T.T @ np.concatenate(given)
    return np.zeros_like(g) if not g.any() else splu(sp.csc_array(gram)).solve(g)


def _as_rows(rows, values):
    """E u = values, by numbers where every row has one entry."""
    if len(rows.indices) == rows.shape[0]:
        return Prescribed(rows.indices.astype(np.int64), values * (1.0 / rows.data))
    return Prescribed(None, values, rows)


def _combinations(B, entity):
    """(D V, Vᵀ/D): combinations of the columns of B that have a trace, and rows that read them.

    Entity by entity D makes the columns of length 1, and V are eigenvectors of their products.
    """
    gram = sp.csr_array(B.T @ B)
    order = np.argsort(entity, kind="stable")
    put, read, columns = [], [], 0
    for members in np.split(order, np.flatnonzero(np.diff(entity[order])) + 1):
        block = gram[members][:, members].toarray()
        seen = np.flatnonzero(np.diag(block))
        if not len(seen):
            continue
        size = np.sqrt(np.diag(block)[seen])
        V = _spanned(block[np.ix_(seen, seen)] / np.outer(size, size))
        i, j = np.nonzero(V)
        numbers = members[seen][i], columns + j
        put.append((V[i, j] / size[i], *numbers))
        read.append((V[i, j] * size[i], *numbers))
        columns += V.shape[1]
    shape = B.shape[1], columns
    return _matrix(put, shape), sp.csr_array(_matrix(read, shape).T)


def _spanned(block):
    """Orthonormal combinations of what has a trace; unit vectors where all have one."""
    w, v = np.linalg.eigh(block)
    kept = w > _NO_COMBINATION * w[-1]
    return np.eye(len(w)) if kept.all() else v[:, kept]


def _matrix(entries, shape):
    data, i, j = (np.concatenate(x) for x in zip(*entries))
    return sp.csr_array((data, (i, j)), shape=shape)


def _check_agreement(field, traces, gap):
    """Refuse conditions that are met together much worse than each alone; gap is τ u − g together."""
    size = np.linalg.norm(np.concatenate([t.given for t in traces]))
    alone = np.linalg.norm([_missed(field, t) for t in traces])
    missed = np.linalg.norm(gap)
    if missed > _WORSE * alone + _ROUNDING * size:
        raise ValueError(f"Dirichlet values of field {field.name!r} contradict others where they meet: "
                         f"together they are missed by {missed / size:.2g} of their size, each alone by "
                         f"{alone / size:.2g}. Give values that agree at common corners and edges.")


def _missed(field, trace):
    """‖τ u − g‖ of the u that meets one condition best."""
    dofs = field.facet_dofs(trace.facets)
    B = sp.csr_array(sp.csc_array(trace.rows)[:, dofs])
    T = sp.csr_array(B @ _combinations(B, field.entity[dofs - field.start])[0])
    return np.linalg.norm(T @ _solved(sp.csr_array(T.T @ T), T, [trace.given]) - trace.given)


# --- one condition --------------------------------------------------------------------------------
def _trace(space, field, condition, part):
    facets = select_facets(space, condition.where)
    points = space.facet_points(facets)
    rows, entries = trace_rows(space, field, points, part)
    rows = _without_rounding(space, field, rows, part)
    _require_alone(field, rows, facets, part)
    scale = np.sqrt(points.ds) * (_sizes(points, facets) if part == "normal derivative" else 1.0)
    scale = np.repeat(scale, entries)
    given = given_trace(condition.value, points, part, entries)
    return Trace(scaled_rows(rows, scale), given * scale, facets)


def _sizes(points, facets):
    """The size h of the facet of each point; 1 in 1-D, where all of them are points."""
    dim = points.points.shape[1]
    if dim == 1:
        return np.ones(len(points.ds))
    measure = points.ds.reshape(len(facets), -1).sum(axis=1)
    return np.repeat(measure ** (1.0 / (dim - 1)), len(points.ds) // len(facets))


def _without_rounding(space, field, rows, part):
    """τφ_i set to zero where it vanishes up to rounding, against φ_i (or ∇φ_i) inside of the cells."""
    inside = space.cells.rows(field.name, "gradient" if part == "normal derivative" else "value")
    size = abs(inside).max(axis=0).toarray().ravel()
    seen = abs(rows).max(axis=0).toarray().ravel() > _NO_TRACE * size
    rows = sp.csr_array(rows @ sp.diags_array(seen.astype(np.float64)))
    rows.eliminate_zeros()
    return rows


def _require_alone(field, rows, facets, part):
    """Refuse a trace to which functions contribute whose unknowns lie inside."""
    if len(np.setdiff1d(rows.indices, field.facet_dofs(facets))):
        raise ValueError(f"the {part or 'value'} of {field} on the boundary depends on unknowns inside "
                         "of the domain, so it cannot be prescribed by a projection; prescribe numbers, "
                         "fem.Dirichlet(V.boundary_dofs(where), values).")


def trace_rows(space, field, points, part):
    """τ u at the points of Γ: sparse (qb · entries, n), and the number of entries."""
    if part == "normal derivative":
        return _dotted(points.rows(field.name, "gradient"), points.normals), 1
    rows = points.rows(field.name, "value")
    if part is None:
        return rows, rows.shape[0] // len(points.ds)
    if part == "normal":
        return _dotted(rows, points.normals), 1
    if part != "tangential":
        return rows[part::field.components], 1
    if space.dim == 2:
        return _dotted(rows, _turned(points.normals)), 1
    n = points.normals[:, :, None]
    tangent = np.eye(3) - n * n.transpose(0, 2, 1)                          # u − n (n·u)
    q = len(n)
    blocks = sp.bsr_array((tangent, np.arange(q), np.arange(q + 1)), shape=(3 * q, 3 * q))
    return sp.csr_array(blocks @ rows), 3


def _turned(normals):
    """The tangents (−n_y, n_x)."""
    return np.stack([-normals[:, 1], normals[:, 0]], axis=1)


def _dotted(rows, vectors):
    """Σ_d vectors[k, d] rows[(k, d)]."""
    q, dim = vectors.shape
    dot = sp.csr_array((vectors.ravel(), np.arange(q * dim), np.arange(0, q * dim + 1, dim)),
                       shape=(q, q * dim))
    return sp.csr_array(dot @ rows)


# --- what is given --------------------------------------------------------------------------------
def given_trace(value, points, part, entries):
    """g at the points of Γ, (qb · entries,): of vectors (qb, dim) the part that is prescribed."""
    q, dim = points.normals.shape
    if callable(value) and not tf.is_tensor(value):
        value = value(points.points)
    value = float64_value("the Dirichlet value", value)
    shape = tuple(value.shape)
    whole = part in ("normal", "tangential", "normal derivative")
    if whole and shape in [(q, dim)] + [(dim,)] * (dim > 1):
        value = _part_of(value * np.ones((q, 1)), points.normals, part, entries)
    elif entries > 1 and shape in [(), (entries,)]:
        value = value * np.ones((q, entries))
    elif shape == ():
        value = value * np.ones(q)
    if tuple(value.shape) != ((q,) if entries == 1 else (q, entries)):
        known = [(), (q,) if entries == 1 else (q, entries)] + ([(q, dim)] if whole else [])
        raise ValueError(f"the Dirichlet value has shape {shape}; expected "
                         f"{' or '.join(map(str, known))}, at Space.boundary_points(where).")
    if tf.is_tensor(value):
        return tf.reshape(guard(value, "the Dirichlet value"), [-1])
    require_finite("the Dirichlet value", value)
    return value.ravel()


def _part_of(value, normals, part, entries):
    """n·g, t·g or ∂g/∂n of vectors (q, dim); in 3-D the tangential vector."""
    total = tf.reduce_sum if tf.is_tensor(value) else np.sum
    if part in ("normal", "normal derivative"):
        return total(value * normals, axis=1)
    if entries == 1:
        return total(value * _turned(normals), axis=1)
    return value - total(value * normals, axis=1)[:, None] * normals
