"""Values with their standard errors."""

from typing import NamedTuple

from pcl.support.types import Array


class Band(NamedTuple):
    """Values (n,) and their standard errors (n,)."""

    value: Array
    error: Array
