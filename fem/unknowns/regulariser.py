"""What every regulariser offers: its residuals, whose squares add up to it, and its value."""

from abc import ABC, abstractmethod
from typing import Any

import tensorflow as tf

from fem.unknowns.coefficient import Coefficient
from pcl.support.types import ArrayLike, Tensor


class Regulariser(ABC):
    """J(θ) = Σ r(θ)² of an unknown coefficient, with exact first and second derivatives.

        residuals    beside the misfits of `Problem.from_residuals`, times √α: Gauss–Newton sees them
        J(θ)         in the loss of a `Problem`, times α

    No factor ½ anywhere, as in `Problem.from_residuals`.

    Parameters
    ----------
    coefficient : Coefficient
        J is that of the coefficient itself, before any transform of it.
    """

    def __init__(self, coefficient: Coefficient):
        if not isinstance(coefficient, Coefficient):
            raise TypeError(f"coefficient is a {type(coefficient).__name__}; expected a fem.Coefficient.")
        self.coefficient = coefficient

    @abstractmethod
    def residuals(self, theta: ArrayLike | Tensor) -> Tensor:
        """r(θ), a vector with Σ r² = J(θ).

        Parameters
        ----------
        theta : array or tensor (size,)

        Returns
        -------
        tensor (m,)

        Raises
        ------
        ValueError
            Another shape.
        """

    def __call__(self, theta: ArrayLike | Tensor) -> Tensor:
        """J(θ), a scalar."""
        return tf.reduce_sum(tf.square(self.residuals(theta)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.coefficient!r})"


def flat(x: Any) -> Tensor:
    """x as a vector."""
    return tf.reshape(x, [-1])
