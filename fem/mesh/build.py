"""Meshes from arrays, files and simple shapes."""

import contextlib
import io
import os

import numpy as np
import skfem

from fem.mesh.check import check_arrays
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_integer

KINDS = {"line": skfem.mesh.MeshLine1, "tri": skfem.MeshTri, "quad": skfem.MeshQuad,
         "tet": skfem.MeshTet, "hex": skfem.MeshHex}


def mesh_from_arrays(kind: str, points: ArrayLike, cells: ArrayLike) -> skfem.Mesh:
    """A scikit-fem mesh from raw arrays, checked before scikit-fem can convert them.

    scikit-fem cuts fractions off node numbers and counts −1 from the end; here both are refused.

    Parameters
    ----------
    kind : 'line', 'tri', 'quad', 'tet' or 'hex'
    points : (dim, n) real numbers
    cells : (nodes of a cell, n_cells) whole numbers

    Raises
    ------
    ValueError, IndexError
        Wrong or transposed shapes, no cells, fractional or unknown node numbers, coordinates that
        are not finite, repeated vertices.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is {kind!r}; known are {', '.join(KINDS)}.")
    points = float64_array("points", points, finite=False)
    cells = np.asarray(cells)
    check_arrays(points, cells, KINDS[kind].elem.refdom)
    return KINDS[kind](points, cells.astype(np.int32))


def read_mesh(path: str | os.PathLike[str]) -> skfem.Mesh:
    """A scikit-fem mesh from a file (Gmsh, VTK, Abaqus, XDMF, …), read by meshio.

    Raises
    ------
    FileNotFoundError
        No such file.
    ImportError
        meshio is not installed.
    ValueError
        meshio cannot read the file; the message tells its reason.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f"path is {os.fspath(path)!r}; expected an existing mesh file.")
    try:
        import meshio
    except ImportError as error:
        raise ImportError("read_mesh needs meshio: pip install meshio.") from error
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            mesh = meshio.read(path)
    except (Exception, SystemExit) as error:  # its readers stop in many ways, some by sys.exit
        reason = " ".join(said.getvalue().split()) or f"{type(error).__name__}: {error}"
        raise ValueError(f"path is {os.fspath(path)!r}, which meshio cannot read: {reason}") from error
    from skfem.io.meshio import from_meshio     # which imports meshio itself
    return from_meshio(mesh)


def rectangle(nx: int, ny: int, lower: ArrayLike = (0.0, 0.0),
              upper: ArrayLike = (1.0, 1.0)) -> skfem.MeshTri:
    """nx × ny × 2 triangles; each diagonal runs from the lower right to the upper left.

        (i, j+1) ─ (i+1, j+1)        node (i, j) has number j (nx + 1) + i
            │    ╲     │             boundaries 'left', 'right', 'bottom', 'top'
        (i, j)  ── (i+1, j)

    Parameters
    ----------
    nx, ny : int
        Intervals along x and y.
    lower, upper : (2,)
        Corners of the rectangle.

    Returns
    -------
    skfem.MeshTri
    """
    nx, ny = positive_integer("nx", nx), positive_integer("ny", ny)
    lower = float64_array("lower", lower, shape=(2,))
    upper = float64_array("upper", upper, shape=(2,))
    if (upper <= lower).any():
        raise ValueError(f"upper is {tuple(upper.tolist())} and lower {tuple(lower.tolist())}; "
                         "expected upper > lower in both coordinates.")
    x, y = np.meshgrid(np.linspace(lower[0], upper[0], nx + 1),
                       np.linspace(lower[1], upper[1], ny + 1))
    number = np.arange((nx + 1) * (ny + 1), dtype=np.int32).reshape(ny + 1, nx + 1)
    a, b = number[:-1, :-1].ravel(), number[:-1, 1:].ravel()          # lower left, lower right
    c, d = number[1:, :-1].ravel(), number[1:, 1:].ravel()            # upper left, upper right
    cells = np.stack([np.stack([a, b, c]), np.stack([b, c, d])], axis=2).reshape(3, -1)
    mesh = skfem.MeshTri(np.stack([x.ravel(), y.ravel()]), cells)
    return mesh.with_boundaries({
        "left": lambda p: p[0] == lower[0], "right": lambda p: p[0] == upper[0],
        "bottom": lambda p: p[1] == lower[1], "top": lambda p: p[1] == upper[1]})


def unit_square(n: int) -> skfem.MeshTri:
    """n × n × 2 triangles on (0, 1)², see `rectangle`."""
    return rectangle(n, n)
