"""Pictures of functions and coefficients on intervals and in the plane."""

from typing import Any

import numpy as np

from fem.output.axes import NAMES, axes_of, bare, colour_bar, labelled, limits, plane
from fem.output.edges import Edges
from fem.output.pieces import cut, quantity_of
from fem.output.sampled import domain_of, facets_of, mesh_of
from pcl.support.style import GREY, INK, styled
from pcl.support.validate import float64_array, known, positive_integer

# Arrows along the longer side of a picture, about.
_ARROWS = 20
# The largest displacement drawn with scale="auto", of the size of the domain.
_AUTO = 0.1


@styled
def plot(space: Any, u: Any, ax: Any = None, *, field: str | None = None, show: str | int | None = None,
         label: str | None = None, unit: str = "", length: str = "", displacement: Any = None,
         scale: float | str = 1.0, mesh: bool = False, low: float | None = None,
         high: float | None = None, cmap: str = "viridis") -> Any:
    """A function or coefficient: a curve over an interval, colours and arrows in the plane.

    Colours are linear on small triangles into which cells are cut for quadratic functions, curved cells
    and quadrilaterals; what is constant in cells, or jumps between them, is drawn so.

    Parameters
    ----------
    space : Space, Grid or mesh
    u : anything that `fem.save` takes as a field
        (n,), (q,), (n_cells,), (nodes,), a function of points, … A constant needs no picture.
    ax : matplotlib axes, optional
        By default those of a new figure.
    field : of a state of several functions, the name of the one to draw
    show : of vectors and tensors, optional
        'arrows' (magnitude in colours and arrows; vectors in the plane have it by default), 'magnitude'
        (by default with a displacement), or the number of a component (of a tensor row by row).
    label, unit : words of the colour bar or vertical axis
    length : unit of the coordinates
    displacement : vector function, optional
        (n,) or (n, 2) as u; the picture is that of the moved mesh, with the outline at rest in grey.
    scale : float or 'auto'
        Factor of the displacement; 'auto' makes the largest a tenth of the domain. It is told where it is
        not 1.
    mesh : bool
        Draw the edges of the cells.
    low, high : limits of the colours
    cmap : name of a matplotlib colour map

    Returns
    -------
    ax

    Raises
    ------
    ValueError
        As in `fem.save`; several functions without `field`; a mesh in space (see `fem.plot_slice`).

    Examples
    --------
    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> ax = fem.plot(V, V.dof_points[:, 0], label="temperature", unit="K", length="m")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x (m)', 'y (m)')
    """
    space = domain_of(space)
    domain = mesh_of(space)
    if domain.p.shape[0] == 3:
        raise ValueError("the mesh lies in space; expected an interval or a plane mesh. Use "
                         "fem.plot_slice(V, u, …), fem.view(V, u=u), or fem.save for ParaView.")
    quantity = quantity_of(space, u, field)
    pieces = cut(domain, quantity.degree)
    show = "magnitude" if show is None and displacement is not None else show
    values, arrows = scalar(quantity.values(space, pieces), show, domain.p.shape[0])
    ax = axes_of(ax)
    label = labelled(quantity.name if label is None else label, unit)
    if domain.p.shape[0] == 1:
        return curve(ax, pieces, values, label, length)
    moved, factor = _moved(space, displacement, scale, pieces)
    shades(ax, pieces, values, quantity.degree, limits(values, low, high), cmap, label, moved)
    if arrows is not None:
        _arrows(ax, pieces, arrows, moved)
    _lines(ax, space, mesh, displacement, factor)
    plane(ax, unit=length)
    return ax


def scalar(values, show, dim):
    """(values (n,), arrows (n, 2) or None) of values (n, …)."""
    flat = values.reshape(len(values), -1)
    vector = values.ndim == 2 and values.shape[1] == dim == 2
    if flat.shape[1] == 1:
        return flat[:, 0], None
    if show is None:
        show = "arrows" if vector else "magnitude"
    if isinstance(show, str):
        known("show", show, ("arrows", "magnitude") if vector else ("magnitude",))
        return np.linalg.norm(flat, axis=1), flat if show == "arrows" else None
    return flat[:, positive_integer("show", show, 0, flat.shape[1] - 1)], None


def shades(ax, pieces, values, degree, bounds, cmap, label, points=None):
    """Colours of values (n,) at the points of plane pieces, with a colour bar."""
    points = pieces.points if points is None else points
    style = {"cmap": cmap, "vmin": bounds[0], "vmax": bounds[1], "rasterized": True}
    if degree == 0:
        faces = values[pieces.simplices[:, 0]]
        image = ax.tripcolor(*points.T, pieces.simplices, facecolors=faces, **style)
    else:
        image = ax.tripcolor(*points.T, pieces.simplices, values, shading="gouraud", **style)
    return colour_bar(ax, image, label)


def curve(ax, pieces, values, text, length, **style):
    """Values (n,) at the points of pieces of an interval as a line, broken where it jumps."""
    order = np.argsort(pieces.points[pieces.simplices].mean(axis=1)[:, 0])
    ends = pieces.simplices[order]
    ends = np.take_along_axis(ends, np.argsort(pieces.points[ends, 0], axis=1), axis=1)
    x, y = pieces.points[ends, 0], values[ends]
    low, high = limits(y)
    jump = np.flatnonzero(~(np.abs(y[1:, 0] - y[:-1, 1]) <= 1e-9 * (high - low))) + 1
    x, y = (np.insert(v.ravel(), 2 * jump, np.nan) for v in (x, y))
    ax.plot(x, y, **style)
    ax.set(xlabel=labelled(NAMES[0], length), ylabel=text)
    bare(ax)
    return ax


def _moved(space, displacement, scale, pieces):
    """(points, factor): those of the pieces after the displacement, None without one."""
    if displacement is None:
        return pieces.points, None
    shift = quantity_of(space, displacement, name="displacement").values(space, pieces)
    if shift.shape != pieces.points.shape:
        raise ValueError(f"displacement has values of shape {shift.shape[1:]}; expected vectors (2,).")
    if scale == "auto":
        size, largest = np.ptp(pieces.points, axis=0).max(), np.linalg.norm(shift, axis=1).max()
        scale = _round(_AUTO * size / largest) if largest > 0 else 1.0
    scale = float(float64_array("scale", scale, shape=()))
    return pieces.points + scale * shift, scale


def _round(x):
    """The nearest 1, 2 or 5 times a power of ten below."""
    power = 10.0 ** np.floor(np.log10(x))
    return max(f for f in (1, 2, 5) if f <= x / power * (1 + 1e-9)) * power


def _arrows(ax, pieces, vectors, points):
    """One arrow in each box of a raster, at the point closest to its middle."""
    low, size = points.min(axis=0), np.ptp(points, axis=0).max() / _ARROWS
    box = np.floor((points - low) / size)
    off = np.abs((points - low) / size - box - 0.5).max(axis=1)
    order = np.lexsort((off, box[:, 1], box[:, 0]))
    first = order[np.append(True, (np.diff(box[order], axis=0) != 0).any(axis=1))]
    inside = off[first] < 0.35
    first = first[inside] if 2 * inside.sum() > len(first) else first   # a mesh coarser than the raster
    ax.quiver(*points[first].T, *vectors[first].T, color=INK, pivot="mid", width=0.004)


def outline(ax, mesh, facets, colour=INK, shift=None):
    """The boundary of the plane mesh, moved by shift(edges) (points, 2)."""
    from matplotlib.collections import LineCollection
    edges = Edges(mesh, facets, facets.boundary, None if shift is None else 8)
    lines = edges.lines(0.0 if shift is None else shift(edges))
    ax.add_collection(LineCollection(lines, colors=colour, linewidths=0.7))


def _lines(ax, space, mesh, displacement, factor):
    """The boundary, edges of cells where wanted, and in grey the boundary of a moved mesh at rest."""
    from matplotlib.collections import LineCollection
    domain, facets = mesh_of(space), facets_of(space)

    def shift(edges):
        moved = quantity_of(space, displacement, name="displacement")
        return factor * moved.at(space, edges.cells, edges.X, edges.points)
    if mesh:
        edges = Edges(domain, facets, np.arange(len(facets.sides)), None if displacement is None else 8)
        lines = edges.lines(0.0 if displacement is None else shift(edges))
        ax.add_collection(LineCollection(lines, colors=INK, linewidths=0.3, alpha=0.6))
    outline(ax, domain, facets, shift=None if displacement is None else shift)
    if displacement is not None:
        outline(ax, domain, facets, GREY)
        if factor != 1:
            ax.set_title(f"displacements × {factor:g}")
