"""What every prior offers: the density of a quantity of θ, and draws from it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from pcl.support.types import Array, Tensor


class Prior(ABC):
    """p(x) of a quantity x of θ: a block, or any function of the blocks.

    Where there are residuals,

        log p(x) = constant(shape of x) − ½ Σ r(x)²,

    so that least squares sees them; everywhere log p is a TensorFlow function with exact first and second
    derivatives, all constants of the density included (an improper density has constant 0).

    Attributes
    ----------
    has_residuals : bool
    proper : bool
        Whether ∫ p dx = 1: only then is an evidence defined.
    """

    has_residuals: bool = False
    proper: bool = True

    def quantity(self, theta: Mapping[str, Tensor], name: str) -> Tensor:
        """x, by default the block that the prior is given for."""
        return theta[name]

    def check(self, name: str, start: Array) -> None:
        """Refuse a block this prior is not for, by a ValueError with its name."""

    @abstractmethod
    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), a scalar."""

    def residuals(self, x: Tensor) -> Tensor:
        """r (m,)."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    def constant(self, shape: tuple) -> float:
        """log p(x) + ½ Σ r² for x of this shape."""
        raise NotImplementedError(f"{type(self).__name__} has no residuals.")

    @abstractmethod
    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        """Independent x, (count, *shape of x); `shape` where the prior itself does not know it."""
