"""What a derivative check found: figures, a verdict in words, a table, a plot."""

import dataclasses

import numpy as np

from pcl.support.axes import key, new_axes
from pcl.support.style import GREY, styled


@dataclasses.dataclass(frozen=True, eq=False)
class DerivativeReport:
    """Result of `check_gradient`, `check_hessian` or `check_jacobian`.

    Attributes
    ----------
    name : str
        Which derivative.
    ok : bool
        False if it is wrong, and also if nothing can be said; `verdict` tells which.
    verdict : str
        A sentence.
    steps : ndarray (k,)
        h, falling by ten.
    remainders : ndarray (directions, k)
        |F(θ+hd) − F(θ) − h F'(θ)d|; NaN where F could not be evaluated.
    orders : ndarray (directions, k − 1)
        log10 of the quotient of neighbouring remainders: 2 for a right derivative, between the
        steps where higher derivatives matter and those where rounding does.
    window : slice
        The steps of the longest run of decades in which every order is 2 within 0.05.
    error, uncertainty : float
        Largest difference between F'(θ)d and its extrapolated central difference, and how
        well that is known; both relative to `scale`, the size of F'(θ)d.
    tolerance : float
        What `error` was compared with.
    scale : float
    symmetry_error, hvp_error, adjoint_error : float or None
        max|H − Hᵀ|/max|H|; max|hvp(d) − Hd|/max|Hd|; max|2Jᵀr − g|/max|g|.
    worst_entry : tuple of int or None
        Index of the entry that is furthest off, where that could be found.
    stationary : bool
        Whether differences, which do not contradict F', see curvature and rounding alone: the remainder
        falls by 100, but F'(θ)d is less than what it changes by on the way to θ + 0.01 d.
    """

    name: str
    ok: bool
    verdict: str
    steps: np.ndarray
    remainders: np.ndarray
    orders: np.ndarray
    window: slice
    error: float
    uncertainty: float
    tolerance: float
    scale: float
    symmetry_error: float | None = None
    hvp_error: float | None = None
    adjoint_error: float | None = None
    worst_entry: tuple | None = None
    stationary: bool = False

    @property
    def decades(self):
        """Number of decades in which the remainder falls by 100."""
        return max(self.window.stop - self.window.start - 1, 0)

    def __str__(self):
        lines = [f"{self.name}: {self.verdict}",
                 "         h   " + "   ".join(
                     f"remainder {i + 1}  order" for i in range(len(self.remainders)))]
        for k, h in enumerate(self.steps):
            orders = (f"{order:5.2f}" for order in self.orders[:, k - 1]) if k else iter(
                [" " * 5] * len(self.remainders))
            cells = [f"{r:11.4e}  {next(orders)}" for r in self.remainders[:, k]]
            mark = "*" if self.window.start <= k < self.window.stop else " "
            lines.append(f"  {h:8.1e} {mark} " + "   ".join(cells))
        lines.append(f"  * order 2 over {self.decades} decades; difference from the extrapolated "
                     f"central difference {self.error:.1e} (known to {self.uncertainty:.1e})")
        for label, value in (("max|H - H^T|/max|H|", self.symmetry_error),
                             ("hvp against H d", self.hvp_error),
                             ("2 J^T r against the gradient", self.adjoint_error)):
            if value is not None:
                lines.append(f"  {label} {value:.1e}")
        return "\n".join(lines)

    @styled
    def plot(self, ax=None):
        """Remainders against h, with a line of slope 2; returns the matplotlib axes."""
        ax = new_axes(ax)
        for i, r in enumerate(self.remainders):
            ax.loglog(self.steps, r, "o-", label=f"direction {i + 1}")
        anchor = np.nanmax(self.remainders)
        if anchor > 0:
            ax.loglog(self.steps, anchor * (self.steps / self.steps[0]) ** 2, "--", color=GREY,
                      label="slope 2")
        ax.set(xlabel="h", ylabel=f"remainder of the {self.name}")
        key(ax)
        return ax
