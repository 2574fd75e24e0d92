"""Coefficients with one value a cell: their jumps, and a gradient that is made of these."""

import functools

import numpy as np
import scipy.sparse as sp
import skfem
import tensorflow as tf


from fem.space.quadrature import positive_rule
from fem.space.space import Space
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.solve import solve
from pcl.support.arrays import scaled_rows


class Jumps:
    """[c] = c₂ − c₁ over the inner facets of the mesh.

    Attributes
    ----------
    map : LinearMap θ (size,) ↦ [c] (facets, components)
    areas : (facets,) ∫_F w ds
    """

    def __init__(self, coefficient):
        require_cellwise(coefficient)
        space, k = coefficient.space, coefficient.field.components
        facets = np.flatnonzero(space.facets.sides == 2)
        first, second = coefficient.field.cell_dofs[:, space.facets.cells[:, facets]].transpose(1, 2, 0)
        m = len(facets) * k
        rows = np.arange(m)
        matrix = sp.csr_array((np.repeat([1.0, -1.0], m), (np.tile(rows, 2),
                               np.concatenate([second.ravel(), first.ravel()]))), shape=(m, space.n))
        self.map = LinearMap(matrix, ((space.n,), (len(facets), k)))
        self.areas = _areas(space, facets)


class CellGradient:
    """θ ↦ √w_k σ(x_k), with σ the gradient of a cellwise c in the sense of Raviart and Thomas.

        ∫ σ·τ dx = −∫ c ∇·τ dx     for all τ of lowest order with τ·n = 0 on the boundary

    σ is made of the jumps of c and tends to ∇c as the mesh is refined, where c does, to first order. In
    1-D τ is piecewise linear.

    Source: P.-A. Raviart, J.-M. Thomas, 1977, A mixed finite element method for 2nd order elliptic
    problems, section 3 (the equation of the flux alone).
    """

    def __init__(self, coefficient):
        require_cellwise(coefficient)
        if coefficient.space.weight is not None:
            raise ValueError("the gradient of a cellwise coefficient is not offered with a weight "
                             "function; take an element with gradients ('P1', 'CR'), or TotalVariation.")
        self._lift = Lift(coefficient)
        self._components = coefficient.field.components

    def __matmul__(self, theta):
        return self._lift.weighted @ self._lift.flux(tf.reshape(theta, (-1, self._components)))


class Lift:
    """c (cells, k) ↦ the unknowns of its gradient σ, with a natural condition on the boundary.

        L σ = D c,    L_ij = ∫ τ_i·τ_j dx + (1/β) ∫_∂Ω (τ_i·n)(τ_j·n) ds,    D_ji = −∫ ψ_i ∇·τ_j dx

    β = `robin` > 0 stands for σ·n = −β c on the boundary, β = 0 for σ·n = 0, by leaving those τ out.

    Attributes
    ----------
    mass : sparse L
    load : LinearMap D
    """

    def __init__(self, coefficient, robin=0.0):
        space = coefficient.space
        name = "P1" if space.dim == 1 else "RT1"
        R = Space(space.mesh, name, max(space.quadrature_order, 2 + 2 * (space.dim - 1)))
        field, cells = R.only_field("a gradient"), R.cells
        values = cells.rows(field.name, "value")
        divergence = cells.rows(field.name, "gradient" if space.dim == 1 else "divergence")
        closed = [] if robin else field.facet_dofs(R.boundary_facets)
        free = np.setdiff1d(np.arange(R.n), closed)
        self._put = sp.csc_array(sp.eye_array(R.n, format="csc")[:, free])
        weights = np.repeat(cells.weights, space.dim)
        M = values.T @ scaled_rows(values, weights)
        if robin:
            M = M + _normal_mass(R, field) / robin
        order = coefficient.field.cell_dofs[0] // coefficient.field.components
        of_cell = sp.csr_array((np.ones(len(weights) // space.dim), (np.arange(len(cells.weights)),
                                order[cells.numbers])), shape=(len(cells.weights), space.n_cells))
        D = -(scaled_rows(divergence, cells.weights).T @ of_cell)           # −∫ ψ_i ∇·τ_j
        self.mass = sp.csr_array(self._put.T @ M @ self._put)               # L
        self.load = LinearMap(self._put.T @ D)
        self._matrix = SparseMatrix.from_scipy(self.mass)
        self._values = scaled_rows(values, np.sqrt(weights))

    @functools.cached_property
    def weighted(self):
        """Unknowns of σ ↦ √w_k σ(x_k)."""
        return LinearMap(self._values @ self._put)

    def flux(self, c):
        """The unknowns of σ, (free, k)."""
        return solve(self._matrix, self.load @ c)


def require_cellwise(coefficient):
    """Refuse what has neither gradients nor one value a cell.

    Raises
    ------
    ValueError
    """
    field = coefficient.field
    one_each = len(field.cell_dofs) == field.components and not field.is_continuous
    if not one_each or coefficient.domain.is_boundary:
        raise ValueError(f"{coefficient!r} has neither gradients nor one value in every cell; expected "
                         "an element with gradients ('P1', 'P2', 'CR', …), or 'P0' in all cells.")


def _areas(space, facets):
    """∫_F w ds."""
    mesh = space.mesh
    rule = positive_rule(mesh.brefdom, space.quadrature_order)
    basis = skfem.InteriorFacetBasis(mesh, mesh.elem(), facets=facets, quadrature=rule,
                                     disable_doflocs=True)
    x = np.asarray(basis.global_coordinates())
    points = np.ascontiguousarray(x.reshape(x.shape[0], -1).T)
    return basis.dx.sum(axis=1) if space.weight is None else \
        (basis.dx.ravel() * space.weight_at(points, boundary=True)).reshape(basis.dx.shape).sum(axis=1)


def _normal_mass(space, field):
    """∫_∂Ω (τ_i·n)(τ_j·n) ds."""
    part = space.facet_points(None)
    rows = part.rows(field.name, "value")
    q, dim = part.normals.shape
    dot = sp.csr_array((part.normals.ravel(), np.arange(q * dim), np.arange(0, q * dim + 1, dim)))
    normal = sp.csr_array(dot @ rows)
    return normal.T @ scaled_rows(normal, part.weights)
