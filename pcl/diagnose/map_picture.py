"""An identifiability map drawn over its domain, in one or two dimensions."""

import numpy as np

from pcl.support.axes import coloured, key, new_axes, on_the_right, shade
from pcl.support.style import BLUE, styled

_LABELS = {"determined": "determined by the data", "deviation": "standard deviation", "value": "value"}
_DECADES = 100.0    # between the largest and the least: shown on a logarithmic scale
_LONG = 3.0     # times the usual longest edge: such a triangle bridges a gap of the domain


@styled
def draw(found, ax, show, names, log):
    """The map in `ax` or a new figure, `names` (x, y, value) of its axes; returns the axes."""
    dimension = found.points.shape[1]
    if dimension > 2:
        raise ValueError(f"points have {dimension} coordinates; a map is drawn in 1 or 2. Plot the "
                         "arrays on a section.")
    ax = new_axes(ax)
    if dimension == 1:
        _draw_line(found, ax, names)
    else:
        _draw_plane(found, ax, show, names)
    for axis in log:
        {"x": ax.set_xscale, "y": ax.set_yscale}[axis]("log")
    return ax


def _draw_line(found, ax, names):
    order = np.argsort(found.points[:, 0])
    x, value, deviation, determined = (a[order] for a in (
        found.points[:, 0], found.value, found.deviation, found.determined))
    shade(ax, x, value - 2 * deviation, value + 2 * deviation, color=BLUE,
          label="± 2 standard deviations")
    ax.plot(x, value, color=BLUE, label=names[2])
    right = on_the_right(ax, x, determined, "determined by the data")
    ax.set(xlabel=names[0], ylabel=names[2])
    key(ax, right)


def _draw_plane(found, ax, show, names):
    x, y = found.points.T
    colours = getattr(found, show)
    limits = {"vmin": 0.0, "vmax": 1.0} if show == "determined" else {}
    if show == "deviation" and colours.min() > 0.0 and colours.max() > _DECADES * colours.min():
        limits = {"norm": "log"}
    mesh = _triangulation(x, y)
    if mesh is None:
        image = ax.scatter(x, y, c=colours, s=14, cmap="viridis", **limits)
    else:
        image = ax.tripcolor(mesh, colours, shading="gouraud", cmap="viridis", **limits)
        ax.plot(x, y, ".", ms=1.5, color="w", alpha=0.5)
    ax.figure.colorbar(image, ax=ax, label=names[2] if show == "value" else _LABELS[show])
    ax.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    coloured(ax)


def _triangulation(x, y):
    """Delaunay's triangles without those that bridge gaps; None if the points span no area."""
    from matplotlib.tri import Triangulation
    points = np.unique(np.column_stack([x, y]), axis=0)
    if np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-9 * np.ptp(points)) < 2:
        return None
    mesh = Triangulation(x, y)
    corners = np.stack([x, y], axis=-1)[mesh.triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    mesh.set_mask(longest > _LONG * np.median(longest))
    return mesh
