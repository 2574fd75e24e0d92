"""The tangent of what has none, members of a multiple eigenvalue: refused where something uses it."""

from typing import Any, ClassVar

import numpy as np

from pcl.engine.second.columns import Columns
from pcl.engine.second.tangent import Tangent, compose, explicit_matrix


class UndefinedBase:
    """A base of `size` rows that may stand in a plan as long as nothing is multiplied by it.

    Parameters
    ----------
    plan : Plan that it is added to
    size : int
    rhs : Tangent, of any rows
    refusal : the error to raise
    """

    stays = False

    def __init__(self, plan, size, rhs, refusal):
        self._plan, self.size, self.rhs, self._refusal = plan, size, rhs, refusal

    def pushforward(self, x: np.ndarray) -> np.ndarray:
        self._refuse_forms(self._plan.all_forms())
        for base in self._plan.bases:
            if isinstance(base.rhs, Tangent) and self in base.rhs.terms:
                self.refuse(base.rhs.terms[self])
        return np.zeros((self.size, *x.shape[1:]))

    def pullback(self, y: np.ndarray) -> np.ndarray:
        self.refuse(y)
        rows = next(iter(self.rhs.terms.values())).shape[0]
        return np.zeros((rows, *y.shape[1:]))

    def cost(self, p: int) -> tuple[float, float]:
        return 0.0, 0.0

    def columns(self, sweep: Any) -> Columns:
        return UndefinedColumns(self)

    def eliminated(self, forms: list) -> list:
        self._refuse_forms(forms)
        return [f for f in forms if self not in (f.a, f.b)]

    def refuse(self, K):
        """Raise unless the factor, of `size` columns, is zero."""
        if np.any(explicit_matrix(K)):
            raise self._refusal

    def _refuse_forms(self, forms):
        for f in forms:
            if self in (f.a, f.b):
                f = f if f.b is self else f.swapped()
                self.refuse(compose(f.L_a.T, compose(f.W, f.L_b)))


class UndefinedColumns:
    """The columns of an `UndefinedBase`: zero times them is zero, anything else is refused."""

    rank: ClassVar[int] = -1
    place: slice | None = None

    def __init__(self, base):
        self._base = base

    def add_products(self, pairs: list) -> None:
        for _, L in pairs:
            self._base.refuse(L)

    def takes(self, right: Columns, small: bool) -> bool:
        return True

    def add_form(self, Q: np.ndarray, K: Any, right: Columns) -> bool:
        self._base.refuse(K.T)
        return True
