"""Tensors (q, 3, 3) of small strains and their stresses."""

from typing import Any

import numpy as np
import tensorflow as tf

from pcl.support.types import Tensor


def trace(a: Any) -> Tensor:
    """tr a = a₁₁ + a₂₂ + a₃₃, (q,).

    Parameters
    ----------
    a : tensor or array (q, 3, 3)

    Returns
    -------
    tensor (q,)

    Examples
    --------
    >>> import numpy as np
    >>> from fem.materials import trace
    >>> trace(np.diag([1.0, 2.0, 3.0])[None]).numpy().tolist()
    [6.0]
    """
    return tf.linalg.trace(a)


def deviator(a: Any) -> Tensor:
    """a − tr(a)/3 1, (q, 3, 3).

    Parameters
    ----------
    a : tensor or array (q, 3, 3)

    Returns
    -------
    tensor (q, 3, 3)

    Examples
    --------
    >>> import numpy as np
    >>> from fem.materials import deviator
    >>> deviator(np.diag([1.0, 2.0, 3.0])[None]).numpy()[0].diagonal().tolist()
    [-1.0, 0.0, 1.0]
    """
    return a - (trace(a) / 3.0)[:, None, None] * np.eye(3)


def equivalent(s: Any) -> Tensor:
    """√(3/2 s:s) of a deviator, (q,): the equivalent stress of von Mises. Not smooth at s = 0.

    Parameters
    ----------
    s : tensor or array (q, 3, 3), deviatoric

    Returns
    -------
    tensor (q,), in the unit of s

    Examples
    --------
    Uniaxial tension σ = 6: the equivalent stress is 6.

    >>> import numpy as np
    >>> from fem.materials import deviator, equivalent
    >>> equivalent(deviator(np.diag([6.0, 0.0, 0.0])[None])).numpy().round(6).tolist()
    [6.0]
    """
    return tf.sqrt(1.5 * tf.reduce_sum(tf.square(s), axis=[1, 2]))


def plane_strain(gradient: Any) -> Tensor:
    """The strain (q, 3, 3) of a displacement gradient in one, two or three dimensions.

    Directions that the problem does not have are not strained. The stress that multiplies ∇v is
    stress[:, :d, :d].

    Parameters
    ----------
    gradient : tensor or array (q, d, d), ∂u_c/∂x_d

    Returns
    -------
    tensor (q, 3, 3)

    Examples
    --------
    >>> import numpy as np
    >>> from fem.materials import plane_strain
    >>> plane_strain(np.array([[[0.1, 0.02], [0.0, -0.03]]])).numpy()[0].round(6).tolist()
    [[0.1, 0.01, 0.0], [0.01, -0.03, 0.0], [0.0, 0.0, 0.0]]
    """
    d = gradient.shape[-1]
    strain = 0.5 * (gradient + tf.linalg.matrix_transpose(gradient))
    return tf.pad(strain, [[0, 0], [0, 3 - d], [0, 3 - d]])
