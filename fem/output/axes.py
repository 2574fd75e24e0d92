"""Axes for pictures: made when none are given, labelled, with equal scales and a colour bar."""

import numpy as np

from pcl.support.axes import coloured, new_axes

NAMES = "xyz"


def axes_of(ax):
    """`ax`, or those of a new figure."""
    from matplotlib.axes import Axes
    if ax is None:
        return new_axes(None)
    if not isinstance(ax, Axes):
        raise TypeError(f"ax is a {type(ax).__name__}; expected axes of matplotlib.")
    return ax


def labelled(label, unit):
    """'T (K)'."""
    return f"{label} ({unit})" if unit else label


def plane(ax, horizontal="x", vertical="y", unit=""):
    """Equal scales and labels for a picture of a plane."""
    ax.set_aspect("equal")
    ax.locator_params(nbins=5)
    ax.set(xlabel=labelled(horizontal, unit), ylabel=labelled(vertical, unit))
    bare(ax)
    coloured(ax)


def bare(ax):
    """Without a frame above and on the right."""
    ax.spines[["top", "right"]].set_visible(False)


def colour_bar(ax, image, label):
    """A bar as high as the picture, on its right."""
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.0, 0.04, 1.0)), label=label)
    bar.outline.set_visible(False)
    return bar


def limits(values, low=None, high=None):
    """(low, high) of finite values, never equal."""
    finite = values[np.isfinite(values)]
    low = (finite.min() if finite.size else 0.0) if low is None else low
    high = (finite.max() if finite.size else 1.0) if high is None else high
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        middle = (low + high) / 2
        low, high = middle - max(abs(middle), 1.0) * 0.01, middle + max(abs(middle), 1.0) * 0.01
    return low, high
