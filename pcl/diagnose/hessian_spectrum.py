"""All eigenvalues of the Hessian at one θ, with the counts of positive, zero and negative ones."""

import dataclasses
from typing import Any

import numpy as np
import scipy.linalg

from pcl.diagnose.common import checked_hessian, flat_theta, frozen_array
from pcl.support.axes import key, new_axes
from pcl.support.style import BLUE, GREY, RED, styled
from pcl.support.types import Array, Axes, Theta
from pcl.support.validate import positive_number

ZERO = 1e-6     # relative to the largest eigenvalue: what K. Xu and E. Darve count as zero


@dataclasses.dataclass(frozen=True, eq=False)
class HessianSpectrum:
    """H = V diag(λ) Vᵀ at θ.

    Attributes
    ----------
    theta : ndarray (p,)
    eigenvalues : ndarray (p,), λ in ascending order, in units of the loss (per unit of θ, squared)
    vectors : ndarray (p, p), orthonormal columns in the same order
    threshold : float
    level : float
        Eigenvalues in [−level, level] count as zero.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["x"][0]**2 - 4 * t["x"][1]**2, {"x": [1.0, 1.0, 1.0]})
    >>> found = pcl.diagnose.spectrum(problem, [0.0, 0.0, 0.0])
    >>> found.eigenvalues, (found.positive, found.zero, found.negative)
    (array([-8.,  0.,  2.]), (1, 1, 1))
    """

    theta: Array
    eigenvalues: Array
    vectors: Array
    threshold: float

    @property
    def level(self) -> float:
        """threshold · λ_max, at least the rounding error p ε max|λ|."""
        size = np.abs(self.eigenvalues).max()
        return max(self.threshold * self.eigenvalues[-1],
                   self.eigenvalues.size * np.finfo(np.float64).eps * size)

    @property
    def positive(self) -> int:
        """Number of eigenvalues above `level`: the active directions of a minimum."""
        return int(np.count_nonzero(self.eigenvalues > self.level))

    @property
    def negative(self) -> int:
        """Number of eigenvalues below −`level`."""
        return int(np.count_nonzero(self.eigenvalues < -self.level))

    @property
    def zero(self) -> int:
        """Number of the others."""
        return self.eigenvalues.size - self.positive - self.negative

    def __str__(self):
        return (f"{self.eigenvalues.size} eigenvalues from {self.eigenvalues[0]:.3e} to "
                f"{self.eigenvalues[-1]:.3e}: {self.positive} positive, {self.zero} zero, "
                f"{self.negative} negative at {self.threshold:g} of the largest")

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """|λ| of either sign, by size, with the level below which it counts as zero.

        On `ax`, or on new axes.
        """
        ax = new_axes(ax)
        for sign, mark, count in ((1, "o", self.positive), (-1, "x", self.negative)):
            size = np.sort(np.abs(self.eigenvalues[sign * self.eigenvalues > 0]))[::-1]
            ax.semilogy(np.arange(1, size.size + 1), size, mark, ms=3, mfc="none",
                        color=BLUE if sign > 0 else RED,
                        label=f"λ {'>' if sign > 0 else '<'} 0, {count} above")
        if self.level > 0:
            ax.axhline(self.level, color=GREY, ls="--", lw=0.9, label=f"{self.threshold:g} λ_max")
        ax.set(xlabel="rank among those of its sign", ylabel="|eigenvalue λ| of the Hessian")
        key(ax)
        return ax


def spectrum(problem: Any, theta: Theta, threshold: float = ZERO) -> HessianSpectrum:
    """The spectrum of the Hessian at θ, a `HessianSpectrum`.

        positive  λ > ε λ_max,   negative  λ < −ε λ_max,   else zero,   ε = threshold

    Near a minimum with a small loss the positive eigenvalues count the directions the data see;
    perturbations along the zero ones hardly change the loss. ε λ_max is never taken below the
    rounding error of the eigenvalues, nor below it where no eigenvalue is positive.

    Parameters
    ----------
    problem : Problem, or an object with `size` and `hessian`
    theta : (p,) array or {block: array}
    threshold : float, ε

    Returns
    -------
    HessianSpectrum

    Raises
    ------
    ValueError, TypeError
        θ of another length or not finite; a Hessian that is not finite or not symmetric.
    TrialFailure
        The problem cannot be evaluated at θ.

    Notes
    -----
    Cost: one Hessian and one dense eigendecomposition, about 10 p³ operations. The definition is
    that of K. Xu and E. Darve, "Training Deep Neural Networks with Trust-Region Methods".

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["a"][0] + t["b"][0])**2, {"a": [1.0], "b": [1.0]})
    >>> found = pcl.diagnose.spectrum(problem, {"a": [0.0], "b": [0.0]})
    >>> abs(found.eigenvalues).round(12), found.positive, found.zero
    (array([0., 4.]), 1, 1)
    """
    threshold = positive_number("threshold", threshold)
    theta = flat_theta(problem, theta, "hessian")
    values, vectors = scipy.linalg.eigh(checked_hessian(problem, theta))
    return HessianSpectrum(frozen_array(theta), frozen_array(values), frozen_array(vectors), threshold)


def spectrum_at(problem, theta):
    """`theta` if it is a HessianSpectrum of this problem already, else the spectrum there."""
    if not isinstance(theta, HessianSpectrum):
        return spectrum(problem, theta)
    flat_theta(problem, theta.theta)
    return theta
