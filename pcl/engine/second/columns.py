"""The columns of a base, as the dense Hessian holds them: in place, dense, or summed up for later."""

from typing import Any, ClassVar, Protocol

import numpy as np

from pcl.engine.second.tangent import explicit_matrix


class Columns(Protocol):
    """B (n, columns), one column a parameter.

    `rank`
        Of the two sides of a form the one of lower rank is the left one.
    `place`
        The slice of the columns where B is the identity and 0 elsewhere; None if it is another matrix.
    `add_products(pairs)`
        out += L B for each (out, L).
    `takes(right, small)`
        Whether a form with these columns on its left, and a small middle or not, goes to `add_form`.
    `add_form(Q, K, right)`
        Q += Bᵀ K B_right; False, with Q as it was, where that is not to be had.
    """

    rank: ClassVar[int]
    place: slice | None

    def add_products(self, pairs: list) -> None: ...

    def takes(self, right: "Columns", small: bool) -> bool: ...

    def add_form(self, Q: np.ndarray, K: Any, right: "Columns") -> bool: ...


class InPlace:
    """Columns of the identity: a block of θ."""

    rank: ClassVar[int] = 1
    place: slice | None

    def __init__(self, place):
        self.place = place

    def add_products(self, pairs: list) -> None:
        for out, L in pairs:
            out[:, self.place] += explicit_matrix(L)

    def takes(self, right: Columns, small: bool) -> bool:
        return True

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        right.add_products([(Q[self.place], K)])
        return True


class Dense:
    """A dense array (n, columns); a small middle is multiplied out rather than folded into it."""

    rank: ClassVar[int] = 2
    place: slice | None = None

    def __init__(self, array):
        self.array = array

    def add_products(self, pairs: list) -> None:
        for out, L in pairs:
            out += L @ self.array

    def takes(self, right: Columns, small: bool) -> bool:
        return not small

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        Z = np.zeros((len(self.array), Q.shape[1]))
        right.add_products([(Z, K)])
        Q += self.array.T @ Z
        return True


class Summed(Dense):
    """A dense array whose forms are summed: Σ K B_right is kept instead of Bᵀ times it."""

    rank: ClassVar[int] = 0

    def __init__(self, array, total):
        super().__init__(array)
        self.total = total

    def takes(self, right: Columns, small: bool) -> bool:
        return True

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        right.add_products([(self.total, K)])
        return True


def columns_of(given):
    """A slice of the columns or a dense array as `Columns`."""
    return InPlace(given) if isinstance(given, slice) else Dense(given)
