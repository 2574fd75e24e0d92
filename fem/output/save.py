"""Files for ParaView and others: functions, coefficients and meshes written by meshio."""

import os
from typing import Any

import numpy as np

from fem.output.series import Series
from fem.output.vtu import picture_mesh, write
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array


def save(path: str | os.PathLike[str], space: Any, /, *, times: ArrayLike | None = None,
         separate: bool = False, **fields: Any) -> None:
    """Write a mesh with functions and coefficients: `fem.save("u.vtu", V, u=u, kappa=kappa)`.

    Parameters
    ----------
    path
        The suffix is the format: .vtu (VTK, float64, for ParaView), .pvd (a series of them, with
        `times`), or what meshio writes: .vtk, .xdmf, .msh, …
    space : Space, Grid or mesh
    times : increasing (m,), for .pvd
        Fields whose last axis has m entries change in time, as `fem.march` returns them; the others are
        written at every time.
    separate : bool
        Every cell gets points of its own, so that functions may jump between cells. By default a
        function that does (Raviart–Thomas, Crouzeix–Raviart, …) is written by its mean over the cells at
        each point.
    **fields
        By name:

        ===============================  ======================================================
        (n,), or (n, k)                   a function of the space, or k of them; of several
                                          unknown functions each under its own name
        (n_f,), named as the function f   one of several unknown functions
        (q,), (q, k), (q, dim, dim)       at quadrature points: written as means over the cells
        (n_cells,), …                     constant in cells
        (nodes,), …                       at the nodes of the mesh
        function of points (m, dim)       values at the points of the file
        number                            the same in all cells
        ===============================  ======================================================

        What may be two of them is said by a pair: `E=("cells", E)`, with "unknowns", "quadrature",
        "cells" or "nodes".

    Returns
    -------
    None
        What is written is the file.

    Notes
    -----
    Cells are of second order where the mesh is or a function has degree two or more; functions of higher
    degree are written by their values at these nodes. Functions constant in cells are values of cells.
    Points and cells have the numbers of the mesh, vertices first. Vectors are filled up with zeros to
    three components, tensors to 3 × 3, row by row. Names of regions and boundaries are kept as marks of
    cells, which `fem.read_mesh` turns into names again. The file is written beside and then moved in
    its place, so that an older one stays whole until then.

    Raises
    ------
    ImportError, FileNotFoundError, TypeError, ValueError
        meshio is not installed; the folder does not exist; no space; an unknown suffix, an array whose
        length fits nothing or two things, times without .pvd or without a field that changes.

    Warns
    -----
    UserWarning
        NaN or infinite entries, written as NaN: a state that has gone wrong is worth a look.

    Examples
    --------
    >>> import os, tempfile
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "u.vtu")
    ...     fem.save(path, V, u=V.dof_points[:, 0], kappa=lambda x: 1.0 + x[:, 1])
    ...     print(os.listdir(folder))
    ['u.vtu']
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is a {type(path).__name__}; expected that of a file, and then the space: "
                        "fem.save('u.vtu', V, u=u).")
    path = os.fspath(path)
    if path.lower().endswith(".pvd"):
        return _save_series(path, space, times, separate, fields)
    if times is not None:
        raise ValueError(f"times are given for {path!r}; expected a path that ends in .pvd for a series.")
    write(path, picture_mesh(space, fields, separate))


def _save_series(path, space, times, separate, fields):
    if times is None:
        raise ValueError(f"path is {path!r}; expected times=(m,) with it, one a file of the series.")
    times = float64_array("times", times, shape=(None,))
    series = Series(path, space, separate=separate)
    arrays = {name: value if callable(value) or isinstance(value, tuple)
              else float64_array(name, value, finite=False) for name, value in fields.items()}
    if len(times) and not any(_moves(value, len(times)) for value in arrays.values()):
        given = ", ".join(f"{name} {np.shape(a)}" for name, a in arrays.items()) or "none is given"
        raise ValueError(f"times has {len(times)} entries, but no field has a last axis of that length: "
                         f"{given}.")
    for k, t in enumerate(times):
        series.append(t, **{name: value[..., k] if _moves(value, len(times)) else value
                            for name, value in arrays.items()})


def _moves(value, count):
    return isinstance(value, np.ndarray) and value.ndim > 1 and value.shape[-1] == count
