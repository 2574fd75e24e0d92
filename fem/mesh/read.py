"""A scikit-fem mesh from a file, with the names of its boundaries and regions."""

import os
import warnings
from dataclasses import dataclass

import numpy as np
import skfem
from skfem.refdom import RefHex

from fem.mesh.build import KINDS as BY_NAME
from fem.mesh.build import mesh_from_arrays
from fem.mesh.cell_types import FACETS, KINDS, NAMES, base, corners, dimension, from_vtk
from fem.mesh.foreign import read_foreign
from fem.mesh.gmsh import Cells, read_gmsh
from fem.mesh.topology import build_facets, group_columns
from pcl.support.validate import known

_OF_KIND = {kind: name for name, kind in BY_NAME.items()}


def read_mesh(path: str | os.PathLike[str], cells: str | None = None) -> skfem.Mesh:
    """A scikit-fem mesh from a file, with the names of its boundaries and regions.

    Gmsh's .msh of versions 2.2 and 4.1 is read here, any other format (VTK, XDMF, Abaqus, MED, …) by
    meshio. The cells of the highest dimension make the mesh; those of second order (triangle6, quad9,
    tetra10, hexahedron27) make it curved. Named groups of these cells become `mesh.subdomains`, named
    groups of their facets `mesh.boundaries`, inner ones (interfaces) too. A group without a name is
    called 'tag 7'; groups of one dimension with the same name are one. Nodes of no cell are left out, and
    coordinates that are the same everywhere, so that a plane mesh has two.

    Parameters
    ----------
    path
    cells : optional
        The cells to take, by their name in VTK ('triangle', 'tetra10', …), where a file holds several
        kinds of the highest dimension, or where a surface is wanted and not the volume.

    Returns
    -------
    skfem.Mesh, with `boundaries` and `subdomains` by name

    Raises
    ------
    FileNotFoundError
        No such file.
    ImportError
        meshio is needed and not installed.
    ValueError
        The file cannot be read; it holds no cells that `fem` knows, or several kinds of them; the mesh
        is a curved surface in space.

    Warns
    -----
    UserWarning
        What was not taken over: groups of points or (in 3-D) edges, facets that no cell has, sets of
        points, cells that were not chosen.

    Examples
    --------
    Names survive the way through a file:

    >>> import os, tempfile
    >>> import fem
    >>> mesh = fem.unit_square(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "square.vtu")
    ...     fem.save(path, mesh)
    ...     again = fem.read_mesh(path)
    >>> again.t.shape[1], sorted(again.boundaries)
    (8, ['bottom', 'left', 'right', 'top'])
    """
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f"path is {path!r}; expected an existing mesh file.")
    try:
        read = read_gmsh(path) if path.lower().endswith(".msh") else None
        read, marks = (read, {}) if read else read_foreign(path)
        file = _File(path, read, marks)
        return file.mesh(file.chosen(cells))
    except ValueError as error:
        raise ValueError(f"path is {path!r}, which cannot be read: {error}") from error


@dataclass
class _File:
    """What was read, on its way to a mesh."""

    path: str
    read: Cells
    marks: dict

    def chosen(self, cells):
        """The type of cells that makes the mesh."""
        held = {name: len(rows) for name, rows in self.read.cells.items() if len(rows)}
        if cells is not None:
            return known("cells", cells, [name for name in held if name in KINDS])
        dims = {name: d for name in held if (d := dimension(name))}
        top = [name for name, d in dims.items() if d == max(dims.values())]
        if len(top) == 1 and (top[0] in KINDS or top[0] == "line3"):
            return top[0]
        what = ", ".join(f"{count} {name}" for name, count in held.items()) or "nothing"
        raise ValueError(f"it holds {what}; expected cells of one kind: {', '.join(KINDS)}. Make them "
                         "alike in the mesh generator, or name those to take by cells='…'.")

    def mesh(self, name):
        """The mesh of the cells of this type, with names."""
        rows = self.read.cells[name]
        if name == "line3":                         # intervals have nothing to curve
            rows = rows[:, :2]
        kind = KINDS[base(name) if name == "line3" else name]
        rows, numbers = _without_repetition(rows, corners(name))
        used, local = np.unique(rows, return_inverse=True)
        local = local.reshape(rows.shape)[:, from_vtk(NAMES[kind])]
        mesh = mesh_from_arrays(_OF_KIND[kind], _flat(self.read.points[used], dimension(name)).T, local.T)
        parts = _Parts(mesh, used[local[:, :mesh.t.shape[0]]], len(self.read.points))
        regions = {group: np.unique(numbers[found]) for (group, of), found in self.read.groups.items()
                   if of == name}
        boundaries = self._boundaries(name, parts)
        for (what, group, of), values in self.marks.items():
            if of == name and what == "s":
                regions[group] = np.unique(numbers[np.flatnonzero(values)])
            elif of == name and what == "b":
                boundaries[group] = parts.marked(values)
        self._tell(name)
        return mesh.with_boundaries(boundaries).with_subdomains(regions)

    def _boundaries(self, name, parts):
        """{group: facet numbers}, of groups of cells that are facets of the mesh."""
        found: dict[str, list] = {}
        for (group, of), rows in self.read.groups.items():
            if dimension(of) == dimension(name) - 1 and base(of) in FACETS[base(name)]:
                numbers = parts.facets(self.read.cells[of][rows][:, :corners(of)])
                if (numbers < 0).any():
                    self.read.remarks.append(f"{(numbers < 0).sum()} of {len(numbers)} {of} cells of the "
                                             f"group {group!r}, which are no facets of the cells")
                found.setdefault(group, []).append(numbers[numbers >= 0])
        return {group: np.unique(np.concatenate(numbers)).astype(np.int32)
                for group, numbers in found.items() if sum(map(len, numbers))}

    def _tell(self, name):
        """One warning of what was left in the file."""
        told = list(self.read.remarks)
        taken = {name} | {of for of in self.read.cells if base(of) in FACETS[base(name)]}
        left = {of: len(rows) for of, rows in self.read.cells.items() if of not in taken and len(rows)}
        groups = {group for group, of in self.read.groups if of not in taken}
        if groups or self.read.remarks or set(left) - {"vertex", "line", "line3"}:
            told += [f"{', '.join(f'{count} {of}' for of, count in left.items())} cells"] if left else []
            told += [f"their groups {', '.join(map(repr, sorted(groups)))}"] if groups else []
            warnings.warn(f"of {self.path!r} the {len(self.read.cells[name])} {name} cells were taken; "
                          f"left out: {'; '.join(told)}.", stacklevel=5)


class _Parts:
    """Facets of the mesh by the node numbers of the file."""

    def __init__(self, mesh, vertices, n_nodes):
        self.vertices = vertices                    # (n_cells, corners), numbers of the file
        self.local = mesh.elem.refdom.facets
        self.place = np.full(n_nodes, -1)
        known_nodes = np.unique(vertices)
        self.place[known_nodes] = np.arange(len(known_nodes))
        self.of_mesh = build_facets(mesh.t, self.local, mesh.elem.refdom is not RefHex).nodes

    def facets(self, rows):
        """Facet numbers (m,) of cells (m, vertices) of the file; −1 where the mesh has none."""
        columns = np.sort(self.place[rows].T, axis=0)
        inside = (columns >= 0).all(axis=0)
        every = np.hstack([np.sort(self.of_mesh, axis=0), columns[:, inside]])
        groups, count = group_columns(every), self.of_mesh.shape[1]
        number = np.full(len(groups.first), -1)
        number[groups.inverse[:count]] = np.arange(count)
        result = np.full(len(rows), -1)
        result[inside] = number[groups.inverse[count:]]
        return result

    def marked(self, values):
        """Facet numbers of marks with one bit a local facet."""
        bits = np.asarray(values).astype(np.int64)
        found = [self.facets(self.vertices[(bits >> f) & 1 == 1][:, list(facet)])
                 for f, facet in enumerate(self.local)]
        return np.unique(np.concatenate(found)).astype(np.int32)


def _without_repetition(rows, n_corners):
    """Rows with the same vertices once, as cells of several groups have them; old row ↦ new row."""
    groups = group_columns(np.sort(rows[:, :n_corners].T, axis=0))
    if (groups.size == 1).all():
        return rows, np.arange(len(rows))
    first = np.sort(groups.first)
    return rows[first], np.searchsorted(first, groups.first)[groups.inverse]


def _flat(points, dim):
    """Coordinates (n, dim): what is left without constant ones, the last of which go first."""
    size = np.ptp(points, axis=0)
    constant = [axis for axis in reversed(range(points.shape[1])) if size[axis] <= 1e-12 * size.max()]
    surplus = points.shape[1] - dim
    if len(constant) < surplus:
        raise ValueError(f"its cells have dimension {dim} but lie in space: coordinates span "
                         f"{tuple(size.tolist())}. Curved surfaces are not supported; a plane mesh has "
                         "to be parallel to a plane of two coordinates.")
    return np.delete(points, constant[:surplus], axis=1)
