"""Values of many starts in ascending order: a step at the left end is a minimum found again and again."""

import numpy as np

from pcl.support.axes import key, new_axes
from pcl.support.style import GREY


def waterfall(values, good, ax=None, words=("success", "no success"), ylabel="loss", reach=None,
              **options):
    """Draw values (m,), NaN where there is none; filled dots where `good` (m,). Returns the axes.

    reach : (level, words) of a dotted line, optional
    """
    ax, values, good = new_axes(ax), np.asarray(values, float), np.asarray(good, bool)
    order = np.argsort(values, kind="stable")[:np.isfinite(values).sum()]
    values, good, places = values[order], good[order], np.arange(1, order.size + 1)
    ax.plot(places, values, "-", color="0.7", lw=0.8, zorder=0)
    ax.plot(places[good], values[good], "o", label=words[0], **options)
    if not good.all():
        ax.plot(places[~good], values[~good], "o", mfc="none", color=GREY, label=words[1])
    if reach is not None:
        ax.axhline(reach[0], color=GREY, lw=0.8, ls=":", label=reach[1])
    if (values > 0.0).all() and values.max(initial=0.0) > 10.0 * values.min(initial=np.inf):
        ax.set_yscale("log")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="start, ordered", ylabel=ylabel)
    key(ax)
    return ax
