"""What a refinement has come to: the meshes on the way, the last solution, and a verdict."""

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import skfem

from fem.space.space import Space
from pcl.problem import Problem
from pcl.support.types import Array

# An estimate whose shares cancel is not trusted below this part of the sum of their sizes.
CANCELLING = 0.1


class End(enum.Enum):
    """Why the refinement ended; the value is a sentence with a remedy."""

    REACHED = "The estimated error is within the tolerance."
    TOO_MANY_CELLS = ("The next mesh would have more than max_cells cells: the estimated error is above "
                      "the tolerance. Give fem.Refining(max_cells=…) more, or elements of higher order.")
    NOTHING_TO_REFINE = ("No cell has a share in the error, but the estimate is above the tolerance: "
                         "Dirichlet values that the element does not hold, or a functional that does not "
                         "depend on u.")


@dataclass(frozen=True, eq=False)
class Level:
    """One mesh on the way.

    Attributes
    ----------
    space : Space
    theta : {block: array}
    u : ndarray (n,)
    value : float
        The quantity; of a fit Σ r².
    estimate : float
        Of the quantity of the exact solution − value; of a fit the shift of θ, in standard errors.
    by_cell : ndarray (n_cells,), the shares of the estimate, with signs
    """

    space: Space
    theta: dict[str, Array]
    u: Array
    value: float
    estimate: float
    by_cell: Array

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.space.n_cells

    @property
    def error(self) -> float:
        """What is compared with the tolerance: |estimate|, at least a tenth of Σ |η_K|."""
        return max(abs(self.estimate), CANCELLING * float(np.abs(self.by_cell).sum()))


@dataclass(frozen=True, eq=False)
class Refined:
    """The last level, how it came about, and whether the tolerance is reached.

    Attributes
    ----------
    history : tuple of Level
    end : End
    tolerance : float
    problem : Problem or None
        Of a fit, on the last mesh.
    shift, standard_error : {block: array}
        Of a fit: estimated (θ of the exact solution − θ), and what the noise leaves open.
    remarks : tuple of str
    """

    history: tuple[Level, ...]
    end: End
    tolerance: float
    problem: Problem | None = None
    shift: dict[str, Array] = field(default_factory=dict)
    standard_error: dict[str, Array] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def last(self) -> Level:
        """The level of the answer."""
        return self.history[-1]

    @property
    def success(self) -> bool:
        """Whether the tolerance is reached, and of a fit whether it converged."""
        return self.end is End.REACHED and not self.remarks

    @property
    def mesh(self) -> skfem.Mesh:
        """The last mesh, with its names."""
        return self.last.space.mesh

    @property
    def space(self) -> Space:
        """The last space."""
        return self.last.space

    @property
    def theta(self) -> dict[str, Array]:
        """θ on the last mesh, by block."""
        return self.last.theta

    @property
    def u(self) -> Array:
        """The last solution (n,)."""
        return self.last.u

    @property
    def value(self) -> float:
        """The quantity on the last mesh; of a fit Σ r²."""
        return self.last.value

    @property
    def estimate(self) -> float:
        """Estimated error of the quantity, with its sign; of a fit the shift of θ in standard errors."""
        return self.last.estimate

    @property
    def verdict(self) -> str:
        """What has been reached, in words."""
        unit = " standard errors" if self.standard_error else ""
        first, last = self.history[0].cells, self.last.cells
        numbers = (f"{len(self.history)} meshes, from {first} to {last} cells: estimated error "
                   f"{self.last.error:.2g}{unit}, tolerance {self.tolerance:.2g}.")
        return " ".join([self.end.value, numbers, *self.remarks])

    def __str__(self):
        head = f"{'cells':>8}{'unknowns':>10}{'value':>16}{'estimate':>12}{'sum of sizes':>14}"
        rows = [f"{a.cells:>8}{a.space.n:>10}{a.value:>16.8g}{a.estimate:>12.2e}"
                f"{np.abs(a.by_cell).sum():>14.2e}" for a in self.history]
        return "\n".join([head, *rows, self.verdict])


def ended(level: Level, tolerance: float) -> Any:
    """The `End` that a level's estimate brings, None to go on."""
    if level.error <= tolerance:
        return End.REACHED
    return None if level.by_cell.any() else End.NOTHING_TO_REFINE
