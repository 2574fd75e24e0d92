"""Squared norms of an unknown coefficient: ∫ |c − c₀|², ∫ |∇c|², and the smoothed total variation."""

from typing import Any

import numpy as np
import tensorflow as tf

from fem.unknowns.coefficient import Coefficient
from fem.unknowns.jumps import CellGradient, Jumps
from fem.unknowns.regulariser import Regulariser, flat
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.types import ArrayLike, Tensor


class L2(Regulariser):
    """J = ∫ |c − c₀|² w dx, on Γ ∫_Γ … ds; r_k = √w_k (c − c₀)(x_k).

    Equal to (θ − θ₀)ᵀ M (θ − θ₀) with the mass matrix M, to rounding.

    Parameters
    ----------
    coefficient : Coefficient
    reference : number, function of points, or array (size,)
        c₀ as `Coefficient.init` takes it.

    Raises
    ------
    TypeError, ValueError
        No Coefficient; a reference that does not fit it.

    Examples
    --------
    ∫ (c − 1)² dx of c = 3 on the unit square:

    >>> import fem
    >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
    >>> J = fem.L2(c, reference=1.0)
    >>> round(float(J(c.init(3.0))), 6)
    4.0
    """

    def __init__(self, coefficient: Coefficient, reference: Any = 0.0):
        super().__init__(coefficient)
        self.reference = coefficient.init(reference)

    def residuals(self, theta: ArrayLike | Tensor) -> Tensor:
        """r (m,) with Σ r² = ∫ |c − c₀|² w dx, at θ (size,): for `pcl.Problem.from_residuals`, times √α.

        Parameters
        ----------
        theta : array or tensor (size,)

        Raises
        ------
        ValueError
            Another shape.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> r = fem.L2(c).residuals(c.init(2.0)).numpy()
        >>> r.shape, round(float(r @ r), 6)
        ((24,), 4.0)
        """
        c = self.coefficient
        return flat(c.domain.weighted("value") @ (c.checked(theta) - self.reference))


class H1(Regulariser):
    """J = ∫ |∇c|² w dx; on Γ the tangential gradient. r_k = √w_k ∇c(x_k).

    Of a cellwise c the gradient is that of its lift into Raviart–Thomas functions, see `CellGradient`:
    the plain Σ [c]² |F|/d over facets does not tend to ∫ |∇c|² on general meshes.

    Parameters
    ----------
    coefficient : Coefficient
        Of any element with gradients, or P0.

    Raises
    ------
    TypeError, ValueError
        No Coefficient; an element without gradients that is not cellwise.

    Examples
    --------
    ∫ |∇c|² dx of c = 2x on the unit square:

    >>> import fem
    >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
    >>> round(float(fem.H1(c)(c.init(lambda x: 2.0 * x[:, 0]))), 6)
    4.0
    """

    def __init__(self, coefficient: Coefficient):
        super().__init__(coefficient)
        self._gradient = _weighted_gradient(coefficient)

    def residuals(self, theta: ArrayLike | Tensor) -> Tensor:
        """r (m,) with Σ r² = ∫ |∇c|² w dx, at θ (size,): for `pcl.Problem.from_residuals`, times √α.

        Parameters
        ----------
        theta : array or tensor (size,)

        Raises
        ------
        ValueError
            Another shape.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> r = fem.H1(c).residuals(c.init(lambda x: 2.0 * x[:, 0])).numpy()
        >>> round(float(r @ r), 6)
        4.0
        """
        return flat(self._gradient @ self.coefficient.checked(theta))


class TotalVariation(Regulariser):
    """J = ∫ (√(|∇c|² + ε²) − ε) w dx; of a cellwise c Σ_F |F| (√([c]² + ε²) − ε) over inner facets.

        r_k = √w_k ∇c / √(√(|∇c|² + ε²) + ε)

    whose squares add up to J exactly, smooth also where ∇c = 0. J lies below ∫ |∇c| and above
    ∫ |∇c| − ε |Ω|: edges cost what they are long times how high, not more the steeper they are. The
    jumps of a cellwise c follow facets, so that an edge oblique to the mesh costs its length along
    facets.

    Parameters
    ----------
    coefficient : Coefficient
        Of any element with gradients, or P0.
    epsilon : float
        ε > 0, in the unit of ∇c, of a cellwise c in that of c: well below the slopes, or jumps, to keep.

    Source: L. Rudin, S. Osher, E. Fatemi, 1992, Physica D 60, 259–268; smoothed.

    Raises
    ------
    TypeError, ValueError
        No Coefficient; ε not above 0; an element without gradients that is not cellwise.

    Examples
    --------
    A jump of height 2 along a line of length 1:

    >>> import fem
    >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P0")
    >>> theta = c.init(lambda x: 2.0 * (x[:, 0] > 0.5))
    >>> round(float(fem.TotalVariation(c, epsilon=1e-3)(theta)), 3)
    1.999
    """

    def __init__(self, coefficient: Coefficient, epsilon: float):
        super().__init__(coefficient)
        if not 0.0 < epsilon < np.inf:
            raise ValueError(f"epsilon is {epsilon!r}; expected a finite number > 0, in the unit of ∇c "
                             "(of a cellwise coefficient in that of c).")
        self.epsilon = float(epsilon)
        self._slope, self._weights = _slopes(coefficient)

    def residuals(self, theta: ArrayLike | Tensor) -> Tensor:
        """r (m,) with Σ r² = ∫ (√(|∇c|² + ε²) − ε) w dx, at θ (size,).

        Parameters
        ----------
        theta : array or tensor (size,)

        Raises
        ------
        ValueError
            Another shape.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> r = fem.TotalVariation(c, epsilon=1e-3).residuals(c.init(lambda x: 2.0 * x[:, 0])).numpy()
        >>> round(float(r @ r), 3)
        1.999
        """
        g = tf.reshape(self._slope @ self.coefficient.checked(theta), (len(self._weights), -1))
        epsilon = self.epsilon
        size = tf.sqrt(tf.reduce_sum(tf.square(g), axis=1) + epsilon ** 2)
        return flat((np.sqrt(self._weights) / tf.sqrt(size + epsilon))[:, None] * g)


def _weighted_gradient(c: Coefficient) -> LinearMap | CellGradient:
    """θ ↦ √w_k ∇c(x_k), something to multiply from the left."""
    if "gradient" in c.field.quantities.shapes:
        return c.domain.weighted("gradient")
    return CellGradient(c)


def _slopes(c: Coefficient):
    """(θ ↦ ∇c at points, their weights), or jumps at facets and their areas."""
    if "gradient" in c.field.quantities.shapes:
        return c.domain.map("gradient"), c.domain.weights
    jumps = Jumps(c)
    return jumps.map, jumps.areas
