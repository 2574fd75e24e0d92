"""March a semi-discrete equation through time with Dirichlet data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from fem.common.conditions import Conditions
from fem.common.prescribed import remembered, warn_of_prescribed
from fem.grid.grid import Grid
from fem.solvers.tied import Tied
from fem.space.space import Space
from pcl.evolution import march as marching
from pcl.evolution.systems import FirstOrder, SecondOrder
from pcl.evolution.times import AdaptiveTimes, start_of
from pcl.nodes.linear.linear_map import LinearMap
from pcl.support.types import ArrayLike, Coefficient, Tensor
from pcl.support.validate import float64_array


def march(space: Space | Grid, system: FirstOrder | SecondOrder, initial: Coefficient,
          times: ArrayLike | AdaptiveTimes, scheme: Any = None, *, dirichlet: Any = None,
          dirichlet_at: Callable[[Tensor], Any] | None = None, constraints: Any = None,
          readings: tuple[ArrayLike, ArrayLike] | None = None, **options: Any) -> Tensor:
    """u(t) of M u' + K u + r(u, t) = f(t), or of second order, with Dirichlet conditions.

    Parameters
    ----------
    space : Space or Grid
    system : pcl.FirstOrder or pcl.SecondOrder
        Made of the forms of the space: mass, laplace, residual, load.
    initial : (n,) or (n, k), or a scalar for a constant, or a function of points (n, dim) -> (n,)
    times, scheme : see `pcl.march`
    dirichlet : conditions constant in time, in any form that `fem.solve` takes
    dirichlet_at : function t -> such conditions, always for the same degrees of freedom; t is a
        float64 scalar tensor
    constraints : fem.Constraint or list of them, optional
        As in `fem.solve`, constant in time. Multipliers (a mean value, rigid motions) are for systems of
        first order and schemes that are implicit in all terms.
    readings : (points (m, dim), times (m,)), optional
        Pairs of place and time, in any order: u is returned at these only. Not together with `at`.
    options : see `pcl.march` (rate, at, radius, return_rate, memory, solver, tolerance, …)

    Returns
    -------
    u : tensor (n, m) or (n, k, m), a column for each time; with `readings` (m,) or (m, k)

    Raises
    ------
    TypeError, ValueError
        No space, both kinds of conditions, or what `pcl.march` refuses.

    Warns
    -----
    RuntimeWarning
        The initial values contradict the Dirichlet values, which overwrite them.

    Examples
    --------
    u' = Δu from sin πx sin πy falls by exp(−2π² t), here to t = 0.1:

    >>> import numpy as np
    >>> import fem, pcl
    >>> V = fem.Space(fem.unit_square(4), "P2")
    >>> heat = pcl.FirstOrder(V.mass(), V.laplace())
    >>> start = lambda x: np.sin(np.pi * x[:, 0]) * np.sin(np.pi * x[:, 1])
    >>> u = fem.march(V, heat, start, np.linspace(0.0, 0.1, 21), at=[0.1], dirichlet=0.0)
    >>> round(float(u.numpy().max()), 3), round(float(np.exp(-0.2 * np.pi ** 2)), 3)
    (0.139, 0.139)
    """
    if not isinstance(space, (Space, Grid)):
        raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space or a fem.Grid.")
    if dirichlet is not None and dirichlet_at is not None:
        raise ValueError("dirichlet and dirichlet_at are both given; expected one of them.")
    initial = _initial(space, initial)
    columns = None if len(initial.shape) == 1 else int(initial.shape[1])
    first = dirichlet if dirichlet_at is None else dirichlet_at(tf.constant(start_of(times), tf.float64))
    conditions = Conditions(space, first, constraints, columns)
    numbers = conditions.numbers
    constant = len(numbers) and not tf.is_tensor(conditions.values) and dirichlet_at is None
    pairs = None if readings is None else _Pairs(space, *readings)
    if pairs is not None:
        if constant:
            warn_of_prescribed(pairs.matrix, numbers, stacklevel=3)
        if options.get("at") is not None:
            raise ValueError("readings and at are both given; expected one of them.")
        options = {**options, "at": pairs.times}
    values = conditions.h if dirichlet_at is None else _Moving(conditions, dirichlet_at, constraints)
    if conditions.by_numbers:
        fixed = (numbers, values) if len(numbers) else None
        u = marching.march(system, initial, times, scheme, fixed=fixed, **options)
    else:
        u = _march_tied(Tied(conditions), system, initial, times, scheme, values, options)
    if pairs is None:
        return remembered(u, numbers, values) if constant and not isinstance(u, tuple) else u
    return tuple(pairs.of(x) for x in u) if isinstance(u, tuple) else pairs.of(u)


def _march_tied(tied, system, initial, times, scheme, values, options):
    """The march of y, u = Q y."""
    if options.get("rate") is not None:
        options = {**options, "rate": tied.taken(options["rate"])}
    fixed = (tied.fixed, values) if len(tied.fixed) else None
    y = marching.march(tied.system(system), tied.taken(initial), times, scheme, fixed=fixed, **options)
    return tuple(map(tied.expanded, y)) if isinstance(y, tuple) else tied.expanded(y)


class _Pairs:
    """u(t_i, x_i) from the states at the different times among t_i."""

    def __init__(self, space, points, times):
        self.matrix = space.observe(points).matrix
        rows = self.matrix.tocoo()
        t = float64_array("the times of readings", times, (rows.shape[0],))
        self.times, which = np.unique(t, return_inverse=True)
        i, j = rows.coords
        shape = rows.shape[0], rows.shape[1] * len(self.times)
        self._map = LinearMap(sp.csr_array((rows.data, (i, j * len(self.times) + which[i])), shape=shape))

    def of(self, u):
        """(m,) from u (n, times), (m, k) from u (n, k, times)."""
        if len(u.shape) == 2:
            return self._map @ tf.reshape(u, [-1])
        return self._map @ tf.reshape(tf.transpose(u, [0, 2, 1]), (-1, u.shape[1]))


@dataclass(frozen=True)
class _Moving:
    """t ↦ the values of the conditions, which hold for the same degrees of freedom at all times."""

    first: Conditions
    condition: Callable[[Any], Any]
    constraints: Any

    def __call__(self, t):
        now = self.first.again(self.condition(t), self.constraints)
        if now.rows.shape != self.first.rows.shape or abs(now.rows - self.first.rows).max() > 0.0:
            raise ValueError("dirichlet_at selects other degrees of freedom at another time; expected "
                             "the same at all times.")
        return now.h


def _initial(space, initial):
    if callable(initial) and not hasattr(initial, "shape"):
        initial = initial(space.points if isinstance(space, Grid) else space.dof_points)
    if hasattr(initial, "shape") and len(initial.shape):
        return initial
    return initial * np.ones(space.n) if np.ndim(initial) == 0 else np.asarray(initial)
