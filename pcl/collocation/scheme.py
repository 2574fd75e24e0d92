"""Collocation schemes on the unit element: nodes, and the constant matrices on an element's unknowns."""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import Legendre, legvander
from scipy.special import roots_jacobi

from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, known, positive_integer

MAX_POINTS = 5


@dataclass(frozen=True, eq=False)
class Scheme:
    """Collocation with polynomials of degree K: nodes c_k in [0, 1] and maps of an element's unknowns.

    On an element [t₀, t₀ + h] a state is the polynomial of degree K fixed by its value x₀ at the start
    and K *slots* s_k. A slot is the value at a node, x(t₀ + c_k h); where the first node is the start
    itself (Lobatto), its slot holds h x'(t₀). With [x₀; s] of length K + 1,

        x(t₀ + c_k h) = value @ [x₀; s]
        h x'(t₀ + c_k h) = derivative @ [x₀; s]
        x(t₀ + h) = end @ [x₀; s]

    An algebraic variable has its values at the K nodes and is the polynomial of degree K − 1 there.

    Attributes
    ----------
    name : str
        "radau", "gauss" or "lobatto".
    points : ndarray (K,)
        The nodes, increasing.
    order : int
        Order of the state at the end of a step for ordinary differential equations:
        2K − 1 (Radau IIA), 2K (Gauss), 2K − 2 (Lobatto IIIA).
    stage_order : int
        K: order of the polynomial inside the element, and what remains in the stiff limit.
    weights : ndarray (K,)
        Quadrature weights on [0, 1]; they integrate polynomials of degree order − 1 exactly.
    value, derivative : ndarray (K, K + 1)
    end : ndarray (K + 1,)

    Notes
    -----
    Source: E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, 2nd ed. (1996), sections
    IV.5 and II.7 of volume I (collocation); the Lobatto scheme is IIIA.

    Examples
    --------
    >>> import pcl
    >>> scheme = pcl.collocation.radau(2)
    >>> scheme.points.round(4), scheme.weights, scheme.order
    (array([0.3333, 1.    ]), array([0.75, 0.25]), 3)
    >>> x = lambda t: t**2                              # degree 2 is held exactly
    >>> unknowns = [x(0.0), *x(scheme.points)]
    >>> scheme.value_at([0.5]) @ unknowns, scheme.derivative_at([0.5]) @ unknowns
    (array([0.25]), array([1.]))
    """

    name: str
    points: Array
    order: int
    stage_order: int
    weights: Array
    value: Array
    derivative: Array
    end: Array

    @property
    def K(self) -> int:
        """Number of nodes."""
        return self.points.size

    @property
    def holds_end(self) -> bool:
        """Whether the last node is the end of the element (Radau, Lobatto)."""
        return self.points[-1] == 1.0

    @functools.cached_property
    def end_derivative(self) -> Array:
        """Row (K + 1,) on [x₀; s] that gives h x' at the end."""
        return self.derivative_at(1.0)[0]

    @functools.cached_property
    def end_algebraic(self) -> Array:
        """Row (K,) on the values at the nodes that gives y at the end."""
        return self.algebraic_at(1.0)[0]

    def value_at(self, tau: ArrayLike) -> Array:
        """Rows (m, K + 1) on [x₀; s] that give x(t₀ + τ h) at the local times τ = `tau` (m,).

        ValueError if they are not finite numbers.
        """
        return _powers(tau, self.K + 1) @ self._monomials

    def derivative_at(self, tau: ArrayLike, times: int = 1) -> Array:
        """Rows (m, K + 1) on [x₀; s] that give hⁿ x⁽ⁿ⁾(t₀ + τ h), n = `times`, at τ = `tau` (m,).

        ValueError if they are not finite numbers.
        """
        return _powers(tau, self.K + 1, times) @ self._monomials

    def algebraic_at(self, tau: ArrayLike) -> Array:
        """Rows (m, K) on the values at the nodes that give y(t₀ + τ h) at the local times τ = `tau` (m,).

        ValueError if they are not finite numbers.
        """
        return _powers(tau, self.K) @ self._nodal

    @functools.cached_property
    def _monomials(self):
        return _coefficients(self.points)

    @functools.cached_property
    def _nodal(self):
        return np.linalg.inv(_powers(self.points, self.K))


@functools.lru_cache(maxsize=None)
def radau(points: int = 3) -> Scheme:
    """Radau IIA with 1 to 5 points: order 2K − 1, the last node is the end, stiffly accurate.

    Parameters
    ----------
    points : int, K

    Returns
    -------
    Scheme

    Raises
    ------
    ValueError
        No whole number from 1 to 5.

    Examples
    --------
    >>> import pcl
    >>> scheme = pcl.collocation.radau(2)
    >>> scheme.points.round(4), scheme.order            # ⅓ and 1
    (array([0.3333, 1.    ]), 3)
    """
    K = positive_integer("points", points, maximum=MAX_POINTS)
    inner = roots_jacobi(K - 1, 1, 0)[0] if K > 1 else np.empty(0)
    inner = _refined(inner, Legendre.basis(K) - Legendre.basis(K - 1))
    return _scheme("radau", np.append((1 + inner) / 2, 1.0), 2 * K - 1)


@functools.lru_cache(maxsize=None)
def gauss(points: int = 3) -> Scheme:
    """Gauss with 1 to 5 points: order 2K, all nodes inside the element, A-stable and not damping.

    Parameters
    ----------
    points : int, K

    Returns
    -------
    Scheme

    Raises
    ------
    ValueError
        No whole number from 1 to 5.

    Examples
    --------
    >>> import pcl
    >>> scheme = pcl.collocation.gauss(2)
    >>> scheme.points.round(4), scheme.order            # ½ ∓ 1/√12
    (array([0.2113, 0.7887]), 4)
    """
    K = positive_integer("points", points, maximum=MAX_POINTS)
    inner = _refined(roots_jacobi(K, 0, 0)[0], Legendre.basis(K))
    return _scheme("gauss", (1 + inner) / 2, 2 * K)


@functools.lru_cache(maxsize=None)
def lobatto(points: int = 3) -> Scheme:
    """Lobatto IIIA with 2 to 5 points: order 2K − 2, start and end of the element are nodes.

    The equations are imposed at the start of every element too, so it needs index ≤ 1.

    Parameters
    ----------
    points : int, K

    Returns
    -------
    Scheme

    Raises
    ------
    ValueError
        No whole number from 2 to 5.

    Examples
    --------
    >>> import pcl
    >>> scheme = pcl.collocation.lobatto(3)
    >>> scheme.points, scheme.weights.round(4)          # Simpson's rule
    (array([0. , 0.5, 1. ]), array([0.1667, 0.6667, 0.1667]))
    """
    K = positive_integer("points", points, minimum=2, maximum=MAX_POINTS)
    inner = roots_jacobi(K - 2, 1, 1)[0] if K > 2 else np.empty(0)
    inner = _refined(inner, Legendre.basis(K - 1).deriv())
    return _scheme("lobatto", np.concatenate([[0.0], (1 + inner) / 2, [1.0]]), 2 * K - 2)


_FAMILIES = {"radau": radau, "gauss": gauss, "lobatto": lobatto}


def named_scheme(name: str, points: int = 3) -> Scheme:
    """The scheme of a family with so many points.

    Parameters
    ----------
    name : "radau", "gauss" or "lobatto"
    points : int, K

    Returns
    -------
    Scheme

    Raises
    ------
    ValueError
        Another name, or a number of points that the family does not have.

    Examples
    --------
    >>> import pcl
    >>> pcl.collocation.named_scheme("radau", 1).points        # implicit Euler
    array([1.])
    """
    return _FAMILIES[known("scheme", name, _FAMILIES)](points)


def _scheme(name, points, order):
    K = points.size
    coefficients = _coefficients(points)
    value, derivative, end = (_powers(points, K + 1) @ coefficients,
                              _powers(points, K + 1, 1) @ coefficients,
                              (_powers(1.0, K + 1) @ coefficients)[0])
    first = int(points[0] == 0.0)
    value[first:] = np.eye(K + 1)[1 + first:]   # exact where the slot is the value
    if first:
        value[0], derivative[0] = np.eye(K + 1)[0], np.eye(K + 1)[1]
    if points[-1] == 1.0:
        end = np.eye(K + 1)[K]
    moments = np.eye(K)[0]                      # ∫ P_j over the unit element
    weights = np.linalg.solve(legvander(2.0 * points - 1.0, K - 1).T, moments)
    arrays = (points, weights, value, derivative, end)
    for array in arrays:
        array.flags.writeable = False
    return Scheme(name, points, order, K, weights, value, derivative, end)


def _refined(roots, polynomial):
    """One Newton step on the roots (n,), which come from eigenvalues and miss some digits."""
    return roots - polynomial(roots) / polynomial.deriv()(roots)


def _coefficients(points):
    """(K + 1, K + 1): from [x₀; s] to the coefficients of 1, τ, …, τ^K."""
    conditions = np.vstack([_powers(0.0, points.size + 1), _powers(points, points.size + 1)])
    if points[0] == 0.0:
        conditions[1] = _powers(0.0, points.size + 1, 1)
    return np.linalg.inv(conditions)


def _powers(tau, n, times=0):
    """(m, n): the `times`-th derivatives of 1, τ, …, τ^(n−1) at τ (m,)."""
    tau = np.atleast_1d(float64_array("tau", tau))[:, None]
    j = np.arange(n)
    factor = np.ones(n)
    for i in range(times):
        factor = factor * (j - i)
    return np.where(j >= times, factor * tau ** np.maximum(j - times, 0), 0.0)
