"""SciPy's trf with its state in reach.

At the beginning of an iteration all that trf remembers, beside what follows from x, is the
radius Δ, the Levenberg–Marquardt parameter α it will start from, with x_scale="jac" the largest
column norms so far, and the number of evaluations. SciPy has no door for them. So private
copies of its modules are made, whose helper functions report these numbers and, in a run that
is taken up again, give the old ones once. The arithmetic is SciPy's own.
"""

import importlib.util


def least_squares(run, calls, unit, max_nfev):
    """scipy.optimize.least_squares for method trf, offering its state to the run.

    Parameters
    ----------
    run : Run
    calls : object
        `calls.fresh` is set by every new Jacobian and cleared here.
    unit : float
        Kept with the state.
    max_nfev : int
        The limit of the whole run.
    """
    kept = run.restored
    trf, door = (_copy(f"scipy.optimize._lsq.{name}") for name in ("trf", "least_squares"))
    watch = _Watch(run, calls, unit, kept, trf)
    trf.norm, trf.compute_jac_scale = watch.norm, watch.compute_jac_scale
    trf.solve_lsq_trust_region = watch.solve_lsq_trust_region
    trf.solve_trust_region_2d = watch.solve_trust_region_2d
    door.trf = watch.trf
    if kept:    # the point lies as near to its bounds as it did
        door.make_strictly_feasible = lambda x, lower, upper: x
    return lambda *args, **settings: door.least_squares(
        *args, max_nfev=max_nfev - watch.evaluations, **settings)


def _copy(name):
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Watch:
    """Stands between trf and its helper functions."""

    def __init__(self, run, calls, unit, kept, module):
        self._run, self._calls, self._unit = run, calls, unit
        self._norm, self._jac_scale = module.norm, module.compute_jac_scale
        self._exact, self._plane = module.solve_lsq_trust_region, module.solve_trust_region_2d
        self._trf = module.trf
        self.evaluations = int(kept.get("evaluations", 0))
        self._radius, self._alpha = kept.get("radius"), kept.get("alpha")
        self._scale_inv = self._old_scale = kept.get("scale_inv")

    def trf(self, fun, *args, **settings):
        def counted(x):
            self.evaluations += 1
            return fun(x)
        return self._trf(counted, *args, **settings)

    def norm(self, v, ord=None):
        if self._radius is None:
            return self._norm(v, ord=ord)
        radius, self._radius = float(self._radius), None    # trf's first norm is its radius
        return radius

    def compute_jac_scale(self, J, scale_inv_old=None):
        if self._old_scale is None:
            scale, self._scale_inv = self._jac_scale(J, scale_inv_old)
            return scale, self._scale_inv
        scale_inv, self._old_scale = self._old_scale, None
        return 1 / scale_inv, scale_inv

    def solve_lsq_trust_region(self, n, m, uf, s, V, radius, initial_alpha=None):
        if self._alpha is not None:
            initial_alpha, self._alpha = float(self._alpha), None
        self._offer(radius, initial_alpha)
        return self._exact(n, m, uf, s, V, radius, initial_alpha=initial_alpha)

    def solve_trust_region_2d(self, B, g, radius):
        self._offer(radius, 0.0)
        return self._plane(B, g, radius)

    def _offer(self, radius, alpha):
        if self._calls.fresh:
            self._calls.fresh = False
            scale = {} if self._scale_inv is None else {"scale_inv": self._scale_inv}
            self._run.offer(radius=float(radius), alpha=float(alpha), unit=float(self._unit),
                            evaluations=self.evaluations, **scale)
