"""Meshes that suit the error: elements split and merged, or moved until all carry the same error."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pcl.collocation.error import error_estimate, worst
from pcl.collocation.mesh import Mesh
from pcl.support.types import Array, ArrayLike
from pcl.support.validate import float64_array, known, positive_integer

MOST_PARTS = 4          # into how many an element is split at most in one round
MERGE_BELOW = 0.1       # a pair is merged when the estimate for it stays below this part of the tolerance
SMOOTHING = 0.1         # least density of elements, as a part of the mean (section 9.3, see below)


class AdaptStatus(enum.Enum):
    """Reason for the end of an adaptation; the value is a sentence.

    Examples
    --------
    >>> import pcl
    >>> [status.name for status in pcl.collocation.AdaptStatus if status.success]
    ['SOLVED']
    """

    SOLVED = "Solved: the estimated error of every element is within the tolerance."
    ROUND_LIMIT = "Not reached: max_rounds are used up. Raise it, or loosen the tolerance."
    ELEMENT_LIMIT = ("Not reached: the next mesh would have more than max_elements. Raise it, or "
                     "loosen the tolerance.")

    @property
    def success(self) -> bool:
        """True when the tolerance is met."""
        return self is AdaptStatus.SOLVED


@dataclass(frozen=True, eq=False)
class Adapted:
    """What `adapt` found: the last solution and how its error fell.

    Attributes
    ----------
    solution : what `solve` returned last
    mesh : Mesh, that of the solution
    error : ndarray (N,), of its elements, in units of the tolerance
    history : tuple of (elements, largest error in units of `scale`), one a round
    status : AdaptStatus
    """

    solution: Any
    mesh: Mesh
    error: Array
    history: tuple[tuple[int, float], ...]
    status: AdaptStatus


def refine(mesh: Mesh, error: ArrayLike, tolerance: float, order: int, breaks: ArrayLike = ()) -> Mesh:
    """Split the elements whose error exceeds the tolerance, merge pairs that are far below it.

    An element is split into the least number m ≤ 4 of equal parts with error / m^order ≤ tolerance; two
    neighbours of which none is split are merged when max error · (new length / old length)^order stays
    below a tenth of the tolerance.

    Parameters
    ----------
    mesh : Mesh
    tolerance : float, of an element
    error : array (N,)
        Error of the elements, ≥ 0.
    order : int
        The power of the length that the error goes with: K + 1 for states, K for algebraic variables.
    breaks : times of boundaries that stay

    Returns
    -------
    Mesh

    Raises
    ------
    ValueError
        An error below 0 or of another shape, a tolerance that is not positive, order no whole number ≥ 1.

    Examples
    --------
    >>> import pcl
    >>> mesh = pcl.collocation.Mesh([0.0, 1.0, 2.0, 3.0])
    >>> pcl.collocation.refine(mesh, [4.0, 0.001, 0.001], 1.0, order=2).times      # halved; merged
    array([0. , 0.5, 1. , 3. ])
    """
    error, tolerance, order = _checked(mesh, error, tolerance, order)
    times, e, fixed = [mesh.times[0]], 0, np.isin(mesh.times, breaks)
    while e < mesh.elements:
        free = e + 1 < mesh.elements and not fixed[e + 1]
        if free and _merged(mesh, error, e, order) < MERGE_BELOW * tolerance:
            times.append(mesh.times[e + 2])
            e += 2
            continue
        parts = int(np.clip(np.ceil((error[e] / tolerance) ** (1 / order)), 1, MOST_PARTS))
        times.extend(np.linspace(mesh.times[e], mesh.times[e + 1], parts + 1)[1:])
        e += 1
    return Mesh(np.array(times))


def equidistribute(mesh: Mesh, error: ArrayLike, order: int, elements: int | None = None) -> Mesh:
    """A mesh of `elements` elements (as many as now) on which all errors are alike.

    The density of elements is error^(1/order) / length, constant in an element, and at least a tenth of
    its mean; every new element holds the same integral of it.

    Parameters
    ----------
    mesh : Mesh
    error : array (N,)
        Error of the elements, ≥ 0.
    order : int
        The power of the length that the error goes with: K + 1 for states, K for algebraic variables.
    elements : int, optional

    Returns
    -------
    Mesh, from the same start to the same end

    Raises
    ------
    ValueError
        An error below 0 or of another shape; order or elements no whole number ≥ 1.

    Notes
    -----
    Source: C. de Boor, Good approximation by splines with variable knots II (1974); Ascher, Mattheij and
    Russell, section 9.3.

    Examples
    --------
    >>> import pcl
    >>> mesh = pcl.collocation.Mesh([0.0, 1.0, 2.0])
    >>> pcl.collocation.equidistribute(mesh, [3.0, 1.0], order=1, elements=4).times.round(4)
    array([0.    , 0.3333, 0.6667, 1.    , 2.    ])
    """
    error, _, order = _checked(mesh, error, 1.0, order)
    elements = mesh.elements if elements is None else positive_integer("elements", elements)
    share = error ** (1 / order)
    total = share.sum()
    if total == 0.0:
        share, total = mesh.lengths, mesh.lengths.sum()
    density = np.maximum(share / mesh.lengths, SMOOTHING * total / mesh.lengths.sum())
    integral = np.concatenate([[0.0], np.cumsum(density * mesh.lengths)])
    times = np.interp(np.linspace(0.0, integral[-1], elements + 1), integral, mesh.times)
    times[0], times[-1] = mesh.times[0], mesh.times[-1]
    return Mesh(times)


def adapt(solve: Callable[[Mesh], Any], mesh: Mesh, tolerance: float, scale: ArrayLike, *,
          method: str = "split", max_rounds: int = 10, max_elements: int = 10_000,
          breaks: ArrayLike = ()) -> Adapted:
    """Solve on better meshes until the estimated error of every element is ≤ tolerance · scale.

    Parameters
    ----------
    solve : function Mesh -> solution
        With attributes scheme, mesh, start, slots, algebraic (such as `simulate` returns).
    mesh : Mesh, the first one
    tolerance : float
    scale : array (n_x + n_y,)
        Size of each variable that counts as one.
    method : str
        "split": split and merge. "move": the number of elements that the error asks for, all moved.
    max_rounds : int, solutions at most
    max_elements : int, of a mesh at most
    breaks : times of boundaries that stay, see `error_estimate`

    Returns
    -------
    Adapted

    Raises
    ------
    ValueError
        An unknown method, max_rounds no whole number ≥ 1, tolerance not positive; see `error_estimate`.

    Examples
    --------
    x' = −50 (x − 1), fast at the start alone:

    >>> import numpy as np, pcl
    >>> from pcl.collocation import Mesh, adapt, radau, simulate
    >>> def residual(dx, x, y, t):
    ...     return dx + 50.0 * (x - 1.0)
    >>> def jacobian(dx, x, y, t):
    ...     one = np.ones((len(t), 1, 1))
    ...     return one, 50.0 * one, np.zeros((len(t), 1, 0))
    >>> def solve(mesh):
    ...     return simulate(residual, jacobian, radau(2), mesh, [0.0])
    >>> found = adapt(solve, Mesh.uniform(0.0, 1.0, 4), 1e-3, [1.0])
    >>> found.status.name, [elements for elements, error in found.history]
    ('SOLVED', [4, 12, 14, 16])
    >>> found.mesh.lengths[[0, -1]].round(3)        # short where the solution is fast
    array([0.008, 0.417])
    """
    known("method", method, _NEXT)
    history, breaks = [], np.asarray(breaks, dtype=np.float64)
    for _ in range(positive_integer("max_rounds", max_rounds)):
        solution = solve(mesh)
        mesh, K = solution.mesh, solution.scheme.K
        error = worst(error_estimate(solution.scheme, mesh, solution.start, solution.slots,
                                     solution.algebraic, breaks), scale)
        history.append((mesh.elements, float(error.max())))
        if error.max() <= tolerance:
            return Adapted(solution, mesh, error / tolerance, tuple(history), AdaptStatus.SOLVED)
        order = K if solution.algebraic.shape[2] else K + 1
        new = _NEXT[method](mesh, error, tolerance, order, breaks)
        if new.elements > max_elements:
            return Adapted(solution, mesh, error / tolerance, tuple(history), AdaptStatus.ELEMENT_LIMIT)
        mesh = new
    return Adapted(solution, solution.mesh, error / tolerance, tuple(history), AdaptStatus.ROUND_LIMIT)


def _moved(mesh, error, tolerance, order, breaks):
    """As many equidistributed elements as the tolerance asks for, a tenth more, at most twice as many."""
    wanted = 1.1 * ((error / tolerance) ** (1 / order)).sum()
    elements = int(np.clip(np.ceil(wanted), max(2, mesh.elements // 2), 2 * mesh.elements))
    return equidistribute(mesh, error, order, elements).holding(breaks)


_NEXT = {"split": refine, "move": _moved}


def _merged(mesh, error, e, order):
    """What the error of elements e and e + 1 in one would be."""
    ratio = mesh.lengths[e:e + 2].sum() / mesh.lengths[e:e + 2]
    return (error[e:e + 2] * ratio ** order).max()


def _checked(mesh, error, tolerance, order):
    error = float64_array("error", error, shape=(mesh.elements,))
    tolerance = float(float64_array("tolerance", tolerance, shape=()))
    if (error < 0).any() or not tolerance > 0:
        raise ValueError(f"error has a least entry of {error.min():.3g} and tolerance is {tolerance!r}; "
                         "expected errors ≥ 0 and a tolerance > 0.")
    return error, tolerance, positive_integer("order", order)
