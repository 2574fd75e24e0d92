"""The posterior around θ, with and without a normal prior beside it, of residuals or of a Hessian."""

import functools

import numpy as np
import scipy.linalg
import scipy.optimize

from pcl.uncertainty.covariance import determined, share
from pcl.uncertainty.laplace.directions import ROUNDING, Directions, of_residuals
from pcl.uncertainty.laplace.gaussian import Factored
from pcl.uncertainty.laplace.low_rank import LowRank
from pcl.uncertainty.prior.joint import JointGaussian
from pcl.uncertainty.prior.normal import Normal


def bare(curvature, J, sigma):
    """(variance (q,), determined (q,), directions) of functions with Jacobian J (q, p); no prior."""
    found = curvature.directions(sigma)
    R = Factored(found.factor).root(J)
    return np.sum(R ** 2, axis=1), found.seen(J), float(R.shape[1])


def with_prior(curvature, J, sigma, deviations):
    """The same beside a normal prior of standard deviations τ (p,)."""
    gain, V = curvature.gains(sigma, deviations)
    prior = JointGaussian({"theta": Normal(0.0, deviations).gaussian((deviations.size,))},
                          {"theta": slice(None)})
    variance = np.sum(LowRank(prior, gain, V).root(J) ** 2, axis=1)
    before = np.sum((J * deviations) ** 2, axis=1)
    return variance, share(before - variance, before), float(np.sum(gain / (1.0 + gain)))


class OfResiduals:
    """ℓ = Σ r², of r (m,) and J_r = dr/dθ (m, p)."""

    def __init__(self, problem, theta):
        self._r, self._J = problem.residuals(theta), problem.jacobian(theta)
        self._slices = problem.slices.values()

    @functools.cached_property
    def _seen(self):
        return determined(self._J, self._slices)

    def directions(self, sigma):
        """`Directions` by the singular values of J_r."""
        return of_residuals(self._r, self._seen, sigma)

    def gains(self, sigma, deviations):
        """(λ, V): the singular values of J_r diag(τ)/s, squared, and their directions."""
        _, singular, Vt = scipy.linalg.svd(self._J * deviations / sigma, full_matrices=False)
        return singular ** 2, Vt.T

    def sigma(self, deviations):
        """s of the residuals; with a prior the root of s² (m − Σ σ²/(σ² + s²)) = ℓ, σ of J_r diag(τ).

        Without prior the part of r that no step of θ removes has m − rank degrees of freedom.
        """
        r, seen = self._r, self._seen
        if deviations is None and r.size <= seen.rank:
            raise ValueError(f"sigma is None, but {r.size} residuals leave nothing to estimate it from: "
                             f"they determine {seen.rank} directions of theta. Give sigma.")
        if not r.any():
            raise ValueError("sigma is None, but all residuals are 0: the data carry no noise to "
                             "estimate. Give sigma.")
        return seen.noise(r) if deviations is None else self._evidence(float(r @ r), deviations)

    def _evidence(self, loss, deviations):
        gains = np.zeros(self._r.size)
        singular = scipy.linalg.svdvals(self._J * deviations)
        gains[:singular.size] = singular ** 2

        def excess(log):
            return np.sum(np.exp(2 * log) / (np.exp(log) + gains)) - loss

        low = loss / gains.size                             # gains can only raise s²
        high = 4 * (low + np.sqrt(low * gains.max()))       # where s⁴/(s² + σ²) > ℓ/m for every σ
        root = scipy.optimize.brentq(excess, np.log(low) - 1e-9, np.log(high), xtol=1e-10)
        return float(np.exp(root / 2))


class OfHessian:
    """Any loss ℓ, by the eigenvalues of its Hessian that stand for data.

    They are above rounding and above the size of the most negative one; as they are σ² of a sum of
    squares, residuals see further.
    """

    def __init__(self, found):
        self._found = found

    def directions(self, sigma):
        """`Directions` by the eigenvalues of H."""
        values, V = self._found.eigenvalues, self._found.vectors
        kept = np.flatnonzero(_well_determined(values))[::-1]
        if not kept.size:
            raise ValueError(f"the Hessian has no well-determined direction here ({self._found}). Train "
                             "further, or state a prior.")
        factor = np.sqrt(2.0 / values[kept]) * sigma * V[:, kept]
        return Directions(factor, V[:, kept], np.ones(len(V)), np.sqrt(values[kept] / values[-1]), 0.0,
                          np.nan, np.zeros((len(V), 0)))

    def gains(self, sigma, deviations):
        """(λ, V) of diag(τ) H diag(τ)/2s²."""
        values, V = self._found.eigenvalues, self._found.vectors
        values, V = scipy.linalg.eigh((V * values) @ V.T * np.outer(deviations, deviations))
        return np.where(_well_determined(values), values, 0.0) / (2 * sigma ** 2), V

    def sigma(self, deviations):
        """A loss tells no noise."""
        raise ValueError("sigma is None, but this problem states a loss without residuals, so the "
                         "noise cannot be estimated. Give sigma, with loss = Σ r² and r of that size.")


def _well_determined(values):
    """Which of the ascending eigenvalues stand for data."""
    return values > max(values.size * ROUNDING * np.abs(values).max(), -values[0])
