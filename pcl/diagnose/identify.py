"""Which inputs of a coefficient the data determine: its variance from the Hessian of the loss."""

import dataclasses
import warnings

import numpy as np
import scipy.linalg

from pcl import memory
from pcl.diagnose.common import frozen_array, positive_number
from pcl.diagnose.hessian_spectrum import spectrum_at
from pcl.diagnose.map_picture import draw
from pcl.validate import float64_array, known


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
    """

    points: np.ndarray
    value: np.ndarray
    deviation: np.ndarray
    determined: np.ndarray
    sigma: float
    directions: float
    verdict: str

    def __str__(self):
        low, middle, high = np.quantile(self.determined, [0.0, 0.5, 1.0])
        return (f"{self.verdict}\nsigma {self.sigma:.3e}; determined at {len(self.points)} points: "
                f"least {low:.2f}, median {middle:.2f}, most {high:.2f}; standard deviation "
                f"{self.deviation.min():.3e} to {self.deviation.max():.3e}")

    def plot(self, ax=None, show="deviation"):
        """Drawn over its domain.

        In one dimension: κ with a band of two standard deviations, and `determined` on the right. In
        two: colours of `show`, "deviation", "determined" or "value", on a triangulation of the
        points. ValueError in more dimensions: plot the arrays on a section of your own.
        """
        known("show", show, ("deviation", "determined", "value"))
        return draw(self, ax, show)


def identifiability(problem, theta, coefficient, points, sigma=None, prior=None):
    """What the data of a problem determine of a coefficient κ(x; θ), an `IdentifiabilityMap`.

    Laplace's approximation of the posterior density exp(−ℓ/2s²) at θ, to first order in κ:

        var κ(x) = J(x) C J(x)ᵀ,   J = ∂κ/∂θ,   H = ∇²ℓ = V diag(λ) Vᵀ
        without prior   C = 2 s² Σ_k v_k v_kᵀ / λ_k   over the well-determined directions
        with prior τ    C = D (I + M₊)⁻¹ D,   M = D H D / 2s²,   D = diag(τ)

        determined(x) = 1 − var κ(x) / (its variance under the prior)

    Well determined are eigenvalues above the size of the most negative one, and with m residuals the
    m largest at most: Σ r ∇²r makes small ones of both signs that carry no data. M₊ has 0 in place of
    the others; without prior those below the spectrum's level are left out too, and `determined` is the
    share of |J(x)|² in the rest, the limit of the formula for a wide isotropic prior. Where it is below
    1, κ(x) can also move along directions the data do not see, and `deviation` is a lower bound.

    Parameters
    ----------
    problem : Problem
        The trained problem, ℓ = Σ r² for a known or estimated size of the noise in r.
    theta : (p,) array, {block: array}, or the `HessianSpectrum` there, which is not computed again
        A minimiser; at other points the verdict tells what the Hessian lacks.
    coefficient : function {name: tensor} -> tensor (q,), or a pair of arrays (κ (q,), J (q, p))
        κ at the points, written as in the loss: `lambda theta: net(theta["kappa"], x)[:, 0]`. It may
        contain all that a loss may, so a prediction can be mapped too. A function in NumPy enters as
        its values and Jacobian, for a network from `net.at(params, x).jacobian_blocks()`.
    points : (q,) or (q, d) array
        Where κ is evaluated, for the picture.
    sigma : float, optional
        s, standard deviation of the noise in a residual; None estimates s² = ℓ/(m − k) from m residuals
        and k positive eigenvalues.
    prior : float, (p,) array or {block: number}, optional
        τ, standard deviations of a normal prior of θ around the θ given. The loss must not contain
        it already. `determined` is relative to it: beside a wide prior any data look informative.

    Raises
    ------
    ValueError, TypeError
        Wrong shapes, numbers ≤ 0; sigma is needed: no residuals, or not more of them than k; no
        eigenvalue is positive and there is no prior.
    MemoryError
        The Jacobian (q, p) does not fit.

    Notes
    -----
    Cost: a Hessian, an eigendecomposition (two for a prior that is not one number), the sensitivities
    of κ, 2 q p² operations. The variance is that of a linearised κ and takes the noise for
    independent and the model for right. Source: D. MacKay, A practical Bayesian framework for
    backpropagation networks, 1992, equations 2.9 and 2.20 for `directions` with a prior.
    """
    points = _points(points)
    found = spectrum_at(problem, theta)
    value, J = _sensitivity(problem, found.theta, coefficient, len(points))
    sigma = _sigma(problem, found) if sigma is None else positive_number("sigma", sigma)
    m = problem.residuals(found.theta).size if _has_residuals(problem) else problem.size
    if prior is None:
        variance, determined, directions = _from_data(found, J, sigma, m)
    else:
        variance, determined, directions = _with_prior(found, J, sigma, m, _deviations(problem, prior))
    return IdentifiabilityMap(
        *map(frozen_array, (points, value, np.sqrt(variance), determined)), sigma, directions,
        _verdict(found, directions, prior is not None))


def _from_data(found, J, sigma, m):
    values = found.eigenvalues
    kept = _well_determined(values, found.level, m)
    if not kept.any():
        raise ValueError(f"the Hessian has no well-determined direction at this theta ({found}). Train "
                         "further, or state a prior.")
    parts = (J @ found.vectors[:, kept]) ** 2
    variance = 2 * sigma ** 2 * parts @ (1 / values[kept])
    return variance, _share(parts.sum(axis=1), np.sum(J ** 2, axis=1)), float(kept.sum())


def _with_prior(found, J, sigma, m, deviations):
    values, V = found.eigenvalues, found.vectors
    scaled = (V * values) @ V.T * np.outer(deviations, deviations)
    if np.ptp(deviations):
        values, V = scipy.linalg.eigh(scaled)
    else:
        values = values * deviations[0] ** 2
    rounding = values.size * np.finfo(np.float64).eps * np.abs(values).max()
    gain = np.where(_well_determined(values, rounding, m), values, 0.0) / (2 * sigma ** 2)
    parts = ((J * deviations) @ V) ** 2
    seen = gain / (1 + gain)
    return parts @ (1 / (1 + gain)), _share(parts @ seen, parts.sum(axis=1)), float(seen.sum())


def _well_determined(values, level, m):
    """Which of the ascending eigenvalues stand for data, see `identifiability`."""
    return (values > max(level, -values[0])) & (np.arange(values.size) >= values.size - m)


def _share(part, whole):
    """part/whole within [0, 1]; 1 where κ does not depend on θ at all."""
    return np.clip(np.divide(part, whole, out=np.ones_like(whole), where=whole > 0), 0.0, 1.0)


def _sensitivity(problem, theta, coefficient, q):
    """κ (q,) and ∂κ/∂θ (q, p)."""
    if isinstance(coefficient, (tuple, list)) and len(coefficient) == 2:
        value = float64_array("values of coefficient", coefficient[0], shape=(q,))
        return value, float64_array("Jacobian of coefficient", coefficient[1], shape=(q, theta.size))
    if not callable(coefficient):
        raise TypeError(f"coefficient is a {type(coefficient).__name__}; expected a function of the "
                        "blocks or a pair of arrays (values, Jacobian).")
    if not hasattr(problem, "from_residuals"):
        raise TypeError(f"problem is a {type(problem).__name__}, which cannot trace coefficient; "
                        "expected a pcl.Problem, or coefficient as a pair (values, Jacobian).")
    memory.require(16 * q * theta.size, f"the Jacobian of coefficient at {q:,} points",
                   "use fewer points")

    def traced(blocks):
        value = coefficient(blocks)
        if tuple(value.shape) != (q,):
            raise ValueError(f"coefficient has shape {tuple(value.shape)}; expected ({q},), one number "
                             "for each of the points.")
        return value

    with warnings.catch_warnings():     # a coefficient need not depend on every block
        warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
        model = problem.from_residuals(traced, problem.unravel(theta))
    return model.residuals(theta), model.jacobian(theta)


def _has_residuals(problem):
    return getattr(problem, "has_residuals", False)


def _sigma(problem, found):
    if not _has_residuals(problem):
        raise ValueError("sigma is None, but this problem states a loss without residuals, so the "
                         "noise cannot be estimated. Give sigma, with loss = Σ r² and r of that size.")
    r = problem.residuals(found.theta)
    if r.size <= found.positive:
        raise ValueError(f"sigma is None, but {r.size} residuals leave nothing to estimate it from: the "
                         f"Hessian has {found.positive} positive eigenvalues. Give sigma.")
    sigma = float(np.sqrt(r @ r / (r.size - found.positive)))
    if sigma == 0.0:
        raise ValueError("sigma is None, but all residuals are 0: the data carry no noise to estimate. "
                         "Give sigma.")
    return sigma


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
    points = float64_array("points", points)
    points = points[:, None] if points.ndim == 1 else points
    points = float64_array("points", points, shape=(None, None))
    if not points.size:
        raise ValueError(f"points has shape {points.shape}: no points.")
    return points


def _verdict(found, directions, prior):
    p, worst = found.eigenvalues.size, found.eigenvalues[0]
    if worst < -found.level:
        state = (f"The Hessian is indefinite: {found.negative} of {p} eigenvalues are negative, down to "
                 f"{worst / np.abs(found.eigenvalues).max():.1e} of the largest; theta is not a minimum, "
                 "and directions with eigenvalues up to that size count as undetermined.")
    elif found.zero:
        state = (f"The Hessian is singular: {found.zero} of {p} eigenvalues are zero at "
                 f"{found.threshold:g} of the largest.")
    else:
        state = "The Hessian is positive definite."
    bound = ""
    if not prior and directions < p:
        bound = " Where determined is below 1, the standard deviation is a lower bound."
    return f"{state} The data determine {directions:.4g} of {p} numbers.{bound}"
