"""Noise models of a fit: checked, their sums of squares for the first stages, their unknown numbers.

The first stages see weights in the place of a density: half its curvature where prediction and reading
agree, ω = ½ ∂²φ/∂h² at h = y, with the first guesses of what is unknown of the noise. The last solve sees
the densities themselves, and the unknown numbers of the noise as parameters.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from pcl.dae.program.density import Density, LOG, short
from pcl.dae.program.equations import equations_of
from pcl.support.nearest import nearest
from pcl.uncertainty.noise import Gaussian, Noise

LEAST = 1e-4        # of its first guess: the least that an unknown size of noise may be


def densities_of(data, noise):
    """{name: Density} of `noise` {name: Noise}, empty without noise; names without noise, σ and weights
    are read as normal with one unknown σ each.

    Raises
    ------
    TypeError, ValueError
        Not noise models; names that are not read, or have weights besides; what a model refuses.
    """
    if noise is None:
        return {}
    if not isinstance(noise, Mapping):
        raise TypeError(f"noise is a {type(noise).__name__}; expected a dict {{name: noise model}}.")
    for name, model in noise.items():
        _require_noise(data, name, model)
    given = {name: noise.get(name) or Gaussian() for name in data.observed
             if name in noise or not _weighted(data, name)}
    for name, model in given.items():
        model.check(f"observed {name!r}", data.values(name))
    found = {name: Density(model, data.values(name)) for name, model in given.items()}
    for name, density in found.items():
        _require_independent(name, density)
    return found


def as_squares(data, densities):
    """The data with weights in the place of the densities."""
    return data.weighted({name: _weights(density) for name, density in densities.items()})


def likely(setting, data, densities):
    """The setting of the likelihood, of one whose data are `as_squares`.

    Unknown numbers of the noise are parameters after all others, unless they are parameters of the model;
    those that are logarithms are told by their exponentials, and are bounded below by `LEAST` of their
    first guess.
    """
    model, own, bounds = setting.model, {}, {}
    taken = {*model.variables, *model.parameters, *model.inputs, *model.observed}
    for name, density in densities.items():
        for unknown, start in density.start.items():
            if unknown in density.shared:
                continue
            parameter = _free_name(f"{short(unknown).replace(' ', '_')}_of_{name}", taken)
            own[name, unknown] = parameter
            if unknown.startswith(LOG):
                bounds[parameter] = (start + np.log(LEAST), np.inf)
    logs = tuple(parameter for (_, unknown), parameter in own.items() if unknown.startswith(LOG))
    if own:
        model = replace(model, parameters=(*model.parameters, *own.values()),
                        bounds={**model.bounds, **bounds}, exponents=(*model.exponents, *logs))
    return replace(setting, model=model, data=data, densities=densities, own=own, squares=setting.data,
                   stand_in=False)


def fitted(setting, x):
    """Trajectories and parameters x (n,) without unknown numbers of the noise, followed by those numbers
    that suit their residuals best; parameters of the model that noise alone contains are set so, too."""
    starts = [setting.densities[name].start[unknown] for name, unknown in setting.own]
    x = np.concatenate([x, starts])
    elements = setting.elements
    place = slice(elements.n - elements.parameters.n, elements.n)
    u, names = elements.local(x), elements.parameters.names
    free = np.array([name in {*setting.own.values(), *_of_noise_alone(setting)} for name in names])
    read = [(term, term.reading.value(u), np.array([names.index(setting.model.parameters[c])
             for c in term.columns - elements.width + elements.n_p], dtype=int))
            for term in setting.misfit.terms if term.density.unknowns]
    x[place] = _suited(read, x[place], free, [setting.model.limits(name) for name in names])
    return x


def _of_noise_alone(setting):
    """Names of parameters that noise contains and nothing else does."""
    model, names = setting.model, {name for density in setting.densities.values()
                                   for name in density.shared.values()}
    seen = [equations_of(model).pattern, *(term.reading.pattern for term in setting.misfit.terms),
            *(leap.pointwise.pattern for leap in setting.leaps)]
    columns = np.any([pattern[:, setting.elements.arguments.parameters].any(axis=0) for pattern in seen],
                     axis=0)
    return names - {name for name, used in zip(model.parameters, columns) if used}


def _suited(read, q, free, limits):
    """q (n_P,) with the free ones at the least Σ −2 log p of [(term, predictions, places in q), …]."""
    if not free.any():
        return q

    def cost(part):
        every, slope, value = q.copy(), np.zeros(q.size), 0.0
        every[free] = part
        for term, h, places in read:
            found = term.density.at(h, every[places])
            value += found.value
            np.add.at(slope, places, found.own_slope)
        return value, slope[free]
    bounds = [limit for limit, chosen in zip(limits, free) if chosen]
    with np.errstate(all="ignore"):
        best = minimize(cost, q[free], jac=True, method="L-BFGS-B", bounds=bounds)
    if np.isfinite(best.fun):
        q = q.copy()
        q[free] = best.x
    return q


def _weights(density):
    """½ ∂²φ/∂h² at h = y (n,); their median where that is no weight."""
    with np.errstate(all="ignore"):
        found = 0.5 * density.at(density.data, np.array(list(density.start.values()))).curvature
    good = np.isfinite(found) & (found > 0.0)
    return np.where(good, found, np.median(found[good]) if good.any() else 1.0)


def _require_noise(data, name, model):
    if name not in data.observed:
        raise ValueError(f"noise has {name!r}; expected some of what is observed, "
                         f"{', '.join(data.observed)}.{nearest(name, data.observed)}")
    if not isinstance(model, Noise):
        raise TypeError(f"noise of {name!r} is a {type(model).__name__}; expected a model of "
                        "pcl.uncertainty.noise, for instance noise.Gaussian().")
    if _weighted(data, name):
        raise ValueError(f"{name!r} has a noise model and weights or sigma as well; expected one of "
                         "them: Gaussian(sigma) takes σ of every reading.")


def _require_independent(name, density):
    """ValueError where one reading says something of another, by ∂φ/∂h of one that is moved."""
    h, q = density.data + np.std(density.data), np.array(list(density.start.values()))
    if h.size < 2:
        return
    moved = h.copy()
    moved[0] += 0.1 * (np.std(h) or 1.0)
    before, after = density.at(h, q).slope[1:], density.at(moved, q).slope[1:]
    if not np.array_equal(before, after, equal_nan=True):
        raise ValueError(f"the noise of {name!r} correlates readings; expected a model of independent "
                         "ones: give sigma instead of a covariance.")


def _weighted(data, name):
    """Whether the readings under a name have σ or weights other than 1."""
    return any(item.observed[name].known or (item.observed[name].weights != 1.0).any()
               for item in data if name in item.observed)


def _free_name(name, taken):
    while name in taken:
        name += "_"
    taken.add(name)
    return name
