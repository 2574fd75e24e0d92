"""Whether a fitted model fits its data: χ² against given variances, misfit against the smoother's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from pcl.dae.data.scatter import scatter
from pcl.dae.data.splines import left_by_splines
from pcl.dae.result.uncertainty import Undetermined

DOUBT = 1e-3        # p-value below which χ² contradicts the weights
WORSE = 4.0         # χ² a degree of freedom, relative to what the data allow, from which nothing fits
_COUNTED = 3e5      # observations × free numbers up to which parameters are counted by their leverage


@dataclass(frozen=True)
class Verdict:
    """Whether the model fits the data.

    Attributes
    ----------
    fits : bool
        False where it plainly does not: with weights 1/σ², χ² > `WORSE` · ν · max(1, s), ν degrees of
        freedom and s the scatter of neighbouring readings (`pcl.dae.data.scatter`), which is what weights
        that are not 1/σ² are told by; or a misfit above `enough`, or above that of constants where
        smoothing splines leave far less.
    chi2, dof, p_value : numbers, or None where the variances of the observations are not known, or there
        are noise models
        dof = observations − effective parameters; p_value is the probability of a larger χ².
    misfit : number
    enough : number, misfit that the smoother left, with the factor and the weight decay allowed; inf if
        there was none
    words : str
    """

    fits: bool
    chi2: float | None
    dof: float | None
    p_value: float | None
    misfit: float
    enough: float
    words: str

    def __str__(self):
        return self.words


def judged(setting, program, result, known, enough=np.inf, uncertainty=None):
    """The `Verdict` on a result; known : bool, whether the weights are 1/σ²; uncertainty : `Uncertainty`
    of the result with known variances, needed if they are."""
    known = known and not setting.densities
    misfit, setting = _squared(setting, program, result)
    if not misfit <= enough:
        return Verdict(False, None, None, None, misfit, enough, (
            f"The model does not fit the data: its misfit of {misfit:.4g} is far above what smooth "
            f"unknown terms leave (at most {enough:.4g} was expected). Try other seeds, a larger network "
            "or other inputs of the laws."))
    if misfit >= setting.spread and 0.0 < WORSE * left_by_splines(setting) < misfit:
        return Verdict(False, None, None, None, misfit, enough, (
            f"The model does not fit the data: its misfit of {misfit:.4g} is no smaller than that of "
            f"constants ({setting.spread:.4g}), and smoothing splines leave far less. Try other "
            "starts or bounds, or look at the equations."))
    if not known:
        return Verdict(True, None, None, None, misfit, enough, "")
    dof, counted = _degrees_of_freedom(program, result, uncertainty)
    p, below = float(chi2.sf(misfit, dof)), float(chi2.cdf(misfit, dof))
    plain = f"χ² = {misfit:.4g} for {dof:.4g} degrees of freedom" + ("" if counted else " or fewer")
    fits = not (p < DOUBT and misfit > WORSE * dof * max(1.0, scatter(setting.data)))
    if not fits:
        words = (f"The model does not fit the data: {plain} if the weights are 1/σ² (p = {p:.1g}), and "
                 "neighbouring readings scatter less than that. Look at the residuals, the model and the "
                 "weights.")
    elif p < DOUBT or (counted and below < DOUBT):
        words = (f"{plain} contradicts weights of 1/σ² (p = {min(p, below):.1g}): the deviations are "
                 f"{np.sqrt(misfit / dof):.2g} times those given. standard_errors(known_variance=False) "
                 "takes the variance from the residuals.")
    else:
        words = f"{plain}, p = {p:.2g}: the data agree with the model and weights of 1/σ²."
    return Verdict(fits, misfit, dof, p, misfit, enough, words)


def _squared(setting, program, result):
    """(Σ ω r², the setting of it): of noise models the sum of squares that stood in their place."""
    if not setting.densities:
        return program.misfit.at(result.x), setting
    squares = setting.as_squares()
    return squares.misfit.at(setting.without_own(result.x)), squares


def _degrees_of_freedom(program, result, uncertainty):
    """(observations − effective parameters, whether these were counted)."""
    n = program.misfit.size
    free = program.elements.parameters.n + sum(law.size for law in program.laws)
    if not result.success or n * max(free, 1) > _COUNTED:
        return max(1.0, float(n)), False
    try:
        return max(1.0, n - uncertainty.leverage), True
    except Undetermined:
        return max(1.0, float(n)), False
