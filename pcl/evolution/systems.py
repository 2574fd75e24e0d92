"""Equations of evolution, discrete in space: what a march in time solves."""

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import Tensor


@dataclass(frozen=True)
class FirstOrder:
    """M u' + K u + r(u, t) = f(t).

    Parameters
    ----------
    mass : SparseMatrix (n, n), or None for the identity
        It may be singular for schemes that are implicit in all terms (not Crank–Nicolson).
    stiffness : SparseMatrix (n, n), or function t -> SparseMatrix, optional
    residual : function (u, t) -> tensor of the shape of u, optional
        Networks, products and pointwise TensorFlow; with it each step is a nonlinear solve.
    load : array or tensor (n,), or function t -> tensor, optional

    Everything may depend on θ. The functions are given the time t as a float64 scalar tensor.

    Raises
    ------
    ValueError, TypeError
        Nothing that would move u: no mass, stiffness, residual or load; a term of another kind.

    Examples
    --------
    u' + 2 u = 2, u(0) = 0, for one unknown:

    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [2.0], (1, 1))
    >>> system = pcl.FirstOrder(stiffness=K, load=np.array([2.0]))
    >>> u = pcl.march(system, [0.0], pcl.uniform_times(0.0, 1.0, 50))
    >>> u.numpy()[0, -1:].round(3)                          # 1 − e⁻²
    array([0.865])
    """

    mass: Any = None
    stiffness: Any = None
    residual: Any = None
    load: Any = None

    damping = None

    def __post_init__(self):
        _check(self)

    def nonlinear(self, u: Tensor, v: Tensor | None, t: Tensor) -> Tensor:
        """r at (u, t), t a scalar tensor; v is u'."""
        return self.residual(u, t)


@dataclass(frozen=True)
class SecondOrder:
    """M u'' + C u' + K u + r(u, u', t) = f(t).

    Parameters
    ----------
    mass, damping, stiffness : as in `FirstOrder`; no damping by default
    residual : function (u, v, t) -> tensor of the shape of u, optional; v is u'
    load : as in `FirstOrder`

    Raises
    ------
    ValueError, TypeError
        Nothing that would move u: no stiffness, residual or load; a term of another kind.

    Examples
    --------
    u'' + 4 u = 0, u(0) = 1, u'(0) = 0:  u = cos 2t.

    >>> import numpy as np, pcl
    >>> K = pcl.SparseMatrix.from_entries([0], [0], [4.0], (1, 1))
    >>> u = pcl.march(pcl.SecondOrder(stiffness=K), [1.0], pcl.uniform_times(0.0, np.pi, 200))
    >>> u.numpy()[0, [100, 200]].round(2)
    array([-1.,  1.])
    """

    mass: Any = None
    stiffness: Any = None
    damping: Any = None
    residual: Any = None
    load: Any = None

    def __post_init__(self):
        _check(self)

    def nonlinear(self, u: Tensor, v: Tensor | None, t: Tensor) -> Tensor:
        """r at (u, v, t), t a scalar tensor; v is u'."""
        return self.residual(u, v, t)


def _check(system):
    for name in ("mass", "stiffness", "damping"):
        matrix = getattr(system, name)
        if matrix is None or isinstance(matrix, SparseMatrix) or (name != "mass" and callable(matrix)):
            continue
        function = "" if name == "mass" else " or a function of t that returns one"
        raise TypeError(f"{name} is a {type(matrix).__name__}; expected a pcl.SparseMatrix{function}. A "
                        "constant matrix becomes one by SparseMatrix.from_scipy(A).")
    if system.residual is not None and not callable(system.residual):
        raise TypeError(f"residual is a {type(system.residual).__name__}; expected a function.")
    if system.stiffness is None and system.residual is None and system.load is None:
        raise ValueError("stiffness, residual and load are all missing; expected at least one of them.")


def scalar(t):
    """The time as the functions of a system see it: a float64 scalar tensor, whatever calls them."""
    return tf.convert_to_tensor(t, tf.float64)
