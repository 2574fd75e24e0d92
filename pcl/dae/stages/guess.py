"""A first guess of all trajectories from the data alone."""

import numpy as np

from pcl.dae.data.event_times import CLOSE
from pcl.dae.program.equations import equations_of
from pcl.dae.program.log_scale import inward
from pcl.dae.stages.seen_through import Nodal
from pcl.support.nearest import nearest
from pcl.support.validate import float64_array

_ROUNDS, _DAMPING = 30, 1e-6     # Levenberg–Marquardt; relative to the largest diagonal entry
_SHARE = 1e-2       # of the size of a variable: how far from its bounds a guess of ours is kept
HAIR = 1e-7         # the same of what was given
_WIDTHS = 3.0       # how far values seen through observables may be from their middle, in its widths


def first_guess(setting, given=None, curves=None, seen_through=False):
    """The vector of trajectories and parameters, without weights.

    Observed variables are interpolated in time; what observables contain besides solves them at each
    node; other states stay at their start, or at `given`;
    algebraic variables and outputs that are not observed solve the equations at each node in the sense of
    least squares, with the slopes of the interpolated states.

    Parameters
    ----------
    setting : Setting
    given : {name: number}, optional
        Values of variables without observations and of parameters, instead of 1 (within bounds).
    curves : list of {name: function t (m,) -> (m,)}, optional
        One a trajectory: values that take the place of observations and of `given`.
    seen_through : bool
        Whether states that are neither observed nor given solve the equations without derivatives at the
        nodes, too, so that they come in the size that what is observed of them has.
    """
    elements, model = setting.elements, setting.model
    given = inward(model, checked_numbers(setting, given))
    curves = [{}] * len(setting.meshes) if curves is None else curves
    names = (*model.states, *model.algebraic, *model.outputs)
    w = np.zeros((elements.E, elements.K, elements.n_w))
    x0 = np.zeros((elements.E, elements.n_x))
    known = np.zeros((elements.E, elements.n_w), dtype=bool)
    for k, (item, mesh) in enumerate(zip(setting.data, setting.meshes)):
        mine = elements.trajectory == k
        for i, name in enumerate(names):
            curve = curves[k].get(name) or _curve(item, name, given, model)
            known[mine, i] = name in (*item.observed, *given, *curves[k])
            share = HAIR if name in curves[k] or (name in given and name not in item.observed) else _SHARE
            values = curve(elements.times[mine].ravel()).reshape(-1, elements.K)
            w[mine, :, i] = inside(model, name, np.abs(values).max() or 1.0, share)(values)
            if i < elements.n_x:
                x0[mine, i] = curve(_right_of(mesh.times[:-1], item.events))
    p = np.array([_parameter(model, name, label, given)
                  for name, label in zip(elements.parameters.names, setting.labels)])
    if seen_through or _through(setting):
        _see_through(setting, x0, w, p, known, seen_through, given)
    _solve_points(setting, x0, w, p, known)
    if elements.scheme.points[0] == 0.0:        # Lobatto: the slot at the start is a slope
        w[:, 0, :elements.n_x] = w[:, 1, :elements.n_x] - x0
    return elements.join(x0, w, p)


def has_unseen(setting, given):
    """Whether `seen_through` may make a difference: there are states neither observed nor given, or
    readings through observables."""
    seen = {name for item in setting.data for name in item.observed} | set(given)
    return bool(set(setting.model.states) - seen or _through(setting))


def checked_numbers(setting, given):
    """{name: float} of what was given as first guesses, of parameters of each experiment also by their
    labels; ValueError with the name that is unknown or no number."""
    model = setting.model
    names = (*model.states, *model.algebraic, *model.outputs, *model.parameters)
    given = dict(given or {})
    unknown = [name for name in given if name not in (*names, *setting.labels)]
    if unknown:
        raise ValueError(f"start has {unknown[0]!r}; expected some of {', '.join(names)}."
                         f"{nearest(unknown[0], names)}")
    return {name: float(float64_array(f"start of {name!r}", value, shape=()))
            for name, value in given.items()}


def _parameter(model, name, label, given):
    value = given.get(label, given.get(name))
    if value is not None:
        return inside(model, name, abs(value), HAIR)(value)
    return inside(model, name)(0.0 if name in model.exponents else 1.0)


def _curve(item, name, given, model):
    """t ↦ value."""
    start = item.start
    if name in item.observed:
        series = item.observed[name]
        times, values = series.times, series.values
        if name in start and times[0] > item.span[0]:
            times, values = np.append(item.span[0], times), np.append(start[name], values)
        if item.events.size:
            times, values = _broken(times, values, item, name)
        return lambda t: np.interp(t, times, values)
    value = given.get(name, start.get(name, 1.0 if name in model.states else 0.0))
    return lambda t: np.full(np.shape(t), float(value))


def _broken(times, values, item, name):
    """(times, values) of the readings with two rows for every jump: the reading before it, and a hair
    later that with the dose added, or without one the reading after it."""
    for event in item.events:
        k = int(np.searchsorted(times, event + CLOSE * (item.span[1] - item.span[0])))
        dose = item.added(name, event)
        before = values[max(k - 1, 0)]
        after = before + dose if dose or k == len(values) else values[k]
        rows = (event, before), (np.nextafter(event, np.inf), after)
        times, values = (np.insert(column, k, row) for column, row in zip((times, values), zip(*rows)))
    return times, values


def _right_of(times, events):
    """The times, to the right of jumps where there are some."""
    return np.nextafter(times, np.inf) if events.size else times


def inside(model, name, size=1.0, share=_SHARE):
    """Clip into the bounds, away from them by a share of `size`, or of their width if that is less."""
    lower, upper = model.limits(name)
    gap = share * min(size or 1.0, upper - lower)
    return lambda value: np.clip(value, lower + gap, upper - gap)


def _solve_points(setting, x0, w, p, known):
    """Fill in what is not known at the nodes; see `first_guess`."""
    elements, model = setting.elements, setting.model
    rows = equations_of(model)
    at = elements.arguments
    n_x, E, K = elements.n_x, elements.E, elements.K
    free = _free(elements, known, range(n_x, elements.n_w))
    if not free.size:
        return
    a = elements.at_points(elements.local(elements.join(x0, w, p)))
    nodes = np.concatenate([x0[:, None], w[:, :, :n_x]], axis=1)
    slopes = np.einsum("kj,ejx->ekx", _slopes(elements.scheme), nodes) / elements.lengths[:, None, None]
    a[:, at.states], a[:, at.derivatives] = w[:, :, :n_x].reshape(E * K, -1), slopes.reshape(E * K, -1)
    u, t = setting.inputs.reshape(E * K, -1), elements.times.ravel()
    w[:, :, free] = _fitted(model, rows, a, u, t, free, _SHARE).reshape(E, K, -1)


def _see_through(setting, x0, w, p, known, equations, given):
    """Fill in what is not known from observables whose parameters are given; if asked for, from all of
    them and `equations` without derivatives. Given starts stay."""
    elements, model = setting.elements, setting.model
    rows = Nodal(setting, equations, model.parameters if equations else given)
    at, n_x = elements.arguments, elements.n_x
    free = _free(elements, known, range(elements.n_w))
    free = free[rows.pattern[:, at.states.start + free].any(axis=0)]
    if elements.scheme.points[0] == 0.0 or not free.size or (equations and not (free < n_x).any()):
        return
    a = elements.at_points(elements.local(elements.join(x0, w, p)))
    u, t = setting.inputs.reshape(len(a), -1), elements.times.ravel()
    found = _fitted(model, rows, a, u, t, free, 0.0)
    w[:, :, free] = (_tamed(found) if _through(setting) else found).reshape(*w.shape[:2], -1)
    states = free[free < n_x]
    begin = np.where(elements.first[:, None], w[:, 0, states], np.roll(w[:, -1, states], 1, axis=0))
    x0[:, states] = np.where(setting.starts[0][:, states], x0[:, states], begin)


def _through(setting):
    """The observables that are read."""
    return set(setting.data.observed) & set(setting.model.observed)


def _tamed(values):
    """Values (n, k) within `_WIDTHS` widths of the middle 80 %: a reading beyond all that its observable
    can be takes a state to infinity."""
    low, high = np.quantile(values, (0.1, 0.9), axis=0)
    return np.clip(values, low - _WIDTHS * (high - low), high + _WIDTHS * (high - low))


def _free(elements, known, places):
    """Numbers of the variables among `places` that are known nowhere."""
    places = np.array(places, dtype=int)
    return places[~known.any(axis=0)[places]]


def _fitted(model, rows, a, u, t, free, share):
    """Values (n, free) of these variables that solve the rows at each of the points a (n, n_a), in
    the sense of least squares, within their bounds and a share of 1 away from them."""
    names = (*model.states, *model.algebraic, *model.outputs)
    columns = rows.arguments.states.start + free
    clip = [inside(model, names[i], 1.0, share) for i in free]
    damping = np.full(len(a), _DAMPING)
    with np.errstate(all="ignore"):
        best = _squares(rows.residual(a, u, t))
        for _ in range(_ROUNDS):
            r, J = rows.residual(a, u, t), rows.jacobian(a, u, t)[:, :, columns]
            A = np.matmul(J.transpose(0, 2, 1), J)
            g = np.matmul(J.transpose(0, 2, 1), r[:, :, None])
            size = np.einsum("nii->ni", A).max(axis=1)
            A = np.nan_to_num(A) + (damping * np.where(size > 0.0, size, 1.0))[:, None, None] * np.eye(
                len(free))
            trial = a.copy()
            trial[:, columns] -= np.linalg.solve(A, np.nan_to_num(g))[:, :, 0]
            for column, within in zip(columns, clip):
                trial[:, column] = within(trial[:, column])
            found = _squares(rows.residual(trial, u, t))
            better = found < best
            a[better], best[better] = trial[better], found[better]
            damping = np.clip(np.where(better, 0.2 * damping, 5.0 * damping), 1e-12, 1e6)
    return a[:, columns]


def _slopes(scheme):
    """h x' at the nodes from the values at [start; nodes]: exact where the slots are values, else
    by differences."""
    if scheme.points[0] > 0.0:
        return scheme.derivative
    points = np.append(0.0, scheme.points)
    D = np.zeros((len(scheme.points), len(points)))
    for j in range(1, len(scheme.points)):
        D[j, j], D[j, j + 1] = -1.0, 1.0
        D[j] /= points[j + 1] - points[j]
    D[0] = D[1] if len(D) > 1 else 0.0
    return D


def _squares(r):
    total = (r ** 2).sum(axis=1)
    return np.where(np.isfinite(total), total, np.inf)
