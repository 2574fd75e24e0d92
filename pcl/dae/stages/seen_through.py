"""Rows without derivatives that tell states behind what is read: equations, and observables at nodes."""

import numpy as np

from pcl.dae.program.equations import equations_of, reading_of


class Nodal:
    """Rows r(a, u, t) at the nodes: chosen equations, and (h − readings between neighbours)/size.

    A row of an observable is 0 in trajectories in which it is not read.

    Parameters
    ----------
    setting : Setting
    equations : bool, whether equations without derivatives are among the rows
    given : names of parameters whose values are known; observables of others tell no states yet, as in
        scale times x, and are left out
    """

    def __init__(self, setting, equations, given):
        rows = equations_of(setting.model)
        self.arguments = rows.arguments
        plain = ~rows.pattern[:, rows.arguments.derivatives].any(axis=1)
        self._chosen, self._equations = (plain if equations else np.zeros_like(plain)), rows
        names = [name for name in setting.data.observed if name in setting.model.observed
                 and not self._open(reading_of(setting.model, name), given)]
        self._read = [reading_of(setting.model, name) for name in names]
        found = [_targets(setting, name) for name in names]
        size = [np.nanstd(each) or np.nanmax(np.abs(each)) or 1.0 for each in found]
        self._size = np.array(size)
        self._targets = np.array(found).reshape(len(names), setting.elements.times.size).T  # (n, n_h)

    @staticmethod
    def _open(read, given):
        """Whether an observable contains a parameter that is not given."""
        seen = read.pattern[0, read.arguments.parameters]
        return any(found and name not in given for name, found in zip(read.model.parameters, seen))

    @property
    def pattern(self):
        """Where ∂r/∂a may differ from zero, bool (rows, n_a)."""
        return np.concatenate([self._equations.pattern[self._chosen], *(r.pattern for r in self._read)])

    def residual(self, a, u, t):
        """(n, rows)."""
        read = [each.residual(a, u, t) for each in self._read]
        left = (np.concatenate(read, axis=1) - self._targets) / self._size if read else np.zeros(
            (len(a), 0))
        return np.concatenate([self._equations.residual(a, u, t)[:, self._chosen],
                               np.where(np.isnan(self._targets), 0.0, left)], axis=1)

    def jacobian(self, a, u, t):
        """(n, rows, n_a)."""
        read = [np.where(np.isnan(target)[:, None, None], 0.0, each.jacobian(a, u, t) / size)
                for each, target, size in zip(self._read, self._targets.T, self._size)]
        return np.concatenate([self._equations.jacobian(a, u, t)[:, self._chosen], *read], axis=1)


def _targets(setting, name):
    """Readings between their neighbours at the nodes (n,), NaN in trajectories without any."""
    elements = setting.elements
    found = np.full(elements.times.shape, np.nan)
    for item in setting.data:
        if name in item.observed:
            mine, series = elements.trajectory == setting.names.index(item.name), item.observed[name]
            found[mine] = np.interp(elements.times[mine], series.times, series.values)
    return found.ravel()
