"""March a semi-discrete equation through time with Dirichlet data."""

from dataclasses import dataclass

import numpy as np

from fem.dirichlet import gather
from fem.grid import Grid
from fem.space import Space
from pcl import marching


def march(space, system, initial, times, scheme=None, *, dirichlet=None, dirichlet_at=None, **options):
    """u(t) of M u' + K u + r(u, t) = f(t), or of second order, with Dirichlet conditions.

    Parameters
    ----------
    space : Space or Grid
    system : pcl.FirstOrder or pcl.SecondOrder
        Made of the forms of the space: mass, laplace, residual, load.
    initial : (n,) or (n, k), or a scalar for a constant, or a function of points (n, dim) -> (n,)
    times : (N + 1,), increasing
    scheme : see `pcl.march`
    dirichlet : conditions constant in time, in any form that `fem.solve` takes
    dirichlet_at : function t -> such conditions, always for the same degrees of freedom; t is a scalar
        tensor
    options : see `pcl.march` (rate, at, radius, return_rate, memory, solver, tolerance, …)

    Returns
    -------
    u : tensor (n, m) or (n, k, m), a column for each time

    Raises
    ------
    TypeError, ValueError
        No space, both kinds of conditions, or what `pcl.march` refuses.

    Warns
    -----
    RuntimeWarning
        The initial values contradict the Dirichlet values, which overwrite them.
    """
    if not isinstance(space, (Space, Grid)):
        raise TypeError(f"space is a {type(space).__name__}; expected a fem.Space or a fem.Grid.")
    if dirichlet is not None and dirichlet_at is not None:
        raise ValueError("dirichlet and dirichlet_at are both given; expected one of them.")
    initial = _initial(space, initial)
    columns = None if len(initial.shape) == 1 else int(initial.shape[1])
    first = dirichlet if dirichlet_at is None else dirichlet_at(float(times[0]))
    numbers, values = gather(space, first, columns)
    if dirichlet_at is not None:
        values = _Moving(space, dirichlet_at, numbers, columns)
    fixed = (numbers, values) if len(numbers) else None
    return marching.march(system, initial, times, scheme, fixed=fixed, **options)


@dataclass(frozen=True)
class _Moving:
    """t ↦ the Dirichlet values of the degrees of freedom `numbers`."""

    space: object
    condition: object
    numbers: np.ndarray
    columns: int | None

    def __call__(self, t):
        again, values = gather(self.space, self.condition(t), self.columns)
        if not np.array_equal(again, self.numbers):
            raise ValueError("dirichlet_at selects other degrees of freedom at another time; expected "
                             "the same at all times.")
        return values


def _initial(space, initial):
    if callable(initial) and not hasattr(initial, "shape"):
        initial = initial(space.points if isinstance(space, Grid) else space.dof_points)
    if hasattr(initial, "shape") and len(initial.shape):
        return initial
    return initial * np.ones(space.n) if np.ndim(initial) == 0 else np.asarray(initial)
