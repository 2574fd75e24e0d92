"""Data, fitted trajectories and forecasts, one panel a variable."""

import numpy as np

from pcl.dae.result.prediction import Prediction
from pcl.support.axes import MOST, key, readings, shade
from pcl.support.style import COLOURS, COLUMN, styled
from pcl.support.validate import known

_POINTS = 200       # of a curve
_PANEL = 1.5        # height of a panel [inches]


@styled
def plot(fit, names=None, bands=False, axes=None, trajectories=None, forecasts=None):
    """matplotlib's figure with data as dots, trajectories as lines, and two standard errors as bands.

    Parameters
    ----------
    fit : Fit
    names : variables, all states, outputs and observables by default
    bands : bool, needs one KKT solve a point
    axes : sequence of matplotlib axes, one a name, optional
    trajectories : names of those drawn, the first six by default
    forecasts : Prediction or {label: Prediction}, optional
        Dashed, with the band of two standard errors that `fit.predict(…, bands=True)` gives.

    Raises
    ------
    ValueError
        An unknown trajectory.
    """
    names = tuple(names or (*fit.model.states, *fit.model.outputs, *fit.model.observed))
    shown = list(fit.trajectories)[:MOST] if trajectories is None else [
        known("trajectory", name, tuple(fit.trajectories)) for name in trajectories]
    if isinstance(forecasts, Prediction):
        forecasts = {"forecast": forecasts}
    axes = _panels(len(names)) if axes is None else list(axes)
    for name, axis in zip(names, axes, strict=True):
        axis.set_ylabel(name)
        for label, colour in zip(shown, COLOURS):
            _one(fit, axis, name, label, colour, bands)
        for (label, found), colour in zip((forecasts or {}).items(), COLOURS[len(shown):] + COLOURS):
            _forecast(axis, name, label, found, colour)
    key(axes[0])
    return axes[0].figure


def _panels(count):
    """Axes (count,) above each other over one time."""
    import matplotlib.pyplot as plt
    axes = plt.subplots(count, 1, sharex=True, squeeze=False, figsize=(COLUMN, 0.7 + _PANEL * count),
                        layout="constrained")[1][:, 0]
    axes[-1].set_xlabel("time t")
    return list(axes)


def _one(fit, axis, name, label, colour, bands):
    curve = fit.trajectories[label]
    t = np.linspace(curve.mesh.times[0], curve.mesh.times[-1], _POINTS)
    events = fit.setting.data[label].events
    t = np.unique(np.concatenate([t, events, np.nextafter(events, np.inf)]))
    axis.plot(t, curve(t, name), color=colour, label=label)
    if bands:
        t = t[::5]
        value, error = fit.band(name, t, trajectory=label)
        shade(axis, t, value - 2.0 * error, value + 2.0 * error, color=colour)
    series = fit.setting.data[label].observed.get(name)
    if series is not None:
        readings(axis, series.times, series.values, series.weights ** -0.5 if series.known else None,
                 color=colour, label=None)


def _forecast(axis, name, label, found, colour):
    axis.plot(found.t, found[name], "--", color=colour, label=label)
    if name in found.bands:
        value, error = found.bands[name]
        shade(axis, found.t, value - 2.0 * error, value + 2.0 * error, color=colour)
