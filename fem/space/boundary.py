"""Parts of the boundary: which facets, and which degrees of freedom."""

import numpy as np

from fem.common.places import is_names, truth_of
from pcl.support.nearest import nearest
from pcl.support.validate import whole_numbers


def select_facets(space, where):
    """Facet numbers meant by `where`.

    None: the whole boundary. A name of mesh.boundaries, or a list of names. A predicate on the
    midpoints (m, dim) of the boundary facets. An array of facet numbers.

    Raises
    ------
    ValueError, TypeError, IndexError
        Unknown name, wrong predicate, numbers out of range, or no facet selected.
    """
    mesh = space.mesh
    if where is None:
        return space.boundary_facets
    if callable(where):
        midpoints = space.facets.midpoints(mesh.p, space.boundary_facets)
        facets = space.boundary_facets[truth_of(where, midpoints)]
    elif is_names(where):
        facets = _named_facets(space, where)
    else:
        facets = whole_numbers("where (facet numbers)", where, space.facets.nodes.shape[1])
    if not len(facets):
        raise ValueError(f"where={where!r} selects no facet of the boundary.")
    return np.unique(facets)


def select_dofs(space, where):
    """Sorted numbers of the degrees of freedom meant by `where`; may be empty.

    None: the whole boundary. A name of mesh.boundaries, or a list of names. A predicate on the
    coordinates (m, dim) of the boundary's degrees of freedom. An array of numbers, anywhere.
    """
    if where is None:
        return space.facet_dofs(space.boundary_facets)
    if callable(where):
        dofs = space.facet_dofs(space.boundary_facets)
        return dofs[truth_of(where, space.dof_points[dofs])]
    if is_names(where):
        return space.facet_dofs(_named_facets(space, where))
    return np.unique(whole_numbers("where (degrees of freedom)", where, space.n))


def _named_facets(space, names):
    known = space.mesh.boundaries or {}
    result = []
    for name in [names] if isinstance(names, str) else names:
        if name not in known:
            names = ", ".join(map(repr, sorted(known))) or "no named boundaries"
            raise ValueError(f"boundary {name!r} is not known; the mesh has {names}."
                             f"{nearest(name, known)} Name parts by mesh.with_boundaries({{{name!r}: "
                             "lambda x: …}), x (dim, m).")
        result.append(whole_numbers(f"mesh.boundaries[{name!r}]", np.asarray(known[name]),
                                    space.facets.nodes.shape[1]))
    return np.unique(np.concatenate(result))
