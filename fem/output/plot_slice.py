"""Functions along a line, and on a plane that cuts a mesh in space."""

from typing import Any

import numpy as np

from fem.mesh.locate import Locator
from fem.output.axes import NAMES, axes_of, bare, labelled, limits, plane
from fem.output.pieces import Pieces, cut, quantity_of
from fem.output.plot import scalar, shades
from fem.output.sampled import domain_of, facets_of, mesh_of
from pcl.support.style import styled
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, known

# Points along a line.
_POINTS = 400


@styled
def plot_slice(space: Any, u: Any, ax: Any = None, *, line: Any = None,
               plane_at: dict[str, float] | None = None, normal: ArrayLike | None = None,
               point: ArrayLike | None = None, field: str | None = None, show: str | int | None = None,
               label: str | None = None, unit: str = "", length: str = "", low: float | None = None,
               high: float | None = None, cmap: str = "viridis") -> Any:
    """A function along a line, in the plane or in space, or on a plane that cuts a mesh in space.

        fem.plot_slice(V, u, line=((0, 0, 0), (1, 1, 1)))
        fem.plot_slice(V, u, plane_at={"z": 0.5})
        fem.plot_slice(V, u, normal=(1, 1, 0), point=(0.5, 0.5, 0))

    The cut is exact for straight cells: the mesh is divided into tetrahedra, and these are cut.

    Parameters
    ----------
    space, u, ax, field, label, unit, length, low, high, cmap : see `fem.plot`
    line : (start, end), each (dim,)
        The horizontal axis is the distance from the start; the curve breaks where the line leaves.
    plane_at : {'x', 'y' or 'z': value}
    normal, point : (3,), (3,)
        The plane through the point; its axes are told by the labels.
    show : number of a component, or 'magnitude' (by default) of vectors and tensors

    Returns
    -------
    ax

    Raises
    ------
    ValueError
        No line and no plane, both, a plane that misses the mesh, or a mesh that is not in space.

    Examples
    --------
    x y along the diagonal of the unit square, a parabola in the distance:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(2), "P2")
    >>> ax = fem.plot_slice(V, V.dof_points.prod(axis=1), line=((0.0, 0.0), (1.0, 1.0)))
    >>> [round(float(y), 3) for y in ax.get_lines()[0].get_ydata()[[0, -1]]]
    [0.0, 1.0]
    """
    space = domain_of(space)
    mesh, given = mesh_of(space), [line is not None, plane_at is not None, normal is not None]
    if sum(given) != 1:
        raise ValueError("expected one of line=(start, end), plane_at={'z': value}, normal= with point=.")
    quantity = quantity_of(space, u, field)
    text = labelled(quantity.name if label is None else label, unit)
    if line is not None:
        return _along(axes_of(ax), space, quantity, _ends(line, mesh.p.shape[0]), show, text, length)
    if mesh.p.shape[0] != 3:
        raise ValueError(f"the mesh has dimension {mesh.p.shape[0]}; expected one in space for a plane. "
                         "Give line=, or use fem.plot.")
    origin, frame, names = _frame(plane_at, normal, point)
    pieces = cut(mesh, quantity.degree)
    values, _ = scalar(quantity.values(space, pieces), "magnitude" if show is None else show, 3)
    flat, cross = _section(pieces, values, origin, frame)
    ax = axes_of(ax)
    shades(ax, flat, cross, 1, limits(cross, low, high), cmap, text)
    plane(ax, names[0], names[1], length)
    return ax


def _along(ax, space, quantity, ends, show, label, length):
    start, end = ends
    s = np.linspace(0.0, 1.0, _POINTS)
    points = start + s[:, None] * (end - start)
    cells, X = Locator(mesh_of(space), facets_of(space)).find(points)
    inside = cells >= 0
    if not inside.any():
        raise ValueError(f"the line from {tuple(start.tolist())} to {tuple(end.tolist())} misses the "
                         "mesh.")
    values, _ = scalar(quantity.at(space, cells[inside], X[:, inside], points[inside]),
                       "magnitude" if show is None else show, 0)
    curve = np.full(_POINTS, np.nan)
    curve[inside] = values
    ax.plot(s * np.linalg.norm(end - start), curve)
    ax.set(xlabel=labelled("distance", length), ylabel=label)
    bare(ax)
    return ax


def _ends(line, dim):
    ends = float64_array("line", line)
    if ends.shape != (2, dim) or np.array_equal(ends[0], ends[1]):
        raise ValueError(f"line has shape {ends.shape}; expected two different points (2, {dim}).")
    return ends


def _frame(plane_at, normal, point):
    """A point of the plane, its axes and normal (3, 3) as rows, and the names of the axes."""
    if plane_at is not None:
        if not isinstance(plane_at, dict) or len(plane_at) != 1:
            raise ValueError(f"plane_at is {plane_at!r}; expected one coordinate, such as {{'z': 0.5}}.")
        (name, value), = plane_at.items()
        axis = NAMES.index(known("the axis of plane_at", name, NAMES))
        others = [k for k in range(3) if k != axis]
        return float(value) * np.eye(3)[axis], np.eye(3)[[*others, axis]], [NAMES[k] for k in others]
    normal = float64_array("normal", normal, shape=(3,))
    point = float64_array("point", (0, 0, 0) if point is None else point, shape=(3,))
    if not normal.any():
        raise ValueError("normal is zero; expected a direction (3,).")
    normal = normal / np.linalg.norm(normal)
    first = np.eye(3)[np.argmin(np.abs(normal))]
    first = first - (first @ normal) * normal
    first /= np.linalg.norm(first)
    frame = np.array([first, np.cross(normal, first), normal])
    return point, frame, [_direction(row) for row in frame[:2]]


def _direction(row):
    """'along (0.71, −0.71, 0)'."""
    return "along (" + ", ".join(f"{x + 0.0:.2g}" for x in row.round(12)) + ")"


def _section(pieces, values, origin, frame):
    """Triangles of the plane in its own coordinates, and values at their corners.

    A tetrahedron with one corner on one side gives a triangle, with two on each side two triangles;
    points are where its edges meet the plane, values are linear between its corners.
    """
    local = (pieces.points - origin) @ frame.T
    size = np.ptp(pieces.points, axis=0).max()
    height = np.where(np.abs(local[:, 2]) < 1e-12 * size, 1e-12 * size, local[:, 2])
    tets = pieces.simplices
    above = height[tets] > 0
    count = above.sum(axis=1)
    single = (count == 1) | (count == 3)
    order = np.argsort(np.where((count == 3)[:, None], ~above, above), axis=1, kind="stable")[:, ::-1]
    tets = np.take_along_axis(tets, order, axis=1)                        # those above (or alone) first
    one, two = tets[single], tets[count == 2]
    if not one.size + two.size:
        raise ValueError("the plane misses the mesh; expected one that cuts it.")
    a, b, c, d = two.T
    edges = np.concatenate([one[:, [0, 1, 0, 2, 0, 3]].reshape(-1, 3, 2),
                            np.stack([a, c, a, d, b, c], axis=1).reshape(-1, 3, 2),
                            np.stack([b, c, b, d, a, d], axis=1).reshape(-1, 3, 2)]).reshape(-1, 2)
    h = height[edges]
    t = h[:, 0] / (h[:, 0] - h[:, 1])
    points = local[edges[:, 0]] + t[:, None] * (local[edges[:, 1]] - local[edges[:, 0]])
    cross = values[edges[:, 0]] + t * (values[edges[:, 1]] - values[edges[:, 0]])
    triangles = np.arange(len(points)).reshape(-1, 3)
    u, v = (points[triangles[:, k], :2] - points[triangles[:, 0], :2] for k in (1, 2))
    thin = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) <= 1e-10 * size ** 2      # where it meets a face
    return Pieces(points[:, :2], triangles[~thin], pieces.X, 0), cross
