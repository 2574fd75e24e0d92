"""What a Dirichlet condition says about the unknowns of a field: values, normal and tangential parts.

Where every unknown on the boundary is a value at its point, the condition is interpolated there; an
element of values at vertices and mean normal derivatives takes these. Otherwise see
`fem.space.projection`.
"""

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import tensorflow as tf
from skfem.element import ElementGlobal, ElementHcurl, ElementHdiv

from fem.common.coefficient import float64_value, spread
from fem.common.dirichlet import Prescribed, condition_values
from fem.common.places import is_names, truth_of
from fem.space.boundary import select_facets
from fem.space.projection import given_trace, projected, trace_rows
from pcl.nodes.guard import guard
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.nearest import nearest
from pcl.support.validate import require_finite, whole_numbers

PARTS = ("normal", "tangential", "normal derivative")

# Facets that meet at a smaller angle than this have one normal at their common node (cosine of 30°).
_SMOOTH = np.cos(np.pi / 6)
# Values of functions at points of a facet, whose nodes lie elsewhere.
_ROUNDING = 1e-10


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
    if field.is_nodal or _is_numbers(condition.where):
        return _interpolated(space, field, condition, part)
    return _moments(space, field, condition, part)


def projections(space, pairs):
    """(conditions that are none, the `Prescribed` of those that are), of pairs (field, condition).

    All projections on one field are made together.
    """
    chosen = [(f, c) for f, c in pairs
              if not (f.is_nodal or f.has_moments or _is_numbers(c.where))]
    fields = dict.fromkeys(f for f, _ in chosen)
    rest = [c for f, c in pairs if not any(c is other for _, other in chosen)]
    return rest, [projected(space, field, [(c, _checked_part(field, c.component))
                                           for f, c in chosen if f is field]) for field in fields]


def _is_numbers(where):
    return where is not None and not callable(where) and not is_names(where)


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
    raise ValueError(f"component is {part!r}; {field} has {', '.join(map(repr, known)) or 'none'}."
                     f"{nearest(part, known)}")


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
    if _is_numbers(where):
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
    whole = [(k,), (m, k)] if k > 1 and component is None else []
    if tuple(value.shape) in whole:
        which = np.arange(m) * k + field.component[dofs - field.start]
        value = value * np.ones((m, 1))
        value = LinearMap(selection(which, m * k)) @ tf.reshape(value, [-1]) if tf.is_tensor(value) \
            else value.ravel()[which]
    return Prescribed(dofs, condition_values(value, dofs, also=whole))


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
                         f"or ({m}, {dim}): {m} {part} parts are prescribed.")
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
    there = np.isin(rows.coords[1], first) & (np.abs(rows.data) > _ROUNDING)
    node = np.searchsorted(first, rows.coords[1][there])
    pairs = np.unique(np.stack([node, rows.coords[0][there] // per_facet]), axis=1)
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


# --- moments --------------------------------------------------------------------------------------
def _moments(space, field, condition, part):
    """Values at vertices, or means of ∂u/∂n over facets, of an element that has just these (Morley)."""
    facets = select_facets(space, condition.where)
    if part is None:
        vertices = np.unique(space.facets.nodes[:, facets])
        dofs = field.start + field.vertex_dofs[vertices]
        value = condition.value
        value = value(space.mesh.p[:, vertices].T) if _is_function(value) else value
        return Prescribed(dofs, condition_values(value, dofs))
    points = space.facet_points(facets)
    q = len(points.ds) // len(facets)
    share = points.ds.reshape(len(facets), q)
    share = (share / share.sum(axis=1, keepdims=True)).ravel()
    mean = sp.csr_array((share, (np.repeat(np.arange(len(facets)), q), np.arange(len(share)))))
    dofs = field.start + field.on_facets[facets]
    rows, _ = trace_rows(space, field, points, part)
    sign = (mean @ rows)[np.arange(len(facets)), dofs]                      # normals of either side
    given = given_trace(condition.value, points, part, 1)
    values = LinearMap(mean) @ given if tf.is_tensor(given) else mean @ given
    return Prescribed(dofs, values * (1.0 / sign))
