"""What a sparse solver has to return."""

from typing import Protocol

from pcl.support.types import Array


class Factorisation(Protocol):
    """A⁻¹ as it is kept, A (n, n).

    `solve(b, transpose)`
        A⁻¹ b or A⁻ᵀ b, b (n,) or (n, k), with a backward error near rounding.
    `estimate(b)`
        A⁻¹ b to a few digits, as cheaply as it comes: for estimates of the condition.
    `entries`, `nbytes`
        Multiplications of one solve, and the memory held.

    Making it and solving may raise SingularMatrix or NotConverged.
    """

    entries: int
    nbytes: int

    def solve(self, b: Array, transpose: bool) -> Array: ...

    def estimate(self, b: Array) -> Array: ...
