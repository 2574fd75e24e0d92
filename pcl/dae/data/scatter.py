"""How much observations scatter about their neighbours, without any model, and whether their sizes suit a
common weight."""

import warnings

import numpy as np

SIZES, SPAN = 30.0, 1e3     # of the sizes of two variables, of the values of one
_SEEN = 0.01                # of the values are left out at each end of that range


def scatter(data):
    """Weighted variance of the observations, estimated from neighbours: mean over triples of

        e² / (a²/ω₋ + b²/ω₊ + 1/ω),    e = a y₋ + b y₊ − y,    a = (t₊ − t) / (t₊ − t₋),  b = 1 − a.

    About 1 if ω = 1/σ² and the readings are close in time; more where they are not, as the bend of the
    curve between them counts as scatter. 0 if no variable has three observations.

    Source: T. Gasser, L. Sroka and C. Jennen-Steinmetz, Biometrika 73 (1986); unequal variances added.
    """
    found = [_triples(t, y, omega) for *_, t, y, omega in data.observations()]
    found = np.concatenate([np.zeros(0), *found])
    return float(found.mean()) if found.size else 0.0


def warn_of_sizes(setting):
    """Warn once, in words, where equal weights let the largest values decide.

    That is where all weights of the misfit are equal and the root mean squares of two observed variables
    differ more than `SIZES` times, or the values of one more than `SPAN` times.
    """
    data, weights = setting.data, setting.misfit.weights
    if np.ptp(weights) > 0.0:
        return
    sizes = {name: float(np.sqrt(np.mean(data.values(name) ** 2))) for name in data.observed}
    sizes = {name: size for name, size in sizes.items() if size > 0.0}
    small, large = (pick(sizes, key=sizes.__getitem__, default=None) for pick in (min, max))
    words = []
    if sizes and sizes[large] > SIZES * sizes[small]:
        words.append(f"{large} is {sizes[large] / sizes[small]:.0f} times as large as {small}, which "
                     "hardly counts")
    words += [f"{name} spans {np.log10(ratio):.0f} decades, of which the smaller hardly count"
              for name in sizes if (ratio := _span(data.values(name))) > SPAN]
    if words:
        warnings.warn(f"All observations have one weight, but {'; '.join(words)}. Give weights 1/σ², "
                      "for relative errors ε 1/(ε y)², or scaling='variance' for variables of different "
                      "sizes.", UserWarning, stacklevel=3)


def _triples(t, y, omega):
    if len(t) < 3:
        return np.zeros(0)
    width = t[2:] - t[:-2]
    a = np.where(width > 0.0, (t[2:] - t[1:-1]) / np.where(width > 0.0, width, 1.0), 0.5)
    e = a * y[:-2] + (1.0 - a) * y[2:] - y[1:-1]
    return e ** 2 / (a ** 2 / omega[:-2] + (1.0 - a) ** 2 / omega[2:] + 1.0 / omega[1:-1])


def _span(values):
    """Ratio of large to small magnitudes of values of one sign, else 1."""
    if values.size < 3 or values.min() <= 0.0 < values.max():
        return 1.0
    low, high = np.quantile(np.abs(values), (_SEEN, 1.0 - _SEEN))
    return high / low
