"""What a posterior has to know of the unknowns it is of."""

from collections.abc import Mapping
from typing import Any, Protocol

from pcl.support.types import Array, ArrayLike, Blocks


class Unknowns(Protocol):
    """θ (p,) by its blocks, and its density where that is normalised.

    Attributes
    ----------
    slices : {block: slice of θ}
    statement : None, or an object with `proper` (bool) and `without_prior` (names of blocks)
    """

    @property
    def slices(self) -> Mapping[str, slice]: ...

    @property
    def statement(self) -> Any: ...

    def unravel(self, theta: ArrayLike) -> Blocks:
        """{block: array of its shape} of a flat θ."""
        ...

    def log_density(self, theta: Array) -> float:
        """log p(y, θ), all constants included."""
        ...
