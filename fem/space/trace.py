"""What a Dirichlet condition says about the unknowns of a field: values, normal and tangential parts.

Where every unknown is a value at its point, the condition is interpolated there. Otherwise it says that
the trace τ u of the field on Γ is the projection of g, in the scalar product of L²(Γ):

    (∫_Γ τφ_i τφ_j ds) u_j = ∫_Γ τφ_i g ds

for the unknowns on Γ, which is singular where some of them, or some combinations of those at one vertex
(second derivatives of an Argyris element on a slanted side), have no trace; these stay free.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import splu
from skfem.element import ElementGlobal, ElementHcurl, ElementHdiv

from fem.common.coefficient import float64_value, spread
from fem.common.dirichlet import Prescribed, condition_values
from fem.common.places import is_names, truth_of
from fem.space.boundary import select_facets
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.validate import require_finite, whole_numbers

PARTS = ("normal", "tangential", "normal derivative")

# Facets that meet at a smaller angle than this have one normal at their common node (cosine of 30°).
_SMOOTH = np.cos(np.pi / 6)
# Combinations of the unknowns of one vertex have no trace below this part of the largest one.
_NO_TRACE = 1e-10


def prescribed(space, field, condition):
    """The `Prescribed` of a condition on a field.

    Raises
    ------
    ValueError
        A part that the field does not have; a value of a wrong shape.
    """
    part = _checked_part(field, condition.component)
    if field.is_nodal and part in ("normal", "tangential"):
        return _along_normals(space, field, condition, part)
    if field.is_nodal:
        return _interpolated(space, field, condition, part)
    return _projected(space, field, condition, part)


def _checked_part(field, part):
    if part is None:
        return {ElementHdiv: "normal", ElementHcurl: "tangential"}.get(_family(field), None)
    if part in PARTS[:2] and len(field.shape) == 1 and _family(field) in (None, {
            "normal": ElementHdiv, "tangential": ElementHcurl}[part]):
        return part
    if part == "normal derivative" and _family(field) is ElementGlobal:
        return part
    if field.components > 1 and part in range(field.components):
        return part
    known = [*range(field.components)] if field.components > 1 else []
    if len(field.shape) == 1 and _family(field) in (None, ElementHdiv):
        known.append("normal")
    if len(field.shape) == 1 and _family(field) in (None, ElementHcurl):
        known.append("tangential")
    known += ["normal derivative"] if _family(field) is ElementGlobal else []
    raise ValueError(f"component is {part!r}; {field} has {', '.join(map(repr, known)) or 'none'}.")


def _family(field):
    """H(div), H(curl) or plate elements, None for those of values at points."""
    return next((kind for kind in (ElementHdiv, ElementHcurl, ElementGlobal)
                 if isinstance(field.element, kind)), None)


# --- values at points -----------------------------------------------------------------------------
def numbers_at(space, field, where, component=None):
    """Sorted numbers of the unknowns of a field meant by `where`; an array of numbers as it is.

    Raises
    ------
    ValueError
        A number of another field or component.
    """
    if where is not None and not callable(where) and not is_names(where):
        dofs = whole_numbers("where (degrees of freedom)", where, space.n)
        _require_own(space, field, dofs, component)
        return dofs
    facets = space.boundary_facets if where is None or callable(where) else select_facets(space, where)
    dofs = field.facet_dofs(facets, component)
    if not callable(where):
        return dofs
    return dofs[truth_of(where, field.dof_points[dofs - field.start])]


def _require_own(space, field, dofs, component):
    """Refuse numbers of another field, or of another component than the one meant."""
    for i, number in enumerate(dofs):
        own = field.start <= number < field.start + field.n
        if own and component in (None, field.component[number - field.start]):
            continue
        of = next(f for f in space.fields.values() if f.start <= number < f.start + f.n)
        part = f", component {of.component[number - of.start]}" if of.components > 1 else ""
        meant = f"{field.name!r}" + ("" if component is None else f", component {component}")
        raise ValueError(f"where (degrees of freedom)[{i}] is {number}, an unknown of field {of.name!r}"
                         f"{part}; expected those of {meant}, for example "
                         "V.boundary_dofs(where, field, component) or V.nearest_dofs(points, field, "
                         "component).")


def _interpolated(space, field, condition, component):
    dofs = numbers_at(space, field, condition.where, component)
    value = condition.value
    if callable(value) and not tf.is_tensor(value):
        value = value(field.dof_points[dofs - field.start])
    value = float64_value("the Dirichlet value", value)
    k, m = field.components, len(dofs)
    if k > 1 and component is None and tuple(value.shape) in [(k,), (m, k)]:
        which = np.arange(m) * k + field.component[dofs - field.start]
        value = value * np.ones((m, 1))
        value = LinearMap(selection(which, m * k)) @ tf.reshape(value, [-1]) if tf.is_tensor(value) \
            else value.ravel()[which]
    return Prescribed(dofs, condition_values(value, dofs))


# --- normal and tangential parts of values at points ----------------------------------------------
def _along_normals(space, field, condition, part):
    """Rows n·u = g at every node of Γ, or t·u = g; at a corner one row for each side."""
    dim = space.dim
    facets = _sides(space, condition.where)
    dofs = field.facet_dofs(facets).reshape(-1, dim)                        # (nodes, components)
    points = field.dof_points[dofs[:, 0] - field.start]
    node, directions = _directions(_nodal_normals(space, field, facets, dofs[:, 0]), part)
    m = len(node)
    rows = sp.csr_array((directions.ravel(), (np.repeat(np.arange(m), dim), dofs[node].ravel())),
                        shape=(m, space.n))
    rows.data[np.abs(rows.data) < 1e-14] = 0.0
    rows.eliminate_zeros()
    value = condition.value
    value = float64_value("the Dirichlet value", value(points[node]) if _is_function(value) else value)
    if tuple(value.shape) == (m, dim):
        value = (tf.reduce_sum if tf.is_tensor(value) else np.sum)(value * directions, axis=1)
    if tuple(value.shape) not in [(), (m,)]:
        raise ValueError(f"the Dirichlet value has shape {tuple(value.shape)}; expected (), ({m},) "
                         f"or ({m}, "
                         f"{dim}): {m} {part} parts are prescribed.")
    if len(rows.indices) == m:          # along axes: single unknowns
        return Prescribed(rows.indices.astype(np.int64), _over(_checked(value, m), rows.data))
    return Prescribed(None, _checked(value, m), rows)


def _is_function(value):
    return callable(value) and not tf.is_tensor(value)


def _over(value, by):
    return value / by


def _checked(value, m):
    if not tf.is_tensor(value):
        require_finite("the Dirichlet value", value)
        return spread(value, m)
    return spread(guard(value, "the Dirichlet value"), m)


def _sides(space, where):
    """Facets meant by `where`; by a predicate those whose vertices are all meant."""
    if not callable(where):
        return select_facets(space, where)
    nodes = space.facets.nodes[:, space.boundary_facets]
    meant = truth_of(where, space.mesh.p[:, nodes.ravel()].T).reshape(nodes.shape).all(axis=0)
    if not meant.any():
        raise ValueError(f"where={where!r} selects no whole facet of the boundary, which a normal or "
                         "tangential part needs.")
    return space.boundary_facets[meant]


def _nodal_normals(space, field, facets, first):
    """For each node, unit normals (k, dim) of the smooth sides that meet there, in a list."""
    part = space.facet_points(facets)
    per_facet = len(part.weights) // len(facets)
    normals = (part.normals * part.weights[:, None]).reshape(len(facets), per_facet, -1).sum(axis=1)
    rows = sp.coo_array(part.rows(field.name, "value")[::space.dim])        # of the first component
    on_facet = np.isin(rows.coords[1], first) & (np.abs(rows.data) > _NO_TRACE)
    row, column = (c[on_facet] for c in rows.coords)        # what is left of others is rounding
    pairs = np.unique(np.stack([np.searchsorted(first, column), row // per_facet]), axis=1)
    at = np.split(pairs[1], np.flatnonzero(np.diff(pairs[0])) + 1)
    return [_smooth_sides(normals[sides]) for sides in at]


def _smooth_sides(normals):
    """Normals added up as long as they differ by little; unit vectors (k, dim)."""
    sums: list = []
    for normal in normals:
        for i, other in enumerate(sums):
            if normal @ other > _SMOOTH * np.linalg.norm(normal) * np.linalg.norm(other):
                sums[i] = other + normal
                break
        else:
            sums.append(normal)
    return np.array([s / np.linalg.norm(s) for s in sums])


def _directions(sides, part):
    """(node numbers, directions (m, dim)) of the normal or tangential rows."""
    if part == "tangential":
        sides = [np.concatenate([scipy.linalg.null_space(n[None]).T for n in side]) for side in sides]
    counts = [len(side) for side in sides]
    return np.repeat(np.arange(len(sides)), counts), np.concatenate(sides)


# --- projections ----------------------------------------------------------------------------------
def _projected(space, field, condition, part):
    where = condition.where
    if where is not None and not callable(where) and not is_names(where):
        dofs = whole_numbers("where (degrees of freedom)", where, space.n)
        return Prescribed(dofs, condition_values(condition.value, dofs))
    facets = select_facets(space, where)
    points = space.facet_points(facets)
    dofs = field.facet_dofs(facets)
    B, entries = _trace_rows(space, field, points, part)
    B = sp.csc_array(B)[:, dofs]
    weighted = sp.csr_array(sp.diags_array(np.repeat(points.weights, entries)) @ B)
    Q = _with_trace(sp.csr_array(B.T @ weighted), field.entity[dofs - field.start])
    inverse = splu(sp.csc_array(Q.T @ B.T @ weighted @ Q))
    g = _given_trace(condition.value, points, part, entries)
    project = inverse.solve((Q.T @ weighted.T).toarray())                   # (r, qb · entries)
    values = LinearMap(project) @ g if tf.is_tensor(g) else project @ g
    rows = sp.csr_array(Q.T @ selection(dofs, space.n))
    if len(rows.indices) == rows.shape[0]:
        return Prescribed(rows.indices.astype(np.int64), _over(values, rows.data))
    return Prescribed(None, values, rows)


def _trace_rows(space, field, points, part):
    """τ u at the points of Γ: sparse (qb · entries, n), and the number of entries."""
    if part is None:
        rows = points.rows(field.name, "value")
        return rows, rows.shape[0] // len(points.weights)
    along = points.normals
    if part == "normal derivative":
        return _dotted(points.rows(field.name, "gradient"), along), 1
    rows = points.rows(field.name, "value")
    if part == "normal":
        return _dotted(rows, along), 1
    if space.dim == 2:
        return _dotted(rows, np.stack([-along[:, 1], along[:, 0]], axis=1)), 1
    n = along[:, :, None]
    tangent = np.eye(3) - n * n.transpose(0, 2, 1)                          # u − n (n·u)
    q = len(along)
    blocks = sp.bsr_array((tangent, np.arange(q), np.arange(q + 1)), shape=(3 * q, 3 * q))
    return sp.csr_array(blocks @ rows), 3


def _dotted(rows, vectors):
    """Σ_d vectors[k, d] rows[(k, d)]."""
    q, dim = vectors.shape
    dot = sp.csr_array((vectors.ravel(), np.arange(q * dim), np.arange(0, q * dim + 1, dim)),
                       shape=(q, q * dim))
    return sp.csr_array(dot @ rows)


def _with_trace(gram, entity):
    """Columns that span what has a trace, entity by entity: unit vectors where they suffice."""
    blocks, columns = [], 0
    order = np.argsort(entity, kind="stable")
    largest = gram.diagonal().max()
    for members in np.split(order, np.flatnonzero(np.diff(entity[order])) + 1):
        block = gram[members][:, members].toarray()
        seen = np.flatnonzero(np.diag(block) > _NO_TRACE * largest)
        if not len(seen):
            continue
        size = np.sqrt(np.diag(block)[seen])
        w, v = np.linalg.eigh(block[np.ix_(seen, seen)] / np.outer(size, size))
        kept = v[:, w > _NO_TRACE * w[-1]] / size[:, None]
        kept = np.diag(1.0 / size) if kept.shape[1] == len(seen) else kept
        i, j = np.nonzero(kept)
        blocks.append((kept[i, j], members[seen][i], columns + j))
        columns += kept.shape[1]
    data, i, j = (np.concatenate(x) for x in zip(*blocks))
    return sp.csr_array((data, (i, j)), shape=(gram.shape[0], columns))


def _given_trace(value, points, part, entries):
    """g at the points of Γ, (qb · entries,)."""
    q, dim = points.normals.shape
    value = value(points.points) if _is_function(value) else value
    value = float64_value("the Dirichlet value", value)
    shape = tuple(value.shape)
    if shape in [(dim,), (q, dim)] and dim > 1 and (part is not None):
        value = value * np.ones((q, 1))
        value = _part_of(value, points.normals, part, entries)
    elif entries > 1 and shape == ():
        value = value * np.ones((q, entries))
    elif shape == ():
        value = value * np.ones(q)
    if tuple(value.shape) not in [(q,) if entries == 1 else (q, entries)]:
        raise ValueError(f"the Dirichlet value has shape {shape}; expected (), ({q},)"
                         + (f" or ({q}, {dim})" if part else "") + ", at Space.boundary_points(where).")
    value = _checked(value, q)
    return tf.reshape(value, [-1]) if tf.is_tensor(value) else value.ravel()


def _part_of(value, normals, part, entries):
    """n·g, t·g or ∂g/∂n of vectors (q, dim); in 3-D the tangential vector."""
    total = tf.reduce_sum if tf.is_tensor(value) else np.sum
    if part in ("normal", "normal derivative"):
        return total(value * normals, axis=1)
    if entries == 1:
        return total(value * np.stack([-normals[:, 1], normals[:, 0]], axis=1), axis=1)
    return value - total(value * normals, axis=1)[:, None] * normals
