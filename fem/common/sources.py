"""Point sources at places that are looked for: smooth, normalised, differentiable in the place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from pcl.support.types import ArrayLike, Tensor
from pcl.support.validate import known, positive_number

# ∫ (1 − r²)³ over the unit ball of 1, 2 and 3 dimensions.
_BALL = {1: 32.0 / 35.0, 2: np.pi / 4.0, 3: 64.0 * np.pi / 315.0}


def mollified(place: ArrayLike | Tensor, width: float, strength: Any = 1.0,
              kind: str = "gaussian") -> Callable[[Any], Tensor]:
    """x ↦ Σ_j s_j δ_w(x − a_j), point sources of strength s_j smoothed to the width w, ∫ δ_w dx = 1.

        gaussian    (2π w²)^(−d/2) exp(−r²/2w²)
        bump        (1 − r²/w²)³ / (c_d w^d) for r < w, else 0

    Parameters
    ----------
    place : (dim,) or (m, dim), array or tensor
        a; derivatives of first and second order in it are exact, and continuous.
    width : float
        w, standard deviation or radius. At least two cells, or the quadrature sees little of the source:
        ∫ of it differs from the strength then.
    strength : scalar or (m,), array or tensor
    kind : 'gaussian' or 'bump'

    Returns
    -------
    f : function of points (q, dim) -> tensor (q,), for `V.load(f)` or a form

    Raises
    ------
    ValueError, TypeError
        Another kind, a width that is not positive, shapes of place and strength that do not fit, not
        finite; when called, points of another dimension.

    Examples
    --------
    The load of a source of strength 2 sums up to 2:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(16))
    >>> f = fem.mollified([0.5, 0.4], width=0.1, strength=2.0)
    >>> round(float(V.load(f).numpy().sum()), 4)
    1.9999
    """
    known("kind", kind, ("gaussian", "bump"))
    width = positive_number("width", width)
    place, strength = float64_value("place", place), float64_value("strength", strength)
    if len(place.shape) not in (1, 2) or place.shape[-1] not in _BALL:
        raise ValueError(f"place has shape {tuple(place.shape)}; expected (dim,) or (m, dim).")
    count, dim = (1 if len(place.shape) == 1 else place.shape[0]), place.shape[-1]
    if tuple(strength.shape) not in [(), (count,)]:
        raise ValueError(f"strength has shape {tuple(strength.shape)}; expected () or ({count},), one "
                         "for each place.")

    def density(x: Any) -> Tensor:
        if x.shape[-1] != dim:
            raise ValueError(f"place has {dim} coordinates, but the points have {x.shape[-1]}.")
        apart = tf.convert_to_tensor(x)[:, None, :] - tf.reshape(place, (1, count, dim))
        square = tf.reduce_sum(apart ** 2, axis=2) / width ** 2                 # (q, m)
        if kind == "gaussian":
            shape = tf.exp(-0.5 * square) / (2.0 * np.pi * width ** 2) ** (dim / 2)
        else:
            shape = tf.nn.relu(1.0 - square) ** 3 / (_BALL[dim] * width ** dim)
        return tf.reduce_sum(shape * strength, axis=1)
    return density
