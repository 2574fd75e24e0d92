"""Values with their standard errors."""

from typing import NamedTuple

from pcl.support.types import Array


class Band(NamedTuple):
    """Values and their standard errors.

    Attributes
    ----------
    value : (n,)
    error : (n,), in the unit of the value

    Examples
    --------
    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
    >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
    >>> found = dae.fit(model, data, guess=None, elements=2)
    >>> value, error = found.band("x", [0.5, 1.0], trajectory="0")
    >>> value.round(3).tolist(), bool((error > 0.0).all())
    ([1.558, 1.213], True)
    """

    value: Array
    error: Array
