"""The start of F(x', x, y, t) = 0: what its index is, consistent x' and y, constraints on x."""

from dataclasses import dataclass

import numpy as np

from pcl.collocation.chain import nonzero
from pcl.collocation.system import RECOVERABLE
from pcl.errors import NotConverged

RANK = 1e-10        # singular values of the equilibrated matrix below this count as zero
CONSISTENT = 1e-8   # a constraint is kept when its residual is below this part of its own terms
MAX_ITERATIONS = 60


class InconsistentStart(ValueError):
    """The differential variables violate a constraint; the message names it with its residual.

    Examples
    --------
    0 = x − 1 does not hold for x0 = 3, whatever y is.

    >>> import numpy as np, pcl
    >>> def residual(dx, x, y, t):
    ...     return np.column_stack([dx - y, x[:, 0] - 1.0])
    >>> def jacobian(dx, x, y, t):
    ...     one = np.ones(len(t))
    ...     column = lambda *rows: np.column_stack(rows)[:, :, None]
    ...     return column(one, 0 * one), column(0 * one, one), column(-one, 0 * one)
    >>> mesh = pcl.collocation.Mesh.uniform(0.0, 1.0, 2)
    >>> radau = pcl.collocation.radau(2)
    >>> pcl.collocation.simulate(residual, jacobian, radau, mesh, [3.0], [0.0], index=2)
    Traceback (most recent call last):
        ...
    pcl.collocation.start.InconsistentStart: The initial states violate equation 1 (residual 2); ...
    """


class HigherIndex(ValueError):
    """The index of the equations is above the one stated.

    Examples
    --------
    x' = y, 0 = x − t has index 2: y appears in no equation without derivatives.

    >>> import numpy as np, pcl
    >>> def residual(dx, x, y, t):
    ...     return np.column_stack([dx - y, x[:, 0] - t])
    >>> def jacobian(dx, x, y, t):
    ...     one = np.ones(len(t))
    ...     column = lambda *rows: np.column_stack(rows)[:, :, None]
    ...     return column(one, 0 * one), column(0 * one, one), column(-one, 0 * one)
    >>> scheme, mesh = pcl.collocation.radau(2), pcl.collocation.Mesh.uniform(0.0, 1.0, 2)
    >>> pcl.collocation.simulate(residual, jacobian, scheme, mesh, [0.0], [1.0])
    Traceback (most recent call last):
        ...
    pcl.collocation.start.HigherIndex: The index is above 1 at t = 0: ... pass index=2 or index=3 ...
    >>> solution = pcl.collocation.simulate(residual, jacobian, scheme, mesh, [0.0], [1.0], index=2)
    >>> solution.index, solution.y[:, 0].round(9)
    (2, array([1., 1., 1.]))
    """


@dataclass(frozen=True, eq=False)
class Start:
    """Derivatives dx (n_x,) and algebraic variables y (n_y,) that belong to x at t.

    index : int
        1 when (x', y) are determined by the equations at this point, 2 or 3 (that or above) otherwise.
    moved : tuple of str
        Algebraic variables whose value was computed and differs from the guess, in words.
    """

    dx: np.ndarray
    y: np.ndarray
    index: int
    moved: tuple


def consistent_start(system, t, x, y_guess, index=1):
    """x' and y with F(x', x, y, t) = 0 for the given x, by a damped Newton solve from (0, y_guess).

    With index 1, [F_dx, F_y] is invertible and (x', y) are unique near the guess. Above, some equations
    Wᵀ F hold x alone: these and what their derivative in time says about x alone,

        Wᵀ (F_x x' + F_t) = 0,    W the left null space of [F_dx, F_y],

    are constraints that x has to satisfy; they are checked, not repaired.

    Raises
    ------
    HigherIndex
        The index found is above `index`: the equations and variables concerned are named.
    InconsistentStart
        x violates a constraint, which is named with its residual.
    NotConverged
        No y was found from this guess; with the residual norm.
    """
    dx, y, F = _solve(system, t, x, np.zeros(x.size), y_guess)
    point = (dx[None], x[None], y[None], np.array([t]))
    F_dx, F_x, F_y = (J[0] for J in system.differentiate(*point))
    terms = np.abs(F_dx) @ np.abs(dx) + np.abs(F_x) @ np.abs(x) + np.abs(F_y) @ np.abs(y)
    W, N = _null_spaces(np.hstack([F_dx, F_y]))
    if not W.shape[1]:
        _require_kept(system, F, terms, W, "")
        return Start(dx, y, 1, _moved(system, y_guess, y))
    if index == 1:
        raise HigherIndex(_above_one(system, t, W, N, F, F_dx, F_y))
    _require_kept(system, F, terms, W, "")
    F_t = _in_time(system, point)
    found = _check_hidden(system, dx, W, N[:x.size], F_x, F_t)
    if found > index:
        raise HigherIndex(f"The index is 3 or above at t = {t:.9g}, not {index}: the derivative in time "
                          f"of {_largest(system.equation_names, W)} does not determine "
                          f"{_largest(system.unknown_names, N)}. Pass index=3: collocation then loses "
                          "further orders, see `simulate`.")
    return Start(dx, y, found, ())


def restart(system, t, x, dx, y, index):
    """(x', x, y) to the right of a break, from (x', y) to its left.

    Above index 1 they are a guess alone: the next element determines them.

    Raises
    ------
    NotConverged
        The equations have no (x', y) there that Newton's method finds (index 1).
    """
    found, values, F = _solve(system, t, x, dx, y)
    if index == 1:
        point = (found[None], x[None], values[None], np.array([t]))
        terms = sum(np.abs(J[0]) @ np.abs(a[0]) for J, a in zip(system.differentiate(*point), point))
        _require_kept(system, F, terms, np.zeros((F.size, 0)), "")
    return found, x, values


def _solve(system, t, x, dx, y):
    """(x', y, F) by damped Gauss–Newton from (x', y); least squares where dependent."""
    n_x, time = x.size, np.array([t])
    v = np.concatenate([dx, y])
    F, unit = system.evaluate(v[None, :n_x], x[None], v[None, n_x:], time)[0], None
    for _ in range(MAX_ITERATIONS):
        F_dx, F_x, F_y = (J[0] for J in system.differentiate(v[None, :n_x], x[None], v[None, n_x:], time))
        A = np.hstack([F_dx, F_y])
        if unit is None:
            rows, columns = _equilibration(A)
            unit = np.where(np.abs(A).any(axis=1), rows, 1.0 / nonzero(np.abs(F_x) @ np.abs(x)))
        step = columns * np.linalg.lstsq(unit[:, None] * A * columns, -unit * F, rcond=1e-13)[0]
        v, F_new, moved = _line_search(system, t, x, v, F, step, unit)
        if not moved:
            break
        F = F_new
    return v[:n_x], v[n_x:], F


def _line_search(system, t, x, v, F, step, unit):
    """The first of v + step, v + step/2, … that lowers ‖unit · F‖; `moved` is False if none does."""
    n_x = x.size
    for length in 0.5 ** np.arange(12):
        trial = v + length * step
        try:
            F_new = system.evaluate(trial[None, :n_x], x[None], trial[None, n_x:], np.array([t]))[0]
        except RECOVERABLE:
            continue
        if np.linalg.norm(unit * F_new) < np.linalg.norm(unit * F) * (1 - 1e-3 * length):
            return trial, F_new, True
    return v, F, False


def _equilibration(A):
    """Factors of rows and columns of A that bring its largest entries near 1."""
    rows, columns = np.ones(A.shape[0]), np.ones(A.shape[1])
    for _ in range(3):
        scaled = np.abs(rows[:, None] * A * columns)
        rows = rows / nonzero(np.sqrt(scaled.max(axis=1, initial=0.0)))
        columns = columns / nonzero(np.sqrt(scaled.max(axis=0, initial=0.0)))
    return rows, columns


def _null_spaces(A):
    """Orthonormal left and right null spaces (n, r) of A, its rank judged after equilibration."""
    rows, columns = _equilibration(A)
    U, s, Vt = np.linalg.svd(rows[:, None] * A * columns)
    null = s <= RANK * s.max(initial=0.0)
    W, N = rows[:, None] * U[:, null], columns[:, None] * Vt[null].T
    return W / nonzero(np.linalg.norm(W, axis=0)), N / nonzero(np.linalg.norm(N, axis=0))


def _require_kept(system, F, terms, W, what):
    """Refuse a residual above CONSISTENT of its terms; W tells a constraint from no solution."""
    bad = np.flatnonzero(np.abs(F) > CONSISTENT * terms + 1e-12)
    if not bad.size:
        return
    words = ", ".join(f"{system.equation_names[i]} (residual {F[i]:.3g})" for i in bad)
    norm = np.linalg.norm(F)
    if W.shape[1] and (np.linalg.norm(W.T @ F) > 0.5 * norm):
        raise InconsistentStart(f"The initial states violate {what}{words}; residual norm {norm:.3g}. "
                                "No algebraic value can repair it: give initial states that satisfy it.")
    raise NotConverged("No consistent derivatives and algebraic values were found at the start: "
                       f"{words}; residual norm {norm:.3g}. Give a better guess of "
                       f"{', '.join(system.algebraic_names) or 'the initial states'}.")


def _check_hidden(system, dx, W, N_x, F_x, F_t):
    """2 when the constraints' derivative in time determines what F left open, else 3 (or above)."""
    drift = W.T @ (F_x @ dx + F_t)
    coupling = W.T @ F_x @ N_x
    size = np.abs(W.T) @ (np.abs(F_x) @ np.abs(dx) + np.abs(F_t)) + 1e-12
    U, s, _ = np.linalg.svd(coupling)
    reach = np.abs(W.T) @ np.abs(F_x) @ np.abs(N_x)
    rank = int((s > RANK * max(reach.max(initial=0.0), 1e-300)).sum())
    left = U[:, rank:]
    hidden = left.T @ drift
    bad = np.abs(hidden) > CONSISTENT * (np.abs(left.T) @ size)
    if bad.any():
        raise InconsistentStart("The initial states violate the hidden constraint d/dt of "
                                f"{_largest(system.equation_names, W @ left[:, bad])} = 0; residual "
                                f"{np.abs(hidden).max():.3g}. Give initial states that satisfy it.")
    return 2 if rank == len(s) else 3


def _in_time(system, point):
    """∂F/∂t at one point by central differences."""
    dx, x, y, t = point
    step = 1e-6 * max(1.0, abs(t[0]))
    return (system.evaluate(dx, x, y, t + step) - system.evaluate(dx, x, y, t - step))[0] / (2 * step)


def _above_one(system, t, W, N, F, F_dx, F_y):
    text = (f"The index is above 1 at t = {t:.9g}: {_largest(system.equation_names, W)} and the other "
            f"equations do not determine {_largest(system.unknown_names, N)} ([F_dx, F_y] is singular). ")
    absent = [name for name, column in zip(system.state_names, F_dx.T) if not column.any()]
    if absent:
        text += f"No equation holds the derivative of {', '.join(absent)}: declare it algebraic. "
    unused = [name for name, column in zip(system.algebraic_names, F_y.T) if not column.any()]
    if unused:
        text += f"No equation holds {', '.join(unused)} at this point. "
    if np.linalg.norm(F) > CONSISTENT:
        text += (f"The residual norm there is {np.linalg.norm(F):.3g}: the states may violate a "
                 "constraint. ")
    return text + ("Differentiate the constraint, or pass index=2 or index=3 to collocate as it is, with "
                   "the lower order stated in `simulate`.")


def _largest(names, vectors):
    """Names with an entry above a tenth of the largest in one of the columns."""
    size = np.abs(vectors).max(axis=1)
    return ", ".join(name for name, s in zip(names, size) if s > 0.1 * size.max())


def _moved(system, guess, y):
    changed = np.abs(y - guess) > CONSISTENT * np.maximum(np.abs(y), np.abs(guess))
    return tuple(f"{name}: {a:.9g} given, {b:.9g} consistent"
                 for name, a, b, c in zip(system.algebraic_names, guess, y, changed) if c)
