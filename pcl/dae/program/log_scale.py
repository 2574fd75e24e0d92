"""Parameters over decades: unknown by their logarithms, told in their own units.

    q = ln p,    σ(p) = p σ(q)

The solver sees a model with q in the place of p under the same name; its bounds and starts are ln of
those of p, its scale is 1, so that a step of one is a factor of e wherever it begins.
"""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from pcl.dae.model import with_values


@functools.lru_cache(maxsize=64)
def solved_for(model):
    """The model in q for the parameters `model.log`; the model itself where there are none."""
    if not model.log:
        return model
    with np.errstate(divide="ignore"):
        bounds = {name: tuple(np.log(np.maximum(model.limits(name), 0.0))) for name in model.log}
    functions = {name: _of_exponents(getattr(model, name), model.log)
                 for name in ("rates", "equations", "path")}
    functions["jumps"] = {name: _of_exponents(g, model.log) for name, g in model.jumps.items()}
    observed = {name: _of_exponents(function, model.log) for name, function in model.observed.items()}
    return replace(model, **functions, bounds={**model.bounds, **bounds}, log=(), observed=observed,
                   exponents=model.log)


def natural(elements, q):
    """p (n_P,) of the unknowns q (n_P,) of `Elements` of a model made by `solved_for`."""
    logs = is_log(elements)
    return np.where(logs, np.exp(np.where(logs, q, 0.0)), q)


def slopes(elements, q):
    """∂p/∂q (n_P,)."""
    return np.where(is_log(elements), natural(elements, q), 1.0)


def told(elements, x):
    """Unknowns x (n,) of a program with the parameters in their own units."""
    x = x.copy()
    place = slice(elements.n - elements.parameters.n, elements.n)
    x[place] = natural(elements, x[place])
    return x


def inward(model, given):
    """{name: q} of {name: p}; ValueError for a start of a logarithm that is not positive."""
    found = dict(given)
    for name in [name for name in found if name.split("[")[0] in model.exponents]:
        if not found[name] > 0.0:
            raise ValueError(f"start of {name!r} is {found[name]:g}; expected a positive number, as the "
                             "parameter is fitted by its logarithm (see `log` of the Model).")
        found[name] = float(np.log(found[name]))
    return found


def is_log(elements):
    """Which parameters are solved for by their logarithm, (n_P,) of bool."""
    return np.isin(elements.parameters.names, elements.model.exponents)


def _of_exponents(function, names):
    """The same function of v, told q in the place of p."""
    if function is None:
        return None
    return lambda v: function(with_values(v, {name: tf.exp(v[name]) for name in names}))
