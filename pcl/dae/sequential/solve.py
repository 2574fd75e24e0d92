"""A collocated program solved over weights, parameters and free starts alone, trajectories following."""

from dataclasses import replace

import numpy as np

from pcl import interior_point
from pcl.dae.program.scaled import Scaled, worst_row
from pcl.dae.sequential.problem import Sequential
from pcl.errors import TrialFailure
from pcl.interior_point.start import KAPPA

__all__ = ["require_sequential", "solve"]


def require_sequential(model, hessian, kkt):
    """ValueError with one sentence for what the sequential way cannot do."""
    bounded = [name for name in (*model.states, *model.algebraic, *model.outputs) if name in model.bounds]
    for wrong, words in (
            (bounded, f"keeps no bounds of states, algebraic variables and outputs (here "
                      f"{', '.join(bounded)}): it takes bounds of parameters alone"),
            (model.path is not None, "keeps no path constraints"),
            (not _is(hessian, "auto", "exact"), f"has the exact Hessian alone, not hessian={hessian!r}"),
            (not _is(kkt, "reduced"), f"has no Newton system of the whole program, so that kkt={kkt!r} "
                                      "does not apply")):
        if wrong:
            raise ValueError(f"approach is 'sequential', which {words}; leave that out, or take "
                             "approach='simultaneous'.")


def _is(given, *names):
    return isinstance(given, str) and given in names


def solve(program, x, hessian="exact", kkt="reduced", callback=None, warm_start=None, parameters=0.0,
          bound_push=KAPPA, **options):
    """What `pcl.dae.solver.solve` does, with the equations fulfilled at every step; a `Result`.

    The interior point sees q = (θ, p, free starts) in units of their own, no rows, and a dense Hessian:

        minimise f(u(q), q)   within the bounds of p

    x : (n,): q is taken from it, the trajectories are the first guess of Newton's method.
    parameters : see `Scaled`. hessian, kkt and warm_start are not looked at; options are those of
    `interior_point.solve`.
    """
    reduced = Reduced(program, x, parameters)
    push = np.broadcast_to(bound_push, x.shape) if np.ndim(bound_push) == 0 else np.append(
        bound_push, np.full(x.size - len(bound_push), KAPPA))
    told = None if callback is None else lambda snapshot: callback(reduced.told(snapshot))
    found = interior_point.solve(reduced, reduced.start, kkt="dense", callback=told, attempts=1,
                                 bound_push=push[reduced.places], **options)
    return reduced.outside(found)


class Reduced:
    """The program that the interior point solves: a `Sequential` in units of its own, within bounds."""

    m = 0
    c_lower = c_upper = np.zeros(0)

    def __init__(self, program, x, parameters):
        scaled = Scaled(program, x, parameters)
        self._program, self._problem, self._s = program, Sequential(program, x), scaled.s
        self.places, self.n = self._problem.places, self._problem.size
        self._d = scaled.d[self.places]
        self.start = self._problem.theta0 / self._d
        self.x_lower, self.x_upper = (bounds[self.places] / self._d
                                      for bounds in (program.x_lower, program.x_upper))

    def objective(self, q):
        """f̂."""
        return self._problem.value(self._d * q) / self._s

    def gradient(self, q):
        """∂f̂/∂q̂ (n,)."""
        return self._d * self._problem.gradient(self._d * q) / self._s

    def constraints(self, q):
        """None (0,)."""
        return np.zeros(0)

    def jacobian(self, q):
        """None (0, n)."""
        return np.zeros((0, self.n))

    def hessian(self, q, lam, sigma):
        """σ ∂²f̂/∂q̂² (n, n)."""
        return sigma / self._s * self._d[:, None] * self._problem.hessian(self._d * q) * self._d

    def row_name(self, j):
        """There are no rows."""
        raise IndexError(f"row {j} of a program without rows.")

    def variable_name(self, i):
        """Words for unknown i."""
        return self._program.variable_name(int(self.places[i]))

    def told(self, snapshot):
        """A snapshot in the unknowns and units of the whole program."""
        return replace(snapshot, x=self._problem.solution(self._d * snapshot.x),
                       objective=self._s * snapshot.objective)

    def outside(self, result):
        """The result as one of the whole program, multipliers of the equations included."""
        found, program, q = type(result)(result), self._program, self._d * result.x
        try:
            x, lam = self._problem.solution(q), self._problem.multipliers(q)
            violation = worst_row(program, x)[0]
        except TrialFailure:                    # of a start without trajectories
            x, lam, violation = self._problem.guess(q), np.zeros(program.m), np.nan
        z_lower, z_upper = np.zeros(program.n), np.zeros(program.n)
        z_lower[self.places] = self._s * result.z_lower / self._d
        z_upper[self.places] = self._s * result.z_upper / self._d
        found.update(x=x, fun=self._s * result.fun, lam=lam, z_lower=z_lower, z_upper=z_upper,
                     constraint_violation=violation)
        return found
