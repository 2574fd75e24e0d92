"""An unknown coefficient c(x) = Σ_i θ_i ψ_i(x): an unknown a cell, a node, whatever an element has."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
from scipy.sparse.linalg import splu

from fem.common.coefficient import float64_value
from fem.mesh.geometry import is_curved
from fem.space.boundary import select_facets
from fem.space.element import default_order, describe, element_of
from fem.space.field import Field
from fem.space.observe import point_rows
from fem.space.quadrature_points import QuadraturePoints
from fem.space.space import Space
from fem.unknowns.domain import Domain
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.arrays import digest, selection
from pcl.support.caches import Bounded
from pcl.support.types import Array, ArrayLike, Tensor, Where
from pcl.support.validate import float64_array

# Maps to points of the user that a coefficient keeps.
KEPT = 16


class Coefficient:
    """c(x) = Σ_i θ_i ψ_i(x), for the forms of a space V: κ, a load, a Robin coefficient, a velocity.

        c.at(θ)                    (q,) at V's quadrature points, for V.laplace(…) and inside forms
        c.at_boundary(θ, where)    (qb,) at those of Γ, for V.flux(…), V.boundary_mass(…), forms on Γ
        c.function(θ)              x (m, dim) ↦ (m,), wherever a function of points is taken

    θ is a block of a `pcl.Problem`, (size,). A positive coefficient is a transform of c, tf.exp(c.at(θ)),
    or has bounds.

    Parameters
    ----------
    space : Space
        V, of the state.
    element : str, element of scikit-fem or fem.vector
        'P0' for one value a cell, 'P1', 'P2', …: see `Space`.
    mesh : scikit-fem mesh, optional
        Another mesh, coarser mostly, of the same domain; c is evaluated exactly at V's points. Points
        outside of it (curved boundaries) take the value of its nearest one.
    boundary : where, optional
        A part Γ of the boundary: then θ has the unknowns on Γ alone (a cellwise coefficient those of the
        cells at Γ), and norms and regularisers are those on Γ.

    Attributes
    ----------
    size : int
        Number of unknowns.
    space : Space
        That of c alone, on its own mesh.
    points : ndarray (size, dim)
        Where each of them belongs to, nan where that is no point.
    domain : Domain
        Quadrature on the cells of c, or on Γ.

    Raises
    ------
    TypeError, ValueError
        No Space; an element or a part of the boundary that is not known.

    Examples
    --------
    κ(x) = 1 + x in piecewise linear functions, as the coefficient of a form:

    >>> import fem
    >>> V = fem.Space(fem.unit_square(2))
    >>> c = fem.Coefficient(V, "P1")
    >>> c
    Coefficient(ElementTriP1, size=9)
    >>> theta = c.init(lambda x: 1.0 + x[:, 0])
    >>> A = V.laplace(c.at(theta))
    >>> round(float(V.load(c.at(theta)).numpy().sum()), 6)
    1.5
    """

    def __init__(self, space: Space, element: Any = "P0", *, mesh: skfem.Mesh | None = None,
                 boundary: Where = None):
        if not isinstance(space, Space):
            raise TypeError(f"space is a {type(space).__name__}; expected the fem.Space of the state.")
        self._state, self._same = space, mesh is None
        own = space.mesh if mesh is None else mesh
        self.space = Space(own, element, _order(space, own, element), space.weight)
        self.field: Field = self.space.only_field("a coefficient")
        self._where = boundary
        self._numbers = None if boundary is None else _numbers_on(self.space, self.field, boundary)
        self.size = self.space.n if self._numbers is None else len(self._numbers)
        self.points = self.space.dof_points if self._numbers is None else \
            self.space.dof_points[self._numbers]
        self._maps = Bounded(KEPT)
        of = self.space.cells if boundary is None else self.space.facet_points(boundary)
        self.domain = Domain(of, self.field, self._numbers, self.size)

    def __repr__(self) -> str:
        on = "" if self._where is None else f", boundary={self._where!r}"
        return f"Coefficient({describe(self.field.element)}, size={self.size}{on})"

    # --- values ---------------------------------------------------------------------------
    def at(self, theta: ArrayLike | Tensor, quantity: str = "value") -> Tensor:
        """c at V's quadrature points, (q, *shape); or its 'gradient' (q, dim), 'divergence', ….

        Parameters
        ----------
        theta : array or tensor (size,)
        quantity : 'value', 'gradient', 'divergence', …, as far as the element has it

        Raises
        ------
        ValueError
            Another shape, a quantity that the element does not have.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> c.at(c.init(lambda x: 3.0 * x[:, 1]), "gradient").numpy()[0].round(6).tolist()
        [0.0, 3.0]
        """
        return self._map(self._state.cells, quantity) @ self.checked(theta)

    def at_boundary(self, theta: ArrayLike | Tensor, where: Where = None,
                    quantity: str = "value") -> Tensor:
        """c at V.boundary_points(where), (qb, *shape), or another quantity of it.

        Parameters
        ----------
        theta : array or tensor (size,)
        where : see `Space.boundary_points`
            By default the part that c belongs to, which is all of the boundary by default.
        quantity : as in `at`

        Raises
        ------
        ValueError
            As in `at`; a part that is not known.

        Examples
        --------
        >>> import fem
        >>> V = fem.Space(fem.unit_square(2))
        >>> c = fem.Coefficient(V, "P0", boundary="left")
        >>> c.size, c.at_boundary(c.init(5.0)).numpy().tolist()
        (2, [5.0, 5.0, 5.0, 5.0])
        """
        points = self._state.facet_points(self._where if where is None else where)
        return self._map(points, quantity) @ self.checked(theta)

    def function(self, theta: ArrayLike | Tensor, quantity: str = "value") -> Callable[[Array], Tensor]:
        """x (m, dim) ↦ c(x), (m, *shape), at any points: inside forms, in `V.by_region`, for pictures.

        Where c jumps it is the value of one of the cells at x.

        Parameters
        ----------
        theta : array or tensor (size,)
        quantity : as in `at`

        Raises
        ------
        ValueError
            Another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(2)), "P1")
        >>> kappa = c.function(c.init(lambda x: 1.0 + x[:, 0]))
        >>> kappa(np.array([[0.3, 0.9]])).numpy().round(6).tolist()
        [1.3]
        """
        theta = self.checked(theta)

        def c(x: Array) -> Tensor:
            if x is self._state.quadrature_points:
                return self.at(theta, quantity)
            kept = self._maps.kept((digest(np.asarray(x)), quantity), lambda: self._located(x, quantity))
            return kept @ theta
        return c

    # --- starting values and bounds -------------------------------------------------------
    def init(self, value: Any = 0.0) -> Array:
        """Starting values θ (size,) of a constant, of a function of points, or as they are.

        Parameters
        ----------
        value : number, (components,), (size,), or function of points (m, dim) -> (m,) or (m, components)
            A function is interpolated where unknowns are values at points (P0: the cells' centres), and
            projected in L² elsewhere.

        Returns
        -------
        theta : ndarray (size,)

        Raises
        ------
        ValueError
            A value of another shape, or not finite.

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(1)), "P0")
        >>> c.init(2.0).tolist(), c.init(lambda x: x[:, 0]).round(4).tolist()
        ([2.0, 2.0], [0.3333, 0.6667])
        """
        if callable(value) and not self.field.is_nodal:
            return self._projected(value)
        points = self.points[::self.field.components]
        given = float64_array("value", value(points) if callable(value) else value)
        shape = (len(points), self.field.components)
        if given.shape == (self.size,) and (not callable(value) or shape[1] == 1):
            return given.copy()
        if given.shape == () and not self.field.is_nodal:
            return self._projected(lambda x: np.full((len(x), *self.field.shape), float(given)))
        if given.shape not in [(), shape[1:], shape]:
            raise ValueError(f"value has shape {given.shape}; expected a number, {shape[1:]}, {shape} or "
                             f"({self.size},).")
        return np.array(np.broadcast_to(given, shape)).ravel()

    def bounds(self, lower: Any = None, upper: Any = None) -> tuple:
        """(lower, upper) of θ, so that lower ≤ c(x) ≤ upper everywhere: minimize(…, bounds={name: …}).

        Parameters
        ----------
        lower, upper : number, function of points, (size,), or None

        Returns
        -------
        two ndarrays (size,), or None

        Raises
        ------
        ValueError
            Functions of the element may leave the range of their unknowns (P2, …); see Notes.

        Notes
        -----
        For elements other than P0, P1 and Q1 use a transform, pcl.bounded(0.1, 10.0) or tf.exp, of c.

        Examples
        --------
        >>> import fem
        >>> fem.Coefficient(fem.Space(fem.unit_square(1)), "P0").bounds(lower=0.1)
        (array([0.1, 0.1]), None)
        """
        if not self.field.is_nodal or not _within_range(self.field.element):
            raise ValueError(f"bounds of the unknowns of {describe(self.field.element)} do not bound its "
                             "functions; take 'P0' or 'P1', or a transform such as tf.exp(c.at(theta)).")
        return tuple(None if side is None else self.init(side) for side in (lower, upper))

    # --- maps -----------------------------------------------------------------------------
    def _map(self, points: QuadraturePoints, quantity):
        """θ ↦ a quantity at points of V, kept there."""
        key = "cells" if points is self._state.cells else digest(points.points)
        return self._maps.kept((key, quantity), lambda: self._made(points, quantity))

    def _made(self, points, quantity):
        if not self._same:
            return self._located(points.points, quantity)
        self.field.quantities.require(quantity, self.field.name)
        shape = len(points.weights), *self.field.quantities.shapes[quantity]
        return self._restricted(points.rows_of(self.field, quantity, self.space.n), shape)

    def _located(self, x, quantity):
        rows, shape = point_rows(self.space, x, "nearest", quantity)
        return self._restricted(rows, (len(x), *shape))

    def _restricted(self, rows, shape):
        if self._numbers is not None:
            rows = rows @ selection(self._numbers, self.space.n).T
        return LinearMap(rows, ((self.size,), shape))

    def checked(self, theta: ArrayLike | Tensor) -> Array | Tensor:
        """θ as float64, refused in another shape than (size,).

        Parameters
        ----------
        theta : array or tensor

        Raises
        ------
        TypeError, ValueError

        Examples
        --------
        >>> import fem
        >>> c = fem.Coefficient(fem.Space(fem.unit_square(1)), "P0")
        >>> c.checked([1, 2]).tolist()
        [1.0, 2.0]
        """
        theta = float64_value("theta", theta)
        if tuple(theta.shape) != (self.size,):
            raise ValueError(f"theta has shape {tuple(theta.shape)}; {self!r} expects ({self.size},), "
                             "for example from init(1.0).")
        return theta

    def _projected(self, function):
        """argmin ∫ |Σ θ_i ψ_i − f|² w dx."""
        rows, w = self.domain.map("value").matrix, self.domain.weights
        f = float64_array("value", function(self.domain.points), (len(w), *self.field.shape))
        weighted = sp.csr_array(sp.diags_array(np.repeat(w, rows.shape[0] // len(w))) @ rows)
        return splu(sp.csc_array(rows.T @ weighted)).solve(weighted.T @ f.ravel())


def _numbers_on(space, field, where):
    """Sorted numbers of the unknowns on a part of the boundary, of discontinuous ones in its cells."""
    facets = select_facets(space, where)
    if field.is_continuous:
        return field.facet_dofs(facets)
    return np.unique(field.cell_dofs[:, space.facets.cells[0, facets]])


def _within_range(element):
    """Whether basis functions of values at points are nowhere negative: values stay between those."""
    scalar = getattr(element, "elem", element)
    X = np.random.default_rng(0).dirichlet(np.ones(scalar.refdom.p.shape[1]), 50) @ scalar.refdom.p.T
    count = len(np.asarray(scalar.doflocs))
    return all((np.asarray(scalar.lbasis(X.T, i)[0]) > -1e-12).all() for i in range(count))


def _order(space, mesh, element):
    """Enough for the forms of V and for the square of c."""
    own = default_order(element_of(element, mesh.elem.refdom), space.weight is not None, is_curved(mesh))
    return max(space.quadrature_order, own)
