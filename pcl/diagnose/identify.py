"""Which inputs of a coefficient the data determine: its variance from the residuals or the Hessian."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pcl.diagnose.common import frozen_array
from pcl.diagnose.hessian_spectrum import HessianSpectrum, spectrum_at
from pcl.diagnose.map_picture import draw
from pcl.support import memory
from pcl.support.types import Array, ArrayLike, Axes, Tensor, Theta
from pcl.support.validate import float64_array, known, positive_number
from pcl.uncertainty.sensitivity import sensitivity


@dataclasses.dataclass(frozen=True, eq=False)
class IdentifiabilityMap:
    """A coefficient at q points with what the data say about it.

    Attributes
    ----------
    points : ndarray (q, d)
    value : ndarray (q,), κ
    deviation : ndarray (q,), its standard deviation, in units of κ
    determined : ndarray (q,), from 0, the data say nothing, to 1
    sigma : float, the standard deviation of a residual that was used
    directions : float, how many numbers the data determine
    verdict : str
        What the Hessian allows to say, in words.

    Examples
    --------
    A line a + b x seen at x = 0 alone, twice: its value is known there, its slope nowhere.

    >>> import numpy as np, pcl
    >>> def line(t, x):
    ...     return t["ab"][0] + t["ab"][1] * x
    >>> problem = pcl.Problem.from_residuals(lambda t: line(t, np.zeros(2)) - [1.0, 1.2],
    ...                                      {"ab": [1.1, 0.0]})
    >>> x = np.array([0.0, 1.0])
    >>> found = pcl.diagnose.identifiability(problem, [1.1, 0.0], line, x, sigma=0.1)
    >>> found.value, found.deviation.round(3), found.determined.round(3)
    (array([1.1, 1.1]), array([0.071, 0.071]), array([1. , 0.5]))
    """

    points: Array
    value: Array
    deviation: Array
    determined: Array
    sigma: float
    directions: float
    verdict: str

    def __str__(self):
        low, middle, high = np.quantile(self.determined, [0.0, 0.5, 1.0])
        return (f"{self.verdict}\nsigma {self.sigma:.3e}; determined at {len(self.points)} points: "
                f"least {low:.2f}, median {middle:.2f}, most {high:.2f}; standard deviation "
                f"{self.deviation.min():.3e} to {self.deviation.max():.3e}")

    def plot(self, ax: Axes | None = None, show: str = "deviation", *, xlabel: str = "x",
             ylabel: str = "y", name: str = "value", log: str = "") -> Axes:
        """Drawn over its domain, on `ax` or on new axes.

        In one dimension: κ with a band of two standard deviations, and `determined` on the right. In
        two: colours of `show`, "deviation", "determined" or "value", on a triangulation of the
        points; deviations over more than two decades on a logarithmic scale.

            known.plot(xlabel="r (m)", name="K (m/d)", log="xy")

        Parameters
        ----------
        ax : matplotlib axes, optional
        show : what is coloured in two dimensions
        xlabel, ylabel, name : coordinates and κ, with their units
        log : "", "x", "y" or "xy", the logarithmic axes

        Raises
        ------
        ValueError
            Points of more than two dimensions: plot the arrays on a section of your own.
        """
        known("show", show, ("deviation", "determined", "value"))
        known("log", log, ("", "x", "y", "xy"))
        return draw(self, ax, show, (xlabel, ylabel, name), log)


def identifiability(problem: Any, theta: Theta | HessianSpectrum,
                    coefficient: Callable[[dict[str, Tensor], Array], Tensor]
                    | tuple[ArrayLike, ArrayLike],
                    points: ArrayLike, sigma: float | None = None,
                    prior: ArrayLike | Mapping[str, float] | None = None) -> IdentifiabilityMap:
    """What the data of a problem determine of a coefficient κ(x; θ), an `IdentifiabilityMap`.

    Laplace's approximation of the posterior density exp(−ℓ/2s²) at θ, to first order in κ:

        var κ(x) = J(x) C J(x)ᵀ,   J = ∂κ/∂θ
        residuals, ℓ = Σ r²:   C = s² (J_rᵀJ_r)⁺ from the singular values of J_r = dr/dθ
        any other loss:        C = 2 s² H⁺ from the eigenvalues of H = ∇²ℓ
        with prior τ           C = (P + D⁻²)⁻¹, P the inverse of the C above, D = diag(τ)

        determined(x) = 1 − var κ(x) / (its variance under the prior)

    What lies below rounding is left out of the inverse: singular values of J_r (its columns scaled to
    one size) below their gap before rounding, or 1e-10 of the largest where there is none; eigenvalues
    of H below 2e-15 p of the largest or below the size of the most negative one. Directions of very
    small singular values matter for the law of a network: a coarser cut makes its band too narrow far
    from the data. State residuals where there are any: H knows the squares of those values only.
    Without prior `determined` is the share of |J(x)|² in the directions that are seen, the limit of the
    formula for a wide isotropic prior. Where it is below 1, κ(x) can also move along directions the
    data do not see, and `deviation` is a lower bound.

    Parameters
    ----------
    problem : Problem
        The trained problem, ℓ = Σ r² for a known or estimated size of the noise in r.
    theta : (p,) array, {block: array}, or the `HessianSpectrum` there, which is not computed again
        A minimiser; at other points the verdict tells what the Hessian lacks.
    coefficient : function ({name: tensor}, points) -> tensor (q,), or a pair of arrays (κ (q,), J (q, p))
        κ at the points, written as in the loss: `lambda theta, x: net(theta["kappa"], x)[:, 0]`. It may
        contain all that a loss may, so a prediction can be mapped too. A function in NumPy enters as
        its values and Jacobian, for a network from `net.at(params, x).jacobian_blocks()`.
    points : (q,) or (q, d) array
        Where κ is evaluated and drawn: the function is given them as they are here.
    sigma : float, optional
        s, standard deviation of the noise in a residual; None estimates it from the part of r that no
        step of θ removes, over m − rank(J_r), or beside a prior from s² = ℓ/(m − directions).
    prior : float, (p,) array or {block: number}, optional
        τ, standard deviations of a normal prior of θ around the θ given. The loss must not contain
        it already. `determined` is relative to it: beside a wide prior any data look informative.

    Returns
    -------
    IdentifiabilityMap

    Raises
    ------
    ValueError, TypeError
        Wrong shapes, a function of θ alone, numbers ≤ 0; sigma is needed: no residuals, or not more of
        them than directions; no eigenvalue is positive and there is no prior.
    MemoryError
        The Jacobian (q, p) does not fit.

    Notes
    -----
    Cost: a Hessian, an eigendecomposition, the singular values of (m, p) residual sensitivities, those of
    κ, 2 q p² operations. The variance is that of a linearised κ and takes the noise for
    independent and the model for right. Source: D. MacKay, A practical Bayesian framework for
    backpropagation networks, 1992, equations 2.9 and 2.20 for `directions` with a prior.

    Examples
    --------
    A line a + b x read at x = 0 and 1 with σ = 0.1; in between its error is smaller, beyond larger:

    >>> import numpy as np, pcl
    >>> def line(t, x):
    ...     return t["ab"][0] + t["ab"][1] * x
    >>> problem = pcl.Problem.from_residuals(lambda t: line(t, np.array([0.0, 1.0])) - [1.0, 3.0],
    ...                                      {"ab": [0.0, 0.0]})
    >>> result = pcl.minimize(problem)
    >>> x = np.array([0.0, 0.5, 2.0])
    >>> found = pcl.diagnose.identifiability(problem, result.x, line, x, sigma=0.1)
    >>> found.deviation.round(4)
    array([0.1   , 0.0707, 0.2236])
    >>> found.verdict
    'The Hessian is positive definite. The data determine 2 of 2 numbers.'
    """
    given = float64_array("points", points)
    points = _points(given)
    found = spectrum_at(problem, theta)
    value, J = _sensitivity(problem, found.theta, coefficient, given)
    sigma = None if sigma is None else positive_number("sigma", sigma)
    deviations = None if prior is None else _deviations(problem, prior)
    from pcl.diagnose import laplace        # it brings TensorFlow
    curvature = (laplace.OfResiduals(problem, found.theta) if getattr(problem, "has_residuals", False)
                 else laplace.OfHessian(found))
    sigma = curvature.sigma(deviations) if sigma is None else sigma
    variance, determined, directions = (
        laplace.bare(curvature, J, sigma) if deviations is None else
        laplace.with_prior(curvature, J, sigma, deviations))
    points, value, std, determined = map(frozen_array, (points, value, np.sqrt(variance), determined))
    return IdentifiabilityMap(points, value, std, determined, sigma, directions,
                              _verdict(found, directions, prior is not None))


def _sensitivity(problem, theta, coefficient, points):
    """κ (q,) and ∂κ/∂θ (q, p)."""
    q = len(points)
    if isinstance(coefficient, (tuple, list)) and len(coefficient) == 2:
        value = float64_array("values of coefficient", coefficient[0], shape=(q,))
        return value, float64_array("Jacobian of coefficient", coefficient[1], shape=(q, theta.size))
    if not callable(coefficient):
        raise TypeError(f"coefficient is a {type(coefficient).__name__}; expected a function of the "
                        "blocks or a pair of arrays (values, Jacobian).")
    if not hasattr(problem, "from_residuals"):
        raise TypeError(f"problem is a {type(problem).__name__}, which cannot trace coefficient; "
                        "expected a pcl.Problem, or coefficient as a pair (values, Jacobian).")
    _require_points(coefficient)
    memory.require(16 * q * theta.size, f"the Jacobian of coefficient at {q:,} points",
                   "use fewer points")

    def traced(blocks):
        value = coefficient(blocks, points)
        if tuple(value.shape) != (q,):
            raise ValueError(f"coefficient has shape {tuple(value.shape)}; expected ({q},), one number "
                             "for each of the points.")
        return value

    return sensitivity(problem, theta, traced)


def _require_points(coefficient):
    """Refuse a function of θ alone: it would bring points of its own, which need not be those drawn."""
    try:
        parameters = inspect.signature(coefficient).parameters.values()
    except (TypeError, ValueError):     # compiled: it cannot be asked
        return
    needed = [p for p in parameters if p.default is p.empty and p.kind in (
        p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(needed) != 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise TypeError(f"coefficient takes {len(needed)} arguments; expected two, the blocks and the "
                        "points, for example lambda theta, x: net(theta[\"kappa\"], x)[:, 0].")


def _deviations(problem, prior):
    if isinstance(prior, dict):
        if set(prior) != set(problem.slices):
            raise ValueError(f"prior names {sorted(prior)}; expected {sorted(problem.slices)}.")
        prior = np.concatenate([np.full(piece.stop - piece.start, positive_number(f"prior[{name!r}]",
                                prior[name])) for name, piece in problem.slices.items()])
    deviations = float64_array("prior", prior)
    if deviations.ndim == 0:
        deviations = np.full(problem.size, deviations)
    deviations = float64_array("prior", deviations, shape=(problem.size,))
    if (deviations <= 0).any():
        raise ValueError(f"prior has {np.count_nonzero(deviations <= 0)} entries ≤ 0; expected standard "
                         "deviations above 0.")
    return deviations


def _points(points):
    points = points[:, None] if points.ndim == 1 else points
    points = float64_array("points", points, shape=(None, None))
    if not points.size:
        raise ValueError(f"points has shape {points.shape}: no points.")
    return points


def _verdict(found, directions, prior):
    p, worst = found.eigenvalues.size, found.eigenvalues[0]
    if worst < -found.level:
        state = (f"The Hessian is indefinite: {found.negative} of {p} eigenvalues are negative, down to "
                 f"{worst / np.abs(found.eigenvalues).max():.1e} of the largest; theta is not a minimum. "
                 "Without residuals, directions with eigenvalues up to that size count as undetermined.")
    elif found.zero:
        state = (f"The Hessian is singular: {found.zero} of {p} eigenvalues are zero at "
                 f"{found.threshold:g} of the largest.")
    else:
        state = "The Hessian is positive definite."
    bound = ""
    if not prior and directions < p:
        bound = " Where determined is below 1, the standard deviation is a lower bound."
    return f"{state} The data determine {directions:.4g} of {p} numbers.{bound}"
