"""What the steps in time do to a fit: the shift of every parameter, in standard errors."""

from dataclasses import dataclass

import numpy as np

from pcl.time_grid import halved_steps

# Shift over standard error above which the steps are too long for the data.
LIMIT = 0.3

# Directions of θ with singular values of the (scaled) Jacobian below this are not moved.
DETERMINED = 1e-8


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

    residuals: np.ndarray
    shift: np.ndarray
    standard_errors: np.ndarray
    slices: dict

    @property
    def ratio(self):
        """|shift| / standard error of each parameter."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.shift == 0.0, 0.0, np.abs(self.shift) / self.standard_errors)

    @property
    def ok(self):
        """Whether every ratio is below 0.3."""
        return bool(np.all(self.ratio < LIMIT))

    def __str__(self):
        lines = [f"{name}: largest shift {np.abs(self.shift[s]).max():.3g}, "
                 f"{self.ratio[s].max():.3g} standard errors" for name, s in self.slices.items()]
        verdict = ("The steps in time are short enough for these data." if self.ok else
                   f"The steps in time shift a parameter by more than {LIMIT:g} standard errors: take "
                   "more.")
        return "\n".join([*lines, verdict])


def time_error(problem, theta):
    """The shift of the parameters when every march of the problem halves its steps, extrapolated.

        δr = (r_{h/2} − r_h)/(1 − 2^−p),   δθ = −J⁺ δr
        covariance of θ = s² (JᵀJ)⁺,   s² = Σr²/(m − rank J)

    p is the lowest order among the marches. One Gauss–Newton step: at a minimum, δθ is how far the
    minimum moves when the steps tend to 0, to first order in δr.

    Parameters
    ----------
    problem : Problem with residuals
        Its function is traced again, so what it closes over must still be there.
    theta : (size,), a minimum

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
    """
    r, J = problem.residuals(theta).ravel(), problem.jacobian(theta)
    with halved_steps() as orders:
        fine = problem.restated()
    if not orders:
        raise ValueError("the problem contains no march in time; expected one by pcl.march or fem.march.")
    change = (fine.residuals(theta).ravel() - r) / (1.0 - 0.5 ** min(orders))
    size = np.linalg.norm(J, axis=0)
    size[size == 0.0] = 1.0
    U, S, Vt = np.linalg.svd(J / size, full_matrices=False)
    kept = S > DETERMINED * S.max(initial=0.0)
    inverse = Vt[kept].T / S[kept] / size[:, None]
    freedom = r.size - np.count_nonzero(kept)
    noise = np.sqrt(r @ r / freedom) if freedom > 0 else np.nan
    return TimeError(change, -inverse @ (U[:, kept].T @ change), noise * np.linalg.norm(inverse, axis=1),
                     problem.slices)
