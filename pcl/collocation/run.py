"""What a simulation holds while it runs: the elements so far, and what it ends with."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pcl.collocation.branch import OtherBranch, require_continuous, weakness
from pcl.collocation.guess import guesses
from pcl.collocation.mesh import Mesh, node_times
from pcl.collocation.newton import solve_chain
from pcl.collocation.scheme import Scheme
from pcl.collocation.solution import Solution, Status
from pcl.collocation.start import restart
from pcl.collocation.system import RECOVERABLE
from pcl.collocation.watch import Watch
from pcl.errors import NotConverged, SingularMatrix
from pcl.support.validate import float64_array

NEARLY_SINGULAR = 1e-3      # relative singular value of [F_dx, F_y] at which a simulation that cannot go
#                             on is said to have met a fold: within 1e-6 of it in time, as σ ~ √(T − t)
RECENT = 100                # steps back from there whose largest values are the measure


@dataclass
class Simulation:
    """What changes during a simulation.

    Attributes
    ----------
    point : (x', x, y, t) at the time reached; after a break (x', y) to its right
    last : Chain of one element, whose polynomial goes on; None at the start and after a break
    """

    system: Any
    scheme: Scheme
    start: Any
    span: tuple
    x0: np.ndarray
    breaks: np.ndarray
    jumps: dict = field(default_factory=dict)
    events: list = field(default_factory=list)
    pieces: list = field(default_factory=list)
    rejected: int = 0
    iterations: int = 0
    point: tuple = ()
    last: Any = None

    def __post_init__(self):
        self.point = (self.start.dx, self.x0, self.start.y, self.span[0])
        self.watch = Watch([condition for condition, _ in self.events], self.point)

    @property
    def steps(self):
        """Elements so far."""
        return sum(len(piece.t) for piece in self.pieces)

    def limit(self):
        """The time that steps must not lead over: the next jump, or the end."""
        return min((t for t in self.jumps if t > self.point[3]), default=self.span[1])

    def nodes(self, times):
        """Times of the nodes (E, K) of elements (E, 2), a hair inside where one ends at a break."""
        begin, end = times.T
        return node_times(self.scheme, begin, end, self.breaks)

    def solve(self, times, before, accuracy, damped):
        """The chain on these elements from the first guess that leads to a solution."""
        failure: Exception | None = None
        for guess in guesses(self, times, before):
            try:
                return self.newton(guess, accuracy, damped)
            except RECOVERABLE as problem:
                failure = failure or problem
        assert failure is not None      # there is always a guess
        raise failure

    def newton(self, guess, accuracy, damped):
        """`solve_chain`, counted."""
        chain, iterations = solve_chain(self.system, guess, accuracy, damped)
        self.iterations += iterations
        return chain

    def accept(self, chain, end):
        """Take the elements of a row as the next ones, if they stay on the branch (index 1).

        Raises
        ------
        OtherBranch
        """
        point = (*chain.end(), end)
        if self.start.index == 1:
            require_continuous(self.system, self.point, chain, self._joined(chain))
        self.pieces.append(chain)
        self.point, self.last = point, chain.part(slice(-1, None))
        self.watch.passed(chain)

    def cross(self):
        """At a break: (x', y) to its right, of other states after a jump, and no polynomial goes on.

        Raises
        ------
        What `restart` raises.
        """
        dx, x, y, t = self.point
        if t in self.breaks and self.last is not None:
            if t in self.jumps:
                self._jump(self.jumps[t])
            else:
                self._restart(x)

    def happen(self, found):
        """An event at the time reached: the states jump. Whether the simulation goes on."""
        jump = self.events[found.number][1]
        if jump is not None:
            self._jump(jump)
        self.watch.happened(found, self.point)
        return jump is not None

    def _jump(self, function):
        dx, x, y, t = self.point
        self._restart(float64_array(f"the states after the jump at t = {t:.9g}", function(dx, x, y, t),
                                    x.shape))

    def _restart(self, x):
        dx, _, y, t = self.point
        self.point = (*restart(self.system, np.nextafter(t, np.inf), x, dx, y, self.start.index), t)
        self.last = None

    def _joined(self, chain):
        joined = ~np.isin(chain.t, self.breaks)
        joined[0] = True
        return joined

    def finish(self, status, failure=None):
        """The Solution; `failure` is the exception that ended it."""
        if not self.pieces:
            raise failure
        last = self.pieces[-1]
        times = np.concatenate([*(piece.t for piece in self.pieces), [self.point[3]]])
        start, slots, algebraic = (np.concatenate([getattr(piece, name) for piece in self.pieces])
                                   for name in ("x0", "slots", "algebraic"))
        return Solution(self.scheme, Mesh(times), start, slots, algebraic, last.end()[1],
                        self._first_algebraic(), status, self._message(status, failure), self.start.index,
                        self.start.moved, self.steps, self.rejected, self.iterations,
                        tuple((found.time, found.number) for found in self.watch.found))

    def stopped(self, failure):
        """The Solution where no step leads on, with what failed; a fold only where there is one."""
        status = _why(failure)
        if self.start.index == 1 and self.pieces and status is not Status.NOT_EVALUATED:
            relative, weak = self._weakness()
            if relative < NEARLY_SINGULAR:
                return self.finish(Status.SINGULAR, SingularMatrix(f"There {weak}."))
            failure = NotConverged(f"{failure} The equations are regular at the time reached: {weak}.")
        return self.finish(status, failure)

    def singular(self):
        """Whether [F_dx, F_y] is as good as singular at the time reached (index 1)."""
        return bool(self.start.index == 1 and self.pieces and self._weakness()[0] < NEARLY_SINGULAR)

    def _weakness(self):
        """See `weakness`; sizes are those of the last `RECENT` steps."""
        recent = [piece.points() for piece in self.pieces[-RECENT:]]
        return weakness(self.system, self.point, [np.concatenate(columns) for columns in zip(*recent)])

    def _first_algebraic(self):
        if self.start.index == 1:
            return self.start.y
        return self.scheme.algebraic_at(0.0)[0] @ self.pieces[0].algebraic[0]

    def _message(self, status, failure):
        if status.success:
            return status.value
        _, x, y, t = self.point
        return (f"{status.value} Reached t = {t:.9g} with {self.system.describe(x, y)}. "
                f"{failure or ''}").strip()


def _why(failure):
    """The status that this exception of a step stands for."""
    if isinstance(failure, OtherBranch):
        return Status.OTHER_BRANCH
    if isinstance(failure, (SingularMatrix, NotConverged)):
        return Status.NEWTON_FAILED
    return Status.NOT_EVALUATED
