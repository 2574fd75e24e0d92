"""Misfits between predictions and observations, with the data checked once at the door."""

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import float64_array, require_finite


def misfit(predicted: ArrayLike | Tensor, observed: ArrayLike | Tensor,
           weights: ArrayLike | None = None) -> Tensor:
    """Weighted residuals r = √w (predicted − observed), so that Σ r² is the weighted loss.

    Parameters
    ----------
    predicted : float64 tensor, or array
    observed : array, or tensor or variable with a value, of the same shape; nothing is broadcast
    weights : array of the same shape, optional
        ≥ 0, for instance 1/σ². An observation of weight 0 is left out and may be NaN. The same
        observation given twice counts as one of weight 2.

    Returns
    -------
    tensor (m,), the readings with a weight flattened row by row

    Raises
    ------
    TypeError
        Complex, object or text data; a tensor `predicted` that is not float64.
    ValueError
        Shapes differ, there are no observations or all weights are 0, an observation with a
        weight is not finite, a weight is negative or not finite.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> r = pcl.misfit([1.0, 2.0, 3.0], [1.5, 2.0, np.nan], weights=[4.0, 1.0, 0.0])
    >>> r.numpy()
    array([-1.,  0.,  0.])
    """
    predicted = nodes.as_input("predicted", predicted)
    observed = float64_array("observed", observed, finite=False)
    shape = tuple(predicted.shape)
    if observed.shape != shape:
        raise ValueError(f"observed has shape {observed.shape} and predicted {shape}; expected the same "
                         "shape. Nothing is broadcast: reshape one of them.")
    weights = np.ones(shape) if weights is None else float64_array("weights", weights, shape)
    if np.any(weights < 0.0):
        raise ValueError(f"weights has {np.count_nonzero(weights < 0.0)} negative entries; expected ≥ 0.")
    if not np.any(weights):
        raise ValueError("no observations: observed is empty or all weights are 0.")
    observed = np.where(weights == 0.0, 0.0, observed)
    require_finite("observed", observed)
    return tf.constant(np.sqrt(weights)) * (predicted - tf.constant(observed))
