"""Variance of functions of θ from residuals or from the Hessian of a loss, with and without a prior."""

import numpy as np
import scipy.linalg
import scipy.optimize

from pcl.uncertainty.covariance import determined, share

_ROUNDING = 10 * np.finfo(np.float64).eps     # of an eigenvalue, p times, relative to the largest


class FromResiduals:
    """ℓ = Σ r²: the inverse of the precision J_rᵀJ_r/s², J_r = dr/dθ, by its singular values.

    Parameters
    ----------
    r : (m,) array;  J_r : (m, p) array
    slices : the blocks of θ
    """

    def __init__(self, r, J_r, slices):
        self.r, self.J_r = r, J_r
        self.directions = determined(J_r, slices)

    def sigma(self, deviations):
        """s of the residuals; with a prior the root of s² (m − Σ σ²/(σ² + s²)) = ℓ, σ of J_r diag(τ).

        Without prior the part of r that no step of θ removes has m − rank degrees of freedom.
        """
        loss, m = self.r @ self.r, self.r.size
        if deviations is None and m <= self.directions.rank:
            raise ValueError(f"sigma is None, but {m} residuals leave nothing to estimate it from: they "
                             f"determine {self.directions.rank} directions of theta. Give sigma.")
        if loss == 0.0:
            raise ValueError("sigma is None, but all residuals are 0: the data carry no noise to "
                             "estimate. Give sigma.")
        return self.directions.noise(self.r) if deviations is None else self._evidence(loss, deviations)

    def _evidence(self, loss, deviations):
        gains = np.zeros(self.r.size)
        singular = scipy.linalg.svdvals(self.J_r * deviations)
        gains[:singular.size] = singular ** 2

        def excess(log):
            return np.sum(np.exp(2 * log) / (np.exp(log) + gains)) - loss

        low = loss / gains.size                             # gains can only raise s²
        high = 4 * (low + np.sqrt(low * gains.max()))       # where s⁴/(s² + σ²) > ℓ/m for every σ
        root = scipy.optimize.brentq(excess, np.log(low) - 1e-9, np.log(high), xtol=1e-10)
        return float(np.exp(root / 2))

    def bare(self, J, s):
        """(variance (q,), determined (q,), directions) of functions with Jacobian J (q, p)."""
        seen = self.directions
        variance = s ** 2 * np.sum((J @ seen.factor) ** 2, axis=1)
        parts, whole = (J @ seen.rows) ** 2, np.sum(J ** 2, axis=1)
        return variance, share(parts.sum(axis=1), whole), float(seen.rank)

    def with_prior(self, J, s, deviations):
        """The same beside a normal prior of standard deviations τ (p,)."""
        _, singular, Vt = scipy.linalg.svd(self.J_r * deviations / s, full_matrices=False)
        gain, scaled = singular ** 2, J * deviations
        along = scaled @ Vt.T
        beside = np.sum((scaled - along @ Vt) ** 2, axis=1)
        variance = along ** 2 @ (1 / (1 + gain)) + beside
        return variance, *_relative(along ** 2 @ (gain / (1 + gain)), scaled, gain)


class FromHessian:
    """Any loss ℓ: the inverse of the precision H/2s² over eigenvalues λ that stand for data.

    They are above rounding and above the size of the most negative one. λ is σ² of a sum of squares,
    so what is above rounding here is above 1e-7 of the largest σ: residuals see further.
    """

    def __init__(self, found):
        self.found = found

    def sigma(self, deviations):
        raise ValueError("sigma is None, but this problem states a loss without residuals, so the "
                         "noise cannot be estimated. Give sigma, with loss = Σ r² and r of that size.")

    def bare(self, J, s):
        """As `FromResiduals.bare`."""
        values = self.found.eigenvalues
        kept = _well_determined(values)
        if not kept.any():
            raise ValueError(f"the Hessian has no well-determined direction here ({self.found}). Train "
                             "further, or state a prior.")
        parts = (J @ self.found.vectors[:, kept]) ** 2
        variance = 2 * s ** 2 * parts @ (1 / values[kept])
        return variance, share(parts.sum(axis=1), np.sum(J ** 2, axis=1)), float(kept.sum())

    def with_prior(self, J, s, deviations):
        """As `FromResiduals.with_prior`."""
        values, V = self.found.eigenvalues, self.found.vectors
        if np.ptp(deviations):
            values, V = scipy.linalg.eigh((V * values) @ V.T * np.outer(deviations, deviations))
        else:
            values = values * deviations[0] ** 2
        gain = np.where(_well_determined(values), values, 0.0) / (2 * s ** 2)
        scaled = J * deviations
        parts = (scaled @ V) ** 2
        return parts @ (1 / (1 + gain)), *_relative(parts @ (gain / (1 + gain)), scaled, gain)


def _relative(part, scaled, gain):
    return share(part, np.sum(scaled ** 2, axis=1)), float(np.sum(gain / (1 + gain)))


def _well_determined(values):
    """Which of the ascending eigenvalues stand for data."""
    return values > max(values.size * _ROUNDING * np.abs(values).max(), -values[0])
