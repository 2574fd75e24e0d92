"""The spread of parameters over experiments, estimated with what it is the spread of."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from pcl.dae.data.experiments import Data
from pcl.dae.model import Model
from pcl.dae.result.fit_result import Fit
from pcl.dae.stages.fit import fit
from pcl.support.validate import positive_integer, positive_number


def fit_spreads(model: Model, data: Any, network: Any = None, *, rounds: int = 50,
                spread_tol: float = 1e-3, **options: Any) -> Fit:
    """The fit whose common distributions have the most probable spreads.

    A spread s and the values p_i drawn with it have no common maximum: the density grows without bound as
    s → 0. What has one is the density of the data, integrated over the values. It is found by the
    expectation–maximisation of Dempster, Laird and Rubin (1977) with the integrals by Laplace's rule at
    the fit, r_i being the residual of the prior of p_i over n experiments:

        s² ← s² Σ_i (r_i² + var r_i) / n

    until no s moves by more than `spread_tol` of itself. var is that of the fit, the uncertainty of the
    mean included, which makes the fixed point the restricted maximum likelihood of a linear model; exact
    there, and good to the order of Laplace's rule, a relative 1/readings of an experiment, elsewhere. A
    spread that the data do not show falls towards 0, slowly, and ends at the limit of rounds.

    Parameters
    ----------
    model : Model, with priors of local parameters; their deviations and spreads are where it begins
    data, network, options : as of `fit`; weights have to be 1/σ²
    rounds : int, fits at most, each from the one before
    spread_tol : float

    Returns
    -------
    Fit
        The last one; the spreads found are in `fit.model.priors`.

    Raises
    ------
    ValueError
        No local parameter has a prior, and what `fit` raises.

    Warns
    -----
    UserWarning
        The rounds are used up.

    Examples
    --------
    Three decays whose rates are drawn about a common one:

    >>> import numpy as np
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k", "k0"], rates=lambda v: {"x": -v.k * v.x},
    ...                   local=["k"], priors={"k": dae.NormalPrior("k0", deviation=0.1)})
    >>> t = np.linspace(0.0, 2.0, 5)
    >>> data = [dae.Trajectory(t, {"x": 2.0 * np.exp(-k * t)}, initial={"x": 2.0}, sigma=0.02)
    ...         for k in (0.4, 0.5, 0.6)]
    >>> found = dae.fit_spreads(model, data, elements=1, spread_tol=0.1)
    >>> round(found.parameters["k0"], 2), round(found.model.priors["k"].deviation, 1)
    (0.5, 0.1)
    """
    rounds, tol = positive_integer("rounds", rounds), positive_number("spread_tol", spread_tol)
    names = [name for name in model.priors if name in model.local]
    if not names:
        raise ValueError("no local parameter has a prior, so there is no spread to estimate; give "
                         "Model(local=…, priors={…: NormalPrior(…)}).")
    data = data if isinstance(data, Data) else Data(data)
    found = fit(model, data, network, **options)
    for _ in range(rounds):
        if not found.result.success:
            return found
        factors = {name: _factor(found, name) for name in names}
        model = replace(model, priors={name: prior.wider(factors.get(name, 1.0))
                                       for name, prior in model.priors.items()})
        found = fit(model, data, network, **{**options, "start": found,
                                             "elements": list(found.setting.meshes)})
        if max(abs(factor - 1.0) for factor in factors.values()) <= tol:
            return found
    warnings.warn(f"The spreads of {', '.join(names)} still move after {rounds} rounds: the data may "
                  "show none. Raise rounds, or give them.", UserWarning, stacklevel=2)
    return found


def _factor(found, name):
    """By how much the spread of a local parameter has to change."""
    prior, every = found.model.priors[name], found.parameters
    labels, covariance = list(every), found.covariance(known_variance=True)
    values = np.array(list(every.values()))
    own = [k for k, label in enumerate(labels) if label.split("[")[0] == name]
    total = 0.0
    for k in own:
        centre = labels.index(prior.centre) if isinstance(prior.centre, str) else None
        mean = prior.centre if centre is None else values[centre]
        g = np.zeros(len(values))
        g[k] = prior.slope(values[k])
        if centre is not None:
            g[centre] = -prior.slope(mean)
        total += prior.residual(values[k], mean, np.log) ** 2 + g @ covariance @ g
    return float(np.sqrt(total / len(own)))
