"""Constraints of a field: periodicity, mean values, rigid motions, and sums over a part of the
boundary."""

import numpy as np
import scipy           # its `spatial` is loaded when it is first used
import scipy.sparse as sp

from fem.common.constraint import Constraint
from fem.space.trace import numbers_at
from pcl.support.arrays import selection

# Partners lie at the same place to this part of the extent of a side.
_SAME_PLACE = 1e-6


def periodic(space, field, one, other, sign):
    """u(x) = sign u(x + shift) for the unknowns x on `one`."""
    if not field.is_nodal:
        raise ValueError(f"periodic ties values at points, which the unknowns of {field} are not; use a "
                         "Lagrange element.")
    a, b = (numbers_at(space, field, where) for where in (one, other))
    if len(a) != len(b):
        raise ValueError(f"{one!r} has {len(a)} unknowns and {other!r} has {len(b)}; a periodic "
                         "pair needs the same nodes on both sides.")
    if not len(a) or len(np.intersect1d(a, b)) == len(a):
        raise ValueError(f"the periodic pair {one!r}, {other!r} is a side and itself; expected two that "
                         "lie opposite each other.")
    x, y = (field.dof_points[d - field.start] for d in (a, b))
    shift = (y.min(axis=0) + y.max(axis=0) - x.min(axis=0) - x.max(axis=0)) / 2
    extent = max(np.ptp(x, axis=0).max(), np.abs(shift).max())
    marked = [np.column_stack([p, field.component[d - field.start] * 4 * extent])
              for p, d in ((x + shift, a), (y, b))]
    distance, partner = scipy.spatial.cKDTree(marked[1]).query(marked[0])
    bad = np.flatnonzero(distance > _SAME_PLACE * extent)
    if bad.size or len(np.unique(partner)) < len(partner):
        k = bad[0] if bad.size else 0
        place = ", ".join(f"{v:.6g}" for v in x[k])
        raise ValueError(f"the periodic pair {one!r}, {other!r} does not match: the node at "
                         f"({place}), shifted "
                         f"by ({', '.join(f'{v:.6g}' for v in shift)}), has no partner within "
                         f"{_SAME_PLACE * extent:.1e} ({bad.size} such nodes).")
    return Constraint(selection(a, space.n) - sign * selection(b[partner], space.n),
                      name=f"the periodic pair {one!r}, {other!r}")


def mean_value(space, field, value):
    """∫ u w dx = value ∫ w dx, a row for each component."""
    weights = space.quadrature_weights
    rows = space.cells.rows(field.name, "value")
    entries = rows.shape[0] // len(weights)
    sums = sp.kron(weights[None], sp.eye_array(entries)) @ rows / weights.sum()
    return Constraint(sp.csr_array(sums), value, by="multiplier",
                      name=f"the mean value of {field.name}")


def rigid_motions(space, field):
    """∫ r·u w dx = 0 for the translations and rotations r."""
    if field.shape != (space.dim,) or space.dim == 1:
        raise ValueError(f"rigid motions are those of a displacement, but {field} has values of shape "
                         f"{field.shape} in {space.dim}-D.")
    motions = rigid(space.quadrature_points)                                # (q, dim, modes)
    weights = space.quadrature_weights / space.quadrature_weights.sum()
    weighted = (motions * weights[:, None, None]).reshape(-1, motions.shape[2])
    return Constraint(sp.csr_array(weighted.T @ space.cells.rows(field.name, "value")), by="multiplier",
                      name=f"the rigid motions of {field.name}")


def rigid(points):
    """Translations and rotations about the centre at points, (q, dim, 3) in 2-D, (q, dim, 6) in 3-D."""
    q, dim = points.shape
    x = points - points.mean(axis=0)
    x = x / np.abs(x).max()
    modes = [np.broadcast_to(e, (q, dim)) for e in np.eye(dim)]
    for i, j in [(0, 1)] if dim == 2 else [(0, 1), (1, 2), (2, 0)]:
        turn = np.zeros((q, dim))
        turn[:, i], turn[:, j] = -x[:, j], x[:, i]
        modes.append(turn)
    return np.stack(modes, axis=2)


def component_sums(space, field, where):
    """Sums of the residual over the unknowns on a part of the boundary, a row for each component."""
    dofs = numbers_at(space, field, where)
    of = field.component[dofs - field.start]
    return sp.csr_array((np.ones(len(dofs)), (of, dofs)), shape=(field.components, space.n))
