"""Parts of the domain by name: mesh.subdomains."""

import numpy as np
import tensorflow as tf

from fem.common.coefficient import at_points, spread
from fem.common.places import is_names
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import selection
from pcl.support.nearest import nearest
from pcl.support.validate import whole_numbers


def region_cells(mesh, region):
    """Sorted numbers of the cells of a name, a list of names, or an array of numbers.

    Raises
    ------
    ValueError, IndexError
    """
    if not is_names(region):
        return np.unique(whole_numbers("region (cell numbers)", region, mesh.t.shape[1]))
    known = mesh.subdomains or {}
    found = []
    for name in [region] if isinstance(region, str) else region:
        if name not in known:
            names = ", ".join(map(repr, sorted(known))) or "no named regions"
            raise ValueError(f"region {name!r} is not known; the mesh has {names}.{nearest(name, known)}"
                             " Name regions by mesh.with_subdomains({...}).")
        found.append(np.asarray(known[name], dtype=np.int64))
    return np.unique(np.concatenate(found))


def by_region(space, values):
    """A coefficient (q,) with one value, array or function of points in each region; all cells once.

    Raises
    ------
    ValueError
        Cells in no region, or in several.
    """
    count = np.zeros(space.n_cells, dtype=int)
    parts, numbers = [], []
    for name, value in values.items():
        cells = region_cells(space.mesh, name)
        count[cells] += 1
        points = np.flatnonzero(np.isin(space.cells.numbers, cells))
        c = at_points(f"the coefficient of region {name!r}", value, space.quadrature_points[points])
        parts.append(spread(c, len(points)))
        numbers.append(points)
    bad = np.flatnonzero(count != 1)
    if bad.size:
        what = "no region" if count[bad[0]] == 0 else f"{count[bad[0]]} regions"
        raise ValueError(f"cell {bad[0]} belongs to {what} of {', '.join(map(repr, values))} "
                         f"({bad.size} such cells); expected every cell in one.")
    put = LinearMap(selection(np.concatenate(numbers), len(space.quadrature_weights)).T)
    joined = tf.concat(parts, 0) if any(map(tf.is_tensor, parts)) else np.concatenate(parts)
    return put @ joined if tf.is_tensor(joined) else put.matrix @ joined
