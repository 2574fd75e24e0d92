"""Elements in time."""

from dataclasses import dataclass

import numpy as np

from pcl.collocation.scheme import Scheme
from pcl.support.types import Array, ArrayLike, Integers
from pcl.support.validate import float64_array, positive_integer

HAIR = 1e-12        # of an element: distance from a break at which equations are evaluated


@dataclass(frozen=True, eq=False)
class Mesh:
    """Elements [t_e, t_(e+1)], e = 0 … N − 1, given by their N + 1 increasing boundaries `times`.

    Parameters
    ----------
    times : array (N + 1,), increasing

    Raises
    ------
    ValueError
        Fewer than two times, times that are not finite, or not increasing (with the first bad step).

    Examples
    --------
    >>> import pcl
    >>> mesh = pcl.collocation.Mesh([0.0, 1.0, 3.0])
    >>> mesh.elements, mesh.lengths
    (2, array([1., 2.]))
    >>> mesh.locate([0.5, 1.0, 2.0])            # element and local time; 1.0 belongs to the first
    (array([0, 0, 1]), array([0.5, 1. , 0.5]))
    >>> mesh.points(pcl.collocation.radau(2)).round(4)
    array([[0.3333, 1.    ],
           [1.6667, 3.    ]])
    """

    times: Array

    def __post_init__(self):
        times = float64_array("times", self.times, shape=(None,))
        if times.size < 2:
            raise ValueError(f"times has {times.size} entries; a mesh needs its start and its end.")
        _require_increasing(times)
        times.flags.writeable = False
        object.__setattr__(self, "times", times)

    @classmethod
    def uniform(cls, t0: float, t1: float, N: int) -> "Mesh":
        """N elements of equal length from t0 to t1; ValueError unless N ≥ 1 is whole and t1 > t0."""
        N = positive_integer("N", N)
        start, end = float64_array("t0", t0, shape=()), float64_array("t1", t1, shape=())
        if not end > start:
            raise ValueError(f"t1 = {float(end):.6g} is not after t0 = {float(start):.6g}.")
        return cls(np.linspace(start, end, N + 1))

    @property
    def lengths(self) -> Array:
        """Lengths of the elements (N,)."""
        return np.diff(self.times)

    @property
    def elements(self) -> int:
        """Number of elements N."""
        return self.times.size - 1

    def points(self, scheme: Scheme, breaks: ArrayLike = ()) -> Array:
        """Times of the collocation points of `scheme` (N, K); at `breaks` a hair inside their element."""
        return node_times(scheme, self.times[:-1], self.times[1:], breaks)

    def holding(self, times: Array) -> "Mesh":
        """This mesh with those of the times that lie inside as further boundaries."""
        times = times[(times > self.times[0]) & (times < self.times[-1])]
        return Mesh(np.union1d(self.times, times))

    def locate(self, t: ArrayLike) -> tuple[Integers, Array]:
        """Element (m,) and local time τ in [0, 1] (m,) of the times t (m,).

        A time on a boundary belongs to the element that ends there, t_0 to the first.

        Raises
        ------
        ValueError
            A time outside [t_0, t_N]; nothing is extrapolated.
        """
        t = np.atleast_1d(float64_array("t", t))
        if t.ndim != 1:
            raise ValueError(f"t has shape {t.shape}; expected times (m,).")
        bad = np.flatnonzero((t < self.times[0]) | (t > self.times[-1]))
        if bad.size:
            raise ValueError(f"t[{bad[0]}] = {t[bad[0]]:.9g} lies outside the mesh, which runs from "
                             f"{self.times[0]:.9g} to {self.times[-1]:.9g}. Nothing is extrapolated.")
        element = np.maximum(np.searchsorted(self.times, t, side="left") - 1, 0)
        return element, (t - self.times[element]) / self.lengths[element]


def node_times(scheme, starts, ends, breaks=()):
    """Times of the nodes (E, K) of elements from starts to ends (E,).

    The last of Radau and Lobatto is exactly the end; at breaks, where an equation may jump, a hair before
    it, and the first of Lobatto a hair after the start: enough for functions that round the time.
    """
    hair = HAIR * (ends - starts)
    nodes = starts[:, None] + (ends - starts)[:, None] * scheme.points
    if scheme.holds_end:
        before = np.minimum(ends - hair, np.nextafter(ends, -np.inf))
        nodes[:, -1] = np.where(np.isin(ends, breaks), before, ends)
    if scheme.points[0] == 0.0:
        after = np.maximum(starts + hair, np.nextafter(starts, np.inf))
        nodes[:, 0] = np.where(np.isin(starts, breaks), after, starts)
    return nodes


def _require_increasing(times):
    bad = np.flatnonzero(~(np.diff(times) > 0))
    if bad.size:
        i = bad[0]
        raise ValueError(f"times[{i + 1}] = {times[i + 1]:.9g} is not after times[{i}] = {times[i]:.9g}; "
                         "expected increasing times. Sort them and drop repeated ones.")
