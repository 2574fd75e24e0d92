"""What a sparse solver has to return."""

from typing import Protocol

import numpy as np


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

    def solve(self, b: np.ndarray, transpose: bool) -> np.ndarray: ...

    def estimate(self, b: np.ndarray) -> np.ndarray: ...
