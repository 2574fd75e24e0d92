"""The guess that the smoother begins with: data and equations together."""

import numpy as np

from pcl.dae.data.splines import left_by_splines
from pcl.dae.failures import FAILURES, said
from pcl.dae.stages.guess import first_guess, has_unseen
from pcl.dae.stages.relaxed import relaxed

WORSE = 4.0         # misfit, relative to that of smoothing splines, from which another guess is tried too
NOISE = 1e-4        # of the spread of the data, added to what it is compared with


def together(setting, start):
    """(trajectories and parameters, how they were found)."""
    if start.near:
        return start.x, "as given"
    if start.plain:
        return start.x, "data interpolated, as asked for"
    how, found = "data and equations together", []
    other = has_unseen(setting, start.numbers)
    enough = WORSE * left_by_splines(setting) + NOISE * setting.spread if other else np.inf
    for seen_through in (False, True)[:1 + other]:
        try:
            x = first_guess(setting, start.numbers, seen_through=True) if seen_through else start.x
            x = relaxed(setting, x)
            found.append((setting.misfit.at(x), seen_through, x))
        except FAILURES as error:
            how = f"{how} (once not possible: {said(error)})"
        if found and found[0][0] <= enough:
            break
    if not found:
        return start.x, f"data interpolated; {how}"
    _, seen_through, x = min(found, key=lambda each: each[:2])
    return x, how + (", unseen states by the equations at each point" if seen_through else "")
