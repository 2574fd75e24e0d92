"""A normal prior with a dense covariance."""

import numpy as np
import scipy.linalg
import tensorflow as tf

from pcl.support.types import Array, Tensor
from pcl.uncertainty.prior.base import GaussianPrior


class DenseNormal(GaussianPrior):
    """x ~ N(mean, L Lᵀ), L (n, n) lower triangular with a positive diagonal: r = L⁻¹ (x − mean)."""

    def __init__(self, mean: Array, factor: Array):
        self.mean, self.factor = mean, factor
        self._inverse = scipy.linalg.solve_triangular(factor, np.eye(len(factor)), lower=True)

    def residuals(self, x: Tensor) -> Tensor:
        """r, of x with n numbers, or several times n of them one after the other, independent."""
        left = tf.reshape(x, (-1, len(self.factor))) - tf.constant(self.mean.ravel())
        return tf.reshape(tf.linalg.matvec(tf.constant(self._inverse), left), (-1,))

    def root(self, z: Array) -> Array:
        return self.factor @ z

    def root_transposed(self, v: Array) -> Array:
        return self.factor.T @ v

    def variances(self) -> Array:
        return np.einsum("ij,ij->i", self.factor, self.factor)

    def log_determinant(self) -> float:
        return 2.0 * float(np.log(np.diag(self.factor)).sum())
