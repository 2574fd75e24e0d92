"""Quadrature on reference cells: exact to the degree that is asked for, with positive weights."""

import functools
import itertools
import math

import numpy as np
from scipy.special import roots_jacobi
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTet, RefTri

from pcl.support.arrays import frozen


@functools.cache
def positive_rule(refdom, order):
    """Points (dim, m) and weights (m,) > 0 on a reference cell, exact to total degree `order`.

    scikit-fem's tabulated rule of this order or the next one, if it is exact and positive; else a
    conical product of Gauss–Jacobi rules. Negative weights (triangles: 3 and 7; tetrahedra: 3, 4, 8
    and 9) would spoil that κ > 0 makes the Laplace matrix positive semidefinite, and from order 5
    on the tetrahedron rules of scikit-fem 12 are exact to one degree less than stated.
    """
    for candidate in (order, order + 1):
        try:
            X, W = get_quadrature(refdom, candidate)
        except NotImplementedError:
            break
        if (W > 0).all() and _is_exact(refdom, X, W, order):
            return frozen(np.array(X)), frozen(np.array(W))
    X, W = _conical(refdom.dim(), order)
    return frozen(X), frozen(W)


def _is_exact(refdom, X, W, order):
    """Whether all monomials up to degree `order` on a simplex are integrated up to rounding.

        ∫ x^a = a₁! … a_dim! / (|a| + dim)!

    Gauss rules on intervals, squares and cubes need no test.
    """
    if refdom not in (RefTri, RefTet):
        return True
    dim = X.shape[0]
    for a in itertools.product(range(order + 1), repeat=dim):
        if sum(a) <= order:
            exact = math.prod(map(math.factorial, a)) / math.factorial(sum(a) + dim)
            value = W @ np.prod([x ** k for x, k in zip(X, a)], axis=0)
            if abs(value - exact) > 1e-12 * exact:
                return False
    return True


def _conical(dim, order):
    """Conical product rule on the simplex x_d ≥ 0, Σ x_d ≤ 1.

        x_d = ξ_d Π_{e<d} (1 − ξ_e),    dx = Π_d (1 − ξ_d)^(dim − d) dξ    (d = 1 … dim)

    Source: A. H. Stroud, Approximate Calculation of Multiple Integrals (1971), section 2.5.
    """
    count = order // 2 + 1
    axes = [roots_jacobi(count, dim - 1 - d, 0) for d in range(dim)]
    xi = np.stack(np.meshgrid(*[(1 + t) / 2 for t, _ in axes], indexing="ij")).reshape(dim, -1)
    weights = np.meshgrid(*[w / 2.0 ** (dim - d) for d, (_, w) in enumerate(axes)], indexing="ij")
    left = np.cumprod(np.vstack([np.ones(xi.shape[1]), 1 - xi[:-1]]), axis=0)
    return xi * left, np.prod(weights, axis=0).ravel()
