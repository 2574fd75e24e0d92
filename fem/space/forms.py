"""Matrices and residuals of a finite element space."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fem.common.coefficient import flattened, mapped, spread
from fem.space import ties
from fem.space.boundary_points import BoundaryPoints
from fem.space.constant_maps import ConstantMaps
from fem.space.equation import depends, equation_of
from fem.space.form import Form
from fem.space.matrix_form import load_of, matrix_of
from fem.space.observe import field_of
from fem.space.pairs import warn_of_unstable
from fem.space.plates import warn_of_kinks
from fem.space.weak_form import check_state
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.matrix import SparseMatrix
from pcl.support.types import Array, ArrayLike, Coefficient, Tensor, Where


class Forms(ConstantMaps, BoundaryPoints):
    """A_ij = a(φ_j, φ_i) of forms in cells and on the boundary; R_i = r(u; φ_i), and its sums on Γ."""

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
        self._scalar("boundary_mass", "state the form by V.system(form, boundary={where: form})")
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
