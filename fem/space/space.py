"""Finite element spaces: constant sparse maps, and forms linear in a coefficient."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
import tensorflow as tf
from scipy.sparse.csgraph import connected_components

from fem.common.coefficient import flattened, mapped, spread
from fem.common.constraint import Constraint
from fem.common.dirichlet import Dirichlet, Prescribed, observation
from fem.common.elimination import Elimination
from fem.common.observe import node_matrix, observation_points
from fem.mesh.check import check_mesh, check_numbers
from fem.mesh.counted import counted
from fem.mesh.geometry import is_curved
from fem.mesh.locate import Locator
from fem.mesh.topology import Facets
from fem.output.plot import plot
from fem.space import places, ties
from fem.space.boundary import select_dofs, select_facets
from fem.space.cell_maps import CellMaps
from fem.space.element import default_order, describe, element_of
from fem.space.field import Field
from fem.space.equation import depends, equation_of, functional_density
from fem.space.form import Form
from fem.space.load import load_vector
from fem.space.matrix_form import load_of, matrix_of
from fem.space.modes import name_null
from fem.space.observe import field_of, point_rows
from fem.space.pairs import warn_of_unstable
from fem.space.plates import warn_of_kinks
from fem.space.quadrature_points import CellPoints, FacetPoints
from fem.space.regions import by_region, region_cells
from fem.space.trace import numbers_at, prescribed, projections
from fem.space.weak_form import WeakForm, check_state
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.nodes.linear.partition import Partition
from pcl.support.arrays import digest, frozen
from pcl.support.caches import Bounded
from pcl.support.nearest import nearest
from pcl.support.types import Array, ArrayLike, Booleans, Coefficient, Integers, Tensor, Where
from pcl.support.validate import float64_array, known, positive_integer

# Partitions, weak forms and boundary maps that a space keeps, of each.
KEPT = 16


class Space:
    """V_h = span{φ_1 … φ_n}: finite element functions on a scikit-fem mesh, one field or several.

    Each field has an element and quantities at points: its value, gradient, divergence, curl, second
    derivatives, as far as the element has them. With quadrature points x_k and weights w_k (which contain
    |det F'| and the weight function w), a scalar space has

        B[k, i] = φ_i(x_k)              value map,    (q, n)
        G[(k, d), i] = ∂φ_i/∂x_d (x_k)  gradient map, (q·dim, n)
        laplace(κ)   A_ij = Σ_k w_k κ_k ∇φ_j·∇φ_i ≈ ∫ κ ∇φ_j·∇φ_i w dx
        mass(ρ)      M_ij = Σ_k w_k ρ_k φ_j φ_i   ≈ ∫ ρ φ_j φ_i w dx
        load(f)      b_i  = Σ_k w_k f_k φ_i       ≈ ∫ f φ_i w dx

    and every space `system`, `matrix` and `residual` of a form in named quantities. Each is linear in its
    coefficient through a constant structure, built once on first use; the coefficient may be a tensor. A
    space never changes and shares nothing with others: it keeps its own copy of the mesh.

    Parameters
    ----------
    mesh : skfem.MeshLine, MeshTri, MeshQuad, MeshTet or MeshHex, straight or curved (MeshTri2, …)
        Checked by `fem.check_mesh`.
    element : str, element of scikit-fem, fem.vector, or {field: any of these}
        'P0', 'P1', 'P2', 'MINI', 'CR', 'RT1', 'BDM1', 'N1', 'Morley', 'Argyris', …: an unknown name tells
        which there are. On quadrilaterals and hexahedra P1 means Q1. One element is the field 'u'.
    quadrature_order : int, optional
        Polynomial degree integrated exactly, by a rule with positive weights. By default that of
        φ_i φ_j of the highest element (P1 triangles: 2, three points), one more with a weight function,
        two more on curved cells.
    weight : function (q, dim) -> (q,), optional
        Positive weight of the measure, for example r = x[:, 0] in axisymmetric problems (without
        2π). It multiplies boundary integrals too, where it may vanish (on the axis).

    Attributes
    ----------
    n, dim, n_cells : int
        Degrees of freedom, dimension, cells.
    fields : {name: Field}
        Their unknowns follow each other in the vector u (n,); see `split` and `join`.
    quadrature_points : ndarray (q, dim)
        Cell by cell, `points_per_cell` each.
    quadrature_weights : ndarray (q,)
    dof_points : ndarray (n, dim)
        Where degree of freedom i belongs to, nan where that is no point. For P1 they are the mesh nodes.
    unused_dofs : ndarray
        Degrees of freedom of nodes without a cell; solves leave them out with value 0.
    is_continuous : bool
        Whether the functions are; a space of discontinuous ones (P0) is for coefficients only.

    Raises
    ------
    TypeError, ValueError, IndexError
        What `fem.check_mesh` refuses; an element that is not known for the cells; a weight that is no
        function, or is not positive.

    Examples
    --------
    −Δu = 1 in the unit square, u = 0 on its boundary; the largest value of the exact solution is 0.0737:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(8), "P2")
    >>> V
    Space(u: ElementTriP2; 128 cells, n=289, q=768)
    >>> u = fem.solve(V.laplace(), V.load(1.0), dirichlet=0.0)
    >>> round(float(u.numpy().max()), 4)
    0.0737
    """

    mesh: skfem.Mesh
    fields: dict[str, Field]
    weight: Callable[[Array], Array] | None
    quadrature_order: int
    is_continuous: bool
    n: int
    dim: int
    n_cells: int
    points_per_cell: int
    quadrature_points: Array
    quadrature_weights: Array
    unused_dofs: Integers
    boundary_facets: Integers
    facets: Facets
    counted_mesh: skfem.Mesh
    cells: CellPoints
    _maps: CellMaps
    _facet_points: Bounded
    _partitions: Bounded
    _weak_forms: Bounded

    def __init__(self, mesh: skfem.Mesh, element: Any = "P1", quadrature_order: int | None = None,
                 weight: Callable[[Array], Any] | None = None):
        mesh = _own_copy(mesh)
        facets = check_mesh(mesh)
        elements = _elements(element, mesh.elem.refdom)
        if weight is not None and not callable(weight):
            raise TypeError(f"weight is {weight!r}; expected a function of points (q, dim) that "
                            "returns (q,) values, for example lambda x: x[:, 0].")
        if quadrature_order is None:
            quadrature_order = max(default_order(e, weight is not None, is_curved(mesh))
                                   for e in elements.values())
        order = positive_integer("quadrature_order", quadrature_order)
        self._set(weight=weight, quadrature_order=order)
        self._set(mesh=mesh, facets=facets, counted_mesh=counted(mesh, facets))
        self._set(dim=mesh.p.shape[0], n_cells=mesh.t.shape[1])
        self._set(boundary_facets=frozen(facets.boundary))
        self._set_fields(elements)
        cells = CellPoints(self)
        self._set(cells=cells, points_per_cell=cells.per_cell, _maps=CellMaps(cells))
        self._set(quadrature_points=cells.points, quadrature_weights=cells.weights)
        self._set(_facet_points=Bounded(KEPT), _partitions=Bounded(KEPT), _weak_forms=Bounded(KEPT))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Space never changes; make a new one instead of setting {name}.")

    def __repr__(self) -> str:
        fields = ", ".join(f"{f.name}: {describe(f.element)}" for f in self.fields.values())
        return f"Space({fields}; {self.n_cells} cells, n={self.n}, q={len(self.quadrature_weights)})"

    # --- fields --------------------------------------------------------------------------
    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of the fields, (str, …), in the order of the unknowns.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), {"u": fem.vector("P2"), "p": "P1"}).field_names
        ('u', 'p')
        """
        return tuple(self.fields)

    @property
    def is_scalar(self) -> bool:
        """Whether the space has one field, of scalar values.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), fem.vector("P1")).is_scalar
        False
        """
        return len(self.fields) == 1 and not next(iter(self.fields.values())).shape

    @property
    def element(self) -> skfem.Element:
        """The element of scikit-fem of a space with one field.

        Raises
        ------
        ValueError
            Several fields.

        Examples
        --------
        >>> import fem
        >>> type(fem.Space(fem.unit_square(2), "P2").element).__name__
        'ElementTriP2'
        """
        return self.only_field("element").element

    @property
    def cell_dofs(self) -> Integers:
        """Numbers (functions, n_cells) of the cells' basis functions, of a space with one field.

        Raises
        ------
        ValueError
            Several fields.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), "P2").cell_dofs.shape
        (6, 8)
        """
        return self.only_field("cell_dofs").cell_dofs

    @functools.cached_property
    def dof_points(self) -> Array:
        """Where each degree of freedom belongs to, (n, dim), in the unit of the mesh; nan if to no point.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).dof_points[:3].tolist()
        [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]
        """
        return frozen(np.concatenate([f.dof_points for f in self.fields.values()]))

    def split(self, u: Any) -> dict[str, Any]:
        """{field: its part (n_f, …)} of u (n, …), array or tensor.

        Parameters
        ----------
        u : array or tensor (n, …)

        Raises
        ------
        ValueError
            Another number of rows than n.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), {"u": fem.vector("P2"), "p": "P1"})
        >>> {name: part.shape for name, part in V.split(np.zeros(V.n)).items()}
        {'u': (50,), 'p': (9,)}
        """
        u = u if tf.is_tensor(u) else np.asarray(u)
        if tuple(u.shape[:1]) != (self.n,):
            raise ValueError(f"u has shape {tuple(u.shape)}; expected ({self.n}, …).")
        return {f.name: u[f.start:f.start + f.n] for f in self.fields.values()}

    def join(self, parts: Mapping[str, Any]) -> Any:
        """u (n,) from {field: its part}, the inverse of `split`; fields left out are zero.

        Parameters
        ----------
        parts : {field: (n_f,) array or tensor, or a number for all of its unknowns}

        Raises
        ------
        ValueError
            A field that the space does not have.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), {"u": fem.vector("P2"), "p": "P1"})
        >>> float(V.join({"p": 1.0}).sum())
        9.0
        """
        unknown = set(parts) - set(self.fields)
        if unknown:
            raise ValueError(f"parts has the fields {sorted(unknown)}; the space has "
                             f"{list(self.fields)}.{nearest(min(unknown), self.fields)}")
        found = [parts.get(f.name, 0.0) * np.ones(f.n) for f in self.fields.values()]
        return tf.concat(found, 0) if any(map(tf.is_tensor, found)) else np.concatenate(found)

    def only_field(self, what: str) -> Field:
        """The field of a space that has one.

        Parameters
        ----------
        what : str
            Who asks, for the message.

        Raises
        ------
        ValueError
            Several fields.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).only_field("my norm").name
        'u'
        """
        if len(self.fields) > 1:
            raise ValueError(f"{what} is asked for, but the space has the fields "
                             f"{', '.join(self.fields)}; say which by V.fields[name].")
        return next(iter(self.fields.values()))

    def _scalar(self, what):
        """Refuse what only a space with one scalar field offers."""
        field = self.only_field(what)
        if field.shape:
            raise ValueError(f"{what} is for scalar fields, but {field} has values of shape "
                             f"{field.shape}; state the form by V.system(form) or V.matrix(form).")
        return field

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

        Examples
        --------
        −∇·(κ∇u) = 0 with κ = 1 + x, 0 on the left, 1 on the right: uᵀ A u is the flux, 1/ln 2 = 1.4427.

        >>> import fem
        >>> V = fem.Space(fem.unit_square(16))
        >>> A = V.laplace(lambda x: 1.0 + x[:, 0])
        >>> u = fem.solve(A, V.load(0.0), {"left": 0.0, "right": 1.0}).numpy()
        >>> round(float(u @ (A @ u).numpy()), 3)
        1.443
        """
        self._scalar("laplace")
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
        """M_ij = ∫ ρ φ_j φ_i w dx; a SparseMatrix (n, n), linear in ρ.

        Parameters
        ----------
        rho : scalar, or (q,); array, tensor, or function of points
        positive : bool
            ρ ≤ 0 is refused as κ in `laplace`, also in multiples; pass False for a term that may have any
            sign or vanish. laplace(κ) − k² mass() needs no such permission.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `laplace`; the space has several fields or a vector.

        Examples
        --------
        ∫ x² dx over the unit square:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> x = V.dof_points[:, 0]
        >>> round(float(x @ (V.mass() @ x).numpy()), 6)
        0.333333
        """
        self._scalar("mass")
        rho = self._coefficient("rho", rho, positive=positive)
        return SparseMatrix.from_structure(self._maps.mass, rho, space=self, positive=positive)

    def advection(self, beta: Coefficient) -> SparseMatrix:
        """C_ij = ∫ (β·∇φ_j) φ_i w dx; a SparseMatrix (n, n), not symmetric, linear in β.

        Parameters
        ----------
        beta : (q, dim) array or tensor, or function of points -> (q, dim)
            The velocity.

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            A scalar or another shape, not finite; several fields, a vector, or functions that jump.

        Examples
        --------
        u = x moved by β = (2, 0): ∫ β·∇u dx = 2.

        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> C = V.advection(lambda x: np.tile([2.0, 0.0], (len(x), 1)))
        >>> round(float((C @ V.dof_points[:, 0]).numpy().sum()), 6)
        2.0
        """
        self._scalar("advection")
        self.require_gradients("advection")
        beta = self._coefficient("beta", beta, (self.dim,))
        if not len(beta.shape):
            raise ValueError(f"beta is a scalar; expected {self.quadrature_points.shape}, one "
                             "velocity vector a point.")
        return SparseMatrix.from_structure(self._maps.advection, flattened(beta), space=self)

    def load(self, f: Coefficient = 1.0) -> Tensor:
        """b_i = ∫ f φ_i w dx; a tensor (n,), in the unit of f times that of the measure.

        Parameters
        ----------
        f : scalar, or (q,); array, tensor, or function of points

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            Another shape, not finite; a space of several fields or of a vector (see `vector`).

        Examples
        --------
        ∫ x dx over the unit square is the sum of the load of x:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> round(float(V.load(lambda x: x[:, 0]).numpy().sum()), 6)
        0.5
        """
        self._scalar("load")
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

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            Another shape, not finite, a part of the boundary that is not known.

        Examples
        --------
        Held at 0 on the left, the flux 2 enters on the right: u = 2x.

        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> u = fem.solve(V.laplace(), V.flux(2.0, "right"), {"left": 0.0})
        >>> round(float(u.numpy().max()), 6)
        2.0
        """
        self._scalar("flux")
        part = self.facet_points(where)
        return mapped(part.load, spread(part.coefficient("g", g), len(part.weights)))

    def boundary_mass(self, alpha: Coefficient = 1.0, where: Where = None) -> SparseMatrix:
        """R_ij = ∫_Γ α φ_j φ_i w ds; a SparseMatrix (n, n), linear in α.

        The Robin condition κ ∂u/∂n + α u = g is `laplace(κ) + boundary_mass(α, where)` with the
        load `flux(g, where)`.

        Parameters
        ----------
        alpha : scalar, or (qb,) at `boundary_points(where)`; array, tensor, or function of points
            α may have any sign or vanish, without permission: 0 is the natural condition, and α < 0 (a
            boundary that feeds on u) leaves the equation well posed unless the sum is singular, which a
            solve refuses, while κ ≤ 0 and a mass ρ ≤ 0 do not. Where it must be positive, train its
            logarithm.
        where : see `boundary_points`

        Raises
        ------
        TypeError, ValueError, InvalidCoefficient
            As in `flux`.

        Examples
        --------
        u' = 1 enters on the left, and leaves on the right, where −u' = 2 (u − 0): u(1) = ½, u(0) = 3/2.

        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> u = fem.solve(V.laplace() + V.boundary_mass(2.0, "right"), V.flux(1.0, "left")).numpy()
        >>> [round(float(x), 6) for x in (u.min(), u.max())]
        [0.5, 1.5]
        """
        self._scalar("boundary_mass")
        part = self.facet_points(where)
        alpha = part.coefficient("alpha", alpha)
        return SparseMatrix.from_structure(part.mass, alpha, space=self)

    def residual(self, form: Callable[..., Any], u: ArrayLike | Tensor,
                 boundary: Mapping | None = None) -> Tensor:
        """R_i = ∫ f₀ φ_i + f₁·∇φ_i w dx, the weak form ∫ f₀ v + f₁·∇v w dx tested with every φ_i.

        Parameters
        ----------
        form : function (u, grad_u, x) -> (f0, f1), or (u, p, …, x) -> {field: {quantity: density}}
            Pointwise, in TensorFlow. The first, for one field of values at points: from u (q,), grad_u
            (q, dim) and the quadrature points x (q, dim), to f0 (q,) or a scalar, and f1 (q, dim); either
            may be None, for zero. For k fields u (n, k) is (q, k), grad_u (q, k, dim), f0 (q, k), f1
            (q, k, dim). The second, for any space: each field offers `.value`, `.gradient`,
            `.divergence`, `.curl`, `.hessian`, and what is returned multiplies that quantity of its test
            function. Networks of them and of x are called inside. A `fem.Energy` is a form too.
        u : tensor or array (n,), or (n, k) for k fields of a scalar space
        boundary : {where: form}, optional
            Forms on parts of the boundary, added: with the outward normal (q, dim) as last argument.

        Returns
        -------
        R : tensor of the shape of u. Natural boundary terms are subtracted: f₁·n = g on Γ is
            `residual(form, u) - flux(g, Γ)`.

        Raises
        ------
        TypeError, ValueError
            Densities or u of a wrong shape or dtype. (q, 1) is not broadcast against (q,).
        InvalidCoefficient
            When evaluated: a density is not finite; the message names the cell.

        Notes
        -----
        −∇·(κ(u)∇u) + r(u) = s is `lambda u, grad_u, x: (r(u) - s(x), kappa(u)[:, None] * grad_u)`.
        `fem.solve_nonlinear` finds u with R(u) = 0.

        Examples
        --------
        −Δu = 2 holds for u = x (1 − x) at all inner nodes:

        >>> import skfem
        >>> import fem
        >>> V = fem.Space(skfem.MeshLine().refined(2))
        >>> x = V.dof_points[:, 0]
        >>> R = V.residual(lambda u, grad_u, x: (-2.0, grad_u), x * (1.0 - x)).numpy()
        >>> bool(abs(R[(x > 0.0) & (x < 1.0)]).max() < 1e-12)
        True
        """
        u = check_state(self, "u", u)
        return equation_of(self, form, boundary, tuple(u.shape)).residual(u)

    def system(self, form: Callable[..., Any],
               boundary: Mapping | None = None) -> tuple[SparseMatrix, Tensor]:
        """(A, b) of a form that is linear in its fields: its residual is A u − b.

        `fem.solve(A, b, dirichlet=…)` follows.

        Parameters
        ----------
        form, boundary : as in `residual`; they may carry parameters

        Returns
        -------
        A : SparseMatrix (n, n)
        b : tensor (n,)

        Raises
        ------
        TypeError, ValueError
            As in `residual`; a form that is not linear.

        Warns
        -----
        UserWarning
            Pairs of elements that are not stable together, such as P1 for velocity and pressure.

        Examples
        --------
        −Δu = 1, zero on the left, free elsewhere: ½ on the right.

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), "P2")
        >>> A, b = V.system(lambda u, x: {"u": {"gradient": u.gradient, "value": -1.0}})
        >>> round(float(fem.solve(A, b, {"left": 0.0}).numpy().max()), 6)
        0.5
        """
        forms = [Form(self, self.cells, form), *self.boundary_forms(boundary)]
        found = [matrix_of(f) for f in forms if depends(f)]
        if not found:
            raise ValueError("the form does not depend on its fields, so it has no matrix.")
        linked = set().union(*(linked for _, linked in found))
        warn_of_unstable(self, linked, stacklevel=3)
        warn_of_kinks(self, linked, stacklevel=3)
        matrices = [matrix for matrix, _ in found]
        b = sum(map(load_of, forms), np.zeros(self.n))
        return sum(matrices[1:], matrices[0]), tf.convert_to_tensor(b)

    def matrix(self, form: Callable[..., Any], boundary: Mapping | None = None) -> SparseMatrix:
        """A of `system`, a SparseMatrix (n, n).

        Parameters
        ----------
        form, boundary : as in `residual`

        Raises
        ------
        TypeError, ValueError
            As in `system`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> A = V.matrix(lambda u, x: {"u": {"gradient": u.gradient}})
        >>> bool(abs(A.to_scipy() - V.laplace().to_scipy()).max() < 1e-14)
        True
        """
        return self.system(form, boundary)[0]

    def vector(self, load: Callable[..., Any] | None = None, boundary: Mapping | None = None) -> Tensor:
        """b_i = ∫ Σ f·(that quantity of φ_i) w dx, (n,): a load alone, of any fields and quantities.

        Parameters
        ----------
        load : function x -> {field: {quantity: density}}, optional
            In the cells; for example `lambda x: {"u": {"value": f(x)}}` for ∫ f·v.
        boundary : {where: function (x, normal) -> the same}, optional
            On parts of the boundary: ∫_Γ t·v by `{"top": lambda x, n: {"u": {"value": -p * n}}}`.

        Raises
        ------
        TypeError, ValueError
            As in `residual`; a function of the fields.

        Notes
        -----
        It stands on the right: `fem.solve(V.matrix(form), V.vector(load))`, and in
        `fem.solve_nonlinear(V, form, load=…)`.

        Examples
        --------
        The force (−3, 0) of the pressure 3 on the right side, as the sum of the loads of its unknowns:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> b = V.vector(boundary={"right": lambda x, n: {"u": {"value": -3.0 * n}}})
        >>> b.numpy().reshape(-1, 2).sum(axis=0).round(6).tolist()
        [-3.0, 0.0]
        """
        return load_vector(self, load, boundary)

    def boundary_forms(self, boundary: Mapping | None) -> list[Form]:
        """The `Form` of each part of {where: form}, at its quadrature points.

        Parameters
        ----------
        boundary : {where: form} or None

        Raises
        ------
        TypeError
            No mapping.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> len(V.boundary_forms({"left": lambda u, x, n: {"u": {"value": u.value}}}))
        1
        """
        return [Form(self, points, form) for points, form in self.on_boundary(boundary)]

    def on_boundary(self, boundary: Mapping | None) -> list[tuple[FacetPoints, Any]]:
        """(quadrature points, form) of each part of {where: form}.

        Parameters
        ----------
        boundary : {where: form} or None

        Raises
        ------
        TypeError
            No mapping.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> [len(points.weights) for points, form in V.on_boundary({"left": None, "right": None})]
        [4, 4]
        """
        if boundary is not None and not isinstance(boundary, Mapping):
            raise TypeError(f"boundary is a {type(boundary).__name__}; expected {{where: form}}.")
        return [(self.facet_points(where), form) for where, form in (boundary or {}).items()]

    def require_gradients(self, what: str) -> None:
        """Refuse what needs ∇φ_i on an element that is discontinuous: there it is no derivative.

        Parameters
        ----------
        what : str
            Who asks, for the message.

        Raises
        ------
        ValueError

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), "P0").require_gradients("my norm")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: my norm needs gradients or boundary values, but functions of ElementTriP0 jump ...
        """
        jumping = [f for f in self.fields.values() if not f.is_continuous]
        if len(jumping) == len(self.fields):
            raise ValueError(
                f"{what} needs gradients or boundary values, but functions of "
                f"{type(jumping[0].element).__name__} jump between cells. Use 'P1' or 'P2' for the "
                f"state; such "
                "a space serves for coefficients: fem.Space(mesh, element, quadrature_order="
                "V.quadrature_order).interpolate(c) is one for V.laplace.")

    # --- functions -----------------------------------------------------------------------
    @property
    def interpolate(self) -> LinearMap:
        """u (n,) ↦ u_h at the quadrature points (q,), of a vector (q, components): `V.interpolate(u)` or
        `V.interpolate @ u`, a LinearMap. Of several right-hand sides u (n, k) ↦ (q, k).

        Raises
        ------
        ValueError
            Another shape; several fields.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> u = V.interpolate(V.dof_points[:, 0])
        >>> bool(abs(u - V.quadrature_points[:, 0]).numpy().max() < 1e-14)
        True
        """
        field = self.only_field("interpolate")
        return self.cells.gather(field.name, "value") if field.shape else self.value_map

    @property
    def gradient(self) -> LinearMap:
        """u (n,) ↦ ∇u_h at the quadrature points (q, dim), of a vector (q, components, dim):
        `V.gradient(u)` or `V.gradient @ u`, a LinearMap. Of several u (n, k) ↦ (q, dim, k).

        Raises
        ------
        ValueError
            Another shape; several fields; functions that jump between cells.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> x, y = V.dof_points.T
        >>> V.gradient(3.0 * x - y).numpy()[0].round(6).tolist()
        [3.0, -1.0]
        """
        self.require_gradients("gradient")
        return self.cells.gather(field_of(self, None).name, "gradient")

    def at_points(self, u: Array | Tensor, quantity: str = "value", field: str | None = None,
                  where: Where = None, on: str | None = None) -> Tensor:
        """A quantity of u_h at the quadrature points of the cells, or of a part of the boundary.

        Parameters
        ----------
        u : array or tensor (n,)
        quantity : 'value', 'gradient', 'divergence', 'curl' or 'hessian', as far as the element has it
        field : str, of several
        where : see `boundary_points`; where it is given, the boundary is meant
        on : 'cells' or 'boundary', optional

        Returns
        -------
        tensor (q, *shape)

        Raises
        ------
        ValueError
            Another shape; a quantity, field or part that is not known; `where` with on='cells'.

        Examples
        --------
        The divergence of the displacement (x, 2y):

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> u = (V.dof_points[::2] * [1.0, 2.0]).ravel()
        >>> V.at_points(u, "divergence").numpy()[:2].round(6).tolist()
        [3.0, 3.0]
        """
        u = u if tf.is_tensor(u) else float64_array("u", u)
        if len(u.shape) != 1:
            raise ValueError(f"u has shape {tuple(u.shape)}; expected ({self.n},).")
        return self._points(where, on).gather(field_of(self, field).name, quantity) @ u

    def _points(self, where, on):
        """Quadrature points of the cells, or of a part of the boundary."""
        on = on or ("cells" if where is None else "boundary")
        known("on", on, ("cells", "boundary"))
        if on == "cells" and where is not None:
            raise ValueError("where is a part of the boundary, but on='cells'; expected on='boundary', "
                             "or region=… for a part of the cells.")
        return self.cells if on == "cells" else self.facet_points(where)

    def integrate(self, j: Callable[..., Any], u: Array | Tensor, where: Where = None,
                  region: Any = None, on: str | None = None) -> Tensor:
        """∫ j(u, p, …, x) w dx of a pointwise function j -> (q,), a scalar tensor.

        Parameters
        ----------
        j : function of the fields (with `.value`, `.gradient`, …) and x, on the boundary also of the
            normal
        u : (n,)
        region : name or list of names of mesh.subdomains, or cell numbers, optional
        where, on : on='boundary', or a part of it, integrates over the boundary

        Returns
        -------
        scalar tensor, in the unit of j times that of the measure

        Raises
        ------
        TypeError, ValueError
            A function that does not return (q,); names that are not known; both region and where.

        Examples
        --------
        ∫ x y dx over the unit square, and ∫ x ds over its right side:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), "P2")
        >>> u = V.dof_points[:, 0]
        >>> round(float(V.integrate(lambda u, x: u.value * x[:, 1], u)), 6)
        0.25
        >>> round(float(V.integrate(lambda u, x, n: u.value, u, where="right")), 6)
        1.0
        """
        points = self._points(where, on)
        if region is not None and points is not self.cells:
            raise ValueError("region is a part of the cells, but the integral is over the boundary; "
                             "expected one of region and where.")
        density = functional_density(self, points, j, u)
        weights = points.weights
        if region is not None:
            weights = weights * np.isin(points.numbers, region_cells(self.mesh, region))
        return LinearMap(weights[None], ((len(weights),), ())) @ density

    def average(self, j: Callable[..., Any], u: Array | Tensor, where: Where = None,
                region: Any = None, on: str | None = None) -> Tensor:
        """∫ j w dx / ∫ w dx over a region or a part of the boundary, a scalar tensor.

        Parameters
        ----------
        j, u, where, region, on : as in `integrate`

        Raises
        ------
        TypeError, ValueError
            As in `integrate`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> round(float(V.average(lambda u, x: u.value, V.dof_points[:, 0])), 6)
        0.5
        """
        one = self.integrate(lambda *a: np.ones(len(a[-1])), u, where, region, on)
        return self.integrate(j, u, where, region, on) / one

    def by_region(self, values: Mapping[str, Any]) -> Tensor:
        """A coefficient (q,) by named regions of the mesh: {'steel': θ₁, 'rock': function of points}.

        Parameters
        ----------
        values : {name of mesh.subdomains: scalar, tensor or function of points (m, dim) -> (m,)}
            Together the regions are all of the mesh.

        Raises
        ------
        ValueError, TypeError
            Names that are not known, cells in no region or in two, values of another shape.

        Examples
        --------
        >>> import fem
        >>> regions = {"low": lambda x: x[1] < 0.5, "high": lambda x: x[1] > 0.5}
        >>> V = fem.Space(fem.unit_square(2).with_subdomains(regions))
        >>> kappa = V.by_region({"low": 1.0, "high": 3.0})
        >>> round(float(V.load(kappa).numpy().sum()), 6)
        2.0
        """
        return by_region(self, values)

    def observe(self, points: ArrayLike, outside: str = "error", dirichlet: Any = None,
                quantity: str = "value", field: str | None = None, component: Any = None) -> LinearMap:
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
        quantity, field : str, optional
            Which quantity of which field; between cells a gradient is that of one of them.
        component : int, list of int, or of tensors a pair of these, optional
            Of a vector 1 or [0, 1], of its gradient (0, 1) for ∂u₀/∂x₁ or 0 for its row. All by default.

        Returns
        -------
        LinearMap (m, n); of quantities with components u (n,) ↦ (m, *shape). Of several right-hand sides
        u (n, k) ↦ (m, *shape, k).

        Raises
        ------
        ValueError
            Wrong shape, not finite, or outside the mesh (with index and coordinates).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> x, y = V.dof_points.T
        >>> u = x + 2.0 * y
        >>> (V.observe([[0.3, 0.6], [0.9, 0.1]]) @ u).numpy().round(6).tolist()
        [1.5, 1.1]
        >>> (V.observe([[0.3, 0.6]], quantity="gradient") @ u).numpy().round(6).tolist()
        [[1.0, 2.0]]
        """
        matrix, shape = point_rows(self, points, outside, quantity, field, component)
        return observation(self, matrix, dirichlet, shape)

    def observe_nodes(self, indices: ArrayLike, dirichlet: Any = None) -> LinearMap:
        """O with (O u)_i = u[indices[i]], a LinearMap (m, n).

        Parameters
        ----------
        indices : whole numbers (m,)
        dirichlet : optional
            As in `observe`.

        Raises
        ------
        IndexError
            A number that is negative or past the end.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.observe_nodes([0, 8]) @ V.dof_points[:, 0]).numpy().tolist()
        [0.0, 1.0]
        """
        return observation(self, node_matrix(indices, self.n), dirichlet)

    def along(self, start: ArrayLike, end: ArrayLike, count: int) -> Array:
        """Points (count, dim) at equal distances on the line from start to end, for `observe`.

        Parameters
        ----------
        start, end : (dim,)
        count : int ≥ 2

        Raises
        ------
        ValueError
            Another shape or count.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).along([0.0, 0.5], [1.0, 0.5], 3).tolist()
        [[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]]
        """
        return places.along(self.dim, start, end, count)

    def nearest_dofs(self, points: ArrayLike, field: str | None = None,
                     component: int | None = None) -> Integers:
        """Numbers of the unknowns at the nodes nearest to points, point by point, each once.

        Of a vector all components follow each other at each node, or one is chosen. For conditions at
        points: `fem.Dirichlet(V.nearest_dofs([[0.0, 0.0]]), 0.0)`.

        Parameters
        ----------
        points : (m, dim)
        field : str, of several
        component : int, of a vector, optional

        Raises
        ------
        ValueError
            Unknowns that are no values at points, another shape, no such component.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> V.nearest_dofs([[0.6, 0.4]]).tolist()
        [8, 9]
        """
        return places.nearest_dofs(self, field_of(self, field), points, component)

    def point_load(self, points: ArrayLike, strength: Any = 1.0, field: str | None = None) -> Tensor:
        """b_i = Σ_j s_j φ_i(x_j): sources or forces at known points, the observation transposed.

        Parameters
        ----------
        points : (m, dim) inside the mesh
        strength : scalar or (m,); of a vector field (dim,) or (m, dim), the forces; array or tensor
        field : str, of several

        Returns
        -------
        b : tensor (n,). The solution is singular at the points in 2-D and 3-D. For places that are
            looked for see `fem.mollified`.

        Raises
        ------
        ValueError
            Points outside of the mesh, strengths of another shape.

        Examples
        --------
        A string pulled by the force 1 at its quarter, −u'' = δ: u(¼) = ¼·¾.

        >>> import skfem
        >>> import fem
        >>> V = fem.Space(skfem.MeshLine().refined(2))
        >>> u = fem.solve(V.laplace(), V.point_load([0.25]), dirichlet=0.0)
        >>> round(float(u.numpy().max()), 6)
        0.1875
        """
        return places.point_load(self, field, points, strength)

    def contains(self, points: ArrayLike) -> Booleans:
        """Whether each of the points lies in the mesh, bool (m,).

        Parameters
        ----------
        points : (m, dim)

        Raises
        ------
        ValueError
            Another shape, no points, not finite.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.disk(2)).contains([[0.5, 0.5], [0.9, 0.9]]).tolist()
        [True, False]
        """
        return self.locator.find(observation_points(points, self.dim))[0] >= 0

    def plot(self, u: Any, ax: Any = None, **options: Any) -> Any:
        """u_h as a curve, or in colours: `fem.plot(V, u, ax, …)`.

        Parameters
        ----------
        u, ax, **options : as in `fem.plot`

        Returns
        -------
        matplotlib axes

        Raises
        ------
        ValueError
            As in `fem.plot`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> ax = V.plot(V.dof_points[:, 0], label="temperature", unit="K", length="m")
        >>> ax.get_xlabel()
        'x (m)'
        """
        return plot(self, u, ax, **options)

    # --- boundary ------------------------------------------------------------------------
    def boundary_dofs(self, where: Where = None, field: str | None = None,
                      component: int | None = None) -> Integers:
        """Sorted numbers of the degrees of freedom on a part of the boundary.

        Parameters
        ----------
        where : None, name or list of names, predicate, or array of numbers
            None is all of it. Names are those of mesh.boundaries. A predicate on coordinates
            (m, dim) -> bool (m,) is applied to the boundary's degrees of freedom.
        field : str, optional
            One field; all by default.
        component : int, optional
            One component of a vector; all by default.

        Raises
        ------
        ValueError, IndexError
            Names or numbers that are not known; functions that jump between cells.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.boundary_dofs("left").tolist(), V.boundary_dofs(lambda x: x[:, 1] == 1.0).tolist()
        ([0, 3, 6], [6, 7, 8])
        """
        self.require_gradients("a boundary condition")
        if field is None and component is None:
            return select_dofs(self, where)
        return numbers_at(self, field_of(self, field), where, component)

    def facet_points(self, where: Where = None) -> FacetPoints:
        """Quadrature on a part of the boundary, see `boundary_points`; kept.

        Parameters
        ----------
        where : see `boundary_points`

        Returns
        -------
        FacetPoints
            With `points` (qb, dim), `weights` (qb,) and outward `normals` (qb, dim).

        Raises
        ------
        ValueError, IndexError
            A part that is not known.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.facet_points("left").normals[0].tolist()
        [-1.0, 0.0]
        """
        facets = select_facets(self, where)
        return self._facet_points.kept(digest(facets), lambda: FacetPoints(self, facets))

    def prescribed(self, condition: Dirichlet, columns: int | None = None) -> Prescribed | None:
        """What a condition says of the unknowns; None where they are a scalar field's values at points.

        Parameters
        ----------
        condition : Dirichlet
        columns : int, optional
            Right-hand sides, where values may be given for each.

        Returns
        -------
        Prescribed or None

        Raises
        ------
        ValueError
            No field named where there are several, or a condition that the element cannot have.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), fem.vector("P1"))
        >>> V.prescribed(fem.Dirichlet("left", 0.0, component=1)).numbers.tolist()
        [1, 7, 13]
        """
        field = self._conditioned(condition)
        if len(self.fields) == 1 and field.is_nodal and not field.shape and (
                condition.component is None or columns is not None):
            return None
        if columns is not None:
            raise ValueError("values for several right-hand sides are for scalar spaces; expected u "
                             "(n,).")
        return prescribed(self, field, condition)

    def projections(self, conditions: list[Dirichlet]) -> tuple[list[Dirichlet], list[Prescribed]]:
        """The conditions that are no projections onto traces, and what those that are say together.

        Parameters
        ----------
        conditions : list of Dirichlet

        Returns
        -------
        others : list of Dirichlet
        projected : list of Prescribed

        Raises
        ------
        ValueError
            As in `prescribed`.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2), "RT1")
        >>> others, projected = V.projections([fem.Dirichlet("left", 0.0)])
        >>> len(others), projected[0].numbers.size
        (0, 2)
        """
        return projections(self, [(self._conditioned(c), c) for c in conditions])

    def _conditioned(self, condition):
        """The field that a condition is about."""
        if len(self.fields) > 1 and condition.field is None:
            raise ValueError(f"a Dirichlet condition names no field; the space has "
                             f"{', '.join(self.fields)}: dirichlet={{{self.field_names[0]!r}: …}}, or "
                             "fem.Dirichlet(where, value, field=…).")
        return field_of(self, condition.field)

    def periodic(self, one: Where, other: Where, field: str | None = None,
                 sign: float = 1.0) -> Constraint:
        """u on `one` = sign · u at the same places of `other`, shifted by a constant vector.

        For fields of values at points. The shift is the difference of the centres of both parts.

        Parameters
        ----------
        one, other : names or predicates, see `boundary_dofs`
        field : str, of several
        sign : 1.0, or −1.0 for antiperiodic functions

        Returns
        -------
        Constraint

        Raises
        ------
        ValueError
            Another number of nodes, or nodes without a partner.

        Examples
        --------
        −Δu = sin 2πx, periodic in x, zero below and above:

        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> b = V.load(lambda x: np.sin(2 * np.pi * x[:, 0]))
        >>> tie = V.periodic("left", "right")
        >>> u = fem.solve(V.laplace(), b, {"bottom": 0.0, "top": 0.0}, constraints=tie)
        >>> bool(np.allclose(u.numpy()[V.boundary_dofs("left")], u.numpy()[V.boundary_dofs("right")]))
        True
        """
        return ties.periodic(self, field_of(self, field), one, other, sign)

    def mean_value(self, value: Any = 0.0, field: str | None = None) -> Constraint:
        """∫ u w dx = value ∫ w dx of a scalar field (of every component of a vector), by a multiplier.

        Parameters
        ----------
        value : scalar or (components,), array or tensor
        field : str, of several

        Returns
        -------
        Constraint

        Examples
        --------
        Heat enters on the left and leaves on the right; the mean temperature is 20:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> b = V.flux(1.0, "left") - V.flux(1.0, "right")
        >>> u = fem.solve(V.laplace(), b, constraints=V.mean_value(20.0)).numpy()
        >>> [round(float(x), 6) for x in (u.min(), u.max())]
        [19.5, 20.5]
        """
        return ties.mean_value(self, field_of(self, field), value)

    def rigid_motions(self, field: str | None = None) -> Constraint:
        """∫ r·u w dx = 0 for all translations and rotations r of a displacement, by multipliers.

        Parameters
        ----------
        field : str, of several

        Returns
        -------
        Constraint
            Three rows in the plane, six in space.

        Raises
        ------
        ValueError
            The field is no displacement.

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2), fem.vector("P1")).rigid_motions().matrix.shape
        (3, 18)
        """
        return ties.rigid_motions(self, field_of(self, field))

    def reaction(self, form: Callable[..., Any], u: Array | Tensor, where: Where = None,
                 boundary: Mapping | None = None, field: str | None = None) -> Tensor:
        """Σ R_i over the degrees of freedom on Γ: the consistent reaction, ∫_Γ f₁·n ds, (components,).

        More accurate than the flux of u_h: of the order of the energy, not of the gradient. An unknown
        where Γ meets another part with Dirichlet values carries the reaction of both.

        Parameters
        ----------
        form, boundary : as in `residual`
        u : array or tensor (n,)
        where : see `boundary_dofs`
        field : str, of several

        Raises
        ------
        TypeError, ValueError
            As in `residual`.

        Examples
        --------
        What −Δu = 1 produces leaves through the left and the right side, ½ through each:

        >>> import fem
        >>> V = fem.Space(fem.unit_square(4))
        >>> u = fem.solve(V.laplace(), V.load(1.0), {"left": 0.0, "right": 0.0})
        >>> form = lambda u, grad_u, x: (-1.0, grad_u)
        >>> V.reaction(form, u, "left").numpy().round(6).tolist()
        [-0.5]
        """
        residual = self.residual(form, u, boundary)
        return LinearMap(ties.component_sums(self, field_of(self, field), where)) @ residual

    def boundary_points(self, where: Where = None) -> Array:
        """Quadrature points (qb, dim) on a part of the boundary.

        Parameters
        ----------
        where : None, name or list of names, predicate, or array of facet numbers
            None is all of it. Names are those of mesh.boundaries. A predicate on the midpoints of
            boundary facets (m, dim) -> bool (m,).

        Raises
        ------
        ValueError, IndexError
            A part that is not known.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> bool((V.boundary_points("right")[:, 0] == 1.0).all())
        True
        """
        return self.facet_points(where).points

    def boundary_weights(self, where: Where = None) -> Array:
        """Quadrature weights (qb,) at `boundary_points(where)`, with the weight function.

        Parameters
        ----------
        where : see `boundary_points`

        Examples
        --------
        The length of the unit square's boundary:

        >>> import fem
        >>> round(float(fem.Space(fem.unit_square(2)).boundary_weights().sum()), 6)
        4.0
        """
        return self.facet_points(where).weights

    def boundary_normals(self, where: Where = None) -> Array:
        """Outward unit normals (qb, dim) at `boundary_points(where)`.

        Parameters
        ----------
        where : see `boundary_points`

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(2)).boundary_normals("top")[0].tolist()
        [0.0, 1.0]
        """
        return self.facet_points(where).normals

    def facet_dofs(self, facets: Integers) -> Integers:
        """Sorted numbers of the degrees of freedom on facets, of all fields.

        Parameters
        ----------
        facets : whole numbers (m,) of facets

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.facet_dofs(V.mesh.boundaries["bottom"]).tolist()
        [0, 1, 2]
        """
        return np.concatenate([f.facet_dofs(facets) for f in self.fields.values()])

    # --- constant maps -------------------------------------------------------------------
    @functools.cached_property
    def value_map(self) -> LinearMap:
        """B, values at the quadrature points: a LinearMap (q, n) of a scalar space.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> bool(abs(V.value_map.matrix.sum(axis=1) - 1.0).max() < 1e-14)
        True
        """
        return LinearMap(self._maps.values)

    @functools.cached_property
    def gradient_map(self) -> LinearMap:
        """G, gradients at the quadrature points: a LinearMap (q·dim, n), rows (point, direction).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.gradient_map @ V.dof_points[:, 1]).numpy().reshape(-1, 2)[0].round(6).tolist()
        [0.0, 1.0]
        """
        return LinearMap(self._maps.gradients)

    @functools.cached_property
    def cell_integrals(self) -> LinearMap:
        """f at quadrature points ↦ ∫ f w dx over each cell, a LinearMap (n_cells, q).

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> (V.cell_integrals @ V.quadrature_points[:, 0]).numpy()[:2].round(6).tolist()
        [0.020833, 0.041667]
        """
        return LinearMap(self._maps.cell_sums)

    @functools.cached_property
    def locator(self) -> Locator:
        """Finds the cells of points: `locator.find(points)` is (cell numbers (m,), −1 outside; …).

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.locator.find(np.array([[0.1, 0.1], [0.9, 0.9], [2.0, 2.0]]))[0].tolist()
        [0, 1, -1]
        """
        return Locator(self.mesh, self.facets)

    @functools.cached_property
    def basis_integrals(self) -> Array:
        """m_i = ∫ φ_i w dx, (n,).

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(1)).basis_integrals.round(4).tolist()
        [0.1667, 0.3333, 0.3333, 0.1667]
        """
        return self._maps.load.matrix @ np.ones(len(self.quadrature_weights))

    @functools.cached_property
    def components(self) -> Integers:
        """Number of the connected component of each degree of freedom, (n,).

        Examples
        --------
        >>> import fem
        >>> fem.Space(fem.unit_square(1)).components.tolist()
        [0, 0, 0, 0]
        """
        cell_dofs = np.concatenate([f.cell_dofs for f in self.fields.values()])
        first = np.broadcast_to(cell_dofs[0], cell_dofs[1:].shape).ravel()
        edges = sp.coo_array((np.ones(len(first), dtype=bool), (first, cell_dofs[1:].ravel())),
                             shape=(self.n, self.n))
        return connected_components(edges.tocsr(), directed=False)[1]

    def partition(self, fixed: Integers) -> Partition:
        """The splitting of the unknowns into `fixed` and free ones, kept.

        Parameters
        ----------
        fixed : sorted whole numbers

        Returns
        -------
        Partition

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> V.partition(V.boundary_dofs()).free.tolist()
        [4]
        """
        return self._partitions.kept(digest(fixed), lambda: Partition(fixed, self.n))

    def elimination(self, rows: Any) -> Elimination:
        """The `Elimination` u = P z + L h of conditions E u = h, kept.

        Parameters
        ----------
        rows : sparse (m, n), E

        Raises
        ------
        ValueError
            Rows that contradict or repeat each other are refused with the values h.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.elimination(sp.csr_array([[1.0, -1.0, 0.0, 0.0]])).put.shape
        (4, 3)
        """
        rows = sp.csr_array(rows)
        rows.sort_indices()
        return self._partitions.kept(digest(rows.data, rows.indices, rows.indptr, np.array(rows.shape)),
                                     lambda: Elimination(rows))

    def name_null(self, null: Array) -> str | None:
        """A sentence on the null space of a singular system (constants, rigid motions); None for others.

        Parameters
        ----------
        null : ndarray (n, r)
            Its columns span the null space.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.name_null(np.ones((4, 1)))[:49]
        "the level of field 'u' is held by no condition: c"
        """
        return name_null(self, null)

    def weak_form(self, shape: tuple[int, ...]) -> WeakForm:
        """The maps of weak forms of a state of this shape; kept.

        Parameters
        ----------
        shape : (n,) or (n, k)

        Returns
        -------
        WeakForm

        Raises
        ------
        ValueError
            Functions that jump between cells.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(1))
        >>> V.weak_form((V.n,)) is V.weak_form((V.n,))
        True
        """
        self.require_gradients("a weak form")
        return self._weak_forms.kept(shape, lambda: WeakForm(self, shape))

    def weight_at(self, points: Array, boundary: bool = False) -> Array:
        """The weight function at points, (m,): finite and > 0, on the boundary ≥ 0; 1 without one.

        Parameters
        ----------
        points : ndarray (m, dim)
        boundary : bool

        Raises
        ------
        ValueError
            The weight is not finite, not positive, or of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> V = fem.Space(fem.rectangle(1, 1, (1.0, 0.0), (2.0, 1.0)), weight=lambda x: x[:, 0])
        >>> V.weight_at(np.array([[1.5, 0.0]])).tolist()
        [1.5]
        """
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

    def _set_fields(self, elements):
        fields, start = {}, 0
        for name, element in elements.items():
            fields[name] = Field(name, element, self.counted_mesh, start)
            start += fields[name].n
        self._set(fields=fields, n=start)
        self._set(is_continuous=any(f.is_continuous for f in fields.values()))
        self._set(unused_dofs=frozen(np.concatenate([f.unused for f in fields.values()])))

    def _coefficient(self, name, value, trailing=(), positive=False):
        return self.cells.coefficient(name, value, trailing, positive)


def _elements(element, refdom):
    """{field: element} of whatever form `element` has."""
    if not isinstance(element, Mapping):
        return {"u": element_of(element, refdom)}
    if not element:
        raise ValueError("element is an empty mapping; expected {field: element}.")
    bad = [name for name in element if not (isinstance(name, str) and name.isidentifier())]
    if bad:
        raise ValueError(f"element has the field {bad[0]!r}; expected names such as 'u'.")
    return {name: element_of(e, refdom) for name, e in element.items()}


def _own_copy(mesh):
    """A copy of the mesh that the caller cannot change."""
    check_numbers(mesh)
    named = {name: np.array(facets) for name, facets in (mesh.boundaries or {}).items()}
    return replace(mesh, doflocs=frozen(mesh.p.copy()),
                   t=frozen(mesh.t.copy())).with_boundaries(named)
