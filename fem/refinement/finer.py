"""How meshes are refined, and the elements of the space that judges them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import skfem

from fem.space.element import vector
from fem.space.space import Space
from pcl.support.types import Array, Integers
from pcl.support.validate import positive_integer

_NEXT = {"P0": "P1-discontinuous", "P1": "P2", "P2": "P3", "P3": "P4", "Q1": "Q2"}


@dataclass(frozen=True)
class Refining:
    """How to refine.

    Attributes
    ----------
    fraction : float
        Share of the sum of all |η_K| that the refined cells hold (Dörfler's marking), in (0, 1].
    max_cells : int
        Meshes with more cells are not solved on.
    uniform : bool
        Refine every cell; the only way for quadrilaterals and hexahedra.
    finer : element of the judging space on the same mesh; None for one order more
    weight, quadrature_order : see `fem.Space`

    Raises
    ------
    ValueError
        A fraction outside of (0, 1], max_cells below 1.

    Examples
    --------
    >>> import fem
    >>> how = fem.Refining(fraction=0.7, max_cells=5000)
    >>> [V.n for V in how.spaces(fem.unit_square(2), "P1")]
    [9, 25]
    """

    fraction: float = 0.5
    max_cells: int = 20_000
    uniform: bool = False
    finer: Any = None
    weight: Callable[[Array], Any] | None = None
    quadrature_order: int | None = None

    def __post_init__(self):
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction is {self.fraction!r}; expected a number in (0, 1], such as 0.5.")
        positive_integer("max_cells", self.max_cells)

    def spaces(self, mesh: skfem.Mesh, element: Any) -> tuple[Space, Space]:
        """The space of the solution and the finer one that judges it.

        Parameters
        ----------
        mesh : skfem.Mesh
        element : see `fem.Space`

        Returns
        -------
        two Spaces

        Raises
        ------
        ValueError
            No element of one order more is known.

        Examples
        --------
        >>> import fem
        >>> V, W = fem.Refining().spaces(fem.unit_square(1), "P2")
        >>> type(V.element).__name__, type(W.element).__name__
        ('ElementTriP2', 'ElementTriP3')
        """
        finer = next_order(element) if self.finer is None else self.finer
        order = self.quadrature_order
        return (Space(mesh, element, order, self.weight),
                Space(mesh, finer, None if order is None else order + 2, self.weight))


def next_order(element: Any) -> Any:
    """The element one order higher, field by field.

    Raises
    ------
    ValueError
    """
    if isinstance(element, Mapping):
        return {name: next_order(e) for name, e in element.items()}
    if isinstance(element, vector):
        return vector(next_order(element.element), element.components)
    if not isinstance(element, str) or element not in _NEXT:
        raise ValueError(f"no element of one order more is known for {element!r}; name it: "
                         "fem.Refining(finer=…), whose unknowns are values at points too.")
    return _NEXT[element]


def marked(by_cell: Array, fraction: float) -> Integers:
    """The fewest cells K with Σ |η_K| ≥ fraction · the sum over all cells.

    Source: W. Dörfler, A convergent adaptive algorithm for Poisson's equation, SIAM J. Numer. Anal. 33
    (1996), eq. (4.3), with a sum of |η_K| in place of squares.
    """
    size = np.abs(by_cell)
    order = np.argsort(-size, kind="stable")
    count = np.searchsorted(np.cumsum(size[order]), fraction * size.sum() * (1 - 1e-12)) + 1
    return np.sort(order[:count])
