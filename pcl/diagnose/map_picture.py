"""An identifiability map drawn over its domain, in one or two dimensions."""

import numpy as np
from pcl.support.axes import new_axes


_LABELS = {"determined": "determined by the data", "deviation": "standard deviation", "value": "value"}
_LONG = 3.0     # times the usual longest edge: such a triangle bridges a gap of the domain


def draw(found, ax, show):
    """The map in `ax` or a new figure; returns the axes."""
    dimension = found.points.shape[1]
    if dimension > 2:
        raise ValueError(f"points have {dimension} coordinates; a map is drawn in 1 or 2. Plot the "
                         "arrays on a section.")
    ax = new_axes(ax)
    if dimension == 1:
        _draw_line(found, ax)
    else:
        _draw_plane(found, ax, show)
    ax.set_title(f"What the data determine: {found.directions:.3g} numbers")
    return ax


def _draw_line(found, ax):
    order = np.argsort(found.points[:, 0])
    x, value, deviation, determined = (a[order] for a in (
        found.points[:, 0], found.value, found.deviation, found.determined))
    ax.fill_between(x, value - 2 * deviation, value + 2 * deviation, alpha=0.25, lw=0,
                    label="± 2 standard deviations")
    ax.plot(x, value, color="tab:blue", label="value")
    right = ax.twinx()
    right.plot(x, determined, "--", color="tab:red", label="determined")
    right.set_ylim(0.0, 1.05)
    right.set_ylabel("determined by the data", color="tab:red")
    right.tick_params(axis="y", colors="tab:red")
    ax.set(xlabel="x", ylabel="value")
    ax.grid(alpha=0.3)
    handles, labels = (a + b for a, b in zip(*(s.get_legend_handles_labels() for s in (ax, right))))
    right.legend(handles, labels, loc="best")


def _draw_plane(found, ax, show):
    x, y = found.points.T
    colours = getattr(found, show)
    limits = {"vmin": 0.0, "vmax": 1.0} if show == "determined" else {}
    mesh = _triangulation(x, y)
    if mesh is None:
        image = ax.scatter(x, y, c=colours, s=20, cmap="viridis", **limits)
    else:
        image = ax.tripcolor(mesh, colours, shading="gouraud", cmap="viridis", **limits)
        ax.plot(x, y, ".", ms=1.5, color="w", alpha=0.5)
    ax.figure.colorbar(image, ax=ax, label=_LABELS[show])
    ax.set(xlabel="x", ylabel="y", aspect="equal")


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
