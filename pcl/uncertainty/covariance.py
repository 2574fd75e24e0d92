"""Standard errors from sensitivities: what residuals determine of θ, by the singular values of dr/dθ."""

import dataclasses

import numpy as np
import scipy.linalg

CUT = 1e-10     # of the largest singular value: what sparse solves leave of rounding
LEAST = 1e-14   # nothing below it is told from rounding
GAP = 1e2       # between neighbours: a step in the spectrum that rounding alone does not have
RANGE = 1e-6    # smallest size of a column beside the largest of its block


@dataclasses.dataclass(frozen=True, eq=False)
class Determined:
    """The directions of θ that residuals see, J = dr/dθ = U diag(σ) Vᵀ D with σ above the cut.

        covariance of θ       s² F Fᵀ,   F = D⁻¹ V diag(1/σ)
        Gauss–Newton step     −F Uᵀ r,   the one of least |D δ|

    Attributes
    ----------
    left : ndarray (m, k), U
    singular : ndarray (k,), σ, descending
    right : ndarray (p, k), V
    size : ndarray (p,), the diagonal of D: the sizes of the columns of J, so that units do not matter
    cut : float, the share of the largest σ up to which they were left out
    strengths : ndarray, every σ beside the largest, those left out too
    """

    left: np.ndarray
    singular: np.ndarray
    right: np.ndarray
    size: np.ndarray
    cut: float
    strengths: np.ndarray

    @property
    def rank(self):
        """k, how many numbers are determined."""
        return self.singular.size

    @property
    def factor(self):
        """F (p, k)."""
        return self.right / self.singular / self.size[:, None]

    def noise(self, r):
        """s, standard deviation of a residual: s² = |r − U Uᵀ r|²/(m − k); None unless m > k.

        The part of r that a step of θ removes does not count, so s is right away from the minimum too.
        """
        m, k = self.left.shape
        left = r - self.left @ (self.left.T @ r)
        return float(np.sqrt(left @ left / (m - k))) if m > k else None


def determined(J, slices=None, cut=None):
    """The `Determined` of sensitivities J (m, p), never by way of JᵀJ.

    Parameters
    ----------
    slices : iterable of slices of θ, optional
        Its blocks: columns are compared in size within a block only.
    cut : float, optional
        Singular values up to this share of the largest count as zero; see `cut_of` for the default.
        Squares of singular values that are cut at rounding level would lose half of the digits:
        directions the data determine.
    """
    size = sizes(np.linalg.norm(J, axis=0), slices or [slice(0, J.shape[1])])
    U, sigma, Vt = scipy.linalg.svd(J / size, full_matrices=False, lapack_driver="gesdd")
    cut = cut_of(sigma) if cut is None else cut
    kept = sigma > cut * sigma[0]
    return Determined(U[:, kept], sigma[kept], Vt[kept].T, size, cut, sigma / (sigma[0] or 1.0))


def cut_of(sigma):
    """The share of the largest of singular values (k,), descending, up to which they count as zero.

    Beside priors the law of a network is determined along directions down to 1e-12 of the largest, and a
    cut above them makes its band too narrow (by 9 % at 1e-10). They end in a gap before what is rounding:
    the cut is in it if it is wider than `GAP`, else it is `CUT`.
    """
    relative = sigma / sigma[0] if sigma.size and sigma[0] > 0.0 else np.zeros(0)
    seen = relative[relative > LEAST]
    if seen.size == relative.size:
        return CUT
    before, after = seen[-1], max(relative[seen.size], np.finfo(np.float64).eps ** 1.1)
    return min(CUT, float(np.sqrt(before * after))) if before > GAP * after else CUT


def share(part, whole):
    """part/whole within [0, 1]; 1 where nothing depends on θ at all."""
    return np.clip(np.divide(part, whole, out=np.ones_like(whole), where=whole > 0), 0.0, 1.0)


def sizes(given, slices):
    """Sizes (p,) of what belongs to parameters, to divide by: positive, so that rounding is no direction.

    None is below RANGE of the largest of its block; a block of zeros has size 1.
    """
    size = np.array(given)
    for block in slices:
        size[block] = np.maximum(size[block], RANGE * size[block].max(initial=0.0))
    return np.where(size > 0, size, 1.0)
