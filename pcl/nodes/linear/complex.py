"""Complex linear systems by their real form."""

import numpy as np
import tensorflow as tf

from pcl.engine import nodes
from pcl.nodes.linear.block import complex_block
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.support.arrays import selection
from pcl.support.types import ArrayLike, Tensor


def solve_complex(A_re: SparseMatrix, A_im: SparseMatrix, b_re: ArrayLike | Tensor,
                  b_im: ArrayLike | Tensor | None = None, solver: str = "superlu", *,
                  fixed: tuple | None = None) -> tuple[Tensor, Tensor]:
    """(x, y) with (A_re + i A_im)(x + iy) = b_re + i b_im, differentiable to any order.

    Parameters
    ----------
    A_re, A_im : SparseMatrix (n, n)
        For Helmholtz's equation with impedance, K − k²M and −B, B the mass of the boundary times k.
    b_re, b_im : tensor or array (n,) or (n, k), b_im zero by default
    solver : str
        Registered factorisation of the real form (2n, 2n), which is not symmetric: "superlu".
    fixed : (numbers, real part) or (numbers, real part, imaginary part), optional
        Values of the unknowns of these numbers, scalars or as many; their equations are left out.

    Returns
    -------
    x, y : tensors of the shape of b_re

    Raises
    ------
    As `pcl.block` and `pcl.solve`.

    Examples
    --------
    (3 + 4i) z = 25, so that z = 3 − 4i:

    >>> import pcl
    >>> A = pcl.SparseMatrix.from_entries([0], [0], [3.0], (1, 1))
    >>> B = pcl.SparseMatrix.from_entries([0], [0], [4.0], (1, 1))
    >>> x, y = pcl.solve_complex(A, B, [25.0])
    >>> x.numpy(), y.numpy()
    (array([3.]), array([-4.]))
    """
    K, n = complex_block(A_re, A_im), A_re.shape[0]
    b = _stacked("b_im", nodes.as_input("b_re", b_re), b_im)
    if fixed is not None:
        numbers, parts = np.asarray(fixed[0]), [_spread(part, len(fixed[0])) for part in fixed[1:]]
        fixed = np.concatenate([numbers, n + numbers]), _stacked("the imaginary part", *parts, *(
            [None] if len(parts) == 1 else []))
    u = solve(K, b, solver, fixed=fixed)
    x, y = (LinearMap(selection(np.arange(start, start + n), 2 * n)) @ u for start in (0, n))
    return x, y


def _spread(value, m):
    value = nodes.as_input("fixed values", value)
    return value * np.ones(m) if value.shape == () else value


def _stacked(name, real, imaginary):
    """(real; imaginary), the latter zero for None."""
    imaginary = np.zeros(real.shape) if imaginary is None else nodes.as_input(name, imaginary)
    if tuple(imaginary.shape) != tuple(real.shape):
        raise ValueError(f"{name} has shape {tuple(imaginary.shape)}; expected that of the real part, "
                         f"{tuple(real.shape)}.")
    parts = [real, imaginary]
    return tf.concat(parts, 0) if any(map(tf.is_tensor, parts)) else np.concatenate(parts)
