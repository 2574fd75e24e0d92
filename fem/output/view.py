"""Meshes in space turned by hand, with pyvista."""

from typing import Any

from fem.output.vtu import picture_mesh


def view(space: Any, /, *, separate: bool = False, show: bool = True, **fields: Any) -> Any:
    """A window of pyvista with the mesh, coloured by the first of the fields.

    Parameters
    ----------
    space, separate, **fields : as in `fem.save`
    show : bool
        Open the window; with False the plotter is returned as it is, to add to it.

    Returns
    -------
    pyvista.Plotter

    Raises
    ------
    ImportError
        pyvista (or meshio) is not installed.

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> fem.view(V, u=V.dof_points[:, 0])  # doctest: +SKIP
    """
    try:
        import pyvista
    except ImportError as error:
        raise ImportError("fem.view needs pyvista: pip install pyvista. Without it, fem.plot_slice draws "
                          "sections, and fem.save('u.vtu', V, u=u) is for ParaView.") from error
    mesh = picture_mesh(space, fields, separate)
    plotter = pyvista.Plotter()
    names = [*mesh.point_data, *(name for name in mesh.cell_data if not name.startswith("skfem:"))]
    plotter.add_mesh(pyvista.from_meshio(mesh), scalars=names[0] if names else None, show_edges=not names)
    if show:
        plotter.show()
    return plotter
