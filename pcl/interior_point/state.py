"""An iterate (p, y, z_lower, z_upper) and its optimality errors."""

from functools import cached_property

import numpy as np

_LARGE = 100.0      # s_max of (6)


class State:
    """Primal point, multipliers of the rows and of the bounds.

        E_μ = max(‖∇f + Aᵀy − z_l + z_u‖/s_d, ‖c‖, ‖Z d − μ‖/s_c),   all in the maximum norm     (5)
    """

    def __init__(self, point, y, z_lower, z_upper):
        self.point, self.y, self.z_lower, self.z_upper = point, y, z_lower, z_upper
        self.form = point.form

    @cached_property
    def pulled(self):
        """Aᵀ y (n + n_t,)."""
        return self.form.transposed(self.point.J, self.y)

    @cached_property
    def dual(self):
        """∇f + Aᵀ y − z_l + z_u (n + n_t,)."""
        return self.point.g + self.pulled - self.z_lower + self.z_upper

    @cached_property
    def scales(self):
        """(s_d, s_c) of (6)."""
        z = float(self.z_lower.sum() + self.z_upper.sum())
        y = float(np.abs(self.y).sum())
        both, bounds = self.form.m + self.form.bounded, self.form.bounded
        s_d = max(_LARGE, (y + z) / max(both, 1)) / _LARGE
        return s_d, max(_LARGE, z / max(bounds, 1)) / _LARGE

    def products(self):
        """d z of every bound."""
        form, point = self.form, self.point
        return np.concatenate([point.d_lower[form.L] * self.z_lower[form.L],
                               point.d_upper[form.U] * self.z_upper[form.U]])

    @cached_property
    def _products(self):
        return self.products()

    def mean_complementarity(self):
        """Mean of d z."""
        return float(self._products.mean()) if self.form.bounded else 0.0

    @cached_property
    def dual_error(self):
        """‖∇f + Aᵀ y − z‖∞, scaled functions."""
        return _largest(self.dual)

    @cached_property
    def infeasibility(self):
        """‖c‖∞, scaled rows."""
        return _largest(self.point.c)

    @cached_property
    def _range(self):
        products = self._products
        return (float(products.min()), float(products.max())) if products.size else (0.0, 0.0)

    def complementarity(self, mu=0.0):
        """‖Z d − μ‖∞."""
        least, largest = self._range
        return max(abs(least - mu), abs(largest - mu)) if self.form.bounded else 0.0

    def error(self, mu):
        """E_μ."""
        s_d, s_c = self.scales
        return max(self.dual_error / s_d, self.infeasibility, self.complementarity(mu) / s_c)

    @cached_property
    def unscaled(self):
        """(dual residual, violation of the rows, complementarity, ‖∇f‖∞) of the program as given."""
        form = self.form
        s_f = form.objective_scale or 1.0
        dual = self.dual / s_f
        dual[form.n:] *= form.unit[form.row]
        return (_largest(dual), _largest(self.point.c / form.unit),
                self.complementarity() / s_f, _largest(self.point.g[:form.n]) / s_f)


def _largest(a):
    return float(np.abs(a).max(initial=0.0))
