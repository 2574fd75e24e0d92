"""Which bounds and path constraints of a model a trajectory violates."""

import numpy as np

from pcl.dae import transcription


def violations(model, trained, curve, inputs, tolerance):
    """{what: largest violation at the nodes} above `tolerance`, relative to the sizes of the variables.

    Path constraints are relative to Σ |∂g/∂a · a|, and to 1 at least.

    Parameters
    ----------
    curve : Curve
    inputs : function t (n,) -> (n, n_u)
    """
    values, found = curve.values, {}
    for name, value in values.items():
        lower, upper = model.limits(name)
        worst = float(np.maximum(lower - value, value - upper).max())
        if worst > tolerance * max(trained.sizes[name], 1e-300):
            found[name] = worst
    found.update(_paths(model, trained, curve, values, inputs, tolerance))
    return found


def _paths(model, trained, curve, values, inputs, tolerance):
    if model.path is None:
        return {}
    rows, t = transcription.path_of(model), curve.times
    a = np.concatenate([curve.derivatives, np.stack(list(values.values()), axis=1), np.broadcast_to(
        list(trained.parameters.values()), (t.size, len(trained.parameters)))], axis=1)
    u = inputs(t)
    g = rows.residual(a, u, t)
    size = np.maximum(1.0, np.einsum("nra,na->nr", np.abs(rows.jacobian(a, u, t)), np.abs(a)))
    return {name: float(g[:, j].max()) for j, name in enumerate(rows.names)
            if (g[:, j] > tolerance * size[:, j]).any()}
