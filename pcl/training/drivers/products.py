"""The inverse of a Hessian, as far as products with it have shown it."""

import numpy as np


class RememberedProducts:
    """P ≈ H⁻¹ from M⁻¹ and pairs (s_i, y_i = H s_i), the last ones first:

        P ← (I − s yᵀ/sᵀy) P (I − y sᵀ/sᵀy) + s sᵀ/sᵀy

    P is positive definite, and P y_i = s_i where the s_i are conjugate, as those of one run of conjugate
    gradients are.

    Parameters
    ----------
    first : function v ↦ M⁻¹ v
    most : int
        So many pairs are kept.
    S, Y : (k, p) arrays, optional
        Those to begin with.

    Source: J. Morales, J. Nocedal, 2000, Automatic preconditioning by limited memory quasi-Newton
    updating, SIAM J. Optim. 10; here with all pairs of the last solves.
    """

    def __init__(self, first, most, S=(), Y=()):
        self._first, self._most, self._pairs = first, most, []
        for s, y in zip(S, Y):
            self.add(s, y)

    def add(self, s, y):
        """Remember a product y = H s with sᵀy > 0."""
        self._pairs.append((s, y, s @ y))
        del self._pairs[:-self._most]

    def arrays(self):
        """{"S": (k, p), "Y": (k, p)}, to begin with."""
        S, Y = [s for s, *_ in self._pairs], [y for _, y, _ in self._pairs]
        return {"S": np.array(S), "Y": np.array(Y)}

    def __call__(self, v):
        """P v."""
        shares = []
        for s, y, sy in reversed(self._pairs):
            shares.append(s @ v / sy)
            v = v - shares[-1] * y
        v = self._first(v)
        for (s, y, sy), share in zip(self._pairs, reversed(shares)):
            v = v + (share - y @ v / sy) * s
        return v
