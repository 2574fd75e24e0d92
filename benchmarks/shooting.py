"""The least squares of a `published.Case` by another way: scipy's LSODA and `least_squares`.

It shares with `pcl.dae.fit` what the problem is: equations, starts, readings.
"""
import math
from types import SimpleNamespace

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares

_EXACT = {"method": "LSODA", "rtol": 1e-10, "atol": 1e-12}
_FINE = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14, "x_scale": "jac", "max_nfev": 100}


def optimum(case):
    """(value of `case.measure`, {name: value}) at the least squares."""
    item = case.data()
    begin = _begin(case)
    free = [state for state in case.model.states if state not in _given(item)]
    start = [begin[name] for name in case.model.parameters] + [_first(item, state) for state in free]
    bounds = np.array([case.model.limits(name) for name in case.model.parameters]
                      + [(-np.inf, np.inf)] * len(free)).T
    found = least_squares(lambda x: _residuals(case, item, x, free), np.clip(start, *bounds),
                          bounds=bounds, **_FINE)
    values = dict(zip(case.model.parameters, found.x))
    return _measured(case, found.fun, len(values)), {
        name: math.log(values[name[3:]]) if name.startswith("ln ") else values[name]
        for name in case.parameters}


def _begin(case):
    """{parameter: published value}, the middle of the range of starts where there is none."""
    values = {name: float(np.sqrt(np.prod(ends))) for name, ends in case.within.items()}
    for name, printed in case.parameters.items():
        values.update({name[3:]: math.exp(float(printed))} if name.startswith("ln ") else
                      {name: float(printed)})
    return values


def _given(item):
    return {**item.initial, **item.computed}


def _first(item, state):
    return float(item.observed[state].values[0])


def _residuals(case, item, x, free):
    p = SimpleNamespace(**dict(zip(case.model.parameters, map(float, x))))
    states, times = case.model.states, np.append(item.span[0], item.times)
    start = {**item.initial, **{state: float(f(p)) for state, f in item.computed.items()},
             **dict(zip(free, x[len(case.model.parameters):]))}

    def at(t, y):
        return _Point({**vars(p), **dict(zip(states, y)), "t": t})

    def motion(t, y):
        rates = case.model.rates(at(t, y))
        return [float(rates[state]) for state in states]
    moved = solve_ivp(motion, item.span, [start[state] for state in states], t_eval=np.unique(times),
                      **_EXACT)
    if not moved.success or moved.y.shape[1] < np.unique(times).size:
        return np.full(sum(len(series.values) for series in item.observed.values()), 1e6)
    seen = at(moved.t, moved.y)
    return np.concatenate([
        _simulated(case, seen, name)[np.searchsorted(moved.t, series.times)] - series.values
        for name, series in item.observed.items()])


def _simulated(case, seen, name):
    return np.asarray(case.model.observed[name](seen) if name in case.model.observed else seen[name])


def _measured(case, r, k):
    """What `case.measure` is, of residuals and k parameters."""
    return case.measure(SimpleNamespace(
        misfit=float(r @ r), parameters=range(k),
        setting=SimpleNamespace(data=[SimpleNamespace(observed={"": SimpleNamespace(values=r)})])))


class _Point(SimpleNamespace):
    """`v` of the equations, with scalars or all times at once."""

    def __init__(self, values):
        super().__init__(**values)

    def __getitem__(self, name):
        return getattr(self, name)
