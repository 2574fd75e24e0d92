"""Tensors (q, 3, 3) of small strains and their stresses."""

from typing import Any

import numpy as np
import tensorflow as tf

from pcl.support.types import Tensor


def trace(a: Any) -> Tensor:
    """tr a, (q,)."""
    return tf.linalg.trace(a)


def deviator(a: Any) -> Tensor:
    """a − tr(a)/3 1."""
    return a - (trace(a) / 3.0)[:, None, None] * np.eye(3)


def equivalent(s: Any) -> Tensor:
    """√(3/2 s:s) of a deviator, (q,): the equivalent stress of von Mises. Not smooth at s = 0."""
    return tf.sqrt(1.5 * tf.reduce_sum(tf.square(s), axis=[1, 2]))


def plane_strain(gradient: Any) -> Tensor:
    """The strain (q, 3, 3) of a displacement gradient (q, d, d) in one, two or three dimensions.

    Directions that the problem does not have are not strained. The stress that multiplies ∇v is
    stress[:, :d, :d].
    """
    d = gradient.shape[-1]
    strain = 0.5 * (gradient + tf.linalg.matrix_transpose(gradient))
    return tf.pad(strain, [[0, 0], [0, 3 - d], [0, 3 - d]])
