"""Simulation of F(x', x, y, t) = 0, element by element, by a collocation scheme."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from pcl.collocation.chain import EPS
from pcl.collocation.mesh import Mesh
from pcl.collocation.run import Simulation
from pcl.collocation.scheme import Scheme
from pcl.collocation.solution import Solution
from pcl.collocation.start import HigherIndex, consistent_start
from pcl.collocation.stepping import Tolerance, first_step, on_mesh, with_step_control
from pcl.collocation.system import System
from pcl.collocation.watch import checked_events
from pcl.support.types import ArrayLike
from pcl.support.validate import float64_array, positive_integer

MAX_STEPS = 100_000


def simulate(residual: Callable, jacobian: Callable, scheme: Scheme, mesh: Any, x0: ArrayLike,
             y_guess: ArrayLike = (), *, rtol: float = 1e-6, atol: ArrayLike = 1e-9, index: int = 1,
             initial_step: float | None = None, max_steps: int = MAX_STEPS, breaks: ArrayLike = (),
             jumps: Sequence[tuple[float, Callable]] = (),
             events: Sequence[tuple[Callable, Callable | None]] = (), guess: Any = None,
             state_names: Sequence[str] | None = None,
             algebraic_names: Sequence[str] | None = None,
             equation_names: Sequence[str] | None = None) -> Solution:
    """Solve F(x', x, y, t) = 0 from x(t_0) = x0 by collocation.

    Parameters
    ----------
    residual : function (dx (m, n_x), x (m, n_x), y (m, n_y), t (m,)) -> (m, n_x + n_y)
    jacobian : function of the same -> (F_dx, F_x, F_y), each (m, n_x + n_y, its n)
    scheme : Scheme
        `radau(K)`, `gauss(K)` or `lobatto(K)`.
    mesh : Mesh or (t0, t1)
        A mesh is used as it is, without error control. Over a span the steps are chosen so that the
        error of each is below atol + rtol |x|, for the states and, with index 1, for y.
    x0 : array (n_x,)
        Never changed.
    y_guess : array (n_y,)
        Where the search for the initial algebraic values begins.
    rtol, atol : float, atol also (n_x + n_y,)
        Tolerances of a step with a span. On a mesh, values far below atol count as zero.
    index : 1, 2 or 3
        The highest index allowed. Orders at the end of the steps, uniform mesh, Radau IIA with K ≥ 2:
        index 1: 2K − 1 for x and y; index 2 (x' = f(x, y), 0 = g(x)): 2K − 1 for x, K for y;
        index 3 (q' = v, v' = f(q, v, λ), 0 = g(q)): 2K − 1 for q, K for v, K − 1 for λ; Gauss points
        lose two orders or do not converge there.
        With a span and index above 1 the error of the states alone is controlled.
    initial_step : float, optional
    max_steps : int
        Elements, at most.
    breaks : array of times, optional
        Where the equations jump or bend in t: elements end there. The equations are evaluated a hair to
        the left at the end of such an element and to the right at the start of the next, where x' and y
        start anew. A step sees the equations at its nodes alone: a pulse between them that is not given
        here is not seen. On a mesh they have to be boundaries.
    jumps : list of (time, function (x' (n_x,), x (n_x,), y (n_y,), t) -> x (n_x,)), optional
        At these times the states jump: what the function makes of the values to the left goes on. They
        count as `breaks`; those not inside the span do nothing. The polynomials end before a jump.
    events : list of (condition, function as of `jumps`, or None), optional
        Where a condition, a function (x' (m, n_x), x (m, n_x), y (m, n_y), t (m,)) -> (m,), falls from
        above 0 to 0, the states jump, or the simulation ends if there is no function. The zero is found
        on the collocation polynomial, looked at at 16 times an element; a step ends there. Over a span
        alone.
    guess : (start, slots, algebraic), optional
        Of a solution near by on the same mesh (see `Solution`): many elements are then solved together.
    state_names, algebraic_names, equation_names : sequences of str, optional
        For messages.

    Returns
    -------
    Solution
        Up to the time reached; `status` and `message` say why it ended.

    Raises
    ------
    HigherIndex, InconsistentStart
        At the start, see `consistent_start`.
    NotFinite, or what residual raises
        The equations cannot be evaluated at the start.
    NotConverged, SingularMatrix
        Not even the first step could be done.

    Notes
    -----
    Step control by doubling: every step is done at once and in two halves; the halves are kept and the
    difference at the end, divided by 2^K − 1, is the estimated error.
    Source: Hairer, Nørsett and Wanner I, section II.4 (step doubling); Hairer, Lubich and Roche, The
    Numerical Solution of Differential-Algebraic Systems by Runge–Kutta Methods (1989), and Hairer and
    Wanner II, chapters VI and VII (orders).

    Examples
    --------
    x' = −x y, 0 = y − x²:  x = (1 + 2t)^−½, so that x(4) = 1/3.

    >>> import numpy as np, pcl
    >>> def residual(dx, x, y, t):
    ...     return np.column_stack([dx + x * y, y - x**2])
    >>> def jacobian(dx, x, y, t):
    ...     one, x, y = np.ones(len(t)), x[:, 0], y[:, 0]
    ...     column = lambda *rows: np.column_stack(rows)[:, :, None]
    ...     return column(one, 0 * one), column(y, -2 * x), column(x, one)
    >>> radau = pcl.collocation.radau(3)
    >>> solution = pcl.collocation.simulate(residual, jacobian, radau, (0.0, 4.0), [1.0], [1.0])
    >>> solution.status.name, solution.x[-1].round(5), solution.y[-1].round(5)
    ('SOLVED', array([0.33333]), array([0.11111]))
    """
    x0 = float64_array("x0", x0, shape=(None,))
    y_guess = float64_array("y_guess", y_guess, shape=(None,))
    index = positive_integer("index", index, maximum=3)
    system = System.named(residual, jacobian, x0.size, y_guess.size, state_names, algebraic_names,
                          equation_names)
    given = isinstance(mesh, Mesh)
    span = (mesh.times[0], mesh.times[-1]) if given else _span(mesh)
    jumps = {float(t): g for t, g in jumps if span[0] < t < span[1]}
    breaks = np.append(float64_array("breaks", breaks, shape=(None,)), list(jumps))
    breaks = _breaks(breaks, span, mesh.times if given else None)
    start = consistent_start(system, _right_of(span[0], breaks), x0, y_guess, index)
    if start.index > 1 and scheme.points[0] == 0.0:
        raise HigherIndex(f"The index is {start.index}: the Lobatto points impose the equations at the "
                          "start of an element, where they do not determine the unknowns. Use radau or "
                          "gauss.")
    events = checked_events(events)
    if given and events:
        raise ValueError("events are given with a mesh, whose elements cannot end at them; expected a "
                         "span (t0, t1), over which steps are chosen.")
    run = Simulation(system, scheme, start, span, x0, breaks, jumps, events)
    tolerance = Tolerance.checked(rtol, atol, x0.size, y_guess.size, start.index)
    if given:
        return on_mesh(run, mesh, tolerance.atol, guess)
    return with_step_control(run, tolerance, partial(first_step, given=initial_step, tolerance=tolerance),
                             positive_integer("max_steps", max_steps))


def _breaks(breaks, span, times):
    """Those inside the span, and its start, once and in order."""
    breaks = np.unique(float64_array("breaks", breaks, shape=(None,)))
    breaks = breaks[(breaks >= span[0]) & (breaks < span[1])]
    if times is not None and not np.isin(breaks, times).all():
        k = int(np.flatnonzero(~np.isin(breaks, times))[0])
        raise ValueError(f"breaks has {breaks[k]:.9g}, which lies inside an element of the mesh; "
                         "expected boundaries. Add it to the times of the mesh.")
    return breaks


def _right_of(t, breaks):
    return np.nextafter(t, np.inf) if t in breaks else t


def _span(span):
    t0, t1 = float64_array("mesh", span, shape=(2,))
    if not t1 > t0 or t1 - t0 <= 1e3 * EPS * max(abs(t0), abs(t1)):
        raise ValueError(f"The span from {t0!r} to {t1!r} is empty, backwards, or below the resolution "
                         "of the time. Shift the origin of time, or integrate in 1 − t.")
    return t0, t1
