"""What a simulation holds while it runs: the elements so far, and what it ends with."""

from dataclasses import dataclass, field

import numpy as np

from pcl.collocation.branch import require_continuous
from pcl.collocation.element import solve_element
from pcl.collocation.mesh import Mesh
from pcl.collocation.solution import Solution, Status
from pcl.errors import NotConverged, SingularMatrix


@dataclass
class Run:
    """What changes during a simulation."""

    system: object
    scheme: object
    start: object
    span: tuple
    x0: np.ndarray
    elements: list = field(default_factory=list)
    rejected: int = 0
    iterations: int = 0

    @property
    def point(self):
        """(x', x, y, t) at the time reached."""
        if not self.elements:
            return self.start.dx, self.x0, self.start.y, self.span[0]
        last = self.elements[-1]
        return *last.end(), last.t + last.h

    def solve(self, guess, weights, tolerance, damped, before):
        """The element from this guess, on the branch of the point `before` (index 1)."""
        element = solve_element(self.system, guess, weights, tolerance, damped)
        self.iterations += element.iterations
        if self.start.index == 1:
            require_continuous(self.system, before, element)
        return element

    def nodes(self, t, h, end=None):
        """Times of the nodes; `end` is the exact end of the element where it is known."""
        nodes = t + h * self.scheme.points
        if end is not None and self.scheme.holds_end:
            nodes[-1] = end
        return nodes

    def finish(self, status, failure=None):
        """The Solution; `failure` is the exception that ended it."""
        if not self.elements:
            raise failure
        last = self.elements[-1]
        times = np.array([e.t for e in self.elements] + [last.t + last.h])
        times[-1] = self.span[1] if status.success else times[-1]
        return Solution(self.scheme, Mesh(times), np.array([e.x0 for e in self.elements]),
                        np.array([e.slots for e in self.elements]),
                        np.array([e.algebraic for e in self.elements]), last.end()[1],
                        self._first_algebraic(), status, self._message(status, failure), self.start.index,
                        self.start.moved, len(self.elements), self.rejected, self.iterations)

    def _first_algebraic(self):
        if self.start.index == 1:
            return self.start.y
        return self.scheme.algebraic_at(0.0)[0] @ self.elements[0].algebraic

    def _message(self, status, failure):
        if status.success:
            return status.value
        _, x, y, t = self.point
        return (f"{status.value} Reached t = {t:.9g} with {self.system.describe(x, y)}. "
                f"{failure or ''}").strip()


def why(failure):
    """The status that this exception of a step stands for."""
    if isinstance(failure, SingularMatrix):
        return Status.SINGULAR
    return Status.NEWTON_FAILED if isinstance(failure, NotConverged) else Status.NOT_EVALUATED
