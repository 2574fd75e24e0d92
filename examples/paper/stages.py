"""What `fit` does before its main solve, and main solves from other starts and by other Hessians.

`fit` tells a callback every iterate of every solve. So the first one of the smoother is the guess, and
the first one of the main solve the smooth trajectories with pre-trained weights; there the callback
stops, and `fit` returns the program of the main solve.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from examples.paper.systems import Seconds
from pcl.dae import Fit, TrainedLaw, fit, solver

COARSE, FINE = 1e-3, 1e-6       # the tolerances ε₁, ε₂ of the paper
MOST_COARSE = 100               # iterations of a pass to ε₁, as of `fit(hessian=(…, …))`
_RIDGE = 1e-2                   # of pre-training, on |θ|²/n beside mean squared normalised differences


class _Watch:
    """Callback: the first iterate of the smoother; the main solve is stopped at its first one.

    All solves of the smoother have the same number of unknowns, the main solve another one.
    """

    def __init__(self):
        self.guess, self.start = None, None

    def __call__(self, snapshot):
        if self.guess is None:
            self.guess = snapshot.x.copy()
        if snapshot.x.size != self.guess.size:
            self.start = snapshot.x.copy()
            raise StopIteration


@dataclass(frozen=True, eq=False)
class Prepared:
    """A program and where its solution may start.

    Attributes
    ----------
    found : Fit, stopped at the first iterate of the main solve
    guess, smooth : trajectories and parameters (n,), before and after the smoother
    start : (program.n,), with pre-trained weights
    seconds : of the processor, of all stages up to there
    """

    found: Fit
    guess: np.ndarray
    smooth: np.ndarray
    start: np.ndarray
    seconds: float

    @property
    def program(self):
        """Of the main solve."""
        return self.found.program

    def from_trajectories(self, x, seed, pretrained):
        """A start (program.n,) from trajectories, with pre-trained or initial weights."""
        laws, thetas = self.program.laws, []
        for k, law in enumerate(laws):
            theta = law.init(seed + k)
            thetas.append(_pretrained(law, *self.found.setting.points_of(law, x), theta)
                          if pretrained else theta)
        return np.concatenate([x, *thetas])

    def laws(self, x):
        """`TrainedLaw`s with the weights in x."""
        return [TrainedLaw(law, theta)
                for law, theta in zip(self.program.laws, self.program.rows.parameters(x))]


def prepare(model, data, law, seed, **options):
    """`Prepared`; options are those of `fit`."""
    watch = _Watch()
    with Seconds() as spent:
        found = fit(model, data, law, seed=seed, callback=watch, **options)
    n = found.setting.elements.n
    return Prepared(found, watch.guess[:n], watch.start[:n], watch.start, spent.value)


def _pretrained(law, a, z, theta):
    """θ that minimises mean |(law(a; θ) − z)/s|² + `_RIDGE` |θ|²/n, s the standard deviations of z."""
    n, s = len(z), z.std(axis=0)

    def loss(theta):
        point = law.at(theta, a)
        r = (point.value - z) / s
        return ((r ** 2).sum() + _RIDGE * theta @ theta) / n, (
            point.pullback(2.0 * r / s) + 2.0 * _RIDGE * theta) / n
    return minimize(loss, theta, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x


def solve(program, x, passes, maxiter=1000, **options):
    """(Result, {"objective", "iterations", "seconds", "solved"}) of a main solve.

    passes : a name of a Hessian, to `FINE`; or [(name, tolerance), …], each from where the last one
        ended
    """
    result, iterations = None, 0
    with Seconds() as spent:
        for name, tol in [(passes, FINE)] if isinstance(passes, str) else passes:
            most = min(maxiter, MOST_COARSE) if tol == COARSE else maxiter
            result = solver.solve(program, x, hessian=name, tol=tol, maxiter=most, warm_start=result,
                                  **options)
            x, iterations = result.x, iterations + result.nit
    return result, {"objective": float(result.fun), "iterations": iterations, "seconds": spent.value,
                    "solved": bool(result.success)}


def warm_up(program, x):
    """Trace the equations once, so that no solve pays for it."""
    program.jacobian(x)
    program.hessian(x, np.zeros(program.m), 1.0)
