"""Newton's method for a chain of elements, and when a step of it is small enough."""

from dataclasses import dataclass

import numpy as np

from pcl.collocation.chain import EPS, ROUNDING, Factors, rounding_terms
from pcl.collocation.system import RECOVERABLE
from pcl.errors import NotConverged

MAX_ITERATIONS = 50
SLOPE = 1e-2        # accuracy of x' relative to its size on the element, that its branch is the right one
FLOOR = 1e-10       # of atol: what is exactly zero, as the boundary value of a heat equation may be
KEEP = 0.1          # contraction up to which factors are used again
_LENGTHS = 0.5 ** np.arange(7)


@dataclass(frozen=True, eq=False)
class Accuracy:
    """A Newton step is small enough when below part · (atol + rtol · size) of each variable.

    Attributes
    ----------
    part, rtol : float
    atol : (n_x + n_y,)
    controlled : how many of (x, y) are looked at
    span : length of the simulation; slopes below part · atol / span count as zero
    slopes : whether x' is looked at too (index 1)
    """

    part: float
    rtol: float
    atol: np.ndarray
    controlled: int
    span: float
    slopes: bool

    def measure(self, chain):
        """A function step -> size of a step in units of what is small enough."""
        z, D = chain.unknowns, chain.scheme.derivative
        h = chain.h[:, None]
        size = np.concatenate([np.abs(z).max(axis=1), np.abs(chain.algebraic).max(axis=1)], axis=1)
        weights = self.part * (self.atol + self.rtol * size)                            # (E, n)
        weights[:, self.controlled:] = np.inf
        n_x = chain.x0.shape[1]
        slopes = (SLOPE * np.abs(D @ z).max(axis=1) / h + weights[:, :n_x] / self.span
                  + ROUNDING * EPS * (np.abs(D) @ np.abs(z)).max(axis=1) / h)

        def norm(step):
            starts, inner = step
            largest = max((np.abs(inner) / weights[:, None]).max(initial=0.0),
                          (np.abs(starts) / weights[:, :n_x]).max(initial=0.0))
            if not self.slopes:
                return largest
            moved = D @ np.concatenate([starts[:, None], inner[..., :n_x]], axis=1)
            return max(largest, (np.abs(moved).max(axis=1) / h / slopes).max(initial=0.0))
        return norm


def solve_chain(system, guess, accuracy, damped):
    """(the collocated solution on a chain of elements, Newton steps taken) from `guess`.

    Stops when the step that would come next is small enough (it is still taken), or when F is at the
    rounding of its own terms. Factors are used again while steps contract tenfold. With `damped` a step
    is shortened until the simplified Newton step from the trial point is smaller than this one.

    Raises
    ------
    NotConverged, SingularMatrix, or what the system raises at a trial point.

    Notes
    -----
    The damping is the natural monotonicity test of P. Deuflhard, Newton Methods for Nonlinear Problems
    (2004), section 3.3.
    """
    lengths = _LENGTHS if damped else _LENGTHS[:1]
    chain, F, factors = guess, system.evaluate(*guess.points()), None
    floor = FLOOR / (ROUNDING * EPS) * accuracy.atol
    for iteration in range(MAX_ITERATIONS):
        norm = accuracy.measure(chain)
        if factors is None:
            blocks = system.differentiate(*chain.points())
            if _at_rounding(chain, F, blocks, floor):
                return chain, iteration
            factors, used = Factors(system, chain, blocks), 0
            step = factors.step(F, chain.gaps())
        found = _advance(system, chain, step, factors, norm, lengths)
        if found is None and used:
            factors = None
            continue
        if found is None:
            raise _stuck(system, chain, F, norm(step), iteration)
        length, chain, F, following, contraction = found
        small = length == 1.0 and norm(following) <= 1.0
        if small:
            return chain.moved(1.0, following), iteration + 1
        step, used = following, used + 1
        if contraction > KEEP or length < 1.0:
            if _at_rounding(chain, F, blocks, floor):
                return chain, iteration + 1
            factors = None
    raise _stuck(system, chain, F, norm(step), MAX_ITERATIONS)


def _advance(system, chain, step, factors, norm, lengths):
    """(length, trial, F, simplified step there, contraction) of the first length that passes the test.

    None if none does; a failure to evaluate at the last length is raised.
    """
    before, failure = norm(step), None
    for length in lengths:
        trial = chain.moved(length, step)
        try:
            F = system.evaluate(*trial.points())
        except RECOVERABLE as error:
            failure = error
            continue
        following = factors.step(F, trial.gaps())
        after = norm(following)
        if after <= (1 - length / 2) * before or after <= 1.0:
            return length, trial, F, following, after / before if before > 0.0 else 0.0
    if failure is not None:
        raise failure
    return None


def _at_rounding(chain, F, blocks, floor):
    """Whether every equation is as small as the rounding of the terms it sums, and no joint is open."""
    ends = np.abs(chain.x0).max(axis=0, initial=0.0) + floor[:chain.x0.shape[1]]
    return bool((np.abs(F) <= ROUNDING * EPS * rounding_terms(chain, blocks, floor)).all()
                and (np.abs(chain.gaps()) <= ROUNDING * EPS * ends).all())


def _stuck(system, chain, F, size, iterations):
    k, i = np.unravel_index(np.abs(F).argmax(), F.shape)
    where = (f"the element from t = {chain.t[0]:.9g} of length {chain.h[0]:.3g}" if len(chain.t) == 1 else
             f"the elements from t = {chain.t[0]:.9g} to {chain.t[-1] + chain.h[-1]:.9g}")
    return NotConverged(f"Newton's method does not contract on {where}: after {iterations} steps the "
                        f"next one is {size:.2g} times what counts as small, and the largest residual is "
                        f"{abs(F[k, i]):.2g} in {system.equation_names[i]} at t = "
                        f"{chain.nodes.ravel()[k]:.9g}.")
