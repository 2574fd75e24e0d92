"""Simulation of F(x', x, y, t) = 0, element by element, by a collocation scheme."""

from pcl.collocation.element import EPS
from pcl.collocation.mesh import Mesh
from pcl.collocation.run import Run
from pcl.collocation.start import HigherIndex, consistent_start
from pcl.collocation.stepping import Tolerance, first_step, on_mesh, with_step_control
from pcl.collocation.system import System
from pcl.validate import float64_array, positive_integer

MAX_STEPS = 100_000


def simulate(residual, jacobian, scheme, mesh, x0, y_guess=(), *, rtol=1e-6, atol=1e-9, index=1,
             initial_step=None, max_steps=MAX_STEPS, state_names=None, algebraic_names=None,
             equation_names=None):
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
        Tolerances of a step; only with a span.
    index : 1, 2 or 3
        The highest index allowed. Orders at the end of the steps, uniform mesh, Radau IIA with K ≥ 2:
        index 1: 2K − 1 for x and y; index 2 (x' = f(x, y), 0 = g(x)): 2K − 1 for x, K for y;
        index 3 (q' = v, v' = f(q, v, λ), 0 = g(q)): 2K − 1 for q, K for v, K − 1 for λ; Gauss points
        lose two orders or do not converge there.
        With a span and index above 1 the error of the states alone is controlled.
    initial_step : float, optional
    max_steps : int

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
    """
    x0 = float64_array("x0", x0, shape=(None,))
    y_guess = float64_array("y_guess", y_guess, shape=(None,))
    index = positive_integer("index", index, maximum=3)
    system = System.named(residual, jacobian, x0.size, y_guess.size, state_names, algebraic_names,
                          equation_names)
    span = (mesh.times[0], mesh.times[-1]) if isinstance(mesh, Mesh) else _span(mesh)
    start = consistent_start(system, span[0], x0, y_guess, index)
    if start.index > 1 and scheme.points[0] == 0.0:
        raise HigherIndex(f"The index is {start.index}: the Lobatto points impose the equations at the "
                          "start of an element, where they do not determine the unknowns. Use radau or "
                          "gauss.")
    run = Run(system, scheme, start, span, x0)
    if isinstance(mesh, Mesh):
        return on_mesh(run, mesh)
    tolerance = Tolerance.checked(rtol, atol, x0.size, y_guess.size, start.index)
    return with_step_control(run, tolerance, first_step(run, initial_step, tolerance),
                             positive_integer("max_steps", max_steps))


def _span(span):
    t0, t1 = float64_array("mesh", span, shape=(2,))
    if not t1 > t0 or t1 - t0 <= 1e3 * EPS * max(abs(t0), abs(t1)):
        raise ValueError(f"The span from {t0!r} to {t1!r} is empty, backwards, or below the resolution "
                         "of the time. Shift the origin of time, or integrate in 1 − t.")
    return t0, t1
