"""The picture of a plane mesh with the names of its boundaries and regions."""

from typing import Any

import numpy as np

from fem.output.axes import axes_of, plane
from fem.output.edges import Edges
from fem.output.pieces import cut
from fem.output.sampled import domain_of, facets_of, mesh_of
from pcl.support.style import COLOURS, styled


@styled
def plot_mesh(space: Any, ax: Any = None, *, names: bool = True, length: str = "") -> Any:
    """Cells, regions shaded, boundaries in colours, with a legend of their names.

    Parameters
    ----------
    space : Space, Grid or mesh in the plane
    ax : matplotlib axes, optional
    names : bool
        Shade regions and colour boundaries.
    length : unit of the coordinates

    Returns
    -------
    ax

    Raises
    ------
    ValueError
        A mesh on a line or in space.

    Examples
    --------
    >>> import fem
    >>> ax = fem.plot_mesh(fem.unit_square(2), length="m")
    >>> sorted(text.get_text() for text in ax.get_legend().get_texts())
    ['bottom', 'left', 'right', 'top']
    """
    from matplotlib.collections import LineCollection
    space = domain_of(space)
    mesh, facets = mesh_of(space), facets_of(space)
    if mesh.p.shape[0] != 2:
        raise ValueError(f"the mesh has dimension {mesh.p.shape[0]}; expected one in the plane. In space "
                         "use fem.view or fem.save.")
    ax = axes_of(ax)
    every = Edges(mesh, facets, np.arange(len(facets.sides)))
    ax.add_collection(LineCollection(every.lines(), colors="0.55", linewidths=0.4))
    if names:
        _regions(ax, mesh)
        _boundaries(ax, mesh, facets)
    ax.autoscale_view()
    plane(ax, unit=length)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return ax


def _regions(ax, mesh):
    """Light colours, named in the legend."""
    from matplotlib.collections import PolyCollection
    pieces = cut(mesh, 1)
    for k, (name, cells) in enumerate((mesh.subdomains or {}).items()):
        inside = np.isin(pieces.owner, cells)
        colour = COLOURS[-1 - k % len(COLOURS)]
        ax.add_collection(PolyCollection(pieces.points[pieces.simplices[inside]], facecolors=colour,
                                         alpha=0.25, edgecolors="none", label=name, zorder=0))


def _boundaries(ax, mesh, facets):
    from matplotlib.collections import LineCollection
    for k, (name, numbers) in enumerate((mesh.boundaries or {}).items()):
        ax.add_collection(LineCollection(Edges(mesh, facets, numbers).lines(), linewidths=2.0,
                                         colors=COLOURS[k % len(COLOURS)], capstyle="round", label=name))
