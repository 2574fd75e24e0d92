"""Data and fitted trajectories, one panel a variable."""

import numpy as np

_POINTS = 200       # of a curve


def plot(fit, names=None, bands=False, axes=None):
    """matplotlib's figure with data as dots, trajectories as lines, and two standard errors as bands.

    Parameters
    ----------
    fit : Fit
    names : variables, all states, outputs and observables by default
    bands : bool, needs one KKT solve a point
    axes : sequence of matplotlib axes, one a name, optional
    """
    import matplotlib.pyplot as plt
    names = tuple(names or (*fit.model.states, *fit.model.outputs, *fit.model.observed))
    if axes is None:
        figure, axes = plt.subplots(len(names), 1, sharex=True, squeeze=False,
                                    figsize=(6.4, 1.2 + 1.8 * len(names)), layout="constrained")
        axes[-1, 0].set_xlabel("t")
        axes = axes[:, 0]
    for name, axis in zip(names, axes, strict=True):
        axis.set_ylabel(name)
        for k, (label, curve) in enumerate(fit.trajectories.items()):
            _one(fit, axis, name, label, curve, f"C{k}", bands)
    axes[0].legend(fontsize="small")
    return axes[0].figure


def _one(fit, axis, name, label, curve, colour, bands):
    t = np.linspace(curve.mesh.times[0], curve.mesh.times[-1], _POINTS)
    events = fit.setting.data[label].events
    t = np.unique(np.concatenate([t, events, np.nextafter(events, np.inf)]))
    axis.plot(t, curve(t, name), color=colour, label=label)
    if bands:
        t = t[::5]
        value, error = fit.band(name, t, trajectory=label)
        axis.fill_between(t, value - 2.0 * error, value + 2.0 * error, color=colour, alpha=0.2,
                          linewidth=0)
    series = fit.setting.data[label].observed.get(name)
    if series is not None:
        axis.plot(series.times, series.values, ".", color=colour, markersize=4)
