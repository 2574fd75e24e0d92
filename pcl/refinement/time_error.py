"""What the steps in time do to a fit: the shift of every parameter, in standard errors."""

from dataclasses import dataclass

import numpy as np

from pcl.evolution.times import halved_steps
from pcl.problem import Problem
from pcl.support.types import Array, Theta
from pcl.uncertainty.covariance import determined

# Shift over standard error above which the steps are too long for the data.
LIMIT = 0.3


@dataclass(frozen=True)
class TimeError:
    """The effect of the steps in time on residuals and parameters at one θ.

    Attributes
    ----------
    residuals : (m,), estimate of r(steps → 0) − r
    shift : (size,), of the minimum when the steps tend to 0
    standard_errors : (size,), from the residuals' own size; NaN without more data than directions
    slices : dict {block: slice of θ}
    """

    residuals: Array
    shift: Array
    standard_errors: Array
    slices: dict[str, slice]

    @property
    def ratio(self) -> Array:
        """|shift| / standard error of each parameter."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.shift == 0.0, 0.0, np.abs(self.shift) / self.standard_errors)

    @property
    def ok(self) -> bool:
        """Whether every ratio is below 0.3."""
        return bool(np.all(self.ratio < LIMIT))

    def __str__(self):
        lines = [f"{name}: largest shift {np.abs(self.shift[s]).max():.3g}, "
                 f"{self.ratio[s].max():.3g} standard errors" for name, s in self.slices.items()]
        verdict = ("The steps in time are short enough for these data." if self.ok else
                   f"The steps in time shift a parameter by more than {LIMIT:g} standard errors: take "
                   "more.")
        return "\n".join([*lines, verdict])


def time_error(problem: Problem, theta: Theta) -> TimeError:
    """The shift of the parameters when every march of the problem halves its steps, extrapolated.

        δr = (r_{h/2} − r_h)/(1 − 2^−p),   δθ = −J⁺ δr
        covariance of θ = s² (JᵀJ)⁺,   s² = |r − J J⁺ r|²/(m − rank J), or 1 where the noise is stated

    p is the lowest order among the marches. One Gauss–Newton step: at a minimum, δθ is how far the
    minimum moves when the steps tend to 0, to first order in δr.

    Parameters
    ----------
    problem : Problem with residuals
        Its function is traced again, so what it closes over must still be there.
    theta : (size,) or {block: array}, a minimum

    Returns
    -------
    TimeError, which can be printed

    Raises
    ------
    ValueError
        A problem without residuals, or without a march.

    Notes
    -----
    What both marches overlook, such as a pulse of the load between two times, is not seen.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [1.0], (1, 1))
    >>> data, times = np.array([0.62, 0.36, 0.23]), pcl.uniform_times(0.0, 1.5, 6)
    >>> def residuals(t):
    ...     u = pcl.march(pcl.FirstOrder(stiffness=t["k"] * K), [1.0], times, at=[0.5, 1.0, 1.5])
    ...     return u[0] - data
    >>> problem = pcl.Problem.from_residuals(residuals, {"k": 1.0})
    >>> found = pcl.time_error(problem, pcl.minimize(problem).x)
    >>> found.ok, bool(found.ratio[0] < 0.3)
    (True, True)
    """
    r, J = problem.residuals(theta).ravel(), problem.jacobian(theta)
    with halved_steps() as orders:
        fine = problem.restated()
    if not orders:
        raise ValueError("the problem contains no march in time; expected one by pcl.march or fem.march.")
    change = (fine.residuals(theta).ravel() - r) / (1.0 - 0.5 ** min(orders))
    found = determined(J, problem.slices.values())
    noise = found.noise(r) if problem.statement is None else 1.0
    return TimeError(change, -found.factor @ (found.left.T @ change),
                     (np.nan if noise is None else noise) * np.linalg.norm(found.factor, axis=1),
                     problem.slices)
