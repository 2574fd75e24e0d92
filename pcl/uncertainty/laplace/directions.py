"""Which directions of θ a curvature determines: by singular values of residuals, or eigenvalues of H."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from pcl.support.types import Array
from pcl.uncertainty.covariance import Determined, share, sizes

ROUNDING = 10 * np.finfo(np.float64).eps     # of an eigenvalue, p times, relative to the largest
_NOTHING = 1e-30                             # of a whole: rounding, squared
AROUND = 100.0                               # the cut is moved by this factor both ways


@dataclasses.dataclass(frozen=True, eq=False)
class Directions:
    """The posterior's directions, C = F Fᵀ, columns f_i of F, and what was left out.

    Attributes
    ----------
    factor : ndarray (p, k), F
    basis : ndarray (p, k), orthonormal: F = D⁻¹ basis diag(…)
    size : ndarray (p,), the diagonal of D, the sizes of the columns
    strengths : ndarray (p or fewer,), descending
        Singular values of dr/dθ D⁻¹ relative to the largest, or the square roots of the positive
        eigenvalues of D⁻¹ H D⁻¹.
    cut : float
        Strengths up to it are left out.
    step : float
        |F⁻¹ δ| of the (Gauss–)Newton step δ: how many standard deviations θ is away from the peak.
    negative : ndarray (p, j)
        Directions along which ℓ falls both ways; with any of them there is no posterior here.
    prior : ndarray (k, k) or None
        Π = Fᵀ J_pᵀJ_p F/σ², J_p the rows of the prior: which part of the identity comes from it.
    """

    factor: Array
    basis: Array
    size: Array
    strengths: Array
    cut: float
    step: float
    negative: Array
    prior: Array | None = None

    @property
    def left_out(self) -> int:
        """How many directions nothing determines."""
        return len(self.factor) - self.factor.shape[1] - self.negative.shape[1]

    @property
    def shares(self) -> Array | None:
        """How much of what is known along f_i comes from data (k,), 0 to 1; the rest is prior."""
        return None if self.prior is None else np.clip(1.0 - np.diag(self.prior), 0.0, 1.0)

    def near_cut(self) -> tuple[int, int]:
        """How many directions a cut AROUND times coarser and finer would keep."""
        coarser, finer = (int((self.strengths > self.cut * by).sum()) for by in (AROUND, 1.0 / AROUND))
        return coarser, finer

    @property
    def summary(self) -> str:
        """In one phrase."""
        return f"{len(self.factor) - self.left_out} determined"

    def words(self) -> list[str]:
        """What limits the posterior, in sentences."""
        if not self.left_out:
            return []
        coarser, finer = self.near_cut()
        return [f"{self.left_out} of {len(self.factor)} directions are determined by nothing and left "
                f"out: errors are lower bounds. A cut {AROUND:g} times coarser would keep {coarser}, one "
                f"{AROUND:g} times finer {finer}."]

    @property
    def doubtful(self) -> Any:
        """Which columns of F a cut AROUND times coarser would leave out, (k,) of bool."""
        return self.strengths[:self.factor.shape[1]] <= self.cut * AROUND

    def outside(self, J: Array) -> Array:
        """Share (q,) of each row of J (q, p) along directions that were left out, lengths by D⁻¹."""
        if not self.left_out:
            return np.zeros(len(J))
        scaled = J / self.size
        return 1.0 - share(np.sum((scaled @ self.basis) ** 2, axis=1), np.sum(scaled ** 2, axis=1))

    def seen(self, J: Array) -> Array:
        """Share (q,) of each row of J (q, p), lengths as they are, in what determines θ at all."""
        rows = scipy.linalg.qr(self.size[:, None] * self.basis, mode="economic")[0]
        return share(np.sum((J @ rows) ** 2, axis=1), np.sum(J ** 2, axis=1))

    def from_data(self, R: Array) -> Array | None:
        """How much of the prior's variance of functions with root R = J F (q, k) the data took, (q,):

            1 − j C jᵀ/(j C_p jᵀ),     j C_p jᵀ = ρ Π⁻¹ ρᵀ, ρ = j F;     1 where the prior says nothing
        """
        if self.prior is None:
            return None
        mu, V = scipy.linalg.eigh(self.prior)
        before = (R @ V) ** 2 @ (1.0 / np.maximum(mu, _NOTHING))
        return 1.0 - share(np.einsum("qk,qk->q", R, R), before)


def of_residuals(r: Array, seen: Determined, sigma: float, data: int | None = None) -> Directions:
    """From Σ (r/σ)², by what J = dr/dθ (m, p) sees; the first `data` rows are data."""
    rows = seen.left[data:]
    step = float(np.linalg.norm(seen.left.T @ r)) / sigma
    return Directions(sigma * seen.factor, seen.right, seen.size, seen.strengths, seen.cut, step,
                      np.zeros((seen.size.size, 0)), None if data is None else rows.T @ rows)


def of_hessian(gradient: Array, H: Array, slices, sigma: float) -> Directions:
    """From the exact Hessian of ℓ/σ², ℓ = −2 log p: C = 2σ² H⁻¹."""
    size = sizes(np.sqrt(np.abs(np.diag(H))), slices)
    values, V = scipy.linalg.eigh(H / np.outer(size, size))
    level = values.size * ROUNDING * np.abs(values).max()
    kept = values > level
    order = np.flatnonzero(kept)[::-1]
    factor = np.sqrt(2.0) * sigma * V[:, order] / np.sqrt(values[order]) / size[:, None]
    step = float(np.linalg.norm(factor.T @ gradient)) / (2.0 * sigma ** 2)
    top = np.sqrt(np.abs(values).max())
    strengths = np.sqrt(np.maximum(values[::-1], 0.0)) / top
    return Directions(factor, V[:, order], size, strengths, np.sqrt(level) / top, step,
                      V[:, values < -level] / size[:, None])
