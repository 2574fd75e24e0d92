"""The unknowns of a finite element space, field by field, and the points where forms are evaluated."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem
import tensorflow as tf
from scipy.sparse.csgraph import connected_components

from fem.mesh.topology import Facets
from fem.space.cell_maps import CellMaps
from fem.space.field import Field
from fem.space.quadrature_points import CellPoints
from pcl.support.arrays import frozen
from pcl.support.nearest import nearest
from pcl.support.types import Array, Integers


class Unknowns:
    """What forms, loads, observations and conditions ask of a space: its fields and its quadrature.

    The contract of `Forms`, `Loads`, `Functions`, `Observations` and `Conditions`, each of which adds one
    kind of map and keeps nothing; `Space`, which is all of them, describes the attributes and sets them.
    """

    mesh: skfem.Mesh
    facets: Facets
    fields: dict[str, Field]
    is_continuous: bool
    n: int
    dim: int
    n_cells: int
    unused_dofs: Integers
    boundary_facets: Integers
    cells: CellPoints
    points_per_cell: int
    quadrature_order: int
    quadrature_points: Array
    quadrature_weights: Array
    weight: Callable[[Array], Array] | None
    _maps: CellMaps

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

    def _scalar(self, what, instead="state the form by V.system(form) or V.matrix(form)"):
        """Refuse what only a space with one scalar field offers, and say what does it for others."""
        field = self.only_field(what)
        if field.shape:
            raise ValueError(f"{what} is for scalar fields, but {field} has values of shape "
                             f"{field.shape}; {instead}.")
        return field

    def _coefficient(self, name, value, trailing=(), positive=False):
        return self.cells.coefficient(name, value, trailing, positive)
