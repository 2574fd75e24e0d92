"""Finite element functions at quadrature points, their integrals and pictures."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fem.output.plot import plot
from fem.space.boundary_points import BoundaryPoints
from fem.space.constant_maps import ConstantMaps
from fem.space.equation import functional_density
from fem.space.observe import field_of
from fem.space.regions import by_region, region_cells
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.types import Array, Tensor, Where
from pcl.support.validate import float64_array, known


class Functions(ConstantMaps, BoundaryPoints):
    """Values, derivatives and integrals of u_h = Σ_i u_i φ_i, and coefficients by region."""

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
