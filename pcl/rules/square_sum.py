"""The rule of a weighted sum of squares, where a chain usually begins."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second.tangent import diagonal_matrix
from pcl.rules.operation import Operation
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array
from pcl.uncertainty.misfit import misfit


def square_sum(u: ArrayLike, observed: ArrayLike, weights: ArrayLike | None = None) -> Operation:
    """ℓ = Σ_i w_i (u_i − d_i)²:   ū = 2 w (u − d),   W = 2 diag(w), sparse.

    Parameters
    ----------
    u : array of any shape
    observed, weights : arrays of the same shape, as in `pcl.misfit`
        An observation of weight 0 is left out and may be NaN.

    Returns
    -------
    Operation with input "u"; `back()` without arguments starts the chain.

    Raises
    ------
    ValueError, TypeError
        Shapes differ, no observations, not finite, negative weights.

    Examples
    --------
    >>> import pcl
    >>> loss = pcl.rules.square_sum([1.0, 3.0], [0.0, 1.0], [1.0, 0.25])
    >>> W, adjoint = loss.back()
    >>> float(loss.value), adjoint, W.toarray()
    (2.0, array([2., 1.]), array([[2. , 0. ],
           [0. , 0.5]]))
    """
    u = float64_array("u", u)
    residuals = misfit(u, observed, weights).numpy().ravel()
    weights = np.ones(u.shape) if weights is None else float64_array("weights", weights)
    return Operation(SquareSumPoint(residuals, weights.ravel()), {"u": u.size})


class SquareSumPoint:
    """Σ r² with r = √w (u − d), at one u."""

    def __init__(self, residuals, weights):
        self.value = np.array(residuals @ residuals)
        self._slope, self._bend = 2.0 * np.sqrt(weights) * residuals, 2.0 * weights

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        return (adjoint * self._slope,)

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        plan.add_square(tangents[0], diagonal_matrix(adjoint * self._bend))
        return tangents[0].left(sp.csr_array(self._slope[None]))
