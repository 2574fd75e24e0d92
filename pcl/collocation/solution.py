"""What a simulation returns: the collocated solution as far as it went, and why it ended, in words."""

import enum
from dataclasses import dataclass

import numpy as np

from pcl.collocation.interpolation import interpolation
from pcl.collocation.mesh import Mesh
from pcl.collocation.scheme import Scheme
from pcl.support.types import Array, ArrayLike


class Status(enum.Enum):
    """Reason for the end of a simulation; the value is a sentence.

    Examples
    --------
    >>> import pcl
    >>> pcl.collocation.Status.STEP_LIMIT.success, pcl.collocation.Status.EVENT.success
    (False, True)
    >>> pcl.collocation.Status.STEP_LIMIT.value
    'Stopped: max_steps are used up. Raise it, or loosen the tolerances.'
    """

    SOLVED = "Solved: the end is reached and the estimated error of every step is within the tolerances."
    SOLVED_ON_MESH = ("Solved on the mesh given. The error is not controlled: look at error_estimate, or "
                      "simulate over a span with tolerances.")
    EVENT = "Ended at an event, as asked."
    SINGULAR = ("Stopped: the equations lose their solution, or it ceases to be unique (a fold, or an "
                "index that rises), at the time reached.")
    OTHER_BRANCH = ("Stopped: past the time reached Newton's method finds another branch of the "
                    "equations, which may have a fold there. Use a finer mesh, or simulate over a span "
                    "with step control.")
    NEWTON_FAILED = ("Stopped: Newton's method does not converge past the time reached. Use a finer "
                     "mesh, or simulate over a span with step control.")
    NOT_EVALUATED = ("Stopped: the equations cannot be evaluated past the time reached (NaN, infinite, "
                     "or an exception).")
    STEP_TOO_SMALL = ("Stopped: the tolerances ask for steps below the resolution of the time. Loosen "
                      "them; give `breaks` where the equations jump.")
    CROWDED = ("Stopped: events follow each other faster and faster, without end. Let a jump lead to "
               "rest where little is left, or end the simulation there.")
    STEP_LIMIT = "Stopped: max_steps are used up. Raise it, or loosen the tolerances."

    @property
    def success(self) -> bool:
        """True when the end of the span, or an event that ends it, is reached."""
        return self in (Status.SOLVED, Status.SOLVED_ON_MESH, Status.EVENT)


@dataclass(frozen=True, eq=False)
class Solution:
    """A collocated solution on `mesh`, which ends at the time reached.

    Attributes
    ----------
    scheme, mesh : Scheme, Mesh
    start : ndarray (N, n_x)
        States at the start of every element.
    slots : ndarray (N, K, n_x)
    algebraic : ndarray (N, K, n_y)
        Values at the nodes.
    end_state : ndarray (n_x,)
    first_algebraic : ndarray (n_y,)
        At t_0: the consistent values (index 1), or the polynomial of the first element there.
    status : Status
    message : str
        The status with time, state and names.
    index : int
        Index found at the start: 1 (or 0), 2, or 3 and above.
    moved : tuple of str
        Initial algebraic values that were computed and differ from the guess.
    steps, rejected, iterations : int
        Elements accepted, steps repeated, Newton steps taken.
    events : tuple of (time, number of the condition)

    Examples
    --------
    x' = −x:

    >>> import numpy as np, pcl
    >>> def residual(dx, x, y, t):
    ...     return dx + x
    >>> def jacobian(dx, x, y, t):
    ...     one = np.ones((len(t), 1, 1))
    ...     return one, one, np.zeros((len(t), 1, 0))
    >>> scheme, mesh = pcl.collocation.radau(3), pcl.collocation.Mesh.uniform(0.0, 1.0, 2)
    >>> solution = pcl.collocation.simulate(residual, jacobian, scheme, mesh, [1.0])
    >>> solution.t, solution.x[:, 0].round(6)
    (array([0. , 0.5, 1. ]), array([1.      , 0.606532, 0.367881]))
    >>> solution([0.25])[0].round(5), solution.derivative([0.25]).round(3)      # e^−¼ = 0.77880
    (array([[0.77877]]), array([[-0.779]]))
    """

    scheme: Scheme
    mesh: Mesh
    start: Array
    slots: Array
    algebraic: Array
    end_state: Array
    first_algebraic: Array
    status: Status
    message: str
    index: int
    moved: tuple[str, ...]
    steps: int
    rejected: int
    iterations: int
    events: tuple[tuple[float, int], ...] = ()

    @property
    def success(self) -> bool:
        """True when the end of the span, or an event that ends it, is reached."""
        return self.status.success

    @property
    def t(self) -> Array:
        """Boundaries of the elements (N + 1,)."""
        return self.mesh.times

    @property
    def x(self) -> Array:
        """States at the boundaries (N + 1, n_x)."""
        return np.vstack([self.start, self.end_state])

    @property
    def y(self) -> Array:
        """Algebraic variables at the boundaries (N + 1, n_y), from the element that ends there."""
        ends = self.scheme.end_algebraic @ self.algebraic
        return np.vstack([self.first_algebraic, ends])

    def __call__(self, t: ArrayLike) -> tuple[Array, Array]:
        """x (m, n_x) and y (m, n_y) at times t (m,) up to the time reached, by the polynomials."""
        element, rows = interpolation(self.scheme, self.mesh, t)
        x = np.einsum("mk,mkn->mn", rows, self._unknowns()[element])
        element, rows = interpolation(self.scheme, self.mesh, t, "algebraic")
        return x, np.einsum("mk,mkn->mn", rows, self.algebraic[element])

    def derivative(self, t: ArrayLike) -> Array:
        """x' (m, n_x) at times t (m,); ValueError outside the mesh."""
        element, rows = interpolation(self.scheme, self.mesh, t, "derivative")
        return np.einsum("mk,mkn->mn", rows, self._unknowns()[element])

    def _unknowns(self):
        return np.concatenate([self.start[:, None], self.slots], axis=1)
