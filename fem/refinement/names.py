"""A mesh refined at some cells or everywhere, with the names of its boundaries and regions."""

from dataclasses import replace

import numpy as np
import skfem
from skfem.refdom import RefHex, RefQuad

from fem.mesh.geometry import is_curved
from fem.refinement.nested import parents
from fem.space.space import Space
from pcl.support.types import Integers

# A vertex whose barycentric coordinate is this small lies on the opposite facet.
_ON_FACET = 1e-9


def refined(space: Space, cells: Integers | None = None) -> skfem.Mesh:
    """The mesh of a space, refined at least at `cells` (everywhere: None), without hanging nodes.

    Facets and cells have the names of the facets and cells they lie in.

    Raises
    ------
    ValueError
        Quadrilaterals and hexahedra at some cells alone; curved cells.
    """
    mesh = space.mesh
    _require_straight(mesh)
    tensor = mesh.elem.refdom in (RefQuad, RefHex)
    if tensor and cells is not None:
        raise ValueError(f"cells of a {type(mesh).__name__} cannot be refined one by one without hanging "
                         "nodes; pass fem.Refining(uniform=True), or use triangles or tetrahedra.")
    if tensor:
        return mesh.refined()
    bare = replace(mesh, _boundaries=None, _subdomains=None)
    finer = bare.refined() if cells is None else bare.refined(np.asarray(cells))
    found = parents(space, finer)
    regions = {name: np.flatnonzero(np.isin(found, numbers))
               for name, numbers in (mesh.subdomains or {}).items()}
    finer = finer.with_subdomains(regions) if regions else finer
    return _with_boundaries(space, finer, found)


def _with_boundaries(space, finer, found):
    named = space.mesh.boundaries or {}
    if not named:
        return finer
    origin = _facets_of_origin(space, finer, found)
    return finer.with_boundaries({name: np.flatnonzero(np.isin(origin, facets))
                                  for name, facets in named.items()})


def _facets_of_origin(space, finer, found):
    """The old facet that each new one lies in, −1 for none."""
    mesh = space.mesh
    inside = found[finer.f2t[0]]
    middle = finer.p[:, finer.facets].mean(axis=1)
    X, _ = space.locator.invert(middle, inside)
    barycentric = np.vstack([1 - X.sum(axis=0), X])
    opposite = barycentric.argmin(axis=0)
    vertices = np.sort(mesh.t[:, inside], axis=0)                       # facets keep vertices sorted
    apex = mesh.t[opposite, inside]
    rest = vertices.T[vertices.T != apex[:, None]].reshape(len(apex), -1)
    candidates = mesh.facets[:, mesh.t2f[:, inside]]                    # (vertices, facets of a cell, m)
    same = (np.sort(candidates, axis=0) == rest.T[:, None]).all(axis=0)
    facet = mesh.t2f[same.argmax(axis=0), inside]
    return np.where(barycentric.min(axis=0) < _ON_FACET, facet, -1)


def _require_straight(mesh):
    if is_curved(mesh):
        raise ValueError(f"a {type(mesh).__name__} has curved cells, which are not refined; expected "
                         "straight ones: MeshLine, MeshTri, MeshTet, MeshQuad, MeshHex.")
