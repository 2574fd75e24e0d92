"""Where pictures are drawn, and what they have in common: keys above the data, bands, readings."""

from typing import Any

import numpy as np

from pcl.support.style import COLUMN, GREY, INK, RED, SHADE

MOST = 6            # curves of a panel
_LETTERS = 18.0     # of a key, an inch
_MARK = 5           # letters that a line or a dot takes beside its words


def new_axes(ax: Any, height: float = 2.6) -> Any:
    """`ax`, or the axes of a new figure of one column [inches]."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt
    return plt.figure(figsize=None if height == 2.6 else (COLUMN, height),
                      layout="constrained").add_subplot()


def key(ax: Any, *beside: Any, columns: int | None = None) -> None:
    """The legend of `ax`, and of axes that share its place, above the data; none without labels."""
    found = [one.get_legend_handles_labels() for one in (ax, *beside)]
    handles, labels = (sum((list(pair[k]) for pair in found), []) for k in (0, 1))
    if not labels:
        return
    width = ax.get_position().width * ax.figure.get_figwidth() * _LETTERS
    fitting = max(1, int(width // (max(map(len, labels)) + _MARK)))
    ax.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.0, 1.0),
              ncols=columns or min(fitting, len(labels)))


def shade(ax: Any, x: Any, lower: Any, upper: Any, **options: Any) -> None:
    """A band between `lower` and `upper`."""
    ax.fill_between(x, lower, upper, **{"alpha": SHADE, "lw": 0.0, **options})


def readings(ax: Any, x: Any, y: Any, sigma: Any = None, **options: Any) -> None:
    """Data as dots, with bars of two standard deviations where the noise is known."""
    options = {"color": INK, "ms": 3.0, "label": "data", "zorder": 3, **options}
    if sigma is None:
        ax.plot(x, y, "o", **options)
    else:
        ax.errorbar(x, y, 2.0 * np.asarray(sigma), fmt="o", elinewidth=0.7, **options)


def truth(ax: Any, x: Any, y: Any, label: str | None = "truth") -> None:
    """What is known to be true, dashed."""
    ax.plot(x, y, "--", color=INK, lw=1.0, zorder=3, label=label)


def level(ax: Any, value: float, label: str | None = None) -> None:
    """A thin line across."""
    ax.axhline(value, color=GREY, lw=0.8, zorder=1, label=label)


def on_the_right(ax: Any, x: Any, share: Any, label: str) -> Any:
    """Shares from 0 to 1 over the same x, on an axis of their own, which is returned."""
    right = ax.twinx()
    right.plot(x, share, ":", color=RED, label=label)
    right.set(ylim=(0.0, 1.05))
    right.set_ylabel(label, color=RED)
    right.tick_params(axis="y", colors=RED)
    right.spines["right"].set_visible(True)
    right.grid(False)
    return right


def coloured(ax: Any) -> None:
    """Axes that hold colours: no lines behind them."""
    ax.grid(False)
