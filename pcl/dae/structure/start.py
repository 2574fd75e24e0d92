"""Stretches after a given start on which the equations do not determine an unknown, as 0/0.

States that start at given values stay there as long as their rates vanish, whatever the other variables
are: a reactor that is empty until its feed begins. While they do, equations that determine everything at
almost every point may determine nothing: q (S + P) = S with S = P = 0. So they are looked at there, with
the inputs of the data, the other variables at random.
"""

import numpy as np

from pcl.dae.structure.check import coupling, samples

_SMALL = (1e-6, 1e-9)       # distances from the start at which rates are compared
_SINGULAR = 1e-11           # smallest singular value of a matrix with rows and columns of size one


def at_starts(setting, laws, rows):
    """(problems, notes), sentences on all trajectories; `rows` are the model's pointwise equations."""
    problems, notes = [], []
    for k, item in enumerate(setting.data):
        if item.initial:
            mine = (setting.elements.trajectory == k) & (setting.pieces == setting.pieces[
                setting.elements.starts[k]])
            times = setting.elements.times[mine].ravel()
            look = _Start(setting.model, laws, item, rows, times,
                          setting.inputs[mine].reshape(times.size, len(setting.model.inputs)))
            problem, note = look.judged()
            problems += [problem] if problem else []
            notes += [note] if note else []
    return problems, notes


class _Start:
    """The equations of a model about the given start of one trajectory."""

    def __init__(self, model, laws, item, rows, times, inputs):
        self._model, self._item, self._rows, self._t, self._u = model, item, rows, times, inputs
        self._n = len(model.states)
        self._a, _, _ = samples(model, rows, 0)
        unknowns = (*model.states, *model.algebraic)
        self._couple = coupling(laws, unknowns, model.outputs, model.inputs, 0)[0]
        self._given = {model.states.index(name): value for name, value in item.start.items()}
        self._rates = {i: rows.names.index(name) for i, name in enumerate(model.states)
                       if name in rows.names}

    def judged(self):
        """(problem, note), each a sentence or ""."""
        if not self._lost(set(self._given), 0)[1]:
            return self._runaway(), ""
        resting, last, what, kind = set(self._given), None, "", ""
        for j in range(len(self._t)):
            still = self._resting(resting, j)
            names, how = self._lost(still, j)
            if not still or not how:
                break
            resting, what, kind, last = still, names, how, j
        if last is None:
            return self._runaway(), ""
        where = (f"trajectory {self._item.name!r}, t from {self._item.span[0]:g} to {self._t[last]:.4g}: "
                 f"while {self._values(resting)}, ")
        if kind == "undetermined":
            return (f"{where}the equations do not determine {what}. Let the span begin later, give other "
                    "initial values, or write the equation so that it holds there, too."), ""
        return "", (f"{where}{what} cannot be evaluated (0/0). Let the span begin later, give other "
                    "initial values, add a small number to the denominator, or keep the states off by "
                    "bounds.")

    def _lost(self, resting, j):
        """(names, "undetermined" or "0/0") with states at rest at node j; ("", "") if all is well."""
        a, u, t = self._points(resting, j)
        with np.errstate(all="ignore"):
            r, J = self._rows.residual(a, u, t), self._rows.jacobian(a, u, t)
        moved = self._moved(resting, j, _SMALL[0])
        bad = ~np.isfinite(r).any(axis=0) & np.isfinite(moved).any(axis=0)
        if bad.any():
            return f"equation {', '.join(np.array(self._rows.names)[bad])}", "0/0"
        good = np.isfinite(J).all(axis=(1, 2))
        free = [self._free(each) for each in J[good]]
        if not free or not all(each.any() for each in free):
            return "", ""
        unknowns = (*self._model.states, *self._model.algebraic)
        return ", ".join(n for n, f in zip(unknowns, np.logical_and.reduce(free)) if f), "undetermined"

    def _free(self, J):
        """Which unknowns (n_x + n_y,) the pencil s E + A leaves free, at a random s."""
        n, n_y, n_z = self._n, len(self._model.algebraic), len(self._model.outputs)
        E, x, y, z = np.split(J[:, :2 * n + n_y + n_z], [n, 2 * n, 2 * n + n_y], axis=1)
        M = np.hstack([0.7071 * E + x, y]) + z @ self._couple
        columns = np.abs(M).max(axis=0, initial=0.0)
        if not (columns > 0.0).all():
            return columns == 0.0
        M = M / columns
        M = M / np.maximum(np.abs(M).max(axis=1, keepdims=True), np.finfo(float).tiny)
        _, s, Vt = np.linalg.svd(M)
        return np.abs(Vt[s < _SINGULAR]).max(axis=0, initial=0.0) > 1e-6

    def _resting(self, resting, j):
        """Those of the states whose rates vanish at node j, whatever the others are."""
        while True:
            near, nearer = (self._rate(resting, j, distance) for distance in _SMALL)
            moving = {i for i in resting if i not in self._rates
                      or not (nearer[i] <= 0.1 * near[i] or nearer[i] <= _SMALL[-1])}
            if not moving:
                return resting
            resting = resting - moving

    def _rate(self, resting, j, distance):
        """{state: largest |rate|} with the states at rest moved by a small distance."""
        r = np.nan_to_num(np.abs(self._moved(resting, j, distance)), nan=np.inf)
        return {i: float(r[:, self._rates[i]].max()) for i in resting if i in self._rates}

    def _moved(self, resting, j, distance):
        """The equations with the states at rest moved by a small distance."""
        a, u, t = self._points(resting, j)
        random = np.random.RandomState(1).uniform(0.5, 1.5, (len(a), len(resting)))
        a[:, [self._n + i for i in resting]] += distance * random
        with np.errstate(all="ignore"):
            return self._rows.residual(a, u, t)

    def _points(self, resting, j):
        """(a, u, t) with the states `resting` at their start and not moving, the others at random."""
        a = self._a.copy()
        for i in resting:
            a[:, i], a[:, self._n + i] = 0.0, self._given[i]
        return a, np.tile(self._u[j], (len(a), 1)), np.full(len(a), self._t[j])

    def _runaway(self):
        """A sentence if a rate grows beyond all bounds towards the start."""
        near, nearer = (self._rate(set(self._given), 0, distance) for distance in _SMALL)
        wild = [self._model.states[i] for i in near if nearer[i] > 100.0 * near[i]]
        if not wild:
            return ""
        names = ", ".join(wild)
        return (f"trajectory {self._item.name!r}: the rate of {names} is infinite at the start, "
                f"t = {self._item.span[0]:g}, {self._values(self._given)}. Let the span begin later, or "
                "give other initial values.")

    def _values(self, states):
        return ", ".join(f"{self._model.states[i]} = {self._given[i]:g}" for i in sorted(states))
