"""meshio's mesh of a space with its fields, and files of it that appear whole or not at all."""

import contextlib
import io
import os

import numpy as np

from fem.mesh.cell_types import to_vtk
from fem.mesh.check import check_mesh
from fem.output.arrays import formula_values, sort_out
from fem.output.layout import layout
from fem.output.marks import name_marks
from fem.output.sampled import domain_of, facets_of, mesh_of

# Settings of meshio's writers that keep a file in one piece.
_SETTINGS = {".xdmf": {"data_format": "XML"}, ".msh": {"file_format": "gmsh"}}


def picture_mesh(space, fields, separate=False):
    """meshio's mesh with all fields; see `fem.save`."""
    space = domain_of(space)
    meshio, mesh = _meshio(), mesh_of(space)
    facets = check_mesh(mesh) if mesh is space else facets_of(space)
    entries = sort_out(space, fields)
    second = any(what == "function" and entry[0].degree > 1 for what, entry in entries.values())
    form = layout(mesh, second, separate)
    point_data, cell_data = {}, {}
    for name, (what, entry) in entries.items():
        if what == "cells" or (what == "function" and entry[0].degree == 0):
            cell_data[name] = _components(_of_cells(what, entry, form), mesh.p.shape[0])
        else:
            point_data[name] = _components(_at_points(what, entry, form, mesh, name), mesh.p.shape[0])
    cell_data.update(name_marks(mesh, facets))
    points = np.pad(form.points, ((0, 0), (0, 3 - form.points.shape[1])))
    return meshio.Mesh(points, [(form.name, form.cells.T[:, to_vtk(form.name)])], point_data,
                       {name: [values] for name, values in cell_data.items()})


def write(path, mesh):
    """meshio's mesh in a file that appears whole or not at all.

    Raises
    ------
    FileNotFoundError, ValueError, OSError
    """
    folder, name = os.path.split(path)
    suffix = os.path.splitext(name)[1].lower()
    known = _meshio().extension_to_filetypes
    if suffix not in known:
        raise ValueError(f"path is {path!r}; expected a suffix that says the format: .vtu, .pvd, .vtk, "
                         ".xdmf, .msh, or another one of meshio.")
    require_folder(path)
    beside = os.path.join(folder, f".writing-{os.getpid()}-{name}")
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            mesh.write(beside, **_SETTINGS.get(suffix, {}))
        os.replace(beside, path)
    except OSError:
        raise
    except (Exception, SystemExit) as error:         # its writers stop in many ways
        reason = " ".join(said.getvalue().split()) or f"{type(error).__name__}: {error}"
        raise ValueError(f"path is {path!r}, which meshio cannot write: {reason}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(beside)


def require_folder(path):
    """Refuse a path in a folder that does not exist."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"path is {path!r}, but the folder {folder!r} does not exist; make it "
                                "first.")


def _of_cells(what, entry, form):
    if what == "cells":
        return entry
    function, u = entry
    return function.values(u, form.X.mean(axis=1, keepdims=True))[:, 0]


def _at_points(what, entry, form, mesh, name):
    """Values (points, …) of a function, a formula or an array at mesh nodes."""
    if what == "function":
        return form.gather(entry[0].values(entry[1], form.X))
    if what == "formula":
        return formula_values(name, entry, form.points)
    return _from_nodes(entry, form, mesh)


def _from_nodes(values, form, mesh):
    """Values at the mesh's own nodes, carried by their map to the points of the layout."""
    own = layout(mesh)
    basis = np.array([mesh.elem().lbasis(form.X, i)[0] * np.ones(form.X.shape[1])
                      for i in range(len(own.cells))])                    # (nodes, points)
    return form.gather(np.einsum("ip,ic...->cp...", basis, values[own.cells]))


def _components(values, dim):
    """(m, …) as (m,), (m, 3) for vectors, (m, 9) for tensors, else (m, k)."""
    if values.ndim == 1 or values.shape[1:] == (1,):
        return values.reshape(len(values))
    if values.shape[1:] in ((dim,), (dim, dim)):
        values = np.pad(values, [(0, 0), *[(0, 3 - dim)] * (values.ndim - 1)])
    return values.reshape(len(values), -1)


def _meshio():
    try:
        import meshio
    except ImportError as error:
        raise ImportError("fem.save needs meshio: pip install meshio.") from error
    return meshio
