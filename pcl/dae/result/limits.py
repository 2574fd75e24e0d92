"""Which bounds and path constraints of a model a trajectory violates, at the nodes and between them."""

from typing import NamedTuple

import numpy as np

from pcl.dae.program import equations

KEPT = 1e-6         # violation of a bound or path, relative to the variable's size, that counts as none
_INSIDE = np.linspace(0.0, 1.0, 18)[1:-1]       # local times between the nodes


class Violation(NamedTuple):
    """The largest violation, when it is reached, and the first time found of any."""

    size: float
    time: float
    since: float


def violations(model, trained, curve, inputs, tolerance=KEPT):
    """{what: largest violation at the nodes} above `tolerance`, relative to the sizes of the variables.

    Path constraints are relative to Σ |∂g/∂a · a|, and to 1 at least.

    Parameters
    ----------
    curve : Curve
    inputs : function t (n,) -> (n, n_u)
    """
    found = _largest(model, trained, curve.times, curve.variables_at_nodes, curve.derivatives, inputs,
                     tolerance)
    return {what: violation.size for what, violation in found.items()}


def between(model, trained, curve, inputs, tolerance=KEPT):
    """{what: `Violation`} of the collocation polynomials: the extremum of a bounded variable by the roots
    of its derivative, path constraints at 16 times an element."""
    times = (curve.mesh.times[:-1, None] + curve.mesh.lengths[:, None] * _INSIDE).ravel()
    times = np.unique(np.concatenate([times, curve.times]))
    found = _largest(model, trained, times, curve.variables(times), curve.slopes(times), inputs,
                     tolerance)
    for name in set(found) & set(curve.names):
        time = curve.extremum(name, found[name].time, curve(np.array([found[name].time]), name)[0]
                              > model.limits(name)[0])
        size = float(_excess(model.limits(name), curve(np.array([time]), name))[0])
        found[name] = max(found[name], Violation(size, time, found[name].since))
    return found


def words(found):
    """Violations in one line: "x by up to 0.1 at t = 3 (from t = 2.5 on)"."""
    return ", ".join(f"{what} by up to {v.size:.3g} at t = {v.time:.6g}"
                     + (f" (first at t = {v.since:.6g})" if v.since < v.time else "")
                     for what, v in found.items())


def _excess(limits, value):
    return np.maximum(limits[0] - value, value - limits[1])


def _largest(model, trained, t, values, slopes, inputs, tolerance):
    found: dict = {}
    for name, value in values.items():
        excess = _excess(model.limits(name), value)
        _note(found, name, t, excess, tolerance * (trained.sizes[name] or 1.0))
    if model.path is not None:
        rows = equations.path_of(model)
        p = list(trained.parameters.values())
        a = np.concatenate([slopes, np.stack(list(values.values()), axis=1),
                            np.broadcast_to(p, (t.size, len(p)))], axis=1)
        u = inputs(t)
        g = rows.residual(a, u, t)
        size = np.maximum(1.0, np.einsum("nra,na->nr", np.abs(rows.jacobian(a, u, t)), np.abs(a)))
        for j, name in enumerate(rows.names):
            _note(found, name, t, g[:, j], tolerance * size[:, j])
    return found


def _note(found, what, t, excess, allowed):
    bad = excess > allowed
    if bad.any():
        k = int(excess.argmax())
        found[what] = Violation(float(excess[k]), float(t[k]), float(t[bad.argmax()]))
