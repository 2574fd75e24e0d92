"""A model closed by its trained laws: a system of its own, F(x', x, (y, z), t) = 0."""

from functools import partial

import numpy as np

from pcl.dae.data.event_times import at_once
from pcl.dae.program.equations import equations_of, jump_of
from pcl.dae.program.pointwise import Pointwise
from pcl.errors import NotFinite


class Closed:
    """Residual and Jacobian for `pcl.collocation.simulate`; algebraic variables and outputs are its y.

    Variables, times and residuals are in the units of the model.

    Parameters
    ----------
    trained : Trained
    signals : {input: function t (n,) -> (n,)}
    """

    def __init__(self, trained, signals):
        model = self.model = trained.model
        self._rows, self._laws = equations_of(model), [law.placed for law in trained.laws]
        self._trained = trained.laws
        self._signals = [signals[name] for name in model.inputs]
        self._p = np.array([trained.parameters[name] for name in model.parameters])
        self._names = (*model.states, *model.algebraic, *model.outputs)
        self.equations = (*self._rows.names, *(f"law of {z}" for law in self._laws for z in law.outputs))

    def inputs(self, t):
        """u (n, n_u) at times t (n,)."""
        return np.array([u(t) for u in self._signals]).reshape(len(self._signals), len(t)).T

    def outside(self, curve):
        """{outputs of a law: {input: (least, largest)}} of inputs along a Curve that leave what was seen
        in training."""
        values, t = curve.values, curve.times
        x, y = (np.stack([values[name] for name in names], axis=1) if names else np.zeros((t.size, 0))
                for names in (curve.states, curve.others))
        found = {", ".join(law.outputs): law.outside(law.law.own(self._law_inputs(placed, x, y, t)))
                 for law, placed in zip(self._trained, self._laws)}
        return {name: beyond for name, beyond in found.items() if beyond}

    def jumps(self, events, breaks, span):
        """[(time, function of (x', x, y, t) that gives x)] of `Events`, at those of the `breaks`."""
        found = []
        for time in breaks:
            amounts = np.array([events.added(name, time, span) for name in self.model.states])
            names = [name for name, times in events.jumps.items()
                     if at_once(np.array(times), time, span).any()]
            if names or amounts.any():
                found.append((time, partial(self._after, names, amounts)))
        return found

    def events(self, conditions, jumps):
        """[(condition of (x', x, y, t), function of the same that gives x, or None), …] of functions of v
        by name, with the jump conditions of these names."""
        found = []
        for number, (name, condition) in enumerate(conditions.items()):
            rows = Pointwise(self.model, lambda _, v, c=condition, name=name: {f"when {name}": c(v)})
            found.append((partial(self._condition, rows), partial(
                self._after, [name], 0.0) if name in jumps else None))
        return found

    def _condition(self, rows, dx, x, y, t):
        return rows.residual(self._arguments(dx, x, y), self.inputs(t), t)[:, 0]

    def _after(self, names, amounts, dx, x, y, t):
        """x after jumps and doses at t."""
        t, after = np.array([np.nextafter(t, -np.inf)]), x.copy()
        for name in names:
            rows = jump_of(self.model, name)
            values = rows.residual(self._arguments(dx[None], x[None], y[None]), self.inputs(t), t)[0]
            after[[self.model.states.index(state) for state in rows.names]] = values
        return after + amounts

    def residual(self, dx, x, y, t):
        """F (m, n_eq)."""
        rows = self._rows.residual(self._arguments(dx, x, y), self.inputs(t), t)
        laws = [y[:, self._outputs(law)] - law.law.at(law.theta, self._law_inputs(law, x, y, t)).value
                for law in self._laws]
        F = np.concatenate([rows, *laws], axis=1)
        if not np.isfinite(F).all():
            self._refuse(F, x, y, t)
        return F

    def jacobian(self, dx, x, y, t):
        """(F_dx, F_x, F_y)."""
        n_x, n_y, m = x.shape[1], y.shape[1], len(t)
        J = self._rows.jacobian(self._arguments(dx, x, y), self.inputs(t), t)[:, :, :2 * n_x + n_y]
        blocks = [J]
        for law in self._laws:
            block = np.zeros((m, len(law.outputs), 2 * n_x + n_y))
            block[:, np.arange(len(law.outputs)), 2 * n_x + self._outputs(law)] = 1.0
            slopes = law.law.at(law.theta, self._law_inputs(law, x, y, t)).input_jacobian()
            for i, name in enumerate(law.inputs):
                if name in self._names:
                    block[:, :, n_x + self._names.index(name)] -= slopes[:, :, i]
            blocks.append(block)
        J = np.concatenate(blocks, axis=1)
        return J[:, :, :n_x], J[:, :, n_x:2 * n_x], J[:, :, 2 * n_x:]

    def _refuse(self, F, x, y, t):
        k, i = np.argwhere(~np.isfinite(F))[0]
        values = ", ".join(f"{name} = {value:.6g}" for name, value in zip(self._names, [*x[k], *y[k]]))
        raise NotFinite(f"Equation {self.equations[i]!r} is {F[k, i]} at t = {t[k]:.9g}, {values}.")

    def _arguments(self, dx, x, y):
        return np.concatenate([dx, x, y, np.broadcast_to(self._p, (len(x), len(self._p)))], axis=1)

    def _outputs(self, law):
        first = len(self.model.algebraic)
        return np.array([first + self.model.outputs.index(name) for name in law.outputs])

    def _law_inputs(self, law, x, y, t):
        known = {**dict(zip(self._names, [*x.T, *y.T])), "t": t}
        known.update(zip(self.model.inputs, self.inputs(t).T))
        return np.stack([known[name] for name in law.inputs], axis=1)
