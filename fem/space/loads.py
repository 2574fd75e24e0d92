"""Right-hand sides of a finite element space."""

from collections.abc import Callable, Mapping
from typing import Any

from fem.common.coefficient import mapped, spread
from fem.space import places
from fem.space.boundary_points import BoundaryPoints
from fem.space.load import load_vector
from pcl.support.types import ArrayLike, Coefficient, Tensor, Where


class Loads(BoundaryPoints):
    """b_i = ℓ(φ_i) of sources in cells, on the boundary and at points."""

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
        self._scalar("load", "state it by V.vector(lambda x: {field: {'value': …}})")
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
        self._scalar("flux", "state it by V.vector(boundary={where: lambda x, normal: "
                             "{field: {'value': …}}})")
        part = self.facet_points(where)
        return mapped(part.load, spread(part.coefficient("g", g), len(part.weights)))

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
