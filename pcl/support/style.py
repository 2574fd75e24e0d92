"""How pictures look: colours, sizes and lines, for the library's plots and for its users'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

# Told apart by all eyes: M. Okabe, K. Ito, "Color Universal Design" (2008). Black is left for the truth.
BLUE, RED, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
GREY, INK = "0.45", "0.1"

# One column of a journal, and two [inches].
COLUMN, PAGE = 3.5, 7.1
# Opacity of bands.
SHADE = 0.25

_RC: dict[str, Any] = {
    "figure.figsize": (COLUMN, 2.6), "figure.dpi": 160, "savefig.dpi": 200,
    "figure.constrained_layout.use": True, "figure.facecolor": "white", "savefig.facecolor": "white",
    "font.size": 8.5, "axes.titlesize": 8.5, "axes.labelsize": 8.5, "figure.titlesize": 8.5,
    "xtick.labelsize": 7.5, "ytick.labelsize": 7.5, "legend.fontsize": 7.5, "legend.title_fontsize": 7.5,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.facecolor": "white",
    "axes.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False,
    "xtick.major.width": 0.7, "ytick.major.width": 0.7, "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5, "axes.grid": True, "axes.axisbelow": True, "grid.color": "0.9",
    "grid.linewidth": 0.5, "lines.linewidth": 1.3, "lines.markersize": 4.0, "errorbar.capsize": 1.5,
    "legend.frameon": False, "legend.loc": (0.0, 1.01), "legend.handlelength": 1.8,
    "legend.borderaxespad": 0.2,
    "axes.formatter.limits": (-3, 4), "axes.formatter.use_mathtext": True, "image.cmap": "viridis",
}
_INSIDE: ContextVar[bool] = ContextVar("style", default=False)

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def style(rc: dict[str, Any] | None = None) -> Iterator[None]:
    """The look of the library's pictures, for pictures of your own; matplotlib's settings come back.

        with pcl.style():
            figure, ax = plt.subplots()             # one column of a journal wide, 3.5 in = 89 mm
            ax.plot(t, y, label="found")
            result.plot(ax)
        with pcl.style({"font.size": 11, "figure.figsize": (5, 3)}):
            result.plot()

    Legends stand above the data. Text of 7.5 to 8.5 pt at the size in print, six colours that all eyes
    tell apart (Okabe and Ito), a white ground also on a dark page, 200 dots an inch in files.

    Parameters
    ----------
    rc : dict, optional
        Settings of matplotlib, `matplotlib.rcParams`, ahead of ours. Plots of the library made inside
        take them too.

    Raises
    ------
    KeyError, ValueError
        A setting that matplotlib does not know, or a value it does not take.

    Examples
    --------
    >>> import matplotlib, pcl
    >>> with pcl.style({"font.size": 11}):
    ...     inside = matplotlib.rcParams["font.size"]
    >>> inside, matplotlib.rcParams["font.size"]
    (11.0, 10.0)
    """
    from matplotlib import rc_context
    from matplotlib.rcsetup import cycler

    settings: Any = {**_RC, "axes.prop_cycle": cycler(color=COLOURS), **(rc or {})}
    token = _INSIDE.set(True)
    try:
        with rc_context(settings):
            yield
    finally:
        _INSIDE.reset(token)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """`draw` in our style, or in that of the `style` around the call."""
    @wraps(draw)
    def drawn(*args: P.args, **options: P.kwargs) -> R:
        if _INSIDE.get():
            return draw(*args, **options)
        with style():
            return draw(*args, **options)
    return drawn
