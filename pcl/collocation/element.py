"""One element: the collocation equations F(x', x, y, t) = 0 at its K nodes, solved by Newton's method."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetrs

from pcl.collocation.system import RECOVERABLE
from pcl.errors import NotConverged, SingularMatrix

EPS = np.finfo(np.float64).eps
ROUNDING = 64.0     # F is zero when below this many units of rounding of the terms it is made of
MAX_ITERATIONS = 50


@dataclass(frozen=True, eq=False)
class Element:
    """Solution on one element: x₀ (n_x,), slots (K, n_x), algebraic (K, n_y), times of the nodes (K,)."""

    scheme: object
    t: float
    h: float
    nodes: np.ndarray
    x0: np.ndarray
    slots: np.ndarray
    algebraic: np.ndarray
    iterations: int = 0

    def points(self):
        """(x', x, y, t) at the nodes."""
        z = np.vstack([self.x0, self.slots])
        return self.scheme.derivative @ z / self.h, self.scheme.value @ z, self.algebraic, self.nodes

    def end(self):
        """(x', x, y) at the end of the element."""
        z = np.vstack([self.x0, self.slots])
        return (self.scheme.derivative_at(1.0)[0] @ z / self.h, self.scheme.end @ z,
                self.scheme.algebraic_at(1.0)[0] @ self.algebraic)

    def continued(self, t, h, nodes):
        """This element's polynomials as a guess on [t, t + h], started from the value they have at t."""
        tau = (t + h * self.scheme.points - self.t) / self.h
        z = np.vstack([self.x0, self.slots])
        slots = self.scheme.value_at(tau) @ z
        start = (t - self.t) / self.h
        if self.scheme.points[0] == 0.0:
            slots[0] = self.scheme.derivative_at(start)[0] @ z * (h / self.h)
        x0 = self.scheme.value_at(start)[0] @ z
        algebraic = self.scheme.algebraic_at(tau) @ self.algebraic
        return Element(self.scheme, t, h, nodes, x0, slots, algebraic)


def constant(scheme, t, h, nodes, x0, dx, y):
    """The guess x = x₀, y = const on [t, t + h]."""
    slots = np.tile(x0, (scheme.K, 1))
    if scheme.points[0] == 0.0:
        slots[0] = h * dx
    return Element(scheme, t, h, nodes, x0, slots, np.tile(y, (scheme.K, 1)))


def solve_element(system, guess, weights, tolerance, damped, limit=MAX_ITERATIONS):
    """The collocated solution on one element by Newton's method from `guess`.

    Stops when max |Δ| / weights ≤ tolerance, or when F is at the rounding of its own terms. With `damped`
    a step is shortened until the simplified Newton step from the trial point is smaller than this one.

    Parameters
    ----------
    guess : Element
    weights : function Element -> (n_x + n_y,)
        Size of an error that counts as one, for each variable.

    Raises
    ------
    NotConverged, SingularMatrix, or what the system raises at a trial point.

    Notes
    -----
    The damping is the natural monotonicity test of P. Deuflhard, Newton Methods for Nonlinear Problems
    (2004), section 3.3.
    """
    lengths = (1.0, 0.5, 0.25, 0.125, 1 / 16, 1 / 32, 1 / 64) if damped else (1.0,)
    element, F = guess, system.evaluate(*guess.points())
    for iteration in range(limit):
        blocks = system.differentiate(*element.points())
        if _at_rounding(element, F, blocks):
            return element
        lu = _factor(system, element, blocks)
        step = _solve(lu, F)
        size = weights(element)
        length, element, F = _advance(system, element, step, (lu, blocks), size, lengths, tolerance,
                                      iteration)
        if length == 1.0 and _norm(step, size) <= tolerance:
            return element
    raise NotConverged(f"Newton's method did not converge in {limit} iterations on the element from "
                       f"t = {guess.t:.9g} of length {guess.h:.3g}.")


def _advance(system, element, step, jacobian, weights, lengths, tolerance, iteration):
    """(length, element, F) of the first trial point that passes the monotonicity test."""
    before, failure, (lu, blocks) = _norm(step, weights), None, jacobian
    for length in lengths:
        trial = _moved(element, length * step, iteration + 1)
        try:
            F = system.evaluate(*trial.points())
        except RECOVERABLE as error:
            failure = error
            continue
        contracts = before <= tolerance or _norm(_solve(lu, F), weights) <= (1 - length / 2) * before
        if contracts or _at_rounding(trial, F, blocks):
            return length, trial, F
    if failure is not None:
        raise failure
    raise NotConverged(f"Newton's method does not contract on the element from t = {element.t:.9g} of "
                       f"length {element.h:.3g}.")


def _moved(element, step, iteration):
    n_x = element.x0.size
    step = step.reshape(element.scheme.K, -1)
    return Element(element.scheme, element.t, element.h, element.nodes, element.x0,
                   element.slots + step[:, :n_x], element.algebraic + step[:, n_x:], iteration)


def _norm(step, weights):
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(step.reshape(-1, weights.size)) / weights
    return np.nan_to_num(ratio, nan=0.0, posinf=np.inf).max(initial=0.0)   # 0/0: it did not move


def _factor(system, element, blocks):
    """LU factors of the Jacobian (K n, K n) of the K n equations with respect to (slots, algebraic)."""
    F_dx, F_x, F_y = blocks
    scheme, (K, n_eq, n_x) = element.scheme, F_dx.shape
    J = np.zeros((K, n_eq, K, n_eq))
    J[..., :n_x] = (np.einsum("kj,kin->kijn", scheme.derivative[:, 1:] / element.h, F_dx)
                    + np.einsum("kj,kin->kijn", scheme.value[:, 1:], F_x))
    J[np.arange(K), :, np.arange(K), n_x:] = F_y
    J = J.reshape(K * n_eq, K * n_eq)
    lu, pivots, info = dgetrf(J)
    if info:
        names = (system.state_names + system.algebraic_names)
        raise SingularMatrix(f"The collocation equations on the element from t = {element.t:.9g} are "
                             f"singular: {names[(info - 1) % n_eq]} is not determined by them.")
    return lu, pivots


def _solve(lu, F):
    step, _ = dgetrs(*lu, -F.ravel())
    if not np.isfinite(step).all():
        raise SingularMatrix("The collocation equations of an element are singular to working precision.")
    return step


def _at_rounding(element, F, blocks):
    """Whether every equation is as small as the rounding of the terms it sums."""
    scheme, z = element.scheme, np.abs(np.vstack([element.x0, element.slots]))
    sizes = (np.abs(scheme.derivative) @ z / element.h, np.abs(scheme.value) @ z,
             np.abs(element.algebraic))
    terms = sum(np.einsum("kin,kn->ki", np.abs(J), size) for J, size in zip(blocks, sizes))
    return bool((np.abs(F) <= ROUNDING * EPS * terms).all())
