"""W, the second derivative of what follows a variable, with its factors not multiplied out."""

import copy
from typing import Any

import numpy as np
import scipy.sparse as sp

from pcl.engine.second import backward, sweep
from pcl.engine.second.bases import LeafBase
from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import Tangent, total
from pcl.support import memory
from pcl.support.arrays import placed
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, float64_sparse

# Differences of W and Wᵀ that count as rounding, relative to the largest entry.
SYMMETRY = 1e-8


class Curvature:
    """A symmetric W (n, n) as a sum of products of sparse matrices, inverses and network Jacobians.

        W = Σ B_aᵀ L_aᵀ C L_b B_b,    B = A⁻¹ N for a solve, J for a network

    L, N and C are sparse (or as small as the caller gave them). Back through a solve W has the
    entries of a matrix as variables, yet takes memory in proportion to their number only.

    `W @ v` is the product with a vector (n,): one forward and one backward pass, two
    back-substitutions a solve. `W.toarray()` multiplies everything out.

    Parameters
    ----------
    plan : Plan
        The sum of products; users have a W from `Operation.back` or `Curvature.of`.

    Attributes
    ----------
    shape : (n, n)

    Examples
    --------
    >>> import pcl
    >>> W = pcl.rules.Curvature.of([[2.0, 1.0], [1.0, 3.0]], 2)
    >>> W @ [1.0, 0.0]
    array([2., 1.])
    >>> W.toarray()
    array([[2., 1.],
           [1., 3.]])
    """

    # numpy must leave `array @ W` alone instead of reading W as an object array.
    __array_ufunc__ = None

    def __init__(self, plan: Plan):
        self._plan = plan
        self.shape = plan.n_theta, plan.n_theta

    @classmethod
    def of(cls, W: Any, n: int) -> "Curvature":
        """W as a `Curvature` of n variables, checked.

        Parameters
        ----------
        W : Curvature, or dense or sparse array (n, n)
            Symmetric up to 1e-8 of its largest entry; the symmetric part is used.

        Raises
        ------
        ValueError, TypeError
            Another shape, not symmetric, not finite (NotFinite), not real numbers.
        """
        if isinstance(W, Curvature):
            _require_shape(W.shape, n)
            return W
        W = float64_sparse("W", W) if sp.issparse(W) else float64_array("W", W)
        _require_shape(W.shape, n)
        plan = Plan(n)
        plan.add_square(plan.add_base(LeafBase(0, n)), _symmetric(W))
        return cls(plan)

    def __matmul__(self, v: ArrayLike) -> Array:
        return self._plan.hvp(float64_array("v", v, shape=(self.shape[0],)))

    def toarray(self) -> Array:
        """W as a dense array (n, n), in the cheaper of the two directions of elimination.

        MemoryError if n is too large for that; use `W @ v` then.
        """
        n = self.shape[0]
        memory.require(2 * 8 * n ** 2, f"the dense W of {n:,} variables", "use W @ v")
        costs = backward.costs(self._plan)
        if costs["backward"] < costs["forward"]:
            return sweep.hessian(backward.eliminated(self._plan))
        return sweep.hessian(self._plan)

    def add_congruent(self, plan: Plan, tangent: Tangent) -> None:
        """Add JᵀWJ to a plan, J being given as `tangent`, a `Tangent` over the bases of that plan."""
        images = {}
        for base in self._plan.bases:
            if base.rhs is None:
                images[base] = _rows(tangent, base, self.shape[0])
                continue
            moved = _moved(base, images)
            images[base] = plan.add_base(moved)
            if base in self._plan.curved:
                plan.curved.add(moved)
        for f in self._plan.forms:
            left = images[f.a].left(f.L_a)
            if f.mixed:
                plan.add_mixed(left, f.W, images[f.b].left(f.L_b))
            else:
                plan.add_square(left, f.W)


def _moved(base, images):
    """The same inverse or Jacobian applied to the images of what it was applied to."""
    moved = copy.copy(base)
    moved.rhs = total(images[a].left(N) for a, N in base.rhs.terms.items())
    return moved


def _rows(tangent, leaf, n):
    """The rows of a tangent (n, ·) that belong to a block of the variables."""
    if leaf.size == n:
        return tangent
    return tangent.left(placed(leaf.start, leaf.size, n).T)


def _require_shape(shape, n):
    if shape != (n, n):
        raise ValueError(f"W has shape {shape}; expected ({n}, {n}), one row and column an entry of the "
                         "operation's output, flattened row by row.")


def _symmetric(W):
    """½(W + Wᵀ), refused unless that changes W by rounding only."""
    difference, scale = abs(W - W.T).max(), abs(W).max()
    if difference > SYMMETRY * scale:
        raise ValueError(f"W is not symmetric: W − Wᵀ has an entry of size {difference:.3g} where the "
                         f"largest of W is {scale:.3g}. Expected a second derivative; give both of "
                         "its triangles.")
    half = 0.5 * (W + W.T)
    return half if isinstance(half, np.ndarray) else sp.csr_array(half)
