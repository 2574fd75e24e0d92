"""A multiple of the identity plus a matrix of low rank."""

import numpy as np


class LowRank:
    """W = ξ I + V diag(w) Vᵀ, positive definite, the columns of V (n, k) orthonormal."""

    def __init__(self, xi, V, weights):
        self.xi, self.V, self.weights = xi, V, weights
        self.shape = (V.shape[0], V.shape[0])

    def __matmul__(self, v):
        return self.xi * v + self.V @ (self.weights * (self.V.T @ v))

    def toarray(self):
        """W (n, n)."""
        return self.xi * np.eye(self.shape[0]) + (self.V * self.weights) @ self.V.T
