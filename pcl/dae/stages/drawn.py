"""Starting values of parameters, spread over their bounds and priors by a Latin hypercube."""

import numpy as np
from scipy.stats import norm, qmc

from pcl.dae.priors import LogNormalPrior

DECADES = 1.0           # about the first guess, where bounds leave a side open
WIDE = 1e3              # ratio of bounds from which a draw is uniform in the logarithm, as a fit is


def drawn(setting, first, count, seed):
    """[{label: value}, …] of `count` draws of all parameters; first : {label: number}, first guesses.

    The strata of each parameter are of equal probability: under its prior, cut at the bounds; uniform
    between two finite bounds, in the logarithm where they are positive and a factor of `WIDE` apart or
    the parameter is fitted by it; else within `DECADES` of the first guess, inside the bounds.
    """
    labels = setting.labels
    if not labels:
        return [{} for _ in range(count)]
    sample = qmc.LatinHypercube(len(labels), seed=np.random.default_rng(seed)).random(count)
    order = sorted(range(len(labels)), key=lambda k: _about_another(setting.declared, labels[k]))
    return [_values(setting.declared, labels, order, row, first) for row in sample]


def _values(model, labels, order, quantiles, first):
    found: dict[str, float] = {}
    for k in order:
        name = labels[k].split("[")[0]
        found[labels[k]] = float(_value(model, name, quantiles[k], first[labels[k]], found))
    return {label: found[label] for label in labels}


def _about_another(model, label):
    prior = model.priors.get(label.split("[")[0])
    return prior is not None and isinstance(prior.centre, str)


def _value(model, name, quantile, first, found):
    limits, prior = model.limits(name), model.priors.get(name)
    if prior is not None:
        centre = found[prior.centre] if isinstance(prior.centre, str) else prior.centre
        if isinstance(prior, LogNormalPrior):
            return np.exp(_normal(quantile, np.log(centre), prior.spread, _logs(limits)))
        return _normal(quantile, centre, prior.deviation, limits)
    lower, upper = limits
    if np.isfinite(lower) and np.isfinite(upper):
        if lower > 0.0 and (upper >= WIDE * lower or name in model.log):
            return lower * (upper / lower) ** quantile
        return lower + quantile * (upper - lower)
    factor = 10.0 ** (DECADES * (2.0 * quantile - 1.0))
    return np.clip((first or 1.0) * factor, lower, upper)


def _normal(quantile, mean, deviation, limits):
    """That quantile of a normal distribution cut at the limits."""
    ends = norm.cdf((np.array(limits) - mean) / deviation)
    inside = np.clip(ends[0] + quantile * (ends[1] - ends[0]), 1e-12, 1.0 - 1e-12)
    return np.clip(mean + deviation * norm.ppf(inside), *limits)


def _logs(limits):
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(limits, 0.0))
