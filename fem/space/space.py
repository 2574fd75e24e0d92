"""Finite element spaces: constant sparse maps, and forms linear in a coefficient."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
import tensorflow as tf
from scipy.sparse.csgraph import connected_components
from skfem.assembly import Dofs

from fem.common.coefficient import at_points, flattened, mapped, spread
from fem.common.dirichlet import observation
from fem.common.observe import node_matrix, observation_points, point_matrix
from fem.mesh.check import check_mesh, check_numbers, unused_nodes
from fem.mesh.counted import counted
from fem.mesh.locate import Locator
from fem.mesh.topology import Facets
from fem.space.boundary import BoundaryMaps, select_dofs, select_facets
from fem.space.cell_maps import CellMaps
from fem.space.element import default_order, is_continuous, lagrange_element
from fem.space.quadrature import positive_rule
from fem.space.weak_form import WeakForm, check_state
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.partition import Partition
from pcl.support.arrays import digest, frozen
from pcl.support.caches import Bounded
from pcl.support.types import Array, ArrayLike, Booleans, Coefficient, Integers, Tensor, Where
from pcl.support.validate import float64_array, positive_integer

# Partitions, weak forms and boundary maps that a space keeps, of each.
KEPT = 16


class Space:
    """V_h = span{φ_1 … φ_n}: continuous piecewise polynomials on a scikit-fem mesh.

    With quadrature points x_k and weights w_k (which contain |det F'| and the weight function w),

        B[k, i] = φ_i(x_k)              value map,    (q, n)
        G[(k, d), i] = ∂φ_i/∂x_d (x_k)  gradient map, (q·dim, n)
        laplace(κ)   A_ij = Σ_k w_k κ_k ∇φ_j·∇φ_i ≈ ∫ κ ∇φ_j·∇φ_i w dx
        mass(ρ)      M_ij = Σ_k w_k ρ_k φ_j φ_i   ≈ ∫ ρ φ_j φ_i w dx
        load(f)      b_i  = Σ_k w_k f_k φ_i       ≈ ∫ f φ_i w dx

    Each form is linear in its coefficient through a constant structure, built once on first use;
    the coefficient may be a tensor. A space never changes and shares nothing with others: it keeps
    its own copy of the mesh.

    Parameters
    ----------
    mesh : skfem.MeshLine, MeshTri, MeshQuad, MeshTet or MeshHex
        Checked by `fem.check_mesh`.
    element : str or scalar Lagrange element of scikit-fem
        'P1', 'P2'; on quadrilaterals and hexahedra also 'Q1', 'Q2', and there P1 means Q1.
    quadrature_order : int, optional
        Polynomial degree integrated exactly, by a rule with positive weights. By default that of
        φ_i φ_j (P1 triangles: 2, three points), one more with a weight function.
    weight : function (q, dim) -> (q,), optional
        Positive weight of the measure, for example r = x[:, 0] in axisymmetric problems (without
        2π). It multiplies boundary integrals too, where it may vanish (on the axis).

    Attributes
    ----------
    n, dim, n_cells : int
        Degrees of freedom, dimension, cells.
    quadrature_points : ndarray (q, dim)
        Cell by cell, `points_per_cell` each.
    quadrature_weights : ndarray (q,)
    dof_points : ndarray (n, dim)
        Where degree of freedom i is the value of the function. For P1 they are the mesh nodes.
    unused_dofs : ndarray
        Degrees of freedom of nodes without a cell; solves leave them out with value 0.
    is_continuous : bool
        Whether the functions are; a space of discontinuous ones (P0) is for coefficients only.
    """

    mesh: skfem.Mesh
    element: skfem.Element
    weight: Callable[[Array], Array] | None
    quadrature_order: int
    is_continuous: bool
    n: int
    dim: int
    n_cells: int
    points_per_cell: int
    quadrature_points: Array
    quadrature_weights: Array
    dof_points: Array
    cell_dofs: Integers
    unused_dofs: Integers
    boundary_facets: Integers
    facets: Facets
    counted_mesh: skfem.Mesh
    skfem_dofs: Dofs
    _maps: CellMaps
    _boundary_maps: Bounded
    _partitions: Bounded
    _weak_forms: Bounded

    def __init__(self, mesh: skfem.Mesh, element: str | skfem.Element = "P1",
                 quadrature_order: int | None = None, weight: Callable[[Array], Any] | None = None):
        mesh = _own_copy(mesh)
        facets = check_mesh(mesh)
        element = lagrange_element(element, mesh.elem.refdom)
        if weight is not None and not callable(weight):
            raise TypeError(f"weight is {weight!r}; expected a function of points (q, dim) that "
                            "returns (q,) values, for example lambda x: x[:, 0].")
        if quadrature_order is None:
            quadrature_order = default_order(element, weight is not None)
        order = positive_integer("quadrature_order", quadrature_order)
        self._set(element=element, weight=weight, quadrature_order=order)
        self._set(is_continuous=is_continuous(element))
        self._set(mesh=mesh, facets=facets, counted_mesh=counted(mesh, facets))
        self._set(dim=mesh.p.shape[0], n_cells=mesh.t.shape[1])
        self._set(boundary_facets=frozen(facets.boundary))
        self._set_dofs()
        self._set_quadrature()
        self._set(_boundary_maps=Bounded(KEPT), _partitions=Bounded(KEPT), _weak_forms=Bounded(KEPT))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Space never changes; make a new one instead of setting {name}.")

    def __repr__(self) -> str:
        return (f"Space({type(self.element).__name__}, {self.n_cells} cells, n={self.n}, "
                f"q={len(self.quadrature_weights)})")

    # --- forms ---------------------------------------------------------------------------
    def laplace(self, kappa: Coefficient = 1.0, positive: bool = True) -> SparseMatrix:
        """A_ij = ∫ κ ∇φ_j·∇φ_i w dx, or ∫ (K∇φ_j)·∇φ_i w dx with a conductivity tensor K.

        Parameters
        ----------
        kappa : scalar, (q,), or (q, dim, dim); array, tensor, or function of points
            K_de multiplies ∂φ_i/∂x_d ∂φ_j/∂x_e.
        positive : bool
            Refuse κ ≤ 0 whenever it is evaluated, and s ≤ 0 in multiples s·laplace(κ) (see
            `pcl.SparseMatrix`); pass False to allow any sign. Of a tensor K only the constant ones
            are tested for being positive definite; others for being finite.

        Returns
        -------
        SparseMatrix (n, n), linear in κ.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            See `fem.common.coefficient.at_points`; InvalidCoefficient names the cell.
        """
        self.require_gradients("laplace")
        shapes = [(), (self.dim, self.dim)]
        kappa = self._coefficient("kappa", kappa, shapes, positive)
        if len(kappa.shape) == 3:
            structure, kappa = self._maps.tensor_laplace, flattened(kappa)
        elif not self._maps.has_constant_gradients:
            structure = self._maps.laplace
        else:
            kappa = mapped(self.cell_integrals, spread(kappa, len(self.quadrature_weights)))
            structure = self._maps.cell_laplace
        return SparseMatrix.from_structure(structure, kappa, space=self, positive=positive)

    def mass(self, rho: Coefficient = 1.0, positive: bool = True) -> SparseMatrix:
        """M_ij = ∫ ρ φ_j φ_i w dx, with ρ a scalar or (q,); a SparseMatrix (n, n).

        ρ ≤ 0 is refused as κ in `laplace`, also in multiples; pass positive=False for a term that may
        have any sign or vanish. laplace(κ) − k² mass() needs no such permission.
        """
        rho = self._coefficient("rho", rho, positive=positive)
        return SparseMatrix.from_structure(self._maps.mass, rho, space=self, positive=positive)

    def advection(self, beta: Coefficient) -> SparseMatrix:
        """C_ij = ∫ (β·∇φ_j) φ_i w dx, with β (q, dim); a SparseMatrix (n, n), not symmetric."""
        self.require_gradients("advection")
        beta = self._coefficient("beta", beta, (self.dim,))
        if not len(beta.shape):
            raise ValueError(f"beta is a scalar; expected {self.quadrature_points.shape}, one "
                             "velocity vector a point.")
        return SparseMatrix.from_structure(self._maps.advection, flattened(beta), space=self)

    def load(self, f: Coefficient = 1.0) -> Tensor:
        """b_i = ∫ f φ_i w dx, with f a scalar or (q,); a tensor (n,)."""
        f = spread(self._coefficient("f", f), len(self.quadrature_weights))
        return mapped(self._maps.load, f)

    def flux(self, g: Coefficient, where: Where = None) -> Tensor:
        """b_i = ∫_Γ g φ_i w ds, the load of the natural condition κ ∂u/∂n = g on Γ.

        Parameters
        ----------
        g : scalar, or (qb,) at `boundary_points(where)`; array, tensor, or function of points
        where : see `boundary_points`

        Returns
        -------
        b : tensor (n,)
        """
        part = self._boundary(where)
        return mapped(part.load, spread(part.coefficient("g", g), len(part.weights)))

    def boundary_mass(self, alpha: Coefficient = 1.0, where: Where = None) -> SparseMatrix:
        """R_ij = ∫_Γ α φ_j φ_i w ds, with α a scalar or (qb,); a SparseMatrix (n, n).

        The Robin condition κ ∂u/∂n + α u = g is `laplace(κ) + boundary_mass(α, where)` with the
        load `flux(g, where)`. α may have any sign or vanish, without permission: 0 is the natural
        condition, and α < 0 (a boundary that feeds on u) leaves the equation well posed unless the sum
        is singular, which a solve refuses, while κ ≤ 0 and a mass ρ ≤ 0 do not. Where it must be
        positive, train its logarithm.
        """
        part = self._boundary(where)
        alpha = part.coefficient("alpha", alpha)
        return SparseMatrix.from_structure(part.mass, alpha, space=self)

    def residual(self, form: Callable[..., tuple], u: ArrayLike | Tensor) -> Tensor:
        """R_i = ∫ f₀ φ_i + f₁·∇φ_i w dx, the weak form ∫ f₀ v + f₁·∇v w dx tested with every φ_i.

        Parameters
        ----------
        form : function (u, grad_u, x) -> (f0, f1)
            Pointwise, in TensorFlow: from u (q,), grad_u (q, dim) and the quadrature points x (q, dim),
            to f0 (q,) or a scalar, and f1 (q, dim); either may be None, for zero. For k fields u is
            (q, k), grad_u (q, k, dim), f0 (q, k), f1 (q, k, dim). Networks of u, grad_u and x are
            called inside.
        u : tensor or array (n,), or (n, k) for k fields

        Returns
        -------
        R : tensor of the shape of u. Natural boundary terms are subtracted: f₁·n = g on Γ is
            `residual(form, u) - flux(g, Γ)`.

        Raises
        ------
        TypeError, ValueError
            f0, f1 or u of a wrong shape or dtype. (q, 1) is not broadcast against (q,).
        InvalidCoefficient
            When evaluated: f0 or f1 is not finite; the message names the cell.

        Notes
        -----
        −∇·(κ(u)∇u) + r(u) = s is `lambda u, grad_u, x: (r(u) - s(x), kappa(u)[:, None] * grad_u)`.
        `fem.solve_nonlinear` finds u with R(u) = 0.
        """
        u = check_state(self, "u", u)
        return self.weak_form(tuple(u.shape)).residual(form, u)

    def require_gradients(self, what: str) -> None:
        """Refuse what needs ∇φ_i on an element that is discontinuous: there it is no derivative.

        Raises
        ------
        ValueError
        """
        if not self.is_continuous:
            raise ValueError(
                f"{what} needs gradients or boundary values, but functions of "
                f"{type(self.element).__name__} jump between cells. Use 'P1' or 'P2' for the state; such "
                "a space serves for coefficients: fem.Space(mesh, element, quadrature_order="
                "V.quadrature_order).interpolate(c) is one for V.laplace.")

    # --- functions -----------------------------------------------------------------------
    def interpolate(self, u: ArrayLike | Tensor) -> Tensor:
        """u_h at the quadrature points, (q,) or (q, k), for u (n,) or (n, k)."""
        return self.value_map @ u

    def gradient(self, u: Array | Tensor) -> Tensor:
        """∇u_h at the quadrature points, (q, dim), for u (n,)."""
        self.require_gradients("gradient")
        if len(u.shape) != 1:
            raise ValueError(f"u has shape {tuple(u.shape)}; expected ({self.n},).")
        return tf.reshape(self.gradient_map @ u, (-1, self.dim))

    def observe(self, points: ArrayLike, outside: str = "error", dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u_h(x_i): point observation as a constant sparse map.

        Parameters
        ----------
        points : (m, dim), in 1-D also (m,)
            Anywhere in the mesh; points on facets and nodes count as inside up to rounding. A
            point given twice is observed twice.
        outside : 'error' or 'nearest'
            Points outside the mesh are refused, or observed at the closest point of the boundary.
        dirichlet : optional
            The conditions of the solve, as in `fem.solve`: a RuntimeWarning tells of observations where
            u is prescribed, whose sensitivity is exactly zero. Without them it comes when O is first
            applied to what `fem.solve`, `fem.solve_nonlinear` or `fem.march` returned.

        Returns
        -------
        LinearMap (m, n)

        Raises
        ------
        ValueError
            Wrong shape, not finite, or outside the mesh (with index and coordinates).
        """
        return observation(self, point_matrix(self, points, outside), dirichlet)

    def observe_nodes(self, indices: ArrayLike, dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u[indices[i]], a LinearMap (m, n); `dirichlet` as in `observe`.

        Raises
        ------
        IndexError
            A number that is negative or past the end.
        """
        return observation(self, node_matrix(indices, self.n), dirichlet)

    def contains(self, points: ArrayLike) -> Booleans:
        """Whether each of the points (m, dim) lies in the mesh, bool (m,)."""
        return self.locator.find(observation_points(points, self.dim))[0] >= 0

    # --- boundary ------------------------------------------------------------------------
    def boundary_dofs(self, where: Where = None) -> Integers:
        """Sorted numbers of the degrees of freedom on a part of the boundary.

        None: all of it. A name of mesh.boundaries, or a list of names. A predicate on coordinates
        (m, dim) -> bool (m,), applied to the boundary's degrees of freedom. An array of numbers.
        """
        self.require_gradients("a boundary condition")
        return select_dofs(self, where)

    def boundary_points(self, where: Where = None) -> Array:
        """Quadrature points (qb, dim) on a part of the boundary.

        None: all of it. A name of mesh.boundaries, or a list of names. A predicate on the midpoints
        (m, dim) of boundary facets. An array of facet numbers.
        """
        return self._boundary(where).points

    def boundary_weights(self, where: Where = None) -> Array:
        """Quadrature weights (qb,) at `boundary_points(where)`, with the weight function."""
        return self._boundary(where).weights

    def boundary_normals(self, where: Where = None) -> Array:
        """Outward unit normals (qb, dim) at `boundary_points(where)`."""
        return self._boundary(where).normals

    def facet_dofs(self, facets: Integers) -> Integers:
        """Sorted numbers of the degrees of freedom on the facets."""
        return np.asarray(self.skfem_dofs.get_facet_dofs(facets).flatten(), dtype=np.int64)

    # --- constant maps -------------------------------------------------------------------
    @functools.cached_property
    def value_map(self) -> LinearMap:
        """B as a LinearMap (q, n)."""
        return LinearMap(self._maps.values)

    @functools.cached_property
    def gradient_map(self) -> LinearMap:
        """G as a LinearMap (q·dim, n), rows (point, direction)."""
        return LinearMap(self._maps.gradients)

    @functools.cached_property
    def cell_integrals(self) -> LinearMap:
        """f at quadrature points ↦ ∫ f w dx over each cell, a LinearMap (n_cells, q)."""
        return LinearMap(self._maps.cell_sums)

    @functools.cached_property
    def locator(self) -> Locator:
        """Finds the cells of points."""
        return Locator(self.mesh, self.facets)

    @functools.cached_property
    def basis_integrals(self) -> Array:
        """m_i = ∫ φ_i w dx, (n,)."""
        return self._maps.load.matrix @ np.ones(len(self.quadrature_weights))

    @functools.cached_property
    def components(self) -> Integers:
        """Number of the connected component of each degree of freedom, (n,)."""
        first = np.broadcast_to(self.cell_dofs[0], self.cell_dofs[1:].shape).ravel()
        edges = sp.coo_array((np.ones(len(first), dtype=bool), (first, self.cell_dofs[1:].ravel())),
                             shape=(self.n, self.n))
        return connected_components(edges.tocsr(), directed=False)[1]

    def partition(self, fixed: Integers, fields: int = 1) -> Partition:
        """The splitting of the unknowns into `fixed` (sorted numbers) and free ones, kept.

        Of several fields all are fixed there; the unknowns are (n, fields) row by row.
        """
        every = (fixed[:, None] * fields + np.arange(fields)).ravel()
        return self._partitions.kept((digest(fixed), fields),
                                     lambda: Partition(every, self.n * fields))

    def weak_form(self, shape: tuple[int, ...]) -> WeakForm:
        """The maps of weak forms of a state of this shape, (n,) or (n, k); kept."""
        self.require_gradients("a weak form")
        return self._weak_forms.kept(shape, lambda: WeakForm(self, shape))

    def weight_at(self, points: Array, boundary: bool = False) -> Array:
        """The weight function at points, checked: finite and > 0, on the boundary ≥ 0; 1 without one."""
        if self.weight is None:
            return np.ones(len(points))
        weight = float64_array("weight(points)", self.weight(points), shape=(len(points),))
        bad = np.flatnonzero(weight < 0 if boundary else weight <= 0)
        if bad.size:
            raise ValueError(f"weight is {weight[bad[0]]:.6g} at the point "
                             f"{tuple(points[bad[0]].tolist())}; expected a positive measure.")
        return weight

    # --- construction --------------------------------------------------------------------
    def _set(self, **attributes):
        self.__dict__.update(attributes)

    def _set_dofs(self):
        """Numbering: nodes first (all of them for an element with nodes only), then the rest."""
        dofs, nodes = Dofs(self.counted_mesh, self.element), self.mesh.p.shape[1]
        only_nodes = len(dofs.element_dofs) == self.mesh.t.shape[0] and self.element.nodal_dofs
        self._set(skfem_dofs=dofs, cell_dofs=frozen(dofs.element_dofs))
        self._set(n=nodes if only_nodes else int(dofs.N))
        points, unused = np.zeros((self.n, self.dim)), np.zeros(0, dtype=np.int64)
        images = self.counted_mesh.mapping().F(self.element.doflocs.T)    # (dim, cells, functions)
        points[self.cell_dofs.T] = np.moveaxis(images, 0, -1)
        if self.element.nodal_dofs:
            count = nodes if only_nodes else self.mesh.nvertices
            points[:count] = self.mesh.p[:, :count].T                 # free of rounding
            unused = unused_nodes(self.mesh)
            unused = unused[unused < count]
        self._set(dof_points=frozen(points), unused_dofs=frozen(unused))

    def _set_quadrature(self):
        X, W = positive_rule(self.element.refdom, self.quadrature_order)
        mapping = self.counted_mesh.mapping()
        points = np.ascontiguousarray(np.moveaxis(mapping.F(X), 0, -1).reshape(-1, self.dim))
        weights = (np.abs(mapping.detDF(X)) * W).ravel() * self.weight_at(points)
        self._set(quadrature_points=frozen(points), quadrature_weights=frozen(weights))
        self._set(points_per_cell=len(W))
        self._set(_maps=CellMaps(self.counted_mesh, self.element, self.cell_dofs, self.n, X, weights))

    def _coefficient(self, name, value, trailing=(), positive=False):
        return at_points(name, value, self.quadrature_points, trailing, positive,
                         self._cell_of_point)

    def _cell_of_point(self, index):
        return f"cell {index // self.points_per_cell}"

    def _boundary(self, where):
        facets = select_facets(self, where)
        return self._boundary_maps.kept(digest(facets), lambda: BoundaryMaps(self, facets))


def _own_copy(mesh):
    """A copy of the mesh that the caller cannot change."""
    check_numbers(mesh)
    named = {name: np.array(facets) for name, facets in (mesh.boundaries or {}).items()}
    return replace(mesh, doflocs=frozen(mesh.p.copy()),
                   t=frozen(mesh.t.copy())).with_boundaries(named)
